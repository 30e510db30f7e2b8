//! A reference: that a submission exists, and where. No answers.

use jiff::Timestamp;

use crate::id::{DIGITS_MAX, FormId, LeadgenId, PageId};
use crate::notification::Lane;

/// How long Meta keeps a lead, in days (Meta, "Retrieving leads": leads can be read for 90 days).
pub const META_KEEPS_DAYS: u32 = 90;

/// Leadgen, form and page ids with two times. It has no `Debug`: it holds a [`LeadgenId`].
#[derive(Clone, PartialEq, Eq)]
pub struct LeadRef {
    /// Meta's identifier of the submission.
    pub leadgen: LeadgenId,
    /// The form it came through.
    pub form: FormId,
    /// The page the form belongs to.
    pub page: PageId,
    /// When it was submitted, as the notification says; absent or odd there: none (Graph knows).
    pub created: Option<Timestamp>,
    /// When its notification arrived here.
    pub received: Timestamp,
}

impl LeadRef {
    /// The line that it waits in.
    pub fn lane(&self) -> Lane {
        Lane { page: self.page, form: self.form }
    }

    /// The most bytes that [`LeadRef::encode`] appends.
    pub const ENCODED_MAX: usize = 3 * (DIGITS_MAX + 1) + 8 + 8;

    /// Appends a compact form: three ids, each a length byte and its digits; created (seconds, `i64::MIN` for none);
    /// received (milliseconds). Little-endian. What is written is sealed by the caller.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for id in [self.leadgen.expose(), self.form.as_str(), self.page.as_str()] {
            out.push(id.len() as u8);
            out.extend_from_slice(id.as_bytes());
        }
        let created = self.created.map_or(i64::MIN, Timestamp::as_second);
        out.extend_from_slice(&created.to_le_bytes());
        out.extend_from_slice(&self.received.as_millisecond().to_le_bytes());
    }

    /// Reads one reference from the front of `bytes` and moves past it; `None` if it is none.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let leadgen = LeadgenId::parse(take_id(bytes)?)?;
        let form = FormId::parse(take_id(bytes)?)?;
        let page = PageId::parse(take_id(bytes)?)?;
        let created = match take_i64(bytes)? {
            i64::MIN => None,
            seconds => Some(Timestamp::from_second(seconds).ok()?),
        };
        let received = Timestamp::from_millisecond(take_i64(bytes)?).ok()?;
        Some(Self { leadgen, form, page, created, received })
    }
}

fn take_id<'b>(bytes: &mut &'b [u8]) -> Option<&'b str> {
    let (len, rest) = bytes.split_first()?;
    let (digits, rest) = rest.split_at_checked(usize::from(*len))?;
    *bytes = rest;
    std::str::from_utf8(digits).ok()
}

fn take_i64(bytes: &mut &[u8]) -> Option<i64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(i64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::sample;

    #[test]
    fn a_reference_reads_back() {
        let received = Timestamp::from_millisecond(1_764_000_000_123).expect("in range");
        // Twenty digits are the most.
        let form = FormId::parse("99999999999999999999").expect("digits");
        let reference = LeadRef { form, ..sample::reference((9_007_199_254_740_993, 0, 1), received) };
        let mut bytes = Vec::new();
        reference.encode(&mut bytes);
        let mut rest = bytes.as_slice();
        assert!(LeadRef::decode(&mut rest).is_some_and(|read| read == reference));
        assert!(rest.is_empty() && bytes.len() <= LeadRef::ENCODED_MAX);
        for cut in 0..bytes.len() {
            assert!(LeadRef::decode(&mut &bytes[..cut]).is_none(), "cut at {cut}");
        }
    }

    /// The inbox lays out its frames by it.
    #[test]
    fn the_longest_reference_fits_exactly_and_both_times_read_back() {
        let longest = "9".repeat(DIGITS_MAX);
        let reference = LeadRef {
            leadgen: LeadgenId::parse(&longest).expect("digits"),
            form: FormId::parse(&longest).expect("digits"),
            page: PageId::parse(&longest).expect("digits"),
            created: Timestamp::from_second(1_764_000_000).ok(),
            received: Timestamp::from_millisecond(-1).expect("in range"),
        };
        let mut bytes = Vec::new();
        reference.encode(&mut bytes);
        assert_eq!(bytes.len(), LeadRef::ENCODED_MAX);
        let twice = bytes.repeat(2);
        let mut rest = twice.as_slice();
        for _ in 0..2 {
            assert!(LeadRef::decode(&mut rest).is_some_and(|read| read == reference));
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn a_reference_waits_in_the_line_of_its_page_and_form() {
        let reference = LeadRef {
            leadgen: LeadgenId::parse("1").expect("digits"),
            form: FormId::parse("2").expect("digits"),
            page: PageId::parse("3").expect("digits"),
            created: None,
            received: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(reference.lane(), Lane { page: reference.page, form: reference.form });
    }
}
