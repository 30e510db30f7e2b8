//! A part of the metrics, for whoever may not see all purposes: what names another's purpose, page or token is left out.

/// Labels whose values say nothing about a purpose, a form or a page. A label that is not here and is neither of
/// [`Named`] is left out, whatever it says.
const PLAIN: [&str; 10] =
    ["answer", "cause", "code", "kind", "le", "listener", "outcome", "place", "state", "version"];

/// What a series names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'t> {
    /// A purpose, by its name.
    Purpose(&'t str),
    /// A page, by its id.
    Page(&'t str),
    /// A token of the admin side, by its id.
    Token(&'t str),
}

/// The text of all metrics without the series that name a purpose, a page or a token which `sees` does not.
pub fn excerpt(text: &str, sees: impl Fn(&Named<'_>) -> bool) -> String {
    let shown = |line: &&str| line.starts_with('#') || labels(line).is_some_and(|labels| all(&labels, &sees));
    let mut excerpt = String::with_capacity(text.len());
    for line in text.lines().filter(shown) {
        excerpt.push_str(line);
        excerpt.push('\n');
    }
    excerpt
}

fn all(labels: &[(&str, &str)], sees: impl Fn(&Named<'_>) -> bool) -> bool {
    labels.iter().all(|(name, value)| match *name {
        "purpose" => sees(&Named::Purpose(value)),
        "page" => sees(&Named::Page(value)),
        "token" => sees(&Named::Token(value)),
        name => PLAIN.contains(&name),
    })
}

/// The labels of a line. Ours are names, digits and codes, so there is nothing to unescape; none: it is no such line.
fn labels(line: &str) -> Option<Vec<(&str, &str)>> {
    let Some((_, rest)) = line.split_once('{') else { return Some(Vec::new()) };
    let (inside, _) = rest.rsplit_once('}')?;
    inside.split(',').map(label).collect()
}

fn label(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once("=\"")?;
    Some((name, value.strip_suffix('"')?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::ParkCode;
    use crate::purpose::PurposeId;
    use crate::telemetry::metrics::{Metrics, Readings};

    /// With something in every family.
    async fn everything() -> String {
        let metrics = Metrics::new();
        let page = |digits| crate::id::PageId::parse(digits).expect("an id");
        let purpose = |name| PurposeId::parse(name).expect("a name");
        metrics.read_from(move || {
            let records = vec![(purpose("devis"), 1), (purpose("lettre"), 2)];
            let paused = vec![(page("104"), ParkCode::TokenDead), (page("105"), ParkCode::PermissionMissing)];
            let tokens = vec![("0123456789abcdef".to_owned(), 3), ("105f456789abcdef".to_owned(), 3)];
            async { Readings { records, paused, tokens, ..Readings::default() } }
        });
        let listener = metrics.listener::<ParkCode, ParkCode>("public", &[ParkCode::TooOld]);
        listener.connections.inc();
        listener.turned_away.add(ParkCode::TooOld, 1);
        listener.heads_refused.add(ParkCode::TooOld, 1);
        metrics.inbox_syncs()(std::time::Duration::from_millis(3));
        metrics.graph_calls()(ParkCode::TokenDead, std::time::Duration::from_millis(3));
        metrics.render().await
    }

    #[tokio::test]
    async fn what_names_another_s_purpose_or_page_is_left_out_and_nothing_else_is() {
        let text = everything().await;
        let own = |named: &Named<'_>| {
            matches!(named, Named::Purpose("devis") | Named::Page("104") | Named::Token("0123456789abcdef"))
        };
        let seen = excerpt(&text, own);
        assert!(seen.contains("tamis_leads_stored_total{purpose=\"devis\"} 0\n"), "{seen}");
        assert!(seen.contains("tamis_page_paused{page=\"104\",code=\"token-dead\"} 1\n"), "{seen}");
        let foreign = |line: &&str| line.contains("lettre") || line.contains("105");
        assert!(!seen.lines().any(|line| foreign(&line)), "{seen}");
        let left_out: Vec<&str> =
            text.lines().filter(|line| !seen.lines().any(|kept| kept == *line)).collect();
        assert!(left_out.iter().all(foreign) && left_out.len() == 8, "{left_out:?}");
        assert!(seen.ends_with("# EOF\n"));
        assert_eq!(excerpt(&text, |_| true), text, "a label that is neither known nor plain");
    }

    #[test]
    fn what_cannot_be_read_or_is_new_is_left_out() {
        for line in [
            "a{form=\"901\"} 1",
            "a{purpose=\"devis\",form=\"901\"} 1",
            "a{purpose=devis} 1",
            "a{x",
            "a{x\"} 1",
        ] {
            assert_eq!(excerpt(&format!("{line}\n# EOF\n"), |_| true), "# EOF\n", "{line}");
        }
        assert_eq!(excerpt("a 1\n", |_| false), "a 1\n");
    }
}
