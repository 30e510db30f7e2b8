//! A record written anew: what is to become of its inside, as data, and what comes of it. What shows that somebody agreed is never
//! touched; until when that holds is.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::clock::{Day, plus_months};
use crate::lead::event::{ConsentEvent, EventKind, Said};
use crate::lead::minimised::{Answer, Content, MinimisedLead};
use crate::lead::reach::Reach;
use crate::lead::schema::{self, Schema};
use crate::lead::seal::{Leaf, RECORD_BYTES_MAX, SealError, SealedRecord, plain_of, reseal, size_of};
use crate::people::{Agreed, confirmed, named};
use crate::purpose::{
    Basis, ConsentKey, ConsentRule, FieldName, Keep, Periods, Purpose, RecordId, Remit, periods,
};
use crate::random::Random;
use crate::secret::{Key, Wiped};

/// What was received by so much more than that before it was submitted, was received under a clock that was behind.
const EARLY_BY: SignedDuration = SignedDuration::from_hours(1);
/// Two runs of as many calendar months differ by no more.
const MONTHS_DIFFER_BY: SignedDuration = SignedDuration::from_hours(24 * 3);

/// So many months after a person's last act what rests on their consent ends, whatever else holds it (CNIL, reference on the management
/// of commercial activities: three years from the last contact).
const CONSENT_CAP_MONTHS: u32 = 36;

/// What is to become of a record. It holds answers: no `Debug`.
#[derive(Clone, Default)]
pub struct Revision {
    /// Fields that get these answers in the place of theirs; none: the field goes.
    pub(in crate::lead) fields: Vec<(FieldName, Arc<[Answer]>)>,
    /// A field gets an answer only where its consent was given and holds.
    pub(in crate::lead) hangs_on: Vec<(FieldName, ConsentRule)>,
    /// Of these one must be left.
    pub(in crate::lead) one_of: Vec<FieldName>,
    /// It is refused where no field would be left.
    pub(in crate::lead) keeps_some: bool,
    /// What was given of consents holds no longer than this.
    pub(in crate::lead) consents_end: Option<Ending>,
    /// It is refused where none of these holds afterwards; none among them: it rests on no consent.
    pub(in crate::lead) rests_on: Vec<ConsentRule>,
    /// How its person said what is to become of their consents; none: the controller wrote it down.
    pub(in crate::lead) said: Option<Said>,
    /// Its person says yes to these, and what it counts from begins anew.
    pub(in crate::lead) yes: Option<Yes>,
    /// It ends no later than this.
    pub(in crate::lead) periods: Option<Periods>,
    /// Where it was received before it was submitted, its periods begin with its submission.
    pub(in crate::lead) dated_by: Option<Arc<Purpose>>,
    /// What is not within this goes.
    pub(in crate::lead) within: Option<Arc<Remit>>,
}

/// Which consents end, and when.
#[derive(Clone)]
pub(in crate::lead) struct Ending {
    /// None: all of them.
    of: Option<Vec<ConsentKey>>,
    at: Timestamp,
    /// As what it stands among the events.
    kind: EventKind,
}

/// A yes to a purpose.
#[derive(Clone)]
pub(in crate::lead) struct Yes {
    pub(in crate::lead) purpose: Arc<Purpose>,
    pub(in crate::lead) boxes: Vec<ConsentKey>,
}

impl Revision {
    /// These fields go.
    pub fn without(fields: impl IntoIterator<Item = FieldName>) -> Self {
        Self {
            fields: fields.into_iter().map(|name| (name, Arc::from(Vec::new()))).collect(),
            ..Self::default()
        }
    }

    /// The person has objected: every consent that was given holds until this moment and no longer. What shows that it was given
    /// stays.
    #[must_use = "it is the same without its consents"]
    pub fn ending_consents(self, at: Timestamp) -> Self {
        Self { consents_end: Some(Ending { of: None, at, kind: EventKind::Objected }), ..self }
    }

    /// They took these back; none said: all.
    #[must_use = "it is the same without them"]
    pub(in crate::lead) fn ending(self, of: Option<Vec<ConsentKey>>, at: Timestamp) -> Self {
        Self { consents_end: Some(Ending { of, at, kind: EventKind::Withdrawn }), ..self }
    }

