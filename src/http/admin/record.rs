//! One exported record: what a purpose lets out of an opened lead, and how JSON writes it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Serializer as Writer;

use crate::api::Moment;
use crate::api::evidence::ConsentRecord;
use crate::api::leads::Consent;
use crate::clock::Day;
use crate::http::admin::evidence;
use crate::id::{FormId, LeadgenId, PageId};
use crate::lead::{Answer, OpenedLead};
use crate::purpose::{Channel, ConsentKey, ConsentRule, FieldName, Keep, Purpose, RecordId};
use crate::store::{DayLook, MayLeave, StoreError};
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
    pub(super) consents: Vec<(&'l str, Consent)>,
    pub(super) expires_at: Timestamp,
    pub(super) reconfirm_due: Option<Timestamp>,
    pub(super) test: bool,
    /// `leadgen_id` and attribution, in the order of [`Keep::ALL`], where the purpose keeps them.
    pub(super) kept: Vec<(Keep, &'l str)>,
    /// How its consents were given and what became of them, where that is asked for.
    pub(super) evidence: Option<Vec<ConsentRecord>>,
}

impl<'l> Record<'l> {
    /// What this purpose lets out: fields that are whitelisted now and were when it was stored, and whose consent holds. None:
    /// nobody agreed to hand it to this recipient.
    ///
    /// # Errors
    /// It depends on whether the clock is right.
    pub(super) fn of(
        lead: &'l OpenedLead,
        outlet: &'l Outlet,
        days: DayLook,
    ) -> Result<Option<Self>, StoreError> {
        let standings = outlet.standings(lead, days)?;
        if !outlet.may_go_out(&standings) {
            return Ok(None);
        }
        Ok(Some(Self {
            id: lead.id(),
            created: lead.created(),
            received: lead.received(),
            form: lead.form(),
            page: lead.page(),
            fields: outlet.fields(lead, &standings),
            consents: outlet.consents(&standings),
            expires_at: lead.expires_at(),
            reconfirm_due: lead.reconfirm_due(),
            test: lead.is_test(),
            kept: outlet.kept(lead),
            evidence: outlet.evidence(lead, days)?,
        }))
    }

    /// Writes it as one JSON object without line breaks, and without anything that would steer a terminal.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        #[expect(clippy::expect_used, reason = "strings and numbers into a growing vector cannot fail")]
        JsonRecord(self).serialize(&mut Writer::with_formatter(out, Visibly)).expect("a vector grows");
    }
}

/// How one consent of a record stands; none: it was not looked at when the record was stored.
pub(super) struct Standing<'p> {
    rule: &'p ConsentRule,
    found: Option<Consent>,
    holds: bool,
}

/// What a purpose lets out, looked up once for all records of a page.
#[derive(Clone)]
pub(super) struct Outlet {
    purpose: Arc<Purpose>,
    /// In the order of the columns, each with the consent that it hangs on.
    columns: Vec<(FieldName, Option<ConsentKey>)>,
    kept: Vec<Keep>,
    /// Whom it goes to, where that is somebody who decides by itself what to do with it.
    third_party: Option<String>,
    with_evidence: bool,
}

impl Outlet {
    /// The whitelist, the consents and what is kept beside them, as the config has them now; for a recipient, or for nobody
    /// outside.
    pub(super) fn of(purpose: Arc<Purpose>, recipient: Option<&str>) -> Self {
        let consent = |name: &FieldName| purpose.whitelist.rule(name.as_str())?.consent.clone();
        let columns = purpose.whitelist.columns().into_iter();
        let columns = columns.map(|name| (name.clone(), consent(name))).collect();
        let kept = Keep::ALL.iter().copied().filter(|keep| purpose.keeps(*keep)).collect();
        let third_party = recipient.map(str::to_owned).filter(|id| purpose.third_parties.contains(id));
        Self { purpose, columns, kept, third_party, with_evidence: false }
    }

    /// The same, with what shows how consents were given and what became of them.
    pub(super) fn with_evidence(self, with_evidence: bool) -> Self {
        Self { with_evidence, ..self }
    }

    /// Whether a record may leave, asked of it before it counts as handed; none: all may.
    pub(super) fn may_leave(&self) -> Option<MayLeave> {
        self.third_party.as_ref()?;
        let outlet = self.clone();
        Some(Arc::new(move |lead, days| Ok(outlet.may_go_out(&outlet.standings(lead, days)?))))
    }

    /// Of the consents that its purpose still asks for.
    fn evidence(&self, lead: &OpenedLead, days: DayLook) -> Result<Option<Vec<ConsentRecord>>, StoreError> {
        if !self.with_evidence {
            return Ok(None);
        }
        let mut shown = evidence::of_record(lead, Some(&self.purpose), days)?;
        shown.retain(|one| one.channel.is_some());
        Ok(Some(shown))
    }

