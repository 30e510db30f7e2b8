//! What is counted, written down and dropped, against what should be.

use super::*;

impl Model {
    /// Every acknowledged lead is in one place, and the counts of journal, store and overview say so.
    pub(super) async fn check_counts(&self, world: &World<'_>) -> Result<(), Broken> {
        let rooms = world.rooms();
        let queued =
            self.leads.iter().filter(|lead| lead.acknowledged && lead.fates.is_empty()).count() as u64;
        let maybe = self.leads.iter().filter(|lead| lead.maybe || lead.back || lead.lingers).count() as u64;
        let said = rooms.inbox.queued();
        hold!(
            (queued..=queued + maybe).contains(&said),
            "the journal holds {said}, and {queued} (or {maybe} more) are queued"
        );
        hold!(rooms.inbox.halted().is_none(), "the inbox halted: {:?}", rooms.inbox.halted());
        hold!(rooms.store.halted().is_none(), "the store halted: {:?}", rooms.store.halted());
        let of = |wanted: fn(&Why) -> bool| {
            self.leads.iter().filter(move |lead| lead.parked().is_some_and(|why| wanted(&why)))
        };
        let waiting = of(|why| matches!(why, Why::Waiting { .. })).count() as u64;
        let held = of(|why| matches!(why, Why::Held { .. })).count() as u64;
        let parked = rooms.store.parked().await.map_err(|error| store_says(&error))?;
        hold!(parked == waiting + held, "{parked} are parked, and {waiting} wait and {held} are held");
        let overview = rooms.store.overview().await.map_err(|error| store_says(&error))?;
        hold!(overview.waiting == waiting, "the overview says that {} wait", overview.waiting);
        let mut by_form: BTreeMap<usize, u64> = BTreeMap::new();
        of(|why| matches!(why, Why::Held { .. }))
            .for_each(|lead| *by_form.entry(lead.form).or_default() += 1);
        let said = overview.held.iter().map(|held| (form_index(held.form.as_str()), held.count)).collect();
        hold!(by_form == said, "held by form: {by_form:?}, and the overview says {said:?}");
        let mut refused: BTreeMap<(usize, Option<PurposeId>, ParkCode), u64> = BTreeMap::new();
        let mut buried = 0;
        for (lead, fate) in self.leads.iter().flat_map(|lead| lead.fates.iter().map(move |fate| (lead, fate)))
        {
            match fate.state {
                SeenState::Parked(Why::Refused { code }) => {
                    *refused.entry((lead.form, fate.purpose.clone(), code)).or_default() += 1;
                }
                SeenState::Parked(Why::Buried { .. }) => buried += 1,
                _ => {}
            }
        }
        let said = overview.refused.iter();
        let said = said
            .map(|row| ((form_index(row.form.as_str()), row.purpose.clone(), row.code), row.count))
            .collect();
        hold!(refused == said, "refused: {refused:?}, and the overview says {said:?}");
        hold!(
            overview.buried.len() == buried,
            "{} are buried, and {buried} should be",
            overview.buried.len()
        );
        let stored = rooms.store.stored().await.map_err(|error| store_says(&error))?;
        for (of, count) in self.count_stored().into_iter().enumerate() {
            let said = stored.get(&purpose(of)).copied().unwrap_or_default();
            hold!(said == count, "{} records of {} and {count} are stored", said, PURPOSES[of]);
        }
        Ok(())
    }

    pub(super) fn count_stored(&self) -> [u64; 2] {
        let mut count = [0; 2];
        for lead in &self.leads {
            (0..2).for_each(|of| count[of] += u64::from(lead.record(of).is_some()));
        }
        count
    }

