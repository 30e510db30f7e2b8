//! Which question of which form feeds which field: under the config that is checked, by the definitions that the running
//! tamis has read. Without a running one there is nothing to show, and nothing to complain of.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;

use crate::cli::check::differences;
use crate::client::{Daemon, parse};
use crate::config::{Config, Faults, FormKnown};
use crate::id::{FormId, PageId};
use crate::purpose::{
    Asked, Checkbox, FormDefinition, Legal, LegalContent, Question, SharedForm, TextHash, Wording,
    graph_fields,
};
use crate::terminal::printable;

/// The look at the config does not wait for a daemon that is busy; 10,000 forms take it seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A form as the daemon knows it.
pub(super) struct Known {
    pub(super) form: FormId,
    read_at: String,
    pub(super) definition: Option<FormDefinition>,
}

#[cfg(test)]
impl Known {
    /// As if it had been answered.
    pub(super) fn read(form: FormId, definition: Option<FormDefinition>) -> Self {
        Self { form, read_at: "2026-11-25T08:47:38Z".to_owned(), definition }
    }
}

/// How one form meets the config.
#[derive(serde::Serialize)]
pub(super) struct FormShown {
    form_id: String,
    /// The first that claims it.
    purpose: Option<String>,
    /// All that do.
    purposes: Vec<String>,
    /// The page that Graph names; none: it names none.
    page_id: Option<String>,
    read_at: String,
    readable: bool,
    /// False: Graph does not give its tick-boxes (`legal_content`).
    boxes_readable: bool,
    boxes: Vec<BoxShown>,
    /// Where its privacy link leads; none: nowhere, or Graph does not give it.
    policy_url: Option<String>,
    /// Graph gives the questions alone.
    partial: bool,
    questions: Vec<QuestionShown>,
    /// What Graph is asked for of its leads.
    graph_fields: Option<String>,
    /// Fields that no question feeds; as `purpose.field` where there are several purposes.
    unfed: Vec<String>,
    /// The form that it counts as.
    copy_of: Option<String>,
    /// In what it is no copy, in words.
    differs: Option<Vec<String>>,
}

#[derive(serde::Serialize)]
struct BoxShown {
    key: String,
    text: String,
    ticked_by_default: Option<bool>,
    consent: Option<String>,
}

#[derive(serde::Serialize)]
struct QuestionShown {
    key: String,
    #[serde(rename = "type")]
    question_type: String,
    asked: Asked,
    /// The first field that it feeds; none: its answers are dropped.
    field: Option<String>,
    /// All that it feeds, named as the unfed are.
    fields: Vec<String>,
}

#[derive(serde::Deserialize)]
struct FormsAnswer {
    forms: Vec<FormAnswered>,
}

#[derive(serde::Deserialize)]
struct FormAnswered {
    form_id: String,
    page_id: Option<String>,
    read_at: String,
    #[serde(default)]
    partial: bool,
    questions: Option<Vec<QuestionAnswered>>,
    boxes: Option<Vec<BoxAnswered>>,
    policy_url: Option<String>,
}

#[derive(serde::Deserialize)]
struct BoxAnswered {
    key: String,
    text: String,
    text_hash: String,
    ticked_by_default: Option<bool>,
}

#[derive(serde::Deserialize)]
struct QuestionAnswered {
    key: String,
    #[serde(rename = "type")]
    question_type: String,
    #[serde(default)]
    asked: String,
}

/// Asks the daemon behind this socket. None: there is none, or it does not answer us.
pub(super) async fn ask(socket: PathBuf) -> Option<Vec<Known>> {
    let daemon = Daemon::at(socket).ok()?;
    let asked = daemon.fetch(daemon.call(Method::GET, "/forms"));
    let body = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
    let answer: FormsAnswer = parse(&body).ok()?;
    answer.forms.into_iter().map(known).collect()
}

