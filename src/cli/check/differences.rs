//! In what a form is no copy, in words.

use std::collections::BTreeSet;

use crate::purpose::{Difference, DifferenceCode, Differs, PurposeId};
use crate::terminal::{printable, toml_text};

/// In what a form is no copy, a line each.
pub(super) fn lines(differs: &Differs) -> Vec<String> {
    let mut lines = vec![format!("is no copy of form {}, its leads are held:", differs.original)];
    let purposes: BTreeSet<&PurposeId> = differs.differences.iter().map(|one| &one.purpose).collect();
    for one in &differs.differences {
        let whose = if purposes.len() > 1 { format!("{}: ", one.purpose) } else { String::new() };
        lines.push(format!("  {whose}{}", in_words(one)));
    }
    if differs.total > differs.differences.len() {
        lines.push(format!("  and {} more", differs.total - differs.differences.len()));
    }
    lines
}

fn in_words(one: &Difference) -> String {
    let key = match one.code {
        DifferenceCode::SeveralOriginals => one.key.clone(),
        _ => toml_text(&one.key),
    };
    let of = one.of.as_deref().unwrap_or_default();
    let (there, here) = (said(one.original.as_deref()), said(one.form.as_deref()));
    match one.code {
        DifferenceCode::QuestionMissing => format!("no question {key} ({there}), which feeds {of} there"),
        DifferenceCode::QuestionAdded => format!("question {key} ({here}) feeds {of}, and is not there"),
        DifferenceCode::QuestionRetyped => format!("question {key} ({of}) is {here}, there {there}"),
        DifferenceCode::BoxMissing => format!("no tick-box {key}, which {of} counts there"),
        DifferenceCode::BoxAdded => format!("tick-box {key} counts for {of}, and is not there"),
        DifferenceCode::BoxReworded => format!("tick-box {key} ({of}) has another text"),
        DifferenceCode::BoxDefaultDiffers => {
            format!("tick-box {key} ({of}) is {here} when the form opens, there {there}")
        }
        DifferenceCode::BoxesUnread => "Graph does not give the tick-boxes of one of the two".to_owned(),
        DifferenceCode::SeveralOriginals => format!("it is like form {key}, and so of several purposes"),
    }
}

fn said(text: Option<&str>) -> String {
    match text {
        None | Some("") => "without a type".to_owned(),
        Some(text) => printable(text),
    }
}
