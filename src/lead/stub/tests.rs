use super::*;
use crate::lead::event::EventEntity;
use crate::lead::sample;
use crate::random::SeededRandom;
use crate::secret::Key;

fn lead() -> OpenedLead {
    let expires = Timestamp::from_second(1_795_000_000).expect("in range");
    sample::unsealed("devis", "marie@canary.example", expires).read().expect("opens")
}

fn event(consent: &str, kind: EventKind, second: i64) -> ConsentEvent {
    ConsentEvent {
        consent: ConsentKey::parse(consent).expect("a name"),
        kind,
        at: Timestamp::from_second(second).expect("in range"),
        entity: EventEntity::Person,
        valid_until: None,
        notice_revision: Some(TextHash::of(b"a notice")),
        language: Some("fr".to_owned()),
    }
}

const DAYS: (Day, Day) = (Day(20_000), Day(21_095));

#[test]
fn a_stub_says_what_was_ticked_and_what_became_of_it_and_has_no_answer() {
    let events = vec![
        event("email_optin", EventKind::Confirmed, 1_765_000_000),
        event("another", EventKind::Withdrawn, 1_765_000_001),
        event("email_optin", EventKind::Withdrawn, 1_766_000_000),
    ];
    let stub = Stub::of(&lead().with_events(events), StubCause::Erased, DAYS).expect("a box was ticked");
    assert_eq!((stub.purpose.as_str(), stub.form.as_str()), ("devis", "901000000000001"));
    let [given] = stub.boxes.as_slice() else { panic!("one box") };
    assert!(given.consent.as_str() == "email_optin" && given.checkbox_key == "optin");
    let kinds: Vec<EventKind> = stub.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Confirmed, EventKind::Withdrawn], "of the box alone");
    let key = EvidenceKey::new(Key::new([9; 32]));
    let sealed = stub.seal(b"here", &key, &SeededRandom::new(3)).expect("seals");
    let plain = {
        let (nonce, text) = sealed[1..].split_first_chunk::<NONCE_BYTES>().expect("a nonce");
        cipher::open(&key.sealing(), nonce, &additional_data(b"here", DAYS), text).expect("opens")
    };
    for absent in ["marie", "canary.example", "devis-1"] {
        assert!(!plain.windows(absent.len()).any(|part| part == absent.as_bytes()), "{absent}");
    }
    assert!(Stub::open(&sealed, b"here", DAYS, &key).is_ok_and(|opened| opened == stub));
}

#[test]
fn a_stub_opens_at_its_place_by_its_days_and_its_months_key_alone() {
    let stub = Stub::of(&lead(), StubCause::Expired, DAYS).expect("a box was ticked");
    let key = EvidenceKey::new(Key::new([9; 32]));
    let sealed = stub.seal(b"here", &key, &SeededRandom::new(3)).expect("seals");
    let refused =
        |bytes: &[u8], place: &[u8], days, key: &EvidenceKey| Stub::open(bytes, place, days, key).err();
    let other = EvidenceKey::new(Key::new([8; 32]));
    assert_eq!(refused(&sealed, b"there", DAYS, &key), Some(SealError::DoesNotOpen));
    assert_eq!(refused(&sealed, b"here", (DAYS.0, Day(30_000)), &key), Some(SealError::DoesNotOpen));
    assert_eq!(refused(&sealed, b"here", DAYS, &other), Some(SealError::DoesNotOpen));
    let later = [&[2], &sealed[1..]].concat();
    assert_eq!(refused(&later, b"here", DAYS, &key), Some(SealError::UnknownLayout));
    assert!((0..sealed.len()).all(|cut| refused(&sealed[..cut], b"here", DAYS, &key).is_some()));
}

#[test]
fn what_ended_a_consent_is_kept_before_what_was_confirmed() {
    let mut events = vec![event("email_optin", EventKind::Withdrawn, 1)];
    events.extend((2..102).map(|second| event("email_optin", EventKind::Confirmed, second)));
    let stub = Stub::of(&lead().with_events(events), StubCause::Erased, DAYS).expect("a box was ticked");
    assert_eq!(stub.events.len(), EVENTS_MAX);
    assert!(stub.events[0].kind == EventKind::Withdrawn && stub.events[63].at.as_second() == 101);
}

#[test]
fn a_record_is_found_by_its_mailboxes_and_numbers_in_any_spelling() {
    let found = addresses(&lead());
    let [mailbox] = found.as_slice() else { panic!("one address") };
    let key = EvidenceKey::new(Key::new([9; 32]));
    let hash = |typed: &str| *key.fingerprint(&Address::email(typed).expect("an address")).bytes();
    assert_eq!(*key.fingerprint(mailbox).bytes(), hash(" Marie@Canary.EXAMPLE "));
    assert!(hash("marie@canary.example") != hash("zoe@canary.example"));
    let in_field = |name: &str, typed: &str| Address::in_field(name, typed).map(|found| found.contact());
    use crate::purpose::law::Contact;
    assert_eq!(in_field("remark", "marie@canary.example"), Some(Contact::Address));
    assert_eq!(in_field("remark", "+33 6 12 34 56 78"), Some(Contact::Number));
    assert_eq!(in_field("phone_number", "0612345678"), Some(Contact::Number));
    assert_eq!(in_field("budget", "0612345678"), None);
}
