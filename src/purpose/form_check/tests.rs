use jiff::Timestamp;

use super::check::FINDINGS_TOLD_MAX;
use super::*;
use crate::id::{FormId, PageId};
use crate::purpose::sample::{consent, field, purpose};
use crate::purpose::{
    Asked, BoxKey, Channel, Checkbox, ConsentRule, FormDefinition, Legal, LegalContent, Policy, Question,
    Whitelist, Wording,
};

const FORM: &str = "901000000000001";
const NOTICE: &str = "https://leads.lumen.example/notice/devis";

fn form() -> FormId {
    FormId::parse(FORM).expect("digits")
}

fn home() -> NoticeHome {
    NoticeHome::below("https://leads.lumen.example").expect("an address")
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + hours * 3_600).expect("in range")
}

fn checkbox(key: &str, ticked: Option<bool>) -> Checkbox {
    let text = Wording::of("J'accepte", 100);
    Checkbox { key: key.to_owned(), text, is_required: None, is_ticked_by_default: ticked }
}

/// A form that asks this, under these boxes, with this link.
fn asks(keys: &[(&str, &str)], boxes: Vec<Checkbox>, link: Option<&str>) -> FormDefinition {
    let questions = keys.iter().map(|(key, kind)| Question::new(key, kind)).collect();
    let legal = LegalContent { title: None, body: None, boxes, policy_url: link.map(str::to_owned) };
    FormDefinition { legal: Legal::Read(legal), ..FormDefinition::asking(form(), questions) }
}

fn seen(definition: &FormDefinition) -> FormSeen<'_> {
    FormSeen {
        form: form(),
        definition: Some(definition),
        read_at: Some(at(0)),
        changed_at: None,
        is_held: false,
    }
}

/// What is found, a line each: severity, code, purpose, consent, question.
fn told(policy: &Policy, seen: FormSeen<'_>) -> Vec<String> {
    lines(&check_form(policy, Some(&home()), &seen, at(0)))
}

