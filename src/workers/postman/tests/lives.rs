//! Whole lives, day by day, by what a daemon runs: the asker finds whose turn it is, the postman looks at the record and writes, its person
//! answers or does not, the store ends what has had its time. Of all that only the mail server is played: on some days there is none.

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::*;
use crate::lead::{confirmation, withdrawal};
use crate::purpose::ConsentKey;
use crate::store::contract::support::DAY_MS;
use crate::store::{RewriteCause, RewriteRequest, Rewritten};
use crate::workers::Asker;

/// A reminder comes so many days after the asking.
const REMINDED_AFTER_DAYS: u32 = 14;
/// So long nobody is queued again whose mail was let go.
const RESTS_DAYS: u32 = 7;
/// A life that lasts longer has shown what it can.
const DAYS_MAX: i64 = 2_200;

/// What a purpose says.
#[derive(Clone, Copy, Debug)]
struct Periods {
    basis: Basis,
    months: u32,
    grace: u32,
    retention: u32,
    /// How long the agreement to e-mail holds.
    email: Option<u32>,
}

/// What somebody is like, and their mail.
#[derive(Clone, Copy, Debug)]
struct Habits {
    /// So many days after a mail they say yes; none: never.
    answers: Option<u8>,
    /// So many of ten days there is a mail server.
    mail_works: u8,
    dice: u64,
}

/// What happens in a life.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// They take their agreement to e-mail back, and to nothing else.
    Withdraws,
    Objects,
    /// Their mailbox is gone.
    Bounces,
    /// Nobody may use the record for so many days.
    Restricted(u8),
    /// The house asks nobody for so many days.
    Paused(u8),
    /// The clock says that it is more than a year later, until the evening.
    ClockLeaps,
    /// tamis is started anew, and for so many days nobody says that the clock is right.
    ClockUnheard(u8),
}

fn periods() -> impl Strategy<Value = Periods> {
    let basis = prop_oneof![3 => Just(Basis::Consent), 1 => Just(Basis::PreContract)];
    let email = proptest::option::weighted(0.3, 6_u32..=40);
    // Now and then it ends a little after people are asked, before their grace is over.
    let retention = prop_oneof![2 => (1_u32..=60).prop_map(Err), 1 => (0_u32..=2).prop_map(Ok)];
    (basis, 6_u32..=24, 14_u32..=60, retention, email).prop_map(|(basis, months, grace, retention, email)| {
        let retention = retention.map_or_else(|months| months, |more| months + more);
        Periods { basis, months, grace, retention, email }
    })
}

fn habits() -> impl Strategy<Value = Habits> {
    (proptest::option::of(0_u8..40), 0_u8..=10, any::<u64>()).prop_map(|(answers, mail_works, dice)| Habits {
        answers,
        mail_works,
        dice,
    })
}

/// So many days after they were due for the first time, or before.
fn events() -> impl Strategy<Value = Vec<(i64, Event)>> {
    let event = prop_oneof![
        1 => Just(Event::Withdraws),
        1 => Just(Event::Objects),
        1 => Just(Event::Bounces),
        1 => (1_u8..90).prop_map(Event::Restricted),
        1 => (1_u8..50).prop_map(Event::Paused),
        1 => Just(Event::ClockLeaps),
        2 => (1_u8..30).prop_map(Event::ClockUnheard),
    ];
    proptest::collection::vec((-30_i64..60, event), 0..4)
}

fn letter_of(periods: Periods) -> Purpose {
    let mut letter = purpose("devis", &["email"]);
    (letter.basis, letter.retention_months) = (periods.basis, Some(periods.retention));
    (letter.reconfirm_months, letter.grace_days) = (Some(periods.months), periods.grace);
    letter.consents = vec![consent("email_optin", Channel::Email), consent("post_optin", Channel::Post)];
    letter.consents[0].valid_months = periods.email;
    letter
}

fn boxes(names: &[&str]) -> Vec<ConsentKey> {
    names.iter().map(|name| ConsentKey::parse(name).expect("a name")).collect()
}

/// What a start of the daemon builds.
struct House {
    store: SharedStore,
    asker: Asker,
    postman: Postman,
}

impl House {
    fn started(host: &MemoryHost, policy: &Arc<Current<Policy>>) -> Self {
        let store = host.open_alone();
        let letterhead =
            Letterhead { controller: controller(), public_url: "https://leads.lumen.example".to_owned() };
        let of_house = (policy.clone(), Arc::new(Current::new(letterhead)));
        let server = (settings(), 3_600, true);
        let postman = Postman::new(store.clone(), server, of_house, &Metrics::new(), host.clock.clone());
        let asker = Asker::new(store.clone(), policy.clone(), true, host.clock.clone());
        Self { store, asker, postman }
    }

