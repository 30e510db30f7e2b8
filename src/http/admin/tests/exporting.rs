//! A page of records: its headers, its formats, its refusals.

use super::*;
use crate::http::admin::format::FormatName;

#[tokio::test]
async fn an_export_answers_with_its_headers_and_leaves_who_and_why() {
    let bench = Bench::new();
    // Counted from a day a year before: the first ends today.
    let test_lead = |number, days| stored_in("devis", number, true, days);
    let mut batch = vec![test_lead(1, 366), stored_in("devis", 2, false, 400)];
    batch.extend((3..=8).map(|number| test_lead(number, 400)));
    bench.store.settle(batch).await.expect("settled");
    let token = bench.token(Role::Exporter, &["devis"]).await;
    let response = bench.call(get(&token, "/purposes/devis/leads?format=csv&limit=5&test=only")).await;
    assert_eq!(response.status(), 200);
    let header =
        |name: &str| response.headers().get(name).expect("a header").to_str().expect("text").to_owned();
    assert_eq!(header("tamis-next-cursor"), "devis-1-7");
    assert_eq!(header("tamis-more"), "true");
    assert_eq!(header("link"), "<?after=devis-1-7&format=csv&limit=5&test=only>; rel=\"next\"");
    assert_eq!(header("tamis-records"), "5");
    assert!(response.headers().get("tamis-test-left-out").is_none(), "none was left out unasked");
    assert_eq!(header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(header("content-disposition"), "attachment; filename=\"devis.csv\"");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let body = text_of(response).await;
    let mut lines = body.split_terminator("\r\n");
    let expected =
        "id,purpose,created_time,received_at,form_id,page_id,full_name,email,expires_at,reconfirm_due,test";
    assert_eq!(lines.next(), Some(expected));
    let records = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let records: Vec<_> = records.map(|cells| (cells[0].to_owned(), cells[7].to_owned())).collect();
    let expected = (3..=7).map(|number| (format!("devis-1-{number}"), email_of(number)));
    assert_eq!(records, expected.collect::<Vec<_>>());
    let entry = bench.last_entry().await;
    assert_eq!((entry.action(), entry.role()), (Action::Exported, Role::Exporter));
    assert_eq!((entry.recipient(), entry.reason()), (Some("crm"), Some(Reason::CrmSync)));
    let plain = bench.call(get(&token, "/purposes/devis/leads")).await;
    for (name, value) in [
        ("tamis-test-left-out", "6"),
        ("tamis-expired-left-out", "1"),
        ("tamis-records", "1"),
        ("tamis-more", "false"),
    ] {
        assert_eq!(plain.headers().get(name).expect("a header"), value, "{name}");
    }
    assert!(plain.headers().get("link").is_none(), "there is no next page");
}

#[tokio::test]
async fn an_empty_page_is_whole_in_every_format() {
    let bench = Bench::new();
    let token = bench.token(Role::Exporter, &["devis"]).await;
    let ndjson = bench.call(get(&token, "/purposes/devis/leads")).await;
    assert_eq!(ndjson.headers().get("content-type").expect("a header"), "application/x-ndjson");
    assert_eq!(text_of(ndjson).await, "");
    let json = bench.call(get(&token, "/purposes/devis/leads?format=json&after=devis-1-0")).await;
    assert_eq!(text_of(json).await, r#"{"leads":[],"next_cursor":"devis-1-0","more":false}"#);
}

#[tokio::test]
async fn without_a_format_the_header_decides_and_what_is_refused_leaves_no_line() {
    let bench = Bench::new();
    let token = bench.token(Role::Exporter, &["devis"]).await;
    let asked = |path: &str, accept| get(&token, path).insert_header(("Accept", accept));
    let kind = async |path, accept| {
        let response = bench.call(asked(path, accept)).await;
        response.headers().get("content-type").expect("a header").to_str().expect("text").to_owned()
    };
    assert_eq!(
        kind("/purposes/devis/leads", "text/*;q=0.5, text/html").await,
        FormatName::Csv.content_type()
    );
    assert_eq!(kind("/purposes/devis/leads", "application/json").await, "application/json");
    assert_eq!(kind("/purposes/devis/leads?format=json", "text/csv").await, "application/json");
    let lines = bench.entries().await.len();
    let refused = bench.call(asked("/purposes/devis/leads", "text/html")).await;
    assert_eq!(code_of(refused).await, self::refused(406, "not-acceptable"));
    assert_eq!(bench.entries().await.len(), lines);
}

#[tokio::test]
async fn a_cursor_that_is_ahead_is_a_problem_that_names_the_one_to_go_on_after() {
    let bench = Bench::new();
    let token = bench.token(Role::Exporter, &["devis"]).await;
    bench.store.settle(vec![stored_in("devis", 1, false, 400)]).await.expect("settled");
    let refused = bench.call(get(&token, "/purposes/devis/leads?after=devis-1-2")).await;
    assert_eq!(refused.status(), 409);
    let problem: serde_json::Value = serde_json::from_str(&text_of(refused).await).expect("JSON");
    assert_eq!((&problem["code"], &problem["resume_after"]), (&"cursor-ahead".into(), &"devis-1-1".into()));
}

#[tokio::test]
async fn a_record_that_does_not_open_breaks_the_transfer() {
    let bench = Bench::new();
    let token = bench.token(Role::Exporter, &["devis"]).await;
    bench.store.settle(vec![stored_in("devis", 1, false, 400)]).await.expect("settled");
    let row = Row::Record(RecordId::parse("devis-1-1").expect("an id"));
    let mut record = bench.host.take(&row);
    *record.last_mut().expect("bytes") ^= 1;
    bench.host.put(&row, record);
    let response = bench.call(get(&token, "/purposes/devis/leads?format=json")).await;
    assert_eq!(response.status(), 200);
    assert!(to_bytes(response.into_body()).await.is_err());
}
