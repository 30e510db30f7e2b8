//! Writes a mail from the record that it is about, as that is now; or says why nobody is to be written to. It writes no line of the
//! log.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::clock::after;
use crate::current::Current;
use crate::language::Language;
use crate::lead::OpenedLead;
use crate::mail::{Addressee, House, Letter, Link, RawMail, Settings, Stamp, asked, welcome};
use crate::notice::naming;
use crate::people::PassKind;
use crate::purpose::law::{Authority, Controller, authority_of};
use crate::purpose::{Basis, Policy, Purpose, RecordId};
use crate::store::{
    GivenPass, MailAttempt, MailId, MailKind, PASSES_OF_RECORD_MAX, SharedStore, StoreError, ToPass,
};
use crate::trail::{Action, Entry};
use crate::workers::judging::{Judged, MAILED_WITHIN, Unsent, judge};
use crate::workers::postman::copying::Answering;

/// So often a mail is tried: over two days. Each attempt gives a pass of each kind, and of those a record has so many. What it gave goes
/// where nobody can have the mail; where nobody can tell it stays, each time, and with it those of three mails that went through before,
/// none of which may end for it.
const ATTEMPTS_MAX: u32 = PASSES_OF_RECORD_MAX as u32 - 4;
/// So many passes that could not be taken back are remembered, to be taken back later.
const UNTAKEN_MAX: usize = 256;

/// Whose the mails are, as the config says now.
pub struct Letterhead {
    /// Who answers for the data.
    pub controller: Controller,
    /// Under which address the notices stand.
    pub public_url: String,
}

impl Letterhead {
    /// Who writes.
    pub(super) fn house(&self) -> House<'_> {
        let Controller { name, address, email, .. } = &self.controller;
        House { name, address, email }
    }
}

/// Where mails are written.
pub(super) struct Desk {
    pub(super) store: SharedStore,
    pub(super) policy: Arc<Current<Policy>>,
    pub(super) letterhead: Arc<Current<Letterhead>>,
    /// The house has tamis ask whether people still agree.
    pub(super) asks_again: bool,
    /// What answers whoever asks for their links, or for a copy; none: nobody does.
    pub(super) answering: Option<Answering>,
    /// The hashes of the passes in the mail that was written last, until somebody has it, or may have it.
    given: Mutex<Vec<[u8; 32]>>,
    /// Those of mails that nobody has, which could not be taken back yet.
    untaken: Mutex<Vec<[u8; 32]>>,
}

/// A mail, or why there is none.
pub(super) enum Written {
    Mail(RawMail),
    /// One that says that these records are about to be erased.
    Telling(RawMail, Vec<RecordId>),
    Not(Unsent),
    /// It cannot be written now, for what this code says.
    Later(&'static str),
}

impl Desk {
    pub(super) fn new(
        store: SharedStore,
        policy: Arc<Current<Policy>>,
        letterhead: Arc<Current<Letterhead>>,
        asks_again: bool,
    ) -> Self {
        let (given, untaken) = (Mutex::default(), Mutex::default());
        Self { store, policy, letterhead, asks_again, answering: None, given, untaken }
    }

    /// A pass is in the mail that is being written.
    pub(super) fn note_given(&self, hash: [u8; 32]) {
        self.given.lock().push(hash);
    }

    /// The mail that was written last was taken, or nobody can tell: what it carries stays.
    pub(super) fn handed_over(&self) {
        self.given.lock().clear();
    }

    /// Nobody has the mail that was written last: what it carries opens nothing.
    pub(super) async fn take_back(&self) {
        let given = std::mem::take(&mut *self.given.lock());
        self.untaken.lock().extend(given);
        self.take_untaken().await;
    }

    /// The same of what could not be taken back before. What still cannot stays to be; beyond [`UNTAKEN_MAX`] it ends with its record, as
    /// every pass, or gives way to later ones.
    pub(super) async fn take_untaken(&self) {
        let to_take = std::mem::take(&mut *self.untaken.lock());
        for some in to_take.chunks(PASSES_OF_RECORD_MAX) {
            if self.store.take_passes_back(some.to_vec()).await.is_err() {
                let mut untaken = self.untaken.lock();
                let room = UNTAKEN_MAX.saturating_sub(untaken.len());
                untaken.extend(some.iter().take(room));
            }
        }
    }