    /// What a person said before is done again, where the record is as it was before they did: these fields go, and these consents
    /// hold until that moment and no longer.
    pub fn said_before(
        fields: impl IntoIterator<Item = FieldName>,
        consents: Vec<ConsentKey>,
        (kind, at): (EventKind, Timestamp),
        said: Said,
    ) -> Self {
        let ending = Ending { of: Some(consents), at, kind };
        Self { consents_end: Some(ending), said: Some(said), ..Self::without(fields) }
    }

    /// As what it ends consents, when, and how that was said; none: it ends none.
    pub fn ends(&self) -> Option<(EventKind, Timestamp, Said)> {
        let ending = self.consents_end.as_ref()?;
        Some((ending.kind, ending.at, self.said.clone().unwrap_or(Said::TO_CONTROLLER)))
    }

    /// And this is how they said so.
    #[must_use = "it is the same with how it was said"]
    pub fn as_said(self, said: Said) -> Self {
        Self { said: Some(said), ..self }
    }

    /// For which purpose its person says yes; none: they do not.
    pub fn confirms(&self) -> Option<&Arc<Purpose>> {
        self.yes.as_ref().map(|yes| &yes.purpose)
    }

    /// And it ends no later than this: periods are shortened by it, never lengthened.
    #[must_use = "it is the same with the periods"]
    pub fn no_longer_than(self, periods: Periods) -> Self {
        Self { periods: Some(periods), ..self }
    }

    /// A record that was received more than an hour before it was submitted was so under a clock that was behind: it gets the
    /// periods of its submission, no longer than they were to be when it was stored, and counts as received then.
    pub fn dated_by_submission(purpose: Arc<Purpose>) -> Self {
        Self { dated_by: Some(purpose), ..Self::default() }
    }

    /// What its purpose may no longer hold goes: fields that are not within this remit, those whose consent was not given or is
    /// over, and what is kept beside them. That of a consent which is over stays that shows how it was given: evidence is never
    /// touched. A record may have no field left by it.
    pub fn trimmed_to(remit: Arc<Remit>) -> Self {
        Self { within: Some(remit), ..Self::default() }
    }

    /// The fields that it names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &FieldName> {
        self.fields.iter().map(|(name, _)| name)
    }

    /// Works it in, and says what came of that.
    fn apply(&self, content: &mut Content, now: Timestamp) -> Result<Over, RevisionRefusal> {
        let besides = self.consents_end.is_none() && self.within.is_none() && self.yes.is_none();
        let mut over = Over { consents: Vec::new(), besides, events: Vec::new() };
        for (name, answers) in &self.fields {
            if !answers.is_empty() && !self.may_have(content, name, now) {
                return Err(RevisionRefusal::ConsentNotGiven);
            }
            replace(&mut content.fields, name, answers);
        }
        let has = |name: &FieldName| content.fields.iter().any(|(found, _)| found == name);
        if !self.one_of.is_empty() && !self.one_of.iter().any(has) {
            return Err(RevisionRefusal::NoneLeftOfOne);
        }
        if self.keeps_some && content.fields.is_empty() {
            return Err(RevisionRefusal::NothingLeft);
        }
        let today = Day::of(now);
        if let Some(Ending { of, at, kind }) = &self.consents_end {
            let ends = |key: &ConsentKey| of.as_ref().is_none_or(|of| of.contains(key));
            for evidence in content.consents.iter_mut().filter(|one| one.given() && ends(&one.key)) {
                if evidence.valid_until.is_none_or(|until| today < Day::of(until)) {
                    over.consents.push(evidence.key.clone());
                }
                let until = evidence.valid_until.map_or(*at, |until| until.min(*at));
                // One that was over by then ended by itself.
                if evidence.valid_until != Some(until) {
                    over.events.push(self.event(&evidence.key, *kind, *at, Some(until)));
                }
                evidence.valid_until = Some(until);
            }
        }
        let stays = |rule: &ConsentRule| holds(content, &rule.key, until_of(content, rule), today);
        if !self.rests_on.is_empty() && !self.rests_on.iter().any(stays) {
            return Err(RevisionRefusal::NoGround);
        }
        if let Some(Yes { purpose, boxes }) = &self.yes {
            for key in confirm(content, purpose, boxes, now)? {
                let until = content.consents.iter().find(|found| found.key == key);
                let until = until.and_then(|found| found.valid_until);
                over.events.push(self.event(&key, EventKind::Confirmed, now, until));
            }
        }
        if let Some(remit) = &self.within {
            trim(content, remit, now, &mut over);
        }
        if let Some(purpose) = &self.dated_by {
            redate(content, purpose, now);
        }
        if let Some(shorter) = &self.periods {
            content.expires_at = content.expires_at.min(shorter.expires_at);
            let due = content.reconfirm_due.into_iter().chain(shorter.reconfirm_due);
            content.reconfirm_due = due.min();
        }
        Ok(over)
    }

    fn event(
        &self,
        consent: &ConsentKey,
        kind: EventKind,
        at: Timestamp,
        valid_until: Option<Timestamp>,
    ) -> ConsentEvent {
        let Said { entity, notice_revision, language } = self.said.clone().unwrap_or(Said::TO_CONTROLLER);
        ConsentEvent { consent: consent.clone(), kind, at, entity, valid_until, notice_revision, language }
    }

    fn may_have(&self, content: &Content, name: &FieldName, now: Timestamp) -> bool {
        let mut rules = self.hangs_on.iter().filter(|(of, _)| of == name).map(|(_, rule)| rule);
        rules.all(|rule| holds(content, &rule.key, until_of(content, rule), Day::of(now)))
    }
}

