//! Leads for the tests of other rooms, which cannot build one.

use jiff::Timestamp;

use crate::id::{FormId, PageId};
use crate::lead::minimised::{Answer, ConsentEvidence, Content, Grounds, MinimisedLead, Tick};
use crate::lead::opened::OpenedLead;
use crate::lead::seal::{Leaf, UnsealedLead, seal, unseal};
use crate::purpose::{BoxDefault, ConsentKey, FieldName, PurposeId, RecordId, TextHash};
use crate::random::SeededRandom;
use crate::secret::Key;

/// A lead with one field, `email`, of this value.
pub(crate) fn lead(purpose: &str, email: &str, test: bool, expires_at: Timestamp) -> MinimisedLead {
    let content = Content {
        created: Timestamp::from_second(1_764_000_000).expect("in range"),
        received: Timestamp::from_second(1_764_000_060).expect("in range"),
        form: FormId::parse("901000000000001").expect("digits"),
        page: PageId::parse("104000000000001").expect("digits"),
        fields: vec![(
            FieldName::parse("email").expect("a name"),
            vec![Answer::from_sealed(email.to_owned())],
        )],
        consents: vec![ticked("email_optin", "optin")],
        grounds: Grounds::default(),
        seen: None,
        expires_at,
        reconfirm_due: None,
        test,
        leadgen: None,
        attribution: Vec::new(),
    };
    MinimisedLead { purpose: PurposeId::parse(purpose).expect("a name"), content }
}

/// A consent given by a box that was empty when the form opened.
pub(crate) fn ticked(key: &str, checkbox_key: &str) -> ConsentEvidence {
    ConsentEvidence {
        key: ConsentKey::parse(key).expect("a name"),
        checkbox_key: checkbox_key.to_owned(),
        tick: Tick::Yes,
        answer: Some("\"1\"".to_owned()),
        default: BoxDefault::Clear,
        text: Some(TextHash::of(b"J'accepte")),
        at: Timestamp::from_second(1_764_000_000).expect("in range"),
        valid_until: None,
    }
}

/// The same, as if it had been stored and unsealed.
pub(crate) fn unsealed(purpose: &str, email: &str, expires_at: Timestamp) -> UnsealedLead {
    let lead = lead(purpose, email, false, expires_at);
    let id = RecordId { purpose: lead.purpose.clone(), epoch: 1, number: 1 };
    let key = Key::new([9; 32]);
    let record = seal(&lead, &id, [3; 32], Leaf::of(&id), &key, &SeededRandom::new(7)).expect("seals");
    unseal(&record, &id, &key).expect("opens")
}

/// The value of the field of such a lead.
pub(crate) fn email(lead: &OpenedLead) -> String {
    lead.content.fields[0].1[0].expose().to_owned()
}
