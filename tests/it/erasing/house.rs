//! The rooms that an erasure goes through, without listeners: keyring, store and journal on a real disk, people who submit,
//! an operator who erases. What a process of its own does here, another may go on with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use tamis::app::StoreKnows;
use tamis::clock::{Clock, Day, ManualClock};
use tamis::config::{self, Config};
use tamis::id::{FormId, LeadgenId, PageId};
use tamis::inbox::Inbox;
use tamis::keyring::Keyring;
use tamis::keyring::file::FileKeyring;
use tamis::lead::{Dropped, OpenedLead, RawReply, correction, minimise};
use tamis::notification::{LeadRef, ParkCode, Why};
use tamis::purpose::{FormDefinition, Matching, PurposeId, Question, RecordId};
use tamis::random::{Random, SystemRandom};
use tamis::secret::Key;
use tamis::secret::location::Environment;
use tamis::store::{
    Asked, Erasure, ErasureRequest, Outcome, PageRequest, RewriteCause, RewriteRequest, Rewritten, Scanned,
    Scanning, SeenState, Settings, Settled, Settlement, SharedStore, StoreError, TestFilter, Verdict, Wanted,
};
use tamis::trail::{Action, Entry, Operator, Reason};

use super::outsider::{self, Node, Version};
use crate::support::disk::visit;

pub const ROOT: Node = *b"\x9aroot\x01key\xf0of\x7fthe\xc3homes\x0bof\x88tests!";
const FORM: &str = "901000000000001";
const PAGE: &str = "104000000000001";
/// Here the clock stands, until days pass.
const NOW: &str = "2026-11-26T10:00:00Z";
/// In a home, where a test made it: what `backup.ledger` names.
pub const LEDGER: &str = "ledger";
pub const PURPOSES: [&str; 2] = ["devis", "lettre"];

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let form = format!("\"{FORM}\"");
    let text = include_str!("../../data/model.toml").replace("{devis}", &form).replace("{lettre}", &form);
    config::parse(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"))
});

/// What becomes of a person: of the number alone, so that it can be told afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A record for each of the two purposes.
    Both,
    /// A record for the quote; the box for the letter was not ticked.
    One,
    /// A parked reference, of a form that nobody matched.
    Held,
}

pub fn kind_of(person: u64) -> Kind {
    match person % 8 {
        0 | 2 | 5 => Kind::Both,
        7 => Kind::Held,
        _ => Kind::One,
    }
}

/// So many people follow one another, of whom some have their quote's end by time on the same day.
const BLOCK: u64 = 16;
/// Which of them: neighbours, so that their leaves go as one range.
const SHORT: std::ops::Range<u64> = 8..15;
const QUOTE_DAYS: i64 = 75;
const DAY_MS: i64 = 86_400_000;

/// How many days after the first one the quote of a person ends by its time; none: long after everything here.
pub fn ends_on(person: u64) -> Option<u32> {
    let is_short = SHORT.contains(&(person % BLOCK));
    is_short.then(|| 1 + u32::try_from(person / BLOCK).expect("few"))
}

/// The latest day, counted from the first, on which nobody's quote has ended who comes from this one on.
pub fn day_before(person: u64) -> u32 {
    u32::try_from((person + BLOCK - SHORT.end) / BLOCK).expect("few")
}

pub fn leadgen(person: u64) -> String {
    format!("77400{person:011}")
}

/// What stands in the record of a person, and nowhere else.
pub fn email(person: u64) -> String {
    format!("w{person:07}zq@example.org")
}

pub fn full_name(person: u64) -> String {
    format!("Zoé d'Été-{person:07}")
}

/// What stands in it instead after it was corrected so many times (counted over all people).
fn corrected_name(person: u64, edition: u64) -> String {
    format!("{}-edition{edition:06}", full_name(person))
}

/// Which correction a record's text, or a name, is of; 0: none.
pub fn edition_in(text: &[u8]) -> u64 {
    let at = memchr::memmem::find(text, b"-edition").map(|at| at + b"-edition".len());
    let digits = at.and_then(|at| text.get(at..at + 6)).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.map_or(0, |digits| digits.parse().expect("six digits"))
}

/// Whose record it is.
pub fn email_of(lead: &OpenedLead) -> u64 {
    let policy = CONFIG.policy();
    let purpose = policy.purpose(lead.id().purpose.as_str()).expect("a purpose");
    person_of(lead.field(purpose, "email").expect("kept")[0].expose())
}

/// Of which correction it is.
fn edition_of(lead: &OpenedLead) -> u64 {
    let policy = CONFIG.policy();
    let purpose = policy.purpose(lead.id().purpose.as_str()).expect("a purpose");
    edition_in(lead.field(purpose, "full_name").expect("kept")[0].expose().as_bytes())
}

