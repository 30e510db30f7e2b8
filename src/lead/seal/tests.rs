use proptest::prelude::*;

use jiff::Timestamp;

use super::*;
use crate::id::{DIGITS_MAX, FormId, LeadgenId, PageId};
use crate::lead::minimised::{Answer, ConsentEvidence, Content, Grounds, Tick};
use crate::lead::sample::{reach, ticked};
use crate::lead::schema::{decode, encode_first};
use crate::purpose::{BoxDefault, FieldName, Keep, PurposeId, TextHash};
use crate::random::{NoRandomness, SeededRandom};

fn lead(fields: &[(&str, Vec<String>)], test: bool) -> MinimisedLead {
    let field = |(name, values): &(&str, Vec<String>)| {
        let answers = values.iter().map(|value| Answer::from_sealed(value.clone())).collect();
        (FieldName::parse(name).expect("a name"), answers)
    };
    let at = |second| Timestamp::from_second(second).expect("in range");
    MinimisedLead {
        reach: reach("devis"),
        purpose: PurposeId::parse("devis").expect("a name"),
        content: Content {
            created: at(1_764_000_000),
            received: at(1_764_000_100),
            form: FormId::parse("901").expect("digits"),
            page: PageId::parse("104").expect("digits"),
            fields: fields.iter().map(field).collect(),
            consents: vec![
                ConsentEvidence {
                    valid_until: Some(at(1_780_000_001)),
                    ..ticked("email_optin", "J'accepte é")
                },
                ConsentEvidence {
                    tick: Tick::Absent,
                    answer: None,
                    default: BoxDefault::Unknown,
                    text: None,
                    ..ticked("call_optin", "call")
                },
            ],
            grounds: Grounds {
                form_revision: Some(TextHash::of(b"a form")),
                notice_revision: None,
                language: Some("fr_FR".to_owned()),
                copy_of: None,
            },
            seen: None,
            expires_at: at(1_795_536_000),
            reconfirm_due: Some(at(1_780_000_000)),
            test,
            leadgen: LeadgenId::parse("9007199254740993"),
            attribution: vec![(Keep::CampaignId, Answer::from_sealed("120200000000000001".to_owned()))],
            confirmed: None,
        },
    }
}

fn one(value: &str) -> MinimisedLead {
    lead(&[("email", vec![value.to_owned()])], false)
}

const SEEN: [u8; 32] = [5; 32];

fn encode(content: &Content) -> Result<Wiped<Vec<u8>>, usize> {
    schema::encode(content, SEEN)
}

fn id() -> RecordId {
    RecordId::parse("devis-1-123").expect("an id")
}

const LEAF: Leaf = Leaf { epoch: 1, number: 130 };

fn key() -> Key {
    Key::new([9; 32])
}

fn sealed(lead: &MinimisedLead) -> SealedRecord<'static> {
    seal(lead, &id(), SEEN, LEAF, &key(), &SeededRandom::new(1)).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(record: &SealedRecord<'_>, id: &RecordId, key: &Key) -> Option<SealError> {
    open(record, id, key).err()
}

/// Everything of a lead that a reader sees, as far as the first schema has it.
fn shown_first(content: &Content) -> String {
    let mut content_of_first = shown(content);
    content_of_first.truncate(content_of_first.find(" | ").expect("the rest"));
    content_of_first
}

/// Everything of a lead that a reader sees.
fn shown(content: &Content) -> String {
    let answers =
        |answers: &[Answer]| answers.iter().map(|a| format!("{:?}", a.expose())).collect::<String>();
    let fields: String =
        content.fields.iter().map(|(name, values)| format!("{name}:{}", answers(values))).collect();
    let consents: String =
        content.consents.iter().map(|c| format!("{}:{}:{:?}", c.key, c.checkbox_key, c.tick)).collect();
    let attribution: String =
        content.attribution.iter().map(|(k, v)| format!("{k}:{}", v.expose())).collect();
    let leadgen = content.leadgen.as_ref().map(LeadgenId::expose);
    let evidence: String = content
        .consents
        .iter()
        .map(|c| format!("{:?} {:?} {:?} {} {:?};", c.answer, c.default, c.text, c.at, c.valid_until))
        .collect();
    let Grounds { form_revision, notice_revision, language, copy_of } = &content.grounds;
    format!(
        "{} {} {} {} {fields} {consents} {} {:?} {} {leadgen:?} {attribution} | {evidence} {form_revision:?} {notice_revision:?} {language:?} {copy_of:?}",
        content.created,
        content.received,
        content.form,
        content.page,
        content.expires_at,
        content.reconfirm_due,
        content.test
    )
}

