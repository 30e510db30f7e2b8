//! Who is asked, reminded, and left alone; by a store in memory.

mod listing;

use super::*;
use crate::purpose::sample::purpose;
use crate::store::MailEnd;
use crate::store::contract::Host;
use crate::store::contract::support::{by_officer, stored_in};
use crate::store::memory::MemoryHost;
use crate::trail::Action;
use crate::workers::Worker;

struct World {
    host: MemoryHost,
    store: SharedStore,
    asker: Asker,
}

impl World {
    /// Three records, of which one ends in 20 days, under a purpose that asks again 30 days before.
    async fn new(writes: bool) -> Self {
        let host = MemoryHost::new();
        let store = host.open();
        let settled = [(1, 20), (2, 31), (3, 400)];
        let settled = settled.map(|(number, days)| stored_in("devis", number, false, days));
        store.settle(settled.into()).await.expect("settled");
        let mut devis = purpose("devis", &["email"]);
        (devis.reconfirm_months, devis.grace_days) = (Some(18), 30);
        let policy = Arc::new(Current::new(Policy::new(vec![devis, purpose("lettre", &["email"])])));
        let asker = Asker::new(store.clone(), policy, writes, host.clock.clone());
        Self { host, store, asker }
    }

    async fn tally(&self) -> [u64; 4] {
        let asking = self.asker.look(false).await.expect("looked");
        let [(_, tally)] = asking.purposes.iter().collect::<Vec<_>>()[..] else { panic!("one purpose") };
        [tally.to_ask, tally.to_remind, tally.answering, tally.unreachable]
    }

    /// Takes its turn, and gives what waits then.
    async fn turn(&self) -> Vec<String> {
        self.asker.step().await;
        self.store.mails_due(9).iter().map(|mail| format!("{} {}", mail.kind, mail.record)).collect()
    }

    async fn end(&self, kind: MailKind, number: u64, end: MailEnd) {
        let record = crate::store::contract::support::record(&format!("devis-1-{number}"));
        assert_eq!(self.store.end_mail(MailId { record, kind }, end, None).await, Ok(true));
    }
}

#[tokio::test]
async fn who_is_due_is_queued_reminded_and_then_left_alone() {
    let world = World::new(true).await;
    assert_eq!(world.tally().await, [1, 0, 0, 0]);
    assert_eq!(world.turn().await, ["asked devis-1-1"]);
    world.end(MailKind::Asked, 1, MailEnd::Sent).await;
    assert_eq!(world.tally().await, [0, 0, 1, 0]);
    world.host.pass_days(&world.store, 1);
    assert_eq!(world.turn().await, ["asked devis-1-2"], "due a day later");
    world.end(MailKind::Asked, 2, MailEnd::Unreachable).await;
    world.host.pass_days(&world.store, 13);
    assert_eq!(world.turn().await, ["reminded devis-1-1"]);
    world.end(MailKind::Reminded, 1, MailEnd::Sent).await;
    for _ in 0..3 {
        world.host.pass_days(&world.store, 1);
        assert_eq!((world.turn().await, world.tally().await), (Vec::new(), [0, 0, 1, 1]));
    }
    world.host.pass_days(&world.store, 3);
    assert_eq!(world.tally().await, [0, 0, 0, 1], "it ends today");
}

#[tokio::test]
async fn whose_mail_was_dropped_is_not_queued_again_each_day() {
    let world = World::new(true).await;
    assert_eq!(world.turn().await, ["asked devis-1-1"]);
    world.end(MailKind::Asked, 1, MailEnd::PutOff).await;
    world.host.clock.advance_ms(86_400_000);
    world.host.agree(&world.store);
    assert_eq!(world.turn().await, ["asked devis-1-1", "asked devis-1-2"], "put off, and due a day later");
    world.end(MailKind::Asked, 1, MailEnd::Dropped).await;
    world.end(MailKind::Asked, 2, MailEnd::Sent).await;
    for day in 1..=6 {
        world.host.pass_days(&world.store, 1);
        assert_eq!((world.turn().await, world.tally().await), (Vec::new(), [1, 0, 1, 0]), "{day}");
    }
    world.host.pass_days(&world.store, 1);
    assert_eq!(world.turn().await, ["asked devis-1-1"], "things may be otherwise since");
}

#[tokio::test]
async fn nobody_is_asked_while_it_is_paused_or_where_the_house_asks_by_itself() {
    let world = World::new(true).await;
    world.store.pause_asking(true, by_officer(Action::AskingPaused)).await.expect("kept");
    assert_eq!((world.turn().await, world.tally().await), (Vec::new(), [1, 0, 0, 0]));
    world.store.pause_asking(false, by_officer(Action::AskingResumed)).await.expect("kept");
    world.host.clock.advance_ms(61_000);
    assert_eq!(world.turn().await, ["asked devis-1-1"]);
    let own = World::new(false).await;
    assert_eq!((own.turn().await, own.tally().await), (Vec::new(), [1, 0, 0, 0]));
    let policy = own.asker.policy.pin();
    // Their records say of no day on which they are due: they are opened, and left out.
    let entry = by_officer(Action::AskingListed);
    let list = own.asker.list(policy.purpose("devis").expect("a purpose"), (None, 5), entry).await;
    let DuePeople { people, left_out, next } = list.expect("looked");
    assert_eq!((people, left_out, next), (Vec::new(), 1, None));
}
