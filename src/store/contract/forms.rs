//! Definitions of forms, and counts of what the sieve dropped.

use super::Host;
use super::support::*;
use crate::notification::sample;
use crate::purpose::{
    Asked, Checkbox, Choice, DropCode, FormDefinition, Legal, LegalContent, Question, TextHash, Wording,
};
use crate::store::{Adoption, DroppedField, FormRevision, FormSnapshot, KnownForm, Settlement, StoreCode};

fn known(number: u64, questions: usize) -> KnownForm {
    let question = |n: usize| Question::new(&format!("vollständiger_name_{n}"), "FULL_NAME");
    let definition = Some(FormDefinition::asking(form_id(number), (0..questions).map(question).collect()));
    KnownForm { form: form_id(number), definition, read_at: start() }
}

/// With all that a definition may have.
fn whole() -> KnownForm {
    let mut form = known(1, 3);
    let definition = form.definition.as_mut().expect("one");
    definition.name = Some("Devis – Été".to_owned());
    definition.is_partial = true;
    definition.questions[0].choices = vec![Choice { key: "a".to_owned(), label: "Ä ; b".to_owned() }];
    definition.questions[1].asked = Asked::Hidden;
    definition.questions[2].asked = Asked::Dependent;
    form
}

pub(crate) async fn forms_are_kept_as_read_and_one_too_large_is_refused<H: Host>() {
    let host = H::new();
    let store = host.open();
    let refused_for_good = KnownForm { definition: None, ..known(2, 0) };
    store.put_form(refused_for_good.clone()).await.expect("kept");
    store.put_form(whole()).await.expect("kept");
    let mut counted = stored(1);
    counted.dropped.note("loisirs");
    store.settle(vec![counted]).await.expect("settled");
    assert_eq!(store.form(&form_id(1)).await, Ok(Some(whole())));
    assert_eq!(store.form(&form_id(3)).await, Ok(None));
    assert_eq!(store.forms().await, Ok(vec![whole(), refused_for_good.clone()]), "by id");
    let read_again = KnownForm { read_at: later(1), ..known(1, 530) };
    let questions = read_again.definition.iter().flat_map(|definition| &definition.questions);
    let bytes: usize = questions.map(|question| question.key.len() + question.question_type.len()).sum();
    assert!(bytes > 16 * 1024);
    store.put_form(read_again.clone()).await.expect("kept");
    assert_eq!(code(store.put_form(known(1, 2_000)).await), Some(StoreCode::ValueTooLarge));
    assert_eq!(code(store.put_form(known(4, 2_000)).await), Some(StoreCode::ValueTooLarge));
    assert_eq!(store.halted(), None);
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.forms().await, Ok(vec![read_again, refused_for_good]), "what was known stays");
}

pub(crate) async fn the_page_of_a_form_is_kept_with_it_until_it_is_read_without<H: Host>() {
    let host = H::new();
    let store = host.open();
    let of_page = |number: u64, page: u64| {
        let mut form = known(number, 1);
        form.definition.as_mut().expect("one").page = Some(sample::page(page));
        form
    };
    for form in [of_page(1, 7), of_page(2, 8), known(3, 1)] {
        store.put_form(form).await.expect("kept");
    }
    assert_eq!(store.form(&form_id(1)).await, Ok(Some(of_page(1, 7))));
    assert_eq!(store.form(&form_id(3)).await, Ok(Some(known(3, 1))));
    store.put_form(known(2, 1)).await.expect("kept");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.forms().await, Ok(vec![of_page(1, 7), known(2, 1), known(3, 1)]));
}

/// A form with a tick-box of this text.
fn worded(number: u64, text: &str) -> KnownForm {
    let one = Checkbox {
        key: "optional_1".to_owned(),
        text: Wording::of(text, 100_000),
        is_required: None,
        is_ticked_by_default: Some(false),
    };
    let legal = LegalContent { title: None, body: None, boxes: vec![one], policy_url: None };
    let form = known(number, 2);
    let definition = form.definition.map(|definition| FormDefinition {
        locale: "fr_FR".to_owned(),
        legal: Legal::Read(legal),
        ..definition
    });
    KnownForm { definition, ..form }
}

fn revision(form: &KnownForm) -> TextHash {
    form.definition.as_ref().expect("a definition").revision()
}

pub(crate) async fn a_form_stays_as_it_was_at_each_revision_since_it_was_first_read_so<H: Host>() {
    let host = H::new();
    let store = host.open();
    // Larger than a value may be, in letters of two bytes.
    let long = "é".repeat(20_000);
    let (first, second) = (worded(1, &long), worded(1, "J'accepte les appels"));
    let again = KnownForm { read_at: later(2), ..first.clone() };
    for form in [&first, &KnownForm { read_at: later(1), ..second.clone() }, &again] {
        store.put_form(form.clone()).await.expect("kept");
    }
    store.put_form(worded(2, "J'accepte")).await.expect("kept");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.form(&form_id(1)).await, Ok(Some(again)), "the last reading");
    let snapshot = |form: &KnownForm, first_read_at| {
        let definition = form.definition.clone().expect("a definition");
        Some(FormSnapshot { definition, first_read_at })
    };
    let kept = async |number, of: &KnownForm| store.snapshot(&form_id(number), &revision(of)).await;
    assert_eq!(kept(1, &first).await, Ok(snapshot(&first, start())));
    assert_eq!(kept(1, &second).await, Ok(snapshot(&second, later(1))));
    let told = |form: &KnownForm, first_read_at| FormRevision { revision: revision(form), first_read_at };
    let both = vec![told(&first, start()), told(&second, later(1))];
    assert_eq!(store.revisions(&form_id(1)).await, Ok(both), "by age");
    assert_eq!(store.revisions(&form_id(3)).await, Ok(Vec::new()));
    assert_eq!(kept(2, &first).await, Ok(None), "another form's");
    assert_eq!(kept(1, &worded(1, "J'accepte")).await, Ok(None), "never read so");
}

