//! Who objected: their address may not be stored, until they say yes once more.

use tamis::forget::address::Address;

use super::*;
use crate::model::ops::LETTER;

/// What stands, by whose address it is and for which purpose; since when.
#[derive(Default)]
pub(super) struct Objections(BTreeMap<(String, Option<usize>), Timestamp>);

/// What becomes of a lead that a purpose would store.
pub(super) enum Decided {
    Barred,
    /// Stored: no consent of it counts if so, and for these scopes its person's objection is over.
    Stored(bool, Vec<Option<usize>>),
}

impl Objections {
    pub(super) fn note(&mut self, id: String, of: Option<usize>, since: Timestamp) {
        self.0.insert((id, of), since);
    }

    /// A yes is one of later than the no, by a box for mails. What is asked for, as a quote, is stored all the same, and holds nothing
    /// that hangs on a box but what was said yes to once more.
    pub(super) fn decide(&self, lead: &Lead, of: usize) -> Decided {
        let scopes = [None, Some(of)].into_iter();
        let entries = scopes.filter_map(|scope| Some((scope, *self.0.get(&(lead.id.clone(), scope))?)));
        // What Meta's own test holds is nobody's address.
        let entries = entries.filter(|_| lead.kind != Kind::Test);
        let is_later =
            |(_, since): &(Option<usize>, Timestamp)| *since < lead.sent() && lead.kind != Kind::Unticked;
        let (over, stand): (Vec<_>, Vec<_>) = entries.partition(is_later);
        let closes: Vec<Option<usize>> = over.into_iter().map(|(scope, _)| scope).collect();
        match (stand.is_empty(), of) {
            (false, LETTER) => Decided::Barred,
            (is_free, _) => Decided::Stored(!is_free && closes.is_empty(), closes),
        }
    }

    /// How many of these were there.
    pub(super) fn close(&mut self, id: &str, scopes: &[Option<usize>]) -> u64 {
        let gone = scopes.iter().filter(|scope| self.0.remove(&(id.to_owned(), **scope)).is_some());
        gone.count() as u64
    }
}

impl Model {
    /// The address of whoever sends a lead in.
    pub fn address(&self, id: &str) -> Option<Address> {
        Address::email(&address_of(id))
    }

    /// The list says the same.
    pub(super) async fn check_objections(&self, world: &World<'_>) -> Result<(), Broken> {
        let ids = (0..=self.leads.len()).map(Self::id_of);
        for (id, scope) in ids.flat_map(|id| [None, Some(0), Some(1)].map(|scope| (id.clone(), scope))) {
            let wanted = self.objections.0.get(&(id.clone(), scope)).copied();
            let address = Address::email(&address_of(&id)).expect("an address");
            let scopes = vec![scope.map(purpose)];
            let found = world
                .rooms()
                .store
                .suppressions_of(
                    vec![address],
                    scopes,
                    &tamis::trail::Entry::by_system(tamis::trail::Action::Accessed),
                )
                .await;
            let found = found.map_err(|error| store_says(&error))?.first().map(|one| one.since);
            hold!(found == wanted, "the list says {found:?} of an objection of {wanted:?}");
        }
        Ok(())
    }
}
