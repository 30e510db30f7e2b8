//! A record opened for one reader.

use jiff::Timestamp;

use crate::id::{FormId, LeadgenId, PageId};
use crate::lead::minimised::{Answer, ConsentEvidence, Content};
use crate::purpose::{Keep, Purpose, RecordId};

/// A stored lead in clear: it lives as long as one export line takes.
pub struct OpenedLead {
    pub(in crate::lead) id: RecordId,
    pub(in crate::lead) content: Content,
}

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

    /// The values of a field: none if it was not stored, or if the whitelist no longer names it.
    pub fn field<'l>(&'l self, purpose: &Purpose, name: &str) -> Option<&'l [Answer]> {
        if !purpose.whitelist.allows(name) {
            return None;
        }
        let stored = self.content.fields.iter().find(|(field, _)| field.as_str() == name);
        stored.map(|(_, values)| values.as_slice())
    }

    /// The consents that were looked at when it was stored.
    pub fn consents(&self) -> &[ConsentEvidence] {
        &self.content.consents
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
    use crate::lead::minimised::Tick;
    use crate::purpose::sample::purpose;
    use crate::purpose::{ConsentKey, FieldName, PurposeId};

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
                key: ConsentKey::parse("email_optin").expect("a name"),
                checkbox_key: "optin".to_owned(),
                tick: Tick::Yes,
            }],
            expires_at: at(1_795_536_003),
            reconfirm_due: Some(at(1_780_000_004)),
            test: false,
            leadgen: LeadgenId::parse("9007199254740993"),
            attribution: vec![
                (Keep::AdId, Answer::from_sealed("1".to_owned())),
                (Keep::CampaignId, Answer::from_sealed("3".to_owned())),
            ],
        };
        OpenedLead { id: RecordId::parse("devis-1-7").expect("an id"), content }
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
        let mut without = opened();
        without.content.leadgen = None;
        assert!(without.leadgen(&purpose).is_none());
    }
}