/// Until when a consent holds by what the config says.
fn until_of(content: &Content, rule: &ConsentRule) -> Option<Timestamp> {
    let agreed = content.agreed(&rule.key);
    rule.valid_until(agreed, agreed)
}

/// See [`Revision::confirms`]. A second yes on one day changes nothing: what counts from it counts by days. Says which boxes it counts
/// for.
fn confirm(
    content: &mut Content,
    purpose: &Purpose,
    boxes: &[ConsentKey],
    now: Timestamp,
) -> Result<Vec<ConsentKey>, RevisionRefusal> {
    let agreed = |rule: &ConsentRule| {
        let evidence = content.consents.iter().find(|found| found.key == rule.key && found.given())?;
        let until = evidence.valid_until.into_iter().chain(until_of(content, rule)).min();
        Some(Agreed { consent: rule.key.clone(), valid_until: until })
    };
    let agreed: Vec<Agreed> = purpose.consents.iter().filter_map(agreed).collect();
    let named = named(&agreed, now);
    let counted: Vec<ConsentKey> = boxes.iter().filter(|key| named.contains(key)).cloned().collect();
    let renewed = match confirmed(&purpose.consents, &agreed, &counted, now) {
        Some(renewed) => renewed,
        // What rests on no consent may be confirmed without one.
        None if boxes.is_empty() && purpose.basis != Basis::Consent => agreed,
        None => return Err(RevisionRefusal::NothingToConfirm),
    };
    let is_today = |moment: Option<Timestamp>| moment.is_some_and(|moment| Day::of(moment) == Day::of(now));
    let mut said = content.consents.iter().filter(|found| counted.contains(&found.key));
    if is_today(content.confirmed) && said.all(|found| is_today(found.confirmed)) {
        return Ok(Vec::new());
    }
    for evidence in content.consents.iter_mut().filter(|found| counted.contains(&found.key)) {
        let until = renewed.iter().find(|one| one.consent == evidence.key);
        evidence.valid_until = until.and_then(|one| one.valid_until);
        evidence.confirmed = Some(now);
    }
    content.confirmed = Some(now);
    let periods = periods(purpose, now, now);
    let cap = (purpose.basis == Basis::Consent).then(|| plus_months(now, CONSENT_CAP_MONTHS));
    content.expires_at = cap.map_or(periods.expires_at, |cap| periods.expires_at.min(cap));
    content.reconfirm_due = periods.reconfirm_due;
    Ok(counted)
}

