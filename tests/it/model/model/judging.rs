//! What may be answered to an officer.

use tamis::lead::RevisionRefusal;
use tamis::store::{Restricting, Rewriting, Rewritten, StoreError, Suppression, last_day_of_restriction};

use super::rights::is_doubt;
use super::*;
use crate::model::model::rights::{Want, Whom};
use crate::model::ops::LETTER;

/// What came of an operation.
pub enum Came {
    Rewritten(Result<Rewriting, StoreError>),
    Restricted(Result<Restricting, StoreError>),
    Lifted(Result<bool, StoreError>),
    Suppressed(Result<Vec<Suppression>, StoreError>),
}

impl Model {
    /// Holds an answer against what is there, and notes what the trail is to say of it.
    pub fn judge(&mut self, world: &World<'_>, want: &Want, came: Came) -> Result<(), Broken> {
        let line = match (want, came) {
            (Want::Correct(whom, field, _), Came::Rewritten(Ok(rewriting))) => {
                self.judge_correction(world, (whom, field), &rewriting)?
            }
            (Want::Withdraw(whom, at), Came::Rewritten(Ok(rewriting))) => {
                self.judge_withdrawal(world, (whom, *at), &rewriting)?
            }
            (Want::Correct(whom, ..) | Want::Withdraw(whom, _), Came::Rewritten(Err(error)))
            | (Want::Restrict(whom, ..), Came::Restricted(Err(error))) => {
                let is_certain = self.is_there(world, whom).is_some();
                hold!(is_doubt(&error) && !is_certain, "{}: {}", whom.id, store_says(&error));
                None
            }
            (Want::Restrict(whom, until, _), Came::Restricted(Ok(came))) => {
                self.judge_restriction(world, (whom, *until), &came)?
            }
            (Want::Lift(whom), Came::Lifted(came)) => {
                let lifted = came.map_err(|error| store_says(&error))?;
                let was = self.leads[whom.lead].held[whom.of].restricted.is_some()
                    && self.leads[whom.lead].record(whom.of).is_some();
                hold!(lifted == was, "{}: restricted: {was}, and lifted: {lifted}", whom.id);
                Some(u64::from(lifted))
            }
            (Want::Suppress(_, of, since), Came::Suppressed(came)) => {
                let listed = came.map_err(|error| store_says(&error))?;
                let [one] = listed.as_slice() else {
                    return Err(Broken(format!("an address makes {} entries", listed.len())));
                };
                let is_so = one.since == *since && one.purpose == of.map(purpose) && *since < one.until;
                hold!(is_so, "{one:?} is answered to an objection of {since}");
                Some(1)
            }
            _ => return Err(Broken("another act is answered".to_owned())),
        };
        self.told.answered = Some(line);
        Ok(())
    }

    fn judge_correction(
        &self,
        world: &World<'_>,
        (whom, field): (&Whom, &str),
        rewriting: &Rewriting,
    ) -> Result<Option<u64>, Broken> {
        let is_there = self.is_there(world, whom);
        let may_have = field != "postcode" || self.agrees(whom, Day::of(world.believed()));
        let (allowed, changed) = match rewriting.each[..] {
            [Rewritten::Anew] => (is_there != Some(false) && may_have, 1),
            [Rewritten::Refused(RevisionRefusal::ConsentNotGiven)] => {
                (is_there != Some(false) && !may_have, 0)
            }
            [Rewritten::Gone] => (is_there != Some(true), 0),
            _ => (false, 0),
        };
        hold!(
            allowed,
            "{}: a correction of {field} comes to {:?}, there: {is_there:?}",
            whom.id,
            rewriting.each
        );
        hold!(rewriting.keys_destroyed, "the keyring can be changed, and what {} was has its keys", whom.id);
        Ok(Some(changed))
    }

    /// What rests on what was taken back is to go: that has lines of its own.
    fn judge_withdrawal(
        &self,
        world: &World<'_>,
        (whom, at): (&Whom, Timestamp),
        rewriting: &Rewriting,
    ) -> Result<Option<u64>, Broken> {
        let is_there = self.is_there(world, whom);
        let changes = self.withdrawal_changes(whom, at);
        let (allowed, line) = match rewriting.each[..] {
            [Rewritten::Refused(RevisionRefusal::NoGround)] => {
                (is_there != Some(false) && whom.of == LETTER, None)
            }
            [Rewritten::Anew] => (is_there != Some(false) && whom.of != LETTER && changes, Some(1)),
            [Rewritten::Same] => (is_there != Some(false) && whom.of != LETTER && !changes, Some(0)),
            [Rewritten::Gone] => (is_there != Some(true), Some(0)),
            _ => (false, None),
        };
        hold!(allowed, "{}: taking back comes to {:?}, there: {is_there:?}", whom.id, rewriting.each);
        hold!(rewriting.keys_destroyed, "the keyring can be changed, and what {} was has its keys", whom.id);
        Ok(line)
    }

    fn judge_restriction(
        &self,
        world: &World<'_>,
        (whom, until): (&Whom, Day),
        came: &Restricting,
    ) -> Result<Option<u64>, Broken> {
        let is_there = self.is_there(world, whom);
        let is_in_range = until <= last_day_of_restriction(world.believed());
        let (allowed, count) = match came {
            Restricting::Restricted(one) => {
                (is_there != Some(false) && is_in_range && one.until == until && one.id == whom.id, 1)
            }
            Restricting::DayOutOfRange => (is_there != Some(false) && !is_in_range, 0),
            Restricting::Gone => (is_there != Some(true), 0),
            Restricting::Unknown => (false, 0),
        };
        hold!(allowed, "{} until {until:?}: {came:?}, there: {is_there:?}", whom.id);
        Ok(Some(count))
    }
}
