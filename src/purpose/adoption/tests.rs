use super::*;
use crate::purpose::sample::{consent, field, purpose};
use crate::purpose::{
    Asked, BoxKey, Channel, Checkbox, ConsentRule, Legal, LegalContent, Policy, Question, Whitelist, Wording,
};

fn form(id: u64) -> FormId {
    FormId::parse(&id.to_string()).expect("digits")
}

fn page(id: u64) -> PageId {
    PageId::parse(&id.to_string()).expect("digits")
}

type Box = (&'static str, &'static str, Option<bool>);

/// A form of page 10 that asks this, with these boxes: key, text, how it stands.
fn asks(id: u64, questions: &[(&str, &str)], boxes: &[Box]) -> FormDefinition {
    let one = |(key, text, ticked): &Box| Checkbox {
        key: (*key).to_owned(),
        text: Wording::of(text, 100),
        is_required: None,
        is_ticked_by_default: *ticked,
    };
    let boxes = boxes.iter().map(one).collect();
    let legal = Legal::Read(LegalContent { title: None, body: None, boxes, policy_url: None });
    let questions = questions.iter().map(|(key, kind)| Question::new(key, kind)).collect();
    FormDefinition { page: Some(page(10)), legal, ..FormDefinition::asking(form(id), questions) }
}

/// `devis` holds an address by its type, and a budget by its key, of these forms.
fn devis(forms: &[u64]) -> Purpose {
    let mut email = field("email");
    email.types = ["EMAIL"].into_iter().collect();
    let mut devis = purpose("devis", &["x"]);
    devis.whitelist = Whitelist::new(vec![email, field("budget")]).expect("fields");
    devis.forms = forms.iter().map(|id| form(*id)).collect();
    devis.copies = true;
    devis
}

/// `lettre` holds an address where the box `optin` is ticked.
fn lettre(forms: &[u64]) -> Purpose {
    let rule = ConsentRule { required: true, ..consent("optin", Channel::Email) };
    Purpose { id: purpose("lettre", &["x"]).id, consents: vec![rule], ..devis(forms) }
}

fn knowing(purposes: Vec<Purpose>, originals: &[FormDefinition]) -> Policy {
    let policy = Policy::new(purposes);
    for original in originals {
        policy.copies().learn(original, original.revision(), None);
    }
    policy
}

/// What a form is: the original, or the codes of its differences; nothing: it is foreign.
fn judged(policy: &Policy, form: &FormDefinition) -> Vec<String> {
    match policy.copies().judge(form, &page(10), None) {
        Likeness::Foreign => Vec::new(),
        Likeness::Copy(original) => vec![original.to_string()],
        Likeness::Differs(differs) => {
            assert_eq!(differs.total, differs.differences.len());
            let told = |one: &Difference| {
                let sides = [&one.of, &one.original, &one.form].map(|side| side.as_deref().unwrap_or("-"));
                format!("{} {} {} {}", one.purpose, one.code, one.key, sides.join(" "))
            };
            differs.differences.iter().map(told).collect()
        }
    }
}

const QUOTE: [(&str, &str); 3] = [("e-mail", "EMAIL"), ("budget", "CUSTOM"), ("pointure", "CUSTOM")];

#[test]
fn a_form_is_a_copy_if_what_feeds_the_fields_has_the_same_type_and_key() {
    let policy = knowing(vec![devis(&[1])], &[asks(1, &QUOTE, &[])]);
    let is = |questions: &[(&str, &str)]| judged(&policy, &asks(2, questions, &[]));
    assert_eq!(is(&QUOTE), ["1"]);
    let turned_and_other = [("ville", "CUSTOM"), ("budget", "CUSTOM"), ("e-mail", "EMAIL")];
    assert_eq!(is(&turned_and_other), ["1"], "what nobody holds does not count, nor does the order");
    for (questions, wanted) in [
        (&[("e-mail", "EMAIL")][..], "devis question-missing budget budget CUSTOM -"),
        (
            &[("e-mail", "EMAIL"), ("budget", "CUSTOM"), ("zweite", "EMAIL")],
            "devis question-added zweite email - EMAIL",
        ),
        (&[("e-mail", "EMAIL"), ("budget", "CITY")], "devis question-retyped budget budget CUSTOM CITY"),
        (&[("e-mail", "CUSTOM"), ("budget", "CUSTOM")], "devis question-retyped e-mail email EMAIL CUSTOM"),
        (&[("e-mail", "EMAIL"), ("Budget", "CUSTOM")], "devis question-missing budget budget CUSTOM -"),
    ] {
        assert_eq!(is(questions), [wanted]);
    }
    let moved = [("email", "EMAIL"), ("budget", "CUSTOM")];
    let wanted = ["devis question-missing e-mail email EMAIL -", "devis question-added email email - EMAIL"];
    assert_eq!(is(&moved), wanted, "another language");
    let mut hidden = asks(2, &QUOTE, &[]);
    hidden.questions[1].asked = Asked::Hidden;
    assert_eq!(judged(&policy, &hidden), ["devis question-retyped budget budget CUSTOM hidden"]);
}