/// Its name and its hidden parameters nobody sees who fills it in.
pub(crate) async fn a_form_that_is_renamed_is_another_to_its_author_alone<H: Host>() {
    let host = H::new();
    let store = host.open();
    let called = |name: Option<&str>, hidden: usize| {
        let mut form = known(1, 3);
        let definition = form.definition.as_mut().expect("one");
        definition.name = name.map(str::to_owned);
        definition.is_partial = hidden == 0;
        let parameter = |n: usize| Question {
            asked: Asked::Hidden,
            ..Question::new(&format!("utm_{n}_{}", "ü".repeat(20)), "")
        };
        definition.questions.splice(1..1, (0..hidden).map(parameter));
        form
    };
    // The second is larger than a value may be.
    for form in [called(Some("Devis"), 3), called(Some("Devis – Été"), 400), called(None, 1), called(None, 0)]
    {
        store.put_form(form.clone()).await.expect("kept");
        assert_eq!(store.form(&form_id(1)).await, Ok(Some(form.clone())));
        assert_eq!(store.forms().await, Ok(vec![form]));
    }
    store.put_form(called(Some("Devis"), 300)).await.expect("kept");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.form(&form_id(1)).await, Ok(Some(called(Some("Devis"), 300))));
    assert_eq!(store.revisions(&form_id(1)).await.expect("a list").len(), 1);
    let seen = store.snapshot(&form_id(1), &revision(&known(1, 3))).await.expect("read").expect("kept");
    assert_eq!(Some(seen.definition), known(1, 3).definition, "without what nobody sees");
}

pub(crate) async fn what_counts_as_another_form_stands_in_the_register_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    let adopted = |form, original, until| Adoption {
        form: form_id(form),
        original: form_id(original),
        purposes: vec![purpose("devis"), purpose("lettre")],
        since: start(),
        until,
    };
    assert_eq!(store.adoptions().await, Ok(Vec::new()));
    let many: Vec<Adoption> = (100..2_300).map(|form| adopted(form, 1, None)).collect();
    store.put_adoptions(many.clone()).await.expect("kept");
    store.put_adoptions(vec![adopted(100, 2, Some(later(1)))]).await.expect("kept");
    // What is known of a form and what it counts as are two things.
    store.put_form(known(100, 1)).await.expect("kept");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.adoption(&form_id(100)).await, Ok(Some(adopted(100, 2, Some(later(1))))));
    assert_eq!(store.adoption(&form_id(101)).await, Ok(Some(adopted(101, 1, None))));
    assert_eq!(store.adoption(&form_id(1)).await, Ok(None));
    let all = store.adoptions().await.expect("a list");
    assert_eq!(all.len(), many.len());
    assert!(all.is_sorted_by(|one, other| one.form.as_str() < other.form.as_str()));
    assert_eq!(store.forms().await, Ok(vec![known(100, 1)]));
}

pub(crate) async fn dropped_names_are_counted_by_form_two_hundred_of_them_and_the_rest_together<H: Host>() {
    let host = H::new();
    let store = host.open();
    let mut settlement = stored(1);
    for name in 0..230 {
        settlement.dropped.note(&format!("question_{name}"));
    }
    settlement.dropped.note("question_1");
    store.settle(vec![settlement]).await.expect("settled");
    let mut again = stored(2);
    again.dropped.note("question_229");
    let mut elsewhere = Settlement { outcome: stored(3).outcome, ..parked(3, 2, HELD) };
    elsewhere.dropped.note("question_229");
    store.settle(vec![again, elsewhere]).await.expect("settled");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    let mut dropped = store.dropped().await.expect("counts");
    let field = |form, name: &str, count| DroppedField {
        form: form_id(form),
        name: name.to_owned(),
        code: DropCode::NotWhitelisted,
        count,
    };
    assert_eq!(dropped.pop(), Some(field(2, "question_229", 1)), "another form counts for itself");
    assert_eq!(dropped.len(), 201);
    assert!(dropped.is_sorted_by(|one, other| one.name < other.name));
    for expected in [field(1, "question_0", 1), field(1, "question_1", 2), field(1, "…", 31)] {
        assert!(dropped.contains(&expected), "{expected:?}");
    }
}

pub(crate) async fn what_was_dropped_is_counted_with_its_lead_or_not_at_all<H: Host>() {
    let host = H::new();
    let store = host.open();
    let with_dropped = || {
        let mut settlement = stored(1);
        settlement.dropped.note("loisirs");
        settlement
    };
    let count = async || store.dropped().await.expect("counts").first().map(|field| field.count);
    store.settle(vec![with_dropped()]).await.expect("settled");
    assert_eq!(count().await, Some(1));
    store.settle(vec![with_dropped(), with_dropped()]).await.expect("settled");
    assert_eq!(count().await, Some(1), "it was known already");
}
