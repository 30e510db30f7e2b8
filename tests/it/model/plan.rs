//! What the config of each policy says, and what there is at Meta's side: pages, forms, purposes, tokens.

use tamis::config::{self, Config};
use tamis::id::{FormId, LeadgenId};
use tamis::purpose::PurposeId;
use tamis::secret::location::Environment;
use tamis_simulator::{Checkbox, Form, Page, Question, Simulator};

use super::ops::{FORMS, POLICIES};

pub const PAGES: [&str; 2] = ["104000000000001", "104000000000002"];
pub const FORM_IDS: [&str; FORMS] =
    ["901000000000001", "901000000000002", "901000000000003", "901000000000004"];
/// Which page a form is of.
pub const PAGE_OF: [usize; FORMS] = [0, 0, 0, 1];
pub const PURPOSES: [&str; 2] = ["devis", "lettre"];
/// Under each policy, which purposes claim which form: the letter beside the quote needs its box.
const CLAIMS: [[&[usize]; FORMS]; POLICIES] = [
    [&[0, 1], &[1], &[], &[0]],
    [&[0], &[1], &[0, 1], &[0]],
    [&[], &[1], &[0], &[0, 1]],
    [&[0, 1], &[], &[1], &[1]],
];
/// Under each policy, whether the second page is in the config.
const SECOND_PAGE: [bool; POLICIES] = [true, false, true, true];

/// Makes the pages and the forms at Meta's side.
pub fn furnish(meta: &Simulator) {
    for (index, page) in PAGES.iter().enumerate() {
        let name = format!("Page {index}");
        meta.add_page(Page { id: (*page).to_owned(), name, token: token(index, 0) });
    }
    for (form, page) in FORM_IDS.iter().zip(PAGE_OF) {
        let question = |kind: &str, key: &str| Question::new(kind, key, key);
        let checkbox =
            |key: &str| Checkbox { key: key.to_owned(), text: key.to_owned(), ..Checkbox::default() };
        meta.add_form(Form {
            id: (*form).to_owned(),
            page_id: PAGES[page].to_owned(),
            questions: vec![
                question("FULL_NAME", "full_name"),
                question("EMAIL", "email"),
                question("PHONE", "phone_number"),
                question("CUSTOM", "post_code"),
                question("CUSTOM", "budget"),
            ],
            checkboxes: ["email_optin", "call_optin", "news_optin"].map(checkbox).to_vec(),
            ..Form::default()
        });
    }
}

/// The config under a policy.
pub fn config_of(policy: usize) -> Config {
    let forms = |purpose: usize| {
        let claimed = FORM_IDS.iter().zip(CLAIMS[policy]).filter(|(_, claims)| claims.contains(&purpose));
        claimed.map(|(form, _)| format!("\"{form}\"")).collect::<Vec<_>>().join(", ")
    };
    let text =
        include_str!("../../data/model.toml").replace("{devis}", &forms(0)).replace("{lettre}", &forms(1));
    config::parse(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// What a page's token is, in its so-many-th edition.
pub fn token(page: usize, edition: u32) -> String {
    format!("EAAtoken-of-page-{page}-{edition}")
}

/// Which purposes claim a form under a policy.
pub fn claims(policy: usize, form: usize) -> &'static [usize] {
    CLAIMS[policy][form]
}

/// Whether a page is in the config under a policy.
pub fn knows(policy: usize, page: usize) -> bool {
    page == 0 || SECOND_PAGE[policy]
}

pub fn leadgen(id: &str) -> LeadgenId {
    LeadgenId::parse(id).expect("digits")
}

pub fn form(index: usize) -> FormId {
    FormId::parse(FORM_IDS[index]).expect("digits")
}

pub fn purpose(index: usize) -> PurposeId {
    PurposeId::parse(PURPOSES[index]).expect("a name")
}
