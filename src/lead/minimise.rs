//! The sieve: one raw lead, under the whitelist of one purpose.
//!
//! Names decide, values follow: an answer is decoded only once its key has a permit, its consent was given and no better
//! key feeds the same field. Each value is decoded into one allocation, which belongs to an `Answer` that wipes it.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;

use crate::json::{Json, Kind};
use crate::lead::dropped::{Dropped, NAMES_MAX};
use crate::lead::minimised::{Answer, ConsentEvidence, ConsentOutcome, Content, Grounds, MinimisedLead};
use crate::lead::raw::{RawEntry, RawLead};
use crate::lead::reach::Reach;
use crate::lead::seal::{self, RECORD_BYTES_MAX};
use crate::lead::ticks::{Submission, Ticks};
use crate::notification::{LeadRef, ParkCode, moment};
use crate::purpose::{ConsentKey, DropCode, FieldRule, Keep, Matching, Permit, Purpose, periods};

/// The most values of one field that are kept. More is no answer of a person; the record's size is bounded at the seal.
pub(in crate::lead) const VALUES_MAX: usize = 100;

/// The most entries of one key that are looked at. A person answers a question once; entries without an answer do not stand
/// in the way of one that has it.
const ENTRIES_OF_KEY_MAX: usize = 100;

/// The longest attribution: Meta's ids have up to twenty digits, platforms two letters.
const ATTRIBUTION_BYTES_MAX: usize = 64;

/// The longest name of an ad, a form and the like. A longer one is left out.
const PROSE_BYTES_MAX: usize = 500;

/// How every text answer of Meta's testing tool begins and ends, the question's name in between. Nothing else marks a test
/// lead. Its address (`test@meta.com`, `test@fb.com` before) alone marks none: a person may write it.
const TEST_BEGIN: &str = "<test lead: dummy data for ";
const TEST_END: char = '>';

/// What the sieve made of a lead.
pub struct Sieved {
    /// What the purpose may hold, or why nothing of the lead is stored.
    pub result: Result<MinimisedLead, ParkCode>,
    /// The refusal is for want of a box: the person did not tick it, or the form has none. Where the form stands under other
    /// purposes too, this one was then not asked for. A box that says something else than yes or no is no such want.
    pub is_unasked: bool,
    /// The questions whose answers were left behind: not on the whitelist, without their consent, doubled, unreadable.
    pub dropped: Dropped,
    /// A key that the form's definition does not have: time to read the definition again.
    pub unknown_key: bool,
    /// The reply has no answers, not even an empty list: the refusal may be the reply's fault and not the person's.
    pub unanswered: bool,
}

/// Sieves a lead under the purpose that claims its form.
///
/// The result is an error if the reply is another lead's ([`ParkCode::FormMismatch`], [`ParkCode::ReplyUnreadable`]) or
/// does not name its form ([`ParkCode::FormUnnamed`]: it is always asked for, and what a lead may be kept for hangs on it),
/// and otherwise by the first rule it breaks: [`ParkCode::ConsentMissing`] or [`ParkCode::PreTicked`] (then no answer is decoded at all),
/// [`ParkCode::RequiredFieldMissing`] (also of the fields of which one must be there), [`ParkCode::NothingWhitelisted`]. A
/// reply that does not name its lead is the one that was asked for.
///
/// However many entries the reply has, those whose key has a permit are found. A record that would be larger than the store
/// takes loses its longest answers until it fits.
///
/// Of several answers to one field the one whose key is listed first counts, then the one that came first; an entry
/// without an answer does not stand in the way of one that has it.
pub fn minimise(raw: &RawLead<'_>, reference: &LeadRef, matching: &Matching<'_>) -> Sieved {
    let mut sieve = Sieve { matching, is_unasked: false, dropped: Dropped::default(), unknown_key: false };
    let result = sieve.lead(raw, reference);
    let Sieve { is_unasked, dropped, unknown_key, .. } = sieve;
    Sieved { result, is_unasked, dropped, unknown_key, unanswered: raw.is_unanswered }
}

struct Sieve<'m, 'p> {
    matching: &'m Matching<'p>,
    is_unasked: bool,
    dropped: Dropped,
    unknown_key: bool,
}

/// An entry whose key has a permit, undecoded.
struct Candidate<'r, 'p> {
    permit: Permit<'p>,
    key: Cow<'r, str>,
    values: Json<'r>,
}