    /// Everything that is due goes to a server that takes it. Gives what went, and why the rest did not.
    async fn deliver(&self) -> (Vec<MailKind>, Vec<Unsent>) {
        let (mut went, mut let_go) = (Vec::new(), Vec::new());
        while let Some(mail) = self.store.mails_due(1).pop().filter(|_| !self.store.clock_jumped()) {
            let attempt = self.store.try_mail(mail.clone()).await.expect("tried").expect("it waits");
            match self.postman.desk.write(&mail, &attempt, &settings()).await.expect("answered") {
                Written::Mail(_) => {
                    self.postman.desk.handed_over();
                    let entry = Some(Entry::by_system(sent(mail.kind)));
                    let (kind, end) = (mail.kind, MailEnd::Sent);
                    let ending = Ending { mail, end, entry, request: None, told: None };
                    self.postman.end(ending).await.expect("noted");
                    went.push(kind);
                }
                Written::Not(why) => {
                    self.postman.drop(&mail, why).await.map(drop).expect("noted");
                    let_go.push(why);
                }
                Written::Telling(..) | Written::Later(_) => panic!("no such mail"),
            }
        }
        (went, let_go)
    }
}

/// Somebody whose record is held, as they and the law would tell it: nothing here is asked of the daemon.
struct Life {
    host: MemoryHost,
    policy: Arc<Current<Policy>>,
    house: House,
    periods: Periods,
    habits: Habits,
    /// Their last act.
    acted: Timestamp,
    /// When they agreed to e-mail last.
    agreed: Timestamp,
    /// What they were written since, and on which day.
    mails: Vec<(MailKind, Day)>,
    withdrawn: bool,
    objected: bool,
    bounced: bool,
    /// The last day of each, if there is one.
    restricted: Option<Day>,
    paused: Option<Day>,
    unheard: Option<Day>,
    /// On which day a mail was let go last.
    let_go: Option<Day>,
}

impl Life {
    fn begun(born: Timestamp, periods: Periods, habits: Habits) -> Self {
        let host = MemoryHost::at(born);
        let letter = letter_of(periods);
        let lead = leads::ticking(leads::received("devis", ZOE, born, born, &letter), "post_optin");
        let policy = Arc::new(Current::new(Policy::new(vec![letter])));
        let house = House::started(&host, &policy);
        let mut reference = reference(1);
        reference.created = Some(born);
        let (outcome, matched, dropped) = (Outcome::stored(lead), Vec::new(), Dropped::default());
        let settled = house.store.settle(vec![Settlement { reference, outcome, matched, dropped }]);
        settled.now_or_never().expect("at once").expect("settled");
        host.agree(&house.store);
        let (withdrawn, objected, bounced) = Default::default();
        let (restricted, paused, unheard, let_go) = Default::default();
        let (acted, agreed, mails) = (born, born, Vec::new());
        Self {
            host,
            policy,
            house,
            periods,
            habits,
            acted,
            agreed,
            mails,
            withdrawn,
            objected,
            bounced,
            restricted,
            paused,
            unheard,
            let_go,
        }
    }

    fn now(&self) -> Timestamp {
        self.host.clock.now()
    }

    /// Another clock says that ours is right; also where that leapt, as it looks from a store that was written to a week ago.
    async fn hears_the_clock(&self) {
        self.house.store.compare_clock(self.now()).await.map(drop).expect("heard");
    }

    /// The day on which they are to be asked, and the one on which their record ends in silence.
    fn due_and_end(&self) -> (Day, Day) {
        let due = Day::of(plus_months(self.acted, self.periods.months));
        let retention = Day::of(plus_months(self.acted, self.periods.retention));
        (due, due.plus(self.periods.grace).min(retention))
    }

    /// Their agreement to e-mail holds on this day.
    fn agrees_to_email(&self, today: Day) -> bool {
        let ends = self.periods.email.map(|months| Day::of(plus_months(self.agreed, months)));
        !self.withdrawn && ends.is_none_or(|ends| today < ends)
    }

    fn is_restricted(&self, today: Day) -> bool {
        self.restricted.is_some_and(|last| today <= last)
    }

    fn is_paused(&self, today: Day) -> bool {
        self.paused.is_some_and(|last| today <= last)
    }

    fn is_unheard(&self, today: Day) -> bool {
        self.unheard.is_some_and(|last| today <= last)
    }

    /// Nothing forbids to ask them.
    fn may_be_asked(&self, today: Day) -> bool {
        let agrees = self.periods.basis != Basis::Consent || self.agrees_to_email(today);
        let is_barred = self.objected || self.bounced || self.is_restricted(today) || self.is_paused(today);
        agrees && !is_barred
    }

