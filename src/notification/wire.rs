//! An authentic body → references: ids only, every entry and every change, each on its own.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::id::{FormId, LeadgenId, PageId};
use crate::json::{Json, Kind};
use crate::notification::census::{Census, ChangeCode};
use crate::notification::moment::moment;
use crate::notification::{Authentic, LeadRef};

/// The most references that one call may bring. Meta sends at most 1,000 changes at once; a body of 1 MB could hold some
/// 15,000. A call beyond the bound is refused whole, so that nothing of it is acknowledged and lost.
pub const REFERENCES_MAX: usize = 10_000;

/// Members of a submission's `value` that hold answers where a third-party sender put them there.
const ANSWERS: [&str; 8] = [
    "field_data",
    "custom_disclaimer_responses",
    "answers",
    "full_name",
    "first_name",
    "last_name",
    "email",
    "phone_number",
];

crate::codes! {
    /// Why an authentic notification is refused.
    pub enum WireCode {
        /// Not JSON, invalid UTF-8 included.
        NotJson = "not-json",
        /// More references than [`REFERENCES_MAX`].
        TooManyReferences = "too-many-references",
    }
}

/// What a notification says. It has no `Debug`: references hold leadgen ids.
pub struct Notification {
    /// The submissions, in the order of the body; one that Meta repeats is there twice.
    pub references: Vec<LeadRef>,
    /// What was in it.
    pub census: Census,
}

/// Reads a notification that arrived at `received`. JSON of any shape is read: what is no submission is counted, and an
/// odd change never loses a good one beside it.
///
/// # Errors
/// [`WireCode::NotJson`], [`WireCode::TooManyReferences`]: nothing of the notification was taken then.
pub fn read(authentic: &Authentic, received: Timestamp) -> Result<Notification, WireCode> {
    read_bytes(authentic.bytes(), received)
}

fn read_bytes(bytes: &[u8], received: Timestamp) -> Result<Notification, WireCode> {
    let document = Json::read(bytes).ok_or(WireCode::NotJson)?;
    let mut reading = Reading { received, references: Vec::new(), census: Census::default(), beyond: 0 };
    reading.document(document);
    if reading.beyond > 0 {
        return Err(WireCode::TooManyReferences);
    }
    Ok(Notification { references: reading.references, census: reading.census })
}

/// A notification while it is read.
struct Reading {
    received: Timestamp,
    references: Vec<LeadRef>,
    census: Census,
    beyond: usize,
}

impl Reading {
    fn document(&mut self, document: Json<'_>) {
        let (mut object, mut entries) = (None, None);
        for (name, value) in document.members() {
            match &*name {
                "object" => first(&mut object, value),
                "entry" => first(&mut entries, value),
                _ => {}
            }
        }
        match (object.and_then(Json::text).as_deref(), entries) {
            (Some("page"), Some(entries)) => {
                // What is no list has no entries.
                let mut empty = true;
                for entry in entries.elements() {
                    empty = false;
                    self.entry(entry);
                }
                if empty {
                    self.census.count(ChangeCode::Nothing);
                }
            }
            (Some("page"), None) | (None, None) => self.census.count(ChangeCode::Nothing),
            _ => self.census.count(ChangeCode::OtherObject),
        }
    }

    fn entry(&mut self, entry: Json<'_>) {
        if entry.kind() != Kind::Object {
            return self.census.count(ChangeCode::Malformed);
        }
        let (mut id, mut changes, mut values_off, mut messenger) = (None, None, false, false);
        for (name, value) in entry.members() {
            match &*name {
                "id" => first(&mut id, value),
                "changes" => first(&mut changes, value),
                "changed_fields" => values_off = true,
                "messaging" | "standby" => messenger = true,
                _ => {}
            }
        }
        let before = self.census.clone();
        if values_off {
            self.census.count(ChangeCode::ValuesOff);
        }
        if messenger {
            self.census.count(ChangeCode::Messenger);
        }
        match changes.map(|changes| (changes.kind(), changes)) {
            Some((Kind::Array, changes)) => changes.elements().for_each(|change| self.change(id, change)),
            None | Some((Kind::Null, _)) => {}
            Some(_) => self.census.count(ChangeCode::Malformed),
        }
        if self.census == before {
            self.census.count(ChangeCode::Nothing);
        }
    }

