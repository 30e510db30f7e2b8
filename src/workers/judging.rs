//! Whether the person of a record may be written to, as the record is now: looked at before a mail is written, and before somebody is
//! listed for whoever asks people by means of their own.

use jiff::{SignedDuration, Timestamp};

use crate::clock::{Day, after};
use crate::lead::OpenedLead;
use crate::mail::{Addressee, OwnMailbox};
use crate::people::{Agreed, Turn, named, turn};
use crate::purpose::{Basis, Channel, ConsentRule, Purpose};
use crate::store::{Correspondence, Found, MailId, MailKind, SharedStore, StoreError, Wanted};
use crate::trail::Entry;

/// What comes later than a month after the form is no first mail any more (GDPR art. 14(3)(a)): also where it was fetched, or released,
/// long after it was sent in. Nor does any mail wait for longer.
pub(super) const MAILED_WITHIN: SignedDuration = SignedDuration::from_hours(30 * 24);

crate::codes! {
    /// Why a mail that waited was not sent.
    pub enum Unsent {
        /// Its record is gone, or its time is over.
        Gone = "mail-record-gone",
        /// Its record is restricted.
        Restricted = "mail-restricted",
        /// Its purpose does not write such mails any more.
        NotWanted = "mail-not-wanted",
        /// The record holds no address that may be written to.
        NoAddress = "mail-no-address",
        /// The address is on the list of those that may not be stored.
        Suppressed = "mail-suppressed",
        /// No mail reaches the address.
        Unreachable = "mail-unreachable-address",
        /// Its person is not to be asked now: they answered, nothing is left that they could confirm, or it is too late.
        NotDue = "mail-not-due",
        /// Nobody is asked for now: it is queued again when the asking goes on.
        NotAsking = "mail-asking-paused",
        /// It has waited for too long, or was tried too often.
        TooLate = "mail-too-late",
        /// It could not be written.
        NotWritten = "mail-not-writable",
        /// What was to go with it is larger than mail servers take.
        TooLarge = "mail-too-large",
    }
}

/// What came of a look.
// It holds answers: no `Debug`.
pub(super) enum Judged {
    /// They may be, at this address.
    MayBe { lead: Box<OpenedLead>, to: Addressee },
    /// They may not.
    MayNot(Unsent),
}

/// Opens the record, with this line in the trail, and looks.
pub(super) async fn judge(
    store: &SharedStore,
    mail: &MailId,
    purpose: &Purpose,
    entry: Entry,
) -> Result<Judged, StoreError> {
    let by = entry.clone();
    match store.find(Wanted::Record(mail.record.clone()), entry).await?.pop() {
        Some(found) => judge_found(store, mail, purpose, found, &by).await,
        None => Ok(Judged::MayNot(Unsent::Gone)),
    }
}

/// Looks at what was found of the record, with this line.
pub(super) async fn judge_found(
    store: &SharedStore,
    mail: &MailId,
    purpose: &Purpose,
    found: Found,
    by: &Entry,
) -> Result<Judged, StoreError> {
    let now = store.now();
    if found.restriction.is_some() {
        return Ok(Judged::MayNot(Unsent::Restricted));
    }
    let Some(lead) = found.lead else { return Ok(Judged::MayNot(Unsent::Gone)) };
    if mail.kind == MailKind::Welcome && after(lead.acted(), MAILED_WITHIN) < now {
        return Ok(Judged::MayNot(Unsent::TooLate));
    }
    let Some(to) = OwnMailbox::of(&lead, purpose, now).map(|mailbox| mailbox.to) else {
        return Ok(Judged::MayNot(Unsent::NoAddress));
    };
    let written = store.correspondence(vec![mail.record.clone()]).await?;
    let written = written.first().copied().unwrap_or_default();
    if written.unreachable.is_some() {
        return Ok(Judged::MayNot(Unsent::Unreachable));
    }
    if mail.kind != MailKind::Welcome && !is_turn_of(mail.kind, &written, (&lead, purpose), now) {
        return Ok(Judged::MayNot(Unsent::NotDue));
    }
    if is_suppressed(store, &lead, purpose, by).await? {
        return Ok(Judged::MayNot(Unsent::Suppressed));
    }
    Ok(Judged::MayBe { lead: lead.into(), to })
}

/// True if it is the turn of this mail to the person of a record now.
fn is_turn_of(
    kind: MailKind,
    written: &Correspondence,
    (lead, purpose): (&OpenedLead, &Purpose),
    now: Timestamp,
) -> bool {
    // A mail that asks for a consent is itself one that wants a consent to mail.
    let may_mail = |rule: &ConsentRule| rule.channel == Channel::Email && lead.holds(rule, now);
    let has_nothing_to_confirm = named(&agreed(lead, purpose), now).is_empty();
    if purpose.basis == Basis::Consent && (has_nothing_to_confirm || !purpose.consents.iter().any(may_mail)) {
        return false;
    }
    // By the record's own days, as whoever queued it goes: a period that the config lengthened since is one of later submissions.
    let Correspondence { asked, reminded, .. } = *written;
    let (ends, today) = (Day::of(lead.expires_at()), Day::of(now));
    let has_come = lead.reconfirm_due().is_some_and(|due| Day::of(due) <= today);
    match (kind, turn(ends, purpose.grace_days, (asked, reminded), today)) {
        (MailKind::Welcome, _) => true,
        (MailKind::Asked, turn) => has_come && turn == Turn::Ask,
        (MailKind::Reminded, turn) => has_come && turn == Turn::Remind,
        (MailKind::Link | MailKind::Copy | MailKind::Erasing, _) => false,
    }
}

/// What its person agreed to, as far as the purpose still asks for it.
fn agreed(lead: &OpenedLead, purpose: &Purpose) -> Vec<Agreed> {
    let given = lead.consents().iter().filter(|found| found.given());
    let agreed = given.filter_map(|found| {
        let rule = purpose.consents.iter().find(|rule| rule.key == found.key)?;
        Some(Agreed { consent: found.key.clone(), valid_until: lead.valid_until(rule) })
    });
    agreed.collect()
}

/// True if an address of the record, whichever a mail goes to, is on the list; or nobody can tell, there are so many.
async fn is_suppressed(
    store: &SharedStore,
    lead: &OpenedLead,
    purpose: &Purpose,
    by: &Entry,
) -> Result<bool, StoreError> {
    let Some(addresses) = lead.reach(purpose).into_addresses() else { return Ok(true) };
    let scopes = vec![None, Some(purpose.id.clone())];
    Ok(!store.suppressions_of(addresses, scopes, by).await?.is_empty())
}
