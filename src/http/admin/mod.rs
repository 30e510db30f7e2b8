//! The admin side: two doors, one set of routes.
//!
//! Handlers take their authority as a parameter (`operator::By`) and see no more state than they need: the `AdminState`
//! (store, policy, clock, randomness), and beside it the inbox, Graph, the metrics or the whole where a call shows them.

mod access;
mod backups;
mod body;
mod bounces;
mod changes;
mod checkpoint;
mod clock;
mod consents;
mod copies;
mod corrections;
mod credential;
mod csv;
#[doc(hidden)]
pub mod door;
mod drop_held;
pub(in crate::http) mod erasing;
mod erasing_by_address;
mod erasures;
mod evidence;
mod find;
mod findings;
mod format;
mod forms;
mod held;
mod inbox;
mod json;
mod lead;
mod leads;
mod lookups;
mod mask;
mod metrics;
mod ndjson;
mod openapi;
mod operator;
pub(in crate::http) mod own_record;
mod paper;
mod passes;
pub(in crate::http) mod person_acts;
mod person_mailbox;
mod purposes;
mod query;
mod reachable;
mod receipts;
mod reconfirmations;
mod record;
mod requests;
mod requeue;
mod restricted;
mod restrictions;
mod retry;
mod revisions;
mod search;
mod sight;
mod status;
mod stream;
mod stubs;
mod suppressions;
mod telling;
#[cfg(test)]
mod tests;
mod tokens;
mod trail;

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::Semaphore;

use crate::api::document::BASE;
use crate::clock::Clock;
use crate::current::Current;
use crate::http::admin::find::Queue;
use crate::http::problem::{Problem, ProblemCode, as_problems, request_id};
use crate::http::visit::Visits;
use crate::purpose::Policy;
use crate::random::Random;
use crate::store::{SharedBackups, SharedStore};

pub use lookups::Lookups;
pub use operator::{Door, introduce};
pub use person_acts::PersonActs;
pub use receipts::Receipts;
pub use reconfirmations::{AskingLook, Askings, DueLook, DuePiece};
pub use search::{Looked, Search};
pub use status::{FormStands, Standing, Whole};
pub use trail::places as trail_places;

/// What the admin side works with.
pub struct Admin {
    /// What is kept.
    pub store: SharedStore,
    /// Who makes backups of it.
    pub backups: SharedBackups,
    /// What is queued.
    pub inbox: Arc<crate::inbox::Inbox>,
    /// Which pages are paused.
    pub graph: Arc<crate::graph::Graph>,
    /// The purposes.
    pub policy: Arc<Current<Policy>>,
    /// What checkpoints of the trail are made with.
    pub checkpoints: Arc<crate::store::Checkpoints>,
    /// What receipts of erasure are made with.
    pub receipts: Arc<Receipts>,
    /// What `GET /metrics` shows.
    pub metrics: Arc<crate::telemetry::metrics::Metrics>,
    /// How all of it stands.
    pub whole: Arc<Whole>,
    /// For expiries.
    pub clock: Arc<dyn Clock>,
    /// For tokens.
    pub random: Arc<dyn Random>,
    /// The calls that are under way, of both doors.
    pub visits: Arc<Visits>,
    /// Pages of the trail that are made or sent, of both doors ([`trail_places`]).
    pub trail_pages: Arc<Semaphore>,
    /// Who has looked up how much lately, of both doors.
    pub lookups: Arc<Lookups>,
    /// Who looks for addresses, for both doors.
    pub search: Arc<Search>,
    /// Who finds who is to be asked again, for both doors.
    pub askings: Arc<Askings>,
    /// The config names a mail server.
    pub sends_mail: bool,
}

/// What most calls need, and all that recognising an operator needs.
struct AdminState {
    store: SharedStore,
    policy: Arc<Current<Policy>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    visits: Arc<Visits>,
    trail_pages: Arc<Semaphore>,
    lookups: Arc<Lookups>,
    sends_mail: bool,
}

impl Admin {
    fn state(&self) -> AdminState {
        AdminState {
            store: Arc::clone(&self.store),
            policy: Arc::clone(&self.policy),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            visits: Arc::clone(&self.visits),
            trail_pages: Arc::clone(&self.trail_pages),
            lookups: Arc::clone(&self.lookups),
            sends_mail: self.sends_mail,
        }
    }

    /// What is accepted and not settled.
    fn queue(&self) -> Queue {
        let (inbox, counted) = (Arc::clone(&self.inbox), Arc::clone(&self.inbox));
        Queue::new(move |leadgen| inbox.holds(leadgen), move || counted.queued())
    }
}

/// Puts the routes behind a door. Opens nothing: it may run once a worker.
pub fn configure(config: &mut ServiceConfig, door: Door, admin: &Admin) {
    let state = admin.state();
    config.app_data(Data::from(Arc::clone(&admin.inbox)));
    config.app_data(Data::new(admin.queue()));
    config.app_data(Data::from(Arc::clone(&admin.search)));
    config.app_data(Data::from(Arc::clone(&admin.askings)));
    config.app_data(Data::from(Arc::clone(&admin.backups)));
    config.app_data(Data::from(Arc::clone(&admin.graph)));
    config.app_data(Data::from(Arc::clone(&admin.metrics)));
    config.app_data(Data::from(Arc::clone(&admin.whole)));
    config.app_data(Data::from(Arc::clone(&admin.receipts)));
    config.app_data(Data::from(Arc::clone(&admin.checkpoints)));
    routes(config, door, state);
}

