//! The doors and the routes against a store in memory, and the pieces that the rooms' own tests share.

use std::time::Duration;

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::{App, HttpMessage, HttpServer, test};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use utoipa::openapi::HttpMethod;

use super::credential::Credential;
use super::record::Record;
use super::*;
use crate::api::leads::Consent;
use crate::api::{Moment, document};
use crate::clock::Clock;
use crate::http::connection::Arrival;
use crate::id::{FormId, LeadgenId, PageId};
use crate::purpose::sample::consent;
use crate::purpose::{
    Asked, Basis, Channel, Checkbox, ConsentRule, FieldName, FieldRule, FormDefinition, Keep, Legal,
    LegalContent, Purpose, PurposeId, Question, RecordId, Whitelist, Wording,
};
use crate::random::SeededRandom;
use crate::store::contract::support::{HELD, REFUSED, email_of, parked, stored, stored_in};
use crate::store::contract::{Host, Row};
use crate::store::memory::MemoryHost;
use crate::store::{KnownForm, MATCHES_MAX, SharedStore, Token};
use crate::trail::{Action, Entry, Outcome, Reason, Role};

mod addresses;
mod checkpoints;
mod erasing;
mod erasing_by_address;
mod exporting;
mod form_findings;
mod links;
mod person_acts;
mod submissions;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) fn ids() -> (RecordId, FormId, PageId) {
    (
        RecordId::parse("lettre-1-7").expect("an id"),
        FormId::parse("901000000000002").expect("an id"),
        PageId::parse("104000000000001").expect("an id"),
    )
}

/// A record of `lettre` that has everything.
pub(super) fn record<'l>(id: &'l RecordId, form: &'l FormId, page: &'l PageId) -> Record<'l> {
    Record {
        id,
        created: at("2026-11-25T08:47:38.25Z"),
        received: at("2026-11-25T08:47:39Z"),
        form,
        page,
        fields: vec![("first_name", vec!["Éloïse"]), ("email", vec!["eloise@lumen.example"])],
        consents: vec![(
            "email_optin",
            Consent { given: true, valid_until: Some(Moment(at("2027-11-25T08:47:38Z"))) },
        )],
        expires_at: at("2028-06-24T08:47:38Z"),
        reconfirm_due: Some(at("2028-05-25T08:47:38Z")),
        test: false,
        kept: vec![(Keep::CampaignId, "120200000000001"), (Keep::LeadgenId, "9007199254740993")],
        evidence: None,
    }
}

fn purpose(id: &str, recipients: &[&str], fields: &[&str]) -> Purpose {
    let rule = |name: &&str| FieldRule::named(FieldName::parse(name).expect("a name"));
    Purpose {
        id: PurposeId::parse(id).expect("a purpose"),
        title: vec![("fr".to_owned(), "Titre".to_owned()), ("en".to_owned(), "Title".to_owned())],
        forms: vec![FormId::parse("901000000000002").expect("an id")],
        basis: Basis::PreContract,
        retention_months: Some(12),
        retention_days: None,
        reconfirm_months: None,
        copies: false,
        grace_days: 30,
        recipients: recipients.iter().map(|recipient| (*recipient).to_owned()).collect(),
        keep: Vec::new(),
        phone_region: None,
        welcome: false,
        whitelist: Whitelist::new(fields.iter().map(rule).collect()).expect("fields"),
        consents: Vec::new(),
        third_parties: Vec::new(),
        require_one_of: Vec::new(),
        legitimate_interest: Vec::new(),
    }
}

/// Two purposes: `devis` lists the recipient `crm`, `lettre` lists none.
pub(super) fn policy() -> Policy {
    let mut lettre = purpose("lettre", &[], &["ville", "email", "first_name"]);
    lettre.keep = vec![Keep::LeadgenId, Keep::CampaignId];
    lettre.consents = vec![ConsentRule { required: true, ..consent("email_optin", Channel::Email) }];
    Policy::new(vec![purpose("devis", &["crm"], &["full_name", "email"]), lettre])
}