#[test]
fn a_record_under_another_name_key_or_header_does_not_open() {
    let record = sealed(&one("ada@example.org"));
    assert_eq!(refused(&record, &id(), &key()), None);
    for other in ["lettre-1-123", "devis-2-123", "devis-1-124", "devi-1-123", "devis_-1-123"] {
        let other = RecordId::parse(other).expect("an id");
        assert_eq!(refused(&record, &other, &key()), Some(SealError::DoesNotOpen), "{other}");
    }
    let other_key = Key::new([8; 32]);
    assert_eq!(refused(&record, &id(), &other_key), Some(SealError::DoesNotOpen));
    for moved in [
        SealedRecord { under: Under::Leaf(Leaf { number: 131, ..LEAF }), ..record.clone() },
        SealedRecord { under: Under::Leaf(Leaf { epoch: 2, ..LEAF }), ..record.clone() },
        SealedRecord { expiry_day: record.expiry_day.next(), ..record.clone() },
        SealedRecord { test: true, ..record.clone() },
    ] {
        assert_eq!(refused(&moved, &id(), &key()), Some(SealError::DoesNotOpen));
    }
}

#[test]
fn any_flipped_bit_or_cut_does_not_open() {
    let bytes = sealed(&one("ada@example.org")).encode();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let opened = SealedRecord::decode(&changed).map(|record| refused(&record, &id(), &key()));
        assert!(matches!(opened, None | Some(Some(SealError::DoesNotOpen))), "bit {bit}");
    }
    for cut in 0..bytes.len() {
        let opened = SealedRecord::decode(&bytes[..cut]).map(|record| refused(&record, &id(), &key()));
        assert!(matches!(opened, None | Some(Some(SealError::DoesNotOpen))), "cut at {cut}");
    }
}

/// A record as an earlier version wrote it.
fn written_as(head: Head, lead: &MinimisedLead) -> Vec<u8> {
    let mut record =
        move_to_bucket(&sealed(lead), &id(), &key(), &key(), &SeededRandom::new(1)).expect("opens");
    record.head = head;
    let plain = match head {
        Head::Two => encode(&lead.content).expect("fits"),
        _ => encode_first(&lead.content).expect("fits"),
    };
    record.filled(&plain, &id(), &key()).expect("sealed").encode()
}

/// As the build of 5a9719d wrote it: no version byte in front, and none in what the seal binds. Then with a version byte and
/// the same inside. Then with the evidence of each consent. Then, now, under its leaf.
#[test]
fn records_of_every_kind_open_by_their_own_rule_and_none_passes_for_another_kind() {
    let lead = one("ada@example.org");
    let second = written_as(Head::Two, &lead);
    let (oldest, old) = (written_as(Head::Unversioned, &lead), written_as(Head::One, &lead));
    let written = sealed(&lead).encode();
    assert_eq!((oldest[0], old[0], second[0], written[0]), (0, 1, 2, 4));
    assert_eq!(oldest.len() + 1, old.len());
    assert_eq!(second.len() - written.len(), 4, "a shorter nonce, a longer name of its key");
    for bytes in [&oldest, &old, &second, &written] {
        let read = SealedRecord::decode(bytes).expect("a record");
        let Ok(opened) = open(&read, &id(), &key()) else { panic!("it opens") };
        assert_eq!(shown_first(&opened.content), shown_first(&lead.content));
        assert_eq!(read.encode(), *bytes, "it is written as it was");
        let (under, day, test) = SealedRecord::peek(bytes).expect("a head");
        assert_eq!(under == Under::Leaf(LEAF), bytes == &written);
        assert!(under == Under::Leaf(LEAF) || under == Under::Bucket(0));
        assert_eq!((day, test), (lead.expiry_day(), false));
    }
    let opened = |bytes: &[u8]| {
        let read = SealedRecord::decode(bytes).expect("a record");
        open(&read, &id(), &key()).unwrap_or_else(|error| panic!("{error}"))
    };
    for new in [opened(&second), opened(&written)] {
        assert!(shown(&new.content) == shown(&lead.content) && new.seen() == Some(&SEEN));
    }
    for first in [opened(&oldest), opened(&old)] {
        let [email, call] = first.consents() else { panic!("two consents") };
        assert!(email.given() && !call.given() && first.seen().is_none());
        assert_eq!((email.default, email.text, email.at), (BoxDefault::Unknown, None, first.created()));
        assert!(*first.grounds() == Grounds::default());
    }
    let dressed = [&[1], oldest.as_slice()].concat();
    let redressed = [&[2], &old[1..]].concat();
    let turned_back = [&[1], &second[1..]].concat();
    let of_first = [&[3], &written[1..]].concat();
    for bytes in [dressed.as_slice(), &redressed, &turned_back, &of_first, &old[1..], &second[1..]] {
        let read = SealedRecord::decode(bytes).expect("as long as one");
        assert_eq!(refused(&read, &id(), &key()), Some(SealError::DoesNotOpen));
    }
    assert!(SealedRecord::decode(&[&[5], oldest.as_slice()].concat()).is_none(), "a later head");
}

