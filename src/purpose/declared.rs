//! A purpose, as the operator declared it.

use std::fmt;
use std::sync::Arc;

use crate::id::FormId;
use crate::purpose::law::Basis;
use crate::purpose::{ConsentRule, FieldName, PhoneRegion, Whitelist};

/// A purpose's name in the config, in ids, logs and metrics: `[a-z][a-z0-9_]{0,62}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PurposeId(Arc<str>);

impl PurposeId {
    /// Reads `[a-z][a-z0-9_]{0,62}`; lower case only, since environment keys are lower-cased.
    pub fn parse(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `[a-z][a-z0-9_]{0,62}`: how the config names purposes, fields and consents.
pub(in crate::purpose) fn is_name(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

impl fmt::Display for PurposeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for PurposeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl serde::Serialize for PurposeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> serde::Deserialize<'de> for PurposeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The text is not repeated: it may be anybody's.
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no purpose"))
    }
}

crate::codes! {
    /// What a purpose may keep of a lead beside its answers. The value is Graph's name of the lead's field, save
    /// `leadgen_id`, which the notification gave, and `form_name`, which the form's definition gives.
    pub enum Keep {
        /// The ad.
        AdId = "ad_id",
        /// The ad set.
        AdsetId = "adset_id",
        /// The campaign.
        CampaignId = "campaign_id",
        /// `fb` or `ig`.
        Platform = "platform",
        /// Meta's own id of the submission.
        LeadgenId = "leadgen_id",
        /// True of what no ad brought.
        IsOrganic = "is_organic",
        /// The ad, in words.
        AdName = "ad_name",
        /// The campaign, in words.
        CampaignName = "campaign_name",
        /// The form, in words; of its definition.
        FormName = "form_name",
        /// Through which partner it came.
        PartnerName = "partner_name",
        /// Of what a shop sells, by the shop's id.
        RetailerItemId = "retailer_item_id",
        /// A vehicle on offer, by Meta's id.
        Vehicle = "vehicle",
        /// A home on offer, by Meta's id.
        HomeListing = "home_listing",
    }
}

impl Keep {
    /// True of what a lead is asked for.
    pub fn is_of_lead(self) -> bool {
        !matches!(self, Self::LeadgenId | Self::FormName)
    }

    /// True of what somebody wrote, and not Meta's machines.
    pub fn is_prose(self) -> bool {
        matches!(
            self,
            Self::AdName | Self::CampaignName | Self::FormName | Self::PartnerName | Self::RetailerItemId
        )
    }
}

/// One declared purpose, whole and valid.
#[derive(Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Its name.
    pub id: PurposeId,
    /// What people read, by language (`fr`, `en`, `de`).
    pub title: Vec<(String, String)>,
    /// The forms whose leads belong here.
    pub forms: Vec<FormId>,
    /// Other forms of their pages count too, where they ask the same under the same boxes.
    pub copies: bool,
    /// The basis in law.
    pub basis: Basis,
    /// How long a record may be held, in calendar months.
    pub retention_months: Option<u32>,
    /// The same in days of 24 hours. The config has exactly one of the two.
    pub retention_days: Option<u32>,
    /// When the person is asked again, in calendar months; none where the basis is not consent and none was set.
    pub reconfirm_months: Option<u32>,
    /// How long after that date without an answer a record still lives, in days.
    pub grace_days: u32,
    /// Who may receive the data (ids of `[[recipients]]`).
    pub recipients: Vec<String>,
    /// What is kept beside the answers.
    pub keep: Vec<Keep>,
    /// Where a number without a country code is at home; none: no number is brought into the form of E.164.
    pub phone_region: Option<PhoneRegion>,
    /// Whoever sends a form in is written to once, with what they asked for and what is held.
    pub welcome: bool,
    /// The fields that may be held.
    pub whitelist: Whitelist,
    /// The tick-boxes that count.
    pub consents: Vec<ConsentRule>,
    /// Those of its recipients that decide by themselves what to do with the data: to each of them goes only who agreed to
    /// it, by a consent of channel `third_party`.
    pub third_parties: Vec<String>,
    /// A lead with none of these fields is refused; empty: no such rule.
    pub require_one_of: Vec<FieldName>,
    /// Under basis legitimate interest which one it is, by language (GDPR art. 13(1)(d)).
    pub legitimate_interest: Vec<(String, String)>,
}

impl Purpose {
    /// The exact `fields=` that Graph is asked for where no other purpose holds leads of the form.
    pub fn graph_fields(&self) -> String {
        graph_fields(&std::iter::once(self))
    }

    /// True if it holds a lead only where the person has ticked a box for it. Of the purposes of one form all but one must.
    pub fn is_conditional(&self) -> bool {
        self.consents.iter().any(|consent| consent.required)
    }

