//! Under which purposes a form may stand.

use super::*;

/// The purposes of a form, by name.
fn of_form(config: &Config, form: &str) -> Vec<String> {
    let form = crate::id::FormId::parse(form).expect("an id");
    config.policy().of_form(&form).iter().map(|purpose| purpose.id.to_string()).collect()
}

/// The commonest form in Europe: a quote with a box for the newsletter.
#[test]
fn a_form_may_stand_under_several_purposes_if_all_but_one_need_their_box() {
    let config = accepted("901000000000002", "901000000000001");
    assert_eq!(of_form(&config, "901000000000001"), ["devis", "lettre"]);
    let calls = r#"[purposes.appels]
title = { fr = "a", en = "b", de = "c" }
forms = ["901000000000001", "901000000000002"]
basis = "consent"
retention_months = 12
consents = { call_optin = { channel = "phone", required = true, from = ["consent_call"] } }

[purposes.appels.fields]
phone_number = { required = true, consent = "call_optin" }

[log]"#;
    let three = changed("[log]", calls).replacen("901000000000002", "901000000000001", 1);
    let config = parse(&three, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(of_form(&config, "901000000000001").len(), 3);
    assert_eq!(of_form(&config, "901000000000002"), ["appels"]);
}

#[test]
fn two_purposes_cannot_both_hold_every_lead_of_a_form() {
    let twice = changed("901000000000002", "901000000000001")
        .replace("required = true }, call_optin", "required = false }, call_optin")
        .replace("first_name = {}\nemail", "email")
        .replace("email = { required = true, consent", "email = { consent");
    let faults = found(&twice).faults;
    assert_eq!(
        pairs(&faults),
        [("purposes.lettre.forms[0]", FaultCode::FormHeldTwice.as_str())],
        "{faults:#?}"
    );
    assert!(faults[0].reason.contains("`devis`"), "{}", faults[0]);
    refused(r#"["901000000000002"]"#, r#"["1", "1"]"#, "purposes.lettre.forms[1]", FaultCode::Duplicate);
    refused(r#""901000000000001""#, r#""../1""#, "purposes.devis.forms[0]", FaultCode::Malformed);
    warned(r#"["901000000000001"]"#, "[]", "purposes.devis.forms", FaultCode::NothingClaimed);
    let config = accepted(r#"["901000000000001"]"#, "[901000000000001]");
    assert_eq!(of_form(&config, "901000000000001"), ["devis"]);
}

/// One tick is one choice; a box that is a channel for another purpose chooses nothing there.
#[test]
fn two_purposes_of_a_form_do_not_both_need_the_same_box() {
    let appels = |forms: &str, from: &str, required: bool| {
        let text = format!(
            "[purposes.appels]\ntitle = {{ fr = \"a\", en = \"b\", de = \"c\" }}\nforms = [{forms}]\nbasis = \"consent\"\n\
             retention_months = 12\nconsents = {{ courriels = {{ channel = \"email\", required = true, from = {from} }}, \
             appels = {{ channel = \"phone\", required = {required}, from = [\"consent_call\"] }} }}\n\n\
             [purposes.appels.fields]\nemail = {{ consent = \"courriels\" }}\n\n[log]"
        );
        found(&changed("[log]", &text)).faults
    };
    let shared = appels("\"901000000000002\"", "[\"other\", \"email_optin\"]", false);
    assert_eq!(pairs(&shared), [("purposes.appels.consents.courriels.from", "box-shared")], "{shared:#?}");
    assert!(
        shared[0].reason.contains("`lettre`") && shared[0].reason.contains("901000000000002"),
        "{}",
        shared[0]
    );
    for from in ["[\"other\"]", "[{ form = \"901000000000007\", key = \"email_optin\" }, \"other\"]"] {
        let faults = appels("\"901000000000002\", \"901000000000007\"", from, true);
        assert!(faults.is_empty(), "{from}: {faults:#?}");
    }
    let elsewhere = appels("\"901000000000007\"", "[\"email_optin\"]", true);
    assert!(elsewhere.is_empty(), "on another form it is another box: {elsewhere:#?}");
}

#[test]
fn copies_are_taken_where_the_config_says_so() {
    const FORMS: &str = "forms = [\"901000000000001\"]";
    let takes = |config: Config| config.policy().purposes().iter().map(|one| one.copies).collect::<Vec<_>>();
    assert_eq!(takes(accepted(FORMS, FORMS)), [false, false]);
    assert_eq!(takes(accepted(FORMS, &format!("{FORMS}\ncopies = true"))), [true, false]);
    refused(FORMS, &format!("{FORMS}\ncopies = \"yes\""), "purposes.devis.copies", FaultCode::WrongType);
}

#[test]
fn a_form_stands_under_eight_purposes_at_the_most() {
    let purposes = |count: usize| {
        let one = |number: usize| {
            format!(
                "[purposes.p{number}]\ntitle = {{ fr = \"a\", en = \"b\", de = \"c\" }}\nforms = [\"901000000000009\"]\n\
                 basis = \"consent\"\nretention_months = 12\n\
                 consents = {{ c{number} = {{ channel = \"email\", required = true }} }}\n\
                 fields = {{ email = {{ consent = \"c{number}\" }} }}\n"
            )
        };
        let text: String = (0..count).map(one).collect();
        found(&changed("[log]", &format!("{text}[log]"))).faults
    };
    assert!(purposes(8).is_empty());
    let faults = purposes(10);
    assert_eq!(pairs(&faults), [("purposes.p8.forms[0]", FaultCode::OutOfRange.as_str())], "{faults:#?}");
}