pub fn today() -> Day {
    Day::of(NOW.parse().expect("a moment"))
}

/// The first hundred records of a purpose.
pub fn first_page(name: &str) -> PageRequest {
    let (purpose, test) = (purpose(name), TestFilter::Include);
    let (incomplete, evidence, may_leave) = (false, false, None);
    PageRequest { purpose, after: None, limit: 100, test, today: today(), incomplete, evidence, may_leave }
}

fn person_of(email: &str) -> u64 {
    let digits = email.strip_prefix('w').and_then(|rest| rest.strip_suffix("zq@example.org"));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("nobody's address"))
}

pub fn reference(person: u64) -> LeadRef {
    LeadRef {
        leadgen: LeadgenId::parse(&leadgen(person)).expect("digits"),
        form: FormId::parse(FORM).expect("digits"),
        page: PageId::parse(PAGE).expect("digits"),
        created: Some(created(person)),
        received: NOW.parse().expect("a moment"),
    }
}

/// When a person submitted.
fn created(person: u64) -> Timestamp {
    let now: Timestamp = NOW.parse().expect("a moment");
    let days_ago = ends_on(person).map_or(0, |day| QUOTE_DAYS - i64::from(day));
    let moment = now.as_millisecond() - 3_600_000 - days_ago * DAY_MS;
    Timestamp::from_millisecond(moment).expect("in range")
}

fn reply(person: u64) -> RawReply {
    let (id, email, name) = (leadgen(person), email(person), full_name(person));
    let created = created(person).strftime("%Y-%m-%dT%H:%M:%S+0000").to_string();
    let json = format!(
        r#"{{"created_time":"{created}","id":"{id}","form_id":"{FORM}","field_data":[{{"name":"full_name","values":["{name}"]}},{{"name":"email","values":["{email}"]}},{{"name":"post_code","values":["49100"]}},{{"name":"budget","values":["5000"]}}],"custom_disclaimer_responses":[{{"checkbox_key":"email_optin","is_checked":"1"}}]}}"#
    );
    let mut reply = RawReply::with_limit(10_000);
    assert!(reply.push(json.as_bytes()).is_ok(), "fits");
    reply
}

fn definition() -> FormDefinition {
    let asked =
        [("full_name", "FULL_NAME"), ("email", "EMAIL"), ("post_code", "CUSTOM"), ("budget", "CUSTOM")];
    let questions = asked.map(|(key, kind)| Question::new(key, kind)).to_vec();
    FormDefinition {
        page: PageId::parse(PAGE),
        ..FormDefinition::asking(FormId::parse(FORM).expect("digits"), questions)
    }
}

/// What a fetcher would make of a person.
pub fn settlement(person: u64) -> Settlement {
    let purposes = match kind_of(person) {
        Kind::Both => &PURPOSES[..],
        Kind::One => &PURPOSES[..1],
        Kind::Held => {
            let outcome = Outcome::Parked(Why::Held { code: ParkCode::FormUnclaimed });
            return Settlement {
                reference: reference(person),
                outcome,
                matched: Vec::new(),
                dropped: Dropped::default(),
            };
        }
    };
    let (policy, definition, reply) = (CONFIG.policy(), definition(), reply(person));
    let raw = reply.lead().unwrap_or_else(|| panic!("a lead"));
    let mut verdicts: Vec<Verdict> = Vec::new();
    for name in purposes {
        let purpose = policy.purpose(name).expect("a purpose");
        let sieved = minimise(&raw, &reference(person), &Matching::new(purpose, Some(&definition)));
        let lead = sieved.result.unwrap_or_else(|code| panic!("{name} refuses: {code}"));
        verdicts.push(Verdict::Stored(Box::new(lead)));
    }
    if kind_of(person) == Kind::One {
        verdicts.push(Verdict::NotAsked(purpose(PURPOSES[1])));
    }
    Settlement {
        reference: reference(person),
        outcome: Outcome::Sieved(verdicts),
        matched: Vec::new(),
        dropped: Dropped::default(),
    }
}

pub fn purpose(name: &str) -> PurposeId {
    PurposeId::parse(name).expect("a name")
}

/// An operator acts because a person asked.
pub fn by_officer(action: Action) -> Entry {
    Entry::by(&Operator::recognised_by_kernel(1_000).because(Reason::PersonRequest), action)
}

/// Everything that lies in a home, as it would be in a backup.
pub fn copy(home: &Path, to: &Path) {
    visit(home, &mut |path, bytes| {
        let at = to.join(path.strip_prefix(home).expect("below it"));
        fs::create_dir_all(at.parent().expect("a parent")).expect("made");
        fs::write(&at, bytes).expect("written");
        owned(&at);
    });
}

