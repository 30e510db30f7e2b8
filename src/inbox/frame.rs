//! The journal's frames: one call's references, sealed under the key of the day; or the end of a segment.
//!
//! A frame is 32 bytes in clear and a payload, little-endian: payload length (u32), CRC32C of all the rest (u32), use
//! number of the segment (u64), where its batch starts (u32), day (u32), count of references (u32), kind (u8), three
//! zeros. A references payload is a nonce of 24 bytes and XChaCha20-Poly1305 of the encoded references.
//!
//! The use number tells a frame from what an earlier use of the same file left behind. Where its batch starts tells
//! what was already durable when the frame was written: everything before that place, so damage there is no torn tail.

use zeroize::Zeroizing;

use crate::clock::Day;
use crate::keyring::InstanceId;
use crate::notification::LeadRef;
use crate::random::{NoRandomness, Random};
use crate::secret::Key;
use crate::secret::cipher::{self, NONCE_BYTES, TAG_BYTES};

/// What stands in clear before a payload; an end marker is no more than this.
pub const HEADER_BYTES: usize = 32;

/// What sealing a call adds to its encoded references.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;

/// The layout of a frame and of what is sealed in it.
const LAYOUT: u8 = 1;

/// What a frame is. Neither is zero, so that zeros are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The references of one call.
    References,
    /// Nothing follows in this segment.
    End,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::References => 1,
            Self::End => 2,
        }
    }
}

/// The key of a day, with its day.
pub struct DayKey {
    /// The day.
    pub day: Day,
    /// Its key.
    pub key: Key,
}

/// A frame whose checksum holds. It may still be one of an earlier use: the reader compares [`Frame::used`].
pub struct Frame<'b> {
    /// The use number of the segment when it was written.
    pub used: u64,
    /// Where its batch starts: what lies before was durable when this was written.
    pub batch_start: u32,
    /// The day of the key that seals it; 0 in an end marker.
    pub day: Day,
    /// How many references it holds.
    pub count: u32,
    /// What it is.
    pub kind: Kind,
    payload: &'b [u8],
}

impl<'b> Frame<'b> {
    /// Reads the frame at the front of `bytes`; `None` if there is none, or its checksum does not hold.
    pub fn decode(bytes: &'b [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let kind = match header.split_last_chunk::<4>()?.1 {
            [1, 0, 0, 0] => Kind::References,
            [2, 0, 0, 0] => Kind::End,
            _ => return None,
        };
        let (len, after) = header.split_first_chunk::<4>()?;
        let (crc, after) = after.split_first_chunk::<4>()?;
        let payload = rest.get(..usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
        if checksum(len, after, payload) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (used, after) = after.split_first_chunk::<8>()?;
        let (batch_start, after) = after.split_first_chunk::<4>()?;
        let (day, after) = after.split_first_chunk::<4>()?;
        let (count, _) = after.split_first_chunk::<4>()?;
        Some(Self {
            used: u64::from_le_bytes(*used),
            batch_start: u32::from_le_bytes(*batch_start),
            day: Day(u32::from_le_bytes(*day)),
            count: u32::from_le_bytes(*count),
            kind,
            payload,
        })
    }

    /// How many bytes it takes.
    pub fn len(&self) -> usize {
        HEADER_BYTES + self.payload.len()
    }

