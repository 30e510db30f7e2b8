//! Who they are: invented, each with a name and an address that occur nowhere else.

use tamis_simulator::Lead;
use tamis_simulator::demo::{LETTER_FORM, PAGE};

use crate::clock::Clock;
use crate::play::demo::stage::Stage;
use crate::terminal::Failure;

/// One of them.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    /// A number, where they also agreed to be called.
    phone: Option<&'static str>,
    /// Meta's number of the form that they sent.
    pub(super) lead: &'static str,
    /// Ours of the record.
    pub(super) record: &'static str,
}

const fn person([name, email, lead, record]: [&'static str; 4], phone: Option<&'static str>) -> Person {
    Person { name, email, phone, lead, record }
}

/// Says yes once more, and takes it back a year and a half later.
pub(super) const ANAIS: Person =
    person(["Anaïs", "anais@lecteurs.example", "771900000000001", "lettre-1-1"], Some("+33639982741"));
/// Says no, from the mail that asks.
pub(super) const BASILE: Person =
    person(["Basile", "basile@lecteurs.example", "771900000000002", "lettre-1-2"], None);
/// Never answers.
pub(super) const CAMILLE: Person =
    person(["Camille", "camille@lecteurs.example", "771900000000003", "lettre-1-3"], Some("+33639985263"));
/// No mail reaches her.
pub(super) const DELPHINE: Person =
    person(["Delphine", "delphine@lecteurs.example", "771900000000004", "lettre-1-4"], None);
/// Objects by his mail program's button.
pub(super) const ETIENNE: Person =
    person(["Étienne", "etienne@lecteurs.example", "771900000000005", "lettre-1-5"], None);
/// Puts her name right, and never answers.
pub(super) const FLORENCE: Person =
    person(["Florance", "florence@lecteurs.example", "771900000000006", "lettre-1-6"], None);
/// What it is put right to.
pub(super) const CORRECTED: &str = "Florence-Marie";
/// Wants to see everything, and then have it erased.
pub(super) const GABRIEL: Person =
    person(["Gabriel", "gabriel@lecteurs.example", "771900000000007", "lettre-1-7"], None);

/// As they submit.
pub(super) const ALL: [&Person; 7] = [&ANAIS, &BASILE, &CAMILLE, &DELPHINE, &ETIENNE, &FLORENCE, &GABRIEL];

/// Each fills the form in, and Meta calls.
pub(super) async fn submit(stage: &Stage, clock: &dyn Clock, person: &Person) -> Result<(), Failure> {
    let created = u64::try_from(clock.now().as_second()).unwrap_or(0).saturating_sub(60);
    let mut lead = Lead::new(PAGE, LETTER_FORM, created).with_id(person.lead);
    lead = lead.answer("first_name", &[person.name]).answer("email", &[person.email]);
    if let Some(phone) = person.phone {
        lead = lead.answer("phone_number", &[phone]);
    }
    let lead = lead.checkbox("email_optin", true).checkbox("consent_call", person.phone.is_some());
    stage.meta.add_lead(lead);
    call(stage, person).await
}

/// Meta calls, maybe once more.
pub(super) async fn call(stage: &Stage, person: &Person) -> Result<(), Failure> {
    let body = stage.meta.notification(&[person.lead]);
    match stage.meta.deliver(&stage.webhook(), &body).await {
        Ok(answer) if answer.status == 200 => Ok(()),
        _ => Err(Failure::failed("a signed call was not answered 200")),
    }
}

/// Everything that any of them wrote, and by what Meta knows it, in the spellings in which it could lie in a file.
pub(super) fn marks() -> Vec<String> {
    let written = |person: &&Person| {
        [Some(person.name), Some(person.email), Some(person.lead), person.phone].into_iter().flatten()
    };
    let all = ALL.iter().flat_map(written).chain([CORRECTED]);
    let spelt = |text: &str| {
        let (hex, upper) = (hex::encode(text), hex::encode_upper(text));
        let reversed = text.chars().rev().collect();
        [text.to_owned(), hex, upper, reversed]
    };
    all.flat_map(spelt).collect()
}
