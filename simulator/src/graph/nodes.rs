//! Nodes: leads, forms, pages.

use serde_json::{Value, json};

use crate::graph::ask::Ask;
use crate::graph::error::GraphError;
use crate::graph::fields::{self, Field};
use crate::json::{self, Json};
use crate::misbehave::Turn;
use crate::shared::SimulatorState;
use crate::time::graph_time;
use crate::world::{Ad, Lead, LegalShape, World};

/// `GET /{version}/{id}`
pub(crate) fn single(
    id: &str,
    ask: &Ask,
    turn: &Turn,
    shared: &SimulatorState,
) -> Result<String, GraphError> {
    let wanted = wanted(ask)?;
    let world = shared.world();
    node(id, &wanted, ask, turn, shared, &world)?.ok_or_else(|| GraphError::unsupported(&ask.method, id))
}

/// The fields asked for; none: the node's default ones.
pub(crate) fn wanted(ask: &Ask) -> Result<Vec<Field>, GraphError> {
    match ask.fields() {
        None | Some("") => Ok(Vec::new()),
        Some(text) => fields::parse(text).map_err(|syntax| GraphError::fields_syntax(syntax.at)),
    }
}

/// A lead with the fields asked for. `field_data`, `created_time` and `id` come unasked, all else only when asked for
/// (*Retrieving*); what concerns the ad is absent without rights on the ad account, without an error (seen).
pub(crate) fn lead_text(
    lead: &Lead,
    wanted: &[Field],
    turn: &Turn,
    ad_rights: bool,
) -> Result<String, GraphError> {
    let asked: Vec<&str> = wanted.iter().map(|field| field.name.as_str()).collect();
    let asked = if asked.is_empty() { &["created_time", "id", "field_data"][..] } else { &asked[..] };
    let mut pairs: Vec<(&str, Json)> = Vec::with_capacity(asked.len() + 1);
    for &name in asked {
        if !LEAD_FIELDS.contains(&name) {
            return Err(GraphError::no_such_field(name, "LeadgenData"));
        }
        let value = match (&turn.wrong_form, name) {
            (Some(form), "form_id") => Some(Json::from(form.as_str())),
            _ => lead_field(lead, name, ad_rights),
        };
        if let Some(value) = value {
            pairs.push((name, value));
        }
    }
    if !asked.contains(&"id") {
        pairs.push(("id", Json::from(lead.id.as_str())));
    }
    let mut text = String::with_capacity(512);
    json::write_object(pairs.iter().map(|(name, value)| (*name, value)), &mut text);
    Ok(text)
}

/// All answers of the leads asked for, for errors that quote them.
pub(crate) fn answers_of(ask: &Ask, shared: &SimulatorState) -> String {
    let world = shared.world();
    let leads = ask.ids.iter().filter_map(|id| world.leads.get(id));
    leads.flat_map(|lead| lead.field_data.iter().flatten().map(Json::as_str)).collect()
}

/// One node, if the token reads it.
fn node(
    id: &str,
    wanted: &[Field],
    ask: &Ask,
    turn: &Turn,
    shared: &SimulatorState,
    world: &World,
) -> Result<Option<String>, GraphError> {
    let readable = |page: &String| ask.pages.contains(page);
    if let Some(lead) = world.leads.get(id).filter(|lead| readable(&lead.page_id)) {
        return lead_text(lead, wanted, turn, shared.ad_rights()).map(Some);
    }
    if let Some(form) = world.forms.get(id).filter(|form| readable(&form.page_id)) {
        return form_text(&form.id, wanted, world).map(Some);
    }
    if let Some(page) = world.pages.get(id).filter(|page| readable(&page.id)) {
        let node = json!({ "id": page.id, "name": page.name, "has_lead_access": {
            "app_has_leads_permission": true,
            "can_access_lead": true,
            "enabled_lead_access_manager": false,
            "is_page_admin": true,
            "page_id": page.id,
            "user_has_leads_permission": true,
        }});
        return kept(&node, wanted, &["id", "name"], &[], "Page").map(Some);
    }
    Ok(None)
}

