//! What a purpose says of its fields, and what is too much or too long.

use super::*;
use crate::purpose::{Choice, PhoneRegion};

/// Meta's forms have far fewer questions; who writes more loses what nobody may hold, and nothing else.
#[test]
fn what_a_permit_names_is_found_behind_any_number_of_entries() {
    let entry = |name: &str, values: &str| format!(r#"{{"name":"{name}","values":[{values}]}}"#);
    for (before, count) in [("y", 1_000), ("y", 1_500), ("y", 20_000), ("email", 1_500)] {
        let many = vec![entry(before, if before == "y" { "\"1\"" } else { "" }); count].join(",");
        let shown =
            sieve(&["email", "x"], &format!("{many},{},{}", entry("x", "\"late\""), entry("email", "\"a\"")));
        assert!(shown.starts_with("email=a x=late"), "{before} {count}: {shown:.60}");
        let beyond = count.saturating_sub(1_000);
        if before == "y" && beyond > 0 {
            assert!(shown.ends_with(&format!("y+{beyond}")), "{before} {count}");
        }
    }
    let doubled = vec![entry("email", "\"1\""); 5_000].join(",");
    let shown = sieve(&["email", "x"], &format!("{doubled},{}", entry("x", "\"late\"")));
    assert!(shown.starts_with("email=1 x=late ; email,") && shown.ends_with("email+3999"), "{shown:.60}");
}

#[test]
fn an_unknown_key_is_seen_among_the_first_thousand() {
    let definition = FormDefinition::asking(form(), vec![Question::new("email", "EMAIL")]);
    let purpose = purpose(&["email"], &[], &[]);
    let known = vec![r#"{"name":"email","values":["a"]}"#; 999].join(",");
    for (more, wanted) in [("", true), (r#"{"name":"email"},"#, false)] {
        let json = format!(r#"{{"field_data":[{known},{more}{{"name":"new"}}]}}"#);
        assert_eq!(sieve_under(&purpose, Some(&definition), &json).unknown_key, wanted);
    }
}

#[test]
fn an_answer_too_long_is_dropped_alone_and_counted() {
    let purpose = purpose(&["email!", "story", "city"], &[], &[]);
    let show = |story: usize, city: usize, email: usize| {
        let entry =
            |name: &str, bytes: usize| format!(r#"{{"name":"{name}","values":["{}"]}}"#, "x".repeat(bytes));
        let json = format!(
            r#"{{"field_data":[{},{},{}]}}"#,
            entry("story", story),
            entry("city", city),
            entry("email", email)
        );
        let sieved = sieve_under(&purpose, None, &json);
        let too_long = sieved.dropped.too_long();
        let kept = sieved.result.map(|lead| {
            assert!(seal::size(&lead.content) <= RECORD_BYTES_MAX);
            lead.content.fields.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>().join(" ")
        });
        (kept.unwrap_or_else(|code| code.to_string()), sieved.dropped.names().join(","), too_long)
    };
    let told = |kept: &str, dropped: &str, too_long: usize| (kept.to_owned(), dropped.to_owned(), too_long);
    assert_eq!(show(10_000, 5_000, 20), told("email story city", "", 0));
    assert_eq!(show(40_000, 5, 20), told("email city", "story", 1));
    assert_eq!(show(10_000, 9_000, 20), told("email city", "story", 1), "the longest goes first");
    assert_eq!(show(40_000, 30_000, 20), told("email", "story,city", 2));
    assert_eq!(show(5, 5, 40_000), told("required-field-missing", "email", 1));
}

#[test]
fn a_choice_is_kept_by_its_text_where_the_field_says_so() {
    let choice = |key: &str, label: &str| Choice { key: key.to_owned(), label: label.to_owned() };
    let mut question = Question::new("budget", "CUSTOM");
    question.choices = vec![choice("moins_de_5000", "Moins de 5 000 €"), choice("plus", "Plus")];
    let definition = FormDefinition::asking(
        form(),
        vec![question.clone(), Question { key: "autre".to_owned(), ..question }],
    );
    let mut purpose = purpose(&["budget", "autre"], &[], &[]);
    let mut rules = purpose.whitelist.rules().to_vec();
    rules[0].labels = true;
    purpose.whitelist = Whitelist::new(rules).expect("fields");
    let json = r#"{"field_data":[{"name":"budget","values":["moins_de_5000","Plus","rien"]},{"name":"autre","values":["plus"]}]}"#;
    let kept = "budget=Moins de 5 000 €|Plus|rien autre=plus";
    assert_eq!(shown(&sieve_under(&purpose, Some(&definition), json)), kept);
    assert_eq!(shown(&sieve_under(&purpose, None, json)), kept.replace("Moins de 5 000 €", "moins_de_5000"));
}

#[test]
fn a_number_stands_beside_what_was_typed_and_goes_with_it() {
    let mut purpose = purpose(&["email", "phone_number?call_optin", "city"], &["call_optin"], &[]);
    let mut rules = purpose.whitelist.rules().to_vec();
    let e164 = rules[1].e164(FieldName::parse("phone_e164").expect("a name"));
    rules.insert(2, e164);
    purpose.whitelist = Whitelist::new(rules).expect("fields");
    let show = |purpose: &Purpose, phone: &str, checked: &str| {
        let json = format!(
            r#"{{"field_data":[{{"name":"city","values":["x"]}},{{"name":"phone_number","values":[{phone}]}},{{"name":"phone_e164","values":["trap"]}}],
                "custom_disclaimer_responses":[{{"checkbox_key":"call_optin","is_checked":"{checked}"}}]}}"#
        );
        shown(&sieve_under(purpose, None, &json))
    };
    assert_eq!(show(&purpose, r#""06 39 98 00 00""#, "1"), "phone_number=06 39 98 00 00 city=x ; phone_e164");
    purpose.phone_region = PhoneRegion::parse("FR");
    for (typed, wanted) in [
        (r#""06 39 98 00 00""#, "phone_number=06 39 98 00 00 phone_e164=+33639980000 city=x ; phone_e164"),
        (r#""rappel le soir""#, "phone_number=rappel le soir city=x ; phone_e164"),
        (
            r#""non","0639980000","+49 30 23125 000""#,
            "phone_number=non|0639980000|+49 30 23125 000 phone_e164=+33639980000|+493023125000 city=x ; phone_e164",
        ),
    ] {
        assert_eq!(show(&purpose, typed, "1"), wanted, "{typed}");
    }
    assert_eq!(show(&purpose, r#""06 39 98 00 00""#, ""), "city=x ; phone_e164,phone_number");
    let long = format!(r#""0639980000","{}""#, "0".repeat(20_000));
    assert_eq!(show(&purpose, &long, "1"), "city=x ; phone_e164,phone_number");
}

#[test]
fn one_of_several_fields_may_be_what_is_required() {
    let mut purpose = purpose(&["email", "phone_number", "city"], &[], &[]);
    purpose.require_one_of =
        ["email", "phone_number"].map(|name| FieldName::parse(name).expect("a name")).to_vec();
    let entry = |name: &str| format!(r#"{{"name":"{name}","values":["a"]}}"#);
    for (names, wanted) in [
        (&["email", "phone_number"][..], "email=a phone_number=a"),
        (&["phone_number"], "phone_number=a"),
        (&["city", "email"], "email=a city=a"),
        (&["city"], "required-field-missing"),
        (&[], "required-field-missing"),
    ] {
        let entries = names.iter().map(|name| entry(name)).collect::<Vec<_>>().join(",");
        let json = format!(r#"{{"field_data":[{entries}]}}"#);
        assert_eq!(shown(&sieve_under(&purpose, None, &json)), wanted);
    }
    let blank = r#"{"field_data":[{"name":"email","values":[" "]},{"name":"city","values":["a"]}]}"#;
    assert_eq!(shown(&sieve_under(&purpose, None, blank)), "required-field-missing");
}

#[test]
fn names_of_ads_and_forms_and_what_is_on_offer_are_kept_too() {
    let kept = |keep: Keep, value: &str| {
        let json = format!(r#"{{"{keep}":{value},"field_data":[{{"name":"email","values":["a"]}}]}}"#);
        let lead = stored(sieve_under(&purpose(&["email"], &[], &[keep]), None, &json));
        lead.content.attribution.first().map(|(_, value)| value.expose().to_owned())
    };
    let long = format!("\"{}\"", "é".repeat(PROSE_BYTES_MAX / 2 + 1));
    for (keep, value, wanted) in [
        (Keep::IsOrganic, "true", Some("true")),
        (Keep::IsOrganic, "false", Some("false")),
        (Keep::IsOrganic, r#""true""#, Some("true")),
        (Keep::IsOrganic, "1", None),
        (Keep::IsOrganic, "null", None),
        (Keep::CampaignName, r#""\u00c9t\u00e9 2026; -10 %""#, Some("Été 2026; -10 %")),
        (Keep::AdName, r#"" ""#, None),
        (Keep::AdName, &long, None),
        (Keep::AdName, r#"["x"]"#, None),
        (Keep::PartnerName, r#""Zapier""#, Some("Zapier")),
        (Keep::RetailerItemId, r#""SKU 12/é""#, Some("SKU 12/é")),
        (Keep::RetailerItemId, "12", Some("12")),
        (Keep::Vehicle, r#"{"title":"x","id":"123"}"#, Some("123")),
        (Keep::Vehicle, r#""123""#, Some("123")),
        (Keep::HomeListing, r#"{"id":123}"#, Some("123")),
        (Keep::HomeListing, r#"{"name":"x"}"#, None),
        (Keep::HomeListing, r#"{"id":{"id":"1"}}"#, None),
        (Keep::FormName, r#""of the lead""#, None),
    ] {
        assert_eq!(kept(keep, value).as_deref(), wanted, "{keep} {value:.40}");
    }
    let mut definition = FormDefinition::asking(form(), vec![Question::new("email", "EMAIL")]);
    definition.name = Some("Devis – copie".to_owned());
    let json = r#"{"form_name":"other","field_data":[{"name":"email","values":["a"]}]}"#;
    for (keep, wanted) in [(&[Keep::FormName][..], Some("Devis – copie")), (&[], None)] {
        let lead = stored(sieve_under(&purpose(&["email"], &[], keep), Some(&definition), json));
        assert_eq!(lead.content.attribution.first().map(|(_, value)| value.expose()), wanted);
    }
}
