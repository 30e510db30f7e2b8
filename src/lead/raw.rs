//! Graph's reply before the sieve: bytes that are wiped, and what can be seen in them without decoding an answer.

use std::borrow::Cow;

use zeroize::Zeroize;

use crate::id::LeadgenId;
use crate::json::{Json, Kind};
use crate::purpose::Keep;
use crate::secret::Wiped;

/// The reply has more bytes than were allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply exceeds {max_bytes} bytes")]
pub struct ReplyTooLarge {
    /// The bound.
    pub max_bytes: usize,
}

/// The bytes of one reply, wiped when dropped. It has no `Debug`, `Clone` or `Deref`: whoever looks inside says so.
pub struct RawReply {
    bytes: Wiped<Vec<u8>>,
    max_bytes: usize,
}

crate::secret::never_shown!(RawReply);

impl RawReply {
    /// An empty reply that takes at most `max_bytes`.
    pub fn with_limit(max_bytes: usize) -> Self {
        Self { bytes: Wiped::new(Vec::new()), max_bytes }
    }

    /// Appends a chunk. What was gathered before is moved by hand when it must grow: `Vec` would free the old block
    /// unwiped.
    ///
    /// # Errors
    /// [`ReplyTooLarge`]; nothing is appended then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), ReplyTooLarge> {
        let too_large = ReplyTooLarge { max_bytes: self.max_bytes };
        let needed = self.bytes.len().checked_add(chunk.len()).ok_or(too_large)?;
        if needed > self.max_bytes {
            return Err(too_large);
        }
        if self.bytes.capacity() < needed {
            let doubled = self.bytes.capacity().saturating_mul(2).min(self.max_bytes);
            let mut grown = Vec::with_capacity(needed.max(doubled));
            grown.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            *self.bytes = grown;
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The bytes, for the classification of a failure. Nothing of them may be kept, logged or shown.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The lead in the reply: an object with an `id` of digits or with `field_data`. None: HTML, nothing, `{}`, `[]`,
    /// `false`, an error, half a reply.
    pub fn lead(&self) -> Option<RawLead<'_>> {
        Json::read(&self.bytes).and_then(RawLead::read)
    }
}

/// One lead as Graph gave it, borrowed from its reply. No answer in it is decoded. It has no `Debug`.
pub struct RawLead<'r> {
    pub(in crate::lead) id: Option<Json<'r>>,
    pub(in crate::lead) created_time: Option<Json<'r>>,
    pub(in crate::lead) form_id: Option<Json<'r>>,
    pub(in crate::lead) disclaimers: Option<Json<'r>>,
    /// `ad_id` and the like, by Graph's name.
    pub(in crate::lead) attribution: Vec<(Cow<'r, str>, Json<'r>)>,
    field_data: Option<Json<'r>>,
    /// `field_data` is there and no list: whatever was answered stands in no form that is known.
    pub(in crate::lead) is_unlisted: bool,
    /// There is no `field_data`, or it is `null`: no person submits that.
    pub(in crate::lead) is_unanswered: bool,
}

/// One entry of `field_data`. A part that is not there, or is `null`, is `None`.
#[derive(Default)]
pub(in crate::lead) struct RawEntry<'r> {
    /// The key of the question; none if it is no string.
    pub name: Option<Cow<'r, str>>,
    pub values: Option<Json<'r>>,
    /// Third parties write the singular. It is seen, to be counted, and never read.
    pub value: Option<Json<'r>>,
}

impl<'r> RawLead<'r> {
    /// Reads an object that has an `id` of digits or a list of `field_data`; of a name twice the first counts.
    fn read(raw: Json<'r>) -> Option<Self> {
        let (mut id, mut created_time, mut form_id, mut disclaimers, mut field_data) =
            (None, None, None, None, None);
        let mut attribution: Vec<(Cow<'r, str>, Json<'r>)> = Vec::new();
        for (name, value) in raw.members() {
            match &*name {
                "id" => first(&mut id, value),
                "created_time" => first(&mut created_time, value),
                "form_id" => first(&mut form_id, value),
                "custom_disclaimer_responses" => first(&mut disclaimers, value),
                "field_data" => first(&mut field_data, value),
                other => {
                    let is_kept = Keep::from_code(other).is_some_and(Keep::is_of_lead);
                    if is_kept && attribution.iter().all(|(seen, _)| *seen != name) {
                        attribution.push((name, value));
                    }
                }
            }
        }
        let is_unanswered = field_data.is_none_or(Json::is_null);
        let is_unlisted = field_data.is_some_and(|raw| raw.kind() != Kind::Array && !raw.is_null());
        let field_data = field_data.filter(|raw| raw.kind() == Kind::Array);
        if field_data.is_none() && id.and_then(leadgen).is_none() {
            return None;
        }
        Some(Self {
            id,
            created_time,
            form_id,
            disclaimers,
            attribution,
            field_data,
            is_unlisted,
            is_unanswered,
        })
    }