/// Whoever looks for an address looks at each answer of each field, whatever the schema, and at nothing beside them.
#[test]
fn each_answer_is_looked_at_and_nothing_else_is() {
    let fields = [
        ("email", vec!["ada@example.org".to_owned(), "b@example.org".to_owned()]),
        ("ville", vec!["Angers".to_owned()]),
    ];
    let lead = lead(&fields, false);
    for head in [Head::Unversioned, Head::One, Head::Two] {
        let bytes = written_as(head, &lead);
        let record = SealedRecord::decode(&bytes).expect("a record");
        let unsealed = unseal(&record, &id(), &key()).unwrap_or_else(|error| panic!("{error}"));
        let mut seen = Vec::new();
        assert_eq!(unsealed.each_answer(|name, answer| seen.push(format!("{name} {answer}"))), Ok(()));
        assert_eq!(seen, ["email ada@example.org", "email b@example.org", "ville Angers"]);
        assert!(*unsealed.id() == id() && unsealed.seen() == (head == Head::Two).then_some(SEEN));
    }
    let later = UnsealedLead { id: id(), test: false, plain: Wiped::new(vec![9, 0, 0]), events: Vec::new() };
    assert_eq!(later.each_answer(|_, _| panic!("nothing is known of it")), Err(SealError::UnknownLayout));
}

/// What a store of before has is sealed again as it is, under its leaf, and says by itself which schema is inside.
#[test]
fn a_record_of_before_moves_to_its_leaf_and_the_key_it_had_opens_it_no_longer() {
    let lead = one("ada@example.org");
    let second = written_as(Head::Two, &lead);
    let leaf_key = Key::new([8; 32]);
    let before = [written_as(Head::Unversioned, &lead), written_as(Head::One, &lead), second];
    for (bytes, version) in before.iter().zip([3, 3, 4]) {
        let read = SealedRecord::decode(bytes).expect("a record");
        let moved = move_to_leaf(&read, &id(), &key(), LEAF, &leaf_key, &SeededRandom::new(2));
        let moved = moved.unwrap_or_else(|error| panic!("{error}")).encode();
        assert_eq!(moved[0], version);
        let again = SealedRecord::decode(&moved).expect("a record");
        assert_eq!(SealedRecord::peek(&moved), Some((Under::Leaf(LEAF), lead.expiry_day(), false)));
        assert_eq!(refused(&again, &id(), &key()), Some(SealError::DoesNotOpen));
        let opened = open(&again, &id(), &leaf_key).unwrap_or_else(|error| panic!("{error}"));
        let was = open(&read, &id(), &key()).unwrap_or_else(|error| panic!("{error}"));
        assert!(shown(&opened.content) == shown(&was.content) && opened.seen() == was.seen());
        assert_eq!(seen_of(&again, &id(), &leaf_key), Ok(was.seen().copied()));
        assert_eq!(seen_of(&again, &id(), &key()), Err(SealError::DoesNotOpen));
        let refused = move_to_leaf(&read, &id(), &leaf_key, LEAF, &leaf_key, &SeededRandom::new(2)).err();
        assert_eq!(refused, Some(SealError::DoesNotOpen), "not under another key");
    }
}

#[test]
fn what_would_not_open_is_found_without_reading_it() {
    let record = sealed(&one("ada@example.org"));
    assert_eq!(check(&record, &id(), &key()), Ok(()));
    let other = RecordId { number: 124, ..id() };
    assert_eq!(check(&record, &other, &key()), Err(SealError::DoesNotOpen));
    let other_key = Key::new([8; 32]);
    assert_eq!(check(&record, &id(), &other_key), Err(SealError::DoesNotOpen));
}

#[test]
fn what_stands_in_clear_is_what_was_sealed() {
    let bytes = sealed(&lead(&[("email", vec!["<test lead".to_owned()])], true)).encode();
    let day = Day::of(Timestamp::from_second(1_795_536_000).expect("in range"));
    assert_eq!(SealedRecord::peek(&bytes), Some((Under::Leaf(LEAF), day, true)));
    assert_eq!(SealedRecord::peek(&bytes[..8]), None);
    assert_eq!(SealedRecord::peek(&[0; 8]), None);
    assert_eq!(SealedRecord::peek(&[0, 0, 0, 0, 0, 0, 0, 0, 2]), None, "a flag is 0 or 1");
}

