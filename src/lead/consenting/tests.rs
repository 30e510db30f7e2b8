use jiff::Timestamp;

use super::*;
use crate::lead::minimised::{ConsentEvidence, Content};
use crate::lead::schema;
use crate::lead::seal::{SealedRecord, open, reseal, seal};
use crate::lead::{Leaf, Revised, RevisionRefusal, date_anew, revise, sample, seen_of};
use crate::purpose::sample::{consent, field, purpose};
use crate::purpose::{Channel, RecordId, Whitelist};
use crate::random::SeededRandom;
use crate::secret::Key;

const LEAF: Leaf = Leaf { epoch: 1, number: 7 };

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn id() -> RecordId {
    RecordId::parse("lettre-1-7").expect("an id")
}

fn key() -> Key {
    Key::new([9; 32])
}

fn random() -> SeededRandom {
    SeededRandom::new(3)
}

fn keys(names: &[&str]) -> Vec<ConsentKey> {
    names.iter().map(|name| ConsentKey::parse(name).expect("a name")).collect()
}

/// A letter that rests on a required consent, with a number that hangs on another, which holds for a year.
fn lettre() -> Purpose {
    let mut lettre = purpose("lettre", &["email"]);
    let mut phone = field("phone_number");
    phone.consent = ConsentKey::parse("call_optin");
    let number = phone.e164(FieldName::parse("phone_e164").expect("a name"));
    lettre.whitelist = Whitelist::new(vec![field("email"), phone, number]).expect("fields");
    let required = ConsentRule { required: true, ..consent("email_optin", Channel::Email) };
    let called = ConsentRule { valid_months: Some(12), ..consent("call_optin", Channel::Phone) };
    lettre.consents = vec![required, called];
    (lettre.basis, lettre.retention_months) = (Basis::Consent, Some(60));
    (lettre.reconfirm_months, lettre.grace_days) = (Some(18), 30);
    lettre
}

/// Of 24 November 2025, 16:00: both were agreed to.
fn content() -> Content {
    let mut lead = sample::lead("lettre", "anne@lumen.example", false, at("2027-06-23T16:00:00Z"));
    let of = |name: &str, value: &str| {
        let answer = crate::lead::Answer::from_sealed(value.to_owned());
        (FieldName::parse(name).expect("a name"), vec![answer])
    };
    lead.content.fields.push(of("phone_number", "06 39 98 00 00"));
    lead.content.fields.push(of("phone_e164", "+33639980000"));
    let called = ConsentEvidence {
        valid_until: Some(at("2026-11-24T16:00:00Z")),
        ..sample::ticked("call_optin", "call")
    };
    lead.content.consents.push(called);
    lead.content
}

fn sealed(content: Content) -> SealedRecord<'static> {
    let purpose = id().purpose;
    let lead = crate::lead::MinimisedLead { purpose, content, reach: sample::reach("lettre") };
    seal(&lead, &id(), [5; 32], LEAF, &key(), &random()).expect("seals")
}

/// What comes of it, sealed and opened again; none: it is so already.
fn after(
    record: &SealedRecord<'_>,
    revision: &Revision,
    now: &str,
) -> Result<Option<SealedRecord<'static>>, RevisionRefusal> {
    match revise(record, &id(), &key(), revision, at(now)).expect("opens") {
        Revised::Same => Ok(None),
        Revised::Refused(refusal) => Err(refusal),
        Revised::Anew(anew) => Ok(Some(anew.seal(&id(), LEAF, &key(), &random()).expect("seals"))),
    }
}

fn read(record: &SealedRecord<'_>) -> Content {
    open(record, &id(), &key()).expect("opens").content
}

fn names(content: &Content) -> String {
    content.fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}

fn withdrawn(named: Option<&[&str]>, now: &str) -> Revision {
    let named = named.map(keys);
    withdrawal(&lettre(), named.as_deref(), at(now)).expect("known")
}

fn yes(to: &[&str]) -> Revision {
    confirmation(&Arc::new(lettre()), keys(to)).expect("known")
}

