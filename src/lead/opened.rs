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
