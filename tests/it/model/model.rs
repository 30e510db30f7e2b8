//! The small model: what must hold, as far as it can be said without the daemon. See `mod.rs` for the list.

mod clock;
mod counts;
mod erasing;
mod evidence;
mod exporting;
mod fate;
mod judging;
mod lead;
mod objections;
mod recipient;
mod rights;
mod standing;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use tamis::clock::Day;
use tamis::lead::OpenedLead;
use tamis::notification::{ParkCode, Why};
use tamis::purpose::{Cursor, Keep, Purpose, PurposeId, RecordId, graph_fields, is_over, periods};
use tamis::store::{Fate, SeenState};
use tamis::trail::{Action, Line};
use tamis_simulator::{CallKind, GraphCall, Lead as MetaLead};

use self::exporting::{Exporter, address_of, answer_of};
use super::ops::{FORMS, Kind, Pick, Which};
use super::plan::{FORM_IDS, PAGE_OF, PAGES, PURPOSES, claims, form, knows, leadgen, purpose};
use super::world::{World, store_says};

use self::lead::{may_come_back, purpose_index};
use self::objections::{Decided, Objections};
use self::recipient::Recipient;
use self::rights::{Held, Told, Whom, is_restricted};

pub use erasing::Request;
pub use exporting::ExportedPage;
pub use judging::Came;
pub use lead::Lead;
pub use recipient::{HandedPage, RECIPIENT};
pub use rights::{Want, is_doubt};

/// Meta keeps a lead for so many days.
const META_KEEPS_DAYS: u32 = 90;
const DAY_MS: i64 = 86_400_000;
/// How every leadgen id begins, and what stands in every answer: it may lie in clear in no file.
pub const CANARY: &str = "77555000";

/// A broken promise, in words.
pub struct Broken(pub String);

impl From<String> for Broken {
    fn from(text: String) -> Self {
        Self(text)
    }
}

macro_rules! hold {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            return Err($crate::model::model::Broken(format!($($text)*)));
        }
    };
}
pub(crate) use hold;

/// What may change in a step.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Nothing.
    Quiet,
    /// A fetcher settles what is claimed. Calm: nothing misbehaves, so the outcomes are known.
    Fetch { calm: bool },
    /// The same, while another policy gives way to the one in force.
    FetchAcross { before: usize },
    /// Parked references come to their end.
    Reap,
    /// Refused and buried references wait again.
    Requeue(Which),
    /// The clock is compared with another, or a person says that it is right.
    Confirm,
    /// The clock is set.
    ClockSet,
    /// People are erased: those of [`Model::asked`].
    Erase,
    /// Something else is asked for, by a person, an officer or a recipient: [`Model::wanted`]. Of a submission nothing else is said after it.
    Asked,
}

/// Everything that was ever submitted, and what was seen of it.
#[derive(Default)]
pub struct Model {
    pub leads: Vec<Lead>,
    /// The highest number given in each purpose.
    last_number: [u64; 2],
    exporters: [Exporter; 2],
    /// The trail as read so far.
    trail: u64,
    pages_exported: u64,
    lines: HashMap<&'static str, u64>,
    /// The highest clock that the daemon believed; none: it was just started, and may have recorded less.
    mark: Option<Timestamp>,
    /// The clock is ahead and not believed: nothing is handed out or destroyed.
    pub leapt: bool,
    /// A person said that a clock is right that is not, and Graph has not spoken since.
    misled: bool,
    /// When the reaper looks again; none: it has not looked since the start.
    pub reaper_due: Option<Timestamp>,
    /// Something may misbehave.
    pub scripted: bool,
    /// Which pages' tokens are refused.
    pub dead_tokens: [bool; 2],
    /// Graph may name another form than the lead's.
    pub wrong_forms: bool,
    /// Whom the operation under way is to erase.
    pub asked: Option<Request>,
    /// What it is to do beside that.
    pub wanted: Option<Want>,
    told: Told,
    objections: Objections,
    /// Objections that ended with what was stored in the step under way.
    closed: u64,
    recipient: Recipient,
    /// How often something was to be corrected.
    editions: u64,
    /// How many records were erased, by the lines that say it was asked for, and by those that say it was done.
    erased: (u64, u64),
}

impl Model {
    /// Meta's id of a lead.
    fn id_of(index: usize) -> String {
        format!("{CANARY}{index:06}")
    }