/// What is kept of one field, and the key under which it came.
struct Kept<'r, 'p> {
    rule: &'p FieldRule,
    key: Cow<'r, str>,
    answers: Vec<Answer>,
}

impl<'p> Sieve<'_, 'p> {
    fn lead(&mut self, raw: &RawLead<'_>, reference: &LeadRef) -> Result<MinimisedLead, ParkCode> {
        belongs_to(raw, reference)?;
        let purpose = self.matching.purpose();
        let candidates = self.candidates(raw);
        let (ticks, definition) = (Ticks::read(raw.disclaimers), self.matching.definition());
        let (created, received) = (submitted(raw, reference), reference.received);
        let counted_as = self.matching.copy_of().unwrap_or(reference.form);
        let of = Submission { form: &counted_as, definition, created, received };
        let consents: Vec<ConsentEvidence> =
            purpose.consents.iter().map(|rule| ticks.evidence(rule, of)).collect();
        if let Some(code) = missing(purpose, &consents) {
            self.is_unasked = is_unasked(purpose, &consents);
            return Err(code);
        }
        let kept = with_numbers(self.fields(candidates, &consents), purpose);
        let mut reach = Reach::of(purpose, &consents, (created, received));
        for Kept { rule, key, answers } in &kept {
            reach.look(purpose, (rule, key), definition, answers);
        }
        let periods = periods(purpose, created, received);
        let mut content = Content {
            created,
            received,
            form: reference.form,
            page: reference.page,
            test: kept.iter().flat_map(|kept| &kept.answers).any(is_test),
            fields: Vec::new(),
            consents,
            grounds: Grounds {
                form_revision: self.matching.revision(),
                language: definition.map(|form| form.locale.clone()).filter(|locale| !locale.is_empty()),
                copy_of: self.matching.copy_of(),
                ..Grounds::default()
            },
            seen: None,
            expires_at: periods.expires_at,
            reconfirm_due: periods.reconfirm_due,
            leadgen: purpose.keeps(Keep::LeadgenId).then_some(reference.leadgen),
            attribution: attribution(raw, self.matching),
            confirmed: None,
        };
        self.fit(kept, &mut content);
        reach.needs().met_by(&content.fields)?;
        Ok(MinimisedLead { purpose: purpose.id.clone(), content, reach })
    }

    /// The entries whose key has a permit, best first in each field; what has none is dropped by its name.
    fn candidates<'r>(&mut self, raw: &RawLead<'r>) -> Vec<Candidate<'r, 'p>> {
        let mut candidates: Vec<Candidate<'r, 'p>> = Vec::new();
        let mut of_key: HashMap<(usize, usize), usize> = HashMap::new();
        for (at, RawEntry { name, values, value }) in raw.entries().enumerate() {
            let Some(key) = name else {
                self.dropped.note_nameless(1);
                continue;
            };
            // Beyond the names that are kept no name is looked at but for its permit.
            self.unknown_key |= at < NAMES_MAX && self.matching.is_unknown(&key);
            match (self.matching.permit(&key), values, value) {
                (None, _, _) if at >= NAMES_MAX => self.dropped.note_nameless(1),
                (None, _, _) => self.dropped.note(&key),
                (Some(_), None, Some(_)) => self.dropped.note_for(&key, DropCode::NotKept),
                (Some(permit), Some(values), _) => {
                    let is_empty = values.kind() == Kind::Array && values.elements().next().is_none();
                    let seen = of_key.entry((permit.field(), permit.rank())).or_default();
                    *seen += usize::from(!is_empty);
                    match is_empty {
                        true if at >= NAMES_MAX => {}
                        false if *seen > ENTRIES_OF_KEY_MAX => self.dropped.note_for(&key, DropCode::NotKept),
                        _ => candidates.push(Candidate { permit, key, values }),
                    }
                }
                (Some(_), None, None) => {}
            }
        }
        // Stable: of two entries with one key the first stays first.
        candidates.sort_by_key(|candidate| (candidate.permit.field(), candidate.permit.rank()));
        candidates
    }

    /// The answers by field, in the order of the whitelist.
    fn fields<'r>(
        &mut self,
        candidates: Vec<Candidate<'r, 'p>>,
        consents: &[ConsentEvidence],
    ) -> Vec<Kept<'r, 'p>> {
        let mut fields: Vec<Kept<'r, 'p>> = Vec::new();
        for Candidate { permit, key, values } in candidates {
            let rule = permit.rule();
            let answered = fields.last().is_some_and(|last| last.rule.name == rule.name);
            let given = |key: &ConsentKey| consents.iter().any(|found| found.key == *key && found.given());
            if !rule.consent.as_ref().is_none_or(given) {
                self.dropped.note_for(&key, DropCode::ConsentNotGiven);
                continue;
            }
            if answered {
                self.dropped.note_for(&key, DropCode::NotKept);
                continue;
            }
            let (mut answers, left_behind) = decode(&permit, values);
            if left_behind {
                self.dropped.note_for(&key, DropCode::NotKept);
            }
            if rule.labels {
                let label = |answer: Answer| match self.matching.label(&key, answer.expose()) {
                    Some(label) => answer.labelled(label),
                    None => answer,
                };
                answers = answers.into_iter().map(label).collect();
            }
            if !answers.is_empty() {
                fields.push(Kept { rule, key, answers });
            }
        }
        fields
    }

    /// Lets the longest answers go until the record fits, and with a number what was worked out from it.
    fn fit(&mut self, kept: Vec<Kept<'_, 'p>>, content: &mut Content) {
        let apart = |Kept { rule, key, answers }| ((rule, key), (rule.name.clone(), answers));
        let (sources, fields): (Vec<(&'p FieldRule, Cow<'_, str>)>, Vec<_>) =
            kept.into_iter().map(apart).unzip();
        content.fields = fields;
        while seal::size(content) > RECORD_BYTES_MAX {
            let bytes =
                |answers: &[Answer]| answers.iter().map(|answer| answer.expose().len()).sum::<usize>();
            let longest = content.fields.iter().max_by_key(|(_, answers)| bytes(answers));
            let Some(longest) = longest.map(|(name, _)| name.clone()) else { return };
            for (_, key) in sources.iter().filter(|(rule, _)| rule.name == longest) {
                self.dropped.note_too_long(key);
            }
            let goes = |rule: &FieldRule| rule.name == longest || rule.e164_of.as_ref() == Some(&longest);
            content
                .fields
                .retain(|(name, _)| !sources.iter().any(|(rule, _)| rule.name == *name && goes(rule)));
        }
    }
}