#[test]
fn nothing_of_a_lead_stands_in_clear() {
    let bytes = sealed(&one("ada.lovelace@example.org")).encode();
    for clear in ["ada.lovelace", "email", "901", "9007199254740993", "optin", "120200000000000001"] {
        assert!(!bytes.windows(clear.len()).any(|window| window == clear.as_bytes()), "{clear}");
    }
}

#[test]
fn one_lead_sealed_twice_differs() {
    let random = SeededRandom::new(1);
    let lead = one("ada@example.org");
    let seal =
        || seal(&lead, &id(), SEEN, LEAF, &key(), &random).map(|record| record.encode()).expect("seals");
    assert_ne!(seal(), seal());
}

#[test]
fn a_record_ends_at_its_bound_exactly() {
    let mut largest = 0;
    for bytes in RECORD_BYTES_MAX - 800..RECORD_BYTES_MAX {
        match seal(&one(&"x".repeat(bytes)), &id(), SEEN, LEAF, &key(), &SeededRandom::new(1)) {
            Ok(record) => largest = largest.max(record.encode().len()),
            Err(error) => assert!(matches!(error, SealError::TooLarge(size) if size > RECORD_BYTES_MAX)),
        }
    }
    assert_eq!(largest, RECORD_BYTES_MAX);
    assert_eq!(RECORD_BYTES_MAX, 16_384, "what sled keeps in its log: larger ones go to files of their own");
    let huge = seal(&one(&"x".repeat(3_000_000)), &id(), SEEN, LEAF, &key(), &SeededRandom::new(1)).err();
    assert!(matches!(huge, Some(SealError::TooLarge(_))));
}

/// A buffer that grows leaves answers behind in what it was before; one that is too large costs more to wipe than all else.
#[test]
fn a_lead_lies_in_one_block_of_its_size_before_it_is_sealed() {
    for values in [0, 1, 9, 100] {
        let plain =
            encode(&lead(&[("email", vec!["x".repeat(values); values])], false).content).expect("fits");
        assert_eq!(plain.capacity(), plain.len());
        assert!(decode(&plain, false).is_some());
    }
}

#[test]
fn the_barest_lead_has_room_too() {
    let mut lead = lead(&[], false);
    let whole = |moment: Timestamp| Timestamp::from_second(moment.as_second()).expect("in range");
    let longest = "9".repeat(DIGITS_MAX);
    lead.content.consents.clear();
    lead.content.attribution.clear();
    lead.content.created = whole(Timestamp::MIN);
    lead.content.expires_at = whole(Timestamp::MAX);
    lead.content.form = FormId::parse(&longest).expect("digits");
    lead.content.page = PageId::parse(&longest).expect("digits");
    lead.content.leadgen = LeadgenId::parse(&longest);
    assert!(
        open(&sealed(&lead), &id(), &key())
            .is_ok_and(|opened| shown(&opened.content) == shown(&lead.content))
    );
}

#[test]
fn nothing_is_sealed_without_randomness() {
    struct Dry;
    impl Random for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness)
        }
    }
    assert_eq!(seal(&one("x"), &id(), SEEN, LEAF, &key(), &Dry).err(), Some(SealError::NoRandomness));
}

#[test]
fn a_later_layout_is_told_apart_from_damage() {
    let mut plain = encode(&one("x").content).expect("fits");
    assert!(decode(&plain, false).is_some());
    assert!(decode(&[], false).is_none());
    plain[0] = Schema::Three.byte() + 1;
    assert!(decode(&plain, false).is_none());
}

proptest! {
    #[test]
    fn what_was_sealed_opens_the_same(
        values in proptest::collection::vec(proptest::collection::vec("(?s).{0,40}", 1..4), 0..8),
        test in any::<bool>(),
        number in any::<u64>(),
        epoch in any::<u32>(),
    ) {
        let names = ["email", "full_name", "a", "b_2", "c", "d", "e", "f"];
        let fields: Vec<(&str, Vec<String>)> = names.into_iter().zip(values).collect();
        let lead = lead(&fields, test);
        let id = RecordId { number, epoch, ..id() };
        let record = seal(&lead, &id, SEEN, Leaf::of(&id), &key(), &SeededRandom::new(number)).expect("fits");
        let bytes = record.encode();
        let read = SealedRecord::decode(&bytes).expect("a record");
        let Ok(opened) = open(&read, &id, &key()) else { panic!("it opens") };
        prop_assert_eq!(shown(&opened.content), shown(&lead.content));
        prop_assert_eq!(opened.id(), &id);
        let other = RecordId { number: number ^ 1, ..id };
        prop_assert_eq!(refused(&read, &other, &key()), Some(SealError::DoesNotOpen));
    }
}
