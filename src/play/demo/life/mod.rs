//! `tamis demo --life`: seven people, from the form to the day on which nothing is left of them but what their receipts say; and then
//! that goes too. Each step is what an operator would do, or a person on their own page; where one does not come to what it
//! promises, the demo fails.

mod ahead;
mod people;
mod reader;
mod remains;
mod scene;
mod story;

use std::sync::Arc;

use tamis_simulator::Mailboxes;

use crate::clock::Clock;
use crate::play::demo::stage::{Stage, perform};
use crate::terminal::{Failure, Sheet};
use ahead::Ahead;
use scene::Scene;

/// Sets the stage, plays, clears away.
pub(super) async fn run(sheet: &impl Fn() -> Sheet) -> Result<(), Failure> {
    let mailboxes = Mailboxes::start().await;
    let mailboxes = mailboxes.map_err(|_| Failure::failed("the mail server cannot start on loopback"))?;
    let clock = Arc::<Ahead>::default();
    let shared: Arc<dyn Clock> = clock.clone();
    let set = Stage::set(0, shared, Some(mailboxes.port())).await?;
    let play = async |stage: &Stage| {
        let mut scene = Scene::begin(stage, &mailboxes, &clock, sheet)?;
        story::tell(&mut scene).await
    };
    let played = perform(set, play, async |_: &Stage| ());
    let played = played.await;
    mailboxes.stop().await;
    played
}