/// Puts beside each number that is to be worked out what E.164 makes of it.
fn with_numbers<'r, 'p>(mut kept: Vec<Kept<'r, 'p>>, purpose: &'p Purpose) -> Vec<Kept<'r, 'p>> {
    let Some(region) = purpose.phone_region else { return kept };
    for rule in purpose.whitelist.rules() {
        let typed = |kept: &Kept<'_, '_>| rule.e164_of.as_ref() == Some(&kept.rule.name);
        let Some(at) = kept.iter().position(typed) else { continue };
        let Some(source) = kept.get(at) else { continue };
        let number = |answer: &Answer| Some(Answer::worked_out(answer, region.e164(answer.expose())?));
        let answers: Vec<Answer> = source.answers.iter().filter_map(number).collect();
        if !answers.is_empty() {
            let key = source.key.clone();
            kept.insert(at + 1, Kept { rule, key, answers });
        }
    }
    kept
}

/// Why the purpose may not hold the lead for want of a consent that it requires. Where nothing is wrong but that boxes were
/// ticked when the form opened, the form is to blame and not the person.
fn missing(purpose: &Purpose, consents: &[ConsentEvidence]) -> Option<ParkCode> {
    let required = purpose.consents.iter().zip(consents).filter(|(rule, _)| rule.required);
    let outcomes: Vec<ConsentOutcome> =
        required.filter(|(_, found)| !found.given()).map(|(_, found)| found.outcome()).collect();
    match outcomes.as_slice() {
        [] => None,
        all if all.iter().all(|outcome| *outcome == ConsentOutcome::PreTicked) => Some(ParkCode::PreTicked),
        _ => Some(ParkCode::ConsentMissing),
    }
}

/// True unless each required consent that is missing was answered so unclearly that nobody can say what the person chose.
fn is_unasked(purpose: &Purpose, consents: &[ConsentEvidence]) -> bool {
    let required = purpose.consents.iter().zip(consents).filter(|(rule, _)| rule.required);
    let mut missing = required.filter(|(_, found)| !found.given());
    missing.any(|(_, found)| found.outcome() != ConsentOutcome::Unclear)
}

