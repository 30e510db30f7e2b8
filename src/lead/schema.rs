//! What is inside a record's seal, and how: a byte that says which schema it is, and the schema. Three stand beside one another;
//! the second is written, and nothing is rewritten for it: a record that is corrected keeps its own. Only what the one that it
//! has cannot say makes a record one of the third: a yes, and of the first schema that a consent has ended.
//!
//! Names are text, so that a later config may drop one without breaking the rest.

use jiff::Timestamp;
use postcard::ser_flavors::Size;

use crate::id::{FormId, LeadgenId, PageId};
use crate::lead::minimised::{Answer, ConsentEvidence, Content, Grounds, Tick};
use crate::purpose::{BoxDefault, ConsentKey, FieldName, Keep, TextHash};
use crate::secret::Wiped;

/// Which schema a record has inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    /// Of the first versions: a consent is a key, a box and a tick.
    One,
    /// With the whole evidence of each consent, and the record's key in `seen`.
    Two,
    /// The same, with when the person said yes once more; a key in `seen` it may lack.
    Three,
}

impl Schema {
    /// The first byte inside, which the seal binds as well.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

/// What both schemas have.
#[derive(serde::Serialize, serde::Deserialize)]
struct Common<'c> {
    created: i64,
    received: i64,
    form: &'c str,
    page: &'c str,
    #[serde(borrow)]
    fields: Vec<(&'c str, Vec<&'c str>)>,
}

/// After the consents.
#[derive(serde::Serialize, serde::Deserialize)]
struct Rest<'c> {
    expires_at: i64,
    reconfirm_due: Option<i64>,
    leadgen: Option<&'c str>,
    #[serde(borrow)]
    attribution: Vec<(&'c str, &'c str)>,
}

/// The first schema.
#[derive(serde::Serialize, serde::Deserialize)]
struct Layout1<'c> {
    #[serde(borrow)]
    common: Common<'c>,
    #[serde(borrow)]
    consents: Vec<(&'c str, &'c str, Tick)>,
    #[serde(borrow)]
    rest: Rest<'c>,
}

/// The second schema.
#[derive(serde::Serialize, serde::Deserialize)]
struct Layout2<'c> {
    #[serde(borrow)]
    common: Common<'c>,
    #[serde(borrow)]
    consents: Vec<Consent2<'c>>,
    #[serde(borrow)]
    rest: Rest<'c>,
    form_revision: Option<[u8; 32]>,
    notice_revision: Option<[u8; 32]>,
    language: Option<&'c str>,
    copy_of: Option<&'c str>,
    seen: [u8; 32],
}

/// A consent in the second schema.
#[derive(serde::Serialize, serde::Deserialize)]
struct Consent2<'c> {
    key: &'c str,
    checkbox_key: &'c str,
    tick: Tick,
    answer: Option<&'c str>,
    default: BoxDefault,
    text: Option<[u8; 32]>,
    at: i64,
    valid_until: Option<i64>,
}

/// The third schema.
#[derive(serde::Serialize, serde::Deserialize)]
struct Layout3<'c> {
    // First, so that it has its place whatever comes after.
    seen: Option<[u8; 32]>,
    #[serde(borrow)]
    common: Common<'c>,
    #[serde(borrow)]
    consents: Vec<Consent3<'c>>,
    #[serde(borrow)]
    rest: Rest<'c>,
    form_revision: Option<[u8; 32]>,
    notice_revision: Option<[u8; 32]>,
    language: Option<&'c str>,
    copy_of: Option<&'c str>,
    confirmed: Option<i64>,
}

/// A consent in the third schema.
#[derive(serde::Serialize, serde::Deserialize)]
struct Consent3<'c> {
    #[serde(borrow)]
    consent: Consent2<'c>,
    confirmed: Option<i64>,
}

/// How many bytes [`encode`] writes.
pub(super) fn size(content: &Content) -> usize {
    encode(content, [0; 32]).map_or_else(|bytes| bytes, |plain| plain.len())
}

