//! The pages in a real browser, and held against the rules of HTML: driven by what is installed (Chromium, axe-core, tidy);
//! `.ci/run` brings all three.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tamis_simulator::{Setup, Simulator};

use crate::support::process::{Home, installed};

/// What `.ci/run` puts axe-core below, beside its other tools.
const AXE: &str = "node_modules/axe-core/axe.min.js";

/// A tool, or none with a line; in CI a missing one is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own environment: where tools lie, and whether this is CI"
)]
pub(crate) fn or_skipped<T>(found: Option<T>, name: &str) -> Option<T> {
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI brings {name}");
        println!("skipped: {name} is not installed");
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "a test's own environment: where tools lie")]
fn axe() -> Option<String> {
    let tools = std::env::var_os("TAMIS_TOOLS").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/tamis-tools"));
    fs::read_to_string(tools.or_else(home)?.join(AXE)).ok()
}

/// Every page there is, as the command prints it.
async fn pages(directory: &Path) -> Vec<(String, PathBuf)> {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let mut pages = Vec::new();
    for purpose in ["devis", "lettre"] {
        for lang in ["fr", "en", "de"] {
            let mut command = Command::new(&home.binary);
            command.args(["notice", purpose, "--lang", lang, "--config"]).arg(home.config()).env_clear();
            let output = command.output().expect("the command");
            assert!(output.status.success());
            let path = directory.join(format!("{purpose}-{lang}.html"));
            fs::write(&path, output.stdout).expect("written");
            pages.push((format!("{purpose} {lang}"), path));
        }
    }
    meta.stop().await;
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_valid_html() {
    let directory = tempfile::tempdir().expect("a directory");
    let pages = pages(directory.path()).await;
    are_valid(directory.path(), &pages);
}

/// Holds pages against the rules of HTML.
pub(crate) fn are_valid(directory: &Path, pages: &[(String, PathBuf)]) {
    let Some(()) = or_skipped(installed("tidy").then_some(()), "tidy") else { return };
    for (name, path) in pages {
        let output = Command::new("tidy")
            .args(["-q", "-e", "-utf8", "--drop-empty-elements", "no"])
            .arg(path)
            .output();
        let said = String::from_utf8_lossy(&output.expect("tidy").stderr).into_owned();
        // Attributes of WAI-ARIA 1.1 and of HTML that tidy does not know; axe and browsers do.
        let unknown = ["\"aria-current\"", "\"inputmode\"", "\"autocapitalize\""];
        let is_known = |line: &&str| !unknown.iter().any(|attribute| line.contains(attribute));
        let said: Vec<&str> = said.lines().filter(is_known).collect();
        assert_eq!(said, [""; 0], "{name}");
    }
    let broken = directory.join("broken.html");
    fs::write(&broken, "<!DOCTYPE html><html lang=\"fr\"><title>x</title><p><div></p></section>")
        .expect("written");
    let output = Command::new("tidy").args(["-q", "-e", "-utf8"]).arg(&broken).output().expect("tidy");
    assert!(!output.stderr.is_empty(), "it finds nothing, so it proves nothing");
}

/// The rules of WCAG 2.2 A and AA that a machine can judge, at the width of a telephone and of a desk, light and dark.
#[tokio::test(flavor = "multi_thread")]
async fn no_page_shuts_anybody_out_and_none_scrolls_sideways() {
    let directory = tempfile::tempdir().expect("a directory");
    let pages = pages(directory.path()).await;
    shut_nobody_out(directory.path(), pages);
}

/// Holds pages against these rules.
pub(crate) fn shut_nobody_out(directory: &Path, mut pages: Vec<(String, PathBuf)>) {
    let Some(()) = or_skipped(installed("chromium").then_some(()), "chromium") else { return };
    let Some(axe) = or_skipped(axe(), "axe-core") else { return };
    let unfit = directory.join("unfit.html");
    fs::write(&unfit, "<!DOCTYPE html><html><head><title>x</title></head><body><p style=\"width:3000px\">x</p><img src=\"x\"></body></html>").expect("written");
    pages.push(("unfit".to_owned(), unfit));
    for (name, path) in pages {
        let text = fs::read_to_string(&path).expect("a page");
        // The judge writes its verdict where it can be read from outside.
        let judge = format!(
            "<script>{axe}</script><script>axe.run(document,{{runOnly:['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']}}).then(r=>{{\
             const e=document.documentElement;document.title='verdict';document.body.innerHTML='';const p=document.createElement('pre');p.id='verdict';\
             p.textContent=JSON.stringify({{wide:WIDE,violations:r.violations.map(v=>v.id+': '+v.nodes.map(n=>n.target.join(' ')).join(', ')),passes:r.passes.length}});\
             document.body.append(p)}})</script></body>"
        );
        let judge = judge.replace("WIDE", "window.wide");
        let measure = "<script>window.wide=document.documentElement.scrollWidth-document.documentElement.clientWidth</script>";
        let judged = directory.join("judged.html");
        fs::write(&judged, text.replace("</body>", &format!("{measure}{judge}"))).expect("written");
        for (width, dark) in [(500, false), (1_280, true)] {
            let mut command = Command::new("chromium");
            command
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-dev-shm-usage",
                    "--virtual-time-budget=20000",
                    "--dump-dom",
                ])
                .arg(format!("--window-size={width},900"))
                .arg(format!("--user-data-dir={}", directory.join("profile").display()))
                .args(dark.then_some("--blink-settings=preferredColorScheme=0"))
                .arg(format!("file://{}", judged.display()));
            let output = command.output().expect("chromium");
            let dom = String::from_utf8_lossy(&output.stdout).into_owned();
            let verdict =
                dom.split("<pre id=\"verdict\">").nth(1).and_then(|rest| rest.split("</pre>").next());
            let verdict = verdict
                .unwrap_or_else(|| panic!("{name}: no verdict: {}", String::from_utf8_lossy(&output.stderr)));
            let verdict: Value = serde_json::from_str(
                &verdict.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"),
            )
            .expect("JSON");
            let found = verdict["violations"].as_array().expect("a list").len();
            if name == "unfit" {
                assert!(
                    found > 0 && verdict["wide"].as_i64() > Some(0),
                    "it finds nothing, so it proves nothing"
                );
                continue;
            }
            assert_eq!((found, verdict["wide"].as_i64()), (0, Some(0)), "{name} at {width}: {verdict}");
            assert!(verdict["passes"].as_u64() > Some(15), "{name}: {verdict}");
        }
    }
}
