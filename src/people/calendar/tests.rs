//! Each rule by itself, then whole lives, day by day.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::clock::after;
use crate::purpose::Channel;
use crate::purpose::sample::{consent, purpose};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn day(text: &str) -> Day {
    Day::of(at(&format!("{text}T00:00:00Z")))
}

fn days_after(moment: Timestamp, days: i64) -> Timestamp {
    after(moment, SignedDuration::from_hours(24 * days))
}

fn key(name: &str) -> ConsentKey {
    ConsentKey::parse(name).expect("a name")
}

fn agreed(name: &str, valid_until: Option<&str>) -> Agreed {
    Agreed { consent: key(name), valid_until: valid_until.map(at) }
}

/// A letter: asked after 18 months, 30 days of grace, held for 48 months at most.
fn letter() -> Purpose {
    let mut letter = purpose("lettre", &["email"]);
    (letter.basis, letter.retention_months, letter.reconfirm_months) = (Basis::Consent, Some(48), Some(18));
    letter
}

const ACTED: &str = "2026-01-15T12:00:00Z";

fn silent<'p>(agreed: &'p [Agreed], bars: &'p [Bar]) -> Person<'p> {
    Person { acted: at(ACTED), asked: None, reminded: None, bars, agreed }
}

#[test]
fn whoever_is_silent_is_asked_reminded_once_and_gone() {
    let calendar = Calendar::of(&letter());
    let email = [agreed("email_optin", None)];
    let asked = Person { asked: Some(at("2027-07-15T09:00:00Z")), ..silent(&email, &[]) };
    let reminded = Person { reminded: Some(at("2027-07-29T09:00:00Z")), ..silent(&email, &[]) };
    let reminded = Person { asked: asked.asked, ..reminded };
    for (now, person, step) in [
        ("2026-01-15", &silent(&email, &[]), Step::Wait(day("2027-07-15"))),
        ("2027-07-14", &silent(&email, &[]), Step::Wait(day("2027-07-15"))),
        ("2027-07-15", &silent(&email, &[]), Step::Ask(day("2027-07-15"))),
        ("2027-07-20", &silent(&email, &[]), Step::Ask(day("2027-07-15"))),
        ("2027-07-28", &asked, Step::Wait(day("2027-07-29"))),
        ("2027-07-29", &asked, Step::Remind(day("2027-07-29"))),
        ("2027-07-29", &reminded, Step::Wait(day("2027-08-14"))),
        ("2027-08-13", &reminded, Step::Wait(day("2027-08-14"))),
        ("2027-08-14", &reminded, Step::Erase(day("2027-08-14"), End::Lapsed)),
        ("2027-09-14", &reminded, Step::Erase(day("2027-08-14"), End::Lapsed)),
        // Mail was down all the time: nobody heard anything, and the day is the same.
        ("2027-08-14", &silent(&email, &[]), Step::Erase(day("2027-08-14"), End::Lapsed)),
    ] {
        // The first moment of a day, and the last.
        for time in ["T00:00:00Z", "T23:59:59Z"] {
            assert_eq!(calendar.step(person, at(&format!("{now}{time}"))), step, "{now}{time}");
        }
    }
    // Asked so late that the reminder would come after the end: none.
    let late = Person { asked: Some(at("2027-08-05T09:00:00Z")), ..silent(&email, &[]) };
    assert_eq!(calendar.step(&late, at("2027-08-06T00:00:00Z")), Step::Wait(day("2027-08-14")));
}