/// Another form's or another submission's lead must not be stored under this reference, and of answers that are no list
/// nobody may say that they lack a field.
fn belongs_to(raw: &RawLead<'_>, reference: &LeadRef) -> Result<(), ParkCode> {
    let other = |found: Option<Json<'_>>, wanted: &str| {
        let found = found.filter(|found| !found.is_null());
        found.is_some_and(|found| found.number_or_text().as_deref() != Some(wanted))
    };
    if other(raw.form_id, reference.form.as_str()) {
        return Err(ParkCode::FormMismatch);
    }
    if other(raw.id, reference.leadgen.expose()) || raw.is_unlisted {
        return Err(ParkCode::ReplyUnreadable);
    }
    if raw.form_id.is_none_or(Json::is_null) {
        return Err(ParkCode::FormUnnamed);
    }
    Ok(())
}

/// When a lead was submitted: Graph's word, else the notification's, else the moment of its arrival. An unreadable time
/// fails no lead; periods start at the earlier of this and the arrival, so that none is lengthened by it.
pub fn submitted(raw: &RawLead<'_>, reference: &LeadRef) -> Timestamp {
    raw.created_time.and_then(moment).or(reference.created).unwrap_or(reference.received)
}

/// The values of one entry, and whether something in it was left behind: nesting, or more than [`VALUES_MAX`].
/// One value without a list around it is a list of one.
fn decode(permit: &Permit<'_>, values: Json<'_>) -> (Vec<Answer>, bool) {
    let (mut answers, mut left_behind) = (Vec::new(), false);
    let mut take = |value: Json<'_>| {
        if matches!(value.kind(), Kind::Array | Kind::Object) || answers.len() == VALUES_MAX {
            left_behind = true;
        } else {
            answers.extend(decode_one(permit, value));
        }
    };
    match values.kind() {
        Kind::Array => values.elements().for_each(take),
        _ => take(values),
    }
    (answers, left_behind)
}

/// A string, or a number or boolean as it stands. Blank text and `null` are no answer.
fn decode_one(permit: &Permit<'_>, value: Json<'_>) -> Option<Answer> {
    let decoded = value.owned_text().or_else(|| value.scalar().map(str::to_owned))?;
    let answer = Answer::new(permit, decoded);
    (!answer.expose().trim().is_empty()).then_some(answer)
}

/// What the purpose keeps of `ad_id` and the like, in the order of its closed list.
fn attribution(raw: &RawLead<'_>, matching: &Matching<'_>) -> Vec<(Keep, Answer)> {
    let kept = Keep::ALL.iter().copied().filter(|keep| matching.purpose().keeps(*keep));
    let found = kept.filter_map(|keep| {
        let value = match keep {
            Keep::FormName => matching.form_name()?.to_owned(),
            _ => {
                let (_, value) = raw.attribution.iter().find(|(name, _)| name == keep.as_str())?;
                attributed(keep, *value)?
            }
        };
        Some((keep, Answer::attribution(keep, value)))
    });
    found.collect()
}

/// One attribution, if it is such as Meta writes it. Zero, or nothing, stands for a lead that no ad brought; what is on offer
/// comes as an object of its own, of which the id is meant.
fn attributed(keep: Keep, value: Json<'_>) -> Option<String> {
    if keep == Keep::IsOrganic {
        let text = value.text();
        let said = value.scalar().or(text.as_deref());
        return said.filter(|said| matches!(*said, "true" | "false")).map(str::to_owned);
    }
    let value = match value.kind() {
        Kind::Object => value.members().find(|(name, _)| name == "id").map(|(_, id)| id)?,
        _ => value,
    };
    let value = value.number_or_text()?;
    if keep.is_prose() {
        let good = value.len() <= PROSE_BYTES_MAX && !value.trim().is_empty();
        return good.then(|| value.into_owned());
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let good = (1..=ATTRIBUTION_BYTES_MAX).contains(&value.len()) && value.bytes().all(plain);
    (good && value != "0").then(|| value.into_owned())
}

fn is_test(answer: &Answer) -> bool {
    let text = answer.expose().trim();
    text.starts_with(TEST_BEGIN) && text.ends_with(TEST_END)
}

#[cfg(test)]
mod tests;
