use super::*;
use crate::lead::correction::correction;
use crate::lead::minimised::{ConsentEvidence, MinimisedLead, Tick};
use crate::lead::seal::{open, seal};
use crate::lead::{CorrectionFault, sample};
use crate::purpose::sample::{consent, field, purpose};
use crate::purpose::{Channel, ConsentKey, FieldRule, Keep, PhoneRegion, Remit, Whitelist};
use crate::random::SeededRandom;

const OLD: Leaf = Leaf { epoch: 1, number: 7 };
const NEW: Leaf = Leaf { epoch: 1, number: 12 };

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn id() -> RecordId {
    RecordId::parse("devis-1-7").expect("an id")
}

fn key() -> Key {
    Key::new([9; 32])
}

fn random() -> SeededRandom {
    SeededRandom::new(3)
}

fn names(names: &[&str]) -> Vec<FieldName> {
    names.iter().map(|name| FieldName::parse(name).expect("a name")).collect()
}

fn lead() -> MinimisedLead {
    sample::lead("devis", "anne@lumen.example", false, at("2026-11-24T16:00:00Z"))
}

fn sealed(lead: &MinimisedLead) -> SealedRecord<'static> {
    seal(lead, &id(), [5; 32], OLD, &key(), &random()).expect("seals")
}

