//! The handle: start, fill, command, look into, stop.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{App, HttpServer, web};
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

use crate::calls::GraphCall;
use crate::demo::DemoWorld;
use crate::failure::SimulatorError;
use crate::graph;
use crate::graph::error::GraphError;
use crate::misbehave::{Rule, RuleId, Usage};
use crate::notification::{Change, Entry, Notification};
use crate::quota::Quota;
use crate::sender::{Delivery, Sender, Signing};
use crate::setup::Setup;
use crate::shared::{SimulatorState, locked};
use crate::world::{Form, Lead, Page};

/// Meta's side, running. Clones are handles to the same one; it ends with [`Simulator::stop`] or the last handle.
#[derive(Clone)]
pub struct Simulator {
    inner: Arc<Inner>,
}

struct Inner {
    shared: web::Data<SimulatorState>,
    sender: Sender,
    server: Mutex<Option<JoinHandle<io::Result<()>>>>,
    _stop_on_drop: DropGuard,
}

impl Simulator {
    /// Binds the Graph API on loopback and returns when it listens.
    pub async fn start(setup: Setup) -> Result<Simulator, SimulatorError> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, setup.port))
            .map_err(|error| SimulatorError::Bind(error.kind()))?;
        let address = listener.local_addr().map_err(|error| SimulatorError::Bind(error.kind()))?;
        let sender = Sender::new(setup.keeps_connections)?;
        let shared = web::Data::new(SimulatorState::new(setup, address));
        let served = shared.clone();
        let server = HttpServer::new(move || {
            App::new().app_data(served.clone()).default_service(web::to(graph::answer))
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)
        .map_err(|error| SimulatorError::Bind(error.kind()))?
        .run();

        let stop = shared.stop.clone();
        let handle = server.handle();
        let run = async move {
            tokio::pin!(server);
            tokio::select! {
                ended = &mut server => ended,
                () = stop.cancelled() => {
                    // The command is sent when the call is made; the server, polled below, is what obeys it.
                    drop(handle.stop(false));
                    server.await
                }
            }
        };
        #[expect(clippy::disallowed_methods, reason = "the simulator's one task; `stop` joins it")]
        let server = Mutex::new(Some(tokio::spawn(run)));
        let stop_on_drop = shared.stop.clone().drop_guard();
        Ok(Simulator { inner: Arc::new(Inner { shared, sender, server, _stop_on_drop: stop_on_drop }) })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn graph_url(&self) -> String {
        self.inner.shared.graph_url()
    }

    /// Ends the server, hung calls included, and waits for its task. Other handles then find no Graph API.
    pub async fn stop(self) {
        self.inner.shared.stop.cancel();
        let server = locked(&self.inner.server).take();
        if let Some(server) = server {
            let _ = server.await;
        }
    }

    /// Adds or replaces a page with its token.
    pub fn add_page(&self, page: Page) {
        self.inner.shared.world_mut().pages.insert(page.id.clone(), page);
    }

    /// What the Graph side accepts for a page from now on; empty: nothing.
    pub fn set_token(&self, page_id: &str, token: &str) {
        let mut world = self.inner.shared.world_mut();
        let page = world.pages.entry(page_id.to_owned()).or_default();
        page_id.clone_into(&mut page.id);
        token.clone_into(&mut page.token);
    }

    /// Adds or replaces a form.
    pub fn add_form(&self, form: Form) {
        self.inner.shared.world_mut().forms.insert(form.id.clone(), form);
    }

    /// Adds or replaces a lead; its leadgen id.
    pub fn add_lead(&self, lead: Lead) -> String {
        self.inner.shared.world_mut().add_lead(lead)
    }

    /// Gone at Meta: 100/33 from now on.
    pub fn remove_lead(&self, id: &str) {
        self.inner.shared.world_mut().leads.remove(id);
    }

    /// Adds all of a [`DemoWorld`].
    pub fn add_world(&self, demo: &DemoWorld) {
        demo.pages.iter().for_each(|page| self.add_page(page.clone()));
        demo.forms.iter().for_each(|form| self.add_form(form.clone()));
        demo.leads.iter().for_each(|lead| {
            self.add_lead(lead.clone());
        });
    }

    /// The last calls to the Graph API, oldest first.
    pub fn graph_calls(&self) -> Vec<GraphCall> {
        locked(&self.inner.shared.calls).all()
    }

    /// Forgets the calls so far.
    pub fn clear_graph_calls(&self) {
        locked(&self.inner.shared.calls).clear();
    }

    /// Puts a rule in force, behind those that are. All that match apply in order, up to the first that replaces the
    /// answer.
    pub fn misbehave(&self, rule: Rule) -> RuleId {
        locked(&self.inner.shared.rules).add(rule)
    }

    /// Takes one rule back.
    pub fn forgive(&self, id: RuleId) {
        locked(&self.inner.shared.rules).drop_one(id);
    }

    /// Takes all rules back.
    pub fn behave(&self) {
        locked(&self.inner.shared.rules).drop_all();
    }

    /// The usage headers of every answer from now on, unless a rule gives others.
    pub fn set_usage(&self, usage: Usage) {
        *self.inner.shared.usage.write().unwrap_or_else(PoisonError::into_inner) = usage;
    }

    /// From now on so many calls are allowed within the last so many milliseconds; the usage headers of the page say how
    /// many were made, and beyond them calls are refused (80005), and count on.
    pub fn set_quota(&self, page_id: &str, calls_max: u32, window_ms: u64) {
        *locked(&self.inner.shared.quota) = Some(Quota::new(page_id, calls_max, window_ms));
    }

    /// How many calls the quota has refused.
    pub fn refused_by_quota(&self) -> u32 {
        locked(&self.inner.shared.quota).as_ref().map_or(0, Quota::refused)
    }

    /// How many bytes of bodies without end were handed to the connections.
    pub fn flooded_bytes(&self) -> u64 {
        self.inner.shared.flooded.load(Ordering::Relaxed)
    }

    /// Whether the tokens have an advertiser role on the ad account; without, the ad fields are silently absent (seen).
    pub fn set_ad_rights(&self, ad_rights: bool) {
        self.inner.shared.ad_rights.store(ad_rights, Ordering::Relaxed);
    }

    /// What `GET /?ids=…` answers from now on.
    pub fn set_ids_error(&self, error: GraphError) {
        *locked(&self.inner.shared.ids_error) = error;
    }

    /// Meta's body for these leads: one entry a page, one change a lead, ids as strings. Unknown ids are passed over.
    pub fn notification(&self, leads: &[&str]) -> Vec<u8> {
        let world = self.inner.shared.world();
        let now = self.inner.shared.now_ms() / 1000;
        let mut entries: Vec<(String, Entry)> = Vec::new();
        for lead in leads.iter().filter_map(|id| world.leads.get(*id)) {
            let change = Change::of(lead);
            match entries.iter_mut().find(|(page, _)| *page == lead.page_id) {
                Some((_, entry)) => entry.push(change),
                None => {
                    entries.push((lead.page_id.clone(), Entry::of(&lead.page_id).time(now).change(change)))
                }
            }
        }
        entries.into_iter().fold(Notification::page(), |all, (_, entry)| all.entry(entry)).bytes()
    }

    /// Signs a body with the newest app secret and sends it, as Meta does.
    pub async fn deliver(&self, webhook_url: &str, body: &[u8]) -> Result<Delivery, SimulatorError> {
        self.deliver_signed(webhook_url, body, Signing::Secret(0)).await
    }

    /// Sends a body signed otherwise.
    pub async fn deliver_signed(
        &self,
        webhook_url: &str,
        body: &[u8],
        signing: Signing,
    ) -> Result<Delivery, SimulatorError> {
        self.inner.sender.deliver(webhook_url, body, &signing, &self.inner.shared.secrets).await
    }

    /// Meta's verification handshake: asks with a challenge, wants it back alone. The challenge.
    pub async fn verify_endpoint(
        &self,
        webhook_url: &str,
        verify_token: &str,
    ) -> Result<String, SimulatorError> {
        let challenge = (1_158_201_444 + self.inner.shared.next_number()).to_string();
        self.inner.sender.verify(webhook_url, verify_token, challenge).await
    }
}
