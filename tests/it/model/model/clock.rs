//! What the daemon makes of its clock, and of those who say what time it is.

use super::*;

/// A longer leap of the clock is not believed at once.
const LEAP_MS: i64 = 7 * DAY_MS;
/// Two clocks that are no further apart agree.
const AGREES_MS: i64 = 3_600_000;

impl Model {
    /// A person said that the clock is right.
    pub fn person_confirmed(&mut self, world: &World<'_>) {
        self.misled = world.is_off_ms() > AGREES_MS;
    }

    /// The clock was compared with Graph's, if that could be asked: what a person had said counts no more, and time is what
    /// it is.
    pub fn watched(&mut self, world: &World<'_>) -> Result<(), Broken> {
        let store = &world.rooms().store;
        let ahead_ms = store.now().as_millisecond() - world.true_now().as_millisecond();
        if store.clock_confirmed() && world.is_off_ms() <= AGREES_MS {
            hold!(
                ahead_ms <= 2 * AGREES_MS,
                "Graph has confirmed the clock, and time is {ahead_ms} ms ahead"
            );
            self.misled = false;
        }
        Ok(())
    }

    /// A leap of more than seven days is noticed; a clock that is not believed is ahead of time, and else time is not behind
    /// it; time goes back only where somebody says so.
    pub(super) fn check_clock(&mut self, world: &World<'_>, act: Act) -> Result<(), Broken> {
        let (told, said) = (world.now(), world.rooms().store.clock_jumped());
        let believed = world.believed();
        let ahead_ms = told.as_millisecond() - believed.as_millisecond();
        hold!(
            said == (ahead_ms > AGREES_MS) && (said || ahead_ms <= 0),
            "not believed: {said}, {ahead_ms} ms ahead"
        );
        if let (Some(mark), false) = (self.mark, matches!(act, Act::Confirm)) {
            let leapt = told.as_millisecond() - mark.as_millisecond() > LEAP_MS;
            // What passes while the clock is not believed may bring time close to it.
            hold!(said || !leapt || self.leapt, "the clock went from {mark} to {told}, and no leap is said");
            hold!(leapt || !said || self.leapt, "the clock went from {mark} to {told}, and a leap is said");
            hold!(mark <= believed, "time went from {mark} back to {believed}");
        }
        (self.mark, self.leapt) = (Some(believed), said);
        Ok(())
    }
}
