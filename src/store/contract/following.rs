//! What recipients must follow: who is told of what, in which order, until they have applied it.

use std::sync::Arc;

use super::Host;
use super::consenting::{confirm, withdraw};
use super::handed::{erase, hand, on_behalf_of};
use super::rewriting::holding;
use super::several::nothing_is_wrong;
use super::support::*;
use crate::clock::Day;
use crate::lead::{Revision, sample};
use crate::purpose::sample::purpose as purpose_of;
use crate::purpose::{Basis, FieldName, Remit};
use crate::store::{
    Applied, CHANGES_LISTED_MAX, ChangesPage, FeedStanding, MayLeave, One, PageRequest, RewriteCause,
    RewriteRequest, Rewritten, SharedStore, Wanted,
};
use crate::trail::{Action, Entry, Outcome};

/// Reading or applying, on behalf of this recipient.
fn following(recipient: &str, action: Action) -> Entry {
    crate::trail::Entry::by_system_for(action, recipient)
}

async fn page(store: &SharedStore, recipient: &str, after: Option<u64>, limit: usize) -> Option<ChangesPage> {
    let entry = following(recipient, Action::ChangesRead);
    store.changes(recipient.to_owned(), after, limit, entry).await.expect("read")
}

/// All that waits for a recipient, as words: number, kind, record, consent.
async fn told(store: &SharedStore, recipient: &str) -> Vec<String> {
    let page = page(store, recipient, None, CHANGES_LISTED_MAX).await.expect("no number was said");
    assert!(!page.more);
    let said = page.changes.into_iter().map(|change| {
        let consent = change.consent.map(|consent| format!(" {consent}")).unwrap_or_default();
        format!("{} {} {}{consent}", change.n, change.kind, change.id)
    });
    said.collect()
}

async fn applied(store: &SharedStore, recipient: &str, up_to: u64) -> Option<Applied> {
    let entry = following(recipient, Action::ChangesApplied);
    store.apply_changes(recipient.to_owned(), up_to, entry).await.expect("answered")
}

async fn standing(store: &SharedStore, recipient: &str) -> FeedStanding {
    let feeds = store.feeds().await.expect("read");
    feeds.into_iter().find(|feed| feed.recipient == recipient).expect("it has a feed")
}

/// The trail's lines about feeds: what, how many, for whom.
async fn lines(store: &SharedStore) -> Vec<String> {
    let lines = store.lines(0, 10_000).await.expect("a trail");
    let about = lines.iter().filter(|line| line.entry.action().as_str().starts_with("changes"));
    let said = about.map(|line| {
        let (entry, nothing) = (&line.entry, line.entry.result == Outcome::Nothing);
        let nothing = if nothing { " nothing" } else { "" };
        format!("{} {} {}{nothing}", entry.action(), entry.count, entry.recipient().unwrap_or("-"))
    });
    said.collect()
}

fn until(days: u32) -> Day {
    Day::of(start()).plus(days)
}

pub(crate) async fn what_became_of_a_record_is_told_to_whoever_was_handed_it_also_after_a_restart<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 6).await;
    hand(&store, Some("crm"), 0, 3).await;
    hand(&store, Some("agency"), 1, 2).await;
    hand(&store, None, 0, 6).await;
    let corrected = vec![(record("devis-1-2"), holding("marie@canary.example"))];
    let request = RewriteRequest { records: corrected, cause: RewriteCause::Person };
    store.rewrite(request, by_officer(Action::Corrected)).await.expect("corrected");
    for day in [3, 4] {
        // Renewed, it is told once.
        let restricted = store.restrict(record("devis-1-1"), until(day), by_officer(Action::Restricted));
        restricted.await.expect("restricted");
    }
    store.restrict(record("devis-1-5"), until(4), by_officer(Action::Restricted)).await.expect("restricted");
    erase(&store, [2, 3, 4]).await;
    let lifting = by_officer(Action::RestrictionLifted);
    assert_eq!(store.lift_restriction(record("devis-1-1"), lifting.clone()).await, Ok(true));
    assert_eq!(store.lift_restriction(record("devis-1-1"), lifting).await, Ok(false));
    let crm = [
        "1 corrected devis-1-2",
        "2 restricted devis-1-1",
        "3 erased devis-1-2",
        "4 erased devis-1-3",
        "5 released devis-1-1",
    ];
    let agency = ["1 corrected devis-1-2", "2 erased devis-1-2", "3 erased devis-1-3"];
    for _ in 0..2 {
        assert_eq!(told(&store, "crm").await, crm);
        assert_eq!(told(&store, "agency").await, agency);
        assert_eq!(told(&store, "nobody").await, [""; 0]);
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    nothing_is_wrong(&store).await;
}