    /// Meta has a new lead.
    pub fn submit(&mut self, world: &World<'_>, form: usize, kind: Kind, days_ago: i64) -> usize {
        let index = self.leads.len();
        let id = Self::id_of(index);
        let created = world.true_now().as_millisecond() - days_ago * DAY_MS;
        let created = Timestamp::from_second(created / 1_000).expect("in range");
        let unix = u64::try_from(created.as_second()).expect("after 1970");
        let mut lead = MetaLead::new(PAGES[PAGE_OF[form]], FORM_IDS[form], unix).with_id(&id);
        let answer = |name: &str| answer_of(name, &id, kind);
        for name in ["full_name", "email", "phone_number", "post_code", "budget"] {
            let wanted = match kind {
                Kind::Blank => name == "budget",
                Kind::NoEmail => name != "email",
                _ => true,
            };
            if wanted {
                lead = lead.answer(name, &[&answer(name)]);
            }
        }
        let ticked = kind != Kind::Unticked;
        for (key, ticked) in [("email_optin", ticked), ("call_optin", false), ("news_optin", ticked)] {
            lead = lead.checkbox(key, ticked);
        }
        world.meta.simulator.add_lead(lead);
        self.leads.push(Lead {
            id,
            form,
            kind,
            created,
            received: None,
            gone: false,
            acknowledged: false,
            maybe: false,
            back: false,
            lingers: false,
            erased: None,
            fates: Vec::new(),
            expires: [None; 2],
            held: Default::default(),
            left: Vec::new(),
        });
        index
    }

    /// The leads of a call, new ones submitted.
    pub fn pick(&mut self, world: &World<'_>, picks: &[Pick]) -> Vec<usize> {
        let mut found = Vec::new();
        for pick in picks {
            match *pick {
                Pick::New(form, kind, days_ago) => {
                    found.push(self.submit(world, form % FORMS, kind, days_ago));
                }
                // Meta does not tell of what it deleted.
                Pick::Again(which) => found.extend(self.nth(which).filter(|index| !self.leads[*index].gone)),
            }
        }
        found
    }

    /// Any lead, by a number that wraps around.
    pub fn nth(&self, which: usize) -> Option<usize> {
        which.checked_rem(self.leads.len())
    }

    pub fn vanish(&mut self, world: &World<'_>, which: usize) {
        if let Some(index) = self.nth(which) {
            world.meta.simulator.remove_lead(&self.leads[index].id);
            self.leads[index].gone = true;
        }
    }

    /// How many of these would be new to the daemon, and how many may be.
    pub fn unknown(&self, leads: &[usize]) -> usize {
        let mut once = leads.to_vec();
        once.sort_unstable();
        once.dedup();
        let unknown = |index: &&usize| {
            let lead = &self.leads[**index];
            lead.fates.is_empty() && !lead.acknowledged || may_come_back(lead)
        };
        once.iter().filter(unknown).count()
    }

    pub fn acknowledge(&mut self, world: &World<'_>, leads: &[usize]) {
        for index in leads {
            let lead = &mut self.leads[*index];
            lead.received.get_or_insert(world.now().max(world.believed()));
            lead.back |= may_come_back(lead);
            lead.acknowledged = true;
            lead.maybe = false;
        }
    }

    pub fn doubt(&mut self, world: &World<'_>, leads: &[usize]) {
        for index in leads {
            let lead = &mut self.leads[*index];
            lead.received.get_or_insert(world.now().max(world.believed()));
            lead.maybe |= !lead.acknowledged;
            lead.back |= may_come_back(lead);
        }
    }

    /// What was in doubt and is not there never arrived.
    pub fn resolve(&mut self, world: &World<'_>) {
        for lead in self.leads.iter_mut().filter(|lead| lead.maybe) {
            if !world.rooms().inbox.holds(&leadgen(&lead.id)) {
                lead.received = None;
            }
        }
    }

    /// Looks at everything and compares. `loose`: a crash in between, so what the step did may have happened or not.
    pub async fn check(&mut self, world: &World<'_>, act: Act, loose: bool) -> Result<(), Broken> {
        self.check_clock(world, act)?;
        self.check_calls(world, act)?;
        let newly = self.look(world, act).await?;
        self.check_erased(world, loose)?;
        self.check_trail(world, act, newly, loose).await?;
        self.check_counts(world).await?;
        self.check_followed(world, loose)?;
        self.check_rights(world, act, loose).await
    }

    /// The daemon started anew.
    pub fn started(&mut self) {
        (self.reaper_due, self.mark) = (None, None);
        let exporters = self.exporters.iter_mut().chain(&mut self.recipient.exporters);
        exporters.for_each(|exporter| exporter.idle = None);
        self.recipient.idle = None;
    }