/// Nobody else may read it, as tamis demands.
fn owned(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
    for directory in path.ancestors().skip(1).take(3) {
        // Beyond the home there are others' directories.
        let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o700));
    }
}

/// Open rooms.
pub struct House {
    pub home: PathBuf,
    pub store: SharedStore,
    pub inbox: Inbox,
    pub keyring: Arc<dyn Keyring>,
    clock: Arc<ManualClock>,
}

impl House {
    /// Opens what lies there, or makes it, as the daemon's start does.
    ///
    /// # Errors
    /// The refusal.
    pub async fn open(home: &Path) -> Result<Self, String> {
        Self::open_on(home, 0).await
    }

    /// The same, so many days after the first.
    ///
    /// # Errors
    /// The refusal.
    pub async fn open_on(home: &Path, day: u32) -> Result<Self, String> {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let manual = Arc::new(ManualClock::new(NOW.parse().expect("a moment")));
        manual.advance_ms(i64::from(day) * DAY_MS);
        let clock: Arc<dyn Clock> = manual.clone();
        let settings = Settings {
            path: home.join("store"),
            witness: home.join("keys/witness"),
            cache_mb: 8,
            free_disk_min_bytes: 0,
            // Where a test made one.
            ledger: Some(home.join(LEDGER)).filter(|ledger| ledger.exists()),
        };
        let place = home.join("keys/keyring");
        let root = || Key::new(ROOT);
        let found = FileKeyring::open(&place, root(), random.clone());
        let found = found.map_err(|error| format!("keyring: {error}"))?;
        let begins = tamis::store::begins_anew(&settings, found.as_ref().map(Keyring::generation));
        let keyring = match (begins.map_err(|error| format!("store: {error}"))?, found) {
            (false, Some(keyring)) => keyring,
            (_, found) => {
                drop(found);
                FileKeyring::create(&place, root(), random.clone())
                    .map_err(|error| format!("keyring: {error}"))?
            }
        };
        let keyring: Arc<dyn Keyring> = Arc::new(keyring);
        let purposes = PURPOSES.map(purpose).to_vec();
        let store = tamis::store::open(settings, keyring.clone(), purposes, clock.clone(), random.clone());
        let store = store.map_err(|error| format!("store: {error}"))?;
        let settings = tamis::inbox::Settings {
            path: home.join("store/inbox"),
            witness: home.join("keys/inbox-witness"),
            max_references: 100_000,
            max_held_by_form: 100_000,
            free_disk_min_bytes: 1,
            body_max_bytes: 1_000,
        };
        let known = Arc::new(StoreKnows::of(Arc::clone(&store)));
        let inbox = Inbox::open_with_segments(0, settings, keyring.clone(), known, clock, random).await;
        let inbox = inbox.map_err(|error| format!("inbox: {}", error.code))?;
        if day > 0 {
            store
                .confirm_clock(Entry::by_system(Action::ClockConfirmed))
                .await
                .map_err(|error| error.to_string())?;
        }
        Ok(Self { home: home.to_owned(), store, inbox, keyring, clock: manual })
    }

