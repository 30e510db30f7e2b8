//! Leads for the tests of other rooms, which cannot build one.

use jiff::Timestamp;

use crate::id::{FormId, PageId};
use crate::lead::minimised::{Answer, ConsentEvidence, Content, MinimisedLead, Tick};
use crate::lead::opened::OpenedLead;
use crate::lead::seal::{BucketKey, UnsealedLead, seal, unseal};
use crate::purpose::{ConsentKey, FieldName, PurposeId, RecordId};
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
        consents: vec![ConsentEvidence {
            key: ConsentKey::parse("email_optin").expect("a name"),
            checkbox_key: "optin".to_owned(),
            tick: Tick::Yes,
        }],
        expires_at,
        reconfirm_due: None,
        test,
        leadgen: None,
        attribution: Vec::new(),
    };
    MinimisedLead { purpose: PurposeId::parse(purpose).expect("a name"), content }
}

/// The same, as if it had been stored and unsealed.
pub(crate) fn unsealed(purpose: &str, email: &str, expires_at: Timestamp) -> UnsealedLead {
    let lead = lead(purpose, email, false, expires_at);
    let id = RecordId { purpose: lead.purpose.clone(), epoch: 1, number: 1 };
    let bucket = BucketKey { generation: 0, key: Key::new([9; 32]) };
    let record = seal(&lead, &id, &bucket, &SeededRandom::new(7)).expect("seals");
    unseal(&record, &id, &bucket).expect("opens")
}

/// The value of the field of such a lead.
pub(crate) fn email(lead: &OpenedLead) -> String {
    lead.content.fields[0].1[0].expose().to_owned()
}