pub(crate) async fn a_change_stays_until_it_is_applied_and_applying_it_twice_is_once<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 9).await;
    hand(&store, Some("crm"), 0, 9).await;
    erase(&store, [1, 2, 3, 4]).await;
    host.pass_days(&store, 1);
    erase(&store, [6]).await;
    assert_eq!(standing(&store, "crm").await.oldest, Some(start()));
    // In the middle of what was erased at once.
    assert_eq!(applied(&store, "crm", 2).await, Some(Applied { changes: 2, applied: 2 }));
    assert_eq!(applied(&store, "crm", 2).await, Some(Applied { changes: 0, applied: 2 }));
    assert_eq!(applied(&store, "crm", 1).await, Some(Applied { changes: 0, applied: 2 }));
    let left = ["3 erased devis-1-3", "4 erased devis-1-4", "5 erased devis-1-6"];
    for _ in 0..2 {
        assert_eq!(told(&store, "crm").await, left);
        let found = page(&store, "crm", Some(3), 1).await.expect("it was given");
        assert_eq!((found.changes[0].n, found.more, found.applied), (4, true, 2));
        // What is applied does not come back, whatever is asked for.
        assert_eq!(page(&store, "crm", Some(0), 1).await.expect("before all").changes[0].n, 3);
        assert_eq!(page(&store, "crm", Some(6), 9).await, None, "it was never given");
        assert_eq!(applied(&store, "crm", 6).await, None);
        assert_eq!(applied(&store, "nobody", 0).await, None);
        let feed = standing(&store, "crm").await;
        assert_eq!((feed.waiting, feed.last, feed.oldest), (3, 5, Some(start())));
        assert_eq!((feed.told.0, feed.applied.0, feed.dropped), (5, 2, 0));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    assert_eq!(applied(&store, "crm", 5).await, Some(Applied { changes: 3, applied: 5 }));
    assert_eq!(told(&store, "crm").await, [""; 0]);
    let feed = standing(&store, "crm").await;
    assert_eq!((feed.waiting, feed.oldest, feed.applied), (0, None, (5, Some(later(1)))));
    erase(&store, [7]).await;
    assert_eq!(told(&store, "crm").await, ["6 erased devis-1-7"], "no number is given twice");
}

pub(crate) async fn an_erasure_knows_who_was_told_and_who_has_applied_it<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 4).await;
    hand(&store, Some("agency"), 0, 2).await;
    hand(&store, Some("crm"), 0, 4).await;
    hand(&store, None, 0, 4).await;
    let erasure = erase(&store, [1, 2]).await;
    let other = erase(&store, [4]).await;
    let followed = async |store: &SharedStore, erasure| {
        let followed = store.followed(erasure).await.expect("read").into_iter();
        followed.map(|one| (one.recipient, one.told, one.confirmed)).collect::<Vec<_>>()
    };
    let of = |recipient: &str, told, confirmed| (recipient.to_owned(), told, confirmed);
    assert_eq!(followed(&store, erasure).await, [of("agency", None, None), of("crm", None, None)]);
    host.pass_days(&store, 1);
    // One of its two records is not yet all of it.
    page(&store, "crm", None, 1).await.expect("read");
    assert_eq!(followed(&store, erasure).await[1], of("crm", None, None));
    page(&store, "crm", Some(1), 1).await.expect("read");
    host.pass_days(&store, 1);
    assert_eq!(applied(&store, "crm", 1).await, Some(Applied { changes: 1, applied: 1 }));
    assert_eq!(followed(&store, erasure).await[1], of("crm", Some(later(1)), None));
    assert_eq!(applied(&store, "crm", 3).await, Some(Applied { changes: 2, applied: 3 }));
    assert_eq!(applied(&store, "crm", 3).await, Some(Applied { changes: 0, applied: 3 }));
    for _ in 0..2 {
        let crm = of("crm", Some(later(1)), Some(later(2)));
        assert_eq!(followed(&store, erasure).await, [of("agency", None, None), crm]);
        assert_eq!(followed(&store, other).await, [of("crm", Some(later(2)), Some(later(2)))]);
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
}

