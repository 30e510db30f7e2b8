//! `tamis check`: reads the config as `tamis serve` would, starts nothing, and says what it would do.

mod copies;
mod differences;
mod findings;
mod forms;
mod held;
mod periods;
mod storage;
mod unfed;

use std::fmt::Write;
use std::path::Path;

use crate::cli::check::forms::FormShown;
use crate::cli::check::periods::Period;
use crate::config::{self, Checked, Config, Effective, Fault, Faults};
use crate::purpose::{BoxKey, Channel, ConsentRule, FieldRule, Purpose};
use crate::secret::location::Environment;
use crate::terminal::toml_text;

const EXAMPLE: &str = "\
What each code means: `tamis explain CODE`. Exit codes: 0 the config is good (warnings may stand), 78 it is refused.

Example:
  tamis check --config /etc/tamis/tamis.toml";

/// What the command line says.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// Print one JSON document, also when the config is refused
    #[arg(long)]
    json: bool,
    /// Say nothing but faults and warnings
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
}

/// What there is to say, and whether the config is refused (exit code 78).
pub struct Verdict {
    /// For stdout: what tamis would do.
    pub told: String,
    /// True if that is a JSON document.
    pub is_json: bool,
    /// For stderr: faults and warnings, and the sum of it where the config is good. Empty where all of it stands in the
    /// JSON.
    pub remarks: String,
    /// Why `tamis serve` would not start with it, in one sentence.
    pub refusal: Option<String>,
}

/// Reads the config at `path` and looks for its secrets. Nothing is started or written; a running tamis is asked for the
/// forms that it knows.
pub async fn run(arguments: &Arguments, path: &Path, environment: &Environment) -> Verdict {
    let mut checked = config::check(path, environment);
    let mut forms = None;
    let keyring = checked.config.as_ref().map(|config| config.keys.keyring.clone());
    checked.found.warnings.extend(keyring.and_then(|path| storage::warning(&path)));
    if let Some(config) = &checked.config
        && let Some(known) = forms::ask(config.admin.socket.clone()).await
    {
        copies::judge(&known, config);
        let Faults { faults, warnings } = forms::look_at_boxes(&known, config);
        checked.found.faults.extend(faults);
        checked.found.warnings.extend(warnings);
        checked.found.warnings.extend(unfed::warnings(&known, config));
        checked.found.warnings.extend(copies::warnings(&known, config));
        let stands = findings::ask(config.admin.socket.clone()).await;
        checked.found.warnings.extend(findings::warnings(&known, &stands, config));
        forms = Some(forms::shown(&known, config));
        let held = held::ask(config.admin.socket.clone()).await;
        checked.found.warnings.extend(held.iter().flat_map(|held| held.warnings(&config.policy())));
    }
    verdict(arguments, path, &checked, forms.as_deref())
}

fn verdict(arguments: &Arguments, path: &Path, checked: &Checked, forms: Option<&[FormShown]>) -> Verdict {
    let refusal = (!checked.found.faults.is_empty()).then(|| sum(path, checked));
    let effective = checked.config.as_ref().map(|config| config.effective(&checked.secrets));
    let (told, remarks) = match (arguments.json, effective) {
        (true, effective) => (document(path, checked, effective, forms), String::new()),
        (false, _) if arguments.quiet => (String::new(), remarks(checked)),
        (false, Some(effective)) => {
            let purposes = checked.config.as_ref().map(purposes).unwrap_or_default();
            let forms = forms::text(forms.unwrap_or_default());
            (format!("{effective}{purposes}{forms}"), remarks(checked) + &good(path, checked))
        }
        (false, None) => (String::new(), remarks(checked)),
    };
    Verdict { told, is_json: arguments.json, remarks, refusal }
}

fn remarks(checked: &Checked) -> String {
    let found = &checked.found;
    let mut text = String::new();
    for warning in &found.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    for fault in &found.faults {
        let _ = writeln!(text, "{fault}");
    }
    text
}

/// The sum, where nothing refuses the config.
fn good(path: &Path, checked: &Checked) -> String {
    if checked.found.faults.is_empty() { sum(path, checked) + "\n" } else { String::new() }
}