    async fn meets(&mut self, event: Event, today: Day) -> Result<(), TestCaseError> {
        let record = record("devis-1-1");
        match event {
            Event::Withdraws => {
                let policy = self.policy.pin();
                let revision = withdrawal(&policy.purposes()[0], Some(&boxes(&["email_optin"])), self.now());
                let revision = revision.unwrap_or_else(|_| panic!("a consent of it"));
                let request =
                    RewriteRequest { records: vec![(record, revision)], cause: RewriteCause::Withdrawal };
                let done = self.house.store.rewrite(request, by_officer(Action::Withdrawn)).await;
                prop_assert!(matches!(done.expect("answered").each[..], [Rewritten::Anew | Rewritten::Same]));
                self.withdrawn = true;
            }
            Event::Objects => {
                let addresses = vec![Address::email(ZOE).expect("an address")];
                let what = ToSuppress { addresses, purpose: None, months: 120 };
                self.house.store.suppress(what, by_officer(Action::Suppressed)).await.expect("on the list");
                self.objected = true;
            }
            Event::Bounces => {
                let entry = by_officer(Action::Unreachable);
                self.house.store.note_unreachable(vec![record], entry).await.expect("noted");
                self.bounced = true;
            }
            Event::Restricted(days) => {
                let until = today.plus(u32::from(days));
                let entry = by_officer(Action::Restricted);
                self.house.store.restrict(record, until, entry).await.expect("restricted");
                self.restricted = Some(until);
            }
            Event::Paused(days) => {
                let entry = by_officer(Action::AskingPaused);
                self.house.store.pause_asking(true, entry).await.expect("kept");
                self.paused = Some(today.plus(u32::from(days)));
            }
            Event::ClockLeaps => {
                self.host.clock.advance_ms(400 * DAY_MS);
                self.house.asker.step().await;
                let (went, _) = self.house.deliver().await;
                prop_assert!(went.is_empty(), "by a clock that is a year ahead");
                prop_assert!(self.house.store.expire().await.is_err(), "nothing ends by it either");
                self.host.clock.advance_ms(-400 * DAY_MS);
                self.hears_the_clock().await;
            }
            Event::ClockUnheard(days) => {
                self.house = House::started(&self.host, &self.policy);
                self.unheard = Some(today.plus(u32::from(days)));
            }
        }
        Ok(())
    }

    /// What the daemon does on a day, held against what is owed to its person. True: the record is gone.
    async fn passes(&mut self, number: i64) -> Result<bool, TestCaseError> {
        let (today, (due, end)) = (Day::of(self.now()), self.due_and_end());
        if !self.is_unheard(today) {
            self.hears_the_clock().await;
        }
        if self.paused.is_some_and(|last| last < today) && self.paused.take().is_some() {
            let entry = by_officer(Action::AskingResumed);
            self.house.store.pause_asking(false, entry).await.expect("kept");
        }

        // As the reaper does it.
        let ended = match self.house.store.end_restrictions().await {
            Ok(_) => self.house.store.expire().await.map(|expired| (expired.total(), expired.lapsed)),
            Err(error) => Err(error),
        };
        let is_over = end <= today && !self.is_restricted(today);
        match ended {
            Err(_) => {
                prop_assert!(self.is_unheard(today), "a clock that is right ends what has had its time")
            }
            Ok((gone, lapsed)) => {
                prop_assert!(!self.is_unheard(today), "nothing ends by a clock that nobody confirmed");
                prop_assert_eq!(gone, u64::from(is_over), "on its day, and no other: {:?}", end);
                let was_asked = !self.mails.is_empty() && !self.bounced;
                prop_assert_eq!(
                    lapsed,
                    u64::from(is_over && was_asked),
                    "silence is of those who were asked"
                );
                if is_over {
                    return Ok(true);
                }
            }
        }

        let waiting = self.house.store.mails_waiting().count;
        self.house.asker.step().await;
        let is_queued = self.house.store.mails_waiting().count > waiting;
        prop_assert!(
            !(is_queued && self.is_unheard(today)),
            "nobody is due by a clock that nobody confirmed"
        );
        let works =
            self.habits.dice.rotate_left((number % 64) as u32) % 10 < u64::from(self.habits.mail_works);
        let (went, let_go) = if works { self.house.deliver().await } else { Default::default() };
        let is_put_off = |why: &Unsent| matches!(why, Unsent::TooLate | Unsent::NotAsking);
        let put_off = let_go.iter().any(is_put_off);
        if !let_go.iter().all(is_put_off) {
            self.let_go = Some(today);
        }
        for kind in went {
            prop_assert!(self.may_be_asked(today), "{kind} to somebody who may not be asked");
            prop_assert!(
                due <= today && today < end,
                "{kind} on {today:?}, not from {due:?} to before {end:?}"
            );
            match (kind, &self.mails[..]) {
                (MailKind::Asked, []) => {}
                (MailKind::Reminded, [(MailKind::Asked, asked)]) => {
                    prop_assert!(asked.plus(REMINDED_AFTER_DAYS) <= today, "reminded too early");
                }
                (kind, before) => prop_assert!(false, "{kind} after {before:?}"),
            }
            self.mails.push((kind, today));
        }

        // Who is owed a mail today, and was not written to?
        let is_owed = match self.mails[..] {
            [] => true,
            [(_, asked)] => asked.plus(REMINDED_AFTER_DAYS) <= today,
            _ => false,
        };
        let rests = self.let_go.is_some_and(|day| today < day.plus(RESTS_DAYS));
        let can_be = works && !self.is_unheard(today) && self.may_be_asked(today) && !rests && !put_off;
        prop_assert!(
            !(is_owed && can_be && due <= today && today < end),
            "nobody wrote on {today:?}: {due:?}"
        );

        self.answers(today).await?;
        Ok(false)
    }

