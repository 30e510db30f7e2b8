//! Who is sent links, and who is not; how much strangers may have looked through.

use std::collections::BTreeSet;

use super::*;
use crate::forget::address::Address;
use crate::lead::{MinimisedLead, sample};
use crate::purpose::Basis;
use crate::random::SeededRandom;
use crate::store::contract::Host as _;
use crate::store::contract::support::{by_officer, later, record, start};
use crate::store::memory::MemoryHost;
use crate::store::{MailEnd, ToSuppress};
use crate::workers::sample::Searched;

const ZOE: &str = "zoe@canary.example";

struct World {
    host: MemoryHost,
    store: SharedStore,
    usher: Usher,
}

impl World {
    /// A record under each of these purposes, of whoever has this address.
    async fn of(held: &[(&str, &str)]) -> Self {
        let lead = |(purpose, email): &(&str, &str)| sample::lead(purpose, email, false, later(365));
        Self::with(held.iter().map(lead).collect()).await
    }

    async fn with(leads: Vec<MinimisedLead>) -> Self {
        let Searched { host, store, policy, searcher } = Searched::with(leads).await;
        let ambient =
            (host.clock.clone() as Arc<dyn Clock>, Arc::new(SeededRandom::new(7)) as Arc<dyn Random>);
        let usher = Usher::new(store.clone(), searcher, policy, ambient);
        Self { host, store, usher }
    }

    fn ask(&self, typed: &str) -> bool {
        self.usher.ask(Sought::email(typed).expect("an address"))
    }

    /// What is queued after a look, and a rest.
    async fn looked(&self) -> Vec<MailId> {
        assert!(matches!(self.usher.step().await, Step::Did(_)));
        self.host.clock.advance_ms(REST_MIN.as_millis().try_into().expect("some"));
        self.store.mails_due(99)
    }

    /// How often the trail says this.
    async fn told(&self, action: Action) -> usize {
        let lines = self.store.lines(0, 1_000).await.expect("a trail");
        lines.iter().filter(|line| line.entry.action() == action).count()
    }
}

fn link(id: &str) -> MailId {
    MailId { record: record(id), kind: MailKind::Link }
}

#[tokio::test]
async fn one_mail_is_queued_for_all_that_a_mailbox_has_and_one_a_day() {
    let world = World::of(&[("devis", ZOE), ("devis", "max@canary.example"), ("lettre", ZOE)]).await;
    assert_eq!(world.usher.step().await, Step::Idle);
    assert!(world.ask(" Zoe@Canary.example,") && world.ask(ZOE), "as it is typed");
    assert_eq!(world.looked().await, [link("devis-1-1")]);
    assert_eq!(world.told(Action::LinkAsked).await, 2);
    // It waits, went today, went yesterday.
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, [link("devis-1-1")]);
    world.store.end_mail(link("devis-1-1"), MailEnd::Sent, None).await.expect("ended");
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, []);
    assert_eq!(world.told(Action::LinkAsked).await, 4, "the one is opened that a mail is about");
    world.host.pass_days(&world.store, 1);
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, [link("devis-1-1")]);
}

/// Of somebody with a mailbox of their own, who typed this address behind it.
fn naming(address: &str) -> MinimisedLead {
    sample::besides(sample::lead("devis", "max@canary.example", false, later(365)), address)
}

#[tokio::test]
async fn what_names_an_address_where_no_mail_goes_is_not_opened_for_it() {
    let typed = ("max@canary.example", ZOE);
    let elsewhere = sample::lead_of(("devis", Basis::PreContract), typed, (start(), true), later(365));
    let world = World::with(vec![elsewhere, sample::lead("lettre", ZOE, false, later(365))]).await;
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, [link("lettre-1-1")]);
    assert_eq!(world.told(Action::LinkAsked).await, 1);
}

#[tokio::test]
async fn who_names_the_address_of_another_keeps_no_mail_from_them() {
    let world = World::with(vec![naming(ZOE), sample::lead("lettre", ZOE, false, later(365))]).await;
    assert_eq!(world.store.ask_for_mail(link("devis-1-1")).await, Ok(true));
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, [link("devis-1-1"), link("lettre-1-1")], "Max's waits");
    world.store.end_mail(link("devis-1-1"), MailEnd::Sent, None).await.expect("ended");
    world.store.end_mail(link("lettre-1-1"), MailEnd::PutOff, None).await.expect("ended");
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, [link("lettre-1-1")], "Max's went today");
    world.store.end_mail(link("lettre-1-1"), MailEnd::Sent, None).await.expect("ended");
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, [], "and now hers did");
}

#[tokio::test]
async fn many_who_name_an_address_do_not_hide_whose_it_is() {
    let mut leads: Vec<MinimisedLead> = (0..=SHOWN_AT_ONCE_MAX).map(|_| naming(ZOE)).collect();
    leads.push(sample::lead("lettre", ZOE, false, later(365)));
    let world = World::with(leads).await;
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, [link("lettre-1-1")]);
}

