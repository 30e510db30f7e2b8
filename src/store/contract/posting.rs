//! The outbox: what is queued waits, is tried, ends; and all of it goes with its record.

use futures_util::future::join_all;

use super::Host;
use super::support::*;
use crate::clock::{Day, after};
use crate::lead::{Dropped, sample};
use crate::purpose::RecordId;
use crate::purpose::law::RequestKind;
use crate::store::contract::rewriting::holding;
use crate::store::{
    AskedFor, Correspondence, ErasureRequest, MAIL_WAITS_MAX, MAILS_AT_ONCE_MAX, MailAttempt, MailEnd,
    MailId, MailKind, MailedUnder, MailsWaiting, Outcome, RewriteCause, RewriteRequest, Rewritten,
    Settlement, SharedStore, StoreCode, ToRequest, Wanted,
};
use crate::trail::{Action, Entry, Reason};

fn mail(number: u64, kind: MailKind) -> MailId {
    MailId { record: record(&format!("devis-1-{number}")), kind }
}

async fn queue(store: &SharedStore, mails: &[MailId]) -> u64 {
    store.queue_mails(mails.to_vec()).await.expect("queued")
}

async fn attempt(store: &SharedStore, mail: &MailId) -> Option<MailAttempt> {
    store.try_mail(mail.clone()).await.expect("tried")
}

async fn written(store: &SharedStore, record: &RecordId) -> Correspondence {
    store.correspondence(vec![record.clone()]).await.expect("read")[0]
}

fn count(store: &SharedStore) -> u64 {
    store.mails_waiting().count
}

pub(crate) async fn a_mail_waits_until_it_is_sent_and_is_the_same_at_each_attempt_also_after_a_restart<
    H: Host,
>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 2).await;
    let (first, second) = (mail(1, MailKind::Asked), mail(2, MailKind::Welcome));
    assert_eq!(queue(&store, &[first.clone(), first.clone(), mail(9, MailKind::Asked)]).await, 1);
    host.clock().advance_ms(1_000);
    assert_eq!(queue(&store, &[second.clone(), first.clone()]).await, 1, "one of a kind waits");
    assert_eq!(store.mails_due(9), [first.clone(), second.clone()]);
    assert_eq!(store.mails_waiting(), MailsWaiting { count: 2, oldest: Some(start()) });
    let once = attempt(&store, &first).await.expect("it waits");
    assert_eq!((once.number, once.queued), (1, start()));
    assert!(store.mail_stands(&first, &once));
    assert_eq!(store.mails_due(9), std::slice::from_ref(&second), "the other one is not due");
    for (number, minutes) in [(2, 5), (3, 15)] {
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
        assert_eq!(count(&store), 2);
        host.clock().advance_ms(minutes * 60_000);
        assert_eq!(store.mails_due(9), [second.clone(), first.clone()]);
        let again = attempt(&store, &first).await.expect("it waits");
        assert_eq!((again.number, again.queued, again.stamp), (number, once.queued, once.stamp));
        assert!(store.mail_stands(&first, &again) && !store.mail_stands(&first, &once));
    }
    assert_eq!(written(&store, &first.record).await, Correspondence::default());
    let lines = store.lines(0, 100).await.expect("a trail").len();
    let told = Entry::by_system(Action::Asked);
    assert_eq!(store.end_mail(first.clone(), MailEnd::Sent, Some(told.clone())).await, Ok(true));
    assert_eq!(store.end_mail(first.clone(), MailEnd::Sent, Some(told)).await, Ok(false));
    assert_eq!(attempt(&store, &first).await, None);
    let lines = store.lines(lines as u64, 100).await.expect("a trail");
    let [line] = lines.as_slice() else { panic!("one line") };
    assert_eq!((line.entry.action(), line.entry.count), (Action::Asked, 1));
    assert_eq!(line.entry.from, Some(first.record.clone()));
    let asked = Correspondence { asked: Some(store.now()), ..Correspondence::default() };
    assert_eq!(written(&store, &first.record).await, asked);
    store.close().await.expect("closed");
    drop(store);
    store = host.open();
    assert_eq!((written(&store, &first.record).await, count(&store)), (asked, 1));
    assert_eq!(store.mails_due(9), [second]);
}

