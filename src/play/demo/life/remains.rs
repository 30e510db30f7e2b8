//! What is left of them, held against what their receipts say; and of what they wrote nothing, in any file.

use serde_json::Value;

use crate::play::demo::disk;
use crate::play::demo::life::people::marks;
use crate::play::demo::life::scene::{Scene, holds};
use crate::play::house::{count, list, read};
use crate::terminal::{Failure, thousands};

/// Tells what is left now.
pub(super) async fn now(scene: &Scene<'_>) -> Result<(), Failure> {
    let today = scene.today().to_string();
    let is_to_be = |receipt: &Value, name: &str| {
        receipt["remains"][name].as_str().is_some_and(|until| today.as_str() < until)
    };
    let (lines, status) = (scene.lines("erased").await?, read(&scene.daemon, "/status").await?);
    let (mut told, mut remembered, mut barred) = (0, 0, 0);
    for (person, receipt) in &scene.receipts {
        let is_told = lines.iter().any(|line| line["erasure"] == receipt["number"]);
        holds(is_told || !is_to_be(receipt, "trail_line_until"), "the trail's line, for as long as it says")?;
        told += usize::from(is_told);
        let is_remembered = scene.state(person).await? == "erased";
        holds(
            is_remembered || !is_to_be(receipt, "tombstones_until"),
            "a tombstone, for as long as it says",
        )?;
        remembered += usize::from(is_remembered);
        barred += usize::from(is_to_be(receipt, "suppression_until"));
        if !is_to_be(receipt, "sealed_bytes_until") {
            let vacuumed = status["last_vacuum"].as_str().unwrap_or_default();
            holds(receipt["done"].as_str().is_some_and(|done| done < vacuumed), "a vacuum since")?;
        }
    }
    let listed = list(&read(&scene.daemon, "/suppressions").await?["suppressions"]).len();
    holds(listed == barred, "on the list who objected, and nobody else")?;
    let requests = list(&read(&scene.daemon, "/requests").await?["requests"]).len();
    let (files, bytes) = no_answer_lies_about(scene)?;
    let searched = format!("{bytes} bytes in {files} files searched for answers:");
    scene.told(
        "what is left, as the receipts say",
        &[
            (&format!("lines of the trail that name an erasure: {told}"), "tamis trail"),
            (&format!("tombstones, keyed hashes of Meta's numbers: {remembered}"), ""),
            (&format!("on the list of who objected, a keyed hash: {barred}"), "tamis suppress list"),
            (
                &format!("requests in the register, which names nobody: {}", count(requests)),
                "tamis person requests",
            ),
            (&searched, ""),
            ("  0 found (control: found), the log included", ""),
        ],
    )
}

/// Searches everything that the daemon keeps, and its log: how many files, and how many bytes.
fn no_answer_lies_about(scene: &Scene<'_>) -> Result<(usize, String), Failure> {
    let cannot =
        |error: std::io::Error| Failure::failed(format!("cannot look at the disk: {}", error.kind()));
    let kept = scene.stage.home();
    let found = disk::search(std::slice::from_ref(&kept), &marks()).map_err(cannot)?;
    holds(found.hits == 0, "no answer in any file")?;
    holds(disk::finds_a_control(&kept).map_err(cannot)?, "a text that was put there is found")?;
    Ok((found.files, thousands(found.bytes)))
}

/// True if of nothing that the receipts name anything is left.
pub(super) async fn are_over(scene: &Scene<'_>) -> Result<bool, Failure> {
    for path in ["suppressions", "requests"] {
        if !list(&read(&scene.daemon, &format!("/{path}")).await?[path]).is_empty() {
            return Ok(false);
        }
    }
    let lines = scene.lines("erased").await?;
    for (person, receipt) in &scene.receipts {
        if lines.iter().any(|line| line["erasure"] == receipt["number"])
            || scene.state(person).await? == "erased"
        {
            return Ok(false);
        }
    }
    no_answer_lies_about(scene)?;
    Ok(true)
}