fn routes(config: &mut ServiceConfig, door: Door, state: AdminState) {
    let private =
        DefaultHeaders::new().add((CACHE_CONTROL, "no-store")).add((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    let scope = web::scope(BASE)
        .app_data(door)
        .app_data(Data::new(state))
        .wrap(from_fn(as_problems))
        .wrap(private)
        .service(web::resource("/openapi.json").route(web::get().to(openapi::show)))
        .service(web::resource("/status").route(web::get().to(status::show)))
        .service(web::resource("/purposes").route(web::get().to(purposes::list)))
        .service(web::resource("/purposes/{purpose}/leads").route(web::get().to(leads::export)))
        .service(web::resource("/purposes/{purpose}/leads/{id}").route(web::get().to(lead::show)))
        .service(web::resource("/changes").route(web::get().to(changes::list)))
        .service(web::resource("/changes/recipients").route(web::get().to(changes::recipients)))
        .service(web::resource("/changes/{n}/applied").route(web::post().to(changes::applied)))
        .service(web::resource("/forms").route(web::get().to(forms::list)))
        .service(web::resource("/forms/{id}/revisions").route(web::get().to(revisions::list)))
        .service(web::resource("/forms/{id}/revisions/{revision}").route(web::get().to(revisions::show)))
        .service(web::resource("/forms/{id}/findings").route(web::get().to(findings::show)))
        .service(web::resource("/findings").route(web::get().to(findings::list)))
        .service(web::resource("/inbox").route(web::get().to(inbox::show)))
        .service(web::resource("/inbox/requeue").route(web::post().to(requeue::requeue)))
        .service(web::resource("/inbox/retry").route(web::post().to(retry::retry)))
        .service(web::resource("/inbox/drop").route(web::post().to(drop_held::drop_held)))
        .service(web::resource("/find").route(web::post().to(find::find)))
        .service(web::resource("/access").route(web::post().to(access::access)))
        .service(web::resource("/passes").route(web::post().to(passes::give)))
        .service(web::resource("/erasures").route(web::post().to(erasures::erase)))
        .service(web::resource("/erasures/{id}").route(web::get().to(erasures::show)))
        .service(web::resource("/receipts/key").route(web::get().to(receipts::key)))
        .service(web::resource("/corrections").route(web::post().to(corrections::correct)))
        .service(web::resource("/withdrawals").route(web::post().to(consents::withdraw)))
        .service(web::resource("/confirmations").route(web::post().to(consents::confirm)))
        .service(
            web::resource("/restrictions")
                .route(web::get().to(restrictions::list))
                .route(web::post().to(restrictions::restrict)),
        )
        .service(web::resource("/bounces").route(web::post().to(bounces::bounce)))
        .service(web::resource("/reconfirmations").route(web::get().to(reconfirmations::show)))
        .service(web::resource("/reconfirmations/run").route(web::post().to(reconfirmations::run)))
        .service(web::resource("/reconfirmations/pause").route(web::post().to(reconfirmations::pause)))
        .service(web::resource("/reconfirmations/list").route(web::post().to(reconfirmations::list)))
        .service(web::resource("/reconfirmations/asked").route(web::post().to(reconfirmations::asked)))
        .service(
            web::resource("/requests")
                .route(web::get().to(requests::list))
                .route(web::post().to(requests::open)),
        )
        .service(web::resource("/requests/{id}/extension").route(web::post().to(requests::extend)))
        .service(web::resource("/requests/{id}/answer").route(web::post().to(requests::answer)))
        .service(web::resource("/restrictions/{record}").route(web::delete().to(restrictions::release)))
        .service(
            web::resource("/tokens").route(web::get().to(tokens::list)).route(web::post().to(tokens::create)),
        )
        .service(web::resource("/tokens/{id}").route(web::delete().to(tokens::revoke)))
        .service(
            web::resource("/suppressions")
                .route(web::get().to(suppressions::list))
                .route(web::post().to(suppressions::add)),
        )
        .service(web::resource("/suppressions/remove").route(web::post().to(suppressions::remove)))
        .service(web::resource("/backups").route(web::post().to(backups::back_up)))
        .service(web::resource("/vacuum").route(web::post().to(backups::vacuum)))
        .service(web::resource("/clock/confirm").route(web::post().to(clock::confirm)))
        .service(web::resource("/trail").route(web::get().to(trail::read)))
        .service(web::resource("/trail/checkpoint").route(web::get().to(checkpoint::show)))
        .service(web::resource("/metrics").route(web::get().to(metrics::show)));
    config.service(scope);
    config.default_service(web::to(nothing_here));
}

async fn nothing_here(request: HttpRequest) -> HttpResponse {
    Problem::of(ProblemCode::NotFound).response(&request_id(&request))
}