    /// A new one.
    pub async fn new(home: &Path) -> Self {
        Self::open(home).await.unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// People submit: what they asked for is settled, and some of their references lie in the journal as well.
    pub async fn take(&self, people: impl IntoIterator<Item = u64>) -> Vec<Settled> {
        let people: Vec<u64> = people.into_iter().collect();
        self.inbox.accept(people.iter().map(|person| reference(*person)).collect()).await.unwrap_or_else(
            |error| {
                panic!("the inbox refuses: {}", error.code);
            },
        );
        self.try_settle(&people).await.expect("settled")
    }

    pub async fn try_settle(&self, people: &[u64]) -> Result<Vec<Settled>, StoreError> {
        self.store.settle(people.iter().map(|person| settlement(*person)).collect()).await
    }

    pub async fn try_erase(&self, request: ErasureRequest) -> Result<Erasure, StoreError> {
        match self.store.erase(request, by_officer(Action::ErasureAsked)).await? {
            Asked::Erasure(erasure) => Ok(erasure),
            Asked::KeyTaken => panic!("no key was given"),
        }
    }

    /// Erases, and has its end.
    pub async fn erase(&self, request: ErasureRequest) -> Erasure {
        let erasure = self.try_erase(request).await.expect("erased");
        assert!(erasure.done.is_some(), "it has no end");
        erasure
    }

    /// Days pass.
    pub fn pass(&self, days: u32) {
        self.clock.advance_ms(i64::from(days) * DAY_MS);
    }

    /// A person says that the clock is right, and what has had its time ends. Gives how many records did.
    pub async fn expire(&self) -> u64 {
        self.store.confirm_clock(Entry::by_system(Action::ClockConfirmed)).await.expect("confirmed");
        let mut ended = 0;
        loop {
            let batch = self.store.expire().await.expect("expired");
            assert!(batch.done, "their keys are left");
            ended += batch.total();
            if !batch.more {
                return ended;
            }
        }
    }

    /// Corrects the record of a person. False: it is gone.
    pub async fn correct(&self, id: &RecordId, person: u64, edition: u64) -> bool {
        let policy = CONFIG.policy();
        let purpose = policy.purpose(id.purpose.as_str()).expect("a purpose");
        let fields = vec![("full_name".to_owned(), vec![corrected_name(person, edition).into()])];
        let revision = correction(purpose, fields).unwrap_or_else(|_| panic!("refused"));
        let request = RewriteRequest { records: vec![(id.clone(), revision)], cause: RewriteCause::Person };
        let rewriting = self.store.rewrite(request, by_officer(Action::Corrected)).await.expect("rewritten");
        assert!(rewriting.keys_destroyed, "{id}: the key of before is left");
        match rewriting.each.as_slice() {
            [Rewritten::Anew] => true,
            [Rewritten::Gone] => false,
            other => panic!("{id}: {other:?}"),
        }
    }

    /// The records of a purpose by person, as an export gives them.
    pub async fn export(&self, name: &str) -> BTreeMap<u64, RecordId> {
        self.try_export(name).await.unwrap_or_else(|error| panic!("the export ends: {error}"))
    }

    pub async fn try_export(&self, name: &str) -> Result<BTreeMap<u64, RecordId>, StoreError> {
        let read = self.try_read(name).await?;
        Ok(read.into_iter().map(|(person, (id, _))| (person, id)).collect())
    }

    /// The same, each with the correction that it is of.
    pub async fn try_read(&self, name: &str) -> Result<BTreeMap<u64, (RecordId, u64)>, StoreError> {
        let (mut records, mut after) = (BTreeMap::new(), None);
        loop {
            let request = PageRequest { after, ..first_page(name) };
            let mut page = self.store.open_page(request, by_officer(Action::Exported)).await?;
            for unsealed in page.records.by_ref() {
                let lead = unsealed?.read().expect("of our layout");
                let person = email_of(&lead);
                let read = (lead.id().clone(), edition_of(&lead));
                assert!(records.insert(person, read).is_none(), "{person} twice");
            }
            if !page.more {
                return Ok(records);
            }
            after = Some(page.next);
        }
    }

    /// Everyone who is in some export, and what is parked; nothing else may be known.
    pub async fn ids(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for name in PURPOSES {
            ids.extend(self.export(name).await.values().map(ToString::to_string));
        }
        ids
    }

    /// Of a person, what became of each purpose.
    pub async fn fates(&self, person: u64) -> Vec<SeenState> {
        let fates =
            self.store.seen(&LeadgenId::parse(&leadgen(person)).expect("digits")).await.expect("read");
        fates.into_iter().map(|fate| fate.state).collect()
    }

    pub async fn scan(&self) -> Scanned {
        loop {
            if let Scanning::Over(scanned) = self.store.scan(1_000).await.expect("scanned") {
                return scanned;
            }
        }
    }

    /// The trail from its first line to its last; the store verifies the chain as it reads.
    pub async fn trail(&self) -> Vec<tamis::trail::Line> {
        let mut lines: Vec<tamis::trail::Line> = Vec::new();
        loop {
            let after = lines.last().map_or(0, |line| line.seq);
            let more = self.store.lines(after, 1_000).await.expect("a chain");
            if more.is_empty() {
                return lines;
            }
            lines.extend(more);
        }
    }

    /// The outsider copies everything as it is and learns what records it has: these.
    pub fn learnt_by(&self, memory: &mut outsider::Memory) -> BTreeSet<Version> {
        let aside = tempfile::tempdir().expect("a directory");
        copy(&self.home, aside.path());
        memory.learn(aside.path(), &ROOT)
    }

    /// A clean end.
    pub async fn close(self) {
        self.inbox.close().unwrap_or_else(|error| panic!("closing: {}", error.code));
        self.store.close().await.expect("closed");
    }
}

/// A person, by Meta's number.
pub fn by_leadgen(person: u64) -> Wanted {
    Wanted::Leadgen(LeadgenId::parse(&leadgen(person)).expect("digits"))
}

pub fn request(what: Vec<Wanted>) -> ErasureRequest {
    ErasureRequest { what, ..ErasureRequest::default() }
}
