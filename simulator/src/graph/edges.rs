//! Lists: the forms of a page, the leads of a form, by pages with cursors.

use serde_json::Value;

use crate::graph::ask::Ask;
use crate::graph::error::GraphError;
use crate::graph::nodes::{form_text, lead_text, wanted};
use crate::json::{self, Json};
use crate::misbehave::Turn;
use crate::shared::SimulatorState;
use crate::world::Lead;

/// `GET /{version}/{page_id}/leadgen_forms`
pub(crate) fn forms_of_page(page_id: &str, ask: &Ask, shared: &SimulatorState) -> Result<String, GraphError> {
    let wanted = wanted(ask)?;
    let world = shared.world();
    if !ask.pages.iter().any(|page| page == page_id) {
        return Err(GraphError::unsupported(&ask.method, page_id));
    }
    let mut items = Vec::new();
    for form in world.forms_of(page_id) {
        items.push((form.id.clone(), Json::verbatim(form_text(&form.id, &wanted, &world)?)));
    }
    let after = ask.query.value("after").map(read_cursor).transpose()?;
    items.retain(|(id, _)| after.as_ref().is_none_or(|after| id > after));
    page(&items, ask, shared)
}

/// `GET /{version}/{form_id}/leads`: newest first, `filtering` on `time_created` (*Retrieving*, "Filtering leads").
pub(crate) fn leads_of_form(
    form_id: &str,
    ask: &Ask,
    turn: &Turn,
    shared: &SimulatorState,
) -> Result<String, GraphError> {
    let wanted = wanted(ask)?;
    let filters = filters(ask.query.value("filtering"))?;
    let world = shared.world();
    let readable = world.forms.get(form_id).is_some_and(|form| ask.pages.contains(&form.page_id));
    if !readable {
        return Err(GraphError::unsupported(&ask.method, form_id));
    }
    let after = ask.query.value("after").map(read_cursor).transpose()?;
    let mut items = Vec::new();
    for lead in world.leads_of(form_id) {
        let place = place(&lead);
        let reached = after.as_ref().is_none_or(|after| place < *after);
        if reached && filters.iter().all(|filter| filter.lets_through(lead.created_time)) {
            items.push((place, Json::verbatim(lead_text(&lead, &wanted, turn, shared.ad_rights())?)));
        }
    }
    page(&items, ask, shared)
}

/// Cuts one page. `paging.next` carries the token, as Meta's does (seen): who logs or follows it leaks it.
fn page(items: &[(String, Json)], ask: &Ask, shared: &SimulatorState) -> Result<String, GraphError> {
    let limit = match ask.query.value("limit").map(str::parse::<usize>) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit)) if limit > 0 => limit.min(LIMIT_MAX),
        Some(_) => return Err(GraphError::parameter("limit")),
    };
    let shown = &items[..items.len().min(limit)];
    let mut text = String::from("{\"data\":");
    json::write_array(shown.iter().map(|(_, item)| item), &mut text);
    if let (Some((first, _)), Some((last, _))) = (shown.first(), shown.last()) {
        let (before, after) = (hex::encode(first), hex::encode(last));
        let mut paging = serde_json::json!({ "cursors": { "before": before, "after": after } });
        if items.len() > shown.len() {
            let token = ask.token.as_deref().unwrap_or_default();
            let (url, path) = (shared.graph_url(), &ask.path);
            let next = format!("{url}{path}?access_token={token}&limit={limit}&after={after}");
            paging["next"] = Value::String(next);
        }
        text.push_str(",\"paging\":");
        text.push_str(Json::from(paging).as_str());
    }
    text.push('}');
    Ok(text)
}

struct Filter {
    operator: Operator,
    value: u64,
}

enum Operator {
    Greater,
    GreaterOrEqual,
    Less,
}

impl Filter {
    fn lets_through(&self, created_time: u64) -> bool {
        match self.operator {
            Operator::Greater => created_time > self.value,
            Operator::GreaterOrEqual => created_time >= self.value,
            Operator::Less => created_time < self.value,
        }
    }
}

fn filters(text: Option<&str>) -> Result<Vec<Filter>, GraphError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let bad = || GraphError::parameter("filtering");
    let Ok(Value::Array(items)) = serde_json::from_str(text) else { return Err(bad()) };
    items.iter().map(|item| filter(item).ok_or_else(bad)).collect()
}

fn filter(item: &Value) -> Option<Filter> {
    if item.get("field")?.as_str()? != "time_created" {
        return None;
    }
    let operator = match item.get("operator")?.as_str()? {
        "GREATER_THAN" => Operator::Greater,
        "GREATER_THAN_OR_EQUAL" => Operator::GreaterOrEqual,
        "LESS_THAN" => Operator::Less,
        _ => return None,
    };
    let value = item.get("value")?;
    let value = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(Filter { operator, value })
}

/// Where a lead stands in the order of its list; it stays there when others come or go.
fn place(lead: &Lead) -> String {
    format!("{:012}-{}", lead.created_time, lead.id)
}

fn read_cursor(text: &str) -> Result<String, GraphError> {
    let decoded = hex::decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| GraphError::parameter("after"))
}

/// Without `limit` a page has 25 items (*Graph API*, "Paginated results").
const LIMIT_DEFAULT: usize = 25;
/// Higher limits are cut without a word (seen; the figure assumed).
const LIMIT_MAX: usize = 100;
