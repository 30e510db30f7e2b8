//! One submission, several purposes: an end for each, and one parked reference for what is open.

use super::Host;
use super::support::*;
use crate::lead::{Dropped, sample};
use crate::notification::{ParkCode, Why};
use crate::purpose::{DropCode, PurposeId};
use crate::store::{Outcome, Requeue, Settlement, SharedStore, StoreCode, Verdict, Wanted};
use crate::trail::Action;

const MISSING: ParkCode = ParkCode::RequiredFieldMissing;

/// What each purpose makes of lead `number`: `+` stores, `-` refuses, `0` was not asked for, `!` is too large.
pub(super) fn sieved(number: u64, verdicts: &[&str]) -> Settlement {
    let verdict = |spec: &&str| {
        let (kind, name) = spec.split_at(1);
        match kind {
            "+" => Verdict::Stored(Box::new(sample::lead(name, &email_of(number), false, later(10)))),
            "!" => Verdict::Stored(Box::new(sample::lead(name, &"x".repeat(17 * 1024), false, later(10)))),
            "-" => Verdict::Refused(purpose(name), MISSING),
            _ => Verdict::NotAsked(purpose(name)),
        }
    };
    Settlement { outcome: Outcome::Sieved(verdicts.iter().map(verdict).collect()), ..parked(number, 1, HELD) }
}

/// Parked, matched to these.
pub(super) fn matched(number: u64, purposes: &[&str], why: Why) -> Settlement {
    Settlement { matched: names(purposes), ..parked(number, 1, why) }
}

pub(super) fn names(purposes: &[&str]) -> Vec<PurposeId> {
    purposes.iter().map(|name| purpose(name)).collect()
}

pub(super) async fn settle(store: &SharedStore, settlement: Settlement) -> String {
    words(&store.settle(vec![settlement]).await.expect("settled")).concat()
}