/// The admin side over a store in memory, on a clock that stands until it is moved.
struct Bench {
    host: MemoryHost,
    store: SharedStore,
    random: Arc<SeededRandom>,
    lookups: Arc<super::Lookups>,
    policy: Arc<Current<Policy>>,
    /// So many records a look for an address names.
    named_max: usize,
    sends_mail: bool,
}

impl Bench {
    fn new() -> Self {
        let host = MemoryHost::at(at("2026-11-25T08:00:00Z"));
        let (random, lookups) = (Arc::new(SeededRandom::new(7)), Arc::default());
        let policy = Arc::new(Current::new(policy()));
        Self { store: host.open(), host, random, lookups, policy, named_max: MATCHES_MAX, sends_mail: true }
    }

    fn state(&self) -> AdminState {
        AdminState {
            store: self.store.clone(),
            policy: self.policy.clone(),
            clock: self.host.clock.clone(),
            random: self.random.clone(),
            visits: Arc::default(),
            trail_pages: super::trail_places(),
            lookups: self.lookups.clone(),
            sends_mail: self.sends_mail,
        }
    }

    /// Puts a token of this role into the store, for a day, and gives its text.
    async fn token(&self, role: Role, purposes: &[&str]) -> String {
        let credential = Credential::make(self.random.as_ref()).expect("random");
        let exporter = role == Role::Exporter;
        let token = Token {
            id: credential.id().to_owned(),
            hash: credential.hash(),
            name: "test".to_owned(),
            role,
            purposes: purposes.iter().map(|name| PurposeId::parse(name).expect("a purpose")).collect(),
            recipient: exporter.then(|| "crm".to_owned()),
            reason: exporter.then_some(Reason::CrmSync),
            created_at: self.host.clock.now(),
            expires_at: self.host.clock.now() + Duration::from_secs(86_400),
        };
        let making = Entry::by_system(Action::TokenCreated);
        self.store.create_token(token, making).await.expect("made");
        credential.expose().to_string()
    }

    async fn call(&self, request: test::TestRequest) -> ServiceResponse<impl MessageBody + use<>> {
        let state = self.state();
        let app = test::init_service(
            App::new()
                .app_data(metrics())
                .app_data(empty_queue())
                .app_data(addresses::search(&self.store, self.named_max))
                .app_data(erasing::receipts())
                .app_data(checkpoints::of(&self.store))
                .configure(|config| routes(config, Door::Tcp, state)),
        )
        .await;
        let request = request.to_request();
        let given = request.headers().get_all("authorization").map(|value| value.as_bytes().to_vec().into());
        let arrival = Arrival::new(given.collect(), None);
        request.extensions_mut().insert(std::rc::Rc::new(arrival));
        test::call_service(&app, request).await
    }

    /// What stands in the trail, in order.
    async fn entries(&self) -> Vec<Entry> {
        let lines = self.store.lines(0, 1_000).await.expect("a trail");
        lines.into_iter().map(|line| line.entry).collect()
    }

    async fn last_entry(&self) -> Entry {
        self.entries().await.pop().expect("a trail line")
    }
}

fn with(token: &str, method: Method, path: &str) -> test::TestRequest {
    let request = test::TestRequest::default().method(method).uri(&format!("/admin/v1{path}"));
    request.insert_header(("Authorization", format!("Bearer {token}")))
}

fn get(token: &str, path: &str) -> test::TestRequest {
    with(token, Method::GET, path)
}

