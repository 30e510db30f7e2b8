//! The world of `tamis demo`: two pages, three forms, as many leads as wanted, the same ones every time.

use crate::people::{Dice, Language, Person};
use crate::world::{Ad, Checkbox, Form, Lead, LegalShape, Page, Question};

/// The page with both French forms.
pub const PAGE: &str = "104000000000001";
/// The page with the German form.
pub const GERMAN_PAGE: &str = "104000000000002";
/// A quote that was asked for, for purpose `devis`, with a box `newsletter_optin` for the monthly letter: the commonest form
/// there is. Whoever ticks it is also of purpose `lettre`.
pub const QUOTE_FORM: &str = "901000000000001";
/// A monthly letter with consent boxes `email_optin` and `consent_call`, for purpose `lettre`.
pub const LETTER_FORM: &str = "901000000000002";
/// A quote asked for in German, under translated keys, for purpose `devis`.
pub const GERMAN_FORM: &str = "901000000000003";

/// The names of answers that the forms ask for and no purpose of the demo wants: none may reach the store.
pub const UNWANTED: &[&str] = &[
    "budget",
    "have_you_diabetes",
    "date_of_birth",
    "inbox_url",
    "quels_travaux_?",
    "décrivez_votre_projet",
    "vos_centres_d'intérêt",
    "nachricht",
];

/// Pages, forms and leads, and what is odd about some of the leads, by leadgen id.
#[derive(Clone, Debug, Default)]
pub struct DemoWorld {
    /// With their tokens.
    pub pages: Vec<Page>,
    /// In order of their ids.
    pub forms: Vec<Form>,
    /// Oldest first.
    pub leads: Vec<Lead>,
    /// Those to be delivered twice, as Meta does at times (*Getting started*: duplicates are to be expected).
    pub twice: Vec<String>,
    /// Those made with Meta's testing tool: `<test lead: dummy data for …>` (*Testing*).
    pub test: Vec<String>,
    /// Those of the letter's form whose box `email_optin` is not ticked.
    pub unconsented: Vec<String>,
    /// Those of the quote's form whose box `newsletter_optin` is ticked.
    pub subscribed: Vec<String>,
    /// Those without an e-mail address: the question was skipped.
    pub incomplete: Vec<String>,
}

/// So many leads, the last of them made at `now` (Unix seconds), the others before, within the last 60 days.
pub fn demo_world(leads: usize, now: u64) -> DemoWorld {
    let mut world = DemoWorld { pages: pages(), forms: forms(now), ..DemoWorld::default() };
    let mut dice = Dice::seeded(SEED);
    let step = STEP_MAX.min(SPREAD / (leads as u64).max(1));
    for at in 0..leads {
        let id = format!("77100{:012}", at + 1);
        let created = now.saturating_sub((leads - 1 - at) as u64 * step);
        let lead = match at % 5 {
            0 | 2 => quote(&mut world, &mut dice, &id, created, at),
            1 | 3 => letter(&mut world, &mut dice, &id, created, at),
            _ => german_quote(&mut dice, created, at),
        };
        if at % 9 == 4 {
            world.twice.push(id.clone());
        }
        let is_test = at % TEST_EVERY == TEST_AT;
        if is_test {
            world.test.push(id.clone());
        }
        let lead = if is_test || dice.one_in(3) { lead } else { lead.from_ad(ad(&mut dice)) };
        world.leads.push(lead.with_id(&id));
    }
    world
}

fn quote(world: &mut DemoWorld, dice: &mut Dice, id: &str, created: u64, at: usize) -> Lead {
    let subscribes = at.is_multiple_of(3);
    let lead = Lead::new(PAGE, QUOTE_FORM, created).checkbox("newsletter_optin", subscribes);
    if subscribes {
        world.subscribed.push(id.to_owned());
    }
    if at % TEST_EVERY == TEST_AT {
        return test_answers(lead, &["full_name", "email", "phone_number", "post_code"]);
    }
    let person = Person::next(dice, Language::French);
    let lead = lead.answer("full_name", &[&person.full_name()]);
    let lead = if at % 40 == 22 {
        world.incomplete.push(id.to_owned());
        lead.skipped("email")
    } else {
        lead.answer("email", &[&person.email])
    };
    // Optional questions: skipped (no `values`), blank (none), answered.
    let lead = match dice.below(6) {
        0 => lead.skipped("phone_number"),
        1 => lead.answer("phone_number", &[]),
        _ => lead.answer("phone_number", &[&person.phone_number]),
    };
    let works: &[&str] =
        dice.pick(&[&["fenêtres"][..], &["fenêtres", "portes", "volets"][..], &["isolation"][..], &[][..]]);
    lead.answer("post_code", &[&person.post_code])
        .answer("budget", &[dice.pick(&["moins_de_1_000_€", "1_000_à_5_000_€", "plus_de_5_000_€"])])
        .answer("quels_travaux_?", works)
        .answer("décrivez_votre_projet", &[&person.words])
        .answer("have_you_diabetes", &[dice.pick(&["oui", "non"])])
        .answer("date_of_birth", &[&person.date_of_birth])
        .answer(
            "inbox_url",
            &[&format!("https://www.facebook.com/{PAGE}/inbox/simulated{}", dice.below(100_000))],
        )
}

