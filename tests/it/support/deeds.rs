//! What may be asked for of a daemon beside Meta's calls, and a home in which it can be.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};

use reqwest::Method;
use serde_json::{Value, json};
use tamis_simulator::{Checkbox, Form, Question, Simulator};

use super::client::{Answer, Caller};
use super::process::Home;
use super::{DEVIS_FORM, PAGE, an_hour_ago, senders};

/// The recipient that decides by itself.
pub const RECIPIENT: &str = "partner";
pub const RECIPIENT_NAME: &str = "Partner SA";
const A_DAY_S: u64 = 86_400;

/// What a client that lives long enough has been answered of each kind.
pub const DEEDS: [&str; 7] =
    ["corrected", "restricted", "released", "taken back", "objected", "erased", "a page handed over"];

/// A home whose purpose has a box for news and one for handing on, and whose evidence outlives its records.
pub fn home(meta: &Simulator) -> Home {
    let checkbox = |key: &str| Checkbox { key: key.to_owned(), text: key.to_owned(), ..Checkbox::default() };
    let question = |kind: &str, key: &str| Question::new(kind, key, key);
    meta.add_form(Form {
        id: DEVIS_FORM.to_owned(),
        page_id: PAGE.to_owned(),
        questions: vec![question("FULL_NAME", "full_name"), question("EMAIL", "email")],
        checkboxes: vec![checkbox("news_optin"), checkbox("share_optin")],
        privacy_policy_url: "https://leads.lumen.example/notice/devis".to_owned(),
        ..Form::default()
    });
    let home = senders::home(meta);
    let text = std::fs::read_to_string(home.config()).expect("a config");
    let recipient = format!(
        "[[recipients]]\nid = \"{RECIPIENT}\"\nname = \"{RECIPIENT_NAME}\"\ncountry = \"FR\"\nrole = \"controller\"\n\n[purposes.devis]\n"
    );
    let boxes = format!(
        "recipients = [\"crm\", \"{RECIPIENT}\"]\nconsents = {{ news_optin = {{ channel = \"email\" }}, share_optin = {{ channel = \"third_party\", recipient = \"{RECIPIENT}\" }} }}\n"
    );
    let text = text.replacen("[purposes.devis]\n", &recipient, 1);
    let text = text.replacen("recipients = [\"crm\"]\n", &boxes, 1);
    assert!(text.contains(&boxes) && text.contains(&recipient), "the config is another one");
    std::fs::write(home.config(), format!("{text}\n[evidence]\nyears = 3\n")).expect("written");
    home
}

/// What is asked for: of a record by its place, of an address by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Correct(u64, u64),
    Restrict(u64),
    Lift(u64),
    Withdraw(u64),
    Object(usize),
    Erase(u64),
    /// A page behind this place; where it ended and which it gave, once it arrived.
    Hand(u64, u64, Vec<u64>),
}

/// Whose a record is, and how it is called, by its place.
pub type Held = BTreeMap<u64, (usize, String)>;

/// What lies behind one place, up to another.
pub fn between(held: &Held, after: u64, end: u64) -> impl Iterator<Item = (&u64, usize)> {
    held.range((Excluded(after), Included(end))).map(|(place, (number, _))| (place, *number))
}

/// Asks for it. `Err`: nobody answered.
pub async fn call(admin: &Caller, deed: &Deed, held: &Held) -> Result<Answer, reqwest::Error> {
    let id = |place: &u64| held[place].1.as_str();
    let (path, body, reason) = match deed {
        Deed::Correct(place, edition) => {
            let name = corrected_name(held[place].0, *edition);
            ("corrections", json!({ "id": id(place), "fields": { "full_name": [name] } }), "person-request")
        }
        Deed::Restrict(place) => {
            ("restrictions", json!({ "id": id(place), "until": in_days(200) }), "person-request")
        }
        Deed::Lift(place) => {
            let path = format!("/admin/v1/restrictions/{}", id(place));
            return admin.try_call(Method::DELETE, &path, None, Some("person-request")).await;
        }
        Deed::Withdraw(place) => ("withdrawals", json!({ "id": id(place) }), "withdrawal"),
        Deed::Object(number) => {
            let body = json!({ "email": senders::email(*number), "scope": "all", "reason": "objection" });
            ("suppressions", body, "objection")
        }
        Deed::Erase(place) => ("erasures", json!({ "by": { "id": id(place) } }), "person-request"),
        Deed::Hand(..) => panic!("a page is read"),
    };
    admin.try_call(Method::POST, &format!("/admin/v1/{path}"), Some(body.to_string()), Some(reason)).await
}

/// What a person is called after so many corrections.
pub fn corrected_name(number: usize, edition: u64) -> String {
    format!("Corrected {number} edition {edition}")
}

/// The request that was answered.
pub fn request_of(answer: &Answer) -> String {
    answer.header("tamis-request-id").to_owned()
}

/// What a receipt says of whom it is to be told.
pub fn told_in(answer: &Value) -> Result<bool, String> {
    let note = answer["receipt"].as_str().and_then(|note| note.lines().next()).unwrap_or_default();
    let receipt: Value = serde_json::from_str(note).map_err(|error| format!("no receipt: {error}"))?;
    let told = receipt["to_be_told"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(told.iter().any(|recipient| recipient["name"] == RECIPIENT_NAME))
}

/// A day (UTC) so many days from now.
fn in_days(days: u64) -> String {
    let seconds = i64::try_from(an_hour_ago() + days * A_DAY_S).expect("in range");
    jiff::Timestamp::from_second(seconds).expect("in range").strftime("%F").to_string()
}