    /// They say yes, if it is their day, to all that still holds.
    async fn answers(&mut self, today: Day) -> Result<(), TestCaseError> {
        let last = self.mails.last().map(|(_, day)| *day);
        let days = last.zip(self.habits.answers).map(|(day, days)| day.plus(u32::from(days)));
        if days != Some(today) || self.objected || self.is_restricted(today) || self.is_unheard(today) {
            return Ok(());
        }
        // Later on that day.
        self.host.clock.advance_ms(600_000);
        let email: &[&str] = if self.agrees_to_email(today) { &["email_optin"] } else { &[] };
        let policy = self.policy.pin();
        let yes = confirmation(&policy.purposes()[0], boxes(&[email, &["post_optin"]].concat()));
        let yes = yes.unwrap_or_else(|_| panic!("boxes of it"));
        let request = RewriteRequest::confirming(record("devis-1-1"), yes);
        let done = self.house.store.rewrite(request, by_officer(Action::Confirmed)).await.expect("answered");
        prop_assert_eq!(done.each, [Rewritten::Anew]);
        self.acted = self.now();
        if !email.is_empty() {
            self.agreed = self.acted;
        }
        self.mails.clear();
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    /// Whole lives under any purpose: asked once when they are due, reminded once, 14 days later at the earliest; none of it to whoever may
    /// not be asked, nor on any other day; and the record is gone on its day, whether or not a mail server was there. Where it rests on
    /// consent that is never later than 36 months after the last act.
    #[test]
    fn no_life_breaks_a_rule(
        first in 0_i64..1_461,
        hour in 0_i64..24,
        periods in periods(),
        habits in habits(),
        events in events(),
    ) {
        let born = start() + jiff::SignedDuration::from_hours(24 * first + hour);
        let mut life = Life::begun(born, periods, habits);
        let due = i64::from(life.due_and_end().0.0);
        let mut events: Vec<_> = events.into_iter().map(|(days, event)| (due + days, event)).collect();
        events.sort_by_key(|(day, _)| std::cmp::Reverse(*day));
        let (mut gone, mut number) = (false, 0);
        let outlasts = |(_, event): &(i64, Event)| matches!(event, Event::Restricted(_) | Event::ClockUnheard(_));
        let may_outlast = events.iter().any(outlasts);
        while number < DAYS_MAX && !gone {
            let today = i64::from(Day::of(life.now()).0);
            while events.last().is_some_and(|(day, _)| *day <= today) && !life.is_unheard(Day(today as u32)) {
                let (_, event) = events.pop().expect("one");
                // What is over is gone with this day.
                if today < i64::from(life.due_and_end().1.0) {
                    life.meets(event, Day(today as u32)).now_or_never().expect("at once")?;
                }
            }
            gone = life.passes(number).now_or_never().expect("at once")?;
            // Far from all that happens some days are passed over.
            let (due, end) = life.due_and_end();
            let next = events.last().map_or(i64::MAX, |(day, _)| *day).min(i64::from(due.min(end).0) - 20);
            let nothing_lasts = life.restricted.is_none() && life.paused.is_none();
            let step = if today + 6 < next && nothing_lasts && !life.is_unheard(Day(today as u32)) { 6 } else { 1 };
            for _ in 0..step {
                life.host.clock.advance_ms(DAY_MS);
                life.house.store.now();
            }
            number += step;
        }
        if gone && periods.basis == Basis::Consent && !may_outlast {
            let last = Day::of(plus_months(life.acted, 36)).plus(1);
            prop_assert!(Day::of(life.now()) <= last, "more than 36 months after the last act");
        }
        prop_assert!(gone || habits.answers.is_some(), "whoever never answers is gone");
    }
}