pub(crate) async fn an_expiry_of_many_is_told_page_by_page_and_applied_at_once<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1_300).await;
    hand(&store, Some("crm"), 0, 10_000).await;
    erase(&store, [5]).await;
    host.pass_days(&store, 10);
    store.expire().await.expect("expired");
    let (mut after, mut numbers) = (Some(1), Vec::new());
    loop {
        let page = page(&store, "crm", after, 500).await.expect("read");
        assert!(page.changes.iter().all(|change| change.kind.as_str() == "expired"));
        numbers.extend(page.changes.iter().map(|change| (change.n, change.id.number)));
        after = numbers.last().map(|(n, _)| *n);
        if !page.more {
            break;
        }
    }
    let expected = (1..=1_300).filter(|number| *number != 5).zip(2..);
    assert_eq!(numbers, expected.map(|(number, n)| (n, number)).collect::<Vec<(u64, u64)>>());
    assert_eq!(applied(&store, "crm", 1_300).await, Some(Applied { changes: 1_300, applied: 1_300 }));
    assert_eq!(standing(&store, "crm").await.waiting, 0);
    let all = page(&store, "crm", None, usize::MAX).await.expect("read");
    assert_eq!(all, ChangesPage { applied: 1_300, ..ChangesPage::default() });
}

pub(crate) async fn a_consent_that_is_over_is_told_by_its_name_and_what_else_went_as_a_correction<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    hand(&store, Some("crm"), 0, 3).await;
    let email = FieldName::parse("email").expect("a name");
    let no = Revision::without([email]).ending_consents(store.now());
    let records = vec![(record("devis-1-1"), no)];
    let request = RewriteRequest { records, cause: RewriteCause::Person };
    store.rewrite(request, by_officer(Action::Corrected)).await.expect("rewritten");
    let remit = Arc::new(Remit::of(&purpose_of("devis", &["city"])));
    let (request, entry) = RewriteRequest::trimming(vec![record("devis-1-2"), record("devis-1-3")], &remit);
    store.rewrite(request, entry).await.expect("trimmed");
    let expected = ["1 withdrawn devis-1-1 email_optin", "2 corrected devis-1-2", "3 corrected devis-1-3"];
    assert_eq!(told(&store, "crm").await, expected);
}

pub(crate) async fn what_a_person_says_of_their_consents_is_told_with_the_end_that_a_yes_gives<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    hand(&store, Some("crm"), 0, 3).await;
    host.pass_days(&store, 1);
    assert_eq!(confirm(&store, "devis-1-1").await, Rewritten::Anew);
    assert_eq!(confirm(&store, "devis-1-1").await, Rewritten::Same);
    assert_eq!(withdraw(&store, "devis-1-2", Basis::PreContract).await, Rewritten::Anew);
    let said = ["1 confirmed devis-1-1 email_optin", "2 withdrawn devis-1-2 email_optin"];
    assert_eq!(told(&store, "crm").await, said);
    let changes = page(&store, "crm", None, 2).await.expect("read").changes;
    let found = store.find(Wanted::Record(record("devis-1-1")), by_officer(Action::Found)).await;
    let confirmed = found.expect("looked up").remove(0).lead.expect("it is there");
    let ends: Vec<_> = changes.iter().map(|change| change.expires).collect();
    assert_eq!(ends, [Some(confirmed.expires_at()), None]);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_nobody_applies_for_two_years_goes_and_that_is_told<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 4).await;
    hand(&store, Some("crm"), 0, 4).await;
    let first = erase(&store, [1, 2]).await;
    host.pass_days(&store, 3);
    erase(&store, [3]).await;
    assert_eq!(store.drop_changes().await, Ok(0));
    // Of 24 months from the first act on.
    host.pass_days(&store, 729);
    assert_eq!(store.drop_changes().await, Ok(2));
    assert_eq!(store.drop_changes().await, Ok(0));
    assert_eq!(told(&store, "crm").await, ["3 erased devis-1-3"]);
    let feed = standing(&store, "crm").await;
    assert_eq!((feed.waiting, feed.dropped, feed.oldest), (1, 2, Some(later(3))));
    let page = page(&store, "crm", None, 9).await.expect("read");
    assert_eq!((page.applied, page.dropped_to), (0, 2));
    assert_eq!(applied(&store, "crm", 3).await, Some(Applied { changes: 1, applied: 3 }));
    assert_eq!(store.followed(first).await.expect("read")[0].confirmed, None, "it was never told");
    assert!(lines(&store).await.contains(&"changes-dropped 2 crm".to_owned()));
}

