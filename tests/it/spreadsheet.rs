//! A table for people, opened in a spreadsheet: LibreOffice reads the CSV, and tells of each cell what it took it for.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::api::run;
use crate::support::process::BINARY;
use crate::support::{DEVIS_FORM, World, lead};

/// What a spreadsheet made of a cell: its type, and its value (of a date the day and time).
type Cell = (String, String);

/// Semicolon, double quotes, UTF-8, from the first line on, no column chosen, any language, quoted cells as others are,
/// "detect special numbers": what docs/operator.md says to tick in its window. Formulas are evaluated unless it is told not to.
const AS_DOCUMENTED: &str = "CSV:59,34,76,1,,0,false,true";

/// The rows of a CSV as LibreOffice sees them. None: it is not installed.
pub async fn opened(csv: &Path) -> Option<Vec<Vec<Cell>>> {
    let home = tempfile::tempdir().expect("a directory");
    let mut office = Command::new("soffice");
    office.arg(format!("-env:UserInstallation=file://{}/profile", home.path().display()));
    office.args(["--headless", "--convert-to", "fods", &format!("--infilter={AS_DOCUMENTED}")]);
    office.arg("--outdir").arg(home.path()).arg(csv).env("HOME", home.path());
    let output = run(office).await?;
    let sheet = home.path().join(csv.with_extension("fods").file_name().expect("a name"));
    let text =
        fs::read_to_string(sheet).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    Some(text.split("<table:table-row").skip(1).map(cells).filter(|row| !row.is_empty()).collect())
}

/// The cells of a row of flat OpenDocument.
fn cells(row: &str) -> Vec<Cell> {
    let mut cells = Vec::new();
    for cell in row.split("<table:table-cell").skip(1) {
        let (attributes, inside) = cell.split_once('>').expect("a tag");
        let attribute = |name: &str| {
            let value = attributes.split(&format!(" {name}=\"")).nth(1)?;
            value.split('"').next().map(str::to_owned)
        };
        let kind = attribute("office:value-type").unwrap_or_else(|| "empty".to_owned());
        let shown = inside.split("<text:p>").skip(1).filter_map(|rest| rest.split("</text:p>").next());
        let shown = shown.collect::<Vec<_>>().join("\n");
        let shown = [("&apos;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
            .iter()
            .fold(shown, |text, (entity, letter)| text.replace(entity, letter));
        let value = attribute("office:date-value").or_else(|| attribute("office:value")).unwrap_or(shown);
        let times =
            attribute("table:number-columns-repeated").and_then(|text| text.parse().ok()).unwrap_or(1);
        // Behind the last column a row is filled up to the sheet's edge.
        cells.extend(std::iter::repeat_n((kind, value), std::cmp::min(times, 20)));
    }
    while cells.last().is_some_and(|(kind, _)| kind == "empty") {
        cells.pop();
    }
    cells
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spreadsheet_takes_dates_for_dates_and_leaves_all_else_a_text() {
    let world = World::start().await;
    let people: [(&[&str], &str, &str); 5] = [
        (&["Éloïse Übermaß"], "+33639980000", "01000"),
        (&["Anne", "Marie; x"], "0639980000", "49100"),
        (&["=1+1"], "06 39 98 00 00", "2026-11-25"),
        (&["@SUM(1;2)"], "00033", "3 mars"),
        (&["ligne 1\nligne 2"], "+1", "1e5"),
    ];
    for (number, (names, phone, postcode)) in people.iter().enumerate() {
        let one = lead(DEVIS_FORM).answer("full_name", names).answer("email", &["z@example.org"]);
        let one = one.answer("phone_number", &[phone]).answer("post_code", &[postcode]);
        let id = world.submit(one, &[]);
        world.deliver(&[&id]).await;
        world.stored("devis", number + 1).await;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let csv = directory.path().join("devis.csv");
    let mut export = Command::new(BINARY);
    export.args(["export", "devis", "--format", "csv", "--dialect", "excel", "--reason", "audit", "-o"]);
    export.arg(&csv).arg("--socket").arg(&world.addresses.socket);
    assert!(run(export).await.expect("the binary runs").status.success());
    let records = world.records("devis").await;
    let Some(rows) = opened(&csv).await else {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's own environment: in CI a missing LibreOffice is a failure"
        )]
        let in_ci = std::env::var_os("CI").is_some();
        assert!(!in_ci, "CI brings LibreOffice");
        println!("skipped: LibreOffice is not installed (.ci/run installs it)");
        return world.end().await;
    };
    let header: Vec<&str> = rows[0].iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(header.first(), Some(&"id"), "the byte order mark is none of the first name");
    assert_eq!(rows.len(), 1 + people.len(), "a line end within a cell ends no row");
    let column = |name: &str| {
        header.iter().position(|known| *known == name).unwrap_or_else(|| panic!("{name}: {header:?}"))
    };
    for (row, (record, (names, phone, postcode))) in rows[1..].iter().zip(records.iter().zip(&people)) {
        let cell = |name: &str| row.get(column(name)).cloned().unwrap_or_default();
        for moment in ["created_time", "received_at", "expires_at"] {
            let told = record[moment].as_str().expect("a moment").trim_end_matches('Z').to_owned();
            assert_eq!(cell(&format!("{moment} (UTC)")), ("date".to_owned(), told), "{moment}");
        }
        let text = |value: &str| ("string".to_owned(), value.to_owned());
        let guarded = |value: &str| if value == "+1" { format!("'{value}") } else { value.to_owned() };
        assert_eq!(cell("phone_number"), text(&guarded(phone)));
        assert_eq!(cell("postcode"), text(postcode));
        let name = match *names {
            ["Anne", "Marie; x"] => r"Anne; Marie\; x".to_owned(),
            [one] if one.starts_with(['=', '@']) => format!("'{}", one.replace(';', "\\;")),
            other => other.join("; "),
        };
        assert_eq!(cell("full_name"), text(&name), "several values are told apart, and nothing is run");
        for id in ["form_id", "page_id"] {
            assert_eq!(cell(id), text(record[id].as_str().expect("an id")), "{id}");
        }
        assert_eq!(cell("id"), text(record["id"].as_str().expect("an id")));
    }
    world.end().await;
}