fn letter(world: &mut DemoWorld, dice: &mut Dice, id: &str, created: u64, at: usize) -> Lead {
    let lead = Lead::new(PAGE, LETTER_FORM, created);
    if at % TEST_EVERY == TEST_AT {
        let lead = test_answers(lead, &["first_name", "email", "phone_number"]);
        return lead.checkbox("email_optin", true).checkbox("consent_call", true);
    }
    let language = if dice.one_in(4) { Language::English } else { Language::French };
    let person = Person::next(dice, language);
    let consents = at % 7 != 1;
    if !consents {
        world.unconsented.push(id.to_owned());
    }
    let mut lead = lead.answer("first_name", &[&person.first_name]).answer("email", &[&person.email]);
    lead = match dice.below(3) {
        0 => lead.skipped("phone_number"),
        _ => lead.answer("phone_number", &[&person.phone_number]),
    };
    lead.platform = Some(dice.pick(&["fb", "ig"]).to_owned());
    lead.answer("vos_centres_d'intérêt", dice.pick(&[&["jardin", "lumière"][..], &["jardin"][..], &[][..]]))
        .checkbox("email_optin", consents)
        .checkbox("consent_call", dice.one_in(3))
}

fn german_quote(dice: &mut Dice, created: u64, at: usize) -> Lead {
    let lead = Lead::new(GERMAN_PAGE, GERMAN_FORM, created);
    if at % TEST_EVERY == TEST_AT {
        return test_answers(lead, &["vollständiger_name", "e-mail-adresse", "telefonnummer"]);
    }
    let person = Person::next(dice, Language::German);
    lead.answer("vollständiger_name", &[&person.full_name()])
        .answer("e-mail-adresse", &[&person.email])
        .answer("telefonnummer", &[&person.phone_number])
        .answer("nachricht", &[&person.words])
}

/// What Meta's testing tool fills in: nothing else marks a test lead (*Testing*; address seen in 2026).
fn test_answers(lead: Lead, names: &[&str]) -> Lead {
    names.iter().fold(lead, |lead, &name| match name {
        "email" | "e-mail-adresse" => lead.answer(name, &["test@meta.com"]),
        _ => lead.answer(name, &[&format!("<test lead: dummy data for {name}>")]),
    })
}

fn ad(dice: &mut Dice) -> Ad {
    let (campaign_id, campaign_name) =
        dice.pick(&[("120210000000000010", "Portes ouvertes"), ("120210000000000020", "Herbst & Licht")]);
    let ad = dice.below(5);
    Ad {
        ad_id: format!("12021000000000003{ad}"),
        ad_name: format!("Annonce n° {ad}"),
        adset_id: "120210000000000040".to_owned(),
        adset_name: "Angers +30 km".to_owned(),
        campaign_id: campaign_id.to_owned(),
        campaign_name: campaign_name.to_owned(),
    }
}

fn pages() -> Vec<Page> {
    let page = |id: &str, name: &str| Page {
        id: id.to_owned(),
        name: name.to_owned(),
        token: format!("EAAsimulatedTokenOfPage{id}"),
    };
    vec![page(PAGE, "Atelier Lumen"), page(GERMAN_PAGE, "Lumen Werkstatt")]
}

fn forms(now: u64) -> Vec<Form> {
    let form = |id: &str, page_id: &str, name: &str, locale: &str, questions: Vec<Question>| Form {
        id: id.to_owned(),
        page_id: page_id.to_owned(),
        name: name.to_owned(),
        locale: locale.to_owned(),
        status: "ACTIVE".to_owned(),
        created_time: now.saturating_sub(SPREAD + 30 * 86_400),
        questions,
        privacy_policy_url: "https://leads.lumen.example/vie-privee".to_owned(),
        ..Form::default()
    };
    let checkbox = |key: &str, text: &str, is_required: bool| Checkbox {
        key: key.to_owned(),
        text: text.to_owned(),
        is_required,
        is_checked_by_default: false,
    };
    let mut letter = form(LETTER_FORM, PAGE, "La lettre / The letter", "fr_FR", letter_questions());
    letter.disclaimer_title = "Votre accord".to_owned();
    letter.disclaimer_text =
        "Vous pouvez le retirer à tout moment. You can withdraw it at any time.".to_owned();
    letter.legal_shape = LegalShape::Plain;
    letter.checkboxes = vec![
        checkbox("email_optin", "Je veux recevoir la lettre mensuelle par e-mail. / By e-mail.", false),
        checkbox("consent_call", "Vous pouvez m'appeler. / You may call me.", false),
    ];
    let mut quote = form(QUOTE_FORM, PAGE, "Demande de devis", "fr_FR", quote_questions());
    quote.disclaimer_title = "Notre lettre".to_owned();
    quote.disclaimer_text = "Vous pouvez la quitter à tout moment.".to_owned();
    quote.legal_shape = LegalShape::Plain;
    quote.checkboxes =
        vec![checkbox("newsletter_optin", "Je veux aussi recevoir la lettre mensuelle par e-mail.", false)];
    vec![quote, letter, form(GERMAN_FORM, GERMAN_PAGE, "Angebot anfordern", "de_DE", german_questions())]
}