    /// Whose.
    pub(super) fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// How the consents of a lead stand, in the order of the config.
    ///
    /// # Errors
    /// It depends on whether the clock is right.
    pub(super) fn standings(
        &self,
        lead: &OpenedLead,
        days: DayLook,
    ) -> Result<Vec<Standing<'_>>, StoreError> {
        let standing = |rule: &'_ ConsentRule| -> Result<(Option<Consent>, bool), StoreError> {
            let Some(evidence) = lead.consent(&rule.key) else {
                return Ok((None, false));
            };
            let given = evidence.given();
            let until = lead.valid_until(rule).filter(|_| given);
            let is_over = until.map(|until| days.has_come(Day::of(until))).transpose()?.unwrap_or(false);
            Ok((Some(Consent { given, valid_until: until.map(Moment) }), given && !is_over))
        };
        let rules = self.purpose.consents.iter();
        rules.map(|rule| standing(rule).map(|(found, holds)| Standing { rule, found, holds })).collect()
    }

    /// The answers of a lead in the order of the columns, but those whose consent does not hold.
    pub(super) fn fields<'l>(
        &'l self,
        lead: &'l OpenedLead,
        standings: &[Standing<'_>],
    ) -> Vec<(&'l str, Vec<&'l str>)> {
        let holds = |key: &ConsentKey| standings.iter().any(|of| of.rule.key == *key && of.holds);
        let columns = self.columns.iter().filter(|(_, consent)| consent.as_ref().is_none_or(holds));
        let stored =
            columns.filter_map(|(name, _)| Some((name.as_str(), lead.field(&self.purpose, name.as_str())?)));
        stored.map(|(name, answers)| (name, answers.iter().map(Answer::expose).collect())).collect()
    }

    /// The consents of a lead that its purpose still asks for.
    pub(super) fn consents<'p>(&self, standings: &[Standing<'p>]) -> Vec<(&'p str, Consent)> {
        standings.iter().filter_map(|of| Some((of.rule.key.as_str(), of.found?))).collect()
    }

    /// To who decides by itself goes only what the person agreed to hand to it.
    fn may_go_out(&self, standings: &[Standing<'_>]) -> bool {
        let Some(recipient) = &self.third_party else { return true };
        standings.iter().any(|of| {
            let names_it = of.rule.recipient.as_ref() == Some(recipient);
            of.rule.channel == Channel::ThirdParty && names_it && of.holds
        })
    }

    fn kept<'l>(&self, lead: &'l OpenedLead) -> Vec<(Keep, &'l str)> {
        let value = |keep| match keep {
            Keep::LeadgenId => lead.leadgen(&self.purpose).map(LeadgenId::expose),
            _ => lead.attribution(&self.purpose, keep).map(Answer::expose),
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
        if let Some(evidence) = &record.evidence {
            map.serialize_entry("evidence", evidence)?;
        }
        for (keep, value) in &record.kept {
            match keep {
                Keep::IsOrganic => map.serialize_entry(keep.as_str(), &(*value == "true"))?,
                _ => map.serialize_entry(keep.as_str(), value)?,
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::sample;
    use crate::purpose::sample::{consent, purpose};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// A record of 24 November 2025 whose box `email_optin` was ticked.
    fn stored() -> OpenedLead {
        sample::unsealed("lettre", "anne@lumen.example", at("2028-01-01T00:00:00Z")).read().expect("reads")
    }

    /// What a purpose lets out whose field hangs on this consent.
    fn outlet(hangs_on: &str, months: Option<u32>, recipient: Option<&str>) -> Outlet {
        let mut purpose = purpose("lettre", &["email"]);
        let mut handed = consent("partner", Channel::ThirdParty);
        handed.recipient = Some("partner".to_owned());
        purpose.consents = vec![
            ConsentRule { valid_months: months, ..consent("email_optin", Channel::Email) },
            consent("call_optin", Channel::Phone),
            handed,
        ];
        let mut rule = crate::purpose::sample::field("email");
        rule.consent = ConsentKey::parse(hangs_on);
        purpose.whitelist = crate::purpose::Whitelist::new(vec![rule]).expect("a field");
        purpose.recipients = vec!["crm".to_owned(), "partner".to_owned()];
        purpose.third_parties = vec!["partner".to_owned()];
        Outlet::of(Arc::new(purpose), recipient)
    }

    /// How many fields leave on this day; none: the record does not.
    fn fields(outlet: &Outlet, day: &str) -> Option<usize> {
        let days = DayLook::at(at(&format!("{day}T12:00:00Z")));
        let lead = stored();
        Record::of(&lead, outlet, days).expect("the clock is right").map(|record| record.fields.len())
    }

    #[test]
    fn a_field_leaves_until_the_day_on_which_its_consent_ends() {
        let month = outlet("email_optin", Some(1), None);
        assert_eq!((fields(&month, "2025-12-23"), fields(&month, "2025-12-24")), (Some(1), Some(0)));
        assert_eq!(fields(&month, "2027-12-24"), Some(0));
        let record_long = outlet("email_optin", None, None);
        assert_eq!(fields(&record_long, "2027-12-24"), Some(1));
    }

    #[test]
    fn a_field_that_hangs_on_what_the_record_does_not_have_does_not_leave() {
        assert_eq!(fields(&outlet("call_optin", None, None), "2025-11-25"), Some(0));
        assert_eq!(fields(&outlet("gone", None, None), "2025-11-25"), Some(0), "no such consent any more");
        assert_eq!(fields(&outlet("", None, None), "2025-11-25"), Some(1), "it hangs on none");
    }

    #[test]
    fn a_consent_says_until_when_also_once_it_is_over_and_one_that_was_not_looked_at_says_nothing() {
        let (outlet, lead) = (outlet("email_optin", Some(1), None), stored());
        let days = DayLook::at(at("2026-06-01T00:00:00Z"));
        let standings = outlet.standings(&lead, days).expect("the clock is right");
        let shown = outlet.consents(&standings);
        let [(key, found)] = shown.as_slice() else { panic!("one") };
        assert_eq!((*key, found.given), ("email_optin", true));
        assert!(found.valid_until == Some(Moment(at("2025-12-24T16:00:00Z"))));
    }

    #[test]
    fn nobody_agreed_to_hand_this_record_on() {
        assert_eq!(fields(&outlet("email_optin", None, Some("partner")), "2025-11-25"), None);
        assert_eq!(fields(&outlet("email_optin", None, Some("crm")), "2025-11-25"), Some(1), "a processor");
    }
}
