//! Who is listed for a house that asks by means of its own: whom the postman would write to, and nobody else.

use super::super::*;
use crate::forget::address::Address;
use crate::lead::{Dropped, sample as leads, withdrawal};
use crate::purpose::sample::{consent, purpose};
use crate::purpose::{Basis, Channel, ConsentKey};
use crate::store::contract::Host;
use crate::store::contract::support::{by_officer, record, reference, start};
use crate::store::memory::MemoryHost;
use crate::store::{Outcome, RewriteCause, RewriteRequest, Rewritten, Settlement, ToSuppress};
use crate::trail::Action;

struct World {
    host: MemoryHost,
    store: SharedStore,
    letter: Arc<Purpose>,
    asker: Asker,
}

fn email(number: u64) -> String {
    format!("zoe{number}@canary.example")
}

/// A letter whose readers are asked after a year.
fn letter(basis: Basis) -> Purpose {
    let mut letter = purpose("devis", &["email"]);
    (letter.basis, letter.retention_months, letter.reconfirm_months) = (basis, Some(48), Some(12));
    letter.consents = vec![consent("email_optin", Channel::Email)];
    letter
}

impl World {
    /// So many people agreed to it a year ago.
    async fn new(people: u64) -> Self {
        let letter = letter(Basis::Consent);
        let host = MemoryHost::new();
        let store = host.open();
        let settled = (1..=people).map(|number| {
            let lead = leads::received("devis", &email(number), start(), start(), &letter);
            let (reference, outcome) = (reference(number), Outcome::stored(lead));
            Settlement { reference, outcome, matched: Vec::new(), dropped: Dropped::default() }
        });
        store.settle(settled.collect()).await.expect("settled");
        host.pass_days(&store, 365);
        let policy = Arc::new(Current::new(Policy::new(vec![letter])));
        let letter = policy.pin().purposes()[0].clone();
        let asker = Asker::new(store.clone(), policy, false, host.clock.clone());
        Self { host, store, letter, asker }
    }

    /// The numbers of who is listed, and how many are left out.
    async fn listed(&self, max: usize) -> (Vec<u64>, u64) {
        let due =
            self.asker.first(&self.letter, max, by_officer(Action::AskingListed)).await.expect("looked");
        (due.people.iter().map(|(mail, _)| mail.record.number).collect(), due.left_out)
    }
}

#[tokio::test]
async fn whoever_may_be_written_to_is_listed_each_with_a_line() {
    let world = World::new(3).await;
    assert_eq!(world.listed(9).await, (vec![1, 2, 3], 0));
    assert_eq!(world.listed(2).await, (vec![1, 2], 0));
    let lines = world.store.lines(0, 100).await.expect("a trail").into_iter().map(|line| line.entry);
    let opened = lines.filter(|entry| entry.action() == Action::AskingListed && entry.from.is_some());
    assert_eq!(opened.count(), 3 + 2);
}

#[tokio::test]
async fn who_is_restricted_is_not_listed_before_that_is_over() {
    let world = World::new(2).await;
    let until = Day::of(world.store.now()).plus(3);
    let restricting = world.store.restrict(record("devis-1-1"), until, by_officer(Action::Restricted)).await;
    restricting.expect("restricted");
    assert_eq!(world.listed(9).await, (vec![2], 0));
    world.host.pass_days(&world.store, 4);
    assert_eq!(world.listed(9).await, (vec![1, 2], 0));
}

#[tokio::test]
async fn whoever_is_on_the_list_of_those_who_objected_is_not_listed() {
    let world = World::new(2).await;
    let address = Address::email(&email(1).to_uppercase()).expect("an address");
    let no = ToSuppress { addresses: vec![address], purpose: None, months: 36 };
    world.store.suppress(no, by_officer(Action::Suppressed)).await.expect("on the list");
    assert_eq!(world.listed(9).await, (vec![2], 1));
    // Whom it leaves out takes no place of the list's.
    assert_eq!(world.listed(1).await, (vec![2], 1));
}

#[tokio::test]
async fn who_took_back_what_they_agreed_to_is_not_listed() {
    let world = World::new(2).await;
    let boxes = ConsentKey::parse("email_optin").map(|key| vec![key]);
    // Of a letter that rests on it the record goes at once; what is left of one is looked at all the same.
    let revision = withdrawal(&letter(Basis::PreContract), boxes.as_deref(), world.store.now());
    let records = vec![(record("devis-1-2"), revision.unwrap_or_else(|_| panic!("a consent of it")))];
    let request = RewriteRequest { records, cause: RewriteCause::Withdrawal };
    let done = world.store.rewrite(request, by_officer(Action::Withdrawn)).await.expect("answered");
    assert_eq!(done.each, [Rewritten::Anew]);
    assert_eq!(world.listed(9).await, (vec![1], 1));
}

#[tokio::test]
async fn whom_no_mail_reaches_is_not_listed() {
    let world = World::new(2).await;
    let entry = by_officer(Action::Unreachable);
    world.store.note_unreachable(vec![record("devis-1-1")], entry).await.expect("noted");
    assert_eq!(world.listed(9).await, (vec![2], 0), "that is known without a look");
}