/// What a record holds as a reader sees it: names and values.
fn shown(content: &Content) -> String {
    let values = |answers: &[Answer]| answers.iter().map(Answer::expose).collect::<Vec<_>>().join("|");
    content
        .fields
        .iter()
        .map(|(name, answers)| format!("{name}={}", values(answers)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What comes of a revision, sealed and opened again.
fn after(lead: &MinimisedLead, revision: &Revision) -> Result<Content, Option<RevisionRefusal>> {
    after_at(lead, revision, at("2025-12-01T00:00:00Z"))
}

fn after_at(
    lead: &MinimisedLead,
    revision: &Revision,
    now: Timestamp,
) -> Result<Content, Option<RevisionRefusal>> {
    match revise(&sealed(lead), &id(), &key(), revision, now).expect("opens") {
        Revised::Same => Err(None),
        Revised::Refused(refusal) => Err(Some(refusal)),
        Revised::Anew(anew) => {
            let record = anew.seal(&id(), NEW, &key(), &random()).expect("seals");
            assert_eq!((record.expiry_day, record.test), (anew.expiry_day(), lead.content.test));
            assert!(record.under == crate::lead::Under::Leaf(NEW));
            Ok(open(&record, &id(), &key()).expect("opens").content)
        }
    }
}

fn corrected(
    lead: &MinimisedLead,
    purpose: &Purpose,
    fields: &[(&str, &[&str])],
) -> Result<String, Option<RevisionRefusal>> {
    after(lead, &taken(purpose, fields).expect("taken")).map(|content| shown(&content))
}

fn taken(purpose: &Purpose, fields: &[(&str, &[&str])]) -> Result<Revision, CorrectionFault> {
    let values = |values: &[&str]| values.iter().map(|value| Wiped::new((*value).to_owned())).collect();
    correction(purpose, fields.iter().map(|(name, of)| ((*name).to_owned(), values(of))).collect())
}

#[test]
fn a_correction_puts_answers_in_their_place_adds_some_and_takes_some_away() {
    let purpose = purpose("devis", &["email", "city"]);
    let of = |fields: &[(&str, &[&str])]| corrected(&lead(), &purpose, fields);
    assert_eq!(of(&[("email", &["a@b.example"])]).as_deref(), Ok("email=a@b.example"));
    assert_eq!(
        of(&[("city", &["Angers", "Nantes"])]).as_deref(),
        Ok("email=anne@lumen.example city=Angers|Nantes")
    );
    assert_eq!(of(&[("city", &["Angers"]), ("email", &[])]).as_deref(), Ok("city=Angers"));
    assert_eq!(of(&[("email", &["anne@lumen.example"])]), Err(None), "it is so already");
    assert_eq!(of(&[("city", &[])]), Err(None));
    assert_eq!(of(&[("email", &[])]), Err(Some(RevisionRefusal::NothingLeft)));
    assert_eq!(of(&[("city", &["x".repeat(17_000).as_str()])]), Err(Some(RevisionRefusal::TooLarge)));
}

#[test]
fn all_else_of_a_record_stays_as_it_is() {
    let lead = lead();
    let revision = taken(&purpose("devis", &["email"]), &[("email", &["a@b.example"])]).expect("taken");
    let content = after(&lead, &revision).unwrap_or_else(|_| panic!("anew"));
    let before = &lead.content;
    assert!(content.consents == before.consents && content.grounds == before.grounds, "evidence");
    assert_eq!((content.created, content.received), (before.created, before.received));
    assert_eq!((content.expires_at, content.reconfirm_due), (before.expires_at, before.reconfirm_due));
    assert_eq!((content.form, content.page, content.seen), (before.form, before.page, Some([5; 32])));
}

#[test]
fn a_correction_is_held_to_the_rules_of_the_sieve_whatever_the_record_holds() {
    let mut purpose = purpose("devis", &["email", "city"]);
    let mut rules = purpose.whitelist.rules().to_vec();
    rules.push(FieldRule { required: true, ..field("first_name") });
    purpose.whitelist = Whitelist::new(rules).expect("fields");
    let fault = |fields: &[(&str, &[&str])]| taken(&purpose, fields).err();
    assert_eq!(fault(&[("shoe_size", &["44"])]), Some(CorrectionFault::FieldUnknown));
    assert_eq!(fault(&[("first_name", &[])]), Some(CorrectionFault::FieldRequired));
    assert_eq!(fault(&[("email", &["a@b.example", " "])]), Some(CorrectionFault::ValueInvalid));
    assert_eq!(fault(&[("city", &["a"]), ("city", &["b"])]), Some(CorrectionFault::ValueInvalid));
    assert_eq!(fault(&[("city", &["a"; 101])]), Some(CorrectionFault::ValueInvalid));
    assert_eq!(fault(&[("city", &["a"; 100]), ("first_name", &["Anne"])]), None);
}

#[test]
fn a_number_is_worked_out_anew_and_never_corrected_by_itself() {
    let mut purpose = purpose("devis", &["email", "phone_number"]);
    let mut rules = purpose.whitelist.rules().to_vec();
    rules.push(rules[1].e164(FieldName::parse("phone_e164").expect("a name")));
    purpose.whitelist = Whitelist::new(rules).expect("fields");
    purpose.phone_region = PhoneRegion::parse("FR");
    let alone = taken(&purpose, &[("phone_e164", &["+33639980000"])]);
    assert_eq!(alone.err(), Some(CorrectionFault::FieldWorkedOut));
    let revision = taken(&purpose, &[("phone_number", &["06 39 98 00 00"])]).expect("taken");
    assert_eq!(revision.names().cloned().collect::<Vec<_>>(), names(&["phone_number", "phone_e164"]));
    let of = |lead: &MinimisedLead, number: &str| corrected(lead, &purpose, &[("phone_number", &[number])]);
    let mut with = lead();
    with.content = after(&lead(), &revision).unwrap_or_else(|_| panic!("anew"));
    assert_eq!(
        shown(&with.content),
        "email=anne@lumen.example phone_number=06 39 98 00 00 phone_e164=+33639980000"
    );
    let (other, words) = (of(&with, "+49 30 23125 000"), of(&with, "le soir"));
    assert_eq!(
        other.as_deref(),
        Ok("email=anne@lumen.example phone_number=+49 30 23125 000 phone_e164=+493023125000")
    );
    assert_eq!(words.as_deref(), Ok("email=anne@lumen.example phone_number=le soir"), "no number in it");
}

#[test]
fn what_hangs_on_a_consent_is_added_only_while_that_holds() {
    let mut purpose = purpose("devis", &["email", "city"]);
    let mut rules = purpose.whitelist.rules().to_vec();
    rules[1].consent = ConsentKey::parse("email_optin");
    purpose.whitelist = Whitelist::new(rules).expect("fields");
    purpose.consents = vec![consent("email_optin", Channel::Email)];
    let of = |purpose: &Purpose, evidence: ConsentEvidence| {
        let mut lead = lead();
        lead.content.consents = vec![evidence];
        corrected(&lead, purpose, &[("city", &["Angers"])]).map_err(Option::unwrap)
    };
    let refused = Err(RevisionRefusal::ConsentNotGiven);
    let given = || sample::ticked("email_optin", "optin");
    assert!(of(&purpose, given()).is_ok());
    assert_eq!(of(&purpose, ConsentEvidence { tick: Tick::No, ..given() }), refused);
    assert_eq!(of(&purpose, sample::ticked("call_optin", "call")), refused, "it was not looked at");
    let over = Some(at("2025-11-30T23:00:00Z"));
    assert_eq!(of(&purpose, ConsentEvidence { valid_until: over, ..given() }), refused);
    let today = Some(at("2025-12-01T23:00:00Z"));
    assert_eq!(
        of(&purpose, ConsentEvidence { valid_until: today, ..given() }),
        refused,
        "from its last day on"
    );
    let tomorrow = Some(at("2025-12-02T00:00:00Z"));
    assert!(of(&purpose, ConsentEvidence { valid_until: tomorrow, ..given() }).is_ok());
    let mut lead = lead();
    lead.content.consents.clear();
    assert_eq!(corrected(&lead, &purpose, &[("city", &[])]), Err(None), "what goes needs no consent");
}

#[test]
fn one_of_several_fields_must_be_left_where_the_purpose_says_so() {
    let mut purpose = purpose("devis", &["email", "phone_number", "city"]);
    purpose.require_one_of = names(&["email", "phone_number"]);
    let of = |fields: &[(&str, &[&str])]| corrected(&lead(), &purpose, fields);
    let refused = Err(Some(RevisionRefusal::NoneLeftOfOne));
    assert_eq!(of(&[("email", &[]), ("city", &["Angers"])]), refused);
    assert_eq!(of(&[("email", &[]), ("phone_number", &["1"])]).as_deref(), Ok("phone_number=1"));
}

#[test]
fn what_a_purpose_may_no_longer_hold_goes_by_its_name() {
    let mut lead = lead();
    let answers = vec![Answer::from_sealed("44".to_owned())];
    lead.content.fields.push((names(&["shoe_size"]).remove(0), answers));
    let of = |gone: &[&str]| after(&lead, &Revision::without(names(gone))).map(|content| shown(&content));
    assert_eq!(of(&["shoe_size", "city"]).as_deref(), Ok("email=anne@lumen.example"));
    assert_eq!(of(&["email", "shoe_size"]).as_deref(), Ok(""));
    assert_eq!(of(&["city"]), Err(None));
    let (sooner, later) = (at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
    let ends = |expires_at, reconfirm_due| {
        let periods = Periods { reconfirm_due, expires_at };
        let anew = after(&lead, &Revision::default().no_longer_than(periods));
        anew.map(|content| (content.expires_at, content.reconfirm_due))
    };
    assert_eq!(ends(sooner, None), Ok((sooner, None)));
    assert_eq!(ends(later, None), Err(None), "nothing is lengthened");
    assert_eq!(ends(later, Some(sooner)), Ok((lead.content.expires_at, Some(sooner))));
}

/// Three fields, two of which hang on a consent, and two things that are kept beside them.
fn rich() -> MinimisedLead {
    let mut lead = lead();
    let field =
        |name: &str, value: &str| (names(&[name]).remove(0), vec![Answer::from_sealed(value.to_owned())]);
    lead.content.fields.extend([field("phone_number", "06"), field("city", "Angers")]);
    lead.content.consents = vec![
        ConsentEvidence {
            valid_until: Some(at("2026-06-01T09:00:00Z")),
            ..sample::ticked("call_optin", "call")
        },
        ConsentEvidence { tick: Tick::No, ..sample::ticked("post_optin", "post") },
    ];
    lead.content.leadgen = crate::id::LeadgenId::parse("4001");
    lead.content.attribution = vec![
        (Keep::Platform, Answer::from_sealed("fb".to_owned())),
        (Keep::CampaignId, Answer::from_sealed("77".to_owned())),
    ];
    lead
}

/// A purpose that may hold these fields, each with the consent that it hangs on, and keeps this beside them.
fn remit(fields: &[(&str, Option<&str>)], months: Option<u32>, keep: &[Keep]) -> Revision {
    let mut of = purpose("devis", &["email"]);
    let rule = |(name, key): &(&str, Option<&str>)| FieldRule {
        consent: key.and_then(ConsentKey::parse),
        ..field(name)
    };
    of.whitelist = Whitelist::new(fields.iter().map(rule).collect()).expect("fields");
    of.consents = ["call_optin", "post_optin"].map(|key| consent(key, Channel::Phone)).into();
    of.consents[0].valid_months = months;
    of.keep = keep.to_vec();
    Revision::trimmed_to(Arc::new(Remit::of(&of)))
}

#[test]
fn what_is_not_within_a_remit_goes_and_what_shows_the_consents_stays() {
    const ALL: [Keep; 3] = [Keep::Platform, Keep::CampaignId, Keep::LeadgenId];
    let early = at("2026-05-31T23:00:00Z");
    let of = |revision: &Revision, now| {
        after_at(&rich(), revision, now).map(|content| {
            assert!(content.consents == rich().content.consents && content.grounds == rich().content.grounds);
            assert_eq!(content.expires_at, rich().content.expires_at);
            let beside: Vec<&str> = content.attribution.iter().map(|(keep, _)| keep.as_str()).collect();
            format!("{} {} {}", shown(&content), beside.join(" "), content.leadgen.is_some())
        })
    };
    let whole = [("email", None), ("phone_number", Some("call_optin")), ("city", None)];
    assert_eq!(of(&remit(&whole, None, &ALL), early), Err(None), "all of it may be held");
    let (mail, keep) = ("email=anne@lumen.example", "platform campaign_id true");
    assert_eq!(of(&remit(&whole[..2], None, &ALL), early), Ok(format!("{mail} phone_number=06 {keep}")));
    assert_eq!(of(&remit(&whole[..1], None, &ALL), early), Ok(format!("{mail} {keep}")));
    assert_eq!(
        of(&remit(&whole, None, &[Keep::CampaignId]), early),
        Ok(format!("{mail} phone_number=06 city=Angers campaign_id false"))
    );
    // From the day on on which it ends, by what was said then or is said now.
    let without_phone = Ok(format!("{mail} city=Angers {keep}"));
    let last_day = at("2026-06-01T00:00:00Z");
    assert_eq!(of(&remit(&whole, None, &ALL), last_day), without_phone);
    assert_eq!(of(&remit(&whole, Some(120), &ALL), last_day), without_phone, "nothing is lengthened");
    assert_eq!(of(&remit(&whole, Some(1), &ALL), early), without_phone, "it is shorter now");
    let by = |key| [whole[0], ("phone_number", Some(key)), whole[2]];
    assert_eq!(of(&remit(&by("post_optin"), None, &ALL), early), without_phone, "it was not given");
    assert_eq!(of(&remit(&by("fax_optin"), None, &ALL), early), without_phone, "nobody asks for it");
    // Nothing may be left of it.
    assert_eq!(of(&remit(&[("shoe_size", None)], None, &[]), early), Ok("  false".to_owned()));
}

/// Decisions 125 and 134; design, "Clock": the only way by which anything is lengthened.
#[test]
fn what_a_clock_that_was_behind_received_gets_the_periods_of_its_submission() {
    let created = at("2026-03-10T12:00:00Z");
    let mut purpose = purpose("devis", &["email"]);
    (purpose.retention_months, purpose.reconfirm_months, purpose.grace_days) = (Some(12), Some(6), 400);
    purpose.consents = vec![consent("email_optin", Channel::Email)];
    purpose.consents[0].valid_months = Some(3);
    let stored = |received: Timestamp| {
        let was = periods(&purpose, created, received);
        let mut lead = lead();
        (lead.content.created, lead.content.received) = (created, received);
        (lead.content.expires_at, lead.content.reconfirm_due) = (was.expires_at, was.reconfirm_due);
        lead.content.consents[0].valid_until = purpose.consents[0].valid_until(created, received);
        lead
    };
    let of = |purpose: &Purpose, received: &str| {
        let revision =
            Revision::dated_by_submission(Arc::new(Purpose { id: purpose.id.clone(), ..copy(purpose) }));
        let early = after_at(&stored(at(received)), &revision, at("2026-03-10T11:59:59Z"));
        assert_eq!(early.err(), Some(None), "it says that it is of tomorrow");
        after_at(&stored(at(received)), &revision, at("2026-06-01T00:00:00Z"))
    };
    let redated = of(&purpose, "2026-01-10T12:00:00Z").unwrap_or_else(|_| panic!("anew"));
    assert_eq!(redated.expires_at, at("2027-03-10T12:00:00Z"));
    assert_eq!(redated.reconfirm_due, Some(at("2026-09-10T12:00:00Z")));
    assert_eq!(redated.consents[0].valid_until, Some(at("2026-06-10T12:00:00Z")));
    assert_eq!((redated.created, redated.received), (created, created), "nothing arrives before it is sent");
    for received in ["2026-03-10T11:00:00Z", "2026-03-10T12:00:00Z", "2026-05-01T00:00:00Z"] {
        assert_eq!(of(&purpose, received).err(), Some(None), "{received}");
    }
    assert!(of(&purpose, "2026-03-10T10:59:59Z").is_ok());
    // A retention that was lengthened since holds for later submissions alone; one that was shortened is not our affair here.
    let mut longer = copy(&purpose);
    longer.retention_months = Some(36);
    let capped = of(&longer, "2026-01-10T12:00:00Z").unwrap_or_else(|_| panic!("anew")).expires_at;
    assert!(capped > at("2027-03-09T00:00:00Z") && capped < at("2027-03-14T00:00:00Z"), "{capped}");
    let mut shorter = copy(&purpose);
    shorter.retention_months = Some(1);
    let kept = of(&shorter, "2026-01-10T12:00:00Z").unwrap_or_else(|_| panic!("anew")).expires_at;
    assert_eq!(kept, at("2027-01-10T12:00:00Z"), "never shortened by this");
}

fn copy(of: &Purpose) -> Purpose {
    let mut copy = purpose("devis", &["email"]);
    (copy.retention_months, copy.reconfirm_months) = (of.retention_months, of.reconfirm_months);
    copy.grace_days = of.grace_days;
    copy.consents.clone_from(&of.consents);
    copy
}

#[test]
fn a_record_of_the_first_schema_stays_one() {
    let lead = lead();
    let plain = schema::encode_first(&lead.content).expect("fits");
    let clear = (OLD, lead.expiry_day(), false);
    let record = reseal(&plain, Schema::One, clear, &id(), &key(), &random()).expect("seals");
    let revision = taken(&purpose("devis", &["email"]), &[("email", &["a@b.example"])]).expect("taken");
    let Ok(Revised::Anew(anew)) = revise(&record, &id(), &key(), &revision, at("2025-12-01T00:00:00Z"))
    else {
        panic!("anew")
    };
    let anew = anew.seal(&id(), NEW, &key(), &random()).expect("seals");
    assert_eq!(anew.encode().first(), Some(&3));
    let content = open(&anew, &id(), &key()).expect("opens").content;
    assert_eq!((shown(&content), content.seen), ("email=a@b.example".to_owned(), None));
    assert!(content.consents[0].key == lead.content.consents[0].key && content.consents[0].given());
}

#[test]
fn a_no_ends_what_was_given_and_leaves_what_shows_that_it_was() {
    let lead = lead();
    let moment = at("2025-12-01T00:00:00Z");
    let no = Revision::without(names(&["phone_number"])).ending_consents(moment);
    let content = after(&lead, &no).unwrap_or_else(|refused| panic!("{refused:?}"));
    let given: Vec<&ConsentEvidence> = content.consents.iter().filter(|found| found.given()).collect();
    assert!(!given.is_empty(), "the evidence is there");
    assert!(given.iter().all(|found| found.valid_until == Some(moment)));
    // Said again later, nothing happens: it ended then.
    let leaf = seal(&lead, &id(), [5; 32], OLD, &key(), &random()).expect("seals");
    let Ok(Revised::Anew(revised)) = revise(&leaf, &id(), &key(), &no, moment) else { panic!("anew") };
    let again = revised.seal(&id(), NEW, &key(), &random()).expect("seals");
    let later = Revision::without(names(&["phone_number"])).ending_consents(at("2026-03-01T00:00:00Z"));
    assert!(matches!(revise(&again, &id(), &key(), &later, at("2026-03-01T00:00:00Z")), Ok(Revised::Same)));
}