/// Writes the second schema into one allocation of its size: a buffer that grows would leave copies behind, and a needlessly
/// large one costs more to wipe than all the rest.
///
/// # Errors
/// The size of a record that has no room in memory.
pub(super) fn encode(content: &Content, seen: [u8; 32]) -> Result<Wiped<Vec<u8>>, usize> {
    let Grounds { form_revision, notice_revision, language, copy_of } = &content.grounds;
    let bytes = |hash: &TextHash| *hash.bytes();
    let layout = Layout2 {
        common: common(content),
        consents: content.consents.iter().map(Consent2::of).collect(),
        rest: rest(content),
        form_revision: form_revision.as_ref().map(bytes),
        notice_revision: notice_revision.as_ref().map(bytes),
        language: language.as_deref(),
        copy_of: copy_of.as_ref().map(FormId::as_str),
        seen,
    };
    written(Schema::Two, &layout)
}

/// Writes the third schema.
///
/// # Errors
/// As [`encode`].
fn encode_third(content: &Content) -> Result<Wiped<Vec<u8>>, usize> {
    let Grounds { form_revision, notice_revision, language, copy_of } = &content.grounds;
    let bytes = |hash: &TextHash| *hash.bytes();
    let consent = |evidence| Consent3 {
        consent: Consent2::of(evidence),
        confirmed: evidence.confirmed.map(Timestamp::as_second),
    };
    let layout = Layout3 {
        seen: content.seen,
        common: common(content),
        consents: content.consents.iter().map(consent).collect(),
        rest: rest(content),
        form_revision: form_revision.as_ref().map(bytes),
        notice_revision: notice_revision.as_ref().map(bytes),
        language: language.as_deref(),
        copy_of: copy_of.as_ref().map(FormId::as_str),
        confirmed: content.confirmed.map(Timestamp::as_second),
    };
    written(Schema::Three, &layout)
}

fn written(schema: Schema, layout: &impl serde::Serialize) -> Result<Wiped<Vec<u8>>, usize> {
    #[expect(clippy::expect_used, reason = "counting the bytes of numbers and texts cannot fail")]
    let bytes = 1 + postcard::serialize_with_flavor(layout, Size::default()).expect("a count grows");
    let mut out = Wiped::new(vec![0; bytes]);
    let (first, body) = out.split_at_mut_checked(1).ok_or(bytes)?;
    first.fill(schema.byte());
    postcard::to_slice(layout, body).map_err(|_| bytes)?;
    Ok(out)
}

fn common(content: &Content) -> Common<'_> {
    fn answers(answers: &[Answer]) -> Vec<&str> {
        answers.iter().map(Answer::expose).collect()
    }
    Common {
        created: content.created.as_second(),
        received: content.received.as_second(),
        form: content.form.as_str(),
        page: content.page.as_str(),
        fields: content.fields.iter().map(|(name, values)| (name.as_str(), answers(values))).collect(),
    }
}

fn rest(content: &Content) -> Rest<'_> {
    let kept = content.attribution.iter();
    Rest {
        expires_at: content.expires_at.as_second(),
        reconfirm_due: content.reconfirm_due.map(Timestamp::as_second),
        leadgen: content.leadgen.as_ref().map(LeadgenId::expose),
        attribution: kept.map(|(keep, value)| (keep.as_str(), value.expose())).collect(),
    }
}

impl<'c> Consent2<'c> {
    fn of(evidence: &'c ConsentEvidence) -> Self {
        Self {
            key: evidence.key.as_str(),
            checkbox_key: &evidence.checkbox_key,
            tick: evidence.tick,
            answer: evidence.answer.as_deref(),
            default: evidence.default,
            text: evidence.text.map(|hash| *hash.bytes()),
            at: evidence.at.as_second(),
            valid_until: evidence.valid_until.map(Timestamp::as_second),
        }
    }

    fn read(self) -> Option<ConsentEvidence> {
        Some(ConsentEvidence {
            key: ConsentKey::parse(self.key)?,
            checkbox_key: self.checkbox_key.to_owned(),
            tick: self.tick,
            answer: self.answer.map(str::to_owned),
            default: self.default,
            text: self.text.map(TextHash::from_bytes),
            at: moment(self.at)?,
            valid_until: optional(self.valid_until, moment)?,
            confirmed: None,
        })
    }
}