fn sum(path: &Path, checked: &Checked) -> String {
    let found = &checked.found;
    let (faults, warnings) = (count(found.faults.len(), "fault"), count(found.warnings.len(), "warning"));
    let verdict = if found.faults.is_empty() { "is good" } else { "is refused" };
    format!("{} {verdict}: {faults}, {warnings}.", path.display())
}

fn count(number: usize, thing: &str) -> String {
    match number {
        0 => format!("no {thing}s"),
        1 => format!("1 {thing}"),
        more => format!("{more} {thing}s"),
    }
}

/// What Graph will be asked for each purpose, how long a record is held, and what feeds each field.
fn purposes(config: &Config) -> String {
    let mut text = String::new();
    for purpose in config.policy().purposes() {
        let _ = writeln!(text, "\n# {}: Graph is asked for fields={}", purpose.id, purpose.graph_fields());
        let _ = writeln!(text, "#   {}", periods::line(purpose));
        let width =
            purpose.whitelist.rules().iter().map(|rule| rule.name.as_str().len()).max().unwrap_or_default();
        for rule in purpose.whitelist.rules() {
            let _ = writeln!(text, "#   {:width$}  {}", rule.name.as_str(), fed_by(rule));
        }
        if let [first, others @ ..] = purpose.require_one_of.as_slice() {
            let others: String = others.iter().map(|name| format!(" and {name}")).collect();
            let _ = writeln!(text, "#   without {first}{others} the lead is refused");
        }
        for consent in &purpose.consents {
            let ticks = consent.from.iter().map(tick_box).collect::<Vec<_>>().join(", ");
            let required = if consent.required { ", without it the lead is refused" } else { "" };
            let to = consent.recipient.as_deref().map(|id| format!(" to {id}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "#   consent {} (channel {}{to}): tick-box {ticks}{required}",
                consent.key, consent.channel
            );
            let country = &config.controller.country;
            let _ = writeln!(text, "#     {}", holds(consent, country));
        }
    }
    text
}

fn tick_box(of: &BoxKey) -> String {
    match &of.form {
        None => format!("{:?}", of.key),
        Some(form) => format!("{:?} of form {form}", of.key),
    }
}

/// How long a consent holds, and why.
fn holds(consent: &ConsentRule, country: &str) -> String {
    const CALLS_IN_FRANCE: &str =
        " (calls in France: Code de la consommation art. R. 223-1, decree 2026-662; have a lawyer read it)";
    let Some(months) = consent.valid_months else { return "holds as long as the record".into() };
    let noun = if months == 1 { "month" } else { "months" };
    let is_call = consent.channel == Channel::Phone && country == "FR";
    let law = if is_call { CALLS_IN_FRANCE } else { "" };
    format!("holds {months} {noun} from when it was given{law}")
}

fn fed_by(rule: &FieldRule) -> String {
    if let Some(source) = &rule.e164_of {
        return format!("the numbers of {source} that can be one, as E.164 writes them");
    }
    let mut sources = Vec::new();
    if !rule.types.is_empty() {
        sources.push(format!("questions of type {}", rule.types.iter().collect::<Vec<_>>().join(", else ")));
    }
    match rule.from.as_slice() {
        [] if rule.types.is_empty() => {
            sources.push(format!("the question with key {}", toml_text(rule.name.as_str())))
        }
        [] => {}
        [one] => sources.push(format!("the question with key {}", toml_text(one))),
        several => sources.push(format!("the first present of the keys {}", quoted(several))),
    }
    let mut text = sources.join(", then ");
    if rule.labels {
        text.push_str("; of a choice its text");
    }
    if rule.required {
        text.push_str("; without it the lead is refused");
    }
    if let Some(consent) = &rule.consent {
        let _ = write!(text, "; dropped without consent {consent}");
    }
    text
}

fn quoted(keys: &[String]) -> String {
    keys.iter().map(|key| toml_text(key)).collect::<Vec<_>>().join(", ")
}

#[derive(serde::Serialize)]
struct Document<'c> {
    path: String,
    valid: bool,
    faults: &'c [Fault],
    warnings: &'c [Fault],
    purposes: Vec<PurposeShown>,
    effective: Option<Effective>,
    /// As far as a running tamis knows them; none: it was not reached.
    forms: Option<&'c [FormShown]>,
}