/// What became of a lead, by purpose.
pub(super) async fn fates(store: &SharedStore, number: u64) -> String {
    let fates = store.seen(&leadgen(number)).await.expect("an answer");
    let shown = fates.iter().map(|fate| match &fate.purpose {
        Some(purpose) => format!("{purpose}: {}", word(&fate.state)),
        None => word(&fate.state),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// What is claimed now: its number, the purposes for which it is open, and whether it has its end for others.
pub(super) async fn claimed(store: &SharedStore) -> Option<(String, bool)> {
    let (_, claims) = store.claim_due(due(0), 1, &all_claimed()).await.expect("an answer")?;
    let open: Vec<&str> = claims[0].purposes.iter().map(PurposeId::as_str).collect();
    Some((open.join(" "), claims[0].others_ended))
}

pub(super) async fn nothing_is_wrong(store: &SharedStore) {
    assert_eq!(scan(store, 10).await.map(|scanned| scanned.faults), Ok(Vec::new()));
}

pub(super) async fn requeue(store: &SharedStore, which: Requeue) -> u64 {
    store.requeue(which, by_officer(Action::Requeued)).await.expect("brought back")
}

pub(crate) async fn each_purpose_has_a_record_with_a_number_and_a_line_of_its_own<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![stored(1)]).await.expect("settled");
    let batch = vec![sieved(2, &["+devis", "+lettre"]), sieved(3, &["+devis", "0lettre"])];
    let settled = store.settle(batch).await.expect("settled");
    assert_eq!(words(&settled), ["devis-1-2 lettre-1-1", "devis-1-3 not-asked"]);
    assert_eq!(fates(&store, 2).await, "devis: devis-1-2, lettre: lettre-1-1");
    assert_eq!(fates(&store, 3).await, "devis: devis-1-3, lettre: not-asked");
    let lines = store.lines(1, 10).await.expect("a trail");
    let told: Vec<(String, u64)> = lines
        .iter()
        .map(|line| {
            (
                line.entry.purpose.clone().map(|purpose| purpose.to_string()).unwrap_or_default(),
                line.entry.count,
            )
        })
        .collect();
    assert_eq!(told, [("devis".to_owned(), 2), ("lettre".to_owned(), 1)], "one a purpose");
    let counted = store.stored().await.expect("counted");
    assert_eq!(names(&["devis", "lettre"]).iter().map(|one| counted[one]).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(store.known(&[reference(2), reference(3), reference(4)]).await, Ok(vec![true, true, false]));
    assert_eq!(export(&store, 10).await, Ok((1..=3).map(email_of).collect::<Vec<_>>()));
    nothing_is_wrong(&store).await;
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(fates(&store, 2).await, "devis: devis-1-2, lettre: lettre-1-1");
    assert_eq!(settle(&store, sieved(2, &["+devis", "+lettre"])).await, "known");
}

pub(crate) async fn a_look_up_gives_each_purpose_and_a_line_for_each_record<H: Host>() {
    let host = H::new();
    let store = host.open();
    settle(&store, sieved(1, &["+devis", "-appels", "0enquete", "+lettre"])).await;
    let found = store.find(Wanted::Leadgen(leadgen(1)), by_officer(Action::Found)).await.expect("found");
    let shown: Vec<(String, String, bool)> = found
        .iter()
        .map(|found| {
            let purpose = found.purpose.clone().map(|purpose| purpose.to_string());
            (purpose.unwrap_or_default(), word(&found.state), found.lead.is_some())
        })
        .collect();
    let one = |purpose: &str, word: &str, open| (purpose.to_owned(), word.to_owned(), open);
    assert_eq!(
        shown,
        [
            one("appels", "required-field-missing", false),
            one("devis", "devis-1-1", true),
            one("enquete", "not-asked", false),
            one("lettre", "lettre-1-1", true),
        ]
    );
    let lines = store.lines(2, 10).await.expect("a trail");
    let told: Vec<_> =
        lines.iter().map(|line| (line.entry.purpose.clone(), line.entry.from.clone())).collect();
    let line = |name: &str, id: &str| (Some(purpose(name)), Some(record(id)));
    assert_eq!(told, [line("devis", "devis-1-1"), line("lettre", "lettre-1-1")]);
    let found = store.find(Wanted::Record(record("lettre-1-1")), by_officer(Action::Found)).await;
    assert_eq!(found.map(|found| found.len()), Ok(1), "by its own id a record is found alone");
}

pub(crate) async fn what_is_refused_for_some_is_one_parked_reference_open_for_these_alone<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert_eq!(settle(&store, sieved(1, &["+devis", "-lettre"])).await, "devis-1-1 required-field-missing");
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: required-field-missing");
    assert_eq!((claimed(&store).await, store.parked().await), (None, Ok(0)), "it waits for nobody");
    let refused = store.overview().await.expect("an overview").refused;
    let shown: Vec<_> = refused.iter().map(|one| (one.purpose.clone(), one.code, one.count)).collect();
    assert_eq!(shown, [(Some(purpose("lettre")), MISSING, 1)]);
    nothing_is_wrong(&store).await;
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(requeue(&store, Requeue::Code(MISSING)).await, 1);
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: required-field-missing");
    assert_eq!(store.parked().await, Ok(1));
    assert_eq!(claimed(&store).await, Some(("lettre".to_owned(), true)));
    assert_eq!(
        store.known(&[reference(1), reference_of(1, 2)]).await,
        Ok(vec![true, true]),
        "Graph has spoken"
    );
    let again = sieved(1, &["+devis", "+lettre", "+appels"]);
    assert_eq!(
        settle(&store, again).await,
        "lettre-1-1",
        "what is stored stays, what came later gets nothing"
    );
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: lettre-1-1");
    assert_eq!((store.parked().await, store.sealed_days().await), (Ok(0), Ok(Vec::new())));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn each_refusal_has_its_own_code_and_is_brought_back_by_any_of_them<H: Host>() {
    let host = H::new();
    let store = host.open();
    let large = || sieved(1, &["!devis", "-lettre", "0appels"]);
    assert_eq!(settle(&store, large()).await, "record-too-large required-field-missing not-asked");
    assert_eq!(
        fates(&store, 1).await,
        "appels: not-asked, devis: record-too-large, lettre: required-field-missing"
    );
    let overview = store.overview().await.expect("an overview");
    assert_eq!(overview.refused.iter().map(|one| one.count).collect::<Vec<_>>(), [1]);
    let buried: Vec<_> = overview.buried.iter().map(|one| (one.purpose.clone(), one.code)).collect();
    assert_eq!(buried, [(Some(purpose("devis")), ParkCode::RecordTooLarge)]);
    for which in [
        Requeue::Code(ParkCode::RecordTooLarge),
        Requeue::Code(MISSING),
        Requeue::Form(form_id(1)),
        Requeue::Ref(1),
    ] {
        assert_eq!(requeue(&store, Requeue::Code(ParkCode::ConsentMissing)).await, 0);
        assert_eq!(requeue(&store, which).await, 1);
        assert_eq!(requeue(&store, Requeue::Form(form_id(1))).await, 0, "it is due already");
        let overview = store.overview().await.expect("an overview");
        assert_eq!((overview.refused.len(), overview.buried.len(), overview.waiting), (0, 0, 1));
        assert_eq!(claimed(&store).await, Some(("devis lettre".to_owned(), true)));
        assert_eq!(settle(&store, large()).await, "record-too-large required-field-missing");
    }
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&0));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn the_purposes_are_fixed_when_the_form_is_matched<H: Host>() {
    let host = H::new();
    let store = host.open();
    settle(&store, matched(1, &["devis"], waiting(0, 1))).await;
    assert_eq!(fates(&store, 1).await, "devis: graph-unavailable");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(claimed(&store).await, Some(("devis".to_owned(), false)));
    settle(&store, matched(1, &["devis", "lettre"], waiting(0, 2))).await;
    assert_eq!(
        claimed(&store).await,
        Some(("devis".to_owned(), false)),
        "a purpose added later does not reach back"
    );
    settle(&store, parked(1, 1, HELD)).await;
    assert_eq!(claimed(&store).await, Some(("devis".to_owned(), false)), "nor over a time without any");
    assert_eq!(settle(&store, sieved(1, &["+devis", "+lettre"])).await, "devis-1-1");
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1");
    // Where none of them has the form any more, whoever has it gets what nothing was made of.
    settle(&store, matched(2, &["devis"], waiting(0, 1))).await;
    assert_eq!(settle(&store, sieved(2, &["+lettre"])).await, "lettre-1-1");
    assert_eq!(fates(&store, 2).await, "lettre: lettre-1-1");
    nothing_is_wrong(&store).await;
}

pub(crate) async fn a_reference_expires_for_the_purposes_for_which_it_was_open<H: Host>() {
    let host = H::new();
    let store = host.open();
    settle(&store, sieved(1, &["+devis", "-lettre"])).await;
    settle(&store, matched(2, &["devis", "lettre"], waiting(60, 1))).await;
    host.pass_days(&store, 91);
    assert_eq!(store.expire_parked().await, Ok(2));
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: for good: too-old");
    assert_eq!(fates(&store, 2).await, "devis: for good: too-old, lettre: for good: too-old");
    assert_eq!(store.known(&[reference(1), reference(2)]).await, Ok(vec![true, true]));
    assert_eq!(settle(&store, sieved(1, &["+lettre"])).await, "known");
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_is_let_go_is_forgotten_unless_some_purpose_has_it<H: Host>() {
    let host = H::new();
    let store = host.open();
    settle(&store, sieved(1, &["+devis", "-lettre"])).await;
    assert_eq!(requeue(&store, Requeue::Code(MISSING)).await, 1);
    assert!(claimed(&store).await.is_some());
    settle(&store, parked(1, 1, HELD)).await;
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: form-unclaimed");
    assert_eq!(store.drop_held(form_id(1), by_officer(Action::HeldDropped)).await, Ok(1));
    assert_eq!((fates(&store, 1).await, store.parked().await), ("devis: devis-1-1".to_owned(), Ok(0)));
    assert_eq!(store.known(&[reference(1)]).await, Ok(vec![true]), "no second record of it");
    nothing_is_wrong(&store).await;
}

pub(crate) async fn all_purposes_of_a_submission_are_settled_or_none<H: Host>() {
    let host = H::new();
    let store = host.open();
    let mut dropped = Dropped::default();
    dropped.note("budget");
    let batch = vec![Settlement { dropped, ..sieved(1, &["+devis", "+inconnu"]) }];
    assert_eq!(code(store.settle(batch).await), Some(StoreCode::PurposeUnknown));
    assert_eq!(fates(&store, 1).await, "");
    assert_eq!(store.dropped().await, Ok(Vec::new()));
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&0));
    assert_eq!(settle(&store, sieved(1, &["+lettre", "+devis"])).await, "lettre-1-1 devis-1-1");
}

