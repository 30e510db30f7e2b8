//! What was in a notification, counted by closed reasons.

crate::codes! {
    /// What one change (or one entry, or one notification, where there is no change to count) turned out to be.
    pub enum ChangeCode {
        /// A submission: it became a reference.
        Accepted = "accepted",
        /// An entry with Messenger's `messaging` or `standby`, which share the app's callback.
        Messenger = "messenger",
        /// A change of another field: feed, mention and the like.
        OtherField = "other-field",
        /// A notification about something else than a page.
        OtherObject = "other-object",
        /// `changed_fields` instead of `changes`: "Include Values" is off in the dashboard, so that no id arrives.
        ValuesOff = "values-off",
        /// The dashboard's Test button: a leadgen id of nothing but fours.
        TestPing = "test-ping",
        /// The field `leadgen_fat`, undocumented; it seems to carry answers. Not read. It must not be subscribed.
        LeadgenFat = "leadgen-fat",
        /// The field `leadgen_update`, undocumented. It announces no new submission.
        LeadgenUpdate = "leadgen-update",
        /// Answers stood beside the ids of a submission. They were not read; counted besides its other code.
        AnswersInBody = "answers-in-body",
        /// A submission without a `value`.
        ValueMissing = "value-missing",
        /// A submission without a leadgen, form or page id, or with a zero for one.
        IdMissing = "id-missing",
        /// A submission with an id that is not one to twenty digits.
        IdMalformed = "id-malformed",
        /// An entry or a change of another shape.
        Malformed = "change-malformed",
        /// An entry, or a notification, with nothing in it.
        Nothing = "nothing",
    }
}

impl ChangeCode {
    /// True if a human should look: Meta's dashboard is set up in an unexpected way, or ids could not be read.
    pub fn is_warning(self) -> bool {
        !matches!(
            self,
            Self::Accepted | Self::Messenger | Self::OtherField | Self::OtherObject | Self::Nothing
        )
    }
}

/// How often each reason was met in one notification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census([u32; ChangeCode::ALL.len()]);

impl Census {
    pub(in crate::notification) fn count(&mut self, code: ChangeCode) {
        if let Some(count) = self.0.get_mut(code as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// How often this was met.
    pub fn of(&self, code: ChangeCode) -> u32 {
        self.0.get(code as usize).copied().unwrap_or(0)
    }

    /// What was met, with how often.
    pub fn iter(&self) -> impl Iterator<Item = (ChangeCode, u32)> + '_ {
        ChangeCode::ALL.iter().map(|code| (*code, self.of(*code))).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_counted_and_what_was_not_is_not_listed() {
        let mut census = Census::default();
        assert_eq!(census.iter().count(), 0);
        for code in [ChangeCode::Nothing, ChangeCode::Accepted, ChangeCode::Nothing] {
            census.count(code);
        }
        let met: Vec<_> = census.iter().collect();
        assert_eq!(met, [(ChangeCode::Accepted, 1), (ChangeCode::Nothing, 2)]);
        assert_eq!((census.of(ChangeCode::Nothing), census.of(ChangeCode::Messenger)), (2, 0));
    }

    /// A warning on each feed update would hide those that call for somebody.
    #[test]
    fn what_meta_sends_every_day_is_no_warning_and_a_wrong_dashboard_is_one() {
        let (calm, warnings): (Vec<ChangeCode>, Vec<_>) =
            ChangeCode::ALL.iter().copied().partition(|code| !code.is_warning());
        use ChangeCode::{Accepted, Messenger, Nothing, OtherField, OtherObject};
        assert_eq!(calm, [Accepted, Messenger, OtherField, OtherObject, Nothing]);
        for code in [ChangeCode::ValuesOff, ChangeCode::AnswersInBody, ChangeCode::IdMalformed] {
            assert!(warnings.contains(&code), "{code}");
        }
    }
}