pub(crate) async fn what_became_of_a_mail_is_noted_by_its_kind<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    let ends = [
        (MailKind::Welcome, MailEnd::Sent),
        (MailKind::Asked, MailEnd::Dropped),
        (MailKind::Asked, MailEnd::Sent),
        (MailKind::Reminded, MailEnd::Sent),
        (MailKind::Asked, MailEnd::Unreachable),
        (MailKind::Reminded, MailEnd::PutOff),
        (MailKind::Welcome, MailEnd::Dropped),
        (MailKind::Reminded, MailEnd::Dropped),
        (MailKind::Link, MailEnd::Dropped),
        (MailKind::Link, MailEnd::Sent),
        (MailKind::Copy, MailEnd::PutOff),
        (MailKind::Copy, MailEnd::Sent),
    ];
    let mut seen = Vec::new();
    for (kind, end) in ends {
        let mail = mail(1, kind);
        assert_eq!(queue(&store, std::slice::from_ref(&mail)).await, 1);
        host.clock().advance_ms(1_000);
        assert_eq!(store.end_mail(mail.clone(), end, None).await, Ok(true));
        let Correspondence { asked, reminded, unreachable, dropped, linked, copied } =
            written(&store, &mail.record).await;
        let second = |moment: Option<jiff::Timestamp>| moment.map(|at| at.as_second() - START_S);
        seen.push([asked, reminded, unreachable, dropped, linked, copied].map(second));
    }
    let wanted = [
        [None, None, None, None, None, None],
        [None, None, None, Some(2), None, None],
        [Some(3), None, None, Some(2), None, None],
        [Some(3), Some(4), None, Some(2), None, None],
        [Some(3), Some(4), Some(5), Some(2), None, None],
        [Some(3), Some(4), Some(5), Some(2), None, None],
        [Some(3), Some(4), Some(5), Some(2), None, None],
        [Some(3), Some(4), Some(5), Some(8), None, None],
        [Some(3), Some(4), Some(5), Some(8), None, None],
        [Some(3), Some(4), Some(5), Some(8), Some(10), None],
        [Some(3), Some(4), Some(5), Some(8), Some(10), None],
        [Some(3), Some(4), Some(5), Some(8), Some(10), Some(12)],
    ];
    assert_eq!(seen, wanted);
    // Of another record nobody knows yet that they may not be asked.
    let records = vec![(record("devis-1-1"), holding("marie@canary.example"))];
    let request = RewriteRequest { records, cause: RewriteCause::Withdrawal };
    store.rewrite(request, by_officer(Action::Withdrawn)).await.expect("answered");
    let Correspondence { dropped, unreachable, .. } = written(&store, &record("devis-1-1")).await;
    assert!(dropped.is_none() && unreachable.is_some());
    assert_eq!(count(&store), 0);
}

pub(crate) async fn a_lead_of_a_purpose_with_a_first_mail_is_queued_with_its_record<H: Host>() {
    let host = H::new();
    let store = host.open();
    let lead = |number: u64, test: bool| {
        let lead = sample::lead("devis", &email_of(number), test, after(start(), MAIL_WAITS_MAX * 9));
        let outcome = Outcome::stored(sample::welcomed(lead));
        Settlement { reference: reference(number), outcome, matched: Vec::new(), dropped: Dropped::default() }
    };
    store.settle(vec![lead(1, false), lead(2, true), stored(3)]).await.expect("settled");
    store.settle(vec![lead(1, false)]).await.expect("settled");
    assert_eq!(store.mails_due(9), [mail(1, MailKind::Welcome)], "no test lead, nobody else, nobody twice");
}

