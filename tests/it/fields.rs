//! What a purpose may say of its fields, from a form's definition to the table that is exported.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tamis_simulator::{Form, Question, Simulator};

use crate::api::{document, python_of, run};
use crate::support::{DEVIS_FORM, PAGE, Plan, World, canary, lead, log};

const CONFIG: [(&str, &str); 2] = [
    (
        "keep = [\"campaign_id\"]\n",
        "keep = [\"is_organic\", \"form_name\", \"vehicle\"]\nphone_region = \"FR\"\nrequire_one_of = [\"phone_number\", \"budget\"]\n",
    ),
    (
        "phone_number = {}\n",
        "phone_number = {}\nbudget = { labels = true, why = \"x\" }\nsource = { from = [\"utm_source\"], why = \"x\" }\nregion = { why = \"x\" }\n",
    ),
];

fn plan() -> Plan {
    let config = |text: String| {
        CONFIG.iter().fold(text, |text, (old, new)| {
            assert!(text.contains(old), "the config has no {old}");
            text.replacen(old, new, 1)
        })
    };
    Plan { config: Box::new(config), ..Plan::default() }
}

/// A form of which the address has no key, with a hidden parameter, and a question that hangs on another.
fn add_form(meta: &Simulator) {
    let mut country = Question::new("CUSTOM", "pays", "Votre pays");
    country.dependents = vec!["region".to_owned()];
    let budget = Question::new("CUSTOM", "budget", "Votre budget");
    meta.add_form(Form {
        id: DEVIS_FORM.to_owned(),
        page_id: PAGE.to_owned(),
        name: "Devis – copie".to_owned(),
        questions: vec![
            Question::new("FULL_NAME", "vollständiger_name", "Name"),
            Question::new("EMAIL", "", "E-Mail"),
            Question::new("PHONE", "telefonnummer", "Telefon"),
            budget.with_options(&[("moins", "Moins de 5 000 €; tout compris"), ("plus", "Plus")]),
            country,
        ],
        tracking_parameters: vec![("utm_source".to_owned(), "fb".to_owned())],
        ..Form::default()
    });
}

