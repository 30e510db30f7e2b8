//! What waits, what was sent, and what is held of it in memory.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).expect("in range")
}

fn mail(number: u64, kind: MailKind) -> MailId {
    MailId { record: RecordId::parse(&format!("devis-1-{number}")).expect("an id"), kind }
}

fn due(kind: MailKind, due: i64) -> MailDue {
    MailDue { kind, due: at(due), queued: at(0) }
}

#[test]
fn attempts_are_further_and_further_apart() {
    let minutes: Vec<i64> = (1..=8).map(|attempts| wait_after(attempts).as_secs() / 60).collect();
    assert_eq!(minutes, [5, 15, 45, 135, 360, 360, 360, 360]);
    assert_eq!(wait_after(u32::MAX), MAIL_WAITS_MAX);
}

#[test]
fn who_was_asked_has_not_answered_before_they_say_yes() {
    let mut letters = Letters::default();
    letters.note(MailKind::Welcome, at(0));
    let ends = Day::of(at(0)).plus(30);
    assert!(!letters.is_unanswered(ends));
    letters.note(MailKind::Asked, at(1));
    letters.note(MailKind::Reminded, at(2));
    for cause in
        [RewriteCause::Person, RewriteCause::Withdrawal, RewriteCause::Retention, RewriteCause::Clock]
    {
        letters.begin_anew(cause, at(3));
        assert!(letters.is_unanswered(ends), "{cause:?}");
    }
    // Of a yes that an earlier version took the asking stayed: its record ends half a year later at the soonest.
    let (longest, longer) = (Day::of(at(1)).plus(60), Day::of(at(1)).plus(61));
    assert!(letters.is_unanswered(longest) && !letters.is_unanswered(longer));
    letters.begin_anew(RewriteCause::Yes, at(4));
    assert!(!letters.is_unanswered(ends) && letters.is_empty());
}

#[test]
fn who_is_due_longest_comes_first_and_who_waits_for_a_clock_that_was_ahead_comes_too() {
    let mut held = HeldMails::default();
    held.replace(&mail(1, MailKind::Welcome).record, vec![due(MailKind::Welcome, 20)]);
    let both = vec![due(MailKind::Welcome, 10), due(MailKind::Asked, 30)];
    held.replace(&mail(2, MailKind::Welcome).record, both);
    held.replace(&mail(3, MailKind::Asked).record, vec![due(MailKind::Asked, 40 * 86_400)]);
    let (first, second) = (mail(2, MailKind::Welcome), mail(1, MailKind::Welcome));
    assert_eq!(held.due(at(20), 9), [first.clone(), second, mail(3, MailKind::Asked)]);
    assert_eq!(held.due(at(20), 1), std::slice::from_ref(&first));
    assert_eq!((held.count(), held.waiting().oldest), (4, Some(at(0))));
    held.replace(&first.record, vec![due(MailKind::Asked, 30)]);
    let attempt =
        |again| MailAttempt { number: 1, queued: at(0), stamp: [0; 16], again: at(again), request: None };
    let second = mail(2, MailKind::Asked);
    assert!(!held.has(&first, &attempt(30)) && held.has(&second, &attempt(30)));
    assert!(!held.has(&second, &attempt(31)), "another attempt was begun, or its record changed");
    held.replace(&first.record, Vec::new());
    assert!(!held.has(&second, &attempt(30)));
    assert_eq!(held.count(), 2);
}

#[test]
fn what_somebody_asks_for_goes_once_a_day_also_where_a_clock_was_ahead() {
    let mut letters = Letters::default();
    let queue = |letters: &mut Letters, second| letters.queue(MailKind::Link, at(second), ([0; 16], None));
    assert!(queue(&mut letters, 0) && !queue(&mut letters, 1), "one waits");
    assert!(letters.end(MailKind::Link, MailEnd::Sent, at(10)));
    for (second, may) in [(10, false), (10 + 86_399, false), (10 - 86_399, false), (10 - 86_400, true)] {
        assert_eq!(queue(&mut letters.clone(), second), may, "{second}");
    }
    assert!(letters.queue(MailKind::Copy, at(11), ([0; 16], None)), "of another kind");
    assert!(queue(&mut letters, 10 + 86_400));
    assert!(letters.end(MailKind::Link, MailEnd::PutOff, at(10 + 86_401)));
    assert!(queue(&mut letters, 10 + 86_401), "what was not sent may be asked for again");
    assert!(MailKind::ALL.iter().filter(|kind| kind.is_asked_for()).eq(&[MailKind::Link, MailKind::Copy]));
}

#[test]
fn the_address_under_which_a_mail_went_last_stands_first_and_old_ones_go() {
    let note = |noted, url: &str, day| MailedUnder::note(noted, url, Day(day));
    let said = |noted: &[MailedUnder]| -> Vec<(String, u32)> {
        noted.iter().map(|one| (one.url.clone(), one.last.0)).collect()
    };
    let mut noted = note(Vec::new(), "https://a.example", 20_000);
    noted = note(noted, "https://b.example", 20_001);
    noted = note(noted, "https://a.example", 20_002);
    let both = [("https://a.example".to_owned(), 20_002), ("https://b.example".to_owned(), 20_001)];
    assert_eq!(said(&noted), both);
    assert_eq!(said(&note(noted.clone(), &"x".repeat(901), 20_003)), both, "no link begins so");
    let five_years_later = note(noted, "https://c.example", 20_001 + 1_826);
    assert_eq!(five_years_later.len(), 2, "one was forgotten");
    let many = (0..20).fold(Vec::new(), |noted, at| note(noted, &format!("https://{at}.example"), 20_000));
    assert_eq!((many.len(), many[0].url.as_str()), (MAILED_UNDER_MAX, "https://19.example"));
}
