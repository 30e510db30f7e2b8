//! `tamis check` beside a running tamis: how long records are held in truth, and what a config that is not in force yet would end.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tamis_simulator::Lead;

use crate::support::process::BINARY;
use crate::support::{DEVIS_FORM, Plan, World, canary, lead};

const MONTHS: &str = "retention_months = 12\nrecipients";
/// As with a consent: what is written is cut by the date on which people are to be asked again.
const CUT: &str = "retention_months = 36\nreconfirm_months = 18\nrecipients";

fn tamis(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(directory).env_clear().stdin(Stdio::null());
    command.env("TAMIS_CONFIG", "tamis.toml");
    let ended = tokio::task::block_in_place(|| command.output()).expect("the binary runs");
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), words(&ended.stdout), words(&ended.stderr))
}

/// What `check` says of a period that is shorter, under a config that is written and not in force.
fn shorter(directory: &Path, period: &str) -> Vec<String> {
    let text = std::fs::read_to_string(directory.join("tamis.toml")).expect("the config");
    assert!(text.contains(CUT));
    std::fs::write(directory.join("other.toml"), text.replace(CUT, &format!("{period}\nrecipients")))
        .expect("a file");
    let (code, told, said) = tamis(directory, &["check", "--config", "other.toml"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(told.contains("#   held for "), "{told}");
    said.lines().filter(|line| line.contains("[period-shorter]")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_is_told_as_it_holds_and_called_shorter_only_where_a_record_ends_earlier_by_it() {
    let world = World::planned(Plan::with(MONTHS, CUT)).await;
    for _ in 0..2 {
        let email = format!("{}@example.org", canary("periods"));
        let lead: Lead = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
        let id = world.submit(lead, &[&email]);
        world.deliver_all(&[id]).await;
    }
    world.stored("devis", 2).await;
    let here = world.directory.path().to_owned();

    let purposes = world.admin().get("/admin/v1/purposes").await.json();
    let devis = &purposes["purposes"][0];
    assert_eq!(devis["lifespan"], json!([{"months": 18, "days": 30}]));
    assert_eq!((&devis["retention_months"], &devis["stored"]), (&json!(36), &json!(2)));
    let record = &world.records("devis").await[0];
    let at =
        |key: &str| record[key].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).expect(key);
    let days = at("expires_at").duration_since(at("created_time")).as_hours() / 24;
    assert!((18 * 30..=18 * 31 + 31).contains(&days), "18 months and 30 days, not 36 months: {days} days");

    assert_eq!(shorter(&here, "retention_months = 36\nreconfirm_months = 18"), [""; 0], "as it is");
    for longer in [
        "retention_months = 36\nreconfirm_months = 24",
        "retention_months = 24\nreconfirm_months = 18",
        "retention_months = 48\nreconfirm_months = 18",
        "retention_months = 36",
    ] {
        assert_eq!(shorter(&here, longer), [""; 0], "{longer}");
    }
    for (period, key, words) in [
        ("retention_months = 12", "retention_months", "12 months"),
        ("retention_days = 90", "retention_days", "90 days"),
        ("retention_months = 36\nreconfirm_months = 12", "reconfirm_months", "12 months and 30 days"),
        (
            "retention_months = 36\nreconfirm_months = 18\ngrace_days = 14",
            "reconfirm_months",
            "18 months and 14 days",
        ),
    ] {
        let said = shorter(&here, period);
        let expected = format!(
            "warning: purposes.devis.{key}: the running tamis holds 2 records of it for 18 months and 30 days, this config for {words}: "
        );
        assert!(said.len() == 1 && said[0].starts_with(&expected), "{expected}\n{said:?}");
    }
    let (_, told, _) = tamis(&here, &["check"]);
    assert!(
        told.contains("#   held for 18 months and 30 days (reconfirm_months, grace_days), not 36 months\n"),
        "{told}"
    );
    let (code, told, said) = tamis(&here, &["check", "--quiet"]);
    assert_eq!((code, told.as_str()), (Some(0), ""), "{said}");
    assert!(!said.contains("held for"), "{said}");
    world.end().await;
}
