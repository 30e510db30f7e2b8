//! The file that everybody starts from.

use super::*;

#[test]
fn the_example_is_valid_without_a_warning() {
    let found = found(EXAMPLE);
    assert_eq!(found, Faults::default());
}

#[test]
fn the_example_gives_the_policy_that_it_says() {
    let config = accepted("", "");
    let policy = config.policy();
    let ids: Vec<&str> = policy.purposes().iter().map(|purpose| purpose.id.as_str()).collect();
    assert_eq!(ids, ["devis", "lettre"], "in the order of the file");
    let (Some(devis), Some(lettre)) = (policy.purpose("devis"), policy.purpose("lettre")) else {
        panic!("two")
    };

    assert_eq!(devis.graph_fields(), "id,created_time,form_id,field_data,campaign_id");
    assert_eq!(
        (devis.basis, devis.retention_months, devis.reconfirm_months),
        (Basis::PreContract, Some(12), None)
    );
    assert_eq!(devis.keep, [Keep::CampaignId]);
    assert_eq!(devis.recipients, ["crm"]);
    let names: Vec<&str> = devis.whitelist.rules().iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["full_name", "email", "phone_number", "postcode"], "in the order of the file");
    let Some(postcode) = devis.whitelist.rule("postcode") else { panic!("postcode") };
    assert_eq!(postcode.from, ["post_code", "zip_code"]);
    assert_eq!((postcode.types.iter().next(), postcode.required), (None, false));
    let Some(Need::Told(why)) = &postcode.why else { panic!("a reason in three languages") };
    assert_eq!((why.len(), why[1].1.as_str()), (3, "to send the nearest fitter"));
    let Some(phone) = devis.whitelist.rule("phone_number") else { panic!("phone") };
    assert_eq!((phone.types.iter().next(), phone.consent.is_none()), (Some("PHONE"), true));

    assert_eq!(lettre.graph_fields(), "id,created_time,form_id,field_data,custom_disclaimer_responses");
    assert_eq!((lettre.basis, lettre.reconfirm_months, lettre.grace_days), (Basis::Consent, Some(18), 30));
    let [email, call] = lettre.consents.as_slice() else { panic!("two consents") };
    assert_eq!(
        (email.channel, email.required, email.from.as_slice()),
        (Channel::Email, true, &[BoxKey::anywhere("email_optin")][..])
    );
    assert_eq!(
        (call.channel, call.required, call.from.as_slice()),
        (Channel::Phone, false, &[BoxKey::anywhere("consent_call")][..])
    );
    assert_eq!((email.valid_months, call.valid_months), (None, Some(12)), "calls, in France");
    let form = crate::id::FormId::parse("901000000000002");
    let claimants = form.map(|form| policy.of_form(&form)).unwrap_or_default();
    let of_form: Vec<&str> = claimants.iter().map(|purpose| purpose.id.as_str()).collect();
    assert_eq!(of_form, ["lettre"]);
}

#[test]
fn everything_in_the_defaults_is_the_example_s_too_so_that_the_two_agree() {
    let (Ok(defaults), Ok(example)) = (DEFAULTS.parse::<toml::Table>(), EXAMPLE.parse::<toml::Table>())
    else {
        panic!("both are TOML")
    };
    for (section, values) in &defaults {
        let toml::Value::Table(values) = values else { panic!("{section}") };
        for (key, value) in values.iter().filter(|(key, _)| *key != "file_retention_days") {
            assert_eq!(example.get(section).and_then(|table| table.get(key)), Some(value), "{section}.{key}");
        }
    }
}

#[test]
fn what_the_defaults_give_need_not_be_written() {
    let short: String = ["[store]", "[trail]", "[log]"].iter().fold(EXAMPLE.to_owned(), |text, section| {
        let Some(start) = text.find(section) else { panic!("{section}") };
        let end = text[start + 1..].find("\n[").map_or(text.len(), |end| start + 1 + end);
        format!("{}{}", &text[..start], &text[end..])
    });
    let config = parse(&short, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.store.inbox_max_references, 500_000);
    assert_eq!((config.log.level, config.log.file_retention_days), (LogLevel::Info, 180));
}