#[test]
fn what_is_taken_back_ends_with_what_hangs_on_it_and_the_rest_stays() {
    let no = withdrawn(Some(&["call_optin"]), "2026-03-01T10:00:00Z");
    let record = after(&sealed(content()), &no, "2026-03-01T10:00:00Z").expect("taken").expect("anew");
    let content = read(&record);
    assert_eq!(names(&content), "email", "and what was worked out from it");
    assert_eq!(content.consents[1].valid_until, Some(at("2026-03-01T10:00:00Z")));
    assert!(content.consents[1].given(), "what shows that it was given stays");
    assert_eq!((content.consents[0].valid_until, content.confirmed), (None, None));
    // Said again, later: it ended then.
    let again = withdrawn(Some(&["call_optin"]), "2026-04-01T10:00:00Z");
    assert!(after(&record, &again, "2026-04-01T10:00:00Z").expect("taken").is_none());
}

#[test]
fn without_a_consent_that_it_rests_on_the_record_itself_is_to_go() {
    let now = "2026-03-01T10:00:00Z";
    for named in [None, Some(&["email_optin"][..]), Some(&["call_optin", "email_optin"])] {
        let refused = after(&sealed(content()), &withdrawn(named, now), now).err();
        assert_eq!(refused, Some(RevisionRefusal::NoGround), "{named:?}");
    }
    // What rests on the person's own request stays, without what hangs on a consent.
    let quote = Purpose { basis: Basis::PreContract, ..lettre() };
    let no = withdrawal(&quote, None, at(now)).expect("known");
    let content = read(&after(&sealed(content()), &no, now).expect("taken").expect("anew"));
    assert_eq!(names(&content), "email");
    assert!(content.consents.iter().all(|evidence| evidence.valid_until == Some(at(now))));
}

#[test]
fn a_purpose_that_requires_none_goes_with_the_last() {
    let mut lettre = lettre();
    lettre.consents.iter_mut().for_each(|rule| rule.required = false);
    let now = "2026-03-01T10:00:00Z";
    let no = |named: &[&str]| withdrawal(&lettre, Some(&keys(named)), at(now)).expect("known");
    assert!(after(&sealed(content()), &no(&["email_optin"]), now).is_ok());
    assert_eq!(
        after(&sealed(content()), &no(&["email_optin", "call_optin"]), now).err(),
        Some(RevisionRefusal::NoGround)
    );
}

#[test]
fn a_consent_of_another_purpose_is_none() {
    assert_eq!(
        withdrawal(&lettre(), Some(&keys(&["post_optin"])), at("2026-03-01T10:00:00Z")).err(),
        Some(ConsentUnknown)
    );
    assert_eq!(confirmation(&Arc::new(lettre()), keys(&["post_optin"])).err(), Some(ConsentUnknown));
}

#[test]
fn a_yes_counts_for_the_boxes_that_it_names_and_for_the_record() {
    let now = "2026-05-31T10:00:00Z";
    let record = after(&sealed(content()), &yes(&["email_optin"]), now).expect("taken").expect("anew");
    let content = read(&record);
    assert_eq!(content.acted(), at(now));
    assert_eq!(
        content.reconfirm_due,
        Some(at("2027-11-30T10:00:00Z")),
        "eighteen months, cut to the month's end"
    );
    assert_eq!(content.expires_at, at("2027-12-30T10:00:00Z"), "and the grace");
    assert_eq!(content.consents[0].confirmed, Some(at(now)));
    assert_eq!(content.consents[1].valid_until, Some(at("2026-11-24T16:00:00Z")), "not named");
    assert_eq!((content.consents[1].confirmed, content.seen), (None, Some([5; 32])));
    assert_eq!(names(&content), "email phone_number phone_e164");
    assert_eq!(seen_of(&record, &id(), &key()), Ok(Some([5; 32])), "an erasure finds its row");
    // Named as well, it counts anew.
    let both = after(&record, &yes(&["email_optin", "call_optin"]), "2026-06-01T10:00:00Z").expect("taken");
    let both = read(&both.expect("anew"));
    assert_eq!(both.consents[1].valid_until, Some(at("2027-06-01T10:00:00Z")));
    assert_eq!(both.consents[1].at, at("2025-11-24T16:00:00Z"), "when it was given stays");
}

