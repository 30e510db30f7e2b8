//! Misbehaviour on command: which calls it meets, and what Meta then does instead.
//!
//! The kinds are those that Meta's *Errors* and *Rate limits* pages document and those that public code and issues
//! report (HTML, empty and half bodies, errors that quote what they were given).

use std::time::Duration;

use serde_json::json;

use crate::calls::CallKind;
use crate::graph::ask::Ask;
use crate::graph::error::GraphError;
use crate::world::World;

/// What happens to which calls.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which calls.
    pub when: Match,
    /// How many of them; `None`: all, until [`crate::Simulator::behave`].
    pub times: Option<u32>,
    /// What happens.
    pub what: Misbehaviour,
}

impl Rule {
    /// For every matching call.
    pub fn always(when: Match, what: Misbehaviour) -> Rule {
        Rule { when, times: None, what }
    }

    /// For the next matching call.
    pub fn once(when: Match, what: Misbehaviour) -> Rule {
        Rule::times(1, when, what)
    }

    /// For so many matching calls.
    pub fn times(times: u32, when: Match, what: Misbehaviour) -> Rule {
        Rule { when, times: Some(times), what }
    }
}

/// Names a rule, to take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(pub(crate) u64);

/// Which calls a rule meets: those that fulfil all that is said here.
#[derive(Clone, Debug, Default)]
pub struct Match {
    /// The path contains this.
    pub path: Option<String>,
    /// The value of `fields=` contains this.
    pub fields: Option<String>,
    /// One of the ids asked for is this.
    pub lead: Option<String>,
    /// The token is this page's, or the lead, form or page asked for belongs to it.
    pub page: Option<String>,
    /// The form asked for, or the form of a lead asked for, is this.
    pub form: Option<String>,
    /// What is asked for is of this kind.
    pub kind: Option<CallKind>,
}

impl Match {
    /// Every call.
    pub fn any() -> Match {
        Match::default()
    }

    /// … whose path contains this.
    pub fn path(mut self, part: &str) -> Match {
        self.path = Some(part.to_owned());
        self
    }

    /// … whose `fields=` contains this.
    pub fn fields(mut self, part: &str) -> Match {
        self.fields = Some(part.to_owned());
        self
    }

    /// … that asks for this lead.
    pub fn lead(mut self, id: &str) -> Match {
        self.lead = Some(id.to_owned());
        self
    }

    /// … about this page.
    pub fn page(mut self, id: &str) -> Match {
        self.page = Some(id.to_owned());
        self
    }

    /// … about this form or its leads.
    pub fn form(mut self, id: &str) -> Match {
        self.form = Some(id.to_owned());
        self
    }

    /// … of this kind.
    pub fn kind(mut self, kind: CallKind) -> Match {
        self.kind = Some(kind);
        self
    }

    /// … for a lead.
    pub fn single(self) -> Match {
        self.kind(CallKind::Lead)
    }

    fn meets(&self, ask: &Ask, world: &World) -> bool {
        self.path.as_ref().is_none_or(|part| ask.path.contains(part.as_str()))
            && self
                .fields
                .as_ref()
                .is_none_or(|part| ask.fields().is_some_and(|fields| fields.contains(part.as_str())))
            && self.lead.as_ref().is_none_or(|lead| ask.ids.contains(lead))
            && self.kind.is_none_or(|kind| ask.kind == kind)
            && self.page.as_ref().is_none_or(|page| about_page(page, ask, world))
            && self.form.as_ref().is_none_or(|form| about_form(form, ask, world))
    }
}

/// What Meta does.
#[derive(Clone, Debug)]
pub enum Misbehaviour {
    /// Answers with this status and body, of this content type.
    Answer {
        /// HTTP status.
        status: u16,
        /// `Content-Type`.
        content_type: String,
        /// The body, byte for byte.
        body: Vec<u8>,
    },
    /// Answers with this error.
    Error(GraphError),
    /// Waits, then answers as the following rules say, or properly.
    Delay(Duration),
    /// Never answers, and keeps the connection open until the simulator stops.
    Hang,
    /// Closes the connection without an answer.
    Reset,
    /// Announces the proper answer, sends half of it, closes the connection.
    HalfBody,
    /// Answers 200 and streams this many bytes, of no announced length, which never become JSON.
    Endless(u64),
    /// Announces this many bytes and streams them, as far as they are taken.
    Announced(u64),
    /// Streams this many bytes of gzip, announced as such, which unfold to 158 times as many.
    Bomb(u64),
    /// Answers 302 to this address.
    Redirect(String),
    /// Answers properly, but every lead names this form.
    WrongFormId(String),
    /// Answers as the following rules say, or properly, with these usage headers.
    Usage(Usage),
}

impl Misbehaviour {
    /// 200 and this text as JSON: `{}`, `[]`, `false`, `{"error":null}`, a cut object, …
    pub fn json(text: &str) -> Misbehaviour {
        Misbehaviour::answer(200, "application/json; charset=UTF-8", text.as_bytes())
    }

    /// Any answer.
    pub fn answer(status: u16, content_type: &str, body: &[u8]) -> Misbehaviour {
        Misbehaviour::Answer { status, content_type: content_type.to_owned(), body: body.to_owned() }
    }

