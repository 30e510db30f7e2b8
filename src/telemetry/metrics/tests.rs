use super::*;
use crate::attention::AttentionCode;
use crate::id::PageId;
use crate::notification::{ChangeCode, ParkCode};
use crate::purpose::PurposeId;

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
}

fn page(digits: &str) -> PageId {
    PageId::parse(digits).expect("an id")
}

#[tokio::test]
async fn the_text_has_every_family_with_its_prefix() {
    let metrics = Metrics::new();
    let at = |second| Timestamp::from_second(second).expect("in range");
    metrics.taken(at(1_764_000_000), std::time::Duration::from_millis(2));
    metrics.taken(at(1_763_999_999), std::time::Duration::from_millis(40));
    metrics.not_taken(503);
    metrics.parked(ParkCode::FormUnclaimed);
    metrics.changes(ChangeCode::ValuesOff, 2);
    metrics.kept(at(1_764_000_000), at(1_764_000_007));
    metrics.kept(at(1_764_000_000), at(1_763_000_000));
    metrics.read_from(|| async {
        Readings { inbox_queued: 3, ready: true, disk: (7, 5), ..Readings::default() }
    });
    let counts = LogCounts::default();
    counts.lost(LogPlace::Stderr, 7);
    counts.malformed();
    metrics.count_log(counts);
    let text = metrics.render().await;
    for line in [
        "tamis_notifications_total{answer=\"200\"} 2",
        "tamis_notifications_total{answer=\"503\"} 1",
        "tamis_webhook_seconds_count 2",
        "tamis_last_call_timestamp_seconds 1764000000",
        "tamis_last_stored_timestamp_seconds 1764000007",
        "tamis_lead_delay_seconds_sum 7.0",
        "tamis_lead_delay_seconds_count 2",
        "tamis_changes_total{kind=\"values-off\"} 2",
        "tamis_leads_parked_total{code=\"form-unclaimed\"} 1",
        "tamis_inbox_queued 3",
        "tamis_disk_free_bytes 7",
        "tamis_ready 1",
        "tamis_log_lines_lost_total{place=\"stderr\"} 7",
        "tamis_log_lines_lost_total{place=\"file\"} 0",
        "tamis_malformed_connections_total 1",
    ] {
        has(&text, line);
    }
    assert!(text.lines().all(|line| line.starts_with("tamis_") || line.starts_with('#')), "{text}");
    assert_eq!(
        (metrics.last_call(), metrics.last_stored()),
        (Some(at(1_764_000_000)), Some(at(1_764_000_007)))
    );
}

#[tokio::test]
async fn what_has_not_happened_yet_is_counted_as_nothing() {
    let metrics = Metrics::new();
    let purpose = PurposeId::parse("devis").expect("a name");
    metrics.read_from(move || {
        let (records, pages) = (vec![(purpose.clone(), 0)], vec![page("104")]);
        async { Readings { records, pages, ..Readings::default() } }
    });
    let _told = metrics.graph_calls::<ParkCode>();
    let _counts = metrics.listener::<ChangeCode, ParkCode>("public", &[ParkCode::TooOld]);
    let text = metrics.render().await;
    for line in [
        "tamis_changes_total{kind=\"values-off\"} 0",
        "tamis_leads_parked_total{code=\"form-unclaimed\"} 0",
        "tamis_notifications_total{answer=\"503\"} 0",
        "tamis_admin_requests_total{answer=\"other\"} 0",
        "tamis_leads_stored_total{purpose=\"devis\"} 0",
        "tamis_leads_exported_total{purpose=\"devis\"} 0",
        "tamis_page_paused{page=\"104\",code=\"token-dead\"} 0",
        "tamis_oldest_waiting_seconds{state=\"held\"} 0",
        "tamis_last_call_timestamp_seconds 0",
        "tamis_webhook_seconds_bucket{le=\"+Inf\"} 0",
        "tamis_graph_calls_total{outcome=\"token-dead\"} 0",
        "tamis_heads_refused_total{listener=\"public\",code=\"too-old\"} 0",
        "tamis_connections_turned_away_total{listener=\"public\",code=\"values-off\"} 0",
    ] {
        has(&text, line);
    }
    for code in AttentionCode::ALL {
        has(&text, &format!("tamis_attention{{code=\"{code}\"}} 0"));
    }
    has(&text, "tamis_form_findings{code=\"link-missing\"} 0");
    has(&text, "tamis_form_look_seconds 0");
    assert_eq!((metrics.last_call(), metrics.last_stored()), (None, None));
}

#[tokio::test]
async fn a_page_that_is_open_again_and_a_token_that_is_gone_are_shown_as_such() {
    let metrics = Metrics::new();
    let rounds = std::sync::atomic::AtomicUsize::new(0);
    metrics.read_from(move || {
        let is_first = rounds.fetch_add(1, Ordering::Relaxed) == 0;
        let paused = if is_first { vec![(page("104"), ParkCode::TokenDead)] } else { Vec::new() };
        let tokens = if is_first { vec![("0123456789abcdef".to_owned(), -2)] } else { Vec::new() };
        async { Readings { pages: vec![page("104")], paused, tokens, ..Readings::default() } }
    });
    let first = metrics.render().await;
    has(&first, "tamis_page_paused{page=\"104\",code=\"token-dead\"} 1");
    has(&first, "tamis_token_days_left{token=\"0123456789abcdef\"} -2");
    let second = metrics.render().await;
    has(&second, "tamis_page_paused{page=\"104\",code=\"token-dead\"} 0");
    assert!(!second.contains("tamis_token_days_left{"), "{second}");
}
