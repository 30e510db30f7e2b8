//! What comes again and again: a worker that does one thing every so often, at times that it names itself.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::{Clock, Due};
use crate::workers::{Step, Worker};

/// Does one thing every so often. Each is a [`Worker`]: its step does nothing before the next turn is due.
#[async_trait]
pub trait Routine: Send + Sync {
    /// Its name in the log.
    const NAME: &'static str;

    /// When it is due.
    fn schedule(&self) -> &Schedule;

    /// Takes a turn, and says when the next one is due.
    async fn turn(&self, turn: Turn) -> Timestamp;
}

/// When a routine is due.
pub struct Schedule {
    clock: Arc<dyn Clock>,
    due: Mutex<Due>,
}

/// A turn that is due.
#[derive(Clone, Copy)]
pub struct Turn {
    /// The present moment.
    pub now: Timestamp,
    /// It is the first since the start.
    pub is_first: bool,
}

impl Schedule {
    /// Due at once, and afterwards never later than this after the last turn, whatever the clock is set to.
    pub fn within(longest: SignedDuration, clock: Arc<dyn Clock>) -> Self {
        Self { clock, due: Mutex::new(Due::within(longest)) }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The turn that is due now; else the moment before which none is.
    fn turn(&self) -> Result<Turn, Timestamp> {
        let (now, due) = (self.now(), self.due.lock());
        due.wait(now).map_or(Ok(Turn { now, is_first: due.is_new() }), Err)
    }
}

#[async_trait]
impl<R: Routine> Worker for R {
    fn name(&self) -> &'static str {
        R::NAME
    }

    async fn step(&self) -> Step {
        let turn = match self.schedule().turn() {
            Ok(turn) => turn,
            Err(until) => return Step::Until(until),
        };
        let next = self.turn(turn).await;
        Step::Until(self.schedule().due.lock().set(next))
    }
}
