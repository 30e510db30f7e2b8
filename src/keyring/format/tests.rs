use proptest::prelude::*;

use super::writing::{prefix_of, seal, seal_within};
use super::*;
use std::io::ErrorKind;

use crate::random::SeededRandom;

fn root(byte: u8) -> Key {
    Key::new([byte; 32])
}

/// A content's inside as plain values, which can be generated, compared and shown.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    instance: [u8; 16],
    generation: u64,
    seen: [u8; 32],
    trail: [u8; 32],
    months: BTreeMap<u32, [u8; 32]>,
    days: BTreeMap<u32, [u8; 32]>,
    /// (purpose, epoch, index) → newest and previous (generation, key).
    #[expect(clippy::type_complexity, reason = "flat, so that it can be generated")]
    buckets: BTreeMap<(String, u32, u64), ((u32, [u8; 32]), Option<(u32, [u8; 32])>)>,
}

impl Told {
    fn of(content: &Content) -> Self {
        let numbered = |held: &Numbered| (held.generation, *held.key.expose());
        let told = |(bucket, keys): (&Bucket, &BucketKeys)| {
            let name = (bucket.purpose.to_string(), bucket.epoch, bucket.index);
            (name, (numbered(&keys.newest), keys.previous.as_ref().map(numbered)))
        };
        Self {
            instance: content.instance.0,
            generation: content.generation,
            seen: *content.seen.expose(),
            trail: *content.trail.expose(),
            months: content.months.iter().map(|(month, key)| (month.0, *key.expose())).collect(),
            days: content.days.iter().map(|(day, key)| (day.0, *key.expose())).collect(),
            buckets: content.buckets.iter().map(told).collect(),
        }
    }

    fn content(&self) -> Content {
        let key = |bytes: [u8; 32]| Arc::new(Key::new(bytes));
        let numbered = |(generation, bytes)| Numbered { generation, key: key(bytes) };
        let buckets = self.buckets.iter().map(|((name, epoch, index), (newest, previous))| {
            let purpose = PurposeId::parse(name).expect("a purpose");
            let keys = BucketKeys { newest: numbered(*newest), previous: previous.map(numbered) };
            (Bucket { purpose, epoch: *epoch, index: *index }, keys)
        });
        Content {
            instance: InstanceId(self.instance),
            generation: self.generation,
            seen: key(self.seen),
            trail: key(self.trail),
            months: self.months.iter().map(|(month, bytes)| (Month(*month), key(*bytes))).collect(),
            days: self.days.iter().map(|(day, bytes)| (Day(*day), key(*bytes))).collect(),
            buckets: buckets.collect(),
        }
    }
}

prop_compose! {
    fn any_told()(
        (instance, generation) in any::<([u8; 16], u64)>(),
        (seen, trail) in any::<([u8; 32], [u8; 32])>(),
        months in prop::collection::btree_map(any::<u32>(), any::<[u8; 32]>(), 0..3),
        days in prop::collection::btree_map(any::<u32>(), any::<[u8; 32]>(), 0..40),
        buckets in prop::collection::btree_map(
            ("[a-z][a-z0-9_]{0,62}", any::<u32>(), any::<u64>()),
            any::<((u32, [u8; 32]), Option<(u32, [u8; 32])>)>(),
            0..40,
        ),
    ) -> Told {
        Told { instance, generation, seen, trail, months, days, buckets }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_sealed_opens_to_the_same(told in any_told(), seed in any::<u64>()) {
        let sealed = seal(&told.content(), &root(1), &SeededRandom::new(seed)).expect("sealed");
        let opened = open(Zeroizing::new(sealed), &root(1)).map_err(|error| error.code);
        prop_assert_eq!(opened.map(|content| Told::of(&content)), Ok(told));
    }

    #[test]
    fn no_bytes_at_all_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
        prop_assert!(open(Zeroizing::new(bytes.clone()), &root(1)).is_err());
        let framed = [prefix_of(VERSION).as_slice(), &bytes].concat();
        prop_assert!(open(Zeroizing::new(framed), &root(1)).is_err());
    }
}

fn sample() -> Content {
    let random = SeededRandom::new(5);
    let mut content = Content::new(&random).expect("made");
    content.make_day(Day(20_000), &random).expect("made");
    content.make_month(Month(680), &random).expect("made");
    add_buckets(&mut content, 3);
    content
}

fn add_buckets(content: &mut Content, count: u64) {
    let (random, purpose) = (SeededRandom::new(7), PurposeId::parse("devis").expect("a purpose"));
    for index in 0..count {
        content.make_bucket(&Bucket { purpose: purpose.clone(), epoch: 1, index }, &random).expect("made");
    }
}

