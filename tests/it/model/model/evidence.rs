//! What shows that somebody had agreed, once their record is gone.

use tamis::forget::address::Address;
use tamis::lead::{EventKind, Stub};
use tamis::trail::Reason;

use super::rights::Whom;
use super::*;
use crate::model::ops::{LETTER, QUOTE};

/// What is left of one record: of which purpose, how it ended, and whether its person said no.
pub(super) type Left = (usize, &'static str, bool);

impl Model {
    /// A record goes: its time is over, or it is erased for this reason. Whoever had agreed to nothing leaves nothing, nor does what was
    /// stored wrongly, nor Meta's own test.
    pub(super) fn leave_evidence(&mut self, whom: &Whom, erased: Option<Reason>) {
        let lead = &mut self.leads[whom.lead];
        let held = &lead.held[whom.of];
        let agreed = lead.kind == Kind::Good && !held.unheard;
        if !agreed || erased == Some(Reason::Error) {
            return;
        }
        let cause = if erased.is_some() { "erased" } else { "expired" };
        let said_no = held.taken_back.is_some() || erased == Some(Reason::Withdrawal);
        lead.left.push((whom.of, cause, said_no));
    }

    /// Of whoever is gone it is there, once for each record, and says how that ended.
    pub(super) async fn check_evidence(&self, world: &World<'_>) -> Result<(), Broken> {
        for (index, lead) in self.leads.iter().enumerate() {
            let address = Address::email(&address_of(&lead.id)).expect("an address");
            let found = world
                .rooms()
                .store
                .stubs_of(vec![address], &tamis::trail::Entry::by_system(tamis::trail::Action::Accessed))
                .await;
            let found = found.map_err(|error| store_says(&error))?;
            let mut shown = found.iter().map(shown).collect::<Result<Vec<Left>, Broken>>()?;
            let mut wanted = lead.left.clone();
            wanted.sort_unstable();
            shown.sort_unstable();
            hold!(shown == wanted, "of lead {index} {wanted:?} is to be left, and {shown:?} is");
        }
        Ok(())
    }
}

fn shown(stub: &Stub) -> Result<Left, Broken> {
    let of = purpose_index(&stub.purpose);
    let boxes: Vec<&str> = stub.boxes.iter().map(|given| given.consent.as_str()).collect();
    let wanted = if of == QUOTE { "news_optin" } else { "email_optin" };
    hold!(boxes == [wanted], "{boxes:?} are shown as ticked");
    hold!(of == LETTER || of == QUOTE, "of another purpose");
    let said_no = stub.events.iter().any(|event| event.kind == EventKind::Withdrawn);
    let is_clean = stub.events.iter().all(|event| event.kind == EventKind::Withdrawn);
    hold!(is_clean, "it is said to have been confirmed, or objected to");
    Ok((of, stub.cause.as_str(), said_no))
}