pub(crate) async fn whoever_reads_or_applies_leaves_a_line_and_who_finds_nothing_one_a_day<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    hand(&store, Some("crm"), 0, 3).await;
    for _ in 0..3 {
        assert_eq!(told(&store, "crm").await, [""; 0]);
    }
    erase(&store, [1, 2]).await;
    page(&store, "crm", None, 1).await.expect("read");
    assert_eq!(page(&store, "crm", Some(9), 1).await, None);
    assert_eq!(applied(&store, "crm", 9).await, None);
    applied(&store, "crm", 2).await;
    applied(&store, "crm", 2).await;
    host.pass_days(&store, 1);
    told(&store, "crm").await;
    let expected = [
        "changes-read 0 crm nothing",
        "changes-read 1 crm",
        "changes-applied 2 crm",
        "changes-read 0 crm nothing",
    ];
    assert_eq!(lines(&store).await, expected);
}

pub(crate) async fn one_record_is_read_as_a_page_of_it_is_and_what_is_not_there_is_told_apart<H: Host>() {
    let host = H::new();
    let store = host.open();
    let mut batch: Vec<_> = (1..=5).map(stored).collect();
    batch.push(stored_in("devis", 6, false, 2));
    store.settle(batch).await.expect("settled");
    erase(&store, [1]).await;
    store.restrict(record("devis-1-2"), until(5), by_officer(Action::Restricted)).await.expect("restricted");
    host.pass_days(&store, 2);
    let read = async |id: &str| {
        let read = store.read_one(record(id), None, on_behalf_of(Some("crm"))).await.expect("answered");
        match read {
            One::There(lead, _) => sample::email(&lead),
            One::Restricted => "restricted".to_owned(),
            One::Withheld => "withheld".to_owned(),
            One::Gone => "gone".to_owned(),
            One::Unknown => "unknown".to_owned(),
        }
    };
    assert_eq!(read("devis-1-3").await, email_of(3));
    assert_eq!(read("devis-1-1").await, "gone");
    assert_eq!(read("devis-1-2").await, "restricted");
    assert_eq!(read("devis-1-6").await, "gone", "its day has come, and nothing has taken it away yet");
    for id in ["devis-1-7", "devis-2-1", "inconnu-1-1"] {
        assert_eq!(read(id).await, "unknown", "{id}");
    }
    let handed = async |number: u64| {
        let ids = [record(&format!("devis-1-{number}"))];
        store
            .handed_to(&ids, &by_officer(Action::Accessed))
            .await
            .expect("known")
            .into_iter()
            .map(|of| of.recipient)
            .collect::<Vec<_>>()
    };
    assert_eq!(handed(3).await, [Some("crm".to_owned())]);
    assert!(handed(2).await.is_empty() && handed(6).await.is_empty(), "nothing of them left");
    let lines = store.newest(u64::MAX, 7).await.expect("a trail");
    let said = lines.iter().rev().map(|line| {
        let from = line.entry.from.as_ref().map_or("-".to_owned(), ToString::to_string);
        format!("{} {} {from} {}", line.entry.action(), line.entry.count, line.entry.result)
    });
    let said: Vec<String> = said.collect();
    assert_eq!(
        said[..4],
        [
            "exported 1 devis-1-3 done",
            "exported 0 devis-1-1 nothing",
            "exported 0 devis-1-2 nothing",
            "exported 0 devis-1-6 nothing",
        ]
    );
    assert!(said[4..].iter().all(|line| line == "exported 0 - nothing"), "{said:?}");
    erase(&store, [3]).await;
    assert_eq!(told(&store, "crm").await, ["1 erased devis-1-3"]);
}

