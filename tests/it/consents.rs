//! Consent that is one: what a box, its form and its validity are worth, from Graph's reply to the export.

use serde_json::{Value, json};
use tamis_simulator::{Checkbox, Form, Lead, LegalShape, Question, Simulator};

use crate::support::{LETTRE_FORM, PAGE, Plan, World, an_hour_ago, canary, lead, log};

const SECOND_FORM: &str = "901000000000003";
const DAY_S: u64 = 86_400;

fn checkbox(key: &str, text: &str, ticked: bool) -> Checkbox {
    Checkbox { key: key.to_owned(), text: text.to_owned(), is_required: false, is_checked_by_default: ticked }
}

/// A form of the letter with these boxes.
fn form(id: &str, checkboxes: Vec<Checkbox>) -> Form {
    let question = |kind: &str, key: &str| Question::new(kind, key, key);
    Form {
        id: id.to_owned(),
        page_id: PAGE.to_owned(),
        locale: "fr_FR".to_owned(),
        questions: vec![
            question("FIRST_NAME", "first_name"),
            question("EMAIL", "email"),
            question("PHONE", "phone_number"),
        ],
        checkboxes,
        ..Form::default()
    }
}

/// A world whose letter has these forms.
async fn world(plan: Plan, forms: Vec<Form>) -> World {
    World::prepared(plan, |_, meta: &Simulator| forms.into_iter().for_each(|form| meta.add_form(form))).await
}

/// Submits a lead with these boxes ticked, and waits until it is settled.
async fn submitted(world: &World, lead: Lead, ticked: &[&str]) {
    let email = format!("{}@example.org", canary("consents"));
    let phone = "+33639980001";
    let lead = lead.answer("email", &[&email]).answer("phone_number", &[phone]);
    let lead = ticked.iter().fold(lead, |lead, key| lead.checkbox(key, true));
    let id = world.submit(lead, &[&email]);
    assert_eq!(world.deliver(&[&id]).await.status, 200);
    world.settled().await;
}

async fn inbox(world: &World) -> Value {
    world.admin().get("/admin/v1/inbox").await.json()
}

