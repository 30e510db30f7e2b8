use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::id::FormId;
use crate::lead::{RawReply, Tick};
use crate::notification::sample;
use crate::purpose::FieldName;
use crate::purpose::sample::consent;
use crate::purpose::{
    Basis, Channel, Checkbox, ConsentRule, FieldRule, FormDefinition, Legal, LegalContent, PurposeId,
    Question, TextHash, Whitelist, Wording, standard_type,
};

mod of_consents;
mod of_fields;

/// A field by name; then `!` for required, `?consent`, `<key,key` for `from`, in this order.
fn field(spec: &str) -> FieldRule {
    let (spec, from) = spec.split_once('<').unwrap_or((spec, ""));
    let (spec, consent) = spec.split_once('?').unwrap_or((spec, ""));
    let name = spec.trim_end_matches('!');
    FieldRule {
        name: FieldName::parse(name).expect("a name"),
        types: standard_type(name).into_iter().collect(),
        from: from.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
        required: spec.ends_with('!'),
        consent: ConsentKey::parse(consent),
        ..FieldRule::named(FieldName::parse(name).expect("a name"))
    }
}

fn purpose(fields: &[&str], consents: &[&str], keep: &[Keep]) -> Purpose {
    let consent = |spec: &&str| ConsentRule {
        required: spec.ends_with('!'),
        ..consent(spec.trim_end_matches('!'), Channel::Email)
    };
    Purpose {
        id: PurposeId::parse("devis").expect("a name"),
        title: Vec::new(),
        forms: vec![form()],
        basis: Basis::PreContract,
        retention_months: Some(12),
        retention_days: None,
        reconfirm_months: None,
        copies: false,
        grace_days: 30,
        recipients: Vec::new(),
        keep: keep.to_vec(),
        phone_region: None,
        welcome: false,
        whitelist: Whitelist::new(fields.iter().map(|spec| field(spec)).collect()).expect("not empty"),
        consents: consents.iter().map(consent).collect(),
        third_parties: Vec::new(),
        require_one_of: Vec::new(),
        legitimate_interest: Vec::new(),
    }
}

