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
        Self::of((1..=people).map(email)).await
    }

    /// The same, with what they typed for an address.
    async fn of(typed: impl Iterator<Item = String>) -> Self {
        let letter = letter(Basis::Consent);
        let host = MemoryHost::new();
        let store = host.open();
        let settled = (1..).zip(typed).map(|(number, typed)| {
            let lead = leads::received("devis", &typed, start(), start(), &letter);
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
        let (numbers, left_out, _) = self.piece(None, max).await;
        (numbers, left_out)
    }

    /// The same behind this record; and where the list goes on.
    async fn piece(&self, after: Option<Cursor>, max: usize) -> (Vec<u64>, u64, Option<Cursor>) {
        let entry = by_officer(Action::AskingListed);
        let due = self.asker.list(&self.letter, (after, max), entry).await.expect("looked");
        let numbers = due.people.iter().map(|(mail, _)| mail.record.number);
        (numbers.collect(), due.left_out, due.next)
    }

    /// How many records were opened for lists.
    async fn opened(&self) -> usize {
        let lines = self.store.lines(0, 100_000).await.expect("a trail").into_iter().map(|line| line.entry);
        lines.filter(|entry| entry.action() == Action::AskingListed && entry.from.is_some()).count()
    }
}

#[tokio::test]
async fn whoever_may_be_written_to_is_listed_each_with_a_line() {
    let world = World::new(3).await;
    assert_eq!(world.listed(9).await, (vec![1, 2, 3], 0));
    assert_eq!(world.listed(2).await, (vec![1, 2], 0));
    assert_eq!(world.opened().await, 3 + 2);
}

/// Whoever is left out costs a look as everybody else does: a list of them is handed out in pieces, none of which opens more than its share.
#[tokio::test]
async fn a_list_of_thousands_who_are_left_out_is_had_piece_by_piece_and_names_everybody_once() {
    const ALL: u64 = 2_600;
    let is_reached = |number: u64| number.is_multiple_of(500) || number > ALL - 3;
    let typed = |number| if is_reached(number) { email(number) } else { "by letter".to_owned() };
    let world = World::of((1..=ALL).map(typed)).await;
    let (mut listed, mut left_out, mut after, mut pieces) = (Vec::new(), 0, None, 0);
    loop {
        let before = world.opened().await;
        let (numbers, out, next) = world.piece(after, 256).await;
        let opened = world.opened().await - before;
        assert!(opened <= OPENED_MAX && opened as u64 == numbers.len() as u64 + out, "{opened}");
        (left_out, pieces) = (left_out + out, pieces + 1);
        listed.extend(numbers);
        after = next;
        if after.is_none() {
            break;
        }
        assert!(pieces < 20);
    }
    assert_eq!(listed, (1..=ALL).filter(|number| is_reached(*number)).collect::<Vec<_>>());
    assert_eq!((left_out, pieces), (ALL - listed.len() as u64, 11));
    assert_eq!(world.opened().await as u64, ALL, "each once");
}

#[tokio::test]
async fn a_list_goes_on_where_it_had_as_many_as_were_asked_for() {
    let world = World::new(5).await;
    let (first, _, next) = world.piece(None, 2).await;
    let (second, _, next) = world.piece(next, 2).await;
    // Whoever is due no more in between is not on it, and nobody twice.
    let entry = by_officer(Action::Unreachable);
    world.store.note_unreachable(vec![record("devis-1-2")], entry).await.expect("noted");
    let (third, _, next) = world.piece(next, 2).await;
    assert_eq!((first, second, third, next), (vec![1, 2], vec![3, 4], vec![5], None));
}

/// Whoever has a list made, however slowly it is opened, keeps nobody from being asked.
#[tokio::test]
async fn a_list_holds_up_no_look_and_a_look_no_list() {
    use futures_util::FutureExt as _;
    let world = World::new(1).await;
    let listing = world.asker.listing.lock().await;
    let asking = world.asker.look(false).now_or_never().expect("it waits for nobody").expect("looked");
    assert_eq!(asking.purposes.values().map(|tally| tally.to_ask).sum::<u64>(), 1);
    drop(listing);
    let _looking = world.asker.looking.lock().await;
    let entry = by_officer(Action::AskingListed);
    let due = world.asker.list(&world.letter, (None, 9), entry).now_or_never().expect("it waits for nobody");
    assert_eq!(due.map(|due| due.people.len()), Ok(1));
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