pub(crate) async fn what_is_to_be_written_goes_with_its_record<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 4).await;
    let all: Vec<MailId> = (1..=4).map(|number| mail(number, MailKind::Asked)).collect();
    assert_eq!(queue(&store, &all).await, 4);
    store.end_mail(all[0].clone(), MailEnd::Sent, None).await.expect("ended");
    for number in [1, 2] {
        let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
        store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    }
    assert_eq!(written(&store, &all[0].record).await, Correspondence::default(), "nobody remembers");
    assert_eq!(attempt(&store, &all[1]).await, None);
    let third = attempt(&store, &all[2]).await.expect("it waits");
    assert!(store.mail_stands(&all[2], &third));
    // What is written anew is still to be written to, and not by what was read of it before.
    let records = vec![(all[2].record.clone(), holding("marie@canary.example"))];
    let request = RewriteRequest { records, cause: RewriteCause::Person };
    store.rewrite(request, by_officer(Action::Corrected)).await.expect("answered");
    assert!(!store.mail_stands(&all[2], &third));
    assert_eq!(store.mails_due(9), [all[2].clone(), all[3].clone()]);
    assert_eq!(count(&store), 2);
    host.pass_days(&store, 10);
    store.expire().await.expect("swept");
    for _ in 0..2 {
        assert_eq!((store.mails_due(9), count(&store)), (Vec::new(), 0));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
}

pub(crate) async fn to_whoever_is_restricted_nothing_is_sent<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    let mail = mail(1, MailKind::Welcome);
    queue(&store, std::slice::from_ref(&mail)).await;
    let day = Day::of(start()).plus(3);
    store.restrict(mail.record.clone(), day, by_officer(Action::Restricted)).await.expect("restricted");
    let attempt = attempt(&store, &mail).await.expect("it waits");
    assert!(!store.mail_stands(&mail, &attempt));
    let lifted = store.lift_restriction(mail.record.clone(), by_officer(Action::RestrictionLifted));
    assert_eq!((lifted.await, store.mail_stands(&mail, &attempt)), (Ok(true), true));
}

pub(crate) async fn what_is_asked_for_goes_once_a_day_also_to_whoever_is_restricted<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 1).await;
    let (link, copy) = (mail(1, MailKind::Link), mail(1, MailKind::Copy));
    assert_eq!(store.ask_for_mail(mail(9, MailKind::Link)).await, Ok(false), "it is not there");
    assert!(!store.mail_waits(&copy));
    assert_eq!(store.ask_for_mail(copy.clone()).await, Ok(true));
    assert_eq!(store.ask_for_mail(copy.clone()).await, Ok(false), "one waits");
    assert!(store.mail_waits(&copy) && !store.mail_waits(&link));
    let day = Day::of(start()).plus(3);
    store.restrict(copy.record.clone(), day, by_officer(Action::Restricted)).await.expect("restricted");
    for _ in 0..2 {
        let attempt = attempt(&store, &copy).await.expect("it waits");
        assert_eq!((attempt.request, store.mail_stands(&copy, &attempt)), (None, true));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    store.end_mail(copy.clone(), MailEnd::Sent, None).await.expect("ended");
    assert_eq!(store.ask_for_mail(copy.clone()).await, Ok(false), "it went just now");
    assert_eq!(queue(&store, std::slice::from_ref(&copy)).await, 0);
    assert_eq!(store.ask_for_mail(link).await, Ok(true), "another kind");
    host.pass_days(&store, 1);
    assert_eq!(store.ask_for_mail(copy.clone()).await, Ok(true), "the next day");
    store.end_mail(copy.clone(), MailEnd::Dropped, None).await.expect("ended");
    assert_eq!(store.ask_for_mail(copy.clone()).await, Ok(false), "it could not be sent just now");
    host.pass_days(&store, 1);
    assert_eq!(store.ask_for_mail(copy).await, Ok(true));
}

