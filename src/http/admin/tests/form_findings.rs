//! What the form check found, as officers and viewers see it.

use super::*;
use crate::purpose::form_check::{Finding, FindingCode, FormLook, KeptFinding, Severity};

fn look() -> FormLook {
    let kept = |code, question: &str, ended: Option<&str>| KeptFinding {
        finding: Finding {
            severity: Severity::Warning,
            code,
            purpose: None,
            consent: None,
            question: Some(question.to_owned()),
        },
        first_seen: at("2026-11-20T08:00:00Z"),
        last_seen: at("2026-11-24T08:00:00Z"),
        ended: ended.map(at),
    };
    FormLook {
        form: ids().1,
        looked_at: at("2026-11-24T08:00:00Z"),
        revision: None,
        changed_at: None,
        findings: vec![
            kept(FindingCode::QuestionUnneeded, "lieu_de_naissance", None),
            kept(FindingCode::QuestionSpecial, "religion", Some("2026-11-24T08:00:00Z")),
        ],
    }
}

#[tokio::test]
async fn findings_are_listed_and_a_viewer_does_not_see_which_question_it_is() {
    let bench = Bench::new();
    bench.store.put_form_looks(vec![look()]).await.expect("kept");
    let (officer, viewer) = (bench.token(Role::Officer, &[]).await, bench.token(Role::Viewer, &[]).await);
    let exporter = bench.token(Role::Exporter, &["lettre"]).await;
    let get = async |token: &str, path: &str| bench.call(with(token, Method::GET, path)).await;
    let standing = "{\"forms\":[{\"form_id\":\"901000000000002\",\"looked_at\":\"2026-11-24T08:00:00Z\",\"changed_at\":null,\
        \"revision\":null,\"findings\":[{\"severity\":\"warning\",\"code\":\"question-unneeded\",\"purpose\":null,\
        \"question\":\"lieu_de_naissance\",\"asks\":\"date or place of birth\",\"first_seen_at\":\"2026-11-20T08:00:00Z\",\
        \"last_seen_at\":\"2026-11-24T08:00:00Z\",\"ended_at\":null}]}]}";
    assert_eq!(text_of(get(&officer, "/findings").await).await, standing);
    let bare =
        standing.replace("\"question\":\"lieu_de_naissance\",\"asks\":\"date or place of birth\",", "");
    assert_eq!(text_of(get(&viewer, "/findings").await).await, bare);
    let one = text_of(get(&officer, "/forms/901000000000002/findings").await).await;
    assert!(one.contains("\"ended_at\":\"2026-11-24T08:00:00Z\"") && one.contains("\"religion\""), "{one}");
    for (path, code) in [
        ("/forms/77/findings", refused(404, "form-unknown")),
        ("/forms/x/findings", refused(404, "form-unknown")),
    ] {
        assert_eq!(code_of(get(&officer, path).await).await, code, "{path}");
    }
    for path in ["/findings", "/forms/901000000000002/findings"] {
        assert_eq!(code_of(get(&exporter, path).await).await, refused(403, "role-insufficient"), "{path}");
    }
}