#[tokio::test]
async fn to_an_address_that_nobody_has_or_no_mail_reaches_nothing_goes_and_to_who_objected_it_does() {
    let world = World::of(&[("devis", ZOE)]).await;
    assert!(world.ask("nobody@canary.example"));
    assert_eq!(world.looked().await, []);
    assert_eq!(world.told(Action::LinkAsked).await, 0);
    let unreachable = vec![record("devis-1-1")];
    world.store.note_unreachable(unreachable, by_officer(Action::Unreachable)).await.expect("noted");
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, []);

    let world = World::of(&[("devis", ZOE)]).await;
    let address = Address::email(ZOE).expect("an address");
    let no = ToSuppress { addresses: vec![address], purpose: None, months: 36 };
    world.store.suppress(no, by_officer(Action::Suppressed)).await.expect("on the list");
    assert!(world.ask(ZOE));
    assert_eq!(world.looked().await, [link("devis-1-1")], "they asked");
}

#[tokio::test]
async fn what_waits_and_what_is_looked_for_at_once_have_a_bound_and_looks_are_apart() {
    let world = World::of(&[("devis", ZOE)]).await;
    let taken = (0..2 * ASKED_MAX).filter(|number| world.ask(&format!("a{number}@canary.example"))).count();
    assert_eq!(taken, ASKED_MAX);
    assert!(world.ask("a0@canary.example"), "that one waits already");
    assert!(!world.ask(ZOE));
    assert_eq!(world.usher.step().await, Step::Did(TOGETHER_MAX));
    let until = after(start().max(world.host.clock.now()), REST_MIN);
    assert_eq!(world.usher.step().await, Step::Until(until));
    assert!(world.ask(ZOE), "there is room again");
    for _ in 0..ASKED_MAX / TOGETHER_MAX - 1 {
        world.looked_after_a_rest().await;
    }
    world.looked_after_a_rest().await;
    assert_eq!(world.store.mails_due(99), [link("devis-1-1")]);
    world.host.clock.advance_ms(60_000);
    assert_eq!(world.usher.step().await, Step::Idle);
}

#[tokio::test]
async fn what_cannot_be_looked_for_now_is_looked_for_again_and_not_for_ever() {
    let world = World::of(&[("devis", ZOE)]).await;
    world.usher.searcher.end().await;
    assert!(world.ask(ZOE));
    for _ in 0..LOOKS_MAX {
        world.looked_after_a_rest().await;
    }
    world.host.clock.advance_ms(60_000);
    assert_eq!(world.usher.step().await, Step::Idle);
}

#[test]
fn those_of_one_turn_are_mailed_in_no_order_that_tells_who_asked_first() {
    let asked = |number: usize| {
        let sought = Sought::email(&format!("a{number}@canary.example")).expect("an address");
        Asked { spelled: sought.spelled(), sought, looks: 0 }
    };
    let place_of_first = |seed| {
        let turn = shuffled((0..TOGETHER_MAX).map(asked).collect(), &SeededRandom::new(seed));
        let spelled: BTreeSet<&str> = turn.iter().map(|asked| asked.spelled.as_str()).collect();
        assert_eq!(spelled.len(), TOGETHER_MAX, "each once");
        turn.iter().position(|asked| *asked.spelled == "a0@canary.example").expect("it is there")
    };
    let places: BTreeSet<usize> = (0..200).map(place_of_first).collect();
    assert_eq!(places.len(), TOGETHER_MAX, "each place is the first one's at times");
}

#[tokio::test]
async fn a_copy_of_the_store_is_waited_for_and_lets_nobody_go() {
    let world = World::of(&[("devis", ZOE)]).await;
    assert!(world.ask(ZOE));
    world.host.copy(true);
    for _ in 0..2 * LOOKS_MAX {
        let until = after(world.host.clock.now(), AFTER_COPYING);
        assert_eq!(world.usher.step().await, Step::Until(until));
        world.host.clock.advance_ms(60_000);
    }
    // One that begins while it is looked for is no look.
    let Some(Ok(turn)) = world.usher.turn(world.host.clock.now()) else { panic!("it waits") };
    let Came { mut again, queued, is_refused } = world.usher.look(turn).await;
    assert_eq!((again.len(), queued, is_refused), (1, 0, true));
    let asked = again.remove(0);
    assert_eq!(asked.looks, 0);
    world.usher.queue.lock().waiting.push_front(asked);
    world.host.copy(false);
    assert_eq!(world.looked().await, [link("devis-1-1")]);
}

impl World {
    async fn looked_after_a_rest(&self) {
        self.host.clock.advance_ms(REST_MIN.as_millis().try_into().expect("some"));
        assert!(matches!(self.usher.step().await, Step::Did(_)));
    }
}
