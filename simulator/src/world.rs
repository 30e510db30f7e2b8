//! What exists at Meta: pages, forms, leads.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::json::Json;

/// A Facebook page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The token that reads it; two pages may share one, as with a system user's token. Empty: no token reads it.
    pub token: String,
}

/// A lead form (*Lead gen data* reference; fields of Meta's SDK).
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Its id.
    pub id: String,
    /// The page that it belongs to.
    pub page_id: String,
    /// The name that its author gave it.
    pub name: String,
    /// `fr_FR`, `de_DE`, …; the keys of standard questions follow it (seen).
    pub locale: String,
    /// `ACTIVE`, `ARCHIVED`, `DELETED` or `DRAFT`.
    pub status: String,
    /// Unix seconds.
    pub created_time: u64,
    /// In the order of the form.
    pub questions: Vec<Question>,
    /// The consent checkboxes of its custom disclaimer.
    pub checkboxes: Vec<Checkbox>,
    /// The title above the checkboxes.
    pub disclaimer_title: String,
    /// The text above the checkboxes.
    pub disclaimer_text: String,
    /// Where its privacy policy stands.
    pub privacy_policy_url: String,
    /// In which of the seen shapes `legal_content` comes.
    pub legal_shape: LegalShape,
    /// Fields that Graph refuses of this form, with code 100.
    pub refused_fields: Vec<String>,
    /// Hidden parameters: given as an object, read back as a list of `{key, value}` (seen).
    pub tracking_parameters: Vec<(String, String)>,
}

/// One question of a form.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The name under which answers come; empty: the definition does not say it (seen of standard questions).
    pub key: String,
    /// What people read.
    pub label: String,
    /// `FULL_NAME`, `EMAIL`, `PHONE`, `CUSTOM`, …: the same in every language.
    pub kind: String,
    /// Of a choice question: key and text.
    pub options: Vec<(String, String)>,
    /// The names under which answers to questions come that hang on this one's answer (seen).
    pub dependents: Vec<String>,
}

/// One checkbox of a form's custom disclaimer.
#[derive(Clone, Debug, Default)]
pub struct Checkbox {
    /// The key under which the tick comes.
    pub key: String,
    /// What people consent to.
    pub text: String,
    /// Whether the form can be sent without it.
    pub is_required: bool,
    /// Whether it is ticked when the form opens.
    pub is_checked_by_default: bool,
}

/// The shapes in which `legal_content` was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LegalShape {
    /// `body` an object, `checkboxes` a list.
    #[default]
    Plain,
    /// `body` a string, `checkboxes` wrapped in `{"data":[…]}`.
    Wrapped,
    /// Asking for it fails with code 100.
    Refused,
}

/// The ad that a lead came from.
#[derive(Clone, Debug, Default)]
pub struct Ad {
    /// Id of the ad.
    pub ad_id: String,
    /// Name of the ad.
    pub ad_name: String,
    /// Id of the ad set.
    pub adset_id: String,
    /// Name of the ad set.
    pub adset_name: String,
    /// Id of the campaign.
    pub campaign_id: String,
    /// Name of the campaign.
    pub campaign_name: String,
}

/// One submission of a form (*Retrieving*, "Reading leads").
#[derive(Clone, Debug, Default)]
pub struct Lead {
    /// The leadgen id; empty: the simulator gives the next one.
    pub id: String,
    /// The page of the form.
    pub page_id: String,
    /// The form.
    pub form_id: String,
    /// Unix seconds.
    pub created_time: u64,
    /// The entries of `field_data`; `None`: the key is missing (seen).
    pub field_data: Option<Vec<Json>>,
    /// The entries of `custom_disclaimer_responses`; `None`: the key is missing, as for a form without checkboxes.
    pub disclaimer_responses: Option<Vec<Json>>,
    /// The ad; `None` for organic and test leads.
    pub ad: Option<Ad>,
    /// `fb` and `ig` were seen.
    pub platform: Option<String>,
    /// Whether it came without an ad.
    pub is_organic: bool,
    /// Replies that differ from all of the above, by field: an odd `created_time`, a field of another type.
    pub overrides: Vec<(String, Json)>,
}