fn quote_questions() -> Vec<Question> {
    vec![
        Question::new("FULL_NAME", "full_name", "Nom complet"),
        Question::new("EMAIL", "email", "E-mail"),
        Question::new("PHONE", "phone_number", "Numéro de téléphone"),
        Question::new("CUSTOM", "post_code", "Votre code postal ?"),
        Question::new("CUSTOM", "budget", "Votre budget ?").with_options(&[
            ("moins_de_1_000_€", "Moins de 1 000 €"),
            ("1_000_à_5_000_€", "1 000 à 5 000 €"),
            ("plus_de_5_000_€", "Plus de 5 000 €"),
        ]),
        Question::new("CUSTOM", "quels_travaux_?", "Quels travaux ?").with_options(&[
            ("fenêtres", "Fenêtres"),
            ("portes", "Portes"),
            ("volets", "Volets"),
            ("isolation", "Isolation"),
        ]),
        Question::new("CUSTOM", "décrivez_votre_projet", "Décrivez votre projet"),
        Question::new("CUSTOM", "have_you_diabetes", "Avez-vous du diabète ?")
            .with_options(&[("oui", "Oui"), ("non", "Non")]),
        Question::new("DOB", "date_of_birth", "Date de naissance"),
    ]
}

fn letter_questions() -> Vec<Question> {
    vec![
        Question::new("FIRST_NAME", "first_name", "Prénom / First name"),
        Question::new("EMAIL", "email", "E-mail"),
        Question::new("PHONE", "phone_number", "Téléphone / Telephone"),
        Question::new("CUSTOM", "vos_centres_d'intérêt", "Vos centres d'intérêt")
            .with_options(&[("jardin", "Le jardin"), ("lumière", "La lumière")]),
    ]
}

/// The keys of standard questions are translated with the form's language; their types are not (seen).
fn german_questions() -> Vec<Question> {
    vec![
        Question::new("FULL_NAME", "vollständiger_name", "Vollständiger Name"),
        Question::new("EMAIL", "e-mail-adresse", "E-Mail-Adresse"),
        Question::new("PHONE", "telefonnummer", "Telefonnummer"),
        Question::new("CUSTOM", "nachricht", "Ihre Nachricht"),
    ]
}

const SEED: u64 = 0x7461_6d69_7300_2026;
/// At most 37 minutes between two leads …
const STEP_MAX: u64 = 37 * 60;
/// … and all within 60 days, so that Meta still has them (90 days; *Retrieving*).
const SPREAD: u64 = 60 * 86_400;
/// One lead in so many is a test lead; co-prime with 5, so that every form gets some.
const TEST_EVERY: usize = 23;
const TEST_AT: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_507_200;

    #[test]
    fn the_world_is_the_same_every_time_and_has_all_its_oddities() {
        let world = demo_world(500, NOW);
        assert_eq!(format!("{:?}", world.leads), format!("{:?}", demo_world(500, NOW).leads));
        assert_eq!(world.leads.len(), 500);
        for form in [QUOTE_FORM, LETTER_FORM, GERMAN_FORM] {
            assert!(world.leads.iter().filter(|lead| lead.form_id == form).count() >= 100);
            assert!(world.leads.iter().any(|lead| lead.form_id == form && world.test.contains(&lead.id)));
        }
        let odd = [&world.twice, &world.test, &world.unconsented, &world.subscribed, &world.incomplete];
        let counts = odd.map(Vec::len);
        assert!(counts.iter().all(|&count| (5..100).contains(&count)), "{counts:?}");
        let oldest = world.leads.iter().map(|lead| lead.created_time).min().unwrap();
        assert!(oldest + SPREAD >= NOW && world.leads[499].created_time == NOW);
    }

    #[test]
    fn every_answer_is_to_a_question_of_its_form_and_small_worlds_work() {
        for leads in [0, 1, 2, 60] {
            let world = demo_world(leads, NOW);
            for lead in &world.leads {
                let form = world.forms.iter().find(|form| form.id == lead.form_id).unwrap();
                assert_eq!(form.page_id, lead.page_id);
                for entry in lead.field_data.iter().flatten() {
                    let entry: serde_json::Value = serde_json::from_str(entry.as_str()).unwrap();
                    let name = entry["name"].as_str().unwrap();
                    assert!(
                        name == "inbox_url" || form.questions.iter().any(|question| question.key == name),
                        "{name}"
                    );
                }
            }
        }
    }

    #[test]
    fn unwanted_answers_are_asked_for() {
        let world = demo_world(60, NOW);
        let text = format!("{:?}", world.forms);
        assert!(UNWANTED.iter().all(|name| *name == "inbox_url" || text.contains(name)));
    }
}