pub(crate) async fn who_asks_by_right_at_one_moment_has_one_mail_and_one_request<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 1).await;
    let (copy, received) = (mail(1, MailKind::Copy), Day::of(start()));
    let asking = || ToRequest {
        kind: RequestKind::Access,
        received,
        entry: Entry::by_person(Action::RequestOpened, Reason::PersonRequest),
    };
    let requests = async |store: &SharedStore| store.requests(None, 100).await.expect("listed");
    assert_eq!(store.ask_by_right(mail(9, MailKind::Copy), asking()).await, Ok(AskedFor::Not));
    assert_eq!(requests(&store).await, [], "nothing is held, and nothing is open");
    let asked = join_all((0..16).map(|_| store.ask_by_right(copy.clone(), asking()))).await;
    let came = |wanted| asked.iter().filter(|asked| **asked == Ok(wanted)).count();
    assert_eq!((came(AskedFor::Queued), came(AskedFor::Already)), (1, 15));
    let [open] = requests(&store).await.try_into().expect("one");
    assert_eq!((open.kind, open.received, open.answered), (RequestKind::Access, received, None));
    for _ in 0..2 {
        let attempt = attempt(&store, &copy).await.expect("it waits");
        assert_eq!(attempt.request, Some(open.id));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    // What could not be sent has its request, and no second one on the same day.
    store.end_mail(copy.clone(), MailEnd::Dropped, None).await.expect("ended");
    assert_eq!(store.ask_by_right(copy.clone(), asking()).await, Ok(AskedFor::Already));
    host.pass_days(&store, 1);
    assert_eq!(store.ask_by_right(copy, asking()).await, Ok(AskedFor::Queued));
    let opened: Vec<u64> = requests(&store).await.iter().map(|request| request.id.number).collect();
    assert_eq!(opened, [open.id.number, open.id.number + 1]);
    let lines = store.lines(0, 1_000).await.expect("a trail").into_iter().map(|line| line.entry);
    let said = lines.filter(|entry| entry.action() == Action::RequestOpened && entry.count == 1);
    assert_eq!(said.count(), 2, "a line for each");
}

pub(crate) async fn no_mail_waits_longer_than_any_may_and_not_too_many_are_queued_at_once<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    let mail = mail(1, MailKind::Welcome);
    queue(&store, std::slice::from_ref(&mail)).await;
    for _ in 0..9 {
        attempt(&store, &mail).await.expect("it waits");
    }
    assert_eq!(store.mails_due(9), []);
    host.clock().advance_ms(6 * 3_600_000);
    assert_eq!(store.mails_due(9), std::slice::from_ref(&mail));
    let many = vec![mail; MAILS_AT_ONCE_MAX + 1];
    assert_eq!(code(store.queue_mails(many).await), Some(StoreCode::ValueTooLarge));
}

pub(crate) async fn who_was_written_to_by_other_means_is_noted_and_waits_no_longer<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let (first, second) = (mail(1, MailKind::Asked), mail(2, MailKind::Reminded));
    queue(&store, std::slice::from_ref(&first)).await;
    let lines = store.lines(0, 100).await.expect("a trail").len() as u64;
    let noted = vec![first.clone(), second.clone(), mail(9, MailKind::Asked)];
    assert_eq!(store.note_written(noted, by_officer(Action::Asked)).await, Ok(2), "one is not there");
    assert_eq!(count(&store), 0);
    assert_eq!(written(&store, &first.record).await.asked, Some(store.now()));
    assert_eq!(written(&store, &second.record).await.reminded, Some(store.now()));
    let lines = store.lines(lines, 100).await.expect("a trail");
    assert_eq!(
        lines.iter().map(|line| line.entry.from.clone()).collect::<Vec<_>>(),
        [Some(first.record.clone()), Some(second.record)]
    );
    let many = vec![first; MAILS_AT_ONCE_MAX + 1];
    let refused = store.note_written(many, by_officer(Action::Asked)).await;
    assert_eq!(code(refused), Some(StoreCode::ValueTooLarge));
}