impl Lead {
    /// An organic lead without answers.
    pub fn new(page_id: &str, form_id: &str, created_time: u64) -> Lead {
        Lead {
            page_id: page_id.to_owned(),
            form_id: form_id.to_owned(),
            created_time,
            field_data: Some(Vec::new()),
            platform: Some("fb".to_owned()),
            is_organic: true,
            ..Lead::default()
        }
    }

    /// With this leadgen id.
    pub fn with_id(mut self, id: &str) -> Lead {
        id.clone_into(&mut self.id);
        self
    }

    /// With one more answer; several values as of a multi-select, none for a question answered blank.
    pub fn answer(self, name: &str, values: &[&str]) -> Lead {
        self.entry(json!({ "name": name, "values": values }))
    }

    /// With a question that was skipped: the entry has no `values` (seen).
    pub fn skipped(self, name: &str) -> Lead {
        self.entry(json!({ "name": name }))
    }

    /// With one more entry of `field_data`, of any shape.
    pub fn entry(mut self, entry: impl Into<Json>) -> Lead {
        self.field_data.get_or_insert_default().push(entry.into());
        self
    }

    /// With a box ticked or not: `is_checked` is the string `"1"` or `""` (*Retrieving*, custom disclaimer).
    pub fn checkbox(self, key: &str, ticked: bool) -> Lead {
        self.disclaimer_entry(json!({ "checkbox_key": key, "is_checked": if ticked { "1" } else { "" } }))
    }

    /// With one more entry of `custom_disclaimer_responses`, of any shape (a boolean `is_checked` was seen).
    pub fn disclaimer_entry(mut self, entry: impl Into<Json>) -> Lead {
        self.disclaimer_responses.get_or_insert_default().push(entry.into());
        self
    }

    /// From an ad, so not organic.
    pub fn from_ad(mut self, ad: Ad) -> Lead {
        self.ad = Some(ad);
        self.is_organic = false;
        self
    }

    /// With this field answered otherwise.
    pub fn overriding(mut self, field: &str, value: impl Into<Json>) -> Lead {
        self.overrides.push((field.to_owned(), value.into()));
        self
    }
}

/// Pages, forms and leads by id.
#[derive(Default)]
pub(crate) struct World {
    pub pages: HashMap<String, Page>,
    pub forms: HashMap<String, Form>,
    pub leads: HashMap<String, Arc<Lead>>,
    next_lead: u64,
}

impl World {
    pub fn add_lead(&mut self, mut lead: Lead) -> String {
        while lead.id.is_empty() {
            self.next_lead += 1;
            let id = format!("{ASSIGNED}{:012}", self.next_lead);
            if !self.leads.contains_key(&id) {
                lead.id = id;
            }
        }
        let id = lead.id.clone();
        self.leads.insert(id.clone(), Arc::new(lead));
        id
    }

    /// The pages that a token reads.
    pub fn pages_of(&self, token: &str) -> Vec<String> {
        let mut pages: Vec<String> = self
            .pages
            .values()
            .filter(|page| !token.is_empty() && page.token == token)
            .map(|page| page.id.clone())
            .collect();
        pages.sort_unstable();
        pages
    }

    /// The leads of a form, newest first, as Meta lists them (seen).
    pub fn leads_of(&self, form_id: &str) -> Vec<Arc<Lead>> {
        let mut leads: Vec<Arc<Lead>> =
            self.leads.values().filter(|lead| lead.form_id == form_id).cloned().collect();
        leads.sort_unstable_by(|a, b| (b.created_time, &b.id).cmp(&(a.created_time, &a.id)));
        leads
    }