/// How often the log said this of the letter's form in this world's time.
fn said(event: &str, form: &str) -> usize {
    log().events(event).iter().filter(|line| line.contains(form)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_is_ticked_when_the_form_opens_is_no_consent() {
    // A form of its own, so that the log of other worlds says nothing of it.
    const FORM: &str = "901000000000021";
    let plan = Plan::with("\"901000000000002\"", "\"901000000000021\"");
    let boxes = vec![checkbox("email_optin", "E-mail", true), checkbox("consent_call", "Calls", false)];
    let world = world(plan, vec![form(FORM, boxes)]).await;
    for _ in 0..2 {
        submitted(&world, lead(FORM), &["email_optin", "consent_call"]).await;
    }
    let refused = inbox(&world).await["refused"].clone();
    assert_eq!((&refused[0]["code"], &refused[0]["count"]), (&json!("pre-ticked"), &json!(2)), "{refused}");
    assert_eq!(world.records("lettre").await, Vec::<Value>::new());
    assert_eq!((said("consent.pre-ticked", FORM), said("consent.box-absent", FORM)), (1, 0));
    let forms = world.admin().get("/admin/v1/forms").await.json();
    let shown = &forms["forms"][0];
    assert_eq!((&shown["boxes_readable"], &shown["locale"]), (&json!(true), &json!("fr_FR")));
    let first = &shown["boxes"][0];
    assert_eq!((&first["ticked_by_default"], &first["consent"]), (&json!(true), &json!("email_optin")));
    world.end().await;
}

/// Some forms answer error 100 where `legal_content` is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn where_a_forms_boxes_cannot_be_read_their_ticks_count_and_that_is_said_once() {
    const FORM: &str = "901000000000022";
    let plan = Plan::with("\"901000000000002\"", "\"901000000000022\"");
    let boxes = vec![checkbox("email_optin", "E-mail", true), checkbox("consent_call", "Calls", false)];
    let refusing = Form { legal_shape: LegalShape::Refused, ..form(FORM, boxes) };
    let world = world(plan, vec![refusing]).await;
    for _ in 0..2 {
        submitted(&world, lead(FORM), &["email_optin"]).await;
    }
    world.stored("lettre", 2).await;
    assert_eq!((said("consent.default-unknown", FORM), said("form.definition-refused", FORM)), (1, 0));
    let forms = world.admin().get("/admin/v1/forms").await.json();
    assert_eq!(
        (&forms["forms"][0]["readable"], &forms["forms"][0]["boxes_readable"]),
        (&json!(true), &json!(false))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_means_what_the_config_says_of_its_form() {
    let plan = Plan {
        config: Box::new(|text| {
            let text = text.replace("[\"901000000000002\"]", "[\"901000000000002\", \"901000000000003\"]");
            let text = text.replace(
                "{ channel = \"email\", required = true }",
                "{ channel = \"email\", required = true, from = [{ form = \"901000000000002\", key = \"optional_1\" }, { form = \"901000000000003\", key = \"optional_2\" }] }",
            );
            text.replace(
                "from = [\"consent_call\"]",
                "from = [{ form = \"901000000000002\", key = \"optional_2\" }, { form = \"901000000000003\", key = \"optional_1\" }]",
            )
        }),
        ..Plan::default()
    };
    let boxes =
        |one: &str, two: &str| vec![checkbox("optional_1", one, false), checkbox("optional_2", two, false)];
    let wrapped = Form { legal_shape: LegalShape::Wrapped, ..form(SECOND_FORM, boxes("Calls", "E-mail")) };
    let world = world(plan, vec![form(LETTRE_FORM, boxes("E-mail", "Calls")), wrapped]).await;
    submitted(&world, lead(LETTRE_FORM), &["optional_1"]).await;
    submitted(&world, lead(SECOND_FORM), &["optional_1"]).await;
    submitted(&world, lead(SECOND_FORM), &["optional_1", "optional_2"]).await;
    world.stored("lettre", 2).await;
    let records = world.records("lettre").await;
    let given = |record: &Value| {
        (
            record["consents"]["email_optin"]["given"].clone(),
            record["consents"]["call_optin"]["given"].clone(),
        )
    };
    assert_eq!(given(&records[0]), (json!(true), json!(false)));
    assert_eq!(given(&records[1]), (json!(true), json!(true)));
    assert!(
        records[0]["fields"].get("phone_number").is_none()
            && records[1]["fields"].get("phone_number").is_some()
    );
    let refused = inbox(&world).await["refused"].clone();
    assert_eq!(
        (&refused[0]["code"], &refused[0]["form_id"]),
        (&json!("consent-missing"), &json!(SECOND_FORM))
    );
    assert_eq!(said("consent.texts-differ", SECOND_FORM), 0, "each was named for its form");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_with_two_texts_is_said_and_check_refuses_it() {
    const FORM: &str = "901000000000023";
    let plan = Plan::with("[\"901000000000002\"]", "[\"901000000000002\", \"901000000000023\"]");
    let boxes =
        |text: &str| vec![checkbox("email_optin", text, false), checkbox("consent_call", "Calls", false)];
    let world = world(plan, vec![form(LETTRE_FORM, boxes("E-mail")), form(FORM, boxes("Everything"))]).await;
    submitted(&world, lead(LETTRE_FORM), &["email_optin"]).await;
    submitted(&world, lead(FORM), &["email_optin"]).await;
    submitted(&world, lead(FORM), &["email_optin"]).await;
    assert_eq!(said("consent.texts-differ", FORM), 1);
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_tamis"));
    check.args(["check", "--config"]).arg(world.directory.path().join("tamis.toml"));
    let checked = tokio::task::block_in_place(|| check.output()).expect("it runs");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(checked.status.code(), Some(78), "{said}");
    assert!(said.contains("purposes.lettre.consents.email_optin.from: ") && said.contains(FORM), "{said}");
    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(told.contains("have a lawyer read it") && told.contains("R. 223-1"), "{told}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_day_on_which_a_consent_ends_its_field_is_exported_no_more() {
    let boxes = vec![checkbox("email_optin", "E-mail", false), checkbox("consent_call", "Calls", false)];
    let world = world(Plan::default(), vec![form(LETTRE_FORM, boxes)]).await;
    // A person confirms the clock, so that what ended a year ago has ended for sure.
    world.admin().post("/admin/v1/clock/confirm", &json!({})).await;
    let old = Lead::new(PAGE, LETTRE_FORM, an_hour_ago() - 370 * DAY_S);
    submitted(&world, old, &["email_optin", "consent_call"]).await;
    submitted(&world, lead(LETTRE_FORM), &["email_optin", "consent_call"]).await;
    world.stored("lettre", 2).await;
    let records = world.records("lettre").await;
    let call = |record: &Value| record["consents"]["call_optin"].clone();
    assert_eq!((&call(&records[0])["given"], &call(&records[1])["given"]), (&json!(true), &json!(true)));
    let until = |record: &Value| -> jiff::Timestamp {
        call(record)["valid_until"].as_str().expect("it ends").parse().expect("a moment")
    };
    let created = |record: &Value| -> jiff::Timestamp {
        record["created_time"].as_str().expect("there").parse().expect("a moment")
    };
    for record in &records {
        let days = until(record).duration_since(created(record)).as_hours() / 24;
        assert!((365..=366).contains(&days), "{record}");
        assert_eq!(record["consents"]["email_optin"], json!({"given": true, "valid_until": null}));
    }
    let phone = |record: &Value| record["fields"].get("phone_number").is_some();
    assert_eq!((phone(&records[0]), phone(&records[1])), (false, true));
    assert!(records.iter().all(|record| record["fields"].get("email").is_some()), "and nothing else goes");

    let csv = world.admin().get("/admin/v1/purposes/lettre/leads?format=csv").await.text();
    let header = csv.lines().next().expect("a header");
    let columns = "consents.email_optin,consents.email_optin.valid_until,consents.call_optin,consents.call_optin.valid_until";
    assert!(header.contains(columns) && !header.contains(",consent."), "{header}");
    assert_eq!(csv.matches("+33639980001").count(), 1, "{csv}");
    let found = world.admin().post("/admin/v1/find", &json!({"id": "lettre-1-1"})).await.json();
    let found = &found["records"][0];
    assert_eq!(found["consents"]["call_optin"], call(&records[0]));
    assert!(found["fields"].get("phone_number").is_none());

    // What is shortened holds at once, also of what was stored before.
    world
        .reload(|text| {
            text.replace(
                "{ channel = \"email\", required = true }",
                "{ channel = \"email\", required = true, valid_months = 6 }",
            )
        })
        .await;
    let shortened = world.records("lettre").await;
    let email = |record: &Value| record["fields"].get("email").is_some();
    assert_eq!((email(&shortened[0]), email(&shortened[1])), (false, true));
    // What is lengthened holds for what comes later.
    world
        .reload(|text| {
            text.replace("from = [\"consent_call\"]", "from = [\"consent_call\"], valid_months = 24")
        })
        .await;
    assert_eq!(call(&world.records("lettre").await[0]), call(&records[0]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_by_itself_receives_only_what_people_agreed_to_hand_to_it() {
    let plan = Plan {
        config: Box::new(|text| {
            let partner = "[[recipients]]\nid = \"partner\"\nname = \"Partner SA\"\ncountry = \"FR\"\nrole = \"controller\"\n\n";
            let text = text.replace("[purposes.devis]\n", &format!("{partner}[purposes.devis]\n"));
            let text = text.replace(
                "from = [\"consent_call\"] } }",
                "from = [\"consent_call\"] }, partner_optin = { channel = \"third_party\", recipient = \"partner\", valid_months = 6 } }",
            );
            text.replace(
                "basis = \"consent\"\n",
                "basis = \"consent\"\nrecipients = [\"crm\", \"partner\"]\n",
            )
        }),
        ..Plan::default()
    };
    let boxes =
        ["email_optin", "consent_call", "partner_optin"].map(|key| checkbox(key, key, false)).to_vec();
    let world = world(plan, vec![form(LETTRE_FORM, boxes)]).await;
    world.admin().post("/admin/v1/clock/confirm", &json!({})).await;
    submitted(&world, lead(LETTRE_FORM), &["email_optin"]).await;
    submitted(&world, lead(LETTRE_FORM), &["email_optin", "partner_optin"]).await;
    let long_ago = Lead::new(PAGE, LETTRE_FORM, an_hour_ago() - 200 * DAY_S);
    submitted(&world, long_ago, &["email_optin", "partner_optin"]).await;
    world.stored("lettre", 3).await;
    let of = async |recipient: &str| {
        let token = json!({"name": recipient, "role": "exporter", "purposes": ["lettre"], "recipient": recipient, "reason": "crm-sync"});
        let made = world.admin().post("/admin/v1/tokens", &token).await.json();
        let bearer = made["token"].as_str().expect("a token").to_owned();
        let page = world.admin_tcp(Some(&bearer)).get("/admin/v1/purposes/lettre/leads").await;
        assert_eq!((page.status, page.header("tamis-next-cursor")), (200, "lettre-1-3"));
        page.lines().iter().map(|record| record["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("partner").await, ["lettre-1-2"], "given, and not over");
    assert_eq!(of("crm").await, ["lettre-1-1", "lettre-1-2", "lettre-1-3"], "a processor");
    assert_eq!(world.records("lettre").await.len(), 3, "nobody outside");
    // What was withheld was handed to nobody, and its end is none of theirs.
    for number in [1, 2, 3] {
        let by = json!({"by": {"id": format!("lettre-1-{number}")}});
        let erased = world.admin().post("/admin/v1/erasures", &by).await.json();
        let erasure = erased["erasure"].as_str().expect("a number").to_owned();
        let shown = world.admin().get(&format!("/admin/v1/erasures/{erasure}")).await.json();
        let followed = shown["followed"].as_array().expect("a list").iter();
        let followed: Vec<&str> = followed.filter_map(|one| one["recipient"].as_str()).collect();
        let expected: &[&str] = if number == 2 { &["crm", "partner"] } else { &["crm"] };
        assert_eq!(followed, expected, "{number}");
    }
    world.end().await;
}