    /// True if this is kept beside the answers.
    pub fn keeps(&self, keep: Keep) -> bool {
        self.keep.contains(&keep)
    }
}

/// The exact `fields=` that Graph is asked for on behalf of these purposes: what one of them needs, and no more. Asking less
/// is the first step of minimising.
pub fn graph_fields<'p>(purposes: &(impl Iterator<Item = &'p Purpose> + Clone)) -> String {
    let mut fields = String::from("id,created_time,form_id,field_data");
    if purposes.clone().any(|purpose| !purpose.consents.is_empty()) {
        fields.push_str(",custom_disclaimer_responses");
    }
    for keep in Keep::ALL.iter().copied().filter(|keep| keep.is_of_lead()) {
        if purposes.clone().any(|purpose| purpose.keeps(keep)) {
            fields.push(',');
            fields.push_str(keep.as_str());
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::law::Channel;
    use crate::purpose::sample::{consent, purpose};

    #[test]
    fn names_begin_with_a_small_letter_and_have_at_most_sixty_three_of_a_few_characters() {
        let longest = format!("a{}", "z".repeat(62));
        for good in ["a", "devis", "a_b9", "a9", "a_", &longest] {
            assert_eq!(PurposeId::parse(good).map(|id| id.as_str().to_owned()).as_deref(), Some(good));
        }
        let too_long = format!("{longest}z");
        for bad in ["", "9a", "_a", "Devis", "dEvis", "a-b", "a b", "é", "aé", "a.b", "a\n", &too_long] {
            assert!(PurposeId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_shown_as_it_is_written_and_read_from_nothing_else() {
        let id = PurposeId::parse("devis").expect("a name");
        assert_eq!((format!("{id}"), format!("{id:?}")), ("devis".to_owned(), "devis".to_owned()));
        assert_eq!(serde_json::to_string(&id).expect("text"), "\"devis\"");
        assert!(serde_json::from_str::<PurposeId>("\"devis\"").is_ok_and(|read| read == id));
        let refused =
            serde_json::from_str::<PurposeId>("\"Anne Dupont\"").map(drop).map_err(|e| e.to_string());
        assert!(refused.is_err_and(|text| text.contains("no purpose") && !text.contains("Anne")));
    }

    /// Asking less is the first step of minimising.
    #[test]
    fn graph_is_asked_for_no_more_than_the_purpose_needs() {
        const BARE: &str = "id,created_time,form_id,field_data";
        let mut purpose = purpose("devis", &["email"]);
        assert_eq!(purpose.graph_fields(), BARE);
        purpose.keep = vec![Keep::LeadgenId];
        assert_eq!(purpose.graph_fields(), BARE, "the notification gave it");
        purpose.keep = vec![Keep::FormName];
        assert_eq!(purpose.graph_fields(), BARE, "the form's definition gave it");
        purpose.keep = vec![Keep::Vehicle, Keep::Platform, Keep::LeadgenId, Keep::AdId, Keep::IsOrganic];
        assert_eq!(purpose.graph_fields(), format!("{BARE},ad_id,platform,is_organic,vehicle"));
        purpose.consents = vec![consent("email_optin", Channel::Email)];
        purpose.keep.clear();
        assert_eq!(purpose.graph_fields(), format!("{BARE},custom_disclaimer_responses"));
    }

    #[test]
    fn only_what_is_listed_is_kept_beside_the_answers() {
        let mut purpose = purpose("devis", &["email"]);
        assert!(Keep::ALL.iter().all(|keep| !purpose.keeps(*keep)));
        purpose.keep = vec![Keep::CampaignId];
        for keep in Keep::ALL.iter().copied() {
            assert_eq!(purpose.keeps(keep), keep == Keep::CampaignId, "{keep}");
        }
    }

    /// A quote form with a box for the newsletter: what the one keeps and the boxes of the other are asked for together.
    #[test]
    fn for_several_purposes_graph_is_asked_for_what_one_of_them_needs() {
        let mut devis = purpose("devis", &["email"]);
        devis.keep = vec![Keep::Platform, Keep::LeadgenId];
        let mut lettre = purpose("lettre", &["email"]);
        lettre.keep = vec![Keep::CampaignId, Keep::Platform];
        lettre.consents = vec![ConsentRule { required: true, ..consent("email_optin", Channel::Email) }];
        assert!(lettre.is_conditional() && !devis.is_conditional());
        assert_eq!(
            graph_fields(&[&devis, &lettre].into_iter()),
            "id,created_time,form_id,field_data,custom_disclaimer_responses,campaign_id,platform"
        );
        assert_eq!(graph_fields(&[&devis].into_iter()), devis.graph_fields());
        lettre.consents[0].required = false;
        assert!(!lettre.is_conditional());
    }
}
