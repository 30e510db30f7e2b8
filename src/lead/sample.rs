//! Leads for the tests of other rooms, which cannot build one.

use jiff::{SignedDuration, Timestamp};

use crate::id::{FormId, PageId};
use crate::lead::minimised::{Answer, ConsentEvidence, Content, Grounds, MinimisedLead, Tick};
use crate::lead::opened::OpenedLead;
use crate::lead::reach::Reach;
use crate::lead::seal::{Leaf, UnsealedLead, seal, unseal};
use crate::purpose::{
    Basis, BoxDefault, Channel, ConsentKey, FieldName, FieldRule, Purpose, PurposeId, RecordId, TextHash,
    Whitelist, sample,
};
use crate::random::SeededRandom;
use crate::secret::Key;

/// A lead with one field, `email`, of this value.
pub(crate) fn lead(purpose: &str, email: &str, test: bool, expires_at: Timestamp) -> MinimisedLead {
    let created = Timestamp::from_second(1_764_000_000).expect("in range");
    let content = content(email, test, created, expires_at);
    let (purpose, reach) = (PurposeId::parse(purpose).expect("a name"), reach(purpose));
    MinimisedLead { purpose, content, reach }
}

/// The same under a purpose with this basis, sent in at this moment by whom its `email` reaches; also with a `phone_number`
/// that hangs on a consent that was not given anew, and a box for e-mail that was ticked or not.
pub(crate) fn lead_of(
    (purpose, basis): (&str, Basis),
    (email, phone): (&str, &str),
    (created, ticked_anew): (Timestamp, bool),
    expires_at: Timestamp,
) -> MinimisedLead {
    let name = |name: &str| FieldName::parse(name).expect("a name");
    let called = FieldRule {
        consent: Some(ConsentKey::parse("call_optin").expect("a name")),
        ..sample::field("phone_number")
    };
    let purpose = Purpose {
        basis,
        whitelist: Whitelist::new(vec![sample::field("email"), called.clone()]).expect("fields"),
        consents: vec![
            sample::consent("email_optin", Channel::Email),
            sample::consent("call_optin", Channel::Phone),
        ],
        ..sample::purpose(purpose, &["email"])
    };
    let mut content = content(email, false, created, expires_at);
    content.fields.push((name("phone_number"), vec![Answer::from_sealed(phone.to_owned())]));
    if !ticked_anew {
        content.consents = vec![ticked("call_optin", "call")];
    }
    let mut reach = Reach::of(&purpose, &content.consents, (content.created, content.received));
    for (rule, answers) in [&sample::field("email"), &called].into_iter().zip(&content.fields) {
        reach.look(&purpose, (rule, rule.name.as_str()), None, &answers.1);
    }
    MinimisedLead { purpose: purpose.id, content, reach }
}

/// The same, under a purpose that has a first mail.
pub(crate) fn welcomed(mut lead: MinimisedLead) -> MinimisedLead {
    lead.reach.is_welcomed = true;
    lead
}

/// The same, whose person ticked this box too.
pub(crate) fn ticking(mut lead: MinimisedLead, key: &str) -> MinimisedLead {
    lead.content.consents.push(ticked(key, key));
    lead
}

/// The same, with one more answer to its question.
pub(crate) fn besides(mut lead: MinimisedLead, answer: &str) -> MinimisedLead {
    let (_, answers) = lead.content.fields.first_mut().expect("it has one");
    answers.push(Answer::from_sealed(answer.to_owned()));
    lead
}

/// The same, and so many mailboxes beside it that they are not all compared.
pub(crate) fn crowded(mut lead: MinimisedLead) -> MinimisedLead {
    let many = (0..101).map(|number| Answer::from_sealed(format!("a{number}@lumen.example")));
    let purpose = sample::purpose(lead.purpose.as_str(), &["email"]);
    let rule = sample::field("email");
    lead.reach.look(&purpose, (&rule, "email"), None, &many.collect::<Vec<_>>());
    lead
}

/// Whom nobody has said a word of: no address was looked at.
pub(crate) fn reach(purpose: &str) -> Reach {
    let at = Timestamp::from_second(1_764_000_000).expect("in range");
    Reach::of(&sample::purpose(purpose, &["email"]), &[], (at, at))
}

fn content(email: &str, test: bool, created: Timestamp, expires_at: Timestamp) -> Content {
    Content {
        created,
        received: created + SignedDuration::from_secs(60),
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
        confirmed: None,
    }
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
        confirmed: None,
    }
}

/// A lead with one field, as if it had been stored and unsealed.
pub(crate) fn unsealed(purpose: &str, email: &str, expires_at: Timestamp) -> UnsealedLead {
    stored(&lead(purpose, email, false, expires_at))
}

/// This one, as if it had been.
pub(crate) fn stored(lead: &MinimisedLead) -> UnsealedLead {
    let id = RecordId { purpose: lead.purpose.clone(), epoch: 1, number: 1 };
    let key = Key::new([9; 32]);
    let record = seal(lead, &id, [3; 32], Leaf::of(&id), &key, &SeededRandom::new(7)).expect("seals");
    unseal(&record, &id, &key).expect("opens")
}

/// The names of its fields, and those of its consents that were given.
pub(crate) fn shape(lead: &OpenedLead) -> String {
    let fields = lead.content.fields.iter().map(|(name, _)| name.as_str());
    let given = lead.content.consents.iter().filter(|found| found.given()).map(|found| found.key.as_str());
    let [fields, given] = [fields.collect::<Vec<_>>(), given.collect()].map(|names| names.join(" "));
    format!("{fields} | {given}")
}

/// The value of the field of such a lead.
pub(crate) fn email(lead: &OpenedLead) -> String {
    lead.content.fields[0].1[0].expose().to_owned()
}

/// A lead with one field, `email`, that was submitted and received then, and lives as long as the purpose says.
pub(crate) fn received(
    purpose: &str,
    email: &str,
    created: Timestamp,
    received: Timestamp,
    of: &crate::purpose::Purpose,
) -> MinimisedLead {
    let periods = crate::purpose::periods(of, created, received);
    let mut lead = lead(purpose, email, false, periods.expires_at);
    (lead.content.created, lead.content.received) = (created, received);
    lead.content.reconfirm_due = periods.reconfirm_due;
    lead
}
