//! What the form check finds under the config that is checked, as warnings: one a code and purpose, however many forms there are.
//! What only time tells (a form that changed, one whose leads wait for a purpose) the running tamis knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::Method;

use crate::api::Word;
use crate::api::findings::Findings;
use crate::cli::check::forms::{Known, PATIENCE};
use crate::cli::check::unfed::named;
use crate::client::{Daemon, parse};
use crate::config::{Config, Fault};
use crate::id::FormId;
use crate::purpose::form_check::{Finding, FindingCode, FormSeen, NoticeHome, check_form};
use crate::terminal::toml_text;

/// So many questions are named in one warning.
const QUESTIONS_NAMED_MAX: usize = 5;

/// What stands of a form, as the running tamis found it.
pub(super) struct Stands {
    form: FormId,
    code: FindingCode,
}

/// Asks the daemon behind this socket what stands. Empty also where it does not answer us.
pub(super) async fn ask(socket: PathBuf) -> Vec<Stands> {
    let asked = async {
        let daemon = Daemon::at(socket).ok()?;
        let body = daemon.fetch(daemon.call(Method::GET, "/findings")).await.ok()?;
        parse::<Findings>(&body).ok()
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await.ok().flatten();
    let forms = answer.into_iter().flat_map(|findings| findings.forms);
    let codes = forms.flat_map(|form| form.findings.into_iter().map(move |found| (form.form_id, found.code)));
    let known = codes.filter_map(|(form, code)| match code {
        Word::Known(code) => Some(Stands { form, code }),
        Word::Later(_) => None,
    });
    known.collect()
}

/// Of the forms that are alike in what is found.
#[derive(Default)]
struct Alike {
    forms: Vec<FormId>,
    questions: BTreeSet<String>,
}

/// What is the matter with the forms. Boxes are told elsewhere, with their consents.
pub(super) fn warnings(known: &[Known], stands: &[Stands], config: &Config) -> Vec<Fault> {
    let policy = config.policy();
    let home = NoticeHome::below(&config.public.url);
    let mut found: BTreeMap<(FindingCode, Option<String>), Alike> = BTreeMap::new();
    let mut note = |form: FormId, finding: Option<&Finding>, code: FindingCode| {
        let first = policy.of_form(&form).first().map(|purpose| purpose.id.to_string());
        let alike = found.entry((code, first)).or_default();
        if alike.forms.last() != Some(&form) {
            alike.forms.push(form);
        }
        alike.questions.extend(finding.and_then(in_words));
    };
    for Known { form, definition, .. } in known {
        let seen = FormSeen {
            form: *form,
            definition: definition.as_ref(),
            read_at: None,
            changed_at: None,
            is_held: false,
        };
        // What hangs on a moment is the daemon's to tell.
        for finding in check_form(&policy, home.as_ref(), &seen, Timestamp::UNIX_EPOCH) {
            note(*form, Some(&finding), finding.code);
        }
    }
    for Stands { form, code } in stands {
        let is_claimed = !policy.of_form(form).is_empty();
        let is_told = match code {
            FindingCode::FormUnclaimed => !is_claimed,
            FindingCode::FormChanged | FindingCode::FormNotSeen => is_claimed,
            _ => false,
        };
        if is_told {
            note(*form, None, *code);
        }
    }
    // What boxes lack is told with the consent that reads them, what the notice lacks with its key.
    let is_told_elsewhere = |code: FindingCode| {
        let boxes = [FindingCode::BoxPreTicked, FindingCode::BoxAbsent, FindingCode::BoxDefaultUnknown];
        boxes.contains(&code) || code == FindingCode::NoticeIncomplete
    };
    let told = found.into_iter().filter(|((code, _), _)| !is_told_elsewhere(*code));
    told.map(|((code, purpose), alike)| warning(code, purpose.as_deref(), &alike)).collect()
}

/// The question that a finding is about.
fn in_words(finding: &Finding) -> Option<String> {
    let key = toml_text(finding.question.as_deref()?);
    Some(finding.asks().map_or_else(|| key.clone(), |asks| format!("{key} ({asks})")))
}

fn warning(code: FindingCode, purpose: Option<&str>, Alike { forms, questions }: &Alike) -> Fault {
    let key = match (code, purpose) {
        (_, None) => "purposes".to_owned(),
        (FindingCode::QuestionSpecial | FindingCode::QuestionUnneeded, Some(id)) => {
            format!("purposes.{id}.fields")
        }
        (_, Some(id)) => format!("purposes.{id}.forms"),
    };
    let some: Vec<&str> = questions.iter().take(QUESTIONS_NAMED_MAX).map(String::as_str).collect();
    let more = match questions.len().saturating_sub(QUESTIONS_NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let about = if some.is_empty() { String::new() } else { format!(": {}{more}", some.join(", ")) };
    Fault::new(code, &key, format!("{}: {}{about}", named(forms), code.means()), code.mend())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse as parse_config;
    use crate::purpose::{FormDefinition, Legal, LegalContent, Question};
    use crate::secret::location::Environment;

    fn config() -> Config {
        let text = include_str!("../../../config/tamis.example.toml");
        let text = text.replace("[\"901000000000001\"]", "[\"1\", \"2\", \"3\"]");
        parse_config(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"))
    }

    fn known(form: &str, questions: &[(&str, &str)], link: Option<&str>) -> Known {
        let form = FormId::parse(form).expect("digits");
        let questions = questions.iter().map(|(key, kind)| Question::new(key, kind)).collect();
        let policy_url = link.map(str::to_owned);
        let legal = Legal::Read(LegalContent { title: None, body: None, boxes: Vec::new(), policy_url });
        Known::read(form, Some(FormDefinition { legal, ..FormDefinition::asking(form, questions) }))
    }

    fn stands(form: &str, code: FindingCode) -> Stands {
        Stands { form: FormId::parse(form).expect("digits"), code }
    }

    #[test]
    fn what_is_the_matter_is_one_warning_however_many_forms_there_are() {
        let (home, own) = ("https://leads.lumen.example/notice/devis", "https://lumen.example/privacy");
        let forms = [
            known("1", &[("n", "FULL_NAME"), ("pointure", "CUSTOM")], Some(home)),
            known("2", &[("n", "FULL_NAME"), ("née_le", "DOB"), ("lieu_de_naissance", "CUSTOM")], Some(own)),
            known("3", &[("n", "FULL_NAME"), ("religion\u{1b}", "CUSTOM")], None),
            known("77", &[("x", "CUSTOM")], None),
        ];
        let stands = [
            stands("1", FindingCode::FormChanged),
            stands("77", FindingCode::FormUnclaimed),
            // Under this config it is claimed.
            stands("2", FindingCode::FormUnclaimed),
        ];
        let said: Vec<String> =
            warnings(&forms, &stands, &config()).iter().map(ToString::to_string).collect();
        let wanted = [
            ("question-special", "purposes.devis.fields: form 3: it asks"),
            ("link-missing", "purposes.devis.forms: form 3: it links no privacy policy"),
            ("question-unneeded", "\"lieu_de_naissance\" (date or place of birth), \"née_le\", \"pointure\""),
            ("link-elsewhere", "purposes.devis.forms: form 2: its privacy link leads to another page"),
            ("form-unclaimed", "purposes: form 77: no purpose claims it"),
            ("form-changed", "purposes.devis.forms: form 1: people see another form"),
        ];
        assert_eq!(said.len(), wanted.len(), "{said:#?}");
        for (said, (code, words)) in said.iter().zip(wanted) {
            assert!(said.contains(&format!("[{code}]")) && said.contains(words), "{code} {words} in {said}");
        }
        assert!(!said.concat().contains('\u{1b}'), "{said:#?}");
    }

    #[test]
    fn a_form_that_is_as_it_should_be_is_no_warning() {
        let whole = [("n", "FULL_NAME"), ("e", "EMAIL"), ("zip_code", "ZIP"), ("t", "PHONE")];
        let good = [known("1", &whole, Some("https://leads.lumen.example/notice/devis?lang=fr"))];
        assert_eq!(warnings(&good, &[], &config()), []);
    }
}