fn known(answered: FormAnswered) -> Option<Known> {
    let form = FormId::parse(&answered.form_id)?;
    let page = answered.page_id.as_deref().and_then(PageId::parse);
    let definition = answered.questions.map(|questions| {
        let question = |answered: QuestionAnswered| Question {
            asked: Asked::from_code(&answered.asked).unwrap_or(Asked::Question),
            ..Question::new(&answered.key, &answered.question_type)
        };
        let legal = match answered.boxes {
            Some(boxes) => Legal::Read(LegalContent {
                title: None,
                body: None,
                boxes: boxes.into_iter().map(checkbox).collect(),
                policy_url: answered.policy_url,
            }),
            None => Legal::Withheld,
        };
        let questions = questions.into_iter().map(question).collect();
        FormDefinition {
            page,
            legal,
            is_partial: answered.partial,
            ..FormDefinition::asking(form, questions)
        }
    });
    Some(Known { form, read_at: answered.read_at, definition })
}

fn checkbox(answered: BoxAnswered) -> Checkbox {
    let BoxAnswered { key, text, text_hash, ticked_by_default } = answered;
    // The daemon may have cut the text; the hash is of all of it.
    let hash = TextHash::parse(&text_hash).unwrap_or(TextHash::of(text.as_bytes()));
    Checkbox { key, text: Wording { text, hash }, is_required: None, is_ticked_by_default: ticked_by_default }
}

/// What the forms' tick-boxes say of the config's consents.
pub(super) fn look_at_boxes(known: &[Known], config: &Config) -> Faults {
    let forms: Vec<FormKnown<'_>> =
        known.iter().map(|known| (&known.form, known.definition.as_ref())).collect();
    config.look_at_boxes(&forms)
}

/// Each known form under this config.
pub(super) fn shown(known: &[Known], config: &Config) -> Vec<FormShown> {
    known.iter().map(|form| show(form, config)).collect()
}

fn show(known: &Known, config: &Config) -> FormShown {
    let policy = config.policy();
    let purposes = policy.of_form(&known.form);
    let form = SharedForm::new(&purposes, known.definition.as_ref()).counting_as(purposes.copy_of);
    let questions = known.definition.iter().flat_map(|definition| &definition.questions);
    FormShown {
        form_id: known.form.to_string(),
        purpose: form.purposes().next().map(ToString::to_string),
        purposes: form.purposes().map(ToString::to_string).collect(),
        graph_fields: (!purposes.is_empty()).then(|| graph_fields(&purposes.iter().map(Arc::as_ref))),
        page_id: known
            .definition
            .as_ref()
            .and_then(|definition| definition.page)
            .map(|page| page.to_string()),
        read_at: known.read_at.clone(),
        readable: known.definition.is_some(),
        boxes_readable: known.definition.as_ref().is_some_and(|found| found.legal.boxes().is_some()),
        boxes: known.definition.iter().flat_map(|found| boxes(found, &form)).collect(),
        policy_url: known.definition.as_ref().and_then(|found| found.legal.policy_url()).map(str::to_owned),
        partial: known.definition.as_ref().is_some_and(|definition| definition.is_partial),
        questions: questions
            .map(|question| {
                let fields = form.fed_by(&question.key);
                QuestionShown {
                    key: question.key.clone(),
                    question_type: question.question_type.clone(),
                    asked: question.asked,
                    field: fields.first().cloned(),
                    fields,
                }
            })
            .collect(),
        unfed: known.definition.as_ref().map(|_| form.unfed()).unwrap_or_default(),
        copy_of: purposes.copy_of.map(|original| original.to_string()),
        differs: policy.copies().differing(&known.form).map(|differs| differences::lines(&differs)),
    }
}

