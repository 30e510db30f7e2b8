//! Says in the log where the trail stands: at the start, hourly, and once more at the end. Lines of a log leave the machine,
//! or can: whoever changes the trail afterwards does not reach them.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::clock::{Clock, after};
use crate::store::{Checkpoints, StoreCode};
use crate::workers::routine::{Routine, Schedule, Turn};

/// How often it is said.
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Who says it.
pub struct Checkpointer {
    checkpoints: Arc<Checkpoints>,
    schedule: Schedule,
}

#[async_trait]
impl Routine for Checkpointer {
    const NAME: &'static str = "checkpointer";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, .. }: Turn) -> Timestamp {
        say_checkpoint(&self.checkpoints).await;
        after(now, EVERY)
    }
}

impl Checkpointer {
    /// One that has said nothing yet.
    pub fn new(checkpoints: Arc<Checkpoints>, clock: Arc<dyn Clock>) -> Self {
        Self { checkpoints, schedule: Schedule::within(EVERY, clock) }
    }
}

/// Says where the trail stands now. Also a trail that has not moved: that it had not is worth knowing.
pub async fn say_checkpoint(checkpoints: &Checkpoints) {
    match checkpoints.newest().await {
        Ok(made) => {
            tracing::info!(
                checkpoint.lines = made.lines,
                checkpoint.note = made.note.as_str(),
                "trail.checkpoint"
            );
        }
        Err(error) if error.code == StoreCode::TrailBroken => {
            tracing::error!(code = %error.code, "trail.no-checkpoint");
        }
        Err(error) => tracing::warn!(code = %error.code, io.kind = ?error.io, "trail.no-checkpoint"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use parking_lot::Mutex;
    use tracing::Level;

    use super::*;
    use crate::checkpoint::{Checkpoint, kept};
    use crate::forget::receipt::note::{KeyName, SigningKey};
    use crate::secret::Key;
    use crate::store::SharedStore;
    use crate::store::contract::support::stored;
    use crate::store::contract::{Host, Row};
    use crate::store::memory::MemoryHost;
    use crate::telemetry::{Format, Lines, Loudness};
    use crate::workers::{Step, Worker};

    const HOUR_MS: i64 = 3_600_000;

    fn key() -> SigningKey {
        SigningKey::from_seed(KeyName::parse("leads.lumen.example/trail").expect("a name"), Key::new([7; 32]))
    }

    #[derive(Clone, Default)]
    struct Said(Arc<Mutex<Vec<u8>>>);

    impl Write for Said {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct World {
        host: MemoryHost,
        store: SharedStore,
        worker: Checkpointer,
        said: Said,
        format: Format,
    }

    impl World {
        fn new(format: Format, key: fn() -> Option<SigningKey>) -> Self {
            let host = MemoryHost::new();
            let store = host.open();
            let checkpoints = Arc::new(Checkpoints::new(Arc::clone(&store), Box::new(key)));
            let worker = Checkpointer::new(checkpoints, host.clock.clone());
            Self { host, store, worker, said: Said::default(), format }
        }

        /// Takes a step, and gives what it said and after how many milliseconds it wants to be asked again.
        async fn step(&self) -> (String, i64) {
            // With a single dispatcher tracing asks only the thread that meets an event first, which may be another test's.
            let _second = tracing::Dispatch::new(tracing_subscriber::registry());
            let (clock, sink) = (self.host.clock.clone(), Box::new(self.said.clone()));
            let lines = Lines::new(self.format, Loudness::new(Level::INFO), clock, sink);
            let guard = tracing::subscriber::set_default(lines.subscriber());
            let Step::Until(next) = self.worker.step().await else { panic!("it names a moment") };
            drop(guard);
            let said = String::from_utf8(std::mem::take(&mut *self.said.0.lock())).expect("lines");
            (said, next.as_millisecond() - self.host.clock.now().as_millisecond())
        }
    }

    /// The checkpoint in what a log has, as whoever searches it reads it.
    fn of(said: &str) -> Checkpoint {
        let notes = kept(said.as_bytes()).expect("lines of a log");
        assert!(notes.len() == 1 && notes[0].line == Some(1), "{said}");
        Checkpoint::open(notes[0].note.as_bytes(), &key().verifier()).expect("signed")
    }

    #[tokio::test]
    async fn the_log_has_the_signed_note_at_the_start_and_once_an_hour_whether_the_trail_moved_or_not() {
        for format in [Format::Pretty, Format::Json] {
            let world = World::new(format, || Some(key()));
            let (said, next) = world.step().await;
            assert_eq!((of(&said), next), (Checkpoint::of(None), HOUR_MS));
            world.store.settle(vec![stored(1)]).await.expect("settled");
            world.host.clock.advance_ms(HOUR_MS - 1);
            assert_eq!(world.step().await, (String::new(), 1), "not before the hour is over");
            world.host.clock.advance_ms(1);
            let line = world.store.newest(u64::MAX, 1).await.expect("a trail").remove(0);
            for _ in 0..2 {
                let (said, next) = world.step().await;
                assert_eq!((of(&said), next), (Checkpoint::of(Some(&line)), HOUR_MS));
                assert!(said.contains("trail.checkpoint") && said.lines().count() == 1, "{said}");
                world.host.clock.advance_ms(HOUR_MS);
            }
        }
    }

    #[tokio::test]
    async fn where_there_is_none_it_is_said_why_and_tried_again_an_hour_later() {
        let world = World::new(Format::Pretty, || None);
        let (said, next) = world.step().await;
        assert!(said.contains("WARN  trail.no-checkpoint code=keyring-failed") && next == HOUR_MS, "{said}");
        let world = World::new(Format::Pretty, || Some(key()));
        for number in 1..=2 {
            world.store.settle(vec![stored(number)]).await.expect("settled");
        }
        drop(world.host.take(&Row::Line(2)));
        let (said, next) = world.step().await;
        assert!(said.contains("ERROR trail.no-checkpoint code=trail-broken") && next == HOUR_MS, "{said}");
    }
}