/// Reads what stands inside, by its first byte.
pub(super) fn decode(plain: &[u8], test: bool) -> Option<Content> {
    match plain.split_first()? {
        (1, body) => {
            let Layout1 { common, consents, rest } = postcard::from_bytes(body).ok()?;
            // A record of the first schema is evidenced by key, tick, form and time.
            let at = moment(common.created)?;
            let consents = consents.into_iter().map(|(key, checkbox_key, tick)| {
                Some(ConsentEvidence {
                    key: ConsentKey::parse(key)?,
                    checkbox_key: checkbox_key.to_owned(),
                    tick,
                    answer: None,
                    default: BoxDefault::Unknown,
                    text: None,
                    at,
                    valid_until: None,
                    confirmed: None,
                })
            });
            content(common, consents.collect::<Option<_>>()?, rest, Grounds::default(), None, test)
        }
        (2, body) => {
            let layout: Layout2<'_> = postcard::from_bytes(body).ok()?;
            let grounds = Grounds {
                form_revision: layout.form_revision.map(TextHash::from_bytes),
                notice_revision: layout.notice_revision.map(TextHash::from_bytes),
                language: layout.language.map(str::to_owned),
                copy_of: optional(layout.copy_of, FormId::parse)?,
            };
            let consents = layout.consents.into_iter().map(Consent2::read).collect::<Option<_>>()?;
            content(layout.common, consents, layout.rest, grounds, Some(layout.seen), test)
        }
        (3, body) => {
            let layout: Layout3<'_> = postcard::from_bytes(body).ok()?;
            let grounds = Grounds {
                form_revision: layout.form_revision.map(TextHash::from_bytes),
                notice_revision: layout.notice_revision.map(TextHash::from_bytes),
                language: layout.language.map(str::to_owned),
                copy_of: optional(layout.copy_of, FormId::parse)?,
            };
            let consent = |of: Consent3<'_>| {
                let confirmed = optional(of.confirmed, moment)?;
                Some(ConsentEvidence { confirmed, ..of.consent.read()? })
            };
            let consents = layout.consents.into_iter().map(consent).collect::<Option<_>>()?;
            let mut content = content(layout.common, consents, layout.rest, grounds, layout.seen, test)?;
            content.confirmed = optional(layout.confirmed, moment)?;
            Some(content)
        }
        _ => None,
    }
}

/// The record's key in `seen`, without a look at anything else: in the second schema it is what stands last, in the third what
/// stands first. None: the first schema has none, and what was of it.
pub(super) fn seen(plain: &[u8]) -> Option<[u8; 32]> {
    match plain.split_first()? {
        (2, body) => body.last_chunk().copied(),
        (3, [1, body @ ..]) => body.first_chunk().copied(),
        _ => None,
    }
}

/// The same with another end, which follows from when it was submitted and when it arrived; no answer becomes a value. None within:
/// it would be no earlier. None: the layout is unknown. Of who said yes since, both are that moment.
pub(super) fn date_anew(
    plain: &[u8],
    end: impl FnOnce(Timestamp, Timestamp) -> Timestamp,
) -> Option<Option<(Wiped<Vec<u8>>, Timestamp)>> {
    let earlier = |common: &Common<'_>, rest: &mut Rest<'_>, confirmed: Option<i64>| {
        let ends = match confirmed {
            None => end(moment(common.created)?, moment(common.received)?),
            Some(confirmed) => end(moment(confirmed)?, moment(confirmed)?),
        };
        let is_earlier = ends.as_second() < rest.expires_at;
        rest.expires_at = ends.as_second();
        Some(is_earlier.then_some(ends))
    };
    let (written, ends) = match plain.split_first()? {
        (1, body) => {
            let mut layout: Layout1<'_> = postcard::from_bytes(body).ok()?;
            let Some(ends) = earlier(&layout.common, &mut layout.rest, None)? else { return Some(None) };
            (written(Schema::One, &layout), ends)
        }
        (2, body) => {
            let mut layout: Layout2<'_> = postcard::from_bytes(body).ok()?;
            let Some(ends) = earlier(&layout.common, &mut layout.rest, None)? else { return Some(None) };
            (written(Schema::Two, &layout), ends)
        }
        (3, body) => {
            let mut layout: Layout3<'_> = postcard::from_bytes(body).ok()?;
            let ends = earlier(&layout.common, &mut layout.rest, layout.confirmed)?;
            let Some(ends) = ends else { return Some(None) };
            (written(Schema::Three, &layout), ends)
        }
        _ => return None,
    };
    Some(Some((written.ok()?, ends)))
}

