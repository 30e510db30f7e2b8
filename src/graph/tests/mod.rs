//! The room as a whole, against a server that does what it is told.

mod limits;
mod reading;
mod server;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::ManualClock;
use crate::graph::{Decision, Graph, LeadsRead, PageAccess, Settings};
use crate::id::{LeadgenId, PageId};
use crate::location::{Environment, Location, WatchedSecret};
use crate::random::SeededRandom;
use crate::secret::Secret;

use server::{Act, Call, Server};

const FIELDS: &str = "id,created_time,form_id,field_data";
const TOKEN: &str = "EAAB-page-token-canary";

fn page(digits: &str) -> PageId {
    PageId::parse(digits).expect("digits")
}

/// So many leads: `1001`, `1002`, …
fn leads(count: usize) -> Vec<LeadgenId> {
    (1..=count).filter_map(|number| LeadgenId::parse(&format!("1{number:03}"))).collect()
}

fn lead(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","created_time":"2026-11-25T08:49:14+0000","form_id":"901",
            "field_data":[{{"name":"email","values":["a@example.org"]}}]}}"#
    )
}

/// The leads as `?ids=` gives them.
fn keyed(ids: &[String]) -> String {
    let leads: Vec<String> = ids.iter().map(|id| format!(r#""{id}":{}"#, lead(id))).collect();
    format!("{{{}}}", leads.join(","))
}

fn error(code: u32, message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"OAuthException","code":{code}}}}}"#)
}

/// What a server in good order answers.
fn well(call: &Call) -> Act {
    let ids = call.ids();
    Act::Reply(200, if call.is_single() { lead(&ids[0]) } else { keyed(&ids) })
}

fn access(id: &str) -> PageAccess {
    let environment = Environment::new([("TOKEN".to_owned(), TOKEN.to_owned())]);
    let token = WatchedSecret::read(Location::Env("TOKEN".to_owned()), environment).expect("set");
    PageAccess { id: page(id), name: id.to_owned(), token }
}

/// A world of two pages, 104 and 105, with a clock that stands still.
struct World {
    graph: Graph,
    server: Server,
    clock: Arc<ManualClock>,
}

impl World {
    async fn new(act: impl Fn(&Call, usize) -> Act + Send + Sync + 'static) -> Self {
        Self::with(|_| {}, act).await
    }

    async fn with(
        change: impl FnOnce(&mut Settings),
        act: impl Fn(&Call, usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let server = Server::start(act).await;
        let clock = Arc::new(ManualClock::new("2026-11-25T09:00:00Z".parse().expect("a timestamp")));
        let mut settings = Settings {
            url: format!("http://{}", server.address),
            version: "v26.0".to_owned(),
            app_secrets: vec![Secret::new(b"newest".to_vec()), Secret::new(b"older".to_vec())],
            pages: vec![access("104"), access("105")],
            calls_in_flight: 4,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(5),
            reply_max_bytes: 200_000,
        };
        change(&mut settings);
        let random = Arc::new(SeededRandom::new(7));
        let graph = Graph::new(settings, clock.clone(), random).expect("good settings");
        Self { graph, server, clock }
    }

    async fn read(&self, ids: &[LeadgenId]) -> LeadsRead {
        let read = self.graph.read_leads(&page("104"), FIELDS, ids).await;
        assert_once(&read, ids);
        read
    }
}

/// Each id is in one of the replies or among the failed, once.
fn assert_once(read: &LeadsRead, ids: &[LeadgenId]) {
    let mut back: Vec<LeadgenId> = read.failed.iter().map(|(id, _)| *id).collect();
    for reply in &read.replies {
        let leads: Vec<LeadgenId> = reply.leads().into_iter().map(|(id, _)| id).collect();
        assert!(leads.len() == reply.ids().len() && leads.iter().all(|id| reply.ids().contains(id)));
        back.extend(leads);
    }
    let mut asked = ids.to_vec();
    asked.sort_unstable();
    asked.dedup();
    back.sort_unstable();
    assert!(back == asked, "{} asked, {} came back", asked.len(), back.len());
}

fn is_halt(decision: Decision) -> bool {
    matches!(decision, Decision::Halt { .. })
}