    /// The trail chains, has what was done and nothing else.
    pub(super) async fn check_trail(
        &mut self,
        world: &World<'_>,
        act: Act,
        newly: u64,
        loose: bool,
    ) -> Result<(), Broken> {
        let lines = world.rooms().store.lines(self.trail, 10_000).await;
        let lines: Vec<Line> = lines.map_err(|error| format!("the trail: {}", error.code))?;
        let (mut stored, mut closed) = (0, 0);
        for line in &lines {
            hold!(line.seq == self.trail + 1, "line {} follows line {}", line.seq, self.trail);
            self.trail = line.seq;
            // A page of the recipient's is asked for as what else is.
            if line.entry.recipient().is_some() {
                self.note_asked(world, (act, loose), line)?;
                continue;
            }
            *self.lines.entry(line.entry.action().as_str()).or_default() += 1;
            match line.entry.action() {
                Action::Stored => stored += line.entry.count,
                Action::Exported => {}
                Action::Corrected
                | Action::Restricted
                | Action::RestrictionLifted
                | Action::Suppressed
                | Action::Withdrawn => self.note_asked(world, (act, loose), line)?,
                Action::RestrictionEnded => self.note_ended(world, act, line)?,
                Action::Expired => self.note_expired(world, act, line)?,
                Action::SuppressionClosed => closed += line.entry.count,
                Action::Requeued => {
                    hold!(matches!(act, Act::Requeue(_)), "a line tells of a requeue that nobody asked for");
                }
                Action::ClockConfirmed | Action::ClockLowered => {
                    hold!(matches!(act, Act::Confirm), "a line tells of a clock that nobody confirmed");
                }
                Action::ErasureTried => {
                    hold!(matches!(act, Act::Erase), "a line tells of a dry run that nobody asked for");
                }
                Action::ErasureAsked => {
                    hold!(matches!(act, Act::Erase), "a line tells of an erasure that nobody asked for");
                    self.erased.0 += u64::from(line.entry.from.is_some());
                }
                // In the transaction that comes next, whatever it is.
                Action::Erased => self.erased.1 += line.entry.count,
                other => hold!(false, "a line tells of {other}, which nobody asked for"),
            }
        }
        let (asked, done) = self.erased;
        hold!(done <= asked, "the trail tells of {done} erased, and {asked} were asked for");
        hold!(stored == newly, "the trail tells of {stored} stored, and {newly} were");
        let over = std::mem::take(&mut self.closed);
        hold!(closed == over, "the trail tells of {closed} objections that are over, and {over} are");
        let told = self.lines.get(Action::Exported.as_str()).copied().unwrap_or_default();
        if loose {
            hold!(told >= self.pages_exported, "{told} lines tell of {} pages", self.pages_exported);
            self.pages_exported = told;
        }
        hold!(told == self.pages_exported, "{told} lines tell of {} pages", self.pages_exported);
        Ok(())
    }

    /// After the reaper looked: nothing that Meta no longer has is parked.
    /// `before`: the days that the inbox needed before the reaper looked.
    pub async fn check_reaped(&self, world: &World<'_>, before: Vec<Day>) -> Result<(), Broken> {
        if self.leapt {
            return Ok(());
        }
        self.check_ended(world)?;
        let oldest = Day::of(world.believed()).minus(META_KEEPS_DAYS);
        for (index, lead) in self.leads.iter().enumerate() {
            hold!(
                lead.parked().is_none() || Day::of(lead.created) >= oldest,
                "lead {index} is parked for more than 90 days"
            );
        }
        if self.idle_key(world, before).await?.is_some() {
            // The keeper made it for a day that passed while the reaper looked, or is making keys now: once it has today's,
            // another look leaves none.
            world.keeper_has_keys_of_today()?;
            let before = world.rooms().inbox.days();
            world.look_as_reaper_again().await;
            let idle = self.idle_key(world, before).await?;
            hold!(idle.is_none(), "the key of day {} seals nothing", idle.map_or(0, |day| day.0));
        }
        Ok(())
    }

    /// A key of a day that is over and that nothing needs, nor did `before`.
    async fn idle_key(&self, world: &World<'_>, before: Vec<Day>) -> Result<Option<Day>, Broken> {
        let rooms = world.rooms();
        let mut needed = before;
        needed.extend(rooms.inbox.days());
        needed.extend(rooms.store.sealed_days().await.map_err(|error| store_says(&error))?);
        let yesterday = Day::of(world.believed()).minus(1);
        Ok(rooms.keyring.days().into_iter().find(|day| *day < yesterday && !needed.contains(day)))
    }
}