#[test]
fn a_form_is_a_copy_only_under_the_same_boxes() {
    const CLEAR: Box = ("optin", "E-mails", Some(false));
    let policy = knowing(vec![lettre(&[1])], &[asks(1, &QUOTE, &[CLEAR])]);
    let is = |boxes: &[Box]| judged(&policy, &asks(2, &QUOTE, boxes));
    assert_eq!(is(&[CLEAR]), ["1"]);
    assert_eq!(is(&[("other", "x", Some(true)), CLEAR]), ["1"], "what no consent counts does not count");
    assert_eq!(is(&[]), ["lettre box-missing optin optin - -"]);
    assert_eq!(is(&[("Optin", "E-mails", Some(false))]), ["lettre box-missing optin optin - -"]);
    assert_eq!(is(&[("optin", "Calls", Some(false))]), ["lettre box-reworded optin optin - -"]);
    let ticked = ["lettre box-default-differs optin optin clear ticked"];
    assert_eq!(is(&[("optin", "E-mails", Some(true))]), ticked);
    let unknown = ["lettre box-default-differs optin optin clear unknown"];
    assert_eq!(is(&[("optin", "E-mails", None)]), unknown);
    let unread = FormDefinition { legal: Legal::Withheld, ..asks(2, &QUOTE, &[]) };
    assert_eq!(judged(&policy, &unread), ["lettre boxes-unread  - - -"]);
    // A purpose without boxes needs to read none.
    let policy =
        knowing(vec![devis(&[1])], &[FormDefinition { legal: Legal::Withheld, ..asks(1, &QUOTE, &[]) }]);
    assert_eq!(judged(&policy, &unread), ["1"]);
    let both =
        knowing(vec![lettre(&[1])], &[FormDefinition { legal: Legal::Withheld, ..asks(1, &QUOTE, &[]) }]);
    assert_eq!(
        judged(&both, &unread),
        ["lettre boxes-unread  - - -"],
        "two that nobody can read are not alike"
    );
}

#[test]
fn a_box_that_is_named_for_the_original_is_looked_for_on_its_copies() {
    let mut lettre = lettre(&[1, 2]);
    let on = |id, key: &str| BoxKey { form: Some(form(id)), key: key.to_owned() };
    lettre.consents[0].from = vec![on(1, "optional_1"), on(2, "optional_2")];
    let first =
        asks(1, &QUOTE, &[("optional_1", "E-mails", Some(false)), ("optional_2", "Calls", Some(false))]);
    let second = asks(2, &QUOTE, &[("optional_2", "E-mails", Some(false))]);
    let policy = knowing(vec![lettre], &[first.clone(), second.clone()]);
    let copy_of_first = FormDefinition { form: form(3), ..first };
    let copy_of_second = FormDefinition { form: form(4), ..second };
    assert_eq!(
        (judged(&policy, &copy_of_first), judged(&policy, &copy_of_second)),
        (vec!["1".to_owned()], vec!["2".to_owned()])
    );
}

#[test]
fn a_copy_counts_for_all_purposes_of_its_original_that_take_copies_or_for_none() {
    const CLEAR: Box = ("optin", "E-mails", Some(false));
    let original = asks(1, &QUOTE, &[CLEAR]);
    let policy = knowing(vec![devis(&[1]), lettre(&[1])], std::slice::from_ref(&original));
    let (same, other) = (asks(2, &QUOTE, &[CLEAR]), asks(3, &QUOTE, &[]));
    assert_eq!(judged(&policy, &same), ["1"]);
    assert_eq!(
        judged(&policy, &other),
        ["lettre box-missing optin optin - -"],
        "not for `devis` alone either"
    );
    assert!(policy.copies().adopt(same.form, same.revision(), &original.form));
    let names = |form| policy.of_form(form).iter().map(|one| one.id.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&same.form), ["devis", "lettre"]);
    let alone = Purpose { copies: false, ..lettre(&[1]) };
    let policy = knowing(vec![devis(&[1]), alone], std::slice::from_ref(&original));
    assert_eq!(judged(&policy, &other), ["1"], "the other takes no copies");
    assert!(policy.copies().adopt(other.form, other.revision(), &original.form));
    let claimants = policy.of_form(&other.form);
    assert_eq!((claimants.len(), claimants.copy_of), (1, Some(original.form)));
}