    /// Reads the record, with a line in the trail, and writes the mail.
    pub(super) async fn write(
        &self,
        mail: &MailId,
        attempt: &MailAttempt,
        settings: &Settings,
    ) -> Result<Written, StoreError> {
        if mail.kind == MailKind::Erasing {
            return self.write_telling(mail, attempt, settings).await;
        }
        let policy = self.policy.pin();
        let Some(purpose) = policy.purpose(mail.record.purpose.as_str()) else {
            return Ok(Written::Not(Unsent::NotWanted));
        };
        let now = self.store.now();
        if let Err(why) = may_go(mail.kind, attempt, purpose, now) {
            return Ok(Written::Not(why));
        }
        if mail.kind.is_asked_for() {
            return self.write_asked_for(mail, attempt, settings).await;
        }
        if mail.kind != MailKind::Welcome && (!self.asks_again || self.store.asking_paused()) {
            return Ok(Written::Not(Unsent::NotAsking));
        }
        let (lead, to) = match judge(&self.store, mail, purpose, Entry::by_system(Action::MailBegun)).await? {
            Judged::MayBe { lead, to } => (lead, to),
            Judged::MayNot(why) => return Ok(Written::Not(why)),
        };
        let letterhead = self.letterhead.pin();
        let page = self.link(mail, PassKind::Page, &letterhead).await?;
        let stop = self.link(mail, PassKind::Stop, &letterhead).await?;
        let links = page.zip(stop);
        let letter = links.and_then(|links| letter(&lead, to, purpose, &letterhead, links));
        let message = letter.and_then(|letter| match mail.kind {
            MailKind::Welcome => Some(welcome(letter)),
            // Whose purpose asks nobody again is not asked: see `may_go`.
            kind => Some(asked(letter, purpose.reconfirm_months?, kind == MailKind::Reminded)),
        });
        let stamp = Stamp { at: attempt.queued, number: attempt.stamp };
        let raw = message.and_then(|message| message.written(settings, stamp).ok());
        Ok(raw.map_or(Written::Not(Unsent::NotWritten), Written::Mail))
    }

    /// A link that a pass opens for as long as the record lives: a no must not fail for an old mail. None: the record is gone, or
    /// people do not reach tamis by `https:`.
    async fn link(
        &self,
        mail: &MailId,
        kind: PassKind,
        letterhead: &Letterhead,
    ) -> Result<Option<Link>, StoreError> {
        let wanted = ToPass { record: mail.record.clone(), kind, last_day: None };
        Ok(match self.store.give_pass(wanted, Entry::by_system(Action::PassGiven)).await? {
            GivenPass::Given(pass) => {
                self.note_given(pass.hash());
                Link::parse(&format!("{}{}", letterhead.public_url, pass.path(kind).as_str()))
            }
            GivenPass::Gone | GivenPass::Unknown => None,
        })
    }
}

/// What forbids a mail whatever its record says.
fn may_go(kind: MailKind, attempt: &MailAttempt, purpose: &Purpose, now: Timestamp) -> Result<(), Unsent> {
    let is_wanted = match kind {
        MailKind::Welcome => purpose.welcome,
        MailKind::Asked | MailKind::Reminded => purpose.reconfirm_months.is_some(),
        MailKind::Link | MailKind::Copy | MailKind::Erasing => true,
    };
    let is_late = attempt.number > ATTEMPTS_MAX || after(attempt.queued, MAILED_WITHIN) < now;
    match (is_wanted, is_late) {
        (false, _) => Err(Unsent::NotWanted),
        (true, true) => Err(Unsent::TooLate),
        (true, false) => Ok(()),
    }
}

/// What is put into a letter about this record. None: there is no link to the notice.
fn letter<'l>(
    lead: &OpenedLead,
    to: Addressee,
    purpose: &Purpose,
    letterhead: &'l Letterhead,
    (page, stop): (Link, Link),
) -> Option<Letter<'l>> {
    let Letterhead { controller, public_url } = letterhead;
    let language = language_of(lead, purpose);
    let authority = match &controller.authority {
        Some(Authority { name, url, .. }) => Some((name.clone(), url.clone())),
        None => authority_of(&controller.country).map(|authority| (authority.name, authority.url)),
    };
    Some(Letter {
        to,
        language,
        house: letterhead.house(),
        authority,
        day: language.day(lead.sent()),
        confirmed: (lead.acted() != lead.sent()).then(|| language.day(lead.acted())),
        title: title_of(purpose, language),
        held: lead.held().map(|(name, _)| naming::field(name, language)).collect(),
        until: language.day(lead.expires_at()),
        is_by_consent: purpose.basis == Basis::Consent,
        notice: Link::parse(&format!("{public_url}/notice/{}", purpose.id))?,
        page,
        stop,
    })
}

/// What people read the purpose under.
pub(super) fn title_of(purpose: &Purpose, language: Language) -> String {
    let titles = purpose.title.iter().map(|(tag, text)| (tag, text));
    language.choose(titles).map_or(purpose.id.as_str(), |(_, text)| text).to_owned()
}

/// The language of the form, or the one in which the purpose has its first title.
pub(super) fn language_of(lead: &OpenedLead, purpose: &Purpose) -> Language {
    let of_form = lead.grounds().language.as_deref().map(|tag| tag.replace('_', "-"));
    let of_form = of_form.as_deref().and_then(Language::of_tag);
    let of_title = || purpose.title.iter().find_map(|(tag, _)| Language::of_tag(tag));
    of_form.or_else(of_title).unwrap_or(Language::En)
}
