//! A recipient that may not have everything: what goes to it, what is withheld, what it passes by, and what it hears of the rest.

use super::exporting::{Exporter, check_record};
use super::rights::{Whom, is_restricted, latest};
use super::*;
use crate::model::ops::LETTER;

/// As the trail names it.
pub const RECIPIENT: &str = "partner";

/// How far it is.
#[derive(Default)]
pub(super) struct Recipient {
    pub(super) exporters: [Exporter; 2],
    /// What it is to hear, and has not applied.
    changes: Vec<String>,
    /// What it may hear as well: that depends on the clock.
    perhaps: Vec<String>,
    /// As it read them last.
    heard: Vec<String>,
    /// The day on which the trail last told, since the start, that it heard nothing.
    pub(super) idle: Option<Day>,
    /// Lines that tell of reading and applying, in the step under way: how many changes each.
    lines: [Option<u64>; 2],
}

/// A page as it got it.
pub struct HandedPage {
    pub next: Cursor,
    pub count: u64,
    pub withheld: u64,
    pub records: Vec<OpenedLead>,
}

/// What a page comes to.
pub(super) struct Handing {
    /// The numbers of what leaves.
    pub(super) leaving: Vec<u64>,
    withheld: u64,
    /// The last that it looked at.
    end: u64,
}

impl Model {
    /// Where the recipient goes on.
    pub fn recipient_cursor(&self, of: usize) -> Option<Cursor> {
        self.recipient.exporters[of].cursor.clone()
    }

    /// Whoever had it hears of it.
    pub(super) fn tell(&mut self, kind: &str, whom: &Whom) {
        if self.of_whom(whom).handed {
            self.recipient.changes.push(format!("{kind} {}", whom.id));
        }
    }

    /// Whoever passed it by hears that it is there, if it is.
    pub(super) fn tell_stored(&mut self, is_there: Option<bool>, whom: &Whom) {
        let held = self.of_whom(whom);
        let change = (held.passed && !held.handed).then(|| format!("stored {}", whom.id));
        match is_there {
            Some(true) => self.recipient.changes.extend(change),
            Some(false) => {}
            None => self.recipient.perhaps.extend(change),
        }
    }

    /// What its person did not agree to does not go: to news, of a quote; what is held for the letter was agreed to.
    fn may_go(&self, whom: &Whom) -> bool {
        let held = &self.leads[whom.lead].held[whom.of];
        let agreed =
            self.leads[whom.lead].kind != Kind::Unticked && !held.unheard && held.taken_back.is_none();
        whom.of == LETTER || agreed
    }

    /// A page of so many records is opened: of each that it looks at this is known from now on.
    pub(super) fn hand_over(&mut self, world: &World<'_>, of: usize, limit: usize) -> Handing {
        let after = self.recipient.exporters[of].cursor.as_ref().map_or(0, |cursor| cursor.number);
        let mut records: Vec<Whom> = (0..self.leads.len())
            .filter_map(|lead| Some(Whom { lead, of, id: self.leads[lead].record(of)?.clone() }))
            .filter(|whom| whom.id.number > after)
            .collect();
        records.sort_by_key(|whom| whom.id.number);
        let (mut handing, mut count) = (Handing { leaving: Vec::new(), withheld: 0, end: after }, 0);
        for whom in records {
            if count == limit {
                break;
            }
            handing.end = whom.id.number;
            if self.leads[whom.lead].expires[of].is_some_and(|expires| expires <= latest(world)) {
                continue;
            }
            let may_go = self.may_go(&whom);
            if is_restricted(world, &whom.id) {
                self.of_whom(&whom).passed |= may_go;
                continue;
            }
            count += 1;
            if may_go {
                self.of_whom(&whom).handed = true;
                handing.leaving.push(whom.id.number);
            } else {
                handing.withheld += 1;
            }
        }
        handing
    }

    /// A page arrived; none: by this clock nothing is handed out.
    pub fn handed(
        &mut self,
        world: &World<'_>,
        (of, limit): (usize, usize),
        page: Option<&HandedPage>,
    ) -> Result<(), Broken> {
        let Some(page) = page else {
            let is_sure = !self.leapt && world.rooms().store.clock_confirmed();
            hold!(!is_sure, "a page is refused for a clock that did not leap and is confirmed");
            self.told.answered = Some(None);
            return Ok(());
        };
        let Handing { leaving, withheld, end } = self.hand_over(world, of, limit);
        let got: Vec<u64> = page.records.iter().map(|record| record.id().number).collect();
        hold!(got == leaving, "{got:?} of {} went to the recipient, and {leaving:?} were to", PURPOSES[of]);
        hold!(page.withheld == withheld, "{} are withheld, and {withheld} are to be", page.withheld);
        hold!(page.next.number == end, "the page ends with {}, and is to with {end}", page.next.number);
        let policy = policy_purpose(world, of);
        for record in &page.records {
            let lead = self.leads.iter().find(|lead| lead.record(of) == Some(record.id()));
            check_record(record, lead.expect("it was to go"), &policy, of)?;
        }
        let exporter = &mut self.recipient.exporters[of];
        self.told.answered = Some(exporter.is_told(world, &page.next).then_some(page.count));
        exporter.cursor = Some(page.next.clone());
        Ok(())
    }

