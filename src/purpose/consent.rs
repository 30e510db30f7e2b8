//! The tick-boxes of a form that count as consent.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::clock::plus_months;
use crate::id::FormId;
use crate::purpose::declared::is_name;
use crate::purpose::law::Channel;

/// Our name of a consent: `[a-z][a-z0-9_]{0,62}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConsentKey(Arc<str>);

impl ConsentKey {
    /// Reads `[a-z][a-z0-9_]{0,62}`.
    pub fn parse(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConsentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for ConsentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tick-box by Meta's `checkbox_key`, which means something on its form alone: `optional_1` is a newsletter on one form
/// and calls on the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BoxKey {
    /// The form; none: every form of the purpose.
    pub form: Option<FormId>,
    /// Meta's key, compared byte by byte.
    pub key: String,
}

impl BoxKey {
    /// The box with this key on every form.
    pub fn anywhere(key: &str) -> Self {
        Self { form: None, key: key.to_owned() }
    }

    /// True if one box could be meant by both.
    pub fn meets(&self, other: &Self) -> bool {
        let apart = self.form.is_some() && other.form.is_some() && self.form != other.form;
        self.key == other.key && !apart
    }
}

/// One consent: which tick-box it is, and what it allows until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRule {
    /// Our name.
    pub key: ConsentKey,
    /// What it allows.
    pub channel: Channel,
    /// A lead without it is refused.
    pub required: bool,
    /// The tick-boxes; by default the one with our name, on every form.
    pub from: Vec<BoxKey>,
    /// How long it holds, in calendar months from when it was given; none: as long as the record.
    pub valid_months: Option<u32>,
    /// Whom the data may be handed to, for [`Channel::ThirdParty`].
    pub recipient: Option<String>,
}

impl ConsentRule {
    /// Meta's keys that count on this form, the first listed first.
    pub fn keys_on(&self, form: &FormId) -> impl Iterator<Item = &str> {
        let here = self.from.iter().filter(move |found| found.form.is_none_or(|of| of == *form));
        here.map(|found| found.key.as_str())
    }

    /// Until when it holds for who submitted and was received then; none: as long as the record. As every period it starts
    /// at the earlier of the two.
    pub fn valid_until(&self, created: Timestamp, received: Timestamp) -> Option<Timestamp> {
        self.valid_months.map(|months| plus_months(created.min(received), months))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::consent;

    #[test]
    fn a_name_is_shown_as_it_is_written() {
        let key = ConsentKey::parse("email_optin").expect("a name");
        assert_eq!(key.as_str(), "email_optin");
        assert_eq!(
            (format!("{key}"), format!("{key:?}")),
            ("email_optin".to_owned(), "email_optin".to_owned())
        );
        assert!(ConsentKey::parse("email optin").is_none());
    }

    fn form(id: &str) -> FormId {
        FormId::parse(id).expect("digits")
    }

    fn on(id: &str, key: &str) -> BoxKey {
        BoxKey { form: Some(form(id)), key: key.to_owned() }
    }

    #[test]
    fn a_key_counts_on_the_form_that_it_was_named_for_and_a_plain_one_on_every_form() {
        let mut rule = consent("call_optin", Channel::Phone);
        rule.from = vec![on("901", "optional_1"), on("902", "optional_2"), BoxKey::anywhere("call")];
        let keys = |id| rule.keys_on(&form(id)).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(keys("901"), ["optional_1", "call"]);
        assert_eq!(keys("902"), ["optional_2", "call"]);
        assert_eq!(keys("903"), ["call"]);
    }

    #[test]
    fn two_keys_meet_where_one_box_could_be_meant_by_both() {
        let plain = BoxKey::anywhere("optional_1");
        assert!(plain.meets(&plain) && plain.meets(&on("901", "optional_1")));
        assert!(
            on("901", "optional_1").meets(&plain) && on("901", "optional_1").meets(&on("901", "optional_1"))
        );
        assert!(!on("901", "optional_1").meets(&on("902", "optional_1")));
        assert!(!plain.meets(&BoxKey::anywhere("Optional_1")) && !plain.meets(&on("901", "optional_2")));
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_consent_ends_by_the_calendar_and_one_without_months_with_its_record() {
        let mut rule = consent("call_optin", Channel::Phone);
        let begun = at("2028-02-29T10:00:00Z");
        assert_eq!(rule.valid_until(begun, begun), None);
        rule.valid_months = Some(12);
        assert_eq!(rule.valid_until(begun, begun), Some(at("2029-02-28T10:00:00Z")));
        let early = at("2027-11-30T23:59:59Z");
        assert_eq!(rule.valid_until(begun, early), rule.valid_until(early, begun));
        assert_eq!(
            rule.valid_until(begun, early),
            Some(at("2028-11-30T23:59:59Z")),
            "a wrong clock lengthens nothing"
        );
    }

    proptest::proptest! {
        /// n calendar months from the first moment, cut to the month's end, never month by month.
        #[test]
        fn months_are_counted_from_the_first_moment(second in 0_i64..4_102_444_800, months in 1_u32..=120) {
            use jiff::tz::TimeZone;
            let begun = Timestamp::from_second(second).expect("in range");
            let mut rule = consent("call_optin", Channel::Phone);
            rule.valid_months = Some(months);
            let ends = rule.valid_until(begun, begun).expect("it ends");
            let (from, to) = (begun.to_zoned_datetime(TimeZone::UTC), ends.to_zoned_datetime(TimeZone::UTC));
            let count = |year: i16, month: i8| i32::from(year) * 12 + i32::from(month);
            let passed = count(to.year(), to.month()) - count(from.year(), from.month());
            proptest::prop_assert_eq!(passed, i32::try_from(months).expect("small"));
            proptest::prop_assert_eq!(to.day(), from.day().min(to.date().last_of_month().day()));
            proptest::prop_assert_eq!(to.time(), from.time());
            rule.valid_months = Some(months + 1);
            proptest::prop_assert!(rule.valid_until(begun, begun).is_some_and(|later| later > ends));
        }
    }
}