/// True if a consent was given, and is not over on this day: neither by what was said when it was given, nor by what the config says
/// (`until`).
fn holds(content: &Content, key: &ConsentKey, until: Option<Timestamp>, today: Day) -> bool {
    let evidence = content.consents.iter().find(|evidence| evidence.key == *key);
    evidence.is_some_and(|evidence| {
        let until = evidence.valid_until.into_iter().chain(until).min();
        evidence.given() && until.is_none_or(|until| today < Day::of(until))
    })
}

/// See [`Revision::trimmed_to`].
fn trim(content: &mut Content, remit: &Remit, now: Timestamp, over: &mut Over) {
    let today = Day::of(now);
    let mut fields = std::mem::take(&mut content.fields);
    fields.retain(|(name, _)| {
        let Some(field) = remit.field(name) else {
            over.besides = true;
            return false;
        };
        let Some(consent) = &field.consent else { return true };
        let agreed = content.agreed(&consent.key);
        let until = consent.valid_until(agreed, agreed);
        let stays = holds(content, &consent.key, until, today);
        let was_given = || content.consents.iter().any(|seen| seen.key == consent.key && seen.given());
        match stays {
            true => {}
            false if !was_given() => over.besides = true,
            false if over.consents.contains(&consent.key) => {}
            false => over.consents.push(consent.key.clone()),
        }
        stays
    });
    content.fields = fields;
    let before = (content.attribution.len(), content.leadgen.is_some());
    content.attribution.retain(|(keep, _)| remit.keeps(*keep));
    content.leadgen = content.leadgen.take().filter(|_| remit.keeps(Keep::LeadgenId));
    over.besides |= before != (content.attribution.len(), content.leadgen.is_some());
}

/// What of a record is another afterwards.
struct Over {
    /// Consents that were given, and by which nothing is held any more.
    consents: Vec<ConsentKey>,
    /// Something else is, too.
    besides: bool,
    /// What became of its consents.
    events: Vec<ConsentEvent>,
}

fn replace(fields: &mut Vec<(FieldName, Vec<Answer>)>, name: &FieldName, answers: &[Answer]) {
    if answers.is_empty() {
        return fields.retain(|(found, _)| found != name);
    }
    let answers = answers.iter().map(Answer::again).collect();
    match fields.iter_mut().find(|(found, _)| found == name) {
        Some((_, had)) => *had = answers,
        None => fields.push((name.clone(), answers)),
    }
}

/// See [`Revision::dated_by_submission`]. What was lengthened in the config since holds for later submissions alone, as ever.
fn redate(content: &mut Content, purpose: &Purpose, now: Timestamp) {
    // What says that it is of tomorrow says nothing.
    if !is_early(content) || content.created > now {
        return;
    }
    let later = content.created.duration_since(content.received);
    let cap = |was: Timestamp| {
        let moved = was.checked_add(later).and_then(|moved| moved.checked_add(MONTHS_DIFFER_BY));
        moved.unwrap_or(Timestamp::MAX)
    };
    let now = periods(purpose, content.created, content.created);
    content.expires_at = now.expires_at.min(cap(content.expires_at)).max(content.expires_at);
    content.reconfirm_due =
        content.reconfirm_due.map(|was| now.reconfirm_due.map_or(was, |due| due.min(cap(was)).max(was)));
    for evidence in &mut content.consents {
        let rule = purpose.consents.iter().find(|rule| rule.key == evidence.key);
        let ends = rule.and_then(|rule| rule.valid_until(content.created, content.created));
        if let (Some(was), Some(ends)) = (evidence.valid_until, ends) {
            evidence.valid_until = Some(ends.min(cap(was)).max(was));
        }
    }
    content.received = content.created;
}

fn is_early(content: &Content) -> bool {
    content.created.duration_since(content.received) > EARLY_BY
}

impl MinimisedLead {
    /// True if it was received under a clock that was behind: see [`Revision::dated_by_submission`].
    pub fn is_early(&self) -> bool {
        is_early(&self.content)
    }
}