/// A form with the fields asked for; some forms refuse `legal_content` with code 100 (seen).
pub(crate) fn form_text(id: &str, wanted: &[Field], world: &World) -> Result<String, GraphError> {
    let Some(form) = world.forms.get(id) else { return Err(GraphError::unsupported("get", id)) };
    if form.legal_shape == LegalShape::Refused && wanted.iter().any(|field| field.name == "legal_content") {
        return Err(GraphError::parameter("legal_content"));
    }
    if let Some(field) = wanted.iter().find(|field| form.refused_fields.contains(&field.name)) {
        return Err(GraphError::parameter(&field.name));
    }
    let page_name = world.pages.get(&form.page_id).map_or("", |page| page.name.as_str());
    // Counting walks all leads: only for those who ask.
    let counts = wanted.iter().any(|field| field.name.ends_with("leads_count"));
    let leads_count = if counts { world.leads_of(id).len() } else { 0 };
    let defaults = ["id", "locale", "name", "status"];
    kept(&form.node(page_name, leads_count), wanted, &defaults, FORM_FIELDS_UNSET, "LeadgenForm")
}

fn kept(
    node: &Value,
    wanted: &[Field],
    defaults: &[&str],
    unset: &[&str],
    node_type: &str,
) -> Result<String, GraphError> {
    for field in wanted {
        if node.get(&field.name).is_none() && !unset.contains(&field.name.as_str()) {
            return Err(GraphError::no_such_field(&field.name, node_type));
        }
    }
    let by_default: Vec<Field> =
        defaults.iter().map(|&name| Field { name: name.to_owned(), below: Vec::new() }).collect();
    let wanted = if wanted.is_empty() { &by_default[..] } else { wanted };
    Ok(Json::from(fields::keep(node, wanted)).as_str().to_owned())
}

fn lead_field(lead: &Lead, name: &str, ad_rights: bool) -> Option<Json> {
    if let Some((_, value)) = lead.overrides.iter().find(|(field, _)| field == name) {
        return Some(value.clone());
    }
    let of_ad = |take: fn(&Ad) -> &String| {
        lead.ad.as_ref().filter(|_| ad_rights).map(|ad| Json::from(take(ad).as_str()))
    };
    match name {
        "id" => Some(Json::from(lead.id.as_str())),
        "created_time" => Some(Json::from(graph_time(lead.created_time).as_str())),
        "field_data" => lead.field_data.as_ref().map(json::array),
        "custom_disclaimer_responses" => lead.disclaimer_responses.as_ref().map(json::array),
        "form_id" => Some(Json::from(lead.form_id.as_str())),
        "is_organic" => Some(Json::from(Value::Bool(lead.is_organic))),
        "platform" => lead.platform.as_deref().map(Json::from),
        "ad_id" => of_ad(|ad| &ad.ad_id),
        "ad_name" => of_ad(|ad| &ad.ad_name),
        "adset_id" => of_ad(|ad| &ad.adset_id),
        "adset_name" => of_ad(|ad| &ad.adset_name),
        "campaign_id" => of_ad(|ad| &ad.campaign_id),
        "campaign_name" => of_ad(|ad| &ad.campaign_name),
        _ => None,
    }
}

/// The fields of a lead (*Lead gen data* reference; Meta's SDK).
const LEAD_FIELDS: &[&str] = &[
    "id",
    "created_time",
    "field_data",
    "custom_disclaimer_responses",
    "ad_id",
    "ad_name",
    "adset_id",
    "adset_name",
    "campaign_id",
    "campaign_name",
    "form_id",
    "is_organic",
    "platform",
    "partner_name",
    "retailer_item_id",
    "home_listing",
    "vehicle",
    "post",
    "post_submission_check_result",
];

/// Fields that a form may be asked for and does not have here.
const FORM_FIELDS_UNSET: &[&str] = &[
    "context_card",
    "thank_you_page",
    "follow_up_action_url",
    "follow_up_action_text",
    "question_page_custom_headline",
];
