//! The officer's papers, by the command: the record of processing activities in a spreadsheet and as a page, facts for an
//! assessment, and the facts of a breach from a running tamis.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tamis_simulator::{Setup, Simulator};

use crate::api::{document, run};
use crate::spreadsheet::opened;
use crate::support::process::{BINARY, Home, installed};
use crate::support::{DEVIS_FORM, World, lead};

/// Runs a verb with this config: its exit code, what it printed, what it said.
async fn tamis(config: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--config").arg(config).env_clear();
    let output = run(command).await.expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Nobody runs: the config is enough.
#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_processing_is_made_offline_in_three_shapes_and_languages() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let config = home.config();
    for (lang, heading, data) in [
        ("fr", "Registre des activités de traitement", "Code postal (facultatif)"),
        ("en", "Record of processing activities", "Postcode (optional)"),
        ("de", "Verzeichnis von Verarbeitungstätigkeiten", "Postleitzahl (freiwillig)"),
    ] {
        let (status, json, said) = tamis(&config, &["register", "--format", "json", "--lang", lang]).await;
        assert_eq!((status, said.as_str()), (0, ""), "{lang}");
        let read: Value = serde_json::from_str(&json).expect("JSON");
        let activities = read["activities"].as_array().expect("a list");
        let references: Vec<&str> =
            activities.iter().filter_map(|one| one["reference"][0].as_str()).collect();
        assert_eq!(references, ["devis", "lettre", "tamis-suppressions", "tamis-trail", "tamis-requests"]);
        let fields = activities[0]["categories_of_data"].as_array().expect("a list");
        assert!(fields.iter().any(|field| field == data), "{lang}: {fields:?}");

        let (status, page, _) = tamis(&config, &["register", "--format", "html", "--lang", lang]).await;
        assert!(status == 0 && page.contains(&format!("<h1>{heading}</h1>")), "{page}");
        if !installed("tidy") {
            println!("skipped: tidy is not installed (.ci/run installs it)");
            continue;
        }
        let file = home.directory.path().join("register.html");
        fs::write(&file, &page).expect("written");
        let mut tidy = Command::new("tidy");
        tidy.args(["-quiet", "-errors", "-utf8", "--show-info", "no"]).arg(&file);
        let output = run(tidy).await.expect("tidy runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told), (Some(0), String::new()), "{lang}");
    }
    // The period in the register is the period that is enforced.
    let (_, json, _) = tamis(&config, &["register", "--format", "json"]).await;
    assert!(json.contains("Record: 12 months from the submission."), "{json}");
    let shorter = fs::read_to_string(&config)
        .expect("a config")
        .replace("retention_months = 12", "retention_months = 6");
    fs::write(&config, shorter).expect("written");
    let (_, json, _) = tamis(&config, &["register", "--format", "json"]).await;
    assert!(json.contains("Record: 6 months from the submission."), "{json}");
    fs::write(&config, "nothing").expect("written");
    assert_eq!(tamis(&config, &["register"]).await.0, 78);
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_opens_in_a_spreadsheet_with_each_cell_as_it_is() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text.replace("Atelier Lumen SARL", "=1+1 SARL"));
    let csv = home.directory.path().join("register.csv");
    let file = csv.display().to_string();
    let arguments = ["register", "--format", "csv", "--lang", "fr", "-o", &file];
    let (status, printed, said) = tamis(&home.config(), &arguments).await;
    assert_eq!((status, printed.as_str()), (0, ""), "{said}");
    let (again, _, said) = tamis(&home.config(), &arguments).await;
    assert!(again == 1 && said.contains("is there already"), "no paper is written over: {said}");
    let json = tamis(&home.config(), &["register", "--format", "json", "--lang", "fr"]).await.1;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let Some(rows) = opened(&csv).await else {
        println!("skipped: LibreOffice is not installed (.ci/run installs it)");
        meta.stop().await;
        return;
    };
    let head: Vec<&str> = rows[0].iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!((head.len(), head[0], rows.len()), (19, "Référence", 6), "{head:?}");
    let activities = json["activities"].as_array().expect("a list");
    for (row, activity) in rows[1..].iter().zip(activities) {
        let cell = |name: &str| row[head.iter().position(|known| *known == name).expect(name)].clone();
        assert_eq!(cell("Date de mise à jour").0, "date");
        let points = |key: &str| -> String {
            let points = activity[key].as_array().expect("points").iter().filter_map(Value::as_str);
            points.collect::<Vec<_>>().join("\n")
        };
        for (name, key) in [
            ("Référence", "reference"),
            ("Catégories de données", "categories_of_data"),
            ("Délais d’effacement", "erasure_periods"),
            ("Mesures de sécurité", "security_measures"),
            ("Transferts hors de l’EEE", "transfers"),
        ] {
            assert_eq!(cell(name), ("string".to_owned(), points(key)), "{name}");
        }
        let controller = cell("Responsable du traitement").1;
        assert!(controller.starts_with("'=1+1 SARL\n"), "nothing is run: {controller}");
    }
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_for_an_assessment_have_the_volumes_of_a_running_tamis_and_say_where_there_is_none() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let (status, text, said) = tamis(&home.config(), &["dpia-facts", "--lang", "fr"]).await;
    assert!(status == 0 && said.contains("the volumes are left out"), "{said}");
    assert!(
        text.contains("## 7. Ce qui reste à votre appréciation") && text.contains("aucun tamis en marche")
    );
    meta.stop().await;

    let world = World::start().await;
    let id =
        world.submit(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &["z@example.org"]), &[]);
    world.deliver(&[&id]).await;
    world.stored("devis", 1).await;
    let config = world.directory.path().join("tamis.toml");
    let (status, text, said) = tamis(&config, &["dpia-facts"]).await;
    assert_eq!((status, said.as_str()), (0, ""));
    assert!(text.contains("| Answer your request for a quote | 1 |"), "{text}");
    assert!(text.contains("| Postcode | no | to send the nearest fitter |"), "{text}");
    assert!(!text.contains("Zoé") && !text.contains("z@example.org"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_facts_of_a_breach_are_counted_from_the_trail_and_name_nobody() {
    let world = World::start().await;
    for number in 1..=3 {
        let one = lead(DEVIS_FORM).answer("full_name", &["Zoé Canari"]).answer("email", &["zoe@example.org"]);
        let id = world.submit(one, &[]);
        world.deliver(&[&id]).await;
        world.stored("devis", number).await;
    }
    let config = world.directory.path().join("tamis.toml");
    let to_crm = ["export", "devis", "--format", "csv", "--reason", "crm-sync", "--recipient", "crm"];
    let (status, _, said) = tamis(&config, &to_crm).await;
    assert_eq!(status, 0, "{said}");
    let erased = tamis(&config, &["erase", "--id", "devis-1-2", "--reason", "person-request"]).await;
    assert_eq!(erased.0, 0, "{}", erased.2);
    let time = ["breach-report", "--from", "2020-01-01", "--to", "2099-12-31"];
    let (status, text, said) = tamis(&config, &time).await;
    assert_eq!((status, said.as_str()), (0, ""));
    assert!(text.contains("| Answer your request for a quote | 0 | 3 | 1 | 0 | 3 | 2 |"), "{text}");
    assert!(text.contains("persons: 3 at most"), "{text}");
    let read: Vec<&str> = text.lines().filter(|line| line.contains("| records exported | devis |")).collect();
    assert!(
        read.iter().any(|line| line.contains("Exemple CRM SAS (France) | transfer into the CRM | done |")),
        "{text}"
    );
    assert!(text.contains("vie-privee@lumen.example"));
    for absent in ["Zoé", "zoe@example.org", "devis-1-"] {
        assert!(!text.contains(absent), "{absent}");
    }
    let (_, json, _) = tamis(&config, &[time.as_slice(), &["--format", "json"]].concat()).await;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["purposes"][0]["held_at_most"], &json["keys_destroyed"]), (&3.into(), &1.into()));
    // Another time: nothing came in it, nobody read in it.
    let before = ["breach-report", "--from", "2020-01-01", "--to", "2020-01-02"];
    let text = tamis(&config, &before).await.1;
    assert!(
        text.contains("| Together | 0 | 0 | 0 | 0 | 0 | 2 |") && text.contains("Nobody, by the log"),
        "{text}"
    );
    assert_eq!(tamis(&config, &["breach-report", "--from", "2020-01-02", "--to", "2020-01-01"]).await.0, 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_officer_s_commands_run_as_the_page_has_them() {
    let world = World::start().await;
    let page = document("people.md");
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains("tamis register")).expect("a block");
    let directory = tempfile::tempdir().expect("a directory");
    for line in block.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = Command::new(BINARY);
        command.args(&words[1..]).arg("--config").arg(world.directory.path().join("tamis.toml")).env_clear();
        command.current_dir(directory.path());
        let output = run(command).await.expect("the binary runs");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let file = directory.path().join(words.last().expect("a file"));
        assert!(fs::metadata(file).expect("it is there").len() > 1_000, "{line}");
    }
    world.end().await;
}
