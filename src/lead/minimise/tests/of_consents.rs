//! Of the boxes that a person ticked, and of what is kept beside them.

use super::*;

#[test]
fn a_field_needs_its_consent() {
    let purpose = purpose(&["email!", "phone_number?call_optin"], &["call_optin"], &[]);
    for (checked, wanted) in [
        (r#""1""#, "email=a phone_number=06"),
        (r#""""#, "email=a ; phone_number"),
        (r#""true""#, "email=a ; phone_number"),
        ("null", "email=a ; phone_number"),
    ] {
        let json = format!(
            r#"{{"field_data":[{{"name":"phone_number","values":["06"]}},{{"name":"email","values":["a"]}}],
                "custom_disclaimer_responses":[{{"checkbox_key":"call_optin","is_checked":{checked}}}]}}"#
        );
        assert_eq!(shown(&sieve_under(&purpose, None, &json)), wanted, "{checked}");
    }
    let undeclared = self::purpose(&["email", "phone_number?call_optin"], &[], &[]);
    let json = r#"{"field_data":[{"name":"phone_number","values":["06"]}],
        "custom_disclaimer_responses":[{"checkbox_key":"call_optin","is_checked":"1"}]}"#;
    assert_eq!(shown(&sieve_under(&undeclared, None, json)), "nothing-whitelisted ; phone_number");
}

#[test]
fn consents_are_kept_as_evidence() {
    let purpose = purpose(&["email"], &["email_optin!", "call_optin"], &[]);
    let json = r#"{"field_data":[{"name":"email","values":["a"]}],
        "custom_disclaimer_responses":[{"checkbox_key":"email_optin","is_checked":"1"}]}"#;
    let lead = stored(sieve_under(&purpose, None, json));
    let consents: Vec<_> = lead.content.consents.iter().map(|c| (c.key.as_str(), c.tick)).collect();
    assert_eq!(consents, [("email_optin", Tick::Yes), ("call_optin", Tick::Absent)]);
}

/// The form 901 with this box.
fn with_box(key: &str, ticked: Option<bool>) -> FormDefinition {
    let text = Wording::of("J'accepte", 100);
    let one = Checkbox { key: key.to_owned(), text, is_required: None, is_ticked_by_default: ticked };
    let legal = Legal::Read(LegalContent { title: None, body: None, boxes: vec![one], policy_url: None });
    let question = Question::new("email", "EMAIL");
    FormDefinition { legal, locale: "fr_FR".to_owned(), ..FormDefinition::asking(form(), vec![question]) }
}

/// GDPR art. 4(11); CJEU C-673/17: a box that somebody else ticked is no consent, whatever came of it.
#[test]
fn a_box_ticked_by_default_gives_nothing_and_its_refusal_says_so() {
    let json = r#"{"field_data":[{"name":"email","values":["a"]}],
        "custom_disclaimer_responses":[{"checkbox_key":"email_optin","is_checked":"1"}]}"#;
    let empty = with_box("email_optin", Some(false));
    let ticked = with_box("email_optin", Some(true));
    let unsaid = with_box("email_optin", None);
    let required = purpose(&["email"], &["email_optin!"], &[]);
    let hanging = purpose(&["email?email_optin", "city"], &["email_optin"], &[]);
    for (definition, of_required, of_hanging) in [
        (Some(&empty), "email=a", "email=a"),
        (Some(&unsaid), "email=a", "email=a"),
        (None, "email=a", "email=a"),
        (Some(&ticked), "pre-ticked", "nothing-whitelisted ; email"),
    ] {
        assert_eq!(shown(&sieve_under(&required, definition, json)), of_required);
        assert_eq!(shown(&sieve_under(&hanging, definition, json)), of_hanging);
    }
    let unticked = json.replace("\"1\"", "\"\"");
    assert_eq!(shown(&sieve_under(&required, Some(&ticked), &unticked)), "consent-missing");
    let both = purpose(&["email"], &["email_optin!", "call_optin!"], &[]);
    assert_eq!(shown(&sieve_under(&both, Some(&ticked), json)), "consent-missing", "one is missing as well");
}

#[test]
fn a_lead_says_which_content_of_its_form_it_rests_on() {
    let json = r#"{"field_data":[{"name":"email","values":["a"]}],
        "custom_disclaimer_responses":[{"checkbox_key":"email_optin","is_checked":"1"}]}"#;
    let (purpose, definition) =
        (purpose(&["email"], &["email_optin!"], &[]), with_box("email_optin", Some(false)));
    let Content { grounds, consents, .. } = stored(sieve_under(&purpose, Some(&definition), json)).content;
    assert_eq!(
        (grounds.form_revision, grounds.language.as_deref()),
        (Some(definition.revision()), Some("fr_FR"))
    );
    assert!(
        grounds.notice_revision.is_none() && grounds.copy_of.is_none(),
        "nobody has said which was in force"
    );
    assert_eq!((consents[0].at, consents[0].answer.as_deref()), (at(NOTIFIED), Some("\"1\"")));
    let blind = stored(sieve_under(&purpose, None, json)).content;
    assert!(blind.grounds == Grounds::default());
}

#[test]
fn a_lead_rests_on_the_notice_that_was_in_force_when_it_was_submitted() {
    let json = r#"{"field_data":[{"name":"email","values":["a"]}]}"#;
    let mut lead = stored(sieve_under(&purpose(&["email"], &[], &[]), None, json));
    let revision = TextHash::of(b"a notice");
    lead.note_notice(|purpose, created| {
        assert_eq!((purpose.as_str(), created), ("devis", at(NOTIFIED)), "by Meta's time");
        Some(revision)
    });
    assert_eq!(lead.content.grounds.notice_revision, Some(revision));
}
