//! The room as a whole, against a server that does what it is told.

mod connections;
mod limits;
mod reading;
mod server;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::clock::ManualClock;
use crate::graph::{Decision, Failure, Graph, LeadRead, PageAccess, Settings};
use crate::id::{LeadgenId, PageId};
use crate::random::SeededRandom;
use crate::secret::Secret;
use crate::secret::WatchedSecret;
use crate::secret::location::{Environment, Location};

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

fn error(code: u32, message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"OAuthException","code":{code}}}}}"#)
}

/// What a server in good order answers.
fn well(call: &Call) -> Act {
    Act::Reply(200, lead(&call.id()))
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
            version: "v27.0".to_owned(),
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

    async fn read(&self, ids: &[LeadgenId]) -> Read {
        self.read_of(&page("104"), ids).await
    }

    /// Reads them beside one another, in this order.
    async fn read_of(&self, page: &PageId, ids: &[LeadgenId]) -> Read {
        let mut read = Read::default();
        let all = ids.iter().map(|id| self.graph.read_lead(page, FIELDS, id));
        for (id, LeadRead { outcome, calls }) in ids.iter().zip(join_all(all).await) {
            read.calls += calls;
            match outcome {
                Ok(reply) => {
                    let lead = reply.lead().expect("a lead");
                    assert!(lead.leadgen().is_none_or(|own| own == *id));
                    read.replies += 1;
                }
                Err(failure) => read.failed.push((*id, failure)),
            }
        }
        read
    }
}

/// What came of reading several leads.
#[derive(Default)]
struct Read {
    replies: usize,
    failed: Vec<(LeadgenId, Failure)>,
    calls: u32,
}

/// For later, and nothing more.
const LATER: Decision = Decision::Later { not_before: None };

fn is_halt(decision: Decision) -> bool {
    matches!(decision, Decision::Halt { .. })
}
