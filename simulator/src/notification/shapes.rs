//! Bodies as they were seen or documented beside the plain one: each a line that a receiver has stumbled over.

use serde_json::{Value, json};

use super::{Change, Entry, Notification};
use crate::json::Json;
use crate::world::Lead;

/// Ids as numbers, the entry's too (*Webhooks for leadgen*, sample).
pub fn ids_as_numbers(lead: &Lead) -> Vec<u8> {
    let entry = Entry::of(&lead.page_id).id(Json::verbatim(&lead.page_id));
    Notification::page().entry(entry.change(Change::of(lead).ids_as_numbers())).bytes()
}

/// An organic lead whose `ad_id` is the number 0 and whose entry names page `"0"` (seen): only `value` is right.
pub fn zero_ad_and_entry(lead: &Lead) -> Vec<u8> {
    let change = Change::of(lead).with("ad_id", Json::verbatim("0")).with("adgroup_id", Json::verbatim("0"));
    Notification::page().entry(Entry::of("0").change(change)).bytes()
}

/// A lead without a word about ads (seen for organic and test leads).
pub fn without_ad(lead: &Lead) -> Vec<u8> {
    let change = Change::of(lead).without("ad_id").without("adgroup_id");
    Notification::page().entry(Entry::of(&lead.page_id).change(change)).bytes()
}

/// `created_time` as an ISO text, as third-party senders write it (seen).
pub fn iso_created_time(lead: &Lead) -> Vec<u8> {
    let text = crate::time::graph_time(lead.created_time);
    let change = Change::of(lead).with("created_time", text.as_str());
    Notification::page().entry(Entry::of(&lead.page_id).change(change)).bytes()
}

/// So many entries for these leads, in turn, each with several changes: all must be read (*Getting started*: up to
/// 1,000 updates are batched).
pub fn several_entries(leads: &[Lead], entries: usize) -> Vec<u8> {
    let entries = entries.max(1);
    (0..entries)
        .fold(Notification::page(), |all, at| {
            let mine = leads.iter().skip(at).step_by(entries);
            let page_id = leads.get(at).map_or("0", |lead| lead.page_id.as_str());
            all.entry(Entry::of(page_id).changes(mine.map(Change::of)))
        })
        .bytes()
}

/// A batch of `count` changes in one entry, leadgen ids counting up from `first` (*Getting started*: at most 1,000).
pub fn batch(page_id: &str, form_id: &str, first: u64, count: u64, created_time: u64) -> Vec<u8> {
    let changes =
        (0..count).map(|at| Change::leadgen(&(first + at).to_string(), page_id, form_id, created_time));
    Notification::page().entry(Entry::of(page_id).changes(changes)).bytes()
}

/// "Include values" is off: `changed_fields` in place of `changes`; no id, so nothing to fetch (*Getting started*).
pub fn changed_fields(page_id: &str) -> Vec<u8> {
    Notification::page().entry(Entry::of(page_id).with("changed_fields", json!(["leadgen"]))).bytes()
}

/// A Messenger conversation of the same app: `messaging` with times in milliseconds and no `changes` (seen). Holds
/// somebody's words.
pub fn messenger(page_id: &str, words: &str) -> Vec<u8> {
    let entry = Entry::of(page_id).time(MESSAGED_MS).with("messaging", messaging(page_id, words));
    Notification::page().entry(entry).bytes()
}

/// `messaging` and `changes` in one entry (seen): the lead must be read all the same.
pub fn messenger_beside(lead: &Lead, words: &str) -> Vec<u8> {
    let entry = Entry::of(&lead.page_id).with("messaging", messaging(&lead.page_id, words));
    Notification::page().entry(entry.change(Change::of(lead))).bytes()
}

/// A person granted or took back permissions: `object` is `permissions`, no `value` (seen).
pub fn permissions(user_id: &str) -> Vec<u8> {
    let change = Change::field("leads_retrieval").without_value().beside("verb", "revoked");
    let entry = Entry::of(user_id).with("uid", user_id).change(change);
    Notification::of("permissions").entry(entry).bytes()
}