/// Whoever passed a record by while nobody might use it, and never had it, has a cursor that leads on behind it.
pub(crate) async fn what_was_restricted_when_a_page_passed_it_is_told_as_a_new_one_once_it_is_released<
    H: Host,
>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 4).await;
    // Of one that is over by the day of its release, and a test lead that no page of these has.
    store
        .settle(vec![stored_in("devis", 5, false, 3), stored_in("devis", 6, true, 10)])
        .await
        .expect("settled");
    hand(&store, Some("crm"), 0, 1).await;
    for number in [1, 2, 3, 5, 6] {
        let id = record(&format!("devis-1-{number}"));
        store.restrict(id, until(4), by_officer(Action::Restricted)).await.expect("restricted");
    }
    hand(&store, Some("crm"), 1, 10).await;
    hand(&store, None, 0, 10).await;
    // It stands before these.
    hand(&store, Some("agency"), 3, 10).await;
    store.close().await.expect("closed");
    drop(store);
    store = host.open();
    let lifting = || by_officer(Action::RestrictionLifted);
    assert_eq!(store.lift_restriction(record("devis-1-2"), lifting()).await, Ok(true));
    let mut crm = vec!["1 restricted devis-1-1".to_owned(), "2 stored devis-1-2".to_owned()];
    assert_eq!(told(&store, "crm").await, crm);
    // Restricted once more before it was read: told once more. Once it is read it is one of theirs.
    for _ in 0..2 {
        store
            .restrict(record("devis-1-2"), until(4), by_officer(Action::Restricted))
            .await
            .expect("restricted");
        assert_eq!(store.lift_restriction(record("devis-1-2"), lifting()).await, Ok(true));
        let n = crm.len() + 1;
        match n {
            3 => crm.push("3 stored devis-1-2".to_owned()),
            _ => crm.extend([format!("{n} restricted devis-1-2"), format!("{} released devis-1-2", n + 1)]),
        }
        assert_eq!(told(&store, "crm").await, crm);
        let read = store.read_one(record("devis-1-2"), None, on_behalf_of(Some("crm"))).await;
        assert!(matches!(read, Ok(One::There(..))));
    }
    // What its last day ends is told the same way.
    host.pass_days(&store, 5);
    assert_eq!(store.end_restrictions().await, Ok(4));
    crm.extend(["6 released devis-1-1".to_owned(), "7 stored devis-1-3".to_owned()]);
    assert_eq!(told(&store, "crm").await, crm);
    assert_eq!(told(&store, "agency").await, [""; 0]);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_may_not_leave_is_told_to_nobody_when_it_is_released<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    for number in [1, 2] {
        let id = record(&format!("devis-1-{number}"));
        store.restrict(id, until(4), by_officer(Action::Restricted)).await.expect("restricted");
    }
    let may_leave: MayLeave = Arc::new(|lead, _| Ok(lead.id().number != 1));
    let page = PageRequest { may_leave: Some(may_leave), ..request(None, 10) };
    let page = store.open_page(page, on_behalf_of(Some("partner"))).await.expect("a page");
    assert_eq!((page.count, page.restricted, page.withheld), (1, 2, 0));
    drop(page);
    for number in [1, 2] {
        let id = record(&format!("devis-1-{number}"));
        assert_eq!(store.lift_restriction(id, by_officer(Action::RestrictionLifted)).await, Ok(true));
    }
    assert_eq!(told(&store, "partner").await, ["1 stored devis-1-2"]);
}