#[derive(serde::Serialize)]
struct PurposeShown {
    id: String,
    graph_fields: String,
    /// Until the first of these ends.
    lifespan: Vec<Period>,
    require_one_of: Vec<String>,
    forms: Vec<String>,
    fields: Vec<FieldShown>,
    consents: Vec<ConsentShown>,
}

#[derive(serde::Serialize)]
struct ConsentShown {
    name: String,
    channel: String,
    required: bool,
    /// Null: as long as the record.
    valid_months: Option<u32>,
    recipient: Option<String>,
    boxes: Vec<BoxShown>,
}

#[derive(serde::Serialize)]
struct BoxShown {
    /// Null: every form.
    form_id: Option<String>,
    key: String,
}

#[derive(serde::Serialize)]
struct FieldShown {
    name: String,
    #[serde(rename = "type")]
    question_type: Option<String>,
    /// All of them, the best first.
    types: Vec<String>,
    keys: Vec<String>,
    required: bool,
    labels: bool,
    e164_of: Option<String>,
    consent: Option<String>,
}

fn document(
    path: &Path,
    checked: &Checked,
    effective: Option<Effective>,
    forms: Option<&[FormShown]>,
) -> String {
    let policy = checked.config.as_ref().map(Config::policy);
    let purposes = policy.iter().flat_map(|policy| policy.purposes()).map(|purpose| show(purpose)).collect();
    let document = Document {
        path: path.display().to_string(),
        valid: checked.found.faults.is_empty(),
        faults: &checked.found.faults,
        warnings: &checked.found.warnings,
        purposes,
        effective,
        forms,
    };
    // Texts, numbers and lists always become JSON; were they not to, no document is better than half of one.
    serde_json::to_string_pretty(&document).map(|text| text + "\n").unwrap_or_default()
}