/// A change of a user object (*Getting started*, sample of a subscription to `user`).
pub fn user(user_id: &str) -> Vec<u8> {
    let entry = Entry::of(user_id).with("uid", user_id).with("changed_fields", json!(["photos"]));
    Notification::of("user").entry(entry).bytes()
}

/// The undocumented field `leadgen_fat` of Meta's SDK, whose name suggests answers inside (shape assumed).
pub fn fat(lead: &Lead) -> Vec<u8> {
    let change = with_answers_inside(lead).named("leadgen_fat");
    Notification::page().entry(Entry::of(&lead.page_id).change(change)).bytes()
}

/// A plain lead change with the answers inside, as third-party senders make them (seen): only the ids may be read.
pub fn answers_inside(lead: &Lead) -> Vec<u8> {
    let change = with_answers_inside(lead);
    Notification::page().entry(Entry::of(&lead.page_id).change(change)).bytes()
}

/// The dashboard's sample of the undocumented field `leadgen_update` (seen, August 2026): integer ids, entry 0, a
/// quoted `updated_time`, no `created_time`; not a new lead.
pub fn update_sample() -> Vec<u8> {
    let change = Change::field("leadgen_update")
        .with("leadgen_id", Json::verbatim(TEST_ID))
        .with("page_id", Json::verbatim(TEST_ID))
        .with("form_id", Json::verbatim(TEST_ID))
        .with("event", "lead_updated")
        .with("updated_fields", json!(["stage"]))
        .with("area", "crm")
        .with("updated_time", "1795507200");
    Notification::page().entry(Entry::of("0").id(Json::verbatim("0")).change(change)).bytes()
}

/// The dashboard's *Test* button: rightly signed, ids of repeated fours, entry `"0"`; Graph answers 100/33 (seen).
pub fn dashboard_test() -> Vec<u8> {
    let change = Change::leadgen(TEST_ID, TEST_ID, TEST_ID, 1_795_507_200)
        .with("ad_id", TEST_ID)
        .with("adgroup_id", TEST_ID);
    Notification::page().entry(Entry::of("0").change(change)).bytes()
}

/// A lead change without `value` (seen).
pub fn without_value(page_id: &str) -> Vec<u8> {
    let change = Change::field("leadgen").without_value();
    Notification::page().entry(Entry::of(page_id).change(change)).bytes()
}

/// Changes of other fields of the same page, which share the callback (*Getting started*: one callback an object).
pub fn other_fields(page_id: &str) -> Vec<u8> {
    let feed = Change::field("feed").with("item", "comment").with("message", "à bientôt @ l'atelier");
    let mention = Change::field("mention").with("post_id", "1_2");
    Notification::page().entry(Entry::of(page_id).change(feed).change(mention)).bytes()
}

/// Good and bad changes mixed: the good ones must be read.
pub fn bad_beside(lead: &Lead) -> Vec<u8> {
    let bad = |id: Json| Change::of(lead).with("leadgen_id", id);
    let entry = Entry::of(&lead.page_id)
        .change(Change::field("leadgen").without_value())
        .change(bad(Json::from("12/../34?x")))
        .change(bad(Json::from("")))
        .change(bad(Json::verbatim("1.5e17")))
        .change(bad(Json::verbatim("-7")))
        .change(bad(Json::verbatim("null")))
        .change(bad(Json::verbatim("{\"id\":\"1\"}")))
        .change(bad(Json::from("123456789012345678901")))
        .change(Change::of(lead));
    Notification::page().entry(entry).bytes()
}

fn with_answers_inside(lead: &Lead) -> Change {
    let answers: Vec<Json> = lead.field_data.iter().flatten().cloned().collect();
    Change::of(lead)
        .with("field_data", crate::json::array(&answers))
        .with("ad_name", "Portes ouvertes")
        .with("campaign_name", "Automne")
}

fn messaging(page_id: &str, words: &str) -> Value {
    json!([{
        "sender": { "id": "6600000000000001" },
        "recipient": { "id": page_id },
        "timestamp": MESSAGED_MS,
        "message": { "mid": "m_simulated", "text": words },
    }])
}

/// What the dashboard writes for every id of its samples (seen).
pub const TEST_ID: &str = "444444444444";
const MESSAGED_MS: u64 = 1_795_507_200_123;