    /// What was asked of Graph since the last look: only what a purpose claims, nothing that has its end, no more fields than
    /// the purpose needs.
    fn check_calls(&self, world: &World<'_>, act: Act) -> Result<(), Broken> {
        let calls = world.meta.simulator.graph_calls();
        world.meta.simulator.clear_graph_calls();
        for call in &calls {
            hold!(!call.token_in_url, "a token travelled in a URL");
            hold!(call.kind != CallKind::Ids, "several leads were asked for in one call");
            if call.kind == CallKind::Lead {
                self.check_call(world, act, call)?;
            }
        }
        Ok(())
    }

    fn check_call(&self, world: &World<'_>, act: Act, call: &GraphCall) -> Result<(), Broken> {
        let before = match act {
            Act::FetchAcross { before } => before,
            _ => world.policy,
        };
        for id in &call.ids {
            let index = self.leads.iter().position(|lead| lead.id == *id);
            hold!(index.is_some(), "Graph was asked for what Meta never had");
            let Some(index) = index else { continue };
            let lead = &self.leads[index];
            hold!(lead.acknowledged || lead.maybe, "lead {index} was fetched and never accepted");
            hold!(!lead.is_erased(), "lead {index} was fetched and is erased");
            let mut needed = [before, world.policy].map(|policy| lead.purposes(policy).0).to_vec();
            if lead.back || lead.fates.is_empty() {
                // A call that brought it back does not say to what it was matched before.
                needed.extend([before, world.policy].map(|policy| claims(policy, lead.form).to_vec()));
            }
            needed.retain(|purposes| !purposes.is_empty());
            hold!(!needed.is_empty(), "lead {index} was fetched without a purpose");
            let kept = |of: &Vec<usize>| -> Vec<usize> {
                of.iter().copied().filter(|claim| !self.is_over(world, lead, *claim)).collect()
            };
            needed.retain(|of| !kept(of).is_empty());
            hold!(!needed.is_empty(), "lead {index} was fetched though its time is over");
            // What is over under one of its purposes is not asked for it.
            needed.extend(needed.iter().map(kept).collect::<Vec<_>>());
            let surely = |of: &Vec<usize>| -> Vec<usize> {
                of.iter().copied().filter(|claim| !self.may_be_over(world, lead, *claim)).collect()
            };
            needed.extend(needed.iter().map(surely).filter(|of| !of.is_empty()).collect::<Vec<_>>());
            let needs = |of: &Vec<usize>| Some(fields_of(world, of)) == call.fields;
            hold!(needed.iter().any(needs), "lead {index} was asked for with {:?}", call.fields);
            let fetchable = lead.fates.is_empty()
                || matches!(lead.parked(), Some(Why::Waiting { .. } | Why::Held { .. }));
            hold!(fetchable || lead.back, "lead {index} was fetched while {}", shown(&lead.fates));
        }
        Ok(())
    }

    /// How many records there are that were not there before.
    async fn look(&mut self, world: &World<'_>, act: Act) -> Result<u64, Broken> {
        let mut newly: Vec<(RecordId, usize)> = Vec::new();
        for index in 0..self.leads.len() {
            let now_is = world.rooms().store.seen(&leadgen(&self.leads[index].id)).await;
            let now_is = now_is.map_err(|error| store_says(&error))?;
            if now_is == self.leads[index].fates {
                continue;
            }
            let changed = self.legal(world, index, &now_is, act);
            changed.map_err(|Broken(why)| {
                let before = shown(&self.leads[index].fates);
                Broken(format!("lead {index}: {before} → {}: {why} ({act:?})", shown(&now_is)))
            })?;
            for fate in now_is.iter().filter(|fate| !self.leads[index].fates.contains(fate)) {
                if let SeenState::Stored(id) = &fate.state {
                    newly.push((id.clone(), index));
                }
            }
            self.note_gone(index, &now_is);
            let lead = &mut self.leads[index];
            lead.note_erased(world, &now_is);
            lead.acknowledged = !now_is.is_empty() || lead.lingers;
            lead.maybe = false;
            lead.fates = now_is;
        }
        newly.sort();
        let count = newly.len() as u64;
        let mut closed = Vec::new();
        for (id, index) in &newly {
            let (lead, of) = (&self.leads[*index], purpose_index(&id.purpose));
            let Decided::Stored(unheard, scopes) = self.objections.decide(lead, of) else {
                return Err(Broken(format!("{id} is stored, and its address may not be")));
            };
            closed.push((lead.id.clone(), scopes));
            self.leads[*index].held[of] = Held::of(&self.leads[*index], of, unheard);
        }
        // One that is stored for two purposes is judged for both before anything is over.
        self.closed = closed.iter().map(|(id, scopes)| self.objections.close(id, scopes)).sum();
        for (id, index) in newly {
            let of = purpose_index(&id.purpose);
            hold!(id.number > self.last_number[of], "{id} was given after number {}", self.last_number[of]);
            self.last_number[of] = id.number;
            let lead = &mut self.leads[index];
            let received = lead.received.unwrap_or(lead.created);
            let expires_at = periods(&policy_purpose(world, of), lead.created, received).expires_at;
            lead.expires[of] = Some(Day::of(expires_at));
        }
        Ok(count)
    }