async fn text_of(response: ServiceResponse<impl MessageBody>) -> String {
    let bytes = to_bytes(response.into_body()).await.map_err(|_| "broken").expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

async fn json_of(response: ServiceResponse<impl MessageBody>) -> serde_json::Value {
    serde_json::from_str(&text_of(response).await).expect("JSON")
}

async fn code_of(response: ServiceResponse<impl MessageBody>) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers().get("cache-control").expect("a header"), "no-store");
    assert_eq!(response.headers().get("content-type").expect("a header"), "application/problem+json");
    (status, json_of(response).await["code"].as_str().expect("a code").to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn metrics() -> actix_web::web::Data<crate::telemetry::metrics::Metrics> {
    actix_web::web::Data::new(crate::telemetry::metrics::Metrics::new())
}

fn empty_queue() -> actix_web::web::Data<super::find::Queue> {
    actix_web::web::Data::new(super::find::Queue::new(|_| false, || 0))
}

#[tokio::test]
async fn the_tcp_door_opens_to_a_living_token_alone() {
    let bench = Bench::new();
    let token = bench.token(Role::Viewer, &[]).await;
    assert_eq!(bench.call(get(&token, "/purposes")).await.status(), 200);
    let none = test::TestRequest::get().uri("/admin/v1/purposes");
    assert_eq!(code_of(bench.call(none).await).await, refused(401, "token-missing"));
    let other = Bench::new().token(Role::Viewer, &[]).await.replace('.', ".00");
    assert_eq!(code_of(bench.call(get(&other, "/purposes")).await).await, refused(401, "token-refused"));
    let (id, _) = token.split_once('.').expect("two halves");
    let forged = format!("{id}.{}", "00".repeat(32));
    assert_eq!(code_of(bench.call(get(&forged, "/purposes")).await).await, refused(401, "token-refused"));
    bench.host.clock.advance_ms(24 * 3_600_000 - 1);
    assert_eq!(bench.call(get(&token, "/purposes")).await.status(), 200);
    bench.host.clock.advance_ms(1);
    assert_eq!(code_of(bench.call(get(&token, "/purposes")).await).await, refused(401, "token-refused"));
}

#[tokio::test]
async fn purposes_are_shown_whole_and_to_an_exporter_its_own() {
    let bench = Bench::new();
    bench.store.settle((1..=41).map(stored).collect()).await.expect("settled");
    let token = bench.token(Role::Viewer, &[]).await;
    let all = json_of(bench.call(get(&token, "/purposes")).await).await;
    let first = serde_json::json!({
        "id": "devis", "title": {"en": "Title", "fr": "Titre"}, "basis": "pre_contract",
        "forms": ["901000000000002"], "fields": ["full_name", "email"], "stored": 41,
        "lifespan": [{"months": 12, "days": 0}], "retention_months": 12,
    });
    assert_eq!(all["purposes"][0], first);
    assert_eq!(all["purposes"].as_array().map(Vec::len), Some(2));
    let exporter = bench.token(Role::Exporter, &["devis"]).await;
    let own = json_of(bench.call(get(&exporter, "/purposes")).await).await;
    assert_eq!(own["purposes"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_exporter_learns_nothing_of_purposes_that_are_not_its_own() {
    let bench = Bench::new();
    let token = bench.token(Role::Exporter, &["devis", "lettre"]).await;
    let code = async |path| code_of(bench.call(get(&token, path)).await).await;
    // It may read `lettre`, but `lettre` does not list its recipient.
    assert_eq!(code("/purposes/lettre/leads").await, refused(403, "recipient-not-listed"));
    assert_eq!(code("/purposes/devis/leads?after=lettre-1-1").await, refused(400, "cursor-foreign"));
    let narrow = bench.token(Role::Exporter, &["devis"]).await;
    for path in ["/purposes/lettre/leads", "/purposes/nothing/leads"] {
        // One refusal of an actor is written down each second.
        bench.host.clock.advance_ms(1_000);
        assert_eq!(code_of(bench.call(get(&narrow, path)).await).await, refused(403, "purpose-not-yours"));
    }
    let mut entries = bench.entries().await;
    entries.retain(|entry| entry.action() == Action::Exported);
    let told: Vec<_> =
        entries.iter().map(|entry| (entry.action(), entry.result, entry.purpose.clone())).collect();
    let refused = |name| (Action::Exported, Outcome::Refused, PurposeId::parse(name));
    assert_eq!(told, [refused("lettre"), refused("lettre"), (Action::Exported, Outcome::Refused, None)]);
    let narrow = narrow.split_once('.').map(|(id, _)| id.to_owned()).expect("two halves");
    assert_eq!(entries[2].actor(), &crate::trail::Actor::Token(narrow));
}

#[tokio::test]
async fn a_token_made_over_http_opens_the_door_until_it_is_revoked() {
    let bench = Bench::new();
    let admin = bench.token(Role::Admin, &[]).await;
    let body = r#"{"name":"watch","role":"viewer"}"#;
    let silent = with(&admin, Method::POST, "/tokens").set_payload(body);
    assert_eq!(code_of(bench.call(silent).await).await, refused(400, "reason-missing"));
    let asked = with(&admin, Method::POST, "/tokens").insert_header(("Tamis-Reason", "support"));
    let made = bench.call(asked.set_payload(body)).await;
    assert_eq!(made.status(), 201);
    let made = json_of(made).await;
    assert_eq!(made["expires_at"], "2027-11-25T08:00:00Z");
    let (id, token) = (made["id"].as_str().expect("an id"), made["token"].as_str().expect("a token"));
    assert_eq!(bench.call(get(token, "/purposes")).await.status(), 200);
    let list = text_of(bench.call(get(&admin, "/tokens")).await).await;
    assert!(list.contains(id) && !list.contains("hash") && !list.contains(token));
    let revoke =
        || with(&admin, Method::DELETE, &format!("/tokens/{id}")).insert_header(("Tamis-Reason", "support"));
    assert_eq!(bench.call(revoke()).await.status(), 204);
    assert_eq!(code_of(bench.call(revoke()).await).await, refused(404, "token-unknown"));
    assert_eq!(code_of(bench.call(get(token, "/purposes")).await).await, refused(401, "token-refused"));
    assert_eq!(bench.last_entry().await.reason(), Some(Reason::Support));
}

/// The document says of each call what the routes and the table of who may what say of it.
#[tokio::test]
async fn every_call_of_the_document_is_there_and_asks_what_it_says() {
    let bench = Bench::new();
    let nobody = test::TestRequest::get().uri("/admin/v1/openapi.json");
    let document: serde_json::Value = json_of(bench.call(nobody).await).await;
    assert_eq!(document["openapi"], "3.1.0");
    for call in document::calls() {
        let method = match call.method {
            HttpMethod::Get => Method::GET,
            HttpMethod::Post => Method::POST,
            _ => Method::DELETE,
        };
        let path = call.path.replace("{purpose}", "devis").replace("{id}", "0123456789abcdef");
        let path = path.replace("{record}", "devis-1-7").replace("{n}", "7");
        let Some(allowed) = call.roles else { continue };
        for role in [Role::Viewer, Role::Exporter, Role::Officer, Role::Admin] {
            let token = bench.token(role, &["devis"]).await;
            let answer = bench.call(with(&token, method.clone(), &path)).await;
            let status = answer.status();
            let told = text_of(answer).await;
            let is_refused = told.contains("role-insufficient");
            assert_eq!(is_refused, !allowed.contains(&role), "{method} {path} as {role}: {status} {told}");
            assert!(!told.contains("not-found") && !told.contains("method-not-allowed"), "{method} {path}");
            let asks_why = told.contains("reason-missing");
            // An exporter's token has its reason.
            let is_to_ask = call.reason && allowed.contains(&role) && role != Role::Exporter;
            assert_eq!(asks_why, is_to_ask, "{method} {path} as {role}: {told}");
        }
    }
}

#[tokio::test]
async fn forms_show_their_match_and_their_questions_not_to_a_viewer() {
    let bench = Bench::new();
    let question = |key: &str| Question::new(key, "CUSTOM");
    let (_, form, page) = ids();
    let hidden = Question { asked: Asked::Hidden, ..question("utm_source") };
    let questions = vec![question("ville"), question("have_you_diabetes"), hidden];
    let text = Wording::of("J'accepte", 100);
    let hash = text.hash;
    let one = |key: &str, ticked| Checkbox {
        key: key.to_owned(),
        text: text.clone(),
        is_required: None,
        is_ticked_by_default: ticked,
    };
    let boxes = vec![one("email_optin", Some(true)), one("optional_2", None)];
    let legal = Legal::Read(LegalContent { title: None, body: None, boxes, policy_url: None });
    let definition = FormDefinition {
        page: Some(page),
        locale: "fr_FR".to_owned(),
        legal,
        is_partial: true,
        ..FormDefinition::asking(form, questions)
    };
    let revision = definition.revision().to_string();
    let definition = Some(definition);
    let known = KnownForm { form, definition, read_at: at("2026-11-25T07:00:00Z") };
    bench.store.put_form(known).await.expect("kept");
    let show = async |role| json_of(bench.call(get(&bench.token(role, &[]).await, "/forms")).await).await;
    let mut expected = serde_json::json!({"forms": [{
        "form_id": "901000000000002", "page_id": page, "purpose": "devis", "purposes": ["devis", "lettre"],
        "read_at": "2026-11-25T07:00:00Z", "readable": true, "partial": true, "question_count": 3,
        "unfed": ["devis.full_name", "devis.email", "lettre.email", "lettre.first_name"],
        "revision": revision, "locale": "fr_FR", "boxes_readable": true,
        "boxes": [
            {"key": "email_optin", "text": "J'accepte", "text_hash": hash.to_string(), "ticked_by_default": true,
             "consent": "lettre.email_optin"},
            {"key": "optional_2", "text": "J'accepte", "text_hash": hash.to_string(), "ticked_by_default": null,
             "consent": null},
        ],
        "questions": [
            {"key": "ville", "type": "CUSTOM", "asked": "question", "field": "lettre.ville", "fields": ["lettre.ville"]},
            {"key": "have_you_diabetes", "type": "CUSTOM", "asked": "question", "field": null, "fields": []},
            {"key": "utm_source", "type": "CUSTOM", "asked": "hidden", "field": null, "fields": []},
        ],
    }]});
    assert_eq!(show(Role::Officer).await, expected);
    for words in ["questions", "boxes"] {
        expected["forms"][0].as_object_mut().expect("an object").remove(words);
    }
    assert_eq!(show(Role::Viewer).await, expected);
    let exporter = bench.token(Role::Exporter, &["devis"]).await;
    assert_eq!(code_of(bench.call(get(&exporter, "/forms")).await).await, refused(403, "role-insufficient"));
}

/// The kernel's word, over a real socket: what the connection knows is what the extractor sees.
#[tokio::test]
async fn the_socket_knows_its_caller_without_a_token() {
    let bench = Bench::new();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("admin.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let (store, policy) = (bench.store.clone(), Arc::new(Current::new(policy())));
    let (clock, random) = (bench.host.clock.clone(), bench.random.clone());
    let server = HttpServer::new(move || {
        let state = AdminState {
            store: store.clone(),
            policy: policy.clone(),
            clock: clock.clone(),
            random: random.clone(),
            visits: Arc::default(),
            trail_pages: super::trail_places(),
            lookups: Arc::default(),
            sends_mail: true,
        };
        App::new()
            .app_data(metrics())
            .app_data(empty_queue())
            .app_data(addresses::search(&store, MATCHES_MAX))
            .configure(|config| routes(config, Door::Socket, state))
    });
    let server = server.workers(1).disable_signals().on_connect(|connection, data| {
        let stream = connection.downcast_ref::<tokio::net::UnixStream>().expect("the socket");
        introduce(stream.peer_cred().expect("credentials").uid(), data);
    });
    let server = server.listen_uds(listener).expect("listening").run();
    let handle = server.handle();
    let client = async {
        let mut stream = tokio::net::UnixStream::connect(&path).await.expect("connected");
        let call = b"GET /admin/v1/purposes HTTP/1.1\r\nHost: tamis\r\nConnection: close\r\n\r\n";
        stream.write_all(call).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains(r#""id":"devis""#), "{answer}");
        handle.stop(true).await;
    };
    let (served, ()) = tokio::join!(server, client);
    served.expect("served");
}
