use super::*;
use crate::notification::sample;

fn form() -> FormId {
    sample::form(901)
}

fn questions(body: &str) -> Option<Vec<(String, String)>> {
    match parse(&form(), body.as_bytes()) {
        Parsed::Definition(definition) => {
            Some(definition.questions.into_iter().map(|q| (q.key, q.question_type)).collect())
        }
        Parsed::Withheld | Parsed::Foreign => None,
    }
}

#[test]
fn questions_are_read_in_both_shapes_and_order() {
    let list = r#"[{"key":"vollst\u00e4ndiger_name","label":"x","type":"FULL_NAME","id":"1"},
        {"type":"EMAIL","key":"e-mail-adresse"},{"key":"what?","type":"custom","options":[{"key":"a"}]}]"#;
    let wanted = [("vollständiger_name", "FULL_NAME"), ("e-mail-adresse", "EMAIL"), ("what?", "CUSTOM")];
    let wanted: Vec<_> = wanted.map(|(key, kind)| (key.to_owned(), kind.to_owned())).to_vec();
    for body in [
        format!(r#"{{"id":"901","questions":{list}}}"#),
        format!(r#"{{"questions":{{"data":{list}}},"id":901}}"#),
        format!(r#"{{"questions":{list}}}"#),
    ] {
        assert_eq!(questions(&body).as_ref(), Some(&wanted), "{body}");
    }
}

fn definition(body: &str) -> FormDefinition {
    let Parsed::Definition(definition) = parse(&form(), body.as_bytes()) else { panic!("{body}") };
    *definition
}

/// What a form asks, in one line: `key:TYPE`, or what else it is in brackets.
fn outline(body: &str) -> String {
    let one = |question: &Question| match question.asked {
        Asked::Question => format!("{}:{}", question.key, question.question_type),
        asked => format!("{}:({asked})", question.key),
    };
    definition(body).questions.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_standard_question_without_a_key_goes_by_its_types_own() {
    for (questions, wanted) in [
        (r#"{"type":"EMAIL"}"#, "email:EMAIL"),
        (r#"{"type":"phone","key":null,"label":"Tel"}"#, "phone_number:PHONE"),
        (r#"{"type":"ZIP","key":""},{"type":"DOB"}"#, "zip_code:ZIP date_of_birth:DOB"),
        (r#"{"type":"EMAIL"},{"type":"EMAIL"}"#, "email:EMAIL"),
        (r#"{"type":"EMAIL"},{"type":"FULL_NAME","key":"name"}"#, "name:FULL_NAME email:EMAIL"),
        // Somebody's own question goes by that key: whose answer it is nobody can tell.
        (r#"{"type":"EMAIL"},{"type":"CUSTOM","key":"email"}"#, "email:CUSTOM"),
        // No type tells the key of these.
        (r#"{"type":"CUSTOM"},{"type":"VIN"},{},{"type":"EMAIL","key":7},{"key":"a"}"#, "a:"),
    ] {
        assert_eq!(outline(&format!(r#"{{"questions":[{questions}]}}"#)), wanted, "{questions}");
    }
}

#[test]
fn hidden_parameters_and_dependent_questions_are_questions() {
    for (hidden, wanted) in [
        (r#"{"utm_source":"fb","utm_campaign":null}"#, "utm_source:(hidden) utm_campaign:(hidden)"),
        (r#"[{"key":"utm_source","value":"fb"},{"value":"x"},7,null]"#, "utm_source:(hidden)"),
        (r#"{"data":[{"value":"fb","key":"utm_source"}]}"#, "utm_source:(hidden)"),
        (r#"{"data":"fb"}"#, "data:(hidden)"),
        (r#"{"pays":"x","":"y","ville":"z"}"#, "ville:(hidden)"),
        ("[]", ""),
        ("null", ""),
        (r#""utm""#, ""),
    ] {
        let body =
            format!(r#"{{"tracking_parameters":{hidden},"questions":[{{"key":"pays","type":"CUSTOM"}}]}}"#);
        assert_eq!(outline(&body), format!("pays:CUSTOM {wanted}").trim_end(), "{hidden}");
    }
    for (dependent, wanted) in [
        (
            r#"[{"name":"r\u00e9gion","input_type":"x"},{"name":"ville"}]"#,
            "région:(dependent) ville:(dependent)",
        ),
        (r#"{"data":[{"name":"ville"}]}"#, "ville:(dependent)"),
        (r#"[{"field_key":"ville"},{"name":""},{},7]"#, "ville:(dependent)"),
        (r#"[{"name":"pays"},{"name":"email"}]"#, ""),
        ("null", ""),
    ] {
        let body = format!(
            r#"{{"questions":[{{"key":"pays","type":"CUSTOM","dependent_conditional_questions":{dependent}}},
                {{"type":"EMAIL"}}]}}"#
        );
        let wanted = format!("pays:CUSTOM email:EMAIL {wanted}");
        assert_eq!(outline(&body), wanted.trim_end(), "{dependent}");
    }
    let hidden_alone = br#"{"questions":[],"tracking_parameters":{"utm_source":"fb"}}"#;
    assert!(matches!(parse(&form(), hidden_alone), Parsed::Withheld));
}

#[test]
fn a_name_is_kept_if_it_is_one() {
    let long = format!("\"{}\"", "x".repeat(NAME_BYTES_MAX + 1));
    for (name, wanted) in [("\"Devis é\"", Some("Devis é")), ("null", None), ("\" \"", None), (&long, None)]
    {
        let body = format!(r#"{{"name":{name},"questions":[{{"key":"a"}}]}}"#);
        assert_eq!(definition(&body).name.as_deref(), wanted);
    }
}

#[test]
fn choices_whose_keys_are_not_their_texts_are_kept_whole_or_not_at_all() {
    let shown = |options: &str| {
        let body = format!(
            r#"{{"questions":[{{"key":"a","options":{options}}},{{"key":"b","options":[{{"key":"1","value":"one"}}]}}]}}"#
        );
        let one = |choice: &Choice| format!("{}={}", choice.key, choice.label);
        let choices = |question: &Question| question.choices.iter().map(one).collect::<Vec<_>>().join(" ");
        definition(&body).questions.iter().map(choices).collect::<Vec<_>>()
    };
    let odd = r#"[{"key":"k","value":"Texte"},{"key":"same","value":"same"},{"value":"x"},{"key":7,"value":"x"},null]"#;
    assert_eq!(shown(odd), ["k=Texte", "1=one"]);
    assert_eq!(shown(r#"{"data":[{"key":"k","value":"Texte"}]}"#), ["k=Texte", "1=one"]);
    let many: Vec<String> = (0..500).map(|n| format!(r#"{{"key":"k{n}","value":"Texte {n}"}}"#)).collect();
    assert_eq!(shown(&format!("[{}]", many.join(","))), ["", "1=one"], "half of them would be a riddle");
}

#[test]
fn keys_that_the_store_would_not_take_are_not_kept() {
    let many: Vec<String> = (0..40).map(|n| format!(r#"{{"key":"{n}{}"}}"#, "é".repeat(450))).collect();
    let read = questions(&format!(r#"{{"questions":[{}]}}"#, many.join(","))).expect("a definition");
    let bytes: usize = read.iter().map(|(key, _)| key.len() + FRAME_BYTES).sum();
    assert!(bytes <= KEYS_BYTES_MAX && bytes > KEYS_BYTES_MAX - 1_000, "{bytes}");
}

#[test]
fn a_name_is_the_forms_own_and_not_long() {
    for (body, wanted) in [
        (r#"{"id":"901","name":"Devis \u00e9t\u00e9"}"#, Some("Devis été")),
        (r#"{"name":"Devis"}"#, Some("Devis")),
        (r#"{"id":"902","name":"Devis"}"#, None),
        (r#"{"id":"901","name":" "}"#, None),
        (r#"{"id":"901","name":7}"#, None),
        (r#"{"id":"901"}"#, None),
        ("[]", None),
    ] {
        assert_eq!(name_in(&form(), body.as_bytes()).as_deref(), wanted, "{body}");
    }
    let long = format!(r#"{{"name":"{}"}}"#, "é".repeat(5_000));
    let name = name_in(&form(), long.as_bytes()).unwrap_or_default();
    assert_eq!(name.chars().count(), NAME_CHARS_MAX);
}

#[test]
fn odd_questions_do_not_spoil_the_others() {
    let long = "k".repeat(KEY_BYTES_MAX + 1);
    let body = format!(
        r#"{{"questions":[null,1,"x",[],{{}},{{"key":""}},{{"key":7,"type":"EMAIL"}},{{"key":"{long}"}},
        {{"key":"a"}},{{"key":"b","type":null}},{{"key":"c","type":{{}}}}]}}"#
    );
    let wanted: Vec<_> = ["a", "b", "c"].map(|key| (key.to_owned(), String::new())).to_vec();
    assert_eq!(questions(&body), Some(wanted));
}

#[test]
fn no_questions_means_withheld_and_another_form_is_not_ours() {
    for body in [r#"{"id":"901"}"#, r#"{"id":"901","questions":[]}"#, r#"{"id":"901","questions":null}"#] {
        assert!(matches!(parse(&form(), body.as_bytes()), Parsed::Withheld), "{body}");
    }
    let other = br#"{"id":"902","questions":[{"key":"a"}]}"#;
    assert!(matches!(parse(&form(), other), Parsed::Foreign));
}

#[test]
fn its_page_is_read_where_it_is_one_and_unknown_otherwise() {
    let of = |page: &str| match parse(&form(), format!(r#"{{"questions":[{{"key":"a"}}]{page}}}"#).as_bytes())
    {
        Parsed::Definition(definition) => definition.page.map(|page| page.to_string()),
        Parsed::Withheld | Parsed::Foreign => panic!("a definition: {page}"),
    };
    for known in
        [r#","page":{"name":"x","id":"104"}"#, r#","page":{"id":104}"#, r#","page":"104""#, r#","page":104"#]
    {
        assert_eq!(of(known).as_deref(), Some("104"), "{known}");
    }
    for unknown in [
        "",
        r#","page":null"#,
        r#","page":{}"#,
        r#","page":{"id":null}"#,
        r#","page":{"id":"x"}"#,
        r#","page":["104"]"#,
    ] {
        assert_eq!(of(unknown), None, "{unknown}");
    }
}

#[test]
fn a_form_without_end_is_cut() {
    let many = vec![r#"{"key":"a"}"#; QUESTIONS_MAX + 10].join(",");
    let read = questions(&format!(r#"{{"questions":[{many}]}}"#));
    assert_eq!(read.map(|questions| questions.len()), Some(QUESTIONS_MAX));
}