/// The one that was named wrongly ends, whatever the purposes made of the true one.
pub(crate) async fn what_was_named_with_another_form_ends_with_the_first_purpose_that_has_its_say<H: Host>() {
    for verdicts in [&["+devis", "-lettre"][..], &["0devis", "0lettre"], &["-devis", "-lettre"]] {
        let host = H::new();
        let store = host.open();
        store.settle(vec![parked(1, 2, waiting(60, 1)), parked(1, 3, HELD)]).await.expect("settled");
        settle(&store, sieved(1, verdicts)).await;
        assert_eq!(store.parked().await, Ok(0));
        let known = store.known(&[reference_of(1, 2), reference_of(1, 3), reference_of(1, 4)]).await;
        assert_eq!(known, Ok(vec![true; 3]), "{verdicts:?}");
        nothing_is_wrong(&store).await;
    }
}

/// A requeue looks again at what some purpose refused, and drops again what it dropped: that is counted already.
pub(crate) async fn what_was_dropped_is_counted_by_its_reason_and_once_however_often_it_is_read<H: Host>() {
    for verdicts in [&["-devis", "-lettre"][..], &["+devis", "-lettre"]] {
        let host = H::new();
        let store = host.open();
        let with_dropped = |verdicts| {
            let mut dropped = Dropped::default();
            for code in [DropCode::ConsentNotGiven, DropCode::NotWhitelisted] {
                dropped.note_for("phone", code);
            }
            Settlement { dropped, ..sieved(1, verdicts) }
        };
        let counts = async || {
            let counts = store.dropped().await.expect("counts");
            counts
                .iter()
                .map(|field| format!("{} {} {}", field.name, field.code, field.count))
                .collect::<Vec<_>>()
        };
        settle(&store, with_dropped(verdicts)).await;
        let once = ["phone not-whitelisted 1", "phone consent-not-given 1"];
        assert_eq!(counts().await, once, "{verdicts:?}");
        // Graph is away the first time, the rule says no the second time, and at last it is mended.
        assert_eq!(requeue(&store, Requeue::Code(MISSING)).await, 1);
        assert!(claimed(&store).await.is_some());
        settle(&store, parked(1, 1, waiting(0, 1))).await;
        for again in [&["-lettre"][..], &["+lettre"]] {
            // Where one purpose is due already, it needs no more.
            assert!(requeue(&store, Requeue::Ref(1)).await <= 1);
            assert!(claimed(&store).await.is_some());
            settle(&store, with_dropped(again)).await;
            assert_eq!(counts().await, once, "{verdicts:?}, {again:?}");
        }
        nothing_is_wrong(&store).await;
    }
}
