//! What stands is what the trail tells: who may use a record, until when, and what its key opens. And what ends by its time.

use super::rights::{Whom, latest};
use super::*;
use crate::model::ops::{LETTER, QUOTE};

impl Model {
    /// A line of the reaper: the last day of a restriction is over.
    pub(super) fn note_ended(&mut self, world: &World<'_>, act: Act, line: &Line) -> Result<(), Broken> {
        hold!(matches!(act, Act::Reap), "a restriction ended, and not by the reaper");
        let id = line.entry.from.clone();
        let whom =
            (0..self.leads.len()).flat_map(|lead| [(lead, QUOTE), (lead, LETTER)]).find_map(|(lead, of)| {
                let found = self.leads[lead].record(of).filter(|found| Some(*found) == id.as_ref())?;
                Some(Whom { lead, of, id: found.clone() })
            });
        let Some(whom) = whom else { return Err(Broken(format!("a restriction ended of {id:?}"))) };
        let until = self.of_whom(&whom).restricted;
        let is_over = until.is_some_and(|until| until < Day::of(world.believed()));
        hold!(is_over, "the restriction of {} ended, which lasts until {until:?}", whom.id);
        self.release(world, &whom);
        Ok(())
    }

    /// A line of the reaper: records of a purpose had their time. All of them go, but what is restricted.
    pub(super) fn note_expired(&mut self, world: &World<'_>, act: Act, line: &Line) -> Result<(), Broken> {
        hold!(matches!(act, Act::Reap), "records had their time, and not by the reaper");
        let of = line.entry.purpose.as_ref().map(purpose_index);
        let due: Vec<Whom> = self.due(world).into_iter().filter(|whom| Some(whom.of) == of).collect();
        let count = due.len() as u64;
        hold!(line.entry.count == count, "{} records had their time, and {count} had", line.entry.count);
        for whom in due {
            self.tell("expired", &whom);
            self.leave_evidence(&whom, None);
            self.of_whom(&whom).over = true;
        }
        Ok(())
    }

    /// What has had its time by now and is not restricted.
    fn due(&self, world: &World<'_>) -> Vec<Whom> {
        let today = Day::of(world.believed());
        let each = (0..self.leads.len()).flat_map(|lead| [(lead, QUOTE), (lead, LETTER)]);
        let due = each.filter_map(|(lead, of)| {
            let one = &self.leads[lead];
            let is_due = one.expires[of].is_some_and(|expires| expires <= today);
            let id = one.record(of).filter(|_| is_due && one.held[of].restricted.is_none())?.clone();
            Some(Whom { lead, of, id })
        });
        due.collect()
    }

    /// After the reaper looked nothing is left that it is to take away.
    pub(super) fn check_ended(&self, world: &World<'_>) -> Result<(), Broken> {
        // Not before what a clock received that was behind has got its time.
        if world.rooms().store.early_up_to().is_some() {
            return Ok(());
        }
        let due: Vec<String> = self.due(world).iter().map(|whom| whom.id.to_string()).collect();
        hold!(due.is_empty(), "{due:?} had their time, and are there");
        let today = Day::of(world.believed());
        let each = self.leads.iter().flat_map(|lead| &lead.held);
        let lasts = each.filter(|held| held.restricted.is_some_and(|until| until < today)).count();
        hold!(lasts == 0, "{lasts} restrictions are over, and stand");
        Ok(())
    }

    /// What stands is what the trail tells: each look, of what memory holds; where something was done, of the rest.
    pub(super) async fn check_rights(
        &mut self,
        world: &World<'_>,
        act: Act,
        loose: bool,
    ) -> Result<(), Broken> {
        let told = std::mem::take(&mut self.told);
        if let Some(answered) = told.answered {
            hold!(told.said == answered, "answered: {answered:?}, and the trail tells of {:?}", told.said);
        }
        self.check_restrictions(world)?;
        self.check_waiting(world).await?;
        let want = self.wanted.take();
        if want.is_none() && !loose && !matches!(act, Act::Erase | Act::Reap) {
            return Ok(());
        }
        self.check_leaves(world)?;
        self.check_objections(world).await?;
        self.check_handed(world).await?;
        self.check_evidence(world).await
    }

    fn check_restrictions(&self, world: &World<'_>) -> Result<(), Broken> {
        let store = &world.rooms().store;
        let mut standing = 0;
        for (index, lead) in self.leads.iter().enumerate() {
            for of in [QUOTE, LETTER] {
                let Some(id) = lead.record(of) else { continue };
                let (until, found) =
                    (lead.held[of].restricted, store.restriction(id).map(|found| found.until));
                standing += usize::from(found.is_some());
                hold!(
                    found.is_none() || found == until,
                    "lead {index} is restricted until {found:?}, not {until:?}"
                );
                let surely = until.is_some_and(|until| latest(world) <= until);
                hold!(found.is_some() || !surely, "lead {index} is to be restricted until {until:?}");
                let over = until.is_some_and(|until| until < Day::of(world.believed()));
                hold!(
                    found.is_none() || !over || !store.clock_confirmed(),
                    "lead {index} was to be restricted until {until:?}, and is still"
                );
            }
        }
        let all = store.restrictions().len();
        hold!(all == standing, "{all} are restricted, and {standing} of these are there");
        Ok(())
    }

    /// Of what was written anew what it was does not open.
    fn check_leaves(&self, world: &World<'_>) -> Result<(), Broken> {
        use tamis::keyring::lease::LeaseError;
        use tamis::keyring::{BUCKET_RECORDS, Bucket, KeyringCode, tree};
        for lead in &self.leads {
            for of in [QUOTE, LETTER] {
                let Some(id) = lead.stored(of).filter(|_| lead.held[of].moved) else { continue };
                let leaf = u16::try_from(id.number % BUCKET_RECORDS).expect("below 512");
                let is_dead = match world.rooms().keyring.lease(&Bucket::of(id)) {
                    Ok(lease) => lease.key(leaf, tree::Kind::Record, 0).err() == Some(LeaseError::Dead),
                    Err(error) => error.code == KeyringCode::KeyAbsent,
                };
                hold!(is_dead, "{id} was written anew, and the key of what it was lives");
            }
        }
        Ok(())
    }
}