/// Has each answer inside looked at where it lies, with the name of its field: none becomes a value of its own. None: a later version
/// wrote it.
pub(super) fn each_answer(plain: &[u8], mut look: impl FnMut(&str, &str)) -> Option<()> {
    let common = match plain.split_first()? {
        (1, body) => postcard::from_bytes::<Layout1<'_>>(body).ok()?.common,
        (2, body) => postcard::from_bytes::<Layout2<'_>>(body).ok()?.common,
        (3, body) => postcard::from_bytes::<Layout3<'_>>(body).ok()?.common,
        _ => return None,
    };
    for (name, values) in common.fields {
        values.into_iter().for_each(|answer| look(name, answer));
    }
    Some(())
}

fn content(
    common: Common<'_>,
    consents: Vec<ConsentEvidence>,
    rest: Rest<'_>,
    grounds: Grounds,
    seen: Option<[u8; 32]>,
    test: bool,
) -> Option<Content> {
    let mut fields = Vec::with_capacity(common.fields.len());
    for (name, values) in common.fields {
        let answers = values.into_iter().map(|value| Answer::from_sealed(value.to_owned())).collect();
        fields.push((FieldName::parse(name)?, answers));
    }
    let mut attribution = Vec::with_capacity(rest.attribution.len());
    for (keep, value) in rest.attribution {
        attribution.push((Keep::from_code(keep)?, Answer::from_sealed(value.to_owned())));
    }
    Some(Content {
        created: moment(common.created)?,
        received: moment(common.received)?,
        form: FormId::parse(common.form)?,
        page: PageId::parse(common.page)?,
        fields,
        consents,
        grounds,
        seen,
        expires_at: moment(rest.expires_at)?,
        reconfirm_due: optional(rest.reconfirm_due, moment)?,
        test,
        leadgen: optional(rest.leadgen, LeadgenId::parse)?,
        attribution,
        confirmed: None,
    })
}

fn moment(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

/// What may be absent, and must else be good.
fn optional<T, R>(found: Option<T>, read: impl FnOnce(T) -> Option<R>) -> Option<Option<R>> {
    found.map_or(Some(None), |found| read(found).map(Some))
}

/// Writes what was read before in the schema that it had: one that has no key in `seen` is of the first. What that one cannot say
/// makes it one of the third.
///
/// # Errors
/// As [`encode`].
pub(super) fn encode_again(content: &Content) -> Result<(Schema, Wiped<Vec<u8>>), usize> {
    let has_yes = content.confirmed.is_some();
    let has_end = content.consents.iter().any(|evidence| evidence.valid_until.is_some());
    match content.seen {
        Some(seen) if !has_yes => Ok((Schema::Two, encode(content, seen)?)),
        None if !has_yes && !has_end => Ok((Schema::One, encode_first(content)?)),
        _ => Ok((Schema::Three, encode_third(content)?)),
    }
}

/// Writes the inside of a record as the first versions did.
///
/// # Errors
/// As [`encode`].
pub(super) fn encode_first(content: &Content) -> Result<Wiped<Vec<u8>>, usize> {
    let consents = content.consents.iter();
    let consents = consents.map(|c| (c.key.as_str(), c.checkbox_key.as_str(), c.tick)).collect();
    written(Schema::One, &Layout1 { common: common(content), consents, rest: rest(content) })
}