    /// It is read, before anything of it is applied.
    pub fn heard(&mut self, changes: Vec<String>) {
        self.recipient.heard = changes;
    }

    /// A line tells that it read, or applied.
    pub(super) fn note_followed(&mut self, action: Action, count: u64) -> Result<(), Broken> {
        let line = &mut self.recipient.lines[usize::from(action == Action::ChangesApplied)];
        hold!(line.replace(count).is_none(), "two lines tell of one act");
        if action == Action::ChangesRead {
            return Ok(());
        }
        let applied = usize::try_from(count).expect("a few");
        hold!(applied <= self.recipient.heard.len(), "more is applied than was read");
        for change in self.recipient.heard.drain(..applied) {
            let changes = &mut self.recipient.changes;
            if let Some(at) = changes.iter().position(|found| *found == change) {
                changes.remove(at);
            }
        }
        Ok(())
    }

    /// What it heard is what became of what it had, each once, and nothing else.
    pub fn check_heard(&mut self) -> Result<(), Broken> {
        let mut missing = self.recipient.changes.clone();
        for change in &self.recipient.heard {
            if let Some(at) = missing.iter().position(|found| found == change) {
                missing.remove(at);
                continue;
            }
            let at = self.recipient.perhaps.iter().position(|found| found == change);
            hold!(at.is_some(), "the recipient hears {change:?}, which is not so, or not its business");
            self.recipient.changes.push(change.clone());
        }
        self.recipient.perhaps.clear();
        hold!(missing.is_empty(), "the recipient does not hear {missing:?}");
        Ok(())
    }

    /// Its lines say how much it read and applied.
    pub(super) fn check_followed(&mut self, world: &World<'_>, loose: bool) -> Result<(), Broken> {
        let [read, applied] = std::mem::take(&mut self.recipient.lines);
        let Some(Want::Follow(wanted)) = self.wanted else { return Ok(()) };
        if loose {
            return Ok(());
        }
        // By then what was applied is no more in what was heard.
        let all = self.recipient.heard.len() as u64 + applied.unwrap_or(0);
        let today = Day::of(world.believed());
        // What finds nothing is told once a day.
        let is_told = all > 0 || self.recipient.idle.replace(today) != Some(today);
        hold!(read == is_told.then_some(all), "the recipient read {all}, and the trail tells of {read:?}");
        let wanted = (wanted as u64).min(all);
        hold!(applied.unwrap_or(0) == wanted, "{wanted} are applied, and the trail tells of {applied:?}");
        Ok(())
    }

    /// So many wait for it as it has to hear.
    pub(super) async fn check_waiting(&self, world: &World<'_>) -> Result<(), Broken> {
        let feeds = world.rooms().store.feeds().await.map_err(|error| store_says(&error))?;
        let own = feeds.iter().find(|feed| feed.recipient == RECIPIENT).map_or(0, |feed| feed.waiting);
        let (least, more) = (self.recipient.changes.len() as u64, self.recipient.perhaps.len() as u64);
        hold!(
            (least..=least + more).contains(&own),
            "{own} changes wait, and {least} (or {more} more) are to"
        );
        hold!(feeds.len() <= 1, "somebody else hears of it");
        Ok(())
    }

    /// Who had a record is known, of each that is there.
    pub(super) async fn check_handed(&self, world: &World<'_>) -> Result<(), Broken> {
        for lead in &self.leads {
            for of in 0..2 {
                let Some(id) = lead.record(of) else { continue };
                let holders = world
                    .rooms()
                    .store
                    .handed_to(
                        std::slice::from_ref(id),
                        &tamis::trail::Entry::by_system(tamis::trail::Action::Accessed),
                    )
                    .await;
                let holders = holders.map_err(|error| store_says(&error))?;
                let said = holders.iter().any(|holder| holder.recipient.as_deref() == Some(RECIPIENT));
                let had = lead.held[of].handed;
                hold!(said == had, "the recipient had {id}: {had}, and the store says {said}");
            }
        }
        Ok(())
    }
}