    /// Records that are erased: whoever had them hears of it, and what shows of their consents is left.
    fn note_gone(&mut self, index: usize, after: &[Fate]) {
        let reason = self.asked.as_ref().map(|request| request.reason);
        for of in 0..2 {
            let Some(id) = self.leads[index].record(of).cloned() else { continue };
            if !after.iter().any(|fate| fate.state == SeenState::Stored(id.clone())) {
                let whom = Whom { lead: index, of, id };
                self.tell("erased", &whom);
                self.leave_evidence(&whom, reason);
            }
        }
    }

    /// True while something is to be fetched.
    pub fn awaits(&self, world: &World<'_>) -> bool {
        world.rooms().inbox.queued() > 0
            || self.leads.iter().any(|lead| {
                let fetched = world.is_claimed(lead.form) && world.knows_page(PAGE_OF[lead.form]);
                match lead.parked() {
                    Some(Why::Waiting { .. }) => true,
                    Some(Why::Held { .. }) => fetched,
                    _ => false,
                }
            })
    }

    /// What waits, in words.
    pub fn waiting(&self) -> String {
        let waits = |lead: &&Lead| matches!(lead.parked(), Some(Why::Waiting { .. } | Why::Held { .. }));
        let shown: Vec<String> = self
            .leads
            .iter()
            .filter(waits)
            .map(|lead| format!("form {} {}", lead.form, shown(&lead.fates)))
            .collect();
        shown.join("; ")
    }

    /// When Meta behaves, time passes and workers work, everything has its end.
    pub fn check_ends(&self, world: &World<'_>) -> Result<(), Broken> {
        for (index, lead) in self.leads.iter().enumerate().filter(|(_, lead)| lead.acknowledged) {
            let fetched = world.is_claimed(lead.form) && world.knows_page(PAGE_OF[lead.form]);
            let well = |fate: &Fate| match &fate.state {
                SeenState::Stored(_)
                | SeenState::Refused(_)
                | SeenState::NotAsked
                | SeenState::Suppressed
                | SeenState::Erased => true,
                SeenState::Parked(Why::Refused { .. }) => true,
                SeenState::Parked(Why::Held { .. }) => !fetched,
                SeenState::Parked(Why::Buried { .. }) => lead.gone,
                SeenState::Parked(Why::Waiting { .. }) => false,
            };
            let well = !lead.fates.is_empty() && lead.fates.iter().all(well);
            hold!(well, "lead {index} never has its end: {}", shown(&lead.fates));
        }
        Ok(())
    }
}

fn policy_purpose(world: &World<'_>, of: usize) -> Arc<Purpose> {
    Arc::clone(world.config().policy().purpose(PURPOSES[of]).expect("under every policy"))
}

fn form_index(id: &str) -> usize {
    FORM_IDS.iter().position(|form| *form == id).expect("one of ours")
}

/// What Graph is asked for on behalf of these.
fn fields_of(world: &World<'_>, purposes: &[usize]) -> String {
    let purposes: Vec<Arc<Purpose>> = purposes.iter().map(|of| policy_purpose(world, *of)).collect();
    graph_fields(&purposes.iter().map(Arc::as_ref))
}

/// Where a lead is, without saying which.
fn shown(fates: &[Fate]) -> String {
    let fate = |Fate { purpose, state }: &Fate| match purpose {
        Some(purpose) => format!("{purpose} {state:?}"),
        None => format!("{state:?}"),
    };
    let fates: Vec<String> = fates.iter().map(fate).collect();
    if fates.is_empty() { "queued or unknown".to_owned() } else { fates.join(", ") }
}
