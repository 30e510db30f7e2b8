//! A record opened for one reader.

use jiff::Timestamp;

use crate::id::{FormId, LeadgenId, PageId};
use crate::lead::event::ConsentEvent;
use crate::lead::minimised::{Answer, ConsentEvidence, Content, Grounds};
use crate::lead::reach::Reach;
use crate::purpose::{ConsentKey, ConsentRule, FieldName, Keep, Purpose, RecordId};

/// A stored lead in clear: it lives as long as one export line takes.
pub struct OpenedLead {
    pub(in crate::lead) id: RecordId,
    pub(in crate::lead) content: Content,
    pub(in crate::lead) events: Vec<ConsentEvent>,
}

crate::secret::never_shown!(OpenedLead);

impl OpenedLead {
    /// Its name.
    pub fn id(&self) -> &RecordId {
        &self.id
    }

    /// When it was submitted.
    pub fn created(&self) -> Timestamp {
        self.content.created
    }

    /// When its notification arrived.
    pub fn received(&self) -> Timestamp {
        self.content.received
    }

    /// When its person sent the form: the submission, or its arrival, if that was earlier. A yes changes nothing of it.
    pub fn sent(&self) -> Timestamp {
        self.content.created.min(self.content.received)
    }

    /// The person's last act, from which its periods count: a yes, or the submission (its arrival, if that was earlier).
    pub fn acted(&self) -> Timestamp {
        self.content.acted()
    }

    /// The form it came through.
    pub fn form(&self) -> &FormId {
        &self.content.form
    }

    /// The page it belongs to.
    pub fn page(&self) -> &PageId {
        &self.content.page
    }

    /// From when on it is neither exported nor kept.
    pub fn expires_at(&self) -> Timestamp {
        self.content.expires_at
    }

    /// When the person must be asked again.
    pub fn reconfirm_due(&self) -> Option<Timestamp> {
        self.content.reconfirm_due
    }

    /// True if it is one of Meta's test leads.
    pub fn is_test(&self) -> bool {
        self.content.test
    }

    /// Whom it reaches, as its purpose reads what it holds.
    pub fn reach(&self, purpose: &Purpose) -> Reach {
        Reach::of_content(purpose, &self.content)
    }

