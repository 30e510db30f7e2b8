//! Bodies of notifications, built piece by piece; [`shapes`] has the odd ones ready made.
//!
//! The shape is `{"object":"page","entry":[{"id","time","changes":[{"field":"leadgen","value":{…}}]}]}`, with ids and
//! no personal data in it (*Webhooks for leadgen*).

pub mod shapes;

use crate::json::{self, Json};
use crate::world::Lead;

/// A whole body.
#[derive(Clone, Debug)]
pub struct Notification {
    object: String,
    entries: Vec<Entry>,
    more: Vec<(String, Json)>,
}

impl Notification {
    /// Of an object of this kind: `page`, `user`, `permissions`, `instagram`, …
    pub fn of(object: &str) -> Notification {
        Notification { object: object.to_owned(), entries: Vec::new(), more: Vec::new() }
    }

    /// Of pages, as all lead notifications are, those of Instagram included (seen).
    pub fn page() -> Notification {
        Notification::of("page")
    }

    /// With one more entry.
    pub fn entry(mut self, entry: Entry) -> Notification {
        self.entries.push(entry);
        self
    }

    /// With one more key beside `object` and `entry`.
    pub fn with(mut self, key: &str, value: impl Into<Json>) -> Notification {
        self.more.push((key.to_owned(), value.into()));
        self
    }

    /// The bytes on the wire, escaped as Meta's are.
    pub fn bytes(&self) -> Vec<u8> {
        let entries: Vec<Json> = self.entries.iter().map(Entry::json).collect();
        let (object, entry) = (Json::from(self.object.as_str()), json::array(&entries));
        let pairs = [("object", &object), ("entry", &entry)].into_iter();
        object_of(pairs.chain(self.more.iter().map(pair))).into_bytes()
    }
}

/// One element of `entry`.
#[derive(Clone, Debug)]
pub struct Entry {
    id: Json,
    time: Json,
    changes: Option<Vec<Change>>,
    more: Vec<(String, Json)>,
}

impl Entry {
    /// Of this page, its id as a string, without changes.
    pub fn of(page_id: &str) -> Entry {
        Entry {
            id: Json::from(page_id),
            time: Json::verbatim(SENT.to_string()),
            changes: None,
            more: Vec::new(),
        }
    }

    /// With this id, of any shape.
    pub fn id(mut self, id: impl Into<Json>) -> Entry {
        self.id = id.into();
        self
    }

    /// Sent at this Unix second: `time` is that of sending, not of the lead (*Getting started*).
    pub fn time(mut self, unix_seconds: u64) -> Entry {
        self.time = Json::verbatim(unix_seconds.to_string());
        self
    }

    /// With one more change.
    pub fn change(mut self, change: Change) -> Entry {
        self.push(change);
        self
    }

    /// With more changes.
    pub fn changes(mut self, changes: impl IntoIterator<Item = Change>) -> Entry {
        self.changes.get_or_insert_default().extend(changes);
        self
    }

    /// With one more key: `changed_fields`, `messaging`, …
    pub fn with(mut self, key: &str, value: impl Into<Json>) -> Entry {
        self.more.push((key.to_owned(), value.into()));
        self
    }

    pub(crate) fn push(&mut self, change: Change) {
        self.changes.get_or_insert_default().push(change);
    }

    fn json(&self) -> Json {
        let changes: Option<Vec<Json>> =
            self.changes.as_ref().map(|changes| changes.iter().map(Change::json).collect());
        let changes = changes.as_ref().map(json::array);
        let pairs = [("id", &self.id), ("time", &self.time)].into_iter();
        let pairs = pairs.chain(changes.as_ref().map(|changes| ("changes", changes)));
        Json::verbatim(object_of(pairs.chain(self.more.iter().map(pair))))
    }
}

/// One element of `changes`.
#[derive(Clone, Debug)]
pub struct Change {
    field: String,
    value: Option<Vec<(String, Json)>>,
    more: Vec<(String, Json)>,
}

impl Change {
    /// Of this field, with an empty value.
    pub fn field(name: &str) -> Change {
        Change { field: name.to_owned(), value: Some(Vec::new()), more: Vec::new() }
    }

    /// A new lead, ids as strings, as they come since 2020 (seen), with its ad if it has one: `adgroup_id` is the
    /// same id, a former name of the ad (seen).
    pub fn of(lead: &Lead) -> Change {
        let change = Change::leadgen(&lead.id, &lead.page_id, &lead.form_id, lead.created_time);
        match &lead.ad {
            Some(ad) => change.with("ad_id", ad.ad_id.as_str()).with("adgroup_id", ad.ad_id.as_str()),
            None => change,
        }
    }

    /// A new lead of these ids, without an ad.
    pub fn leadgen(leadgen_id: &str, page_id: &str, form_id: &str, created_time: u64) -> Change {
        Change::field("leadgen")
            .with("created_time", Json::verbatim(created_time.to_string()))
            .with("leadgen_id", leadgen_id)
            .with("page_id", page_id)
            .with("form_id", form_id)
    }

    /// Under this field's name.
    pub fn named(mut self, field: &str) -> Change {
        field.clone_into(&mut self.field);
        self
    }

    /// With this key in `value`, set or replaced.
    pub fn with(mut self, key: &str, value: impl Into<Json>) -> Change {
        let pairs = self.value.get_or_insert_default();
        let value = value.into();
        match pairs.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => pairs.push((key.to_owned(), value)),
        }
        self
    }

    /// Without this key in `value`.
    pub fn without(mut self, key: &str) -> Change {
        self.value.get_or_insert_default().retain(|(name, _)| name != key);
        self
    }

    /// With this key beside `field` and `value`.
    pub fn beside(mut self, key: &str, value: impl Into<Json>) -> Change {
        self.more.push((key.to_owned(), value.into()));
        self
    }

    /// Without `value`.
    pub fn without_value(mut self) -> Change {
        self.value = None;
        self
    }

    /// All ids as numbers, as in the docs' sample and in captures of 2016 (*Webhooks for leadgen*).
    pub fn ids_as_numbers(mut self) -> Change {
        for (key, value) in self.value.iter_mut().flatten() {
            let digits = value.as_str().trim_matches('"');
            if key.ends_with("_id") && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            {
                *value = Json::verbatim(digits);
            }
        }
        self
    }

    fn json(&self) -> Json {
        let field = Json::from(self.field.as_str());
        let value = self.value.as_ref().map(|pairs| Json::verbatim(object_of(pairs.iter().map(pair))));
        let pairs = [("field", &field)].into_iter().chain(value.as_ref().map(|value| ("value", value)));
        Json::verbatim(object_of(pairs.chain(self.more.iter().map(pair))))
    }
}

fn pair((key, value): &(String, Json)) -> (&str, &Json) {
    (key.as_str(), value)
}

fn object_of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a Json)>) -> String {
    let mut text = String::new();
    json::write_object(pairs, &mut text);
    text
}

/// When an entry was sent that does not say otherwise: 24 November 2026, 08:00 UTC.
const SENT: u64 = 1_795_507_200;
