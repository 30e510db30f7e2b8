//! What a purpose must say before anything is held for it.

use super::*;

#[test]
fn a_whitelist_is_not_empty() {
    let Some(start) = EXAMPLE.find("full_name = { required = true }") else { panic!("the first field") };
    let Some(end) = EXAMPLE.find("[purposes.lettre]") else { panic!("the next purpose") };
    let empty = format!("{}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
    assert_eq!(pairs(&found(&empty).faults), [("purposes.devis.fields", "whitelist-empty")]);
    let absent = empty.replace("[purposes.devis.fields]", "");
    assert_eq!(pairs(&found(&absent).faults), [("purposes.devis.fields", "whitelist-empty")]);
}

#[test]
fn a_field_that_is_not_standard_says_why() {
    refused(
        r#", why = { fr = "vous envoyer le poseur le plus proche", en = "to send the nearest fitter", de = "um Ihnen den nächsten Monteur zu schicken" }"#,
        "",
        "purposes.devis.fields.postcode",
        FaultCode::WhyMissing,
    );
    refused(
        r#""to send the nearest fitter""#,
        r#""  ""#,
        "purposes.devis.fields.postcode.why.en",
        FaultCode::Empty,
    );
    accepted("phone_number = {}\n", "first_name = {}\nlast_name = {}\n");
}

/// People read it in the notice, in the language of the notice.
#[test]
fn a_reason_says_in_which_language_it_is_or_stands_for_all() {
    let (key, whole) =
        ("purposes.devis.fields.postcode.why", "fr = \"vous envoyer le poseur le plus proche\", ");
    warned(whole, "", key, FaultCode::LanguageMissing);
    let table = r#"{ fr = "vous envoyer le poseur le plus proche", en = "to send the nearest fitter", de = "um Ihnen den nächsten Monteur zu schicken" }"#;
    warned(table, "\"to send the nearest fitter\"", key, FaultCode::LanguageMissing);
    refused(table, "{}", key, FaultCode::Empty);
    refused(table, "7", key, FaultCode::WrongType);
    let config = accepted(table, "\"to send the nearest fitter\"");
    let why = config.policy().purposes()[0].whitelist.rule("postcode").and_then(|rule| rule.why.clone());
    assert_eq!(why, Some(Need::Plain("to send the nearest fitter".to_owned())));
}

#[test]
fn a_special_category_needs_its_ground() {
    for (line, field) in [
        ("health_status = { why = \"x\" }", "health_status"),
        ("q1 = { from = [\"quelle_est_votre_religion\"], why = \"x\" }", "q1"),
        ("q2 = { type = \"ID_CPF\", why = \"x\" }", "q2"),
        ("gewerkschaft = { why = \"x\" }", "gewerkschaft"),
    ] {
        let key = format!("purposes.devis.fields.{field}");
        refused("phone_number = {}\n", &format!("{line}\n"), &key, FaultCode::SpecialCategory);
        let with_basis =
            line.replace(" }", ", special_category_basis = \"explicit consent, art. 9(2)(a)\" }");
        warned("phone_number = {}\n", &format!("{with_basis}\n"), &key, FaultCode::SpecialCategory);
        let on_purpose = changed("phone_number = {}\n", &format!("{line}\n"))
            .replace("keep = [\"campaign_id\"]", "special_category_basis = \"art. 9(2)(a)\"");
        assert!(found(&on_purpose).faults.is_empty());
    }
    accepted("phone_number = {}\n", "date_of_birth = { type = \"DOB\", why = \"x\" }\n");
}

#[test]
fn under_consent_a_phone_number_names_a_consent_to_be_called() {
    let old = "phone_number = { consent = \"call_optin\" }";
    let key = "purposes.lettre.fields.phone_number";
    let fault = refused(old, "phone_number = {}", key, FaultCode::PhoneWithoutConsent);
    assert_eq!(
        fault.to_string(),
        "purposes.lettre.fields.phone_number: a phone number under basis \"consent\" must name a consent of channel \"phone\", \"sms\" or \"whatsapp\" \
         (Code de la consommation art. L. 223-1, law 2025-594, since 11 August 2026) [phone-without-consent]. Add `consent = \"call_optin\"`."
    );
    refused(old, "phone_number = { consent = \"email_optin\" }", key, FaultCode::PhoneWithoutConsent);
    for (line, field) in [
        ("work = { type = \"WORK_PHONE_NUMBER\", why = \"x\" }", "work"),
        ("wa = { type = \"WHATSAPP_NUMBER\", why = \"x\" }", "wa"),
        ("portable = { why = \"x\" }", "portable"),
        ("q3 = { from = [\"ihre_telefonnummer\"], why = \"x\" }", "q3"),
    ] {
        refused(old, line, &format!("purposes.lettre.fields.{field}"), FaultCode::PhoneWithoutConsent);
    }
    accepted("channel = \"phone\"", "channel = \"sms\"");
    accepted("channel = \"phone\"", "channel = \"whatsapp\"");
}

#[test]
fn under_consent_an_email_address_that_names_no_consent_is_warned_about() {
    warned(
        ", consent = \"email_optin\" }",
        " }",
        "purposes.lettre.fields.email",
        FaultCode::EmailWithoutConsent,
    );
}

#[test]
fn a_field_names_a_consent_that_exists() {
    let fault = refused(
        "consent = \"call_optin\"",
        "consent = \"call_optn\"",
        "purposes.lettre.fields.phone_number.consent",
        FaultCode::ConsentUnknown,
    );
    assert_eq!(fault.mend, "Did you mean \"call_optin\"?");
}

#[test]
fn under_consent_no_lead_is_held_without_a_tick() {
    refused(
        ", required = true }, call",
        " }, call",
        "purposes.lettre.consents",
        FaultCode::ConsentNotRequired,
    );
    // Every field hangs on a consent: without a tick nothing is left.
    let text = changed(", required = true }, call", " }, call").replace("first_name = {}\n", "");
    assert_eq!(pairs(&found(&text).faults), []);
    assert!(
        pairs(&found(&text).warnings).contains(&("purposes.lettre.fields.email", "consent-not-required"))
    );
}

#[test]
fn basis_consent_needs_a_consent() {
    let Some(start) = EXAMPLE.find("consents = {") else { panic!("consents") };
    let end = EXAMPLE[start..].find('\n').map_or(EXAMPLE.len(), |end| start + end);
    let text = format!("{}{}", &EXAMPLE[..start], &EXAMPLE[end..]).replace(", consent = \"email_optin\"", "");
    let text = text.replace("phone_number = { consent = \"call_optin\" }", "");
    assert_eq!(pairs(&found(&text).faults), [("purposes.lettre.consents", "purpose-without-consent")]);
    assert_eq!(found(&text.replace("basis = \"consent\"", "basis = \"legitimate_interest\"")).faults, []);
}

#[test]
fn one_tick_is_one_consent() {
    refused(
        "[\"consent_call\"]",
        "[\"email_optin\"]",
        "purposes.lettre.consents.call_optin.from",
        FaultCode::Duplicate,
    );
    refused(
        "channel = \"phone\"",
        "channel = \"fax\"",
        "purposes.lettre.consents.call_optin.channel",
        FaultCode::NotOnList,
    );
    refused("channel = \"phone\", ", "", "purposes.lettre.consents.call_optin.channel", FaultCode::Missing);
}

#[test]
fn no_question_feeds_two_fields() {
    let add = |line: &str| format!("phone_number = {{}}\n{line}\n");
    let key = "purposes.devis.fields";
    let line = "mail2 = { type = \"EMAIL\", why = \"x\" }";
    refused("phone_number = {}\n", &add(line), &format!("{key}.mail2"), FaultCode::Duplicate);
    let line = "zip = { from = [\"zip_code\"], why = \"x\" }";
    refused("phone_number = {}\n", &add(line), &format!("{key}.postcode"), FaultCode::Duplicate);
    let line = "zip = { from = [\"a\", \"a\"], why = \"x\" }";
    refused("phone_number = {}\n", &add(line), &format!("{key}.zip.from[1]"), FaultCode::Duplicate);
    let line = "zip_code = { why = \"x\" }";
    let text = changed("phone_number = {}\n", &add(line));
    assert_eq!(pairs(&found(&text).faults), [("purposes.devis.fields.postcode", "config-duplicate")]);
}

#[test]
fn a_question_type_is_narrow_and_known() {
    let add = |line: &str| format!("phone_number = {{}}\n{line}\n");
    let key = "purposes.devis.fields.x";
    let line = "x = { type = \"CUSTOM\", why = \"x\" }";
    refused("phone_number = {}\n", &add(line), &format!("{key}.type"), FaultCode::TypeTooWide);
    let line = "x = { type = \"city\", why = \"x\" }";
    refused("phone_number = {}\n", &add(line), &format!("{key}.type"), FaultCode::Malformed);
    let line = "x = { type = \"ZIP_CODE\", why = \"x\" }";
    warned("phone_number = {}\n", &add(line), &format!("{key}.type"), FaultCode::TypeUnknown);
    let line = "city = { why = \"x\" }";
    warned("phone_number = {}\n", &add(line), "purposes.devis.fields.city", FaultCode::TypeAdvised);
}

#[test]
fn every_purpose_ends() {
    let fault = refused(
        "retention_months = 12\nrecipients",
        "recipients",
        "purposes.devis.retention_months",
        FaultCode::Missing,
    );
    assert!(fault.mend.contains("there is no \"never\""), "{fault}");
    let old = "retention_months = 12\nrecipients";
    for bad in ["0", "3651", "-1"] {
        let new = format!("retention_days = {bad}\nrecipients");
        refused(old, &new, "purposes.devis.retention_days", FaultCode::OutOfRange);
    }
    let both = "retention_months = 12\nretention_days = 30\nrecipients";
    refused(old, both, "purposes.devis.retention_days", FaultCode::Duplicate);
    for bad in ["0", "121", "-1"] {
        let new = format!("retention_months = {bad}\nrecipients");
        refused(old, &new, "purposes.devis.retention_months", FaultCode::OutOfRange);
    }
    let new = "retention_months = \"never\"\nrecipients";
    refused(old, new, "purposes.devis.retention_months", FaultCode::WrongType);
    for bad in ["5", "25"] {
        let new = format!("reconfirm_months = {bad} ");
        refused("reconfirm_months = 18 ", &new, "purposes.lettre.reconfirm_months", FaultCode::OutOfRange);
    }
    for bad in ["13", "61"] {
        refused(
            "grace_days = 30",
            &format!("grace_days = {bad}"),
            "purposes.lettre.grace_days",
            FaultCode::OutOfRange,
        );
    }
    warned(
        "\"consent\"\nretention_months = 36",
        "\"consent\"\nretention_months = 37",
        "purposes.lettre.retention_months",
        FaultCode::RetentionLong,
    );
    warned(
        "\"consent\"\nretention_months = 36",
        "\"consent\"\nretention_days = 1117",
        "purposes.lettre.retention_days",
        FaultCode::RetentionLong,
    );
    warned(
        "\"consent\"\nretention_months = 36",
        "\"consent\"\nretention_days = 540",
        "purposes.lettre.reconfirm_months",
        FaultCode::NoEffect,
    );
    warned(
        "\"consent\"\nretention_months = 36",
        "\"consent\"\nretention_months = 18",
        "purposes.lettre.reconfirm_months",
        FaultCode::NoEffect,
    );
    warned("keep = [", "grace_days = 30\nkeep = [", "purposes.devis.grace_days", FaultCode::NoEffect);
}

#[test]
fn a_record_may_live_for_days() {
    let config = accepted("retention_months = 12\nrecipients", "retention_days = 45\nrecipients");
    let policy = config.policy();
    let devis = policy.purpose("devis").map(|purpose| (purpose.retention_months, purpose.retention_days));
    assert_eq!(devis, Some((None, Some(45))));
    let shown = config.effective(&[]).to_string();
    assert!(shown.contains("retention_days = 45") && !shown.contains("retention_months = 12\nrecipients"));
}

#[test]
fn consent_is_asked_again_by_default() {
    let text = changed("reconfirm_months = 18", "# ").replace("grace_days = 30", "");
    let Ok(config) = parse(&text, &Environment::default()) else { panic!("valid") };
    let policy = config.policy();
    let lettre = policy.purpose("lettre").map(|purpose| (purpose.reconfirm_months, purpose.grace_days));
    assert_eq!(lettre, Some((Some(18), 30)));
}

#[test]
fn names_bases_titles_recipients_and_what_is_kept_come_from_their_lists() {
    let text = EXAMPLE.replace("purposes.devis", "purposes.Devis");
    assert_eq!(pairs(&found(&text).faults), [("purposes.Devis", "config-malformed")]);
    refused(
        "basis = \"pre_contract\"",
        "basis = \"precontract\"",
        "purposes.devis.basis",
        FaultCode::NotOnList,
    );
    refused("basis = \"pre_contract\"", "", "purposes.devis.basis", FaultCode::Missing);
    refused(
        "recipients = [\"crm\"]",
        "recipients = [\"crn\"]",
        "purposes.devis.recipients[0]",
        FaultCode::RecipientUnknown,
    );
    refused(
        "recipients = [\"crm\"]",
        "recipients = [\"crm\", \"crm\"]",
        "purposes.devis.recipients[1]",
        FaultCode::Duplicate,
    );
    refused("keep = [\"campaign_id\"]", "keep = [\"ip\"]", "purposes.devis.keep[0]", FaultCode::NotOnList);
    refused(
        "fr = \"Répondre à votre demande de devis\"",
        "fr = \" \"",
        "purposes.devis.title.fr",
        FaultCode::Empty,
    );
}

#[test]
fn a_title_is_in_any_language_and_pages_want_theirs() {
    let old = "de = \"Ihre Angebotsanfrage beantworten\"";
    for (tag, shown) in [("pt-br", "pt-BR"), ("\"zh-Hant\"", "zh-Hant"), ("gsw", "gsw")] {
        let config = accepted(old, &format!("{old}, {tag} = \"x\""));
        let policy = config.policy();
        let titles = &policy.purpose("devis").expect("a purpose").title;
        let tags: Vec<&str> = titles.iter().map(|(tag, _)| tag.as_str()).collect();
        assert_eq!(tags, ["fr", "en", "de", shown]);
        assert_eq!(config.warnings, []);
    }
    for tag in ["french", "fr_FR", "xx", "x-lumen"] {
        let key = format!("purposes.devis.title.{tag}");
        refused(old, &format!("{old}, {tag} = \"x\""), &key, FaultCode::Malformed);
    }
    refused(old, &format!("{old}, DE = \"x\""), "purposes.devis.title.DE", FaultCode::Duplicate);
    warned(&format!(", {old}"), "", "purposes.devis.title", FaultCode::LanguageMissing);
    assert_eq!(accepted(old, "de-AT = \"x\", it = \"y\"").warnings, [], "who reads German reads de-AT");
}

#[test]
fn a_field_may_take_questions_of_several_types() {
    let key = "purposes.devis.fields";
    let mail = "email = { required = true, type = [\"EMAIL\", \"WORK_EMAIL\"] }\n";
    let config = accepted("email = { required = true }\n", mail);
    let policy = config.policy();
    let email = policy.purpose("devis").and_then(|devis| devis.whitelist.rule("email")).expect("a field");
    assert_eq!(email.types.iter().collect::<Vec<_>>(), ["EMAIL", "WORK_EMAIL"]);
    assert_eq!(
        config.effective(&[]).values().get("purposes.devis.fields.email").map(String::as_str),
        Some("{ required = true, type = [\"EMAIL\", \"WORK_EMAIL\"] }")
    );
    for (types, at, code) in [
        ("[]", "type", FaultCode::Empty),
        ("[\"EMAIL\", \"EMAIL\"]", "type[1]", FaultCode::Duplicate),
        ("[\"EMAIL\", \"CUSTOM\"]", "type[1]", FaultCode::TypeTooWide),
        ("[\"EMAIL\", 7]", "type[1]", FaultCode::WrongType),
        ("7", "type", FaultCode::WrongType),
    ] {
        let line = format!("email = {{ required = true, type = {types} }}\n");
        refused("email = { required = true }\n", &line, &format!("{key}.email.{at}"), code);
    }
    let two = format!("{mail}mail2 = {{ type = [\"CITY\", \"WORK_EMAIL\"], why = \"x\" }}\n");
    refused("email = { required = true }\n", &two, &format!("{key}.mail2"), FaultCode::Duplicate);
    let cpf = "email = { type = [\"EMAIL\", \"ID_CPF\"] }\n";
    refused("email = { required = true }\n", cpf, &format!("{key}.email"), FaultCode::SpecialCategory);
    let call =
        "first_name = {}\ncontact = { type = [\"EMAIL_ALIAS\", \"WORK_PHONE_NUMBER\"], why = \"x\" }\n";
    refused("first_name = {}\n", call, "purposes.lettre.fields.contact", FaultCode::PhoneWithoutConsent);
}

#[test]
fn numbers_stand_as_e164_beside_what_was_typed_where_a_region_is_named() {
    let old = "keep = [\"campaign_id\"]";
    let worked_out = |text: &str, purpose: &str| -> Vec<(String, String)> {
        let config = parse(text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
        let policy = config.policy();
        let rules = policy.purpose(purpose).expect("a purpose").whitelist.rules();
        let of = |rule: &crate::purpose::FieldRule| {
            Some((rule.name.to_string(), rule.e164_of.as_ref()?.to_string()))
        };
        rules.iter().filter_map(of).collect()
    };
    let pair = |name: &str, of: &str| (name.to_owned(), of.to_owned());
    let with = |more: &str| changed(old, &format!("{old}\nphone_region = \"FR\"{more}"));
    assert_eq!(worked_out(EXAMPLE, "devis"), []);
    assert_eq!(worked_out(&with(""), "devis"), [pair("phone_e164", "phone_number")]);
    let several =
        with("").replacen("phone_number = {}\n", "portable = { why = \"x\" }\nphone_number = {}\n", 1);
    let wanted = [pair("portable_e164", "portable"), pair("phone_e164", "phone_number")];
    assert_eq!(worked_out(&several, "devis"), wanted);
    let other =
        with("").replacen("phone_number = {}\n", "tel = { from = [\"votre_tel\"], why = \"x\" }\n", 1);
    assert_eq!(worked_out(&other, "devis"), [pair("phone_e164", "tel")]);
    // What the law says of the number it says of this one.
    let lettre = changed("reconfirm_months = 18", "phone_region = \"DE\"\nreconfirm_months = 18");
    let config = parse(&lettre, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
    let policy = config.policy();
    let rule =
        policy.purpose("lettre").and_then(|lettre| lettre.whitelist.rule("phone_e164")).expect("a field");
    assert_eq!(rule.consent.as_ref().map(|key| key.as_str().to_owned()).as_deref(), Some("call_optin"));
    let shown = config.effective(&[]).values();
    assert_eq!(shown.get("purposes.lettre.phone_region").map(String::as_str), Some("\"DE\""));
    assert!(!shown.contains_key("purposes.lettre.fields.phone_e164"), "nobody wrote it");

    for bad in ["fr", "XX", "33", "FRA"] {
        let new = format!("{old}\nphone_region = \"{bad}\"");
        refused(old, &new, "purposes.devis.phone_region", FaultCode::Malformed);
    }
    let twice =
        with("").replacen("phone_number = {}\n", "phone_number = {}\nphone_e164 = { why = \"x\" }\n", 1);
    assert_eq!(pairs(&found(&twice).faults), [("purposes.devis.fields.phone_number", "config-duplicate")]);
    let none = with("").replacen("phone_number = {}\n", "", 1);
    assert!(pairs(&found(&none).warnings).contains(&("purposes.devis.phone_region", "no-effect")));
}

#[test]
fn one_of_several_fields_may_be_what_is_required() {
    let old = "keep = [\"campaign_id\"]";
    let key = "purposes.devis.require_one_of";
    let named = |list: &str| format!("{old}\nrequire_one_of = {list}");
    let config = accepted(old, &named("[\"phone_number\", \"postcode\"]"));
    let policy = config.policy();
    let devis = policy.purpose("devis").expect("a purpose");
    let names: Vec<&str> = devis.require_one_of.iter().map(|name| name.as_str()).collect();
    assert_eq!((names.as_slice(), config.warnings.len()), (&["phone_number", "postcode"][..], 0));
    let fault = refused(old, &named("[\"postcod\"]"), &format!("{key}[0]"), FaultCode::FieldUnknown);
    assert_eq!(fault.mend, "Did you mean \"postcode\"?");
    refused(old, &named("[]"), key, FaultCode::Empty);
    refused(old, &named("[\"postcode\", \"postcode\"]"), &format!("{key}[1]"), FaultCode::Duplicate);
    refused(old, &named("\"postcode\""), key, FaultCode::WrongType);
    warned(old, &named("[\"email\", \"phone_number\"]"), &format!("{key}[0]"), FaultCode::NoEffect);
    accepted(old, &named("[\"phone_e164\", \"postcode\"]\nphone_region = \"FR\""));
}

#[test]
fn a_field_keeps_the_texts_of_choices_where_it_says_so() {
    let config = accepted("zu schicken\" }", "x\" }, labels = true");
    let policy = config.policy();
    let devis = policy.purpose("devis").expect("a purpose");
    let labelled: Vec<&str> =
        devis.whitelist.rules().iter().filter(|rule| rule.labels).map(|rule| rule.name.as_str()).collect();
    assert_eq!(labelled, ["postcode"]);
    let old = "zu schicken\" }";
    refused(old, "x\" }, labels = \"yes\"", "purposes.devis.fields.postcode.labels", FaultCode::WrongType);
}

#[test]
fn without_a_purpose_everything_is_held_and_that_is_said() {
    let Some(end) = EXAMPLE.find("[purposes.devis]") else { panic!("purposes") };
    let found = found(&EXAMPLE[..end]);
    assert_eq!(pairs(&found.faults), []);
    assert_eq!(pairs(&found.warnings), [("purposes", "nothing-claimed")]);
}