    /// The entries of `field_data`, in their order, each read as it is asked for: there may be as many as fit into a reply.
    pub(in crate::lead) fn entries(&self) -> impl Iterator<Item = RawEntry<'r>> {
        self.field_data.into_iter().flat_map(Json::elements).map(RawEntry::read)
    }

    /// The lead's own id, if the reply names one.
    pub fn leadgen(&self) -> Option<LeadgenId> {
        self.id.and_then(leadgen)
    }
}

impl<'r> RawEntry<'r> {
    /// Reads one entry; of what is no object nothing is there.
    fn read(raw: Json<'r>) -> Self {
        let (mut name, mut values, mut value) = (None, None, None);
        for (member, found) in raw.members() {
            match &*member {
                "name" => first(&mut name, found),
                "values" => first(&mut values, found),
                "value" => first(&mut value, found),
                _ => {}
            }
        }
        let present = |found: Option<Json<'r>>| found.filter(|found| !found.is_null());
        Self { name: name.and_then(Json::text), values: present(values), value: present(value) }
    }
}

fn first<'r>(slot: &mut Option<Json<'r>>, found: Json<'r>) {
    slot.get_or_insert(found);
}

fn leadgen(raw: Json<'_>) -> Option<LeadgenId> {
    raw.number_or_text().and_then(|digits| LeadgenId::parse(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(json: impl AsRef<[u8]>) -> RawReply {
        let mut reply = RawReply::with_limit(4_000_000);
        for chunk in json.as_ref().chunks(7) {
            reply.push(chunk).expect("below the limit");
        }
        reply
    }

    /// The names of a lead's entries, with a mark for what else was found: `name=` has values, `name!` a singular.
    fn outline(lead: &RawLead<'_>) -> String {
        let entry = |entry: RawEntry<'_>| {
            let name = entry.name.as_deref().unwrap_or("?");
            let values = if entry.values.is_some() { "=" } else { "" };
            let value = if entry.value.is_some() { "!" } else { "" };
            format!("{name}{values}{value}")
        };
        lead.entries().map(entry).collect::<Vec<_>>().join(" ")
    }

    fn lead_outline(json: &str) -> Option<String> {
        reply(json).lead().map(|lead| outline(&lead))
    }

    #[test]
    fn a_reply_takes_what_its_limit_allows_and_not_a_byte_more() {
        let mut reply = RawReply::with_limit(10);
        assert!(reply.push(b"12345678").is_ok() && reply.push(b"").is_ok() && reply.push(b"90").is_ok());
        assert_eq!(reply.push(b"x"), Err(ReplyTooLarge { max_bytes: 10 }));
        assert_eq!(reply.expose(), b"1234567890");
        assert!(RawReply::with_limit(0).push(b"x").is_err());
    }

    /// What a reply may take in memory is what it may have in bytes; a vector left to itself would double beyond that, and
    /// leave the block before unwiped.
    #[test]
    fn a_reply_takes_no_more_memory_than_its_limit_however_it_comes() {
        for size in [1, 3, 600, 999, 1_000] {
            let mut reply = RawReply::with_limit(1_000);
            for chunk in [7; 1_000].chunks(size) {
                reply.push(chunk).expect("fits");
                assert!(
                    reply.bytes.capacity() <= 1_000,
                    "{} for {}",
                    reply.bytes.capacity(),
                    reply.bytes.len()
                );
            }
            assert_eq!(reply.expose().len(), 1_000);
        }
    }

    #[test]
    fn chunks_of_any_size_join_to_the_same_bytes() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        for size in [1, 7, 4_096, 65_536, 100_000] {
            let mut reply = RawReply::with_limit(bytes.len());
            bytes.chunks(size).for_each(|chunk| reply.push(chunk).expect("fits"));
            assert!(reply.expose() == bytes);
        }
    }

    #[test]
    fn what_is_no_lead_says_so() {
        for json in [
            "",
            " ",
            "{}",
            "[]",
            "false",
            "null",
            "0",
            "\"id\"",
            "<html>502</html>",
            "{\"id\":\"1\"",
            "[{\"id\":\"1\"}]",
            r#"{"error":{"code":100}}"#,
            // How `?ids=` once answered.
            r#"{"44":{"id":"44","field_data":[]}}"#,
            r#"{"type":"OAuthException","message":"x"}"#,
            r#"{"id":null}"#,
            r#"{"id":"me"}"#,
            r#"{"field_data":null}"#,
            r#"{"field_data":{}}"#,
            "{\"id\":\"\u{0}\"}",
        ] {
            assert!(reply(json).lead().is_none(), "{json}");
        }
        assert!(reply(b"{\"id\":\"1\",\"x\":\"\xff\"}").lead().is_none());
    }

    #[test]
    fn an_id_or_field_data_makes_a_lead() {
        for (json, wanted) in [
            (r#"{"id":"1"}"#, ""),
            (r#"{"id":9007199254740993,"field_data":null}"#, ""),
            (r#"{"field_data":[]}"#, ""),
            (r#" {"unknown":{"id":2},"field_data":[{"name":"a","values":["x"]}],"id":"1"} "#, "a="),
        ] {
            assert_eq!(lead_outline(json).as_deref(), Some(wanted), "{json}");
        }
        let named = reply(r#"{"id":9007199254740993}"#);
        let Some(lead) = named.lead() else { panic!("a lead") };
        assert!(lead.leadgen() == LeadgenId::parse("9007199254740993"));
    }

    #[test]
    fn an_odd_entry_touches_no_other() {
        let nested = "[".repeat(100_000) + &"]".repeat(100_000);
        for (odd, wanted) in [
            (r#"null"#.to_owned(), "?"),
            (r#""name""#.to_owned(), "?"),
            (r#"[{"name":"x"}]"#.to_owned(), "?"),
            (r#"1e999"#.to_owned(), "?"),
            (r#"{}"#.to_owned(), "?"),
            (r#"{"values":["x"]}"#.to_owned(), "?="),
            (r#"{"name":null,"values":["x"]}"#.to_owned(), "?="),
            (r#"{"name":["x"],"values":["x"]}"#.to_owned(), "?="),
            (r#"{"name":7,"values":["x"]}"#.to_owned(), "?="),
            (r#"{"name":"x"}"#.to_owned(), "x"),
            (r#"{"name":"x","values":null}"#.to_owned(), "x"),
            (r#"{"name":"x","values":""}"#.to_owned(), "x="),
            (r#"{"name":"x","values":{"deep":[1]}}"#.to_owned(), "x="),
            (r#"{"name":"x","value":"y"}"#.to_owned(), "x!"),
            (r#"{"name":"x","name":"email","values":["1"],"values":["2"]}"#.to_owned(), "x="),
            (r#"{"Name":"x","VALUES":["1"]}"#.to_owned(), "?"),
            (r#"{"n\u0061me":"\u0078\ud83d\ude00","values":[]}"#.to_owned(), "x😀="),
            (format!(r#"{{"name":"x","values":{nested},"more":{nested}}}"#), "x="),
            (nested.clone(), "?"),
        ] {
            let json = format!(
                r#"{{"field_data":[{{"name":"before","values":["1"]}},{odd},{{"values":["2"],"name":"after"}}]}}"#
            );
            assert_eq!(lead_outline(&json), Some(format!("before= {wanted} after=")), "{odd:.80}");
        }
    }

    #[test]
    fn of_a_name_twice_the_first_counts() {
        let json = r#"{"id":"1","field_data":[{"name":"a"}],"id":"2","field_data":[{"name":"b"}]}"#;
        assert_eq!(lead_outline(json).as_deref(), Some("a"));
        let twice = reply(json);
        let Some(lead) = twice.lead() else { panic!("a lead") };
        assert!(lead.leadgen() == LeadgenId::parse("1"));
    }

    /// A reply of four million bytes could name an ad three hundred thousand times.
    #[test]
    fn of_each_attribution_one_is_held_however_often_it_is_named() {
        let named = [r#""ad_id":"7","platform":"ig","adset_id":1"#; 500].join(",");
        let many = reply(format!(r#"{{"id":"1",{named},"ad_id":"8"}}"#));
        let Some(lead) = many.lead() else { panic!("a lead") };
        let held: Vec<(&str, Option<Cow<'_, str>>)> =
            lead.attribution.iter().map(|(name, value)| (&**name, value.number_or_text())).collect();
        let wanted = [("ad_id", "7"), ("platform", "ig"), ("adset_id", "1")];
        assert_eq!(held, wanted.map(|(name, value)| (name, Some(Cow::from(value)))));
    }
}
