//! A purpose that the running tamis does not know: which ones there are, so that nobody has to look them up.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};

use crate::api::purposes::Purposes;
use crate::client::{Daemon, parse};
use crate::config::nearest;
use crate::terminal::Failure;

/// The names are a help: whoever mistyped one does not wait for them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends a call in which these purposes are named, and takes its answer whole.
pub(super) async fn fetch(daemon: &Daemon, call: RequestBuilder, given: &[&str]) -> Result<Vec<u8>, Failure> {
    match daemon.fetch(call).await {
        Ok(body) => Ok(body),
        Err(failure) => Err(or_which_there_are(failure, daemon, given).await),
    }
}

/// The failure, and where it is that a purpose is not known, the names that are.
pub(super) async fn or_which_there_are(failure: Failure, daemon: &Daemon, given: &[&str]) -> Failure {
    if !failure.is("purpose-unknown") && !failure.is("token-purposes-invalid") {
        return failure;
    }
    let asked = daemon.fetch(daemon.call(Method::GET, "/purposes"));
    let Ok(Ok(body)) = tokio::time::timeout(PATIENCE, asked).await else { return failure };
    let Ok(Purposes { purposes }) = parse(&body) else { return failure };
    let known: Vec<&str> = purposes.iter().map(|purpose| purpose.id.as_str()).collect();
    failure.and(&hint(given, &known))
}

/// What to write instead; nothing where all of the given are there, and something else is the matter.
fn hint(given: &[&str], known: &[&str]) -> String {
    let unknown: Vec<&str> = given.iter().copied().filter(|name| !known.contains(name)).collect();
    if unknown.is_empty() && !given.is_empty() {
        return String::new();
    }
    let near: Vec<String> = unknown
        .iter()
        .filter_map(|name| Some(format!("\"{}\"", nearest(name, known.iter().copied())?)))
        .collect();
    if !near.is_empty() {
        return format!(". Did you mean {}?", near.join(", "));
    }
    if known.is_empty() {
        ". There are none".to_owned()
    } else {
        format!(". There are: {}", known.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_near_names_are_said_or_all() {
        let known = ["devis", "lettre"];
        assert_eq!(hint(&["devi"], &known), ". Did you mean \"devis\"?");
        assert_eq!(hint(&["devis", "letre"], &known), ". Did you mean \"lettre\"?");
        assert_eq!(hint(&["newsletter"], &known), ". There are: devis, lettre");
        assert_eq!(hint(&[], &known), ". There are: devis, lettre");
        assert_eq!(hint(&["devis"], &[]), ". There are none");
        assert_eq!(hint(&["devis"], &known), "", "it is not about the names");
    }
}