fn lines(found: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let parts = [
            Some(finding.severity.to_string()),
            Some(finding.code.to_string()),
            finding.purpose.as_ref().map(ToString::to_string),
            finding.consent.as_ref().map(|consent| consent.as_str().to_owned()),
            finding.question.clone(),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    found.iter().map(line).collect()
}

fn quote() -> Policy {
    Policy::new(vec![purpose("devis", &["email", "budget"])])
}

const QUOTE: [(&str, &str); 2] = [("email", "CUSTOM"), ("budget", "CUSTOM")];

/// The example of the guide: a quote for a lamp needs neither a shoe size nor a birthplace.
#[test]
fn what_is_asked_and_taken_by_no_field_is_found_and_a_hidden_parameter_asks_nobody() {
    let mut keys = QUOTE.to_vec();
    assert_eq!(told(&quote(), seen(&asks(&keys, Vec::new(), Some(NOTICE)))), [""; 0]);
    keys.extend([("pointure", "CUSTOM"), ("lieu_de_naissance", "CUSTOM"), ("groupe_sanguin", "CUSTOM")]);
    let mut definition = asks(&keys, Vec::new(), Some(NOTICE));
    definition.questions.push(Question { asked: Asked::Hidden, ..Question::new("utm_source", "") });
    definition.questions.push(Question { asked: Asked::Dependent, ..Question::new("modele", "") });
    assert_eq!(
        told(&quote(), seen(&definition)),
        [
            "serious question-special groupe_sanguin",
            "warning question-unneeded lieu_de_naissance",
            "warning question-unneeded modele",
            "warning question-unneeded pointure",
        ]
    );
    let born = check_form(&quote(), None, &seen(&definition), at(0));
    let born = born.iter().find(|one| one.question.as_deref() == Some("lieu_de_naissance")).expect("found");
    assert_eq!(born.asks().map(|asks| asks.to_string()).as_deref(), Some("date or place of birth"));
}

#[test]
fn what_one_of_several_purposes_takes_is_needed() {
    let mut lettre = purpose("lettre", &["first_name"]);
    lettre.consents = vec![ConsentRule { required: true, ..consent("optin", Channel::Email) }];
    let policy = Policy::new(vec![purpose("devis", &["email"]), lettre]);
    let boxes = || vec![checkbox("optin", Some(false))];
    let definition = asks(
        &[("email", "CUSTOM"), ("first_name", "CUSTOM")],
        boxes(),
        Some("https://leads.lumen.example/notice/lettre"),
    );
    assert_eq!(told(&policy, seen(&definition)), [""; 0], "and its link may be that of either");
}

#[test]
fn a_privacy_link_that_is_not_the_notice_is_found() {
    for (link, wanted) in [
        (Some(NOTICE), None),
        (Some("https://lumen.example/vie-privee"), Some("warning link-elsewhere")),
        (Some("https://leads.lumen.example/notice/lettre"), Some("serious link-other-purpose")),
        (Some(""), Some("serious link-missing")),
        (None, Some("serious link-missing")),
    ] {
        let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
        assert_eq!(told(&quote(), seen(&asks(&QUOTE, Vec::new(), link))), wanted, "{link:?}");
    }
    let withheld = FormDefinition { legal: Legal::Withheld, ..asks(&QUOTE, Vec::new(), None) };
    assert_eq!(told(&quote(), seen(&withheld)), ["note link-unknown"]);
    assert_eq!(
        check_form(&quote(), None, &seen(&asks(&QUOTE, Vec::new(), None)), at(0)),
        [],
        "without an address of our own nobody can say where a link should lead"
    );
}

#[test]
fn boxes_that_give_no_consent_are_found_and_a_required_one_is_serious() {
    let mut asking = purpose("devis", &["email", "budget"]);
    let required = ConsentRule { required: true, ..consent("calls", Channel::Phone) };
    asking.consents = vec![required, consent("mails", Channel::Email)];
    let policy = Policy::new(vec![asking]);
    let found = |boxes: Vec<Checkbox>| told(&policy, seen(&asks(&QUOTE, boxes, Some(NOTICE))));
    assert_eq!(found(vec![checkbox("calls", Some(false)), checkbox("mails", Some(false))]), [""; 0]);
    assert_eq!(
        found(vec![checkbox("calls", Some(true)), checkbox("mails", None)]),
        ["serious box-pre-ticked devis calls", "warning box-default-unknown devis mails"]
    );
    assert_eq!(found(Vec::new()), ["serious box-absent devis calls", "warning box-absent devis mails"]);
    let withheld = FormDefinition { legal: Legal::Withheld, ..asks(&QUOTE, Vec::new(), None) };
    assert_eq!(told(&policy, seen(&withheld)), ["warning box-default-unknown devis", "note link-unknown"]);
}

#[test]
fn a_box_that_is_named_for_the_original_counts_on_its_copy() {
    let mut asking = purpose("devis", &["email", "budget"]);
    asking.copies = true;
    let on = BoxKey { form: Some(form()), key: "optional_1".to_owned() };
    asking.consents = vec![ConsentRule { from: vec![on], ..consent("calls", Channel::Phone) }];
    let policy = Policy::new(vec![asking]);
    let page = PageId::parse("104").expect("digits");
    let mut original = asks(&QUOTE, vec![checkbox("optional_1", Some(false))], Some(NOTICE));
    original.page = Some(page);
    let copy = FormDefinition { form: FormId::parse("77").expect("digits"), ..original.clone() };
    let copies = policy.copies();
    copies.learn(&original, original.revision(), None);
    assert!(copies.adopt(copy.form, copy.revision(), &original.form));
    assert_eq!(told(&policy, FormSeen { form: copy.form, ..seen(&copy) }), [""; 0]);
}

#[test]
fn a_form_that_nobody_claims_is_found_where_leads_of_it_wait_and_is_not_judged() {
    let other = FormId::parse("77").expect("digits");
    let definition = asks(&[("pointure", "CUSTOM")], Vec::new(), None);
    let foreign = |is_held| FormSeen { form: other, is_held, ..seen(&definition) };
    assert_eq!(told(&quote(), foreign(true)), ["warning form-unclaimed"]);
    assert_eq!(told(&quote(), foreign(false)), [""; 0]);
    let devis = purpose("devis", &["email"]);
    let held = std::iter::once(devis.id.clone()).collect();
    let policy = Policy::holding(vec![devis], &held);
    assert_eq!(told(&policy, seen(&definition)), ["serious notice-incomplete"]);
}

#[test]
fn what_graph_does_not_give_or_gave_long_ago_is_found() {
    let unread = FormSeen { definition: None, ..seen(&asks(&[], Vec::new(), None)) };
    assert_eq!(told(&quote(), unread), ["warning form-unreadable"]);
    let definition = asks(&QUOTE, Vec::new(), Some(NOTICE));
    let looked = |hours| lines(&check_form(&quote(), Some(&home()), &seen(&definition), at(hours)));
    assert_eq!(looked(71), [""; 0]);
    assert_eq!(looked(72), ["warning form-not-seen"]);
}

#[test]
fn a_list_without_end_keeps_the_worst() {
    let keys: Vec<String> = (0..100).map(|n| format!("q{n}")).chain(["religion".to_owned()]).collect();
    let keys: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "CUSTOM")).collect();
    let found = told(&quote(), seen(&asks(&keys, Vec::new(), Some(NOTICE))));
    assert_eq!((found.len(), found[0].as_str()), (FINDINGS_TOLD_MAX, "serious question-special religion"));
}

/// A look after this one.
fn next(
    before: Option<&FormLook>,
    policy: &Policy,
    definition: &FormDefinition,
    hours: i64,
) -> (FormLook, Vec<String>, Vec<String>) {
    let seen = FormSeen { read_at: Some(at(hours)), ..seen(definition) };
    let (look, change) = FormLook::after(before, policy, Some(&home()), seen, at(hours));
    (look, lines(&change.begun), lines(&change.ended))
}

