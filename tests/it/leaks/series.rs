//! What is counted: each label of each series comes from a closed set, whatever strangers send.

use std::collections::BTreeSet;

use tamis::attention::AttentionCode;
use tamis::graph::CallOutcome;
use tamis::http::problem::ProblemCode;
use tamis::http::{BodyError, TurnedCode};
use tamis::mail::MailCode;
use tamis::notification::{ChangeCode, ParkCode};
use tamis::purpose::form_check::FindingCode;
use tamis::store::MailKind;
use tamis::telemetry::LogPlace;
use tamis::telemetry::metrics::{EndCause, TrimCause};
use tamis::workers::Unsent;

use crate::support::PAGE;

/// The series of a page of metrics: names with labels, without values.
pub fn of(metrics: &str) -> BTreeSet<&str> {
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect()
}

/// Panics with the first label whose value somebody outside could have chosen.
pub fn require_closed(metrics: &str) {
    let closed: BTreeSet<&str> = ParkCode::ALL
        .iter()
        .map(|code| code.as_str())
        .chain(ChangeCode::ALL.iter().map(|code| code.as_str()))
        .chain(TurnedCode::ALL.iter().map(|code| code.as_str()))
        .chain(ProblemCode::ALL.iter().map(|code| code.as_str()))
        .chain(AttentionCode::ALL.iter().map(|code| code.as_str()))
        .chain(FindingCode::ALL.iter().map(|code| code.as_str()))
        .chain(CallOutcome::ALL.iter().map(|code| code.as_str()))
        .chain(BodyError::ALL.iter().map(|code| code.as_str()))
        .chain(EndCause::ALL.iter().map(|cause| cause.as_str()))
        .chain(TrimCause::ALL.iter().map(|cause| cause.as_str()))
        .chain(MailKind::ALL.iter().map(|kind| kind.as_str()))
        .chain(Unsent::ALL.iter().map(|code| code.as_str()))
        .chain(MailCode::ALL.iter().map(|code| code.as_str()))
        .chain(LogPlace::ALL.iter().map(|place| place.as_str()))
        .chain(["public", "admin-socket", "admin-tcp", "queued", "waiting", "held"])
        .chain(["devis", "lettre", PAGE, env!("CARGO_PKG_VERSION"), "other"])
        .collect();
    for series in of(metrics) {
        for value in series.split('"').skip(1).step_by(2) {
            let status = value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit());
            let bound = series.contains("_bucket{le=\"") && value.parse::<f64>().is_ok();
            // The half of a token that may be shown: made by chance, of sixteen digits.
            let token = series.starts_with("tamis_token_days_left{") && value.len() == 16;
            let token = token && value.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(
                status || bound || token || closed.contains(value),
                "{series}: {value} is from no closed set"
            );
        }
    }
}