/// Why a record is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevisionRefusal {
    /// It would be larger than a record may be.
    TooLarge,
    /// A field hangs on a consent that the person did not give, or that is over.
    ConsentNotGiven,
    /// None of the fields would be left of which the purpose needs one.
    NoneLeftOfOne,
    /// No field would be left.
    NothingLeft,
    /// No consent would hold on which it may be kept: it is to be erased.
    NoGround,
    /// Nothing that is confirmed was agreed to and still holds.
    NothingToConfirm,
}

/// What comes of a revision.
pub enum Revised {
    /// It is so already.
    Same,
    /// It is left as it is.
    Refused(RevisionRefusal),
    /// To be sealed under another leaf.
    Anew(RevisedLead),
}

/// The inside of a record as it is to be.
pub struct RevisedLead {
    plain: Wiped<Vec<u8>>,
    schema: Schema,
    expires_at: Timestamp,
    test: bool,
    over: Over,
}

impl RevisedLead {
    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What became of its consents by the revision.
    pub fn events(&self) -> &[ConsentEvent] {
        &self.over.events
    }

    /// Consents that were given and hold no longer: the person said no, or what hung on them went since their time is over.
    pub fn consents_over(&self) -> impl Iterator<Item = &ConsentKey> {
        self.over.consents.iter()
    }

    /// True if something else of it is another as well, or nothing but that.
    pub fn is_other_besides(&self) -> bool {
        self.over.besides || self.over.consents.is_empty()
    }

    /// The first day on which it is no longer exported.
    pub fn expiry_day(&self) -> Day {
        Day::of(self.expires_at)
    }

    /// Seals it under the record's name with the key of another leaf.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(
        &self,
        id: &RecordId,
        leaf: Leaf,
        key: &Key,
        random: &dyn Random,
    ) -> Result<SealedRecord<'static>, SealError> {
        let clear = (leaf, self.expiry_day(), self.test);
        reseal(&self.plain, self.schema, clear, id, key, random)
    }
}

/// Opens a record and works a revision into it.
///
/// # Errors
/// [`SealError::DoesNotOpen`], [`SealError::UnknownLayout`].
pub fn revise(
    record: &SealedRecord<'_>,
    id: &RecordId,
    key: &Key,
    revision: &Revision,
    now: Timestamp,
) -> Result<Revised, SealError> {
    let before = plain_of(record, id, key)?;
    let mut content = schema::decode(&before, record.test).ok_or(SealError::UnknownLayout)?;
    let over = match revision.apply(&mut content, now) {
        Ok(over) => over,
        Err(refusal) => return Ok(Revised::Refused(refusal)),
    };
    let (schema, plain) = schema::encode_again(&content).map_err(SealError::TooLarge)?;
    if *plain == *before {
        return Ok(Revised::Same);
    }
    // What a person wants of their consents is never refused for its room, and what becomes smaller takes none.
    let is_wish = revision.consents_end.is_some() || revision.yes.is_some();
    if size_of(plain.len()) > RECORD_BYTES_MAX && plain.len() > before.len() && !is_wish {
        return Ok(Revised::Refused(RevisionRefusal::TooLarge));
    }
    let (expires_at, test) = (content.expires_at, record.test);
    Ok(Revised::Anew(RevisedLead { plain, schema, expires_at, test, over }))
}

/// Whom a record reaches, as its purpose reads what it holds.
///
/// # Errors
/// [`SealError::DoesNotOpen`], [`SealError::UnknownLayout`].
pub fn reach_of(
    record: &SealedRecord<'_>,
    id: &RecordId,
    key: &Key,
    purpose: &Purpose,
) -> Result<Reach, SealError> {
    let plain = plain_of(record, id, key)?;
    let content = schema::decode(&plain, record.test).ok_or(SealError::UnknownLayout)?;
    Ok(Reach::of_content(purpose, &content))
}

/// True if a record was received under a clock that was behind: see [`Revision::dated_by_submission`].
///
/// # Errors
/// [`SealError::DoesNotOpen`], [`SealError::UnknownLayout`].
pub fn was_early(record: &SealedRecord<'_>, id: &RecordId, key: &Key) -> Result<bool, SealError> {
    let plain = plain_of(record, id, key)?;
    schema::decode(&plain, record.test).map(|content| is_early(&content)).ok_or(SealError::UnknownLayout)
}

#[cfg(test)]
mod tests;