fn boxes(definition: &FormDefinition, form: &SharedForm<'_>) -> Vec<BoxShown> {
    let boxes = definition.legal.boxes().unwrap_or_default().iter().map(|found| BoxShown {
        key: found.key.clone(),
        text: found.text.text.clone(),
        ticked_by_default: found.is_ticked_by_default,
        consent: form.counting(&definition.form, &found.key),
    });
    boxes.collect()
}

impl QuestionShown {
    fn in_words(&self) -> String {
        let key = printable(&self.key);
        match self.asked {
            Asked::Question => key.to_string(),
            Asked::Hidden | Asked::Dependent => format!("{key} ({})", self.asked),
        }
    }
}

/// For people.
pub(super) fn text(forms: &[FormShown]) -> String {
    let mut text = String::new();
    for form in forms {
        let FormShown { form_id, purposes, read_at, .. } = form;
        let named = match (purposes.as_slice(), &form.copy_of) {
            ([], _) => "no purpose claims it".to_owned(),
            (purposes, None) => purposes.join(", "),
            (purposes, Some(original)) => format!("{}, as a copy of {original}", purposes.join(", ")),
        };
        let _ = writeln!(text, "\n# form {form_id} ({named}), read at {}", printable(read_at));
        // Of one purpose alone it stands with the purpose.
        if let Some(fields) = form.graph_fields.as_ref().filter(|_| purposes.len() > 1) {
            let _ = writeln!(text, "#   Graph is asked for fields={fields}");
        }
        if !form.readable {
            let _ =
                writeln!(text, "#   Graph does not give its questions: they are matched by exact key alone");
        } else if form.page_id.is_none() {
            let _ = writeln!(
                text,
                "#   Graph does not give its page: a lead is read under whichever page it is called with"
            );
        }
        if form.partial {
            let _ = writeln!(
                text,
                "#   Graph gave its questions alone: its name and its hidden parameters are not known"
            );
        }
        let keys: Vec<String> = form.questions.iter().map(QuestionShown::in_words).collect();
        let width = keys.iter().map(|key| key.chars().count()).max().unwrap_or_default();
        for (key, question) in keys.iter().zip(&form.questions) {
            let fed = match question.fields.as_slice() {
                [] => "dropped".to_owned(),
                fields => fields.join(", "),
            };
            let _ = writeln!(text, "#   {key:width$}  {fed}");
        }
        if form.readable && !form.boxes_readable {
            let _ = writeln!(
                text,
                "#   Graph does not give its tick-boxes (legal_content): whether one is ticked by default is not known"
            );
        }
        for found in &form.boxes {
            let consent = found.consent.as_deref().unwrap_or("no consent counts it");
            let default = match found.ticked_by_default {
                Some(false) => "",
                Some(true) => ", ticked by default: its tick is no consent",
                None => ", whether it is ticked by default Graph does not say",
            };
            let _ = writeln!(text, "#   tick-box {:?}  {consent}{default}", printable(&found.key));
        }
        if let Some(url) = &form.policy_url {
            let _ = writeln!(text, "#   privacy link {}", printable(url));
        }
        for line in form.differs.iter().flatten() {
            let _ = writeln!(text, "#   {line}");
        }
        for field in &form.unfed {
            let _ = writeln!(text, "#   no question feeds {field}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse as parse_config;
    use crate::secret::location::Environment;

    #[test]
    fn each_question_is_shown_with_its_field_and_each_field_without_a_question() {
        let config = include_str!("../../../config/tamis.example.toml");
        let config =
            parse_config(config, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
        let answer = r#"{"forms":[
            {"form_id":"901000000000001","page_id":null,"purpose":"old","read_at":"2026-11-25T08:47:38Z","readable":true,"questions":[
                {"key":"vollständiger_name","type":"FULL_NAME","field":null},{"key":"budget\u001b[2J","type":"CUSTOM"},
                {"key":"email","type":"EMAIL","asked":"question"},
                {"key":"post_code","type":"","asked":"hidden"},{"key":"région","type":"","asked":"dependent"}],"partial":true,
             "boxes_readable":false},
            {"form_id":"901000000000002","page_id":"104000000000001","purpose":"lettre","read_at":"2026-11-25T08:47:38Z",
                "readable":true,"questions":[{"key":"email","type":"EMAIL"},{"key":"vorname","type":"FIRST_NAME"}],"boxes":[
                {"key":"email_optin","text":"x","text_hash":"x","ticked_by_default":false,"consent":null},
                {"key":"consent_call","text":"x","text_hash":"x","ticked_by_default":true},
                {"key":"optional_\u001b3","text":"x","text_hash":"x","ticked_by_default":null}]},
            {"form_id":"901000000000077","read_at":"2026-11-25T08:47:38Z","questions":null}]}"#;
        let answer: FormsAnswer = parse(answer.as_bytes()).unwrap_or_else(|_| panic!("an answer"));
        let known: Vec<Known> = answer.forms.into_iter().filter_map(known).collect();
        let told = text(&shown(&known, &config));
        let expected = "
# form 901000000000001 (devis), read at 2026-11-25T08:47:38Z
#   Graph does not give its page: a lead is read under whichever page it is called with
#   Graph gave its questions alone: its name and its hidden parameters are not known
#   vollständiger_name  full_name
#   budget\u{FFFD}[2J          dropped
#   email               email
#   post_code (hidden)  postcode
#   région (dependent)  dropped
#   Graph does not give its tick-boxes (legal_content): whether one is ticked by default is not known
#   no question feeds phone_number

# form 901000000000002 (lettre), read at 2026-11-25T08:47:38Z
#   email    email
#   vorname  first_name
#   tick-box \"email_optin\"  email_optin
#   tick-box \"consent_call\"  call_optin, ticked by default: its tick is no consent
#   tick-box \"optional_\u{FFFD}3\"  no consent counts it, whether it is ticked by default Graph does not say
#   no question feeds phone_number

# form 901000000000077 (no purpose claims it), read at 2026-11-25T08:47:38Z
#   Graph does not give its questions: they are matched by exact key alone
";
        assert_eq!(told, expected);
        let found = look_at_boxes(&known, &config);
        let codes: Vec<&str> = found.warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!((codes, found.faults), (vec!["box-pre-ticked"], Vec::new()));
    }

    #[test]
    fn of_a_form_with_several_purposes_each_question_says_whose_field_it_feeds() {
        let config =
            include_str!("../../../config/tamis.example.toml").replace("901000000000002", "901000000000001");
        let config =
            parse_config(&config, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
        let answer = r#"{"forms":[{"form_id":"901000000000001","read_at":"2026-11-25T08:47:38Z","questions":[
            {"key":"full_name","type":"FULL_NAME"},{"key":"budget","type":"CUSTOM"},{"key":"email","type":"EMAIL"}]}]}"#;
        let answer: FormsAnswer = parse(answer.as_bytes()).unwrap_or_else(|_| panic!("an answer"));
        let known: Vec<Known> = answer.forms.into_iter().filter_map(known).collect();
        let expected = "
# form 901000000000001 (devis, lettre), read at 2026-11-25T08:47:38Z
#   Graph is asked for fields=id,created_time,form_id,field_data,custom_disclaimer_responses,campaign_id
#   Graph does not give its page: a lead is read under whichever page it is called with
#   full_name  devis.full_name
#   budget     dropped
#   email      devis.email, lettre.email
#   Graph does not give its tick-boxes (legal_content): whether one is ticked by default is not known
#   no question feeds devis.phone_number
#   no question feeds devis.postcode
#   no question feeds lettre.first_name
#   no question feeds lettre.phone_number
";
        assert_eq!(text(&shown(&known, &config)), expected);
    }

    #[tokio::test]
    async fn without_a_daemon_there_is_nothing_to_show() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(ask(directory.path().join("nobody.sock")).await.is_none());
    }
}
