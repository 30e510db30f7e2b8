//! What a consent must say, and the French law on calls.

use super::*;

const CALL: &str = "call_optin = { channel = \"phone\", from = [\"consent_call\"] }";
const KEY: &str = "purposes.lettre.consents.call_optin";

fn call(inside: &str) -> String {
    format!("call_optin = {{ channel = \"phone\", {inside} }}")
}

fn months(text: &str) -> Option<u32> {
    let config = parse(text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
    let policy = config.policy();
    let consents = &policy.purpose("lettre").expect("it is there").consents;
    consents.iter().find(|rule| rule.key.as_str() == "call_optin").expect("it is there").valid_months
}

#[test]
fn a_box_may_be_one_forms_beside_plain_keys() {
    let inside = r#"from = [{ form = "901000000000002", key = "optional_1" }, "consent_call"]"#;
    let config = accepted(CALL, &call(inside));
    let policy = config.policy();
    let form = crate::id::FormId::parse("901000000000002");
    let rule = &policy.purpose("lettre").expect("it is there").consents[1];
    let wanted = [BoxKey { form, key: "optional_1".to_owned() }, BoxKey::anywhere("consent_call")];
    assert_eq!(rule.from, wanted);
    let shown = config.effective(&[]).to_string();
    let line = r#"from = [{ form = "901000000000002", key = "optional_1" }, "consent_call"]"#;
    assert!(shown.contains(line), "{shown}");
}

#[test]
fn a_box_of_a_form_says_which_form_and_which_key_and_nothing_else() {
    for (inside, key, code) in [
        (r#"from = [{ key = "a" }]"#, "from[0].form", FaultCode::Missing),
        (r#"from = [{ form = "901000000000002" }]"#, "from[0].key", FaultCode::Missing),
        (r#"from = [{ form = "x", key = "a" }]"#, "from[0].form", FaultCode::Malformed),
        (r#"from = [{ form = "901000000000002", key = "" }]"#, "from[0].key", FaultCode::Empty),
        (
            r#"from = [{ form = "901000000000002", key = "a", text = "b" }]"#,
            "from[0].text",
            FaultCode::UnknownKey,
        ),
        (r#"from = [7]"#, "from[0]", FaultCode::WrongType),
        (r#"from = []"#, "from", FaultCode::Empty),
        (r#"from = ["a", "a"]"#, "from[1]", FaultCode::Duplicate),
        (r#"from = ["a", { form = "901000000000002", key = "a" }]"#, "from[1]", FaultCode::Duplicate),
    ] {
        refused(CALL, &call(inside), &format!("{KEY}.{key}"), code);
    }
    let two = r#"from = [{ form = "901000000000002", key = "a" }, { form = "901000000000002", key = "b" }]"#;
    accepted(CALL, &call(two));
    let foreign = r#"from = [{ form = "901000000000001", key = "a" }]"#;
    warned(CALL, &call(foreign), &format!("{KEY}.from[0].form"), FaultCode::NoEffect);
}

#[test]
fn one_box_of_one_form_is_one_consent_and_of_two_forms_may_be_two() {
    let both = |one: &str, other: &str| {
        let forms = changed(r#"["901000000000002"]"#, r#"["901000000000002", "901000000000003"]"#);
        let email = format!("email_optin = {{ from = [{one}], channel = ");
        forms
            .replace("email_optin = { channel = ", &email)
            .replace("[\"consent_call\"]", &format!("[{other}]"))
    };
    let on = |form: &str| format!(r#"{{ form = "{form}", key = "optional_1" }}"#);
    let apart = both(&on("901000000000002"), &on("901000000000003"));
    assert_eq!(found(&apart).faults, []);
    for (one, other) in [
        (on("901000000000002"), on("901000000000002")),
        (r#""optional_1""#.to_owned(), on("901000000000003")),
        (on("901000000000002"), r#""optional_1""#.to_owned()),
    ] {
        let faults = found(&both(&one, &other)).faults;
        assert_eq!(pairs(&faults), [(format!("{KEY}.from").as_str(), "config-duplicate")], "{one} {other}");
    }
}

#[test]
fn a_consent_to_calls_ends_after_twelve_months_in_france_unless_the_config_says_less_or_more() {
    assert_eq!(months(EXAMPLE), Some(12));
    assert_eq!(months(&changed(CALL, &call("from = [\"consent_call\"], valid_months = 6"))), Some(6));
    assert_eq!(months(&changed("channel = \"phone\"", "channel = \"sms\"")), None);
    let abroad = EXAMPLE.replacen("country = \"FR\"", "country = \"DE\"", 1);
    assert_eq!(months(&abroad), None);
    for bad in ["0", "121"] {
        let inside = format!("from = [\"consent_call\"], valid_months = {bad}");
        refused(CALL, &call(&inside), &format!("{KEY}.valid_months"), FaultCode::OutOfRange);
    }
    let long = call("from = [\"consent_call\"], valid_months = 24");
    warned(CALL, &long, &format!("{KEY}.valid_months"), FaultCode::ConsentLong);
    let said = found(&changed(CALL, &long)).warnings[0].to_string();
    assert!(
        said.contains("R. 223-1") && said.contains("2026-662") && said.contains("have a lawyer read it"),
        "{said}"
    );
    let abroad = abroad.replace(CALL, &long);
    assert_eq!((months(&abroad), found(&abroad).warnings), (Some(24), Vec::new()));
}

#[test]
fn where_the_trade_may_not_call_a_number_by_consent_is_warned_about() {
    let trade = |trade: &str| changed("trade = \"blinds and curtains\"", &format!("trade = \"{trade}\""));
    let warnings = found(&trade("rénovation énergétique")).warnings;
    assert_eq!(pairs(&warnings), [("purposes.lettre.fields.phone_number", "trade-forbids-calls")]);
    let said = warnings[0].to_string();
    assert!(said.contains("energy renovation") && said.contains("art. L. 223-1 al. 5"), "{said}");
    assert_eq!(found(&trade("stores et rideaux")), Faults::default());
    let abroad = trade("rénovation énergétique").replacen("country = \"FR\"", "country = \"BE\"", 1);
    assert_eq!(found(&abroad), Faults::default());
    let asked_for = trade("pompes à chaleur").replace("basis = \"consent\"", "basis = \"pre_contract\"");
    assert!(!pairs(&found(&asked_for).warnings).iter().any(|(_, code)| *code == "trade-forbids-calls"));
}

/// With a recipient of this role beside the processor, and these consents of `devis`.
fn handed_on(role: &str, consents: &str) -> String {
    let second =
        format!("[[recipients]]\nid = \"partner\"\nname = \"P\"\ncountry = \"FR\"\nrole = \"{role}\"\n\n");
    let text = changed("[purposes.devis] ", &format!("{second}[purposes.devis] "));
    text.replacen("recipients = [\"crm\"]", &format!("recipients = [\"crm\", \"partner\"]\n{consents}"), 1)
}

#[test]
fn who_decides_by_itself_receives_what_people_agreed_to_hand_to_it_or_is_refused() {
    let consent = r#"consents = { partner_optin = { channel = "third_party", recipient = "partner" } }"#;
    for role in ["controller", "joint_controller"] {
        let faults = found(&handed_on(role, "")).faults;
        assert_eq!(pairs(&faults), [("purposes.devis.recipients", "recipient-without-consent")]);
        assert!(faults[0].reason.contains("`partner`"), "{}", faults[0]);
        let text = handed_on(role, consent);
        let config = parse(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
        let policy = config.policy();
        let devis = policy.purpose("devis").expect("it is there");
        assert_eq!(devis.third_parties, ["partner"], "and not the processor");
        let other = consent.replace("recipient = \"partner\"", "recipient = \"crm\"");
        assert_eq!(found(&handed_on(role, &other)).faults.len(), 1, "another's consent");
    }
    assert_eq!(found(&handed_on("processor", "")), Faults::default());
}

#[test]
fn a_consent_to_hand_data_on_names_to_whom() {
    let key = "purposes.devis.consents.partner_optin.recipient";
    let with =
        |inside: &str| handed_on("processor", &format!("consents = {{ partner_optin = {{ {inside} }} }}"));
    let faults = |inside: &str| {
        let faults = found(&with(inside)).faults;
        faults.iter().map(|fault| (fault.key.clone(), fault.code.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(faults(r#"channel = "third_party""#), [(key.to_owned(), "config-missing")]);
    let unknown = r#"channel = "third_party", recipient = "partnr""#;
    assert_eq!(faults(unknown), [(key.to_owned(), "recipient-unknown")]);
    let warnings = found(&with(r#"channel = "email", recipient = "partner""#)).warnings;
    assert_eq!(pairs(&warnings), [(key, "no-effect")]);
    let unlisted = with(r#"channel = "third_party", recipient = "partner""#)
        .replace("[\"crm\", \"partner\"]", "[\"crm\"]");
    assert_eq!(pairs(&found(&unlisted).warnings), [("purposes.devis.recipients", "no-effect")]);
}