#[test]
fn two_yeses_on_one_day_are_one() {
    let record = after(&sealed(content()), &yes(&["email_optin"]), "2026-05-31T10:00:00Z");
    let record = record.expect("taken").expect("anew");
    assert!(after(&record, &yes(&["email_optin"]), "2026-05-31T23:59:59Z").expect("taken").is_none());
    assert!(after(&record, &yes(&["call_optin"]), "2026-05-31T23:59:59Z").expect("taken").is_some());
    assert!(after(&record, &yes(&["email_optin"]), "2026-06-01T00:00:00Z").expect("taken").is_some());
}

#[test]
fn a_yes_gives_nothing_anew_that_had_ended_and_none_to_nothing() {
    let over = "2026-12-01T10:00:00Z";
    let refused = |record: &SealedRecord<'_>, to: &[&str], now| after(record, &yes(to), now).err();
    let nothing = Some(RevisionRefusal::NothingToConfirm);
    assert_eq!(refused(&sealed(content()), &["call_optin"], over), nothing, "calls have their own validity");
    assert_eq!(refused(&sealed(content()), &[], "2026-03-01T10:00:00Z"), nothing);
    let no = withdrawn(Some(&["call_optin"]), "2026-03-01T10:00:00Z");
    let record = after(&sealed(content()), &no, "2026-03-01T10:00:00Z").expect("taken").expect("anew");
    assert_eq!(refused(&record, &["call_optin"], "2026-03-02T10:00:00Z"), nothing, "it was taken back");
    let mut unevidenced = content();
    unevidenced.consents.clear();
    assert_eq!(refused(&sealed(unevidenced), &["email_optin"], "2026-03-01T10:00:00Z"), nothing);
    // What rests on no consent is confirmed without one.
    let quote = Arc::new(Purpose { basis: Basis::LegitimateInterest, ..lettre() });
    let bare = confirmation(&quote, Vec::new()).expect("known");
    let kept = after(&sealed(content()), &bare, "2026-03-01T10:00:00Z").expect("taken").expect("anew");
    assert_eq!(read(&kept).acted(), at("2026-03-01T10:00:00Z"));
}

#[test]
fn what_rests_on_consent_ends_36_months_after_the_last_act_whatever_holds_it_longer() {
    let long = Purpose { reconfirm_months: None, ..lettre() };
    let to = keys(&["email_optin"]);
    let yes = confirmation(&Arc::new(long), to).expect("known");
    let record = after(&sealed(content()), &yes, "2026-02-28T10:00:00Z").expect("taken").expect("anew");
    assert_eq!(read(&record).expires_at, at("2029-02-28T10:00:00Z"));
}

#[test]
fn a_period_that_became_shorter_counts_from_the_yes() {
    let record = after(&sealed(content()), &yes(&["email_optin"]), "2026-05-31T10:00:00Z");
    let record = record.expect("taken").expect("anew");
    let end = |begun: Timestamp| crate::clock::plus_months(begun, 6);
    let end = |created: Timestamp, received: Timestamp| end(created.min(received));
    let dated = date_anew(&record, &id(), &key(), end, &random()).expect("opens").expect("earlier");
    assert_eq!(read(&dated).expires_at, at("2026-11-30T10:00:00Z"));
    assert_eq!(read(&dated).acted(), at("2026-05-31T10:00:00Z"));
}

/// A record of the first schema has no key in `seen`, and room for no end: what it cannot say makes it one of the third.
#[test]
fn a_record_of_the_first_schema_says_what_its_person_made_of_it() {
    let plain = schema::encode_first(&content()).expect("fits");
    let clear = (LEAF, crate::clock::Day::of(content().expires_at), false);
    let first = reseal(&plain, schema::Schema::One, clear, &id(), &key(), &random()).expect("seals");
    let no = withdrawn(Some(&["call_optin"]), "2026-03-01T10:00:00Z");
    let ended = after(&first, &no, "2026-03-01T10:00:00Z").expect("taken").expect("anew");
    assert_eq!(ended.encode().first(), Some(&5));
    let content = read(&ended);
    assert!(content.seen.is_none() && content.consents[1].given(), "the evidence stays");
    assert_eq!(content.consents[1].valid_until, Some(at("2026-03-01T10:00:00Z")));
    assert_eq!(seen_of(&ended, &id(), &key()), Ok(None));
    let said = after(&first, &yes(&["email_optin"]), "2026-03-01T10:00:00Z").expect("taken").expect("anew");
    assert_eq!(read(&said).acted(), at("2026-03-01T10:00:00Z"));
}
