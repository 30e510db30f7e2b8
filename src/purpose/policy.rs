//! The purposes that the operator declared, and which form belongs to which.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::id::FormId;
use crate::purpose::law::Basis;
use crate::purpose::{ConsentRule, Whitelist};

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
    /// What a purpose may keep of a lead beside its answers. The value is Graph's field name, save `leadgen_id`, which
    /// the notification gave.
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
    /// The basis in law.
    pub basis: Basis,
    /// How long a record may be held, in calendar months.
    pub retention_months: u32,
    /// When the person is asked again, in calendar months; none where the basis is not consent and none was set.
    pub reconfirm_months: Option<u32>,
    /// How long after that date without an answer a record still lives, in days.
    pub grace_days: u32,
    /// Who may receive the data (ids of `[[recipients]]`).
    pub recipients: Vec<String>,
    /// What is kept beside the answers.
    pub keep: Vec<Keep>,
    /// The fields that may be held.
    pub whitelist: Whitelist,
    /// The tick-boxes that count.
    pub consents: Vec<ConsentRule>,
}

impl Purpose {
    /// The exact `fields=` that Graph is asked for: asking less is the first step of minimising.
    pub fn graph_fields(&self) -> String {
        let mut fields = String::from("id,created_time,form_id,field_data");
        if !self.consents.is_empty() {
            fields.push_str(",custom_disclaimer_responses");
        }
        for keep in Keep::ALL {
            if *keep != Keep::LeadgenId && self.keep.contains(keep) {
                fields.push(',');
                fields.push_str(keep.as_str());
            }
        }
        fields
    }

    /// True if this is kept beside the answers.
    pub fn keeps(&self, keep: Keep) -> bool {
        self.keep.contains(&keep)
    }
}

/// All purposes of one config, with the form each claims. A snapshot: pinned from claim to settle.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Policy {
    purposes: Vec<Arc<Purpose>>,
    by_form: HashMap<FormId, usize>,
    claimed: Arc<HashSet<FormId>>,
}

impl Policy {
    /// Takes valid purposes; config has made sure that no two claim one form.
    pub fn new(purposes: Vec<Purpose>) -> Self {
        let by_form: HashMap<_, _> = purposes
            .iter()
            .enumerate()
            .flat_map(|(index, purpose)| purpose.forms.iter().map(move |form| (*form, index)))
            .collect();
        let claimed = Arc::new(by_form.keys().copied().collect());
        Self { purposes: purposes.into_iter().map(Arc::new).collect(), by_form, claimed }
    }

    /// The forms that a purpose claims.
    pub fn claimed_forms(&self) -> &Arc<HashSet<FormId>> {
        &self.claimed
    }

    /// The purpose that claims this form.
    pub fn of_form(&self, form: &FormId) -> Option<&Arc<Purpose>> {
        self.by_form.get(form).and_then(|index| self.purposes.get(*index))
    }

    /// The purpose with this name.
    pub fn purpose(&self, id: &str) -> Option<&Arc<Purpose>> {
        self.purposes.iter().find(|purpose| purpose.id.as_str() == id)
    }

    /// All purposes, in the order of the config.
    pub fn purposes(&self) -> &[Arc<Purpose>] {
        &self.purposes
    }
}