#[test]
fn only_forms_of_a_page_of_the_purpose_count_and_one_of_the_own_page_comes_first() {
    let elsewhere = |id| FormDefinition { page: Some(page(11)), ..asks(id, &QUOTE, &[]) };
    let policy = knowing(vec![devis(&[1])], &[elsewhere(1)]);
    assert_eq!(judged(&policy, &asks(2, &QUOTE, &[])), [""; 0], "foreign");
    let policy = knowing(vec![devis(&[1, 3])], &[elsewhere(1), asks(3, &QUOTE, &[])]);
    assert_eq!(judged(&policy, &asks(2, &QUOTE, &[])), ["3"]);
    // The one of the own page asks otherwise: it is one of the purpose's forms all the same.
    let policy = knowing(vec![devis(&[1, 3])], &[elsewhere(1), asks(3, &QUOTE[..1], &[])]);
    assert_eq!(judged(&policy, &asks(2, &QUOTE, &[])), ["1"]);
    let unplaced = FormDefinition { page: None, ..asks(1, &QUOTE, &[]) };
    let policy = knowing(vec![devis(&[1])], std::slice::from_ref(&unplaced));
    assert_eq!(
        (judged(&policy, &asks(2, &QUOTE, &[])), policy.copies().unplaced()),
        (Vec::new(), vec![form(1)])
    );
    policy.copies().learn(&unplaced, unplaced.revision(), Some(page(10)));
    assert_eq!(judged(&policy, &asks(2, &QUOTE, &[])), ["1"], "it was read with the page's token");
    assert!(policy.copies().unplaced().is_empty() && policy.copies().is_of_page(&page(10)));
    policy.copies().learn(&elsewhere(1), elsewhere(1).revision(), None);
    assert!(!policy.copies().is_of_page(&page(10)), "it is of the page that it was last read of");
    assert_eq!(judged(&policy, &asks(2, &QUOTE, &[])), [""; 0]);
}

#[test]
fn of_several_originals_the_one_before_comes_first_and_of_different_purposes_none() {
    let policy = knowing(vec![devis(&[1, 2])], &[asks(1, &QUOTE, &[]), asks(2, &QUOTE, &[])]);
    let copy = asks(3, &QUOTE, &[]);
    assert_eq!(judged(&policy, &copy), ["1"], "in the order of the config");
    let before = policy.copies().judge(&copy, &page(10), Some(form(2)));
    assert!(matches!(before, Likeness::Copy(original) if original == form(2)));
    // What the one needs, the other has too.
    let wider = [("e-mail", "EMAIL"), ("budget", "CUSTOM"), ("ville", "CUSTOM")];
    let other = Purpose { id: purpose("autre", &["x"]).id, ..devis(&[2]) };
    let policy = knowing(vec![devis(&[1]), other], &[asks(1, &QUOTE, &[]), asks(2, &wider, &[])]);
    assert_eq!(judged(&policy, &copy), ["1"], "to the letter");
    assert_eq!(judged(&policy, &asks(3, &wider, &[])), ["2"]);
    let nobodys = asks(3, &QUOTE[..2], &[]);
    let wanted = ["devis several-originals 1 - - -", "autre several-originals 2 - - -"];
    assert_eq!(judged(&policy, &nobodys), wanted);
}

#[test]
fn what_is_declared_counts_as_itself_and_what_changed_counts_no_more() {
    let original = asks(1, &QUOTE, &[]);
    let policy = knowing(
        vec![devis(&[1]), Purpose { copies: false, ..lettre(&[2]) }],
        std::slice::from_ref(&original),
    );
    let (copies, declared) = (policy.copies(), asks(2, &QUOTE, &[]));
    copies.adopt(declared.form, declared.revision(), &original.form);
    let claimants = policy.of_form(&declared.form);
    assert_eq!((claimants[0].id.as_str(), claimants.copy_of), ("lettre", None));
    let copy = asks(3, &QUOTE, &[]);
    assert!(!copies.adopt(copy.form, copy.revision(), &form(9)), "no such original");
    assert!(copies.adopt(copy.form, copy.revision(), &original.form));
    assert!(!copies.adopt(copy.form, copy.revision(), &original.form), "no news");
    assert!(policy.claimed_forms().contains(&copy.form) && copies.stands(&copy.form, copy.revision()));
    let changed = asks(3, &QUOTE[..1], &[]);
    assert!(!copies.stands(&copy.form, changed.revision()));
    let other = asks(1, &QUOTE[..2], &[]);
    copies.learn(&other, other.revision(), None);
    assert!(!copies.stands(&copy.form, copy.revision()), "the original is another now");
    let Likeness::Differs(differs) = copies.judge(&changed, &page(10), Some(original.form)) else {
        panic!("it differs")
    };
    assert_eq!(copies.differ(copy.form, differs.clone()), Some(original.form));
    assert!(policy.of_form(&copy.form).is_empty() && !policy.claimed_forms().contains(&copy.form));
    assert_eq!(copies.differing(&copy.form).as_deref(), Some(&differs));
    assert_eq!(copies.differ(copy.form, differs), None);
    assert!(
        copies.adopt(copy.form, copy.revision(), &original.form) && copies.differing(&copy.form).is_none()
    );
    assert_eq!(
        policy,
        Policy::new(vec![devis(&[1]), Purpose { copies: false, ..lettre(&[2]) }]),
        "what was learnt is no rule"
    );
}

#[test]
fn a_form_that_feeds_nothing_has_no_copies() {
    let nothing = [("pointure", "CUSTOM")];
    let policy = knowing(vec![devis(&[1])], &[asks(1, &nothing, &[])]);
    assert!(matches!(policy.copies().judge(&asks(2, &nothing, &[]), &page(10), None), Likeness::Differs(_)));
}
