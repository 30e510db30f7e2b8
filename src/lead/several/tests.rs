use jiff::Timestamp;

use super::*;
use crate::lead::RawReply;
use crate::notification::{ParkCode, sample};
use crate::purpose::sample::{consent, purpose};
use crate::purpose::{Channel, ConsentRule, Purpose};

/// A purpose that needs its box, whose key is the consent's name.
fn on_demand(id: &str, fields: &[&str]) -> Purpose {
    let consents = vec![ConsentRule { required: true, ..consent(&format!("{id}_optin"), Channel::Email) }];
    Purpose { consents, ..purpose(id, fields) }
}

fn boxes(boxes: &[(&str, &str)]) -> String {
    let one = |(key, checked): &(&str, &str)| format!(r#"{{"checkbox_key":"{key}","is_checked":{checked}}}"#);
    boxes.iter().map(one).collect::<Vec<_>>().join(",")
}

/// What came of a lead for each purpose: `field=value`, `not asked`, or the code; then what was dropped.
fn sieve(
    purposes: &[Purpose],
    beside: &[Purpose],
    boxes: &str,
    answers: &[(&str, &str)],
) -> (Vec<String>, Vec<String>) {
    let entry = |(name, value): &(&str, &str)| format!(r#"{{"name":"{name}","values":["{value}"]}}"#);
    let entries = answers.iter().map(entry).collect::<Vec<_>>().join(",");
    let json = format!(
        r#"{{"id":"7","form_id":"901","custom_disclaimer_responses":[{boxes}],"field_data":[{entries}]}}"#
    );
    let mut reply = RawReply::with_limit(100_000);
    reply.push(json.as_bytes()).expect("below the limit");
    let Some(raw) = reply.lead() else { panic!("no lead: {json}") };
    let reference = sample::reference((7, 104, 901), Timestamp::UNIX_EPOCH);
    fn matchings(of: &[Purpose]) -> Vec<Matching<'_>> {
        of.iter().map(|purpose| Matching::new(purpose, None)).collect()
    }
    let SievedForEach { each, dropped } =
        minimise_for_each(&raw, &reference, &matchings(purposes), &matchings(beside));
    let shown = |sieved: &Sieved| match &sieved.result {
        Err(ParkCode::ConsentMissing) if sieved.is_unasked => "not asked".to_owned(),
        Err(code) => code.to_string(),
        Ok(lead) => {
            let fields = lead.content.fields.iter();
            let mut shown: Vec<String> =
                fields.map(|(name, values)| format!("{name}={}", values[0].expose())).collect();
            shown.extend(lead.is_test().then(|| "test".to_owned()));
            format!("{}: {}", lead.purpose(), shown.join(" "))
        }
    };
    (each.iter().map(shown).collect(), dropped.names().into_iter().map(str::to_owned).collect())
}

const ANSWERS: [(&str, &str); 4] =
    [("email", "a@example.org"), ("phone_number", "+336"), ("birthday", "1/2"), ("budget", "9")];

#[test]
fn each_purpose_gets_what_it_may_hold_and_only_what_none_holds_is_dropped() {
    let purposes =
        [purpose("devis", &["email", "phone_number"]), on_demand("lettre", &["email", "birthday"])];
    let ticked = boxes(&[("lettre_optin", "\"1\"")]);
    let (each, dropped) = sieve(&purposes, &[], &ticked, &ANSWERS);
    assert_eq!(
        each,
        ["devis: email=a@example.org phone_number=+336", "lettre: email=a@example.org birthday=1/2"]
    );
    assert_eq!(dropped, ["budget"]);
}

#[test]
fn what_a_purpose_does_not_get_for_want_of_its_box_is_not_asked_for() {
    let purposes = [purpose("devis", &["email"]), on_demand("lettre", &["email", "birthday"])];
    for unticked in [boxes(&[("lettre_optin", "\"\"")]), boxes(&[("other", "\"1\"")]), String::new()] {
        let (each, dropped) = sieve(&purposes, &[], &unticked, &ANSWERS);
        assert_eq!(each, ["devis: email=a@example.org", "not asked"], "{unticked}");
        assert_eq!(dropped, ["phone_number", "budget"], "its birthday was not asked for either");
    }
    let (each, _) = sieve(&purposes, &[], &boxes(&[("lettre_optin", "\"on\"")]), &ANSWERS);
    assert_eq!(each[1], "consent-missing", "nobody knows what it says");
    let two = [on_demand("lettre", &["email"]), on_demand("appels", &["phone_number"])];
    let (each, _) = sieve(&two, &[], &boxes(&[("lettre_optin", "\"\""), ("appels_optin", "true")]), &ANSWERS);
    assert_eq!(each, ["not asked", "appels: phone_number=+336"]);
}

/// The letter holds no text answer, so it would not see the tool's words.
#[test]
fn a_test_lead_is_one_for_all_its_purposes() {
    let purposes = [purpose("devis", &["full_name"]), on_demand("lettre", &["email"])];
    let ticked = boxes(&[("lettre_optin", "\"1\"")]);
    let words = "<test lead: dummy data for full_name>";
    let answers = [("full_name", words), ("email", "test@meta.com")];
    let (each, _) = sieve(&purposes, &[], &ticked, &answers);
    assert_eq!(
        each,
        [format!("devis: full_name={words} test"), "lettre: email=test@meta.com test".to_owned()]
    );
    let (each, _) = sieve(&purposes[1..], &[], &ticked, &answers);
    assert_eq!(each, ["lettre: email=test@meta.com"]);
}

#[test]
fn what_another_purpose_of_the_form_holds_is_not_dropped() {
    let (lettre, devis) = ([on_demand("lettre", &["email"])], [purpose("devis", &["phone_number", "email"])]);
    let ticked = boxes(&[("lettre_optin", "\"1\"")]);
    assert_eq!(sieve(&lettre, &devis, &ticked, &ANSWERS).1, ["birthday", "budget"]);
    assert_eq!(sieve(&lettre, &[], &ticked, &ANSWERS).1, ["phone_number", "birthday", "budget"]);
}
