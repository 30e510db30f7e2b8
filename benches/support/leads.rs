//! The leads that are measured: one form's definition, its submissions, and Graph's replies for them.

use jiff::Timestamp;
use tamis::clock::{Clock, SystemClock};
use tamis::id::{FormId, LeadgenId, PageId};
use tamis::lead::RawReply;
use tamis::notification::LeadRef;
use tamis::purpose::{FormDefinition, Question};

use super::home::{FORM, PAGE};
use super::load::leadgen;

pub fn definition() -> FormDefinition {
    let questions = vec![
        Question::new("full_name", "FULL_NAME"),
        Question::new("email", "EMAIL"),
        Question::new("phone_number", "PHONE"),
        Question::new("post_code", "CUSTOM"),
        Question::new("budget", "CUSTOM"),
    ];
    let form = FormId::parse(FORM).expect("digits");
    FormDefinition { page: PageId::parse(PAGE), ..FormDefinition::asking(form, questions) }
}

/// A reference as the webhook makes it now, of a lead that is an hour old.
pub fn reference(number: usize) -> LeadRef {
    let now = SystemClock.now();
    LeadRef {
        leadgen: LeadgenId::parse(&leadgen(number)).expect("digits"),
        form: FormId::parse(FORM).expect("digits"),
        page: PageId::parse(PAGE).expect("digits"),
        created: Timestamp::from_second(now.as_second() - 3_600).ok(),
        received: now,
    }
}

/// One lead as Graph answers it: three kept answers and two others.
fn lead_json(number: usize, created: &str) -> String {
    let id = leadgen(number);
    format!(
        r#"{{"created_time":"{created}","id":"{id}","form_id":"{FORM}","field_data":[{{"name":"full_name","values":["Am\u00e9lie Durand {number}"]}},{{"name":"email","values":["amelie.durand{number}@example.org"]}},{{"name":"phone_number","values":["+33612345678"]}},{{"name":"post_code","values":["49100"]}},{{"name":"budget","values":["between_5000_and_10000"]}}]}}"#
    )
}

/// A reply as Graph gives it for this lead.
pub fn reply(number: usize) -> RawReply {
    raw(&lead_json(number, "2026-11-25T07:48:00+0000"))
}

/// The same, submitted at this moment.
pub fn reply_of(number: usize, created: Timestamp) -> RawReply {
    raw(&lead_json(number, &created.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()))
}

fn raw(json: &str) -> RawReply {
    let mut reply = RawReply::with_limit(1_000_000);
    reply.push(json.as_bytes()).expect("fits");
    reply
}