    /// The values of a field: none if it was not stored, or if the whitelist no longer names it.
    pub fn field<'l>(&'l self, purpose: &Purpose, name: &str) -> Option<&'l [Answer]> {
        if !purpose.whitelist.allows(name) {
            return None;
        }
        let stored = self.content.fields.iter().find(|(field, _)| field.as_str() == name);
        stored.map(|(_, values)| values.as_slice())
    }

    /// Every answer that is held, whatever the whitelist says now. For the person themselves (GDPR art. 15): whoever else reads
    /// asks [`Self::field`].
    pub fn held(&self) -> impl Iterator<Item = (&FieldName, &[Answer])> {
        self.content.fields.iter().map(|(name, values)| (name, values.as_slice()))
    }

    /// The same of what is held beside the answers, in the order of [`Keep::ALL`].
    pub fn held_beside(&self) -> Vec<(Keep, &str)> {
        let value = |keep: &Keep| match keep {
            Keep::LeadgenId => self.content.leadgen.as_ref().map(LeadgenId::expose),
            _ => self
                .content
                .attribution
                .iter()
                .find(|(kept, _)| kept == keep)
                .map(|(_, value)| value.expose()),
        };
        Keep::ALL.iter().filter_map(|keep| Some((*keep, value(keep)?))).collect()
    }

    /// The consents that were looked at when it was stored.
    pub fn consents(&self) -> &[ConsentEvidence] {
        &self.content.consents
    }

    /// What became of them since, in its order; empty also where the reader did not ask for it.
    pub fn events(&self) -> &[ConsentEvent] {
        &self.events
    }

    /// The same, with what became of its consents.
    #[must_use = "it is the same with them"]
    pub fn with_events(self, events: Vec<ConsentEvent>) -> Self {
        Self { events, ..self }
    }

    /// The consent of this name, if it was looked at when the record was stored.
    pub fn consent(&self, key: &ConsentKey) -> Option<&ConsentEvidence> {
        self.content.consents.iter().find(|evidence| evidence.key == *key)
    }

    /// Until when a consent holds: no longer than it was to hold when it was given, and no longer than the config says now.
    /// None: as long as the record.
    pub fn valid_until(&self, rule: &ConsentRule) -> Option<Timestamp> {
        let sealed = self.consent(&rule.key).and_then(|evidence| evidence.valid_until);
        let agreed = self.content.agreed(&rule.key);
        let now = rule.valid_until(agreed, agreed);
        sealed.into_iter().chain(now).min()
    }

    /// True if its person gave this consent, and it still holds.
    pub fn holds(&self, rule: &ConsentRule, now: Timestamp) -> bool {
        let given = self.consent(&rule.key).is_some_and(ConsentEvidence::given);
        given && self.valid_until(rule).is_none_or(|until| now < until)
    }

    /// What may be written to, in the order of the config: the first of it that mail reaches is the one that mails about the record go
    /// to, and with them its person's links.
    pub fn mailboxes<'l>(&'l self, purpose: &'l Purpose, now: Timestamp) -> impl Iterator<Item = &'l Answer> {
        let holds = move |key: &ConsentKey| {
            let rule = purpose.consents.iter().find(|rule| rule.key == *key);
            rule.is_some_and(|rule| self.holds(rule, now))
        };
        let rules = purpose.whitelist.mailboxes().filter(move |rule| rule.consent.as_ref().is_none_or(holds));
        rules.filter_map(|rule| self.field(purpose, rule.name.as_str())).flatten()
    }

    /// What the submission rests on beside its consents.
    pub fn grounds(&self) -> &Grounds {
        &self.content.grounds
    }

    /// Its key in `seen`; none in what an earlier version stored.
    pub fn seen(&self) -> Option<&[u8; 32]> {
        self.content.seen.as_ref()
    }

    /// Meta's id, where the purpose keeps it, then and now.
    pub fn leadgen(&self, purpose: &Purpose) -> Option<&LeadgenId> {
        self.content.leadgen.as_ref().filter(|_| purpose.keeps(Keep::LeadgenId))
    }

    /// An attribution, where the purpose keeps it, then and now.
    pub fn attribution(&self, purpose: &Purpose, keep: Keep) -> Option<&Answer> {
        let kept = self.content.attribution.iter().find(|(kept, _)| *kept == keep);
        kept.filter(|_| purpose.keeps(keep)).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::sample;
    use crate::purpose::sample::{consent, purpose};
    use crate::purpose::{Channel, PurposeId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn opened() -> OpenedLead {
        let field = |name: &str, values: &[&str]| {
            let values = values.iter().map(|value| Answer::from_sealed((*value).to_owned())).collect();
            (FieldName::parse(name).expect("a name"), values)
        };
        let content = Content {
            created: at(1_764_000_001),
            received: at(1_764_000_002),
            form: FormId::parse("901").expect("digits"),
            page: PageId::parse("104").expect("digits"),
            fields: vec![field("email", &["a@example.org", "b@example.org"]), field("shoe_size", &["44"])],
            consents: vec![ConsentEvidence {
                valid_until: Some(at(1_770_000_000)),
                ..sample::ticked("email_optin", "optin")
            }],
            grounds: Grounds { language: Some("fr_FR".to_owned()), ..Grounds::default() },
            seen: Some([7; 32]),
            expires_at: at(1_795_536_003),
            reconfirm_due: Some(at(1_780_000_004)),
            test: false,
            leadgen: LeadgenId::parse("9007199254740993"),
            attribution: vec![
                (Keep::AdId, Answer::from_sealed("1".to_owned())),
                (Keep::CampaignId, Answer::from_sealed("3".to_owned())),
            ],
            confirmed: None,
        };
        OpenedLead { id: RecordId::parse("devis-1-7").expect("an id"), content, events: Vec::new() }
    }

    #[test]
    fn a_reader_gets_what_was_stored() {
        let lead = opened();
        assert!(lead.id().purpose == PurposeId::parse("devis").expect("a name") && lead.id().number == 7);
        assert_eq!((lead.created(), lead.received()), (at(1_764_000_001), at(1_764_000_002)));
        assert_eq!((lead.form().as_str(), lead.page().as_str()), ("901", "104"));
        assert_eq!(lead.expires_at(), at(1_795_536_003));
        assert_eq!(lead.reconfirm_due(), Some(at(1_780_000_004)));
        assert!(!lead.is_test());
        let [consent] = lead.consents() else { panic!("one consent") };
        assert!(consent.key.as_str() == "email_optin" && consent.given());
        assert!(lead.consent(&consent.key).is_some_and(|found| found == consent));
        assert_eq!((lead.grounds().language.as_deref(), lead.seen()), (Some("fr_FR"), Some(&[7; 32])));
        let mut other = opened();
        (other.content.test, other.content.reconfirm_due) = (true, None);
        assert!(other.is_test() && other.reconfirm_due().is_none());
    }

    /// The whitelist of today decides what leaves, whatever was stored under an earlier one.
    #[test]
    fn a_field_is_shown_only_if_the_whitelist_still_names_it() {
        let lead = opened();
        let shown = |fields: &[&str], name: &str| {
            let values = lead.field(&purpose("devis", fields), name)?;
            Some(values.iter().map(|value| value.expose().to_owned()).collect::<Vec<_>>().join("|"))
        };
        assert_eq!(shown(&["city", "email"], "email").as_deref(), Some("a@example.org|b@example.org"));
        assert_eq!(shown(&["shoe_size", "email"], "shoe_size").as_deref(), Some("44"));
        assert_eq!(shown(&["city", "email"], "shoe_size"), None, "no longer on the whitelist");
        assert_eq!(shown(&["city", "email"], "city"), None, "not stored");
        let held: Vec<&str> = lead.held().map(|(name, _)| name.as_str()).collect();
        assert_eq!(held, ["email", "shoe_size"], "to the person themselves all of it is");
    }

    /// As every period: what is shortened holds at once, what is lengthened holds for later submissions alone.
    #[test]
    fn a_consent_holds_no_longer_than_was_said_then_and_is_said_now() {
        let lead = opened();
        let mut rule = consent("email_optin", Channel::Email);
        assert_eq!(lead.valid_until(&rule), Some(at(1_770_000_000)));
        rule.valid_months = Some(1);
        let month = Some(at(1_764_000_001 + 30 * 86_400));
        assert_eq!(lead.valid_until(&rule), month);
        rule.valid_months = Some(120);
        assert_eq!(lead.valid_until(&rule), Some(at(1_770_000_000)));
        let mut other = consent("call_optin", Channel::Phone);
        assert_eq!(lead.valid_until(&other), None);
        other.valid_months = Some(1);
        assert_eq!(lead.valid_until(&other), month);
    }

    #[test]
    fn ids_of_meta_are_shown_only_where_the_purpose_keeps_them_then_and_now() {
        let lead = opened();
        let mut purpose = purpose("devis", &["email"]);
        let attribution = |purpose: &Purpose, keep| lead.attribution(purpose, keep).map(Answer::expose);
        assert!(lead.leadgen(&purpose).is_none());
        assert_eq!(attribution(&purpose, Keep::CampaignId), None);
        purpose.keep = vec![Keep::LeadgenId, Keep::CampaignId, Keep::Platform];
        assert_eq!(lead.leadgen(&purpose).map(LeadgenId::expose), Some("9007199254740993"));
        assert_eq!(attribution(&purpose, Keep::CampaignId), Some("3"));
        assert_eq!(attribution(&purpose, Keep::AdId), None, "not any more");
        assert_eq!(attribution(&purpose, Keep::Platform), None, "not then");
        let held = [(Keep::AdId, "1"), (Keep::CampaignId, "3"), (Keep::LeadgenId, "9007199254740993")];
        assert_eq!(lead.held_beside(), held, "to the person themselves all of it is");
        let mut without = opened();
        without.content.leadgen = None;
        assert!(without.leadgen(&purpose).is_none());
    }
}
