//! Checkpoints of the trail: what is answered, to whom, and of which lines there is none.

use super::*;
use crate::checkpoint::Checkpoint;
use crate::forget::receipt::note::{KeyName, SigningKey, VerifierKey};
use crate::secret::Key;
use crate::store::Checkpoints;

fn key() -> SigningKey {
    SigningKey::from_seed(KeyName::parse("leads.lumen.example/trail").expect("a name"), Key::new([7; 32]))
}

/// What checkpoints of this store are made with.
pub(super) fn of(store: &SharedStore) -> Data<Checkpoints> {
    Data::new(Checkpoints::new(store.clone(), Box::new(|| Some(key()))))
}

/// What an answer holds, by the key that it names.
fn opened(answer: &serde_json::Value) -> Checkpoint {
    let key = VerifierKey::parse(answer["key"].as_str().expect("a key")).expect("a key");
    let note = answer["note"].as_str().expect("a note");
    let checkpoint = Checkpoint::open(note.as_bytes(), &key).expect("signed");
    assert_eq!(answer["lines"].as_u64(), Some(checkpoint.lines()));
    checkpoint
}

#[tokio::test]
async fn the_newest_and_that_of_each_line_are_those_of_the_trail_and_the_same_each_time() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    for number in 1..=4 {
        bench.store.settle(vec![stored(number)]).await.expect("settled");
        bench.host.clock.advance_ms(1_500);
    }
    let lines = bench.store.lines(0, 100).await.expect("a trail");
    assert_eq!(lines.len(), 5);
    for line in &lines {
        let path = format!("/trail/checkpoint?line={}", line.seq);
        let answer = json_of(bench.call(get(&officer, &path)).await).await;
        assert_eq!(opened(&answer), Checkpoint::of(Some(line)));
        assert_eq!(answer["key"], key().verifier().to_string());
    }
    let newest = json_of(bench.call(get(&officer, "/trail/checkpoint")).await).await;
    assert_eq!(newest, json_of(bench.call(get(&officer, "/trail/checkpoint?line=5")).await).await);
    assert_eq!(bench.entries().await.len(), 5, "looking is no line");
}

#[tokio::test]
async fn of_a_line_that_is_not_there_or_has_had_its_time_there_is_none() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    let code = async |path: &str| code_of(bench.call(get(&officer, path)).await).await;
    for bad in ["line=0", "line=", "line=-1", "line=1&line=1", "line=18446744073709551616"] {
        let path = format!("/trail/checkpoint?{bad}");
        assert_eq!(code(&path).await, refused(400, "parameter-invalid"), "{bad}");
    }
    assert_eq!(code("/trail/checkpoint?after=1").await, refused(400, "parameter-unknown"));
    for beyond in ["2", "18446744073709551615"] {
        let path = format!("/trail/checkpoint?line={beyond}");
        assert_eq!(code(&path).await, refused(404, "trail-line-unknown"), "{beyond}");
    }
    bench.store.settle(vec![stored(1)]).await.expect("settled");
    bench.host.pass_days(&bench.store, 70);
    bench.store.settle(vec![stored(2)]).await.expect("settled");
    assert_eq!(bench.store.drop_lines(1).await, Ok(2));
    // The token has ended by then.
    let officer = bench.token(Role::Officer, &[]).await;
    let gone = code_of(bench.call(get(&officer, "/trail/checkpoint?line=2")).await).await;
    assert_eq!(gone, refused(404, "trail-line-unknown"));
    assert_eq!(bench.call(get(&officer, "/trail/checkpoint?line=3")).await.status(), 200);
}

#[tokio::test]
async fn a_trail_that_does_not_chain_gets_no_signature() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    for number in 1..=3 {
        bench.store.settle(vec![stored(number)]).await.expect("settled");
    }
    let mut line = bench.host.take(&Row::Line(3));
    line[2] ^= 1;
    bench.host.put(&Row::Line(3), line);
    let path = "/trail/checkpoint?line=3";
    assert_eq!(code_of(bench.call(get(&officer, path)).await).await, refused(500, "trail-broken"));
    assert_eq!(bench.call(get(&officer, "/trail/checkpoint?line=2")).await.status(), 200);
    drop(bench.host.take(&Row::Line(4)));
    assert_eq!(
        code_of(bench.call(get(&officer, "/trail/checkpoint")).await).await,
        refused(500, "trail-broken")
    );
}

#[tokio::test]
async fn who_may_read_the_trail_gets_its_checkpoints_and_nobody_else() {
    let bench = Bench::new();
    for (role, status) in
        [(Role::Viewer, 403), (Role::Exporter, 403), (Role::Officer, 200), (Role::Admin, 200)]
    {
        let token = bench.token(role, &["devis"]).await;
        let answer = bench.call(get(&token, "/trail/checkpoint")).await;
        assert_eq!(answer.status().as_u16(), status, "{role}");
    }
}