fn show(purpose: &Purpose) -> PurposeShown {
    let field = |rule: &FieldRule| FieldShown {
        name: rule.name.to_string(),
        question_type: rule.types.iter().next().map(str::to_owned),
        types: rule.types.iter().map(str::to_owned).collect(),
        keys: match rule.from.as_slice() {
            _ if rule.e164_of.is_some() => Vec::new(),
            [] if rule.types.is_empty() => vec![rule.name.to_string()],
            keys => keys.to_vec(),
        },
        required: rule.required,
        labels: rule.labels,
        e164_of: rule.e164_of.as_ref().map(ToString::to_string),
        consent: rule.consent.as_ref().map(ToString::to_string),
    };
    let tick_box =
        |of: &BoxKey| BoxShown { form_id: of.form.map(|form| form.to_string()), key: of.key.clone() };
    let consent = |rule: &ConsentRule| ConsentShown {
        name: rule.key.to_string(),
        channel: rule.channel.to_string(),
        required: rule.required,
        valid_months: rule.valid_months,
        recipient: rule.recipient.clone(),
        boxes: rule.from.iter().map(tick_box).collect(),
    };
    PurposeShown {
        id: purpose.id.to_string(),
        graph_fields: purpose.graph_fields(),
        lifespan: periods::told(purpose),
        require_one_of: purpose.require_one_of.iter().map(ToString::to_string).collect(),
        forms: purpose.forms.iter().map(ToString::to_string).collect(),
        fields: purpose.whitelist.rules().iter().map(field).collect(),
        consents: purpose.consents.iter().map(consent).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn run(arguments: &Arguments, path: &Path, environment: &Environment) -> Verdict {
        verdict(arguments, path, &config::check(path, environment), None)
    }

    const ROOT: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    /// The example in a directory, its page token in a file, the rest as credentials.
    fn example(directory: &Path, change: impl Fn(String) -> String) -> std::path::PathBuf {
        let token = directory.join("page");
        fs::write(&token, "EAAGCANARY").expect("written");
        fs::set_permissions(&token, PermissionsExt::from_mode(0o600)).expect("private");
        let text = include_str!("../../config/tamis.example.toml")
            .replace("/etc/tamis/secrets/page-104000000000001", &token.display().to_string());
        let path = directory.join("tamis.toml");
        fs::write(&path, change(text)).expect("written");
        path
    }

    fn credentials(directory: &Path) -> Environment {
        for (name, text) in
            [("meta-app-secret", "aCANARY"), ("meta-verify-token", "vCANARY"), ("tamis-root-key", ROOT)]
        {
            fs::write(directory.join(name), text).expect("written");
        }
        Environment::new([("CREDENTIALS_DIRECTORY".to_owned(), directory.display().to_string())])
    }

    #[test]
    fn a_good_config_is_shown_with_its_secrets_lengths_and_what_graph_is_asked() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = example(directory.path(), |text| text);
        let verdict = run(&Arguments { json: false, quiet: false }, &path, &credentials(directory.path()));
        assert!(verdict.refusal.is_none(), "{}", verdict.remarks);
        for line in [
            "[purposes.devis]\n",
            "reconfirm_months = 18\n",
            "app_secrets = [{ credential = \"meta-app-secret\" }]  # set (7 bytes)\n",
            "root = { credential = \"tamis-root-key\" }  # set (64 bytes)\n",
            "# devis: Graph is asked for fields=id,created_time,form_id,field_data,campaign_id\n",
            "# lettre: Graph is asked for fields=id,created_time,form_id,field_data,custom_disclaimer_responses\n",
            "campaign_id\n#   held for 12 months (retention_months)\n",
            "#   held for 18 months and 30 days (reconfirm_months, grace_days), not 36 months\n",
            "#   full_name     questions of type FULL_NAME; without it the lead is refused\n",
            "#   postcode      the first present of the keys \"post_code\", \"zip_code\"\n",
            "#   phone_number  questions of type PHONE; dropped without consent call_optin\n",
            "#   consent call_optin (channel phone): tick-box \"consent_call\"\n",
            "#     holds 12 months from when it was given (calls in France: Code de la consommation art. R. 223-1, decree 2026-662; have a lawyer read it)\n",
            "#     holds as long as the record\n",
        ] {
            assert!(verdict.told.contains(line), "{line:?} in\n{}", verdict.told);
        }
        assert!(verdict.remarks.ends_with("is good: no faults, no warnings.\n"), "{}", verdict.remarks);
        let all = verdict.told + &verdict.remarks;
        assert!(!all.contains("CANARY") && !all.contains(ROOT));
    }

    /// What is shown can be read, and put into a file: a Thai key was written with escapes that are Rust's and not TOML's.
    #[test]
    fn what_is_shown_is_toml_that_says_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let odd = "เบอร์โทรศัพท์ \"a\\b\" e\u{301} \u{202e} \u{e0001}";
        let path = example(directory.path(), |text| {
            let written = toml_text(odd);
            text.replace("\"post_code\", \"zip_code\"", &format!("\"post_code\", {written}"))
        });
        let verdict = run(&Arguments { json: false, quiet: false }, &path, &credentials(directory.path()));
        assert!(verdict.refusal.is_none(), "{}", verdict.remarks);
        assert!(verdict.told.contains("\"เบอร์โทรศัพท์ "), "as it is written");
        let shown: toml::Table =
            verdict.told.parse().unwrap_or_else(|error| panic!("{error}\n{}", verdict.told));
        let written: toml::Table = fs::read_to_string(&path).expect("read").parse().expect("TOML");
        for purpose in ["devis", "lettre"] {
            let (shown, written) = (&shown["purposes"][purpose], &written["purposes"][purpose]);
            for key in ["forms", "basis", "retention_months", "title"] {
                assert_eq!(shown.get(key), written.get(key), "{purpose}.{key}");
            }
        }
        let keys = |table: &toml::Table| table["purposes"]["devis"]["fields"]["postcode"]["from"].clone();
        assert_eq!(keys(&shown), keys(&written));
        assert_eq!(shown["meta"]["pages"], written["meta"]["pages"]);
        assert_eq!(shown["keys"]["root"], written["keys"]["root"]);
    }

    #[test]
    fn outside_systemd_credentials_are_warned_about_and_the_rest_is_held() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = example(directory.path(), |text| text);
        let verdict = run(&Arguments { json: false, quiet: false }, &path, &Environment::default());
        assert!(verdict.refusal.is_none());
        assert!(
            verdict
                .told
                .contains("verify_token = { credential = \"meta-verify-token\" }  # not readable here\n")
        );
        assert!(verdict.remarks.contains("warning: keys.root: "), "{}", verdict.remarks);
        assert!(verdict.remarks.ends_with("is good: no faults, 3 warnings.\n"));
    }

    #[test]
    fn faults_of_file_and_of_secrets_are_said_together() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = example(directory.path(), |text| text.replace("\"v27.0\"", "\"26\""));
        fs::set_permissions(directory.path().join("page"), PermissionsExt::from_mode(0o644)).expect("a mode");
        let verdict = run(&Arguments { json: false, quiet: false }, &path, &credentials(directory.path()));
        assert!(verdict.told.is_empty());
        let lines: Vec<&str> = verdict.remarks.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("meta.graph_version: "), "{lines:?}");
        assert!(lines[1].starts_with("meta.pages[0].token: others than its owner"), "{lines:?}");
        let refusal = verdict.refusal.expect("refused");
        assert!(refusal.ends_with("is refused: 2 faults, no warnings."), "{refusal}");
    }

    #[test]
    fn quiet_says_faults_and_warnings_and_of_a_good_config_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let quiet = Arguments { json: false, quiet: true };
        let path = example(directory.path(), |text| text);
        let verdict = run(&quiet, &path, &credentials(directory.path()));
        assert!(verdict.refusal.is_none() && verdict.told.is_empty() && verdict.remarks.is_empty());
        let path = example(directory.path(), |text| {
            text.replace("leads.lumen.example", "leads.lumen.example/webhook").replace("\"v27.0\"", "\"26\"")
        });
        let verdict = run(&quiet, &path, &credentials(directory.path()));
        let codes: Vec<&str> =
            verdict.remarks.lines().filter_map(|line| line.split(['[', ']']).nth(1)).collect();
        assert_eq!(codes, ["url-webhook", "config-malformed"], "{}", verdict.remarks);
        assert!(verdict.told.is_empty() && verdict.refusal.is_some());
    }

    #[test]
    fn json_is_one_document_good_or_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = example(directory.path(), |text| text);
        let read =
            |verdict: &Verdict| serde_json::from_str::<serde_json::Value>(&verdict.told).expect("JSON");
        let verdict = run(&Arguments { json: true, quiet: false }, &path, &credentials(directory.path()));
        let good = read(&verdict);
        assert!(verdict.refusal.is_none() && verdict.remarks.is_empty());
        assert_eq!(good["valid"], true);
        assert_eq!(good["purposes"][0]["graph_fields"], "id,created_time,form_id,field_data,campaign_id");
        assert_eq!(good["purposes"][0]["fields"][3]["keys"][1], "zip_code");
        let lapse =
            serde_json::json!([{"months": 18, "days": 30, "keys": ["reconfirm_months", "grace_days"]}]);
        assert_eq!(good["purposes"][1]["lifespan"], lapse);
        let call = &good["purposes"][1]["consents"][1];
        assert_eq!((&call["name"], &call["valid_months"]), (&"call_optin".into(), &12.into()));
        assert_eq!(call["boxes"][0]["key"], "consent_call");
        assert_eq!(good["effective"]["keys"]["root"]["bytes"], 64);
        assert!(!verdict.told.contains("CANARY"));

        let verdict = run(
            &Arguments { json: true, quiet: false },
            &directory.path().join("none.toml"),
            &Environment::default(),
        );
        let refused = read(&verdict);
        assert!(verdict.refusal.is_some() && verdict.remarks.is_empty());
        assert_eq!(
            (&refused["valid"], &refused["faults"][0]["code"]),
            (&false.into(), &"config-absent".into())
        );
    }
}