#[test]
fn nobody_is_asked_who_said_no_or_whose_yes_cannot_be_shown() {
    let calendar = Calendar::of(&letter());
    let email = [agreed("email_optin", None)];
    let due = at("2027-07-15T09:00:00Z");
    for bar in [Bar::Withdrawn, Bar::Objected, Bar::Suppressed, Bar::Unevidenced, Bar::Unreachable] {
        let person = silent(&email, std::slice::from_ref(&bar));
        assert_eq!(calendar.step(&person, due), Step::Wait(day("2027-08-14")), "{bar:?}");
        let over = calendar.step(&person, at("2027-08-14T00:00:00Z"));
        assert_eq!(over, Step::Erase(day("2027-08-14"), End::Lapsed), "{bar:?}");
    }
    assert_eq!(calendar.step(&silent(&[], &[]), due), Step::Wait(day("2027-08-14")), "nothing was agreed to");
}

#[test]
fn no_clock_ends_what_is_restricted() {
    let calendar = Calendar::of(&letter());
    let person = silent(&[], &[Bar::Objected, Bar::Restricted]);
    for now in [ACTED, "2027-07-15T00:00:00Z", "2027-08-14T00:00:00Z", "2036-01-01T00:00:00Z"] {
        assert_eq!(calendar.step(&person, at(now)), Step::Hold);
    }
}

#[test]
fn the_first_of_silence_retention_and_cap_ends_a_record() {
    let end = |change: fn(&mut Purpose)| {
        let mut letter = letter();
        change(&mut letter);
        Calendar::of(&letter).end(at("2026-08-31T10:00:00Z"))
    };
    assert_eq!(end(|_| ()), (day("2028-03-30"), End::Lapsed), "29 February and thirty days");
    assert_eq!(end(|letter| letter.grace_days = 14), (day("2028-03-14"), End::Lapsed));
    assert_eq!(end(|letter| letter.retention_months = Some(6)), (day("2027-02-28"), End::Retention));
    assert_eq!(end(|letter| letter.reconfirm_months = None), (day("2029-08-31"), End::Cap));
    assert_eq!(
        end(|letter| (letter.reconfirm_months, letter.retention_months) = (None, Some(36))),
        (day("2029-08-31"), End::Retention)
    );
    let bound = |letter: &mut Purpose| (letter.basis, letter.reconfirm_months) = (Basis::Contract, None);
    assert_eq!(end(bound), (day("2030-08-31"), End::Retention), "the cap is of consent alone");
}

#[test]
fn a_yes_is_for_the_boxes_that_it_names_and_calls_end_by_their_own_time() {
    let mut letter = letter();
    let calls = ConsentRule { valid_months: Some(12), ..consent("call_optin", Channel::Phone) };
    letter.consents = vec![consent("email_optin", Channel::Email), calls];
    let calendar = Calendar::of(&letter);
    let held = [agreed("email_optin", None), agreed("call_optin", Some("2027-01-15T12:00:00Z"))];
    let person = silent(&held, &[]);
    let named = |now: &str| -> Vec<String> {
        calendar.named(&person, at(now)).iter().map(|key| key.to_string()).collect()
    };
    assert_eq!(named("2027-01-14T23:59:59Z"), ["email_optin", "call_optin"]);
    assert_eq!(
        named("2027-01-15T00:00:00Z"),
        ["email_optin"],
        "calls are over, and are not asked for by the way"
    );

    let yes = at("2027-01-10T08:00:00Z");
    let confirm = |boxes: &[&str]| {
        let boxes: Vec<ConsentKey> = boxes.iter().map(|name| key(name)).collect();
        calendar.confirmed(&letter.consents, &held, &boxes, yes)
    };
    let both = confirm(&["email_optin", "call_optin"]).expect("a yes");
    assert_eq!(both, [agreed("email_optin", None), agreed("call_optin", Some("2028-01-10T08:00:00Z"))]);
    assert_eq!(confirm(&["email_optin"]).expect("a yes"), held, "calls end when they would have");
    for nothing in [&[][..], &["sms_optin"]] {
        assert_eq!(confirm(nothing), None, "{nothing:?}: a yes to nothing that they had agreed to");
    }
    assert_eq!(calendar.confirmed(&[], &held, &[key("email_optin")], yes), None, "asked for no more");

    // All begins anew: what was asked before it is answered.
    let after = Person { acted: yes, asked: Some(at("2027-01-09T08:00:00Z")), ..silent(&both, &[]) };
    assert_eq!(calendar.step(&after, yes), Step::Wait(day("2028-07-10")));
    assert_eq!(calendar.end(yes), (day("2028-08-09"), End::Lapsed));
}