    /// Opens the references; `None` if the payload does not open under this key, or is not `count` references.
    pub fn open(&self, key: &Key, instance: InstanceId) -> Option<Vec<LeadRef>> {
        let (nonce, sealed) = self.payload.split_first_chunk::<NONCE_BYTES>()?;
        let (sealed, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        cipher::open_in_place(key, nonce, &additional_data(instance, self.day, self.count), &mut plain, tag)
            .ok()?;
        let mut rest = plain.as_slice();
        // Every reference takes at least a byte, so a wrong count cannot reserve more than was read.
        let mut references = Vec::with_capacity(usize::try_from(self.count).ok()?.min(rest.len()));
        while !rest.is_empty() {
            references.push(LeadRef::decode(&mut rest)?);
        }
        (references.len() == usize::try_from(self.count).ok()?).then_some(references)
    }
}

/// Seals the references of one call. Its place (`stamp`) is not known yet.
///
/// # Errors
/// The system gives no randomness for a nonce, or the cipher refuses (beyond 256 GiB).
pub fn seal(
    references: &[LeadRef],
    key: &DayKey,
    instance: InstanceId,
    random: &dyn Random,
) -> Result<Vec<u8>, NoRandomness> {
    let count = u32::try_from(references.len()).map_err(|_| NoRandomness)?;
    // One allocation of the final size: a growing buffer would leave ids in clear behind.
    let mut frame = Vec::with_capacity(OVERHEAD_BYTES + references.len() * LeadRef::ENCODED_MAX);
    frame.extend_from_slice(&[0; 20]);
    frame.extend_from_slice(&key.day.0.to_le_bytes());
    frame.extend_from_slice(&count.to_le_bytes());
    frame.extend_from_slice(&[Kind::References.code(), 0, 0, 0]);
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce)?;
    frame.extend_from_slice(&nonce);
    for reference in references {
        reference.encode(&mut frame);
    }
    let (_, plain) = frame.split_at_mut(HEADER_BYTES + NONCE_BYTES);
    let tag = cipher::seal_in_place(&key.key, &nonce, &additional_data(instance, key.day, count), plain)
        .map_err(|_| NoRandomness)?;
    frame.extend_from_slice(&tag);
    let len = u32::try_from(frame.len() - HEADER_BYTES).map_err(|_| NoRandomness)?;
    if let Some(place) = frame.first_chunk_mut::<4>() {
        *place = len.to_le_bytes();
    }
    Ok(frame)
}

/// The end marker of a segment.
pub fn end(used: u64, batch_start: u32) -> [u8; HEADER_BYTES] {
    let mut frame = [0; HEADER_BYTES];
    if let Some(kind) = frame.last_chunk_mut::<4>() {
        *kind = [Kind::End.code(), 0, 0, 0];
    }
    stamp(&mut frame, used, batch_start);
    frame
}

/// Writes into one whole frame where it is: use number, where its batch starts, and then the checksum.
pub fn stamp(frame: &mut [u8], used: u64, batch_start: u32) {
    let Some((header, payload)) = frame.split_first_chunk_mut::<HEADER_BYTES>() else { return };
    let Some((len, after)) = header.split_first_chunk_mut::<4>() else { return };
    let Some((crc, after)) = after.split_first_chunk_mut::<4>() else { return };
    if let Some((place, rest)) = after.split_first_chunk_mut::<8>() {
        *place = used.to_le_bytes();
        if let Some(place) = rest.first_chunk_mut::<4>() {
            *place = batch_start.to_le_bytes();
        }
    }
    *crc = checksum(len, after, payload).to_le_bytes();
}

/// True if this is the beginning of a frame of this use, whole or not.
pub fn says_use(header: &[u8; HEADER_BYTES], used: u64) -> bool {
    header.get(8..16) == Some(used.to_le_bytes().as_slice())
}

/// Length, day and count of a frame that [`seal`] made, stamped or not.
pub fn outline(bytes: &[u8]) -> Option<(usize, Day, usize)> {
    let header = bytes.first_chunk::<HEADER_BYTES>()?;
    let number =
        |at: usize| -> Option<u32> { header.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes) };
    let len = HEADER_BYTES + usize::try_from(number(0)?).ok()?;
    Some((len, Day(number(20)?), usize::try_from(number(24)?).ok()?))
}

/// The first place at or after `from` where a frame of a wanted use begins. Looks at every byte: what is damaged tells no
/// lengths.
pub fn find(bytes: &[u8], from: usize, wanted: impl Fn(u64) -> bool) -> Option<(usize, Frame<'_>)> {
    let mut at = from;
    while let Some(rest) = bytes.get(at..) {
        if rest.len() < HEADER_BYTES {
            return None;
        }
        // The kind first: it rejects nearly every place, and zeros at once.
        if matches!(rest.get(HEADER_BYTES - 4..HEADER_BYTES), Some([1 | 2, 0, 0, 0]))
            && let Some(frame) = Frame::decode(rest)
            && wanted(frame.used)
        {
            return Some((at, frame));
        }
        at += 1;
    }
    None
}

fn checksum(len: &[u8; 4], after: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(len), after), payload)
}