fn code(bytes: &[u8], root: &Key) -> Option<KeyringCode> {
    open(Zeroizing::new(bytes.to_vec()), root).err().map(|error| error.code)
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let sealed = seal(&sample(), &root(1), &SeededRandom::new(6)).expect("sealed");
    assert_eq!(code(&sealed, &root(1)), None);
    for byte in 0..sealed.len() {
        for bit in [0x01, 0x80] {
            let mut bad = sealed.clone();
            bad[byte] ^= bit;
            let version = byte == MAGIC.len();
            let expected = if version { KeyringCode::Format } else { KeyringCode::DoesNotOpen };
            assert_eq!(code(&bad, &root(1)), Some(expected), "byte {byte}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_or_with_more_after_it_is_refused() {
    let mut sealed = seal(&sample(), &root(1), &SeededRandom::new(6)).expect("sealed");
    for length in 0..sealed.len() {
        assert_eq!(code(&sealed[..length], &root(1)), Some(KeyringCode::DoesNotOpen), "{length}");
    }
    sealed.push(0);
    assert_eq!(code(&sealed, &root(1)), Some(KeyringCode::DoesNotOpen));
}

#[test]
fn another_root_key_does_not_open_it() {
    let sealed = seal(&sample(), &root(1), &SeededRandom::new(6)).expect("sealed");
    assert_eq!(code(&sealed, &root(2)), Some(KeyringCode::DoesNotOpen));
}

/// The magic is what tells one use of the root key from another.
#[test]
fn what_the_root_key_sealed_for_something_else_is_no_keyring() {
    let mut plain = postcard::to_allocvec(&Layout1::of(&sample())).expect("encoded");
    for (magic, expected) in [(b"TAMISKEX", KeyringCode::DoesNotOpen), (MAGIC, KeyringCode::Format)] {
        for version in [VERSION, VERSION + 1] {
            let (prefix, nonce) = ([magic.as_slice(), &[version]].concat(), [7; NONCE_BYTES]);
            let tag = cipher::seal_in_place(&root(1), &nonce, &prefix, &mut plain).expect("sealed");
            let sealed = [prefix.as_slice(), &nonce, &plain, &tag].concat();
            let expected = (magic != MAGIC || version != VERSION).then_some(expected);
            assert_eq!(code(&sealed, &root(1)), expected, "{version}");
            plain = postcard::to_allocvec(&Layout1::of(&sample())).expect("encoded");
        }
    }
}

#[test]
fn no_two_sealings_share_a_nonce() {
    let (content, random) = (sample(), SeededRandom::new(6));
    let nonce = || seal(&content, &root(1), &random).expect("sealed")[PREFIX_BYTES..HEADER_BYTES].to_vec();
    assert_ne!(nonce(), nonce());
}

/// Without the cipher in between: an inside cut anywhere, or followed by more, is no inside.
#[test]
fn an_inside_is_read_to_its_end_and_no_further() {
    let content = sample();
    let mut plain = postcard::to_allocvec(&Layout1::of(&content)).expect("encoded");
    assert!(decode(&plain).is_some_and(|read| Told::of(&read) == Told::of(&content)));
    for length in 0..plain.len() {
        assert!(decode(&plain[..length]).is_none(), "{length}");
    }
    plain.push(0);
    assert!(decode(&plain).is_none());
}

/// Two thousand buckets are a million leads.
#[test]
fn the_keys_of_a_million_leads_fit_into_eighty_kilobytes() {
    let mut content = sample();
    add_buckets(&mut content, 2_000);
    let bytes = seal(&content, &root(1), &SeededRandom::new(6)).expect("sealed").len();
    assert!(bytes < 80_000, "{bytes}");
}

#[test]
fn a_keyring_of_its_largest_size_is_sealed_and_one_that_is_a_byte_larger_is_not() {
    let (content, random) = (sample(), SeededRandom::new(6));
    let bytes = seal(&content, &root(1), &random).expect("sealed").len() as u64;
    let sealed =
        |bytes_max| seal_within(bytes_max, &content, &root(1), &random).map(|sealed| sealed.len() as u64);
    assert_eq!(sealed(bytes), Ok(bytes));
    assert_eq!(sealed(bytes - 1), Err(KeyringError::io(ErrorKind::FileTooLarge)));
    assert_eq!(sealed(1), Err(KeyringError::io(ErrorKind::FileTooLarge)));
    assert_eq!(KEYRING_BYTES_MAX, 64 << 20, "what documents and limits of memory rest on");
}

/// Months and days, and buckets of a purpose each, every number as long as it can be; a bucket may have two keys.
fn fullest(months: u32, days: u32, buckets: u64, two_keys: bool) -> Told {
    let newest = (u32::MAX, [0xff; 32]);
    let previous = two_keys.then_some(newest);
    let bucket = |n: u64| ((format!("p{n:0>62}"), u32::MAX, u64::MAX), (newest, previous));
    Told {
        instance: [0xff; 16],
        generation: u64::MAX,
        seen: [0xff; 32],
        trail: [0xff; 32],
        months: (0..months).map(|n| (u32::MAX - n, [0xff; 32])).collect(),
        days: (0..days).map(|n| (u32::MAX - n, [0xff; 32])).collect(),
        buckets: (0..buckets).map(bucket).collect(),
    }
}

#[test]
fn a_keyring_of_the_largest_numbers_is_sealed_whole() {
    for (months, days) in [(0, 0), (1, 0), (0, 1), (2, 40)] {
        for (buckets, two_keys) in [(0, false), (1, false), (1, true), (30, true)] {
            let told = fullest(months, days, buckets, two_keys);
            let sealed = seal(&told.content(), &root(1), &SeededRandom::new(6)).expect("sealed");
            let opened = open(Zeroizing::new(sealed), &root(1)).map(|opened| Told::of(&opened));
            assert_eq!(opened, Ok(told), "{months} {days} {buckets} {two_keys}");
        }
    }
}

/// A buffer that grows leaves keys behind in what it was before.
#[test]
fn a_sealed_keyring_lies_in_one_block_of_its_size() {
    let sealed = seal(&sample(), &root(1), &SeededRandom::new(6)).expect("sealed");
    let inside = postcard::to_allocvec(&Layout1::of(&sample())).expect("encoded");
    assert_eq!((sealed.len(), sealed.capacity()), (33 + inside.len() + 16, sealed.len()));
}