    fn change(&mut self, entry_id: Option<Json<'_>>, change: Json<'_>) {
        let (mut field, mut value) = (None, None);
        for (name, found) in change.members() {
            match &*name {
                "field" => first(&mut field, found),
                "value" => first(&mut value, found),
                _ => {}
            }
        }
        let code = match field.and_then(Json::text).as_deref() {
            Some("leadgen") => return self.submission(entry_id, value),
            Some("leadgen_fat") => ChangeCode::LeadgenFat,
            Some("leadgen_update") => ChangeCode::LeadgenUpdate,
            Some(_) => ChangeCode::OtherField,
            None => ChangeCode::Malformed,
        };
        self.census.count(code);
    }

    fn submission(&mut self, entry_id: Option<Json<'_>>, value: Option<Json<'_>>) {
        let Some(value) = value.filter(|value| value.kind() == Kind::Object) else {
            return self.census.count(ChangeCode::ValueMissing);
        };
        let (mut ids, mut answers) = (Ids::default(), false);
        for (name, found) in value.members() {
            match &*name {
                "leadgen_id" => first(&mut ids.leadgen, found),
                "form_id" => first(&mut ids.form, found),
                "page_id" => first(&mut ids.page, found),
                "created_time" => first(&mut ids.created, found),
                name => answers |= ANSWERS.contains(&name),
            }
        }
        if answers {
            self.census.count(ChangeCode::AnswersInBody);
        }
        match ids.reference(entry_id, self.received) {
            Ok(_) if self.references.len() == REFERENCES_MAX => self.beyond += 1,
            Ok(reference) => {
                self.references.push(reference);
                self.census.count(ChangeCode::Accepted);
            }
            Err(code) => self.census.count(code),
        }
    }
}

/// The members of a submission's `value` that are read, raw.
#[derive(Default)]
struct Ids<'b> {
    leadgen: Option<Json<'b>>,
    form: Option<Json<'b>>,
    page: Option<Json<'b>>,
    created: Option<Json<'b>>,
}

impl Ids<'_> {
    /// The page is the value's `page_id`: `entry.id` may be another (it is in Meta's own sample) and counts only where
    /// the value has none.
    fn reference(&self, entry_id: Option<Json<'_>>, received: Timestamp) -> Result<LeadRef, ChangeCode> {
        let leadgen = digits(self.leadgen)?;
        if leadgen.len() >= FOURS_MIN && leadgen.bytes().all(|b| b == b'4') {
            return Err(ChangeCode::TestPing);
        }
        let leadgen = LeadgenId::parse(&leadgen).ok_or(ChangeCode::IdMalformed)?;
        let form = FormId::parse(&digits(self.form)?).ok_or(ChangeCode::IdMalformed)?;
        let page = match digits(self.page) {
            Err(ChangeCode::IdMissing) => digits(entry_id)?,
            page => page?,
        };
        let page = PageId::parse(&page).ok_or(ChangeCode::IdMalformed)?;
        Ok(LeadRef { leadgen, form, page, created: self.created.and_then(moment), received })
    }
}

/// The dashboard's ids have nine fours and more; no real one has so few digits.
const FOURS_MIN: usize = 6;

/// What stands for an id: absent, `null` and a zero are none.
fn digits(raw: Option<Json<'_>>) -> Result<Cow<'_, str>, ChangeCode> {
    let raw = raw.filter(|raw| !raw.is_null()).ok_or(ChangeCode::IdMissing)?;
    let written = raw.number_or_text().ok_or(ChangeCode::IdMalformed)?;
    let zero = !written.is_empty() && written.bytes().all(|b| b == b'0');
    if zero { Err(ChangeCode::IdMissing) } else { Ok(written) }
}

fn first<'b>(slot: &mut Option<Json<'b>>, found: Json<'b>) {
    slot.get_or_insert(found);
}

#[cfg(test)]
mod tests;