#[test]
fn a_finding_has_a_beginning_and_an_end_and_what_comes_again_begins_again() {
    let (good, bad) = (
        asks(&QUOTE, Vec::new(), Some(NOTICE)),
        asks(&[("email", "CUSTOM"), ("budget", "CUSTOM"), ("pointure", "CUSTOM")], Vec::new(), Some(NOTICE)),
    );
    let too_much = "warning question-unneeded pointure";
    let (first, begun, ended) = next(None, &quote(), &bad, 0);
    assert_eq!((begun, ended), (vec![too_much.to_owned()], Vec::new()));
    assert_eq!((first.looked_at, first.changed_at), (at(0), None));
    let (second, begun, ended) = next(Some(&first), &quote(), &bad, 24);
    assert_eq!((begun, ended), (Vec::new(), Vec::new()), "it is said once");
    assert!(second.is_news_to(&first) && !second.is_news_to(&second));
    let kept = &second.findings[0];
    assert_eq!((kept.first_seen, kept.last_seen, kept.ended), (at(0), at(24), None));
    let (third, begun, ended) = next(Some(&second), &quote(), &good, 48);
    assert_eq!((begun, ended), (vec!["note form-changed".to_owned()], vec![too_much.to_owned()]));
    assert_eq!(third.changed_at, Some(at(48)));
    let over = third.findings.last().expect("kept");
    assert_eq!((over.first_seen, over.last_seen, over.ended), (at(0), at(24), Some(at(48))));
    let (fourth, begun, _) = next(Some(&third), &quote(), &bad, 72);
    assert_eq!(begun, [too_much], "the change stands already");
    assert_eq!(fourth.findings.iter().filter(|kept| kept.finding.question.is_some()).count(), 2);
    let (fifth, begun, ended) = next(Some(&fourth), &quote(), &bad, 72 + 30 * 24);
    assert_eq!(
        (begun.len(), ended),
        (0, vec!["note form-changed".to_owned()]),
        "after a month it is no news"
    );
    assert_eq!(fifth.standing().count(), 1);
}

#[test]
fn a_form_that_cannot_be_read_for_a_while_has_not_changed() {
    let definition = asks(&QUOTE, Vec::new(), Some(NOTICE));
    let (first, ..) = next(None, &quote(), &definition, 0);
    let unread = FormSeen { definition: None, read_at: Some(at(1)), ..seen(&definition) };
    let (second, change) = FormLook::after(Some(&first), &quote(), Some(&home()), unread, at(1));
    assert_eq!(lines(&change.begun), ["warning form-unreadable"]);
    let (third, begun, ended) = next(Some(&second), &quote(), &definition, 2);
    assert_eq!((third.changed_at, begun, ended.len()), (None, Vec::new(), 1));
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_end_before_it_began() {
    let bad = asks(&[("pointure", "CUSTOM")], Vec::new(), Some(NOTICE));
    let good = asks(&[], Vec::new(), Some(NOTICE));
    let (first, ..) = next(None, &quote(), &bad, 100);
    let (second, ..) = next(Some(&first), &quote(), &good, 0);
    let over = second.findings.iter().find(|kept| kept.ended.is_some()).expect("over");
    assert_eq!((over.first_seen, over.ended), (at(100), Some(at(100))));
}

/// Each lead that is held is a look; the store hears of it once a day.
#[test]
fn that_leads_of_a_form_wait_is_kept_once_a_day() {
    let nobodys = FormSeen {
        form: FormId::parse("77").expect("digits"),
        definition: None,
        read_at: None,
        changed_at: None,
        is_held: true,
    };
    let look =
        |before: Option<&FormLook>, hours| FormLook::after(before, &quote(), None, nobodys, at(hours)).0;
    let first = look(None, 0);
    assert!(!look(Some(&first), 23).is_news_to(&first));
    assert!(look(Some(&first), 24).is_news_to(&first) && look(Some(&first), -1).is_news_to(&first));
}

#[test]
fn a_history_has_a_bound_and_forgets_the_oldest_ends() {
    let asking = |n: i64| asks(&[(&format!("q{n}"), "CUSTOM")], Vec::new(), Some(NOTICE));
    let mut look: Option<FormLook> = None;
    for n in 0..400 {
        look = Some(next(look.as_ref(), &quote(), &asking(n), n).0);
    }
    let look = look.expect("a look");
    assert_eq!(look.findings.len(), 200);
    assert_eq!(look.findings[0].finding.question.as_deref(), Some("q399"));
    let questions: Vec<&str> =
        look.findings.iter().filter_map(|kept| kept.finding.question.as_deref()).collect();
    assert!(questions.contains(&"q398") && !questions.contains(&"q0"));
}

#[test]
fn a_field_that_is_fed_by_type_takes_its_question_in_any_language() {
    let mut devis = purpose("devis", &["email"]);
    let mut email = field("email");
    email.types = ["EMAIL"].into_iter().collect();
    devis.whitelist = Whitelist::new(vec![email]).expect("fields");
    let definition = asks(&[("e-mail-adresse", "EMAIL")], Vec::new(), Some(NOTICE));
    assert_eq!(told(&Policy::new(vec![devis]), seen(&definition)), [""; 0]);
}