    /// An HTML page, as Meta's front serves when what is behind fails (seen).
    pub fn html(status: u16) -> Misbehaviour {
        let body = b"<!DOCTYPE html><html><head><title>Error</title></head><body>Sorry, something went wrong.</body></html>";
        Misbehaviour::answer(status, "text/html; charset=utf-8", body)
    }

    /// An empty body.
    pub fn empty(status: u16) -> Misbehaviour {
        Misbehaviour::answer(status, "application/json; charset=UTF-8", b"")
    }

    /// 200 and bytes that are neither JSON nor UTF-8.
    pub fn garbage() -> Misbehaviour {
        Misbehaviour::answer(
            200,
            "application/json; charset=UTF-8",
            &[0xff, 0xfe, 0x00, 0x9f, 0x92, 0x96, b'{', 0xc3],
        )
    }

    /// An `OAuthException` of this code, without subcode, that quotes neither token nor answers.
    pub fn code(code: i64) -> Misbehaviour {
        Misbehaviour::Error(GraphError::new(code, format!("(#{code}) Simulated error")))
    }

    /// … with this subcode.
    pub fn code_and_subcode(code: i64, subcode: i64) -> Misbehaviour {
        Misbehaviour::Error(GraphError::new(code, format!("(#{code}) Simulated error")).subcode(subcode))
    }

    /// An error whose text quotes the token that came and the answers asked for, as Meta's do at times (seen).
    pub fn quoting(code: i64) -> Misbehaviour {
        Misbehaviour::Error(GraphError::new(code, "Malformed access token {token}; while reading {answers}"))
    }
}

/// Usage headers, as texts; `None`: the header does not come, as when there is no usage (*Rate limits*).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// `X-App-Usage`
    pub app: Option<String>,
    /// `X-Business-Use-Case-Usage`
    pub business: Option<String>,
}

impl Usage {
    /// `X-App-Usage`, all three figures at this percentage (*Rate limits*, "Platform rate limits").
    pub fn app(percent: u32) -> Usage {
        let app = json!({ "call_count": percent, "total_time": percent, "total_cputime": percent });
        Usage { app: Some(app.to_string()), business: None }
    }

    /// `X-Business-Use-Case-Usage` of type `leadgen`, keyed by the page (seen), regain time in minutes (*Rate
    /// limits*, "Business use case rate limits").
    pub fn leadgen(page_id: &str, percent: u32, regain_minutes: u32) -> Usage {
        let business = json!({ page_id: [{
            "type": "leadgen",
            "call_count": percent,
            "total_cputime": percent,
            "total_time": percent,
            "estimated_time_to_regain_access": regain_minutes,
        }]});
        Usage { app: None, business: Some(business.to_string()) }
    }
}

/// The rules in force, in the order in which they were given.
#[derive(Default)]
pub(crate) struct Rules {
    rules: Vec<(RuleId, Rule)>,
    next_id: u64,
}

/// What the rules make of one call.
#[derive(Default)]
pub(crate) struct Turn {
    pub delay: Duration,
    pub usage: Option<Usage>,
    pub wrong_form: Option<String>,
    pub half: bool,
    /// In place of the proper answer.
    pub instead: Option<Misbehaviour>,
}

impl Rules {
    pub fn add(&mut self, rule: Rule) -> RuleId {
        self.next_id += 1;
        let id = RuleId(self.next_id);
        self.rules.push((id, rule));
        id
    }

    pub fn drop_one(&mut self, id: RuleId) {
        self.rules.retain(|(other, _)| *other != id);
    }

    pub fn drop_all(&mut self) {
        self.rules.clear();
    }

    /// Applies the matching rules in order, up to the first that replaces the answer, and counts them down.
    pub fn turn(&mut self, ask: &Ask, world: &World) -> Turn {
        let mut turn = Turn::default();
        for (_, rule) in &mut self.rules {
            if turn.instead.is_some() || rule.times == Some(0) || !rule.when.meets(ask, world) {
                continue;
            }
            if let Some(times) = &mut rule.times {
                *times -= 1;
            }
            turn.add(&rule.what);
        }
        self.rules.retain(|(_, rule)| rule.times != Some(0));
        turn
    }
}

impl Turn {
    fn add(&mut self, what: &Misbehaviour) {
        match what {
            Misbehaviour::Delay(delay) => self.delay += *delay,
            Misbehaviour::Usage(usage) => self.usage = Some(usage.clone()),
            Misbehaviour::WrongFormId(form) => self.wrong_form = Some(form.clone()),
            Misbehaviour::HalfBody => self.half = true,
            Misbehaviour::Answer { .. }
            | Misbehaviour::Error(_)
            | Misbehaviour::Hang
            | Misbehaviour::Reset
            | Misbehaviour::Endless(_)
            | Misbehaviour::Announced(_)
            | Misbehaviour::Bomb(_)
            | Misbehaviour::Redirect(_) => self.instead = Some(what.clone()),
        }
    }
}

fn about_page(page: &String, ask: &Ask, world: &World) -> bool {
    ask.pages.contains(page)
        || ask.ids.iter().any(|id| {
            id == page
                || world.leads.get(id).is_some_and(|lead| lead.page_id == *page)
                || world.forms.get(id).is_some_and(|form| form.page_id == *page)
        })
}

fn about_form(form: &String, ask: &Ask, world: &World) -> bool {
    ask.ids.iter().any(|id| id == form || world.leads.get(id).is_some_and(|lead| lead.form_id == *form))
}
