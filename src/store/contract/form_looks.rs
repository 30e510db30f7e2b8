//! Looks at forms.

use super::Host;
use super::support::*;
use crate::purpose::form_check::{Finding, FindingCode, FormLook, KeptFinding, Severity};
use crate::purpose::{ConsentKey, PurposeId, TextHash};

fn finding(code: FindingCode, question: Option<&str>) -> KeptFinding {
    let of_box = question.is_none();
    KeptFinding {
        finding: Finding {
            severity: Severity::Serious,
            code,
            purpose: of_box.then(|| PurposeId::parse("devis").expect("a name")),
            consent: ConsentKey::parse("call_optin").filter(|_| of_box),
            question: question.map(str::to_owned),
        },
        first_seen: later(1),
        last_seen: later(2),
        ended: None,
    }
}

fn look(number: u64, findings: Vec<KeptFinding>) -> FormLook {
    let revision = Some(TextHash::of(b"what people see"));
    FormLook { form: form_id(number), looked_at: later(2), revision, changed_at: Some(later(1)), findings }
}

/// Two hundred findings about questions with long keys: more than one value of a store may hold.
fn large(number: u64) -> FormLook {
    let key = |n: usize| format!("{n}{}", "é".repeat(90));
    look(number, (0..200).map(|n| finding(FindingCode::QuestionUnneeded, Some(&key(n)))).collect())
}

pub(crate) async fn what_was_found_of_a_form_is_there_after_a_restart_in_the_place_of_the_look_before<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    assert_eq!(store.form_looks().await, Ok(Vec::new()));
    assert_eq!(store.form_look(&form_id(1)).await, Ok(None));
    let over = KeptFinding { ended: Some(later(3)), ..finding(FindingCode::LinkMissing, None) };
    let small = look(1, vec![finding(FindingCode::BoxPreTicked, None), over]);
    let never_read = FormLook { revision: None, changed_at: None, ..look(3, Vec::new()) };
    store.put_form_looks(vec![large(1), large(2), never_read.clone()]).await.expect("kept");
    assert_eq!(store.form_look(&form_id(1)).await, Ok(Some(large(1))));
    store.put_form_looks(vec![small.clone()]).await.expect("kept");
    // What is known of a form and what was found of it are two things.
    assert_eq!((store.forms().await, store.form(&form_id(1)).await), (Ok(Vec::new()), Ok(None)));
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.form_looks().await, Ok(vec![small.clone(), large(2), never_read]), "by form");
    assert_eq!(store.form_look(&form_id(1)).await, Ok(Some(small)));
    store.put_form_looks(vec![large(1)]).await.expect("kept");
    assert_eq!(store.form_look(&form_id(1)).await, Ok(Some(large(1))));
}

pub(crate) async fn many_looks_are_kept_at_once<H: Host>() {
    let host = H::new();
    let store = host.open();
    let all: Vec<FormLook> = (1_000..1_250).map(|number| look(number, Vec::new())).collect();
    store.put_form_looks(all.clone()).await.expect("kept");
    assert_eq!(store.form_looks().await, Ok(all));
}
