//! One exported record: what a purpose lets out of an opened lead, and how JSON writes it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Serializer as Writer;

use crate::api::Moment;
use crate::id::{FormId, LeadgenId, PageId};
use crate::lead::{Answer, ConsentEvidence, OpenedLead};
use crate::purpose::{ConsentKey, FieldName, Keep, Purpose, RecordId};
use crate::visible::Visibly;

/// Borrows from one opened lead; as short-lived as an export line. It holds answers: no `Debug`, no `Serialize`.
pub(super) struct Record<'l> {
    pub(super) id: &'l RecordId,
    pub(super) created: Timestamp,
    pub(super) received: Timestamp,
    pub(super) form: &'l FormId,
    pub(super) page: &'l PageId,
    /// In the order of the columns; fields without an answer are left out.
    pub(super) fields: Vec<(&'l str, Vec<&'l str>)>,
    /// In the order of the config; those that were not looked at when it was stored are left out.
    pub(super) consents: Vec<(&'l str, bool)>,
    pub(super) expires_at: Timestamp,
    pub(super) reconfirm_due: Option<Timestamp>,
    pub(super) test: bool,
    /// `leadgen_id` and attribution, in the order of [`Keep::ALL`], where the purpose keeps them.
    pub(super) kept: Vec<(Keep, &'l str)>,
}

impl<'l> Record<'l> {
    /// What this purpose lets out: fields that are whitelisted now and were when it was stored.
    pub(super) fn of(lead: &'l OpenedLead, outlet: &'l Outlet) -> Self {
        Self {
            id: lead.id(),
            created: lead.created(),
            received: lead.received(),
            form: lead.form(),
            page: lead.page(),
            fields: outlet.fields(lead),
            consents: outlet.consents(lead),
            expires_at: lead.expires_at(),
            reconfirm_due: lead.reconfirm_due(),
            test: lead.is_test(),
            kept: outlet.kept(lead),
        }
    }

    /// Writes it as one JSON object without line breaks, and without anything that would steer a terminal.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        #[expect(clippy::expect_used, reason = "strings and numbers into a growing vector cannot fail")]
        JsonRecord(self).serialize(&mut Writer::with_formatter(out, Visibly)).expect("a vector grows");
    }
}

/// What a purpose lets out, looked up once for all records of a page.
pub(super) struct Outlet {
    purpose: Arc<Purpose>,
    /// In the order of the columns.
    columns: Vec<FieldName>,
    kept: Vec<Keep>,
}

impl Outlet {
    /// The whitelist, the consents and what is kept beside them, as the config has them now.
    pub(super) fn of(purpose: Arc<Purpose>) -> Self {
        let columns = purpose.whitelist.columns().into_iter().cloned().collect();
        let kept = Keep::ALL.iter().copied().filter(|keep| purpose.keeps(*keep)).collect();
        Self { purpose, columns, kept }
    }

    /// Whose.
    pub(super) fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// The answers of a lead in the order of the columns.
    pub(super) fn fields<'l>(&'l self, lead: &'l OpenedLead) -> Vec<(&'l str, Vec<&'l str>)> {
        let columns = self.columns.iter().map(FieldName::as_str);
        let stored = columns.filter_map(|name| Some((name, lead.field(&self.purpose, name)?)));
        stored.map(|(name, answers)| (name, answers.iter().map(Answer::expose).collect())).collect()
    }

    /// The consents of a lead that its purpose still asks for.
    pub(super) fn consents(&self, lead: &OpenedLead) -> Vec<(&str, bool)> {
        let given = |key: &ConsentKey| {
            lead.consents().iter().find(|evidence| evidence.key == *key).map(ConsentEvidence::given)
        };
        let rules = self.purpose.consents.iter();
        rules.filter_map(|rule| Some((rule.key.as_str(), given(&rule.key)?))).collect()
    }

    fn kept<'l>(&self, lead: &'l OpenedLead) -> Vec<(Keep, &'l str)> {
        let value = |keep| match keep {
            Keep::LeadgenId => lead.leadgen(&self.purpose).map(LeadgenId::expose),
            Keep::AdId | Keep::AdsetId | Keep::CampaignId | Keep::Platform => {
                lead.attribution(&self.purpose, keep).map(Answer::expose)
            }
        };
        self.kept.iter().filter_map(|keep| Some((*keep, value(*keep)?))).collect()
    }
}

/// The one way in which a record becomes JSON, private to this file.
struct JsonRecord<'r, 'l>(&'r Record<'l>);

impl Serialize for JsonRecord<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", record.id)?;
        map.serialize_entry("purpose", &record.id.purpose)?;
        map.serialize_entry("created_time", &Moment(record.created))?;
        map.serialize_entry("received_at", &Moment(record.received))?;
        map.serialize_entry("form_id", record.form)?;
        map.serialize_entry("page_id", record.page)?;
        map.serialize_entry("fields", &Pairs(&record.fields))?;
        map.serialize_entry("consents", &Pairs(&record.consents))?;
        map.serialize_entry("expires_at", &Moment(record.expires_at))?;
        map.serialize_entry("reconfirm_due", &record.reconfirm_due.map(Moment))?;
        map.serialize_entry("test", &record.test)?;
        for (keep, value) in &record.kept {
            map.serialize_entry(keep.as_str(), value)?;
        }
        map.end()
    }
}

/// Pairs as a JSON object in their own order.
pub(super) struct Pairs<'p, V>(pub(super) &'p [(&'p str, V)]);

impl<V: Serialize> Serialize for Pairs<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (*name, value)))
    }
}