fn form() -> FormId {
    sample::form(901)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

const CREATED: i64 = 1_764_000_000;
const NOTIFIED: i64 = 1_764_000_100;
const RECEIVED: i64 = 1_764_000_200;

fn reference() -> LeadRef {
    let reference = sample::reference((9_007_199_254_740_993, 104, 901), at(RECEIVED));
    LeadRef { created: Some(at(NOTIFIED)), ..reference }
}

/// What came of a lead, in a form that a test can read: `name=a|b name=c ; dropped,names,+nameless`, or the code.
fn shown(sieved: &Sieved) -> String {
    let mut out = match &sieved.result {
        Err(code) => code.to_string(),
        Ok(lead) => {
            let values = |answers: &[Answer]| {
                answers.iter().map(|answer| answer.expose().to_owned()).collect::<Vec<_>>().join("|")
            };
            let fields = lead.content.fields.iter();
            fields.map(|(name, answers)| format!("{name}={}", values(answers))).collect::<Vec<_>>().join(" ")
        }
    };
    if sieved.dropped.count() > 0 {
        write!(out, " ; {}", sieved.dropped.names().join(",")).expect("a string");
        let nameless = sieved.dropped.count() - sieved.dropped.names().len();
        if nameless > 0 {
            write!(out, "+{nameless}").expect("a string");
        }
    }
    out
}

fn sieve_under(purpose: &Purpose, definition: Option<&FormDefinition>, json: &str) -> Sieved {
    // It names its form, unless that is what the test is about.
    let json = match json.contains("form_id") {
        true => json.to_owned(),
        false => json.replacen('{', r#"{"form_id":"901","#, 1),
    };
    let mut reply = RawReply::with_limit(4_000_000);
    reply.push(json.as_bytes()).expect("below the limit");
    let Some(lead) = reply.lead() else { panic!("no lead: {json:.200}") };
    minimise(&lead, &reference(), &Matching::new(purpose, definition))
}

/// Sieves a lead with these entries under these fields, without a definition, and shows it.
fn sieve(fields: &[&str], entries: &str) -> String {
    let json = format!(r#"{{"id":"9007199254740993","field_data":[{entries}]}}"#);
    shown(&sieve_under(&purpose(fields, &[], &[]), None, &json))
}

fn stored(sieved: Sieved) -> MinimisedLead {
    sieved.result.unwrap_or_else(|code| panic!("{code}"))
}

#[test]
fn what_is_whitelisted_stays_and_the_rest_goes() {
    let entries = r#"{"name":"shoe_size","values":["44"]},{"name":"email","values":["ada@example.org"]},
        {"name":"full_name","values":["Ada \u00c9\ud83d\ude00 \"L\""]},{"name":"city","values":["Angers"]}"#;
    assert_eq!(
        sieve(&["full_name", "email!"], entries),
        "full_name=Ada É😀 \"L\" email=ada@example.org ; shoe_size,city"
    );
}

#[test]
fn values_of_every_shape() {
    for (entry, wanted) in [
        (r#""values":["a"]"#, "x=a"),
        (r#""values":["a","b","a"]"#, "x=a|b|a"),
        (r#""values":[" a "]"#, "x= a "),
        (r#""values":["a","",null,"  ","b"]"#, "x=a|b"),
        (r#""values":[7,1.50,-0,1e999,true,false]"#, "x=7|1.50|-0|1e999|true|false"),
        (r#""values":"a""#, "x=a"),
        (r#""values":7"#, "x=7"),
        (r#""values":["a"],"value":"b""#, "x=a"),
        (r#""values":["a"],"values":["b"]"#, "x=a"),
        (r#""values":["half \ud83d"]"#, "x=half \u{fffd}"),
        (r#""values":["a",["b"],{"c":"d"}]"#, "x=a ; x"),
        (r#""values":[["b"]]"#, "nothing-whitelisted ; x"),
        (r#""values":{"a":"b"}"#, "nothing-whitelisted ; x"),
        (r#""value":"a""#, "nothing-whitelisted ; x"),
        (r#""values":null,"value":"a""#, "nothing-whitelisted ; x"),
        (r#""values":[]"#, "nothing-whitelisted"),
        (r#""values":[""]"#, "nothing-whitelisted"),
        (r#""values":["\u0020\n\u00a0"]"#, "nothing-whitelisted"),
        (r#""values":[null]"#, "nothing-whitelisted"),
        (r#""values":null"#, "nothing-whitelisted"),
        (r#""values":"""#, "nothing-whitelisted"),
        (r#""unknown":1"#, "nothing-whitelisted"),
    ] {
        assert_eq!(sieve(&["x"], &format!(r#"{{"name":"x",{entry}}}"#)), wanted, "{entry}");
    }
}

#[test]
fn more_values_than_the_bound_are_left_behind() {
    let many = vec![r#""a""#; VALUES_MAX + 1].join(",");
    let shown = sieve(&["x"], &format!(r#"{{"name":"x","values":[{many}]}}"#));
    assert_eq!(shown, format!("x={} ; x", vec!["a"; VALUES_MAX].join("|")));
}

#[test]
fn another_spelling_is_another_key() {
    for key in [
        "Email",
        "EMAIL",
        "email ",
        " email",
        "e-mail",
        "еmail",
        "ｅmail",
        "emaıl",
        "email\\u200b",
        "email\\u0000",
        "",
    ] {
        let shown = sieve(&["email"], &format!(r#"{{"name":"{key}","values":["x"]}}"#));
        assert!(shown.starts_with("nothing-whitelisted ; "), "{key}: {shown}");
    }
    assert_eq!(
        sieve(&["email"], r#"{"name":"\u0065mail","values":["x"]}"#),
        "email=x",
        "escapes are spelling of JSON"
    );
    // The same word, composed and decomposed.
    let composed = field("taille<hauteur_préférée");
    assert_eq!(composed.from, ["hauteur_pr\u{e9}f\u{e9}r\u{e9}e"]);
    for (key, kept) in
        [("hauteur_pr\u{e9}f\u{e9}r\u{e9}e", true), ("hauteur_pre\u{301}fe\u{301}re\u{301}e", false)]
    {
        let shown = sieve(&["taille<hauteur_préférée"], &format!(r#"{{"name":"{key}","values":["x"]}}"#));
        assert_eq!(shown.starts_with("taille=x"), kept, "{key:?}");
    }
    for key in ["which_size?", "何色ですか", "คุณชื่ออะไร", "a\\\"b", "a<b", "q_0"]
    {
        let plain = key.replace("\\\"", "\"");
        let mut purpose = purpose(&["x"], &[], &[]);
        let mut rule = field("x");
        rule.from = vec![plain];
        purpose.whitelist = Whitelist::new(vec![rule]).expect("not empty");
        let json = format!(r#"{{"field_data":[{{"name":"{key}","values":["y"]}}]}}"#);
        assert_eq!(shown(&sieve_under(&purpose, None, &json)), "x=y", "{key}");
    }
}

#[test]
fn of_doubled_names_the_first_answer_counts() {
    let entry = |name: &str, values: &str| format!(r#"{{"name":"{name}","values":[{values}]}}"#);
    let [a1, a2, empty] = [entry("x", "\"1\""), entry("x", "\"2\""), entry("x", "")];
    assert_eq!(sieve(&["x"], &format!("{a1},{a2},{a2}")), "x=1 ; x,x");
    assert_eq!(sieve(&["x"], &format!("{empty},{a2},{a1}")), "x=2 ; x");
}

#[test]
fn of_two_keys_for_one_field_the_first_listed_counts() {
    let zip = r#"{"name":"zip_code","values":["49100"]}"#;
    let post = r#"{"name":"post_code","values":["75001"]}"#;
    let empty = r#"{"name":"post_code","values":[]}"#;
    let fields = ["postcode<post_code,zip_code"];
    assert_eq!(sieve(&fields, &format!("{zip},{post}")), "postcode=75001 ; zip_code");
    assert_eq!(sieve(&fields, &format!("{post},{zip}")), "postcode=75001 ; zip_code");
    assert_eq!(sieve(&fields, &format!("{zip},{empty}")), "postcode=49100");
    assert_eq!(sieve(&fields, zip), "postcode=49100");
}

#[test]
fn types_decide_where_the_form_is_known() {
    let questions = [("vollständiger_name", "FULL_NAME"), ("e-mail-adresse", "EMAIL"), ("email", "CUSTOM")];
    let questions = questions.map(|(key, question_type)| Question::new(key, question_type));
    let definition = FormDefinition::asking(form(), questions.to_vec());
    let json = r#"{"field_data":[{"name":"email","values":["trap"]},{"name":"e-mail-adresse","values":["a@example.org"]},
        {"name":"vollst\u00e4ndiger_name","values":["Ada"]}]}"#;
    let purpose = purpose(&["full_name", "email"], &[], &[]);
    let sieved = sieve_under(&purpose, Some(&definition), json);
    assert_eq!(shown(&sieved), "full_name=Ada email=a@example.org ; email");
    assert!(!sieved.unknown_key);
    let added = json.replace("\"email\"", "\"new_question\"");
    assert!(sieve_under(&purpose, Some(&definition), &added).unknown_key);
    assert!(!sieve_under(&purpose, None, &added).unknown_key, "nothing is known, so nothing is unknown");
}

#[test]
fn entries_without_a_name_are_counted() {
    let entries = r#"{"values":["a"]},{"name":null,"values":["a"]},{"name":"x","values":["b"]},7"#;
    assert_eq!(sieve(&["x"], entries), "x=b ; +3");
}

#[test]
fn refusals_have_an_order() {
    let purpose = purpose(&["email!", "city"], &["email_optin!"], &[]);
    let yes = r#""custom_disclaimer_responses":[{"checkbox_key":"email_optin","is_checked":true}]"#;
    for (json, wanted) in [
        (r#"{"field_data":[{"name":"email","values":["a"]}]}"#.to_owned(), "consent-missing"),
        (r#"{"field_data":[]}"#.to_owned(), "consent-missing"),
        (format!(r#"{{"field_data":[{{"name":"city","values":["a"]}}],{yes}}}"#), "required-field-missing"),
        (format!(r#"{{"id":"9007199254740993",{yes}}}"#), "required-field-missing"),
        (format!(r#"{{"field_data":[{{"name":"email","values":["a"]}}],{yes}}}"#), "email=a"),
    ] {
        assert_eq!(shown(&sieve_under(&purpose, None, &json)), wanted, "{json}");
    }
    assert_eq!(sieve(&["email"], ""), "nothing-whitelisted");
}

#[test]
fn another_lead_is_not_stored_under_this_reference() {
    let purpose = purpose(&["email"], &[], &[]);
    for (named, wanted) in [
        (r#""id":"9007199254740993","form_id":"901""#, "email=a"),
        (r#""id":9007199254740993,"form_id":901"#, "email=a"),
        (r#""id":null,"form_id":901"#, "email=a"),
        (r#""id":null,"form_id":null"#, "form-unnamed"),
        (r#""id":"9007199254740992","form_id":null"#, "reply-unreadable"),
        (r#""other":{"form_id":"901"}"#, "form-unnamed"),
        (r#""form_id":"901""#, "email=a"),
        (r#""form_id":"902""#, "form-mismatch"),
        (r#""form_id":"0901""#, "form-mismatch"),
        (r#""form_id":"""#, "form-mismatch"),
        (r#""form_id":[]"#, "form-mismatch"),
        (r#""form_id":"901","form_id":"902""#, "email=a"),
        (r#""id":"9007199254740992","form_id":"901""#, "reply-unreadable"),
        (r#""id":9.007199254740993e15,"form_id":"901""#, "reply-unreadable"),
        (r#""id":"9007199254740992","form_id":"902""#, "form-mismatch"),
    ] {
        let json = format!(r#"{{"field_data":[{{"name":"email","values":["a"]}}],{named}}}"#);
        assert_eq!(shown(&sieve_under(&purpose, None, &json)), wanted, "{named}");
    }
}

/// Refused for a missing field it would look like the form's fault, and nobody would look at the reply.
#[test]
fn answers_that_are_no_list_are_unreadable_and_answers_that_are_absent_are_missing() {
    let purpose = purpose(&["email"], &[], &[]);
    for (answers, wanted) in [
        (r#","field_data":"email=a""#, ("reply-unreadable", false)),
        (r#","field_data":{"email":"a"}"#, ("reply-unreadable", false)),
        (r#","field_data":7"#, ("reply-unreadable", false)),
        (r#","field_data":null"#, ("nothing-whitelisted", true)),
        (r#","field_data":[]"#, ("nothing-whitelisted", false)),
        ("", ("nothing-whitelisted", true)),
    ] {
        let json = format!(r#"{{"id":"9007199254740993"{answers}}}"#);
        let sieved = sieve_under(&purpose, None, &json);
        assert_eq!((shown(&sieved).as_str(), sieved.unanswered), wanted, "{answers}");
    }
}

#[test]
fn the_time_is_graphs_else_the_notifications_else_the_arrivals() {
    let purpose = purpose(&["email"], &[], &[]);
    let created = |reference: &LeadRef, time: &str| {
        let json = format!(
            r#"{{"form_id":"901","created_time":{time},"field_data":[{{"name":"email","values":["a"]}}]}}"#
        );
        let mut reply = RawReply::with_limit(10_000);
        reply.push(json.as_bytes()).expect("below the limit");
        let Some(lead) = reply.lead() else { panic!("a lead") };
        let lead = stored(minimise(&lead, reference, &Matching::new(&purpose, None)));
        (lead.content.created.as_second(), lead.content.expires_at)
    };
    let full = reference();
    let bare = LeadRef { created: None, ..reference() };
    assert_eq!(created(&full, r#""2025-11-24T16:00:00+0000""#).0, CREATED);
    assert_eq!(created(&full, "1764000000").0, CREATED);
    assert_eq!(created(&full, r#""soon""#).0, NOTIFIED);
    assert_eq!(created(&full, "null").0, NOTIFIED);
    assert_eq!(created(&bare, "{}").0, RECEIVED);
    // A time in the future lengthens no period.
    let (_, expires_at) = created(&bare, r#""2999-01-01T00:00:00Z""#);
    assert_eq!(expires_at, periods(&purpose, at(RECEIVED), at(RECEIVED)).expires_at);
}

#[test]
fn attribution_is_kept_where_the_purpose_says_so() {
    let all = [Keep::CampaignId, Keep::AdId, Keep::AdsetId, Keep::Platform, Keep::LeadgenId];
    let kept = |keep: &[Keep], members: &str| {
        let json = format!(r#"{{{members}"field_data":[{{"name":"email","values":["a"]}}]}}"#);
        let lead = stored(sieve_under(&purpose(&["email"], &[], keep), None, &json));
        let attribution = lead.content.attribution.iter();
        let shown: Vec<String> =
            attribution.map(|(keep, value)| format!("{keep}={}", value.expose())).collect();
        (shown.join(" "), lead.content.leadgen.is_some())
    };
    let full = r#""campaign_id":"3","ad_id":1,"adset_id":"2","platform":"ig","ad_id":"9","#;
    assert_eq!(kept(&all, full), ("ad_id=1 adset_id=2 campaign_id=3 platform=ig".to_owned(), true));
    assert_eq!(kept(&[Keep::CampaignId], full), ("campaign_id=3".to_owned(), false));
    assert_eq!(kept(&[], full), (String::new(), false));
    let odd = r#""campaign_id":0,"ad_id":"0","adset_id":null,"platform":"f b","#;
    assert_eq!(kept(&all, odd).0, "");
    let long =
        format!(r#""platform":"{}","ad_id":"{}","campaign_id":["3"],"#, "a".repeat(65), "1".repeat(64));
    assert_eq!(kept(&all, &long).0, format!("ad_id={}", "1".repeat(64)));
    assert_eq!(kept(&all, r#""platform":"","ad_id":"é","adset_id":true,"#).0, "");
}

#[test]
fn test_leads_are_marked() {
    let purpose = purpose(&["full_name", "email"], &[], &[]);
    for (name, email, wanted) in [
        (r"\u003Ctest lead: dummy data for full_name>", "a@example.org", true),
        ("<test lead: dummy data for full_name>", "a@example.org", true),
        (" <test lead: dummy data for full_name> ", "test@meta.com", true),
        ("Ada", "test@fb.com", false),
        ("Ada", "Test@Meta.com", false),
        ("I saw <test lead: dummy data for full_name> here", "test@fb.com", false),
        ("<test lead: dummy data for", "a@example.org", false),
        ("Ada", "latest@meta.com", false),
        ("test lead", "a@example.org", false),
    ] {
        let json = format!(
            r#"{{"field_data":[{{"name":"full_name","values":["{name}"]}},{{"name":"email","values":["{email}"]}}]}}"#
        );
        assert_eq!(stored(sieve_under(&purpose, None, &json)).is_test(), wanted, "{name} {email}");
    }
}

/// An entry of any name, whitelisted or not, and any value.
fn any_entry() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        proptest::sample::select(vec!["email", "full_name", "Email", "email ", "zip", "shoe_size"])
            .prop_map(str::to_owned),
        "\\PC{0,6}",
    ];
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("1e999".to_owned()),
        Just("[\"kept\",[\"nested\"]]".to_owned()),
        "\\PC{0,6}".prop_map(|text| serde_json::to_string(&text).expect("a string")),
        "\\PC{0,6}".prop_map(|text| format!("[{},7]", serde_json::to_string(&text).expect("a string"))),
    ];
    (name, value).prop_map(|(name, value)| {
        let name = serde_json::to_string(&name).expect("a string");
        format!("{{\"name\":{name},\"values\":{value}}}")
    })
}

proptest! {
    #[test]
    fn no_field_outside_the_whitelist_ever_comes_out(entries in proptest::collection::vec(any_entry(), 0..12)) {
        let purpose = purpose(&["email", "postcode<zip"], &[], &[]);
        let json = format!(r#"{{"field_data":[{}]}}"#, entries.join(","));
        let sieved = sieve_under(&purpose, None, &json);
        let permitted = |name: &str| matches!(name, "email" | "postcode" | "zip");
        match &sieved.result {
            Ok(lead) => {
                prop_assert!(lead.content.fields.iter().all(|(name, _)| purpose.whitelist.allows(name.as_str())));
                prop_assert!(lead.content.fields.iter().all(|(_, answers)| !answers.is_empty()));
            }
            Err(code) => prop_assert_eq!(*code, ParkCode::NothingWhitelisted),
        }
        // Every entry without a permit is counted.
        let names: Vec<serde_json::Value> = serde_json::from_str(&format!("[{}]", entries.join(","))
            .replace("1e999", "0")).expect("well-formed");
        let foreign = names.iter().filter(|entry| !permitted(entry["name"].as_str().expect("a name"))).count();
        let counted = sieved.dropped.names().iter().filter(|name| !permitted(name)).count();
        prop_assert_eq!(counted, foreign);
    }
}