async fn world() -> World {
    World::prepared(plan(), |_, meta| add_form(meta)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_gets_what_it_says_of_its_fields_and_no_more() {
    let world = world().await;
    let (name, secret) = (canary("Zoé"), canary("junk"));
    let whole =
        || lead(DEVIS_FORM).answer("vollständiger_name", &[&name]).answer("email", &["z@example.org"]);
    let full = whole()
        .answer("telefonnummer", &["06 39 98 00 00"])
        .answer("budget", &["moins", "sur mesure"])
        .answer("utm_source", &["fb"])
        .answer("region", &["Anjou"])
        .answer("pays", &[&secret])
        .overriding("vehicle", json!({"id": "123", "title": secret}));
    let too_long =
        whole().answer("telefonnummer", &["+39 06 6982 1234"]).answer("budget", &[&"x".repeat(30_000)]);
    let many = (0..1_500).fold(lead(DEVIS_FORM), |lead, _| lead.answer("junk", &[&secret]));
    let many = many
        .answer("vollständiger_name", &[&name])
        .answer("email", &["z@example.org"])
        .answer("budget", &["plus"]);
    for submitted in [full, too_long, many, whole()] {
        let id = world.submit(submitted, &[&name, &secret]);
        assert_eq!(world.deliver(&[&id]).await.status, 200);
        world.settled().await;
    }
    let records = world.records("devis").await;
    assert_eq!(records.len(), 3, "{}", log().text());
    let fields: Vec<&Value> = records.iter().map(|record| &record["fields"]).collect();
    let wanted = json!({
        "full_name": [name], "email": ["z@example.org"], "phone_number": ["06 39 98 00 00"],
        "phone_e164": ["+33639980000"], "budget": ["Moins de 5 000 €; tout compris", "sur mesure"],
        "source": ["fb"], "region": ["Anjou"],
    });
    assert_eq!(*fields[0], wanted);
    let kept = ["is_organic", "form_name", "vehicle"].map(|keep| records[0][keep].clone());
    assert_eq!(kept, [json!(true), json!("Devis – copie"), json!("123")]);
    let wanted = json!({"full_name": [name], "email": ["z@example.org"], "phone_number": ["+39 06 6982 1234"], "phone_e164": ["+390669821234"]});
    assert_eq!(*fields[1], wanted, "the long one went alone");
    assert_eq!(*fields[2], json!({"full_name": [name], "email": ["z@example.org"], "budget": ["Plus"]}));

    let inbox = world.admin().get("/admin/v1/inbox").await.json();
    assert_eq!(
        (&inbox["refused"][0]["code"], &inbox["refused"][0]["count"]),
        (&json!("required-field-missing"), &json!(1))
    );
    let dropped: Vec<&Value> =
        inbox["dropped"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(dropped, ["budget", "junk", "pays"]);
    assert!(log().text().contains("dropped.too_long=1"), "{}", log().text());
    let asked: Vec<String> = world.meta.graph_calls().iter().filter_map(|call| call.fields.clone()).collect();
    assert!(
        asked.iter().any(|fields| fields == "id,created_time,form_id,field_data,is_organic,vehicle"),
        "{asked:?}"
    );

    let form = &world.admin().get("/admin/v1/forms").await.json()["forms"][0];
    let questions = form["questions"].as_array().expect("a list").iter();
    let shown: Vec<String> =
        questions.map(|q| format!("{} {} {}", q["key"], q["asked"], q["field"]).replace('"', "")).collect();
    let wanted = [
        "vollständiger_name question full_name",
        "telefonnummer question phone_number",
        "budget question budget",
        "pays question null",
        "email question email",
        "region dependent region",
        "utm_source hidden source",
    ];
    assert_eq!(shown, wanted);
    assert_eq!((&form["unfed"], &form["partial"]), (&json!(["postcode"]), &json!(false)));
    world.end().await;
}

/// The six lines of the documentation, over what the daemon wrote.
#[tokio::test(flavor = "multi_thread")]
async fn several_values_in_a_cell_are_read_back_as_they_were() {
    let world = world().await;
    let odd = [
        &["a; b"][..],
        &["a", "b"],
        &["a;", "\\", "\\;"],
        &["=1+1", "'=1+1", "+33639980000", "'+33639980000", "- x"],
        &[" a ", "\"b\"", "c,\n=d|@e\tf", "''=;=\\"],
        &["49100"],
        &["é 😀;=;'=;\"=;,+1"],
    ];
    for values in odd {
        let name = canary("cell");
        let submitted =
            lead(DEVIS_FORM).answer("vollständiger_name", &[&name]).answer("email", &["z@example.org"]);
        let id = world.submit(submitted.answer("budget", values), &[&name]);
        assert_eq!(world.deliver(&[&id]).await.status, 200);
        world.settled().await;
    }
    let table = world.admin().get("/admin/v1/purposes/devis/leads?format=csv&limit=100").await.text();
    let directory = tempfile::tempdir().expect("a directory");
    let (script, file) = (directory.path().join("read.py"), directory.path().join("devis.csv"));
    fs::write(&file, table).expect("a file");
    let function = python_of(&document("api.md"), "def values(cell)");
    let main = "\nimport csv, json, sys\nwith open(sys.argv[1], newline='', encoding='utf-8') as file:\n    print(json.dumps([values(row['budget']) for row in csv.DictReader(file)]))\n";
    fs::write(&script, function + main).expect("a file");
    let mut command = Command::new("python3");
    command.args([&script, &file]);
    let Some(output) = run(command).await else {
        println!("skipped: python3 is not installed");
        return world.end().await;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let records = world.records("devis").await;
    let written: Vec<&Value> = records.iter().map(|record| &record["fields"]["budget"]).collect();
    assert_eq!((json!(odd), read), (json!(written), json!(odd)));
    world.end().await;
}