    /// The forms of a page, in order of their ids.
    pub fn forms_of(&self, page_id: &str) -> Vec<&Form> {
        let mut forms: Vec<&Form> = self.forms.values().filter(|form| form.page_id == page_id).collect();
        forms.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        forms
    }
}

impl Form {
    /// The whole node; `graph::fields` keeps what was asked for.
    pub(crate) fn node(&self, page_name: &str, leads_count: usize) -> Value {
        let questions: Vec<Value> =
            self.questions.iter().enumerate().map(|(at, question)| question.node(&self.id, at)).collect();
        let tracking: Vec<Value> = self
            .tracking_parameters
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        json!({
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "locale": self.locale,
            "created_time": crate::time::graph_time(self.created_time),
            "questions": questions,
            "privacy_policy_url": self.privacy_policy_url,
            "legal_content": self.legal_content(),
            "tracking_parameters": tracking,
            "leads_count": leads_count,
            "organic_leads_count": leads_count,
            "expired_leads_count": 0,
            "is_optimized_for_quality": false,
            "block_display_for_non_targeted_viewer": false,
            "allow_organic_lead": true,
            "page": { "id": self.page_id, "name": page_name },
            "page_id": self.page_id,
        })
    }

    fn legal_content(&self) -> Value {
        let policy = json!({ "url": self.privacy_policy_url, "link_text": "" });
        let boxes: Vec<Value> =
            self.checkboxes.iter().enumerate().map(|(at, checkbox)| checkbox.node(&self.id, at)).collect();
        if boxes.is_empty() {
            return json!({ "id": sub_id(&self.id, 900), "privacy_policy": policy });
        }
        let disclaimer = match self.legal_shape {
            LegalShape::Wrapped => json!({
                "title": self.disclaimer_title,
                "body": self.disclaimer_text,
                "checkboxes": { "data": boxes },
            }),
            LegalShape::Plain | LegalShape::Refused => json!({
                "title": self.disclaimer_title,
                "body": { "text": self.disclaimer_text, "url_entities": [] },
                "checkboxes": boxes,
            }),
        };
        json!({ "id": sub_id(&self.id, 900), "privacy_policy": policy, "custom_disclaimer": disclaimer })
    }
}

impl Question {
    /// A question without options.
    pub fn new(kind: &str, key: &str, label: &str) -> Question {
        Question {
            key: key.to_owned(),
            label: label.to_owned(),
            kind: kind.to_owned(),
            ..Question::default()
        }
    }

    /// With these options, key and text.
    pub fn with_options(mut self, options: &[(&str, &str)]) -> Question {
        self.options = options.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        self
    }

    fn node(&self, form_id: &str, at: usize) -> Value {
        let mut node =
            json!({ "id": sub_id(form_id, at), "key": self.key, "label": self.label, "type": self.kind });
        if self.key.is_empty()
            && let Some(node) = node.as_object_mut()
        {
            node.remove("key");
        }
        if !self.dependents.is_empty() {
            let dependents =
                self.dependents.iter().map(|name| json!({ "name": name, "input_type": "MULTIPLE_CHOICE" }));
            node["dependent_conditional_questions"] = dependents.collect();
        }
        if !self.options.is_empty() {
            let options: Vec<Value> =
                self.options.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
            node["options"] = Value::Array(options);
        }
        node
    }
}

impl Checkbox {
    fn node(&self, form_id: &str, at: usize) -> Value {
        json!({
            "id": sub_id(form_id, 800 + at),
            "key": self.key,
            "text": self.text,
            "is_required": self.is_required,
            "is_checked_by_default": self.is_checked_by_default,
        })
    }
}

/// An id for a part of a form.
fn sub_id(form_id: &str, at: usize) -> String {
    format!("{form_id}{at:03}")
}

/// How assigned leadgen ids begin: more digits than a double can hold exactly, as real ones may have.
const ASSIGNED: &str = "77000";