/// What somebody does in a life.
#[derive(Clone, Copy, Debug)]
struct Habits {
    /// How many days after a mail they say yes; none: never.
    answers: Option<u8>,
    /// So many of ten days mail goes out.
    mail_works: u8,
    /// On this day something begins to forbid asking.
    barred: Option<u16>,
}

fn habits() -> impl Strategy<Value = Habits> {
    (proptest::option::of(0_u8..40), 0_u8..=10, proptest::option::of(0_u16..1_500))
        .prop_map(|(answers, mail_works, barred)| Habits { answers, mail_works, barred })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whole lives under any purpose: two mails a round at most, in order; none to whoever may not be asked; and the record is gone on
    /// its day, never later than 36 months after the last act.
    #[test]
    fn no_life_breaks_a_rule(
        start in 0_i64..1_461,
        months in 6_u32..=24,
        grace in 14_u32..=60,
        retention in 1_u32..=120,
        habits in habits(),
        dice in any::<u64>(),
    ) {
        let mut letter = letter();
        (letter.reconfirm_months, letter.grace_days, letter.retention_months) =
            (Some(months), grace, Some(retention));
        let calendar = Calendar::of(&letter);
        let email = [agreed("email_optin", None)];
        let born = days_after(at("2024-01-31T15:00:00Z"), start);
        let (mut acted, mut asked, mut reminded, mut mails) = (born, None, None, 0);
        let mut gone = None;
        for number in 0..6_000 {
            let now = days_after(born, number);
            let is_barred = habits.barred.is_some_and(|day| i64::from(day) <= number);
            let bars: &[Bar] = if is_barred { &[Bar::Objected] } else { &[] };
            let person = Person { acted, asked, reminded, bars, agreed: &email };
            let works = (dice.rotate_left((number % 64) as u32) % 10) < u64::from(habits.mail_works);
            match calendar.step(&person, now) {
                Step::Wait(day) => prop_assert!(day > Day::of(now)),
                Step::Hold => prop_assert!(false, "nothing was restricted"),
                Step::Ask(day) => {
                    prop_assert!(!is_barred && day <= Day::of(now) && mails == 0);
                    prop_assert_eq!(day, Day::of(plus_months(acted, months)));
                    if works {
                        (asked, mails) = (Some(now), 1);
                    }
                }
                Step::Remind(day) => {
                    let since = asked.expect("reminded of what was asked");
                    prop_assert!(!is_barred && day == Day::of(since).plus(14) && mails == 1);
                    if works {
                        (reminded, mails) = (Some(now), 2);
                    }
                }
                Step::Erase(day, _) => {
                    prop_assert_eq!(day, Day::of(now), "on its day");
                    gone = Some(now);
                    break;
                }
            }
            let heard = reminded.or(asked).filter(|heard| acted < *heard);
            let says_yes = heard.zip(habits.answers)
                .is_some_and(|(heard, days)| Day::of(now) == Day::of(heard).plus(u32::from(days)));
            if says_yes && !is_barred {
                // Later on that day.
                (acted, mails) = (after(now, SignedDuration::from_hours(1)), 0);
            }
        }
        // Who answers always stays for as long as they do; anybody else is gone.
        if let Some(gone) = gone {
            prop_assert!(Day::of(gone) <= Day::of(plus_months(acted, 36)));
            prop_assert!(Day::of(gone) <= Day::of(plus_months(acted, retention)));
        } else {
            prop_assert!(habits.answers.is_some() && habits.mail_works > 0 && habits.barred.is_none());
        }
    }
}