pub(crate) async fn what_ends_by_a_day_is_found_piece_by_piece<H: Host>() {
    let host = H::new();
    let store = host.open();
    let settle = [(1, 5, false), (2, 40, false), (3, 6, false), (4, 5, false), (5, 5, true)];
    store
        .settle(settle.map(|(number, days, test)| stored_in("devis", number, test, days)).into())
        .await
        .expect("settled");
    let day = Day::of(start());
    store.settle(vec![stored_in("devis", 6, false, 5)]).await.expect("settled");
    let restricting = store.restrict(record("devis-1-6"), day.plus(9), by_officer(Action::Restricted)).await;
    restricting.expect("restricted");
    let mut found = Vec::new();
    let mut after = None;
    for _ in 0..4 {
        let part = store.records_ending(purpose("devis"), day.plus(6), after, 2).await.expect("looked");
        found.extend(part.records);
        after = part.next;
        if after.is_none() {
            break;
        }
    }
    let numbers: Vec<(u64, u32)> = found.iter().map(|(id, ends)| (id.number, ends.0 - day.0)).collect();
    assert_eq!(
        (numbers, after),
        (vec![(1, 5), (3, 6), (4, 5)], None),
        "no test lead, and nothing that no day ends"
    );
    let nobody = store.records_ending(purpose("autre"), day.plus(60), None, 9).await;
    assert_eq!(nobody.map(|found| found.records.len()), Ok(0));
}

pub(crate) async fn under_which_address_mails_went_is_kept_across_a_restart<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    assert_eq!(store.mailed_under().await, Ok(Vec::new()));
    let (old, new) = ("https://old.example", "https://new.example/x");
    store.note_mailed_under(old.to_owned()).await.expect("noted");
    host.pass_days(&store, 3);
    store.note_mailed_under(new.to_owned()).await.expect("noted");
    let one = |url: &str, days| MailedUnder { url: url.to_owned(), last: Day::of(start()).plus(days) };
    for _ in 0..2 {
        assert_eq!(store.mailed_under().await, Ok(vec![one(new, 3), one(old, 0)]));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
}

pub(crate) async fn a_pause_of_the_asking_is_kept_across_a_restart<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    for (paused, action) in [(true, Action::AskingPaused), (false, Action::AskingResumed)] {
        store.pause_asking(paused, by_officer(action)).await.expect("kept");
        for _ in 0..2 {
            assert_eq!(store.asking_paused(), paused);
            store.close().await.expect("closed");
            drop(store);
            store = host.open();
        }
        let line = store.newest(u64::MAX, 1).await.expect("a trail").remove(0);
        assert_eq!(line.entry.action(), action);
    }
}

pub(crate) async fn whom_no_mail_reaches_nobody_writes_to_until_their_record_is_corrected<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let (first, second) = (mail(1, MailKind::Asked), mail(2, MailKind::Asked));
    queue(&store, &[first.clone(), second.clone()]).await;
    let records = vec![first.record.clone(), record("devis-1-9")];
    assert_eq!(
        store.note_unreachable(records, by_officer(Action::Unreachable)).await,
        Ok(1),
        "one is not there"
    );
    assert_eq!(store.mails_due(9), [second]);
    assert_eq!(written(&store, &first.record).await.unreachable, Some(store.now()));
    let line = store.newest(u64::MAX, 1).await.expect("a trail").remove(0);
    assert_eq!((line.entry.action(), line.entry.from), (Action::Unreachable, Some(first.record.clone())));
    let since = written(&store, &first.record).await.unreachable;
    for (cause, value, still) in [
        (RewriteCause::Clock, "a@canary.example", since),
        (RewriteCause::Withdrawal, "b@canary.example", since),
        (RewriteCause::Person, "marie@canary.example", None),
    ] {
        let records = vec![(first.record.clone(), holding(value))];
        let rewritten = store.rewrite(RewriteRequest { records, cause }, by_officer(Action::Corrected)).await;
        assert_eq!(rewritten.expect("answered").each, [Rewritten::Anew], "{cause:?}");
        assert_eq!(written(&store, &first.record).await.unreachable, still, "{cause:?}");
    }
}