fn additional_data(instance: InstanceId, day: Day, count: u32) -> Vec<u8> {
    let mut data = Vec::with_capacity(48);
    data.extend_from_slice(b"tamis/inbox");
    data.push(LAYOUT);
    data.push(Kind::References.code());
    data.extend_from_slice(&instance.0);
    data.extend_from_slice(&day.0.to_le_bytes());
    data.extend_from_slice(&count.to_le_bytes());
    data
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::notification::sample;
    use crate::random::SeededRandom;

    const INSTANCE: InstanceId = InstanceId([7; 16]);

    fn key(byte: u8, day: u32) -> DayKey {
        DayKey { day: Day(day), key: Key::new([byte; 32]) }
    }

    /// Ids and times as numbers: a reference has no `Debug`, which a generated value needs.
    fn numbers() -> impl Strategy<Value = Vec<(u64, u64, u64, Option<u32>, u32)>> {
        let id = any::<u64>;
        prop::collection::vec((id(), id(), id(), any::<Option<u32>>(), any::<u32>()), 1..20)
    }

    fn reference(of: (u64, u64, u64, Option<u32>, u32)) -> LeadRef {
        let (leadgen, form, page, created, received) = of;
        let created = created.map(|seconds| Timestamp::from_second(i64::from(seconds)).expect("in range"));
        let received = Timestamp::from_millisecond(i64::from(received)).expect("in range");
        LeadRef { created, ..sample::reference((leadgen, page, form), received) }
    }

    fn sealed(references: &[LeadRef], key: &DayKey) -> Vec<u8> {
        seal(references, key, INSTANCE, &SeededRandom::new(3)).expect("seals")
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_and_no_changed_bit_or_cut_passes(
            numbers in numbers(),
            used in any::<u64>(),
            start in any::<u32>(),
            day in any::<u32>(),
            hit in any::<usize>(),
        ) {
            let refs: Vec<LeadRef> = numbers.into_iter().map(reference).collect();
            let key = key(1, day);
            let mut bytes = sealed(&refs, &key);
            stamp(&mut bytes, used, start);
            let frame = Frame::decode(&bytes).expect("decodes");
            prop_assert_eq!((frame.used, frame.batch_start, frame.day), (used, start, Day(day)));
            prop_assert_eq!((frame.len(), frame.kind), (bytes.len(), Kind::References));
            prop_assert_eq!(outline(&bytes), Some((bytes.len(), Day(day), refs.len())));
            prop_assert!(frame.open(&key.key, INSTANCE).is_some_and(|read| read == refs));

            prop_assert!(Frame::decode(&bytes[..hit % bytes.len()]).is_none());
            let place = hit % (bytes.len() * 8);
            bytes[place / 8] ^= 1 << (place % 8);
            prop_assert!(Frame::decode(&bytes).is_none());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Frame::decode(&bytes);
            let _ = outline(&bytes);
            prop_assert!(find(&bytes, 0, |_| true).is_none());
        }
    }

    #[test]
    fn a_payload_opens_only_under_its_key_instance_day_and_count() {
        let key = key(1, 20_000);
        let mut bytes = sealed(&[reference((1, 2, 3, None, 0))], &key);
        stamp(&mut bytes, 1, 0);
        let frame = Frame::decode(&bytes).expect("decodes");
        assert!(frame.open(&key.key, INSTANCE).is_some());
        assert!(frame.open(&Key::new([2; 32]), INSTANCE).is_none());
        assert!(frame.open(&key.key, InstanceId([8; 16])).is_none());
        let other_day = Frame { day: Day(20_001), ..Frame::decode(&bytes).expect("decodes") };
        assert!(other_day.open(&key.key, INSTANCE).is_none());
        let other_count = Frame { count: 2, ..Frame::decode(&bytes).expect("decodes") };
        assert!(other_count.open(&key.key, INSTANCE).is_none());
    }

    #[test]
    fn zeros_are_no_frame_and_an_end_marker_is_one() {
        assert!(Frame::decode(&[0; 4096]).is_none());
        let mut bytes = [0; 100];
        bytes[41..41 + HEADER_BYTES].copy_from_slice(&end(9, 5));
        let (at, frame) = find(&bytes, 0, |used| used == 9).expect("found");
        assert_eq!((at, frame.kind, frame.batch_start, frame.len()), (41, Kind::End, 5, HEADER_BYTES));
        assert!(find(&bytes, 0, |used| used == 8).is_none());
        assert!(find(&bytes, 42, |_| true).is_none());
    }
}
