//! A small world, a client that says what it sees, a webhook that remembers what it got.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;
use tamis_simulator::{Ad, Checkbox, Form, Lead, Page, Question, Setup, Simulator, appsecret_proof};

pub const SECRET: &str = "newest secret";
pub const OLD_SECRET: &str = "older secret";
pub const PAGE: &str = "104000000000001";
pub const OTHER_PAGE: &str = "104000000000002";
pub const FORM: &str = "901000000000001";
pub const TOKEN: &str = "EAAtokenOfThePage";
pub const OTHER_TOKEN: &str = "EAAtokenOfTheOtherPage";
pub const CREATED: u64 = 1_425_113_354;

pub async fn simulator() -> Simulator {
    let setup = Setup {
        app_secrets: vec![SECRET.to_owned(), OLD_SECRET.to_owned()],
        clock: Arc::new(|| 1_795_507_200_000),
        ..Setup::default()
    };
    let simulator = Simulator::start(setup).await.unwrap();
    simulator.add_page(Page { id: PAGE.into(), name: "Atelier Lumen".into(), token: TOKEN.into() });
    simulator.set_token(OTHER_PAGE, OTHER_TOKEN);
    simulator.add_form(Form {
        id: FORM.into(),
        page_id: PAGE.into(),
        name: "Devis".into(),
        locale: "fr_FR".into(),
        status: "ACTIVE".into(),
        questions: vec![
            Question::new("FULL_NAME", "full_name", "Nom complet"),
            Question::new("CUSTOM", "budget", "Budget").with_options(&[("low", "< 1 000 €")]),
        ],
        checkboxes: vec![Checkbox { key: "email_optin".into(), text: "Oui".into(), ..Checkbox::default() }],
        ..Form::default()
    });
    simulator
}

pub fn lead() -> Lead {
    Lead::new(PAGE, FORM, CREATED)
        .answer("full_name", &["Zoé Łukasik 🌻"])
        .skipped("phone_number")
        .checkbox("email_optin", true)
        .checkbox("consent_call", false)
        .from_ad(Ad { ad_id: "238".into(), campaign_id: "555".into(), ..Ad::default() })
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub fn code(&self) -> (i64, Option<i64>) {
        let error = &self.json()["error"];
        (error["code"].as_i64().unwrap(), error["error_subcode"].as_i64())
    }
}

/// Asks as the daemon should: token in the header, proof in the query.
pub async fn ask(simulator: &Simulator, path_and_query: &str) -> Answer {
    try_ask(simulator, path_and_query).await.unwrap()
}

pub async fn try_ask(simulator: &Simulator, path_and_query: &str) -> Result<Answer, reqwest::Error> {
    let proof = appsecret_proof(SECRET.as_bytes(), TOKEN);
    let mark = if path_and_query.contains('?') { '&' } else { '?' };
    let path = format!("{path_and_query}{mark}appsecret_proof={proof}");
    ask_with(simulator, &path, Some(TOKEN)).await
}

pub async fn ask_with(
    simulator: &Simulator,
    path: &str,
    token: Option<&str>,
) -> Result<Answer, reqwest::Error> {
    let mut request = client().get(format!("{}{path}", simulator.graph_url()));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Ok(Answer { status, headers, bytes: answer.bytes().await?.to_vec() })
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "the tests' client, for loopback")]
    let builder = reqwest::Client::builder();
    let builder = builder.no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_millis(1500)).build().unwrap()
}

/// A call that a webhook got.
#[derive(Clone)]
pub struct Got {
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Got {
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// A webhook that answers everything with `status` and, for a handshake, the challenge.
pub async fn webhook(status: u16) -> (String, Arc<Mutex<Vec<Got>>>) {
    let got = Arc::new(Mutex::new(Vec::new()));
    let seen = got.clone();
    let server = HttpServer::new(move || {
        let seen = seen.clone();
        App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
            let headers = request.headers().iter();
            let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
            let query = request.query_string().to_owned();
            let challenge = query.split("hub.challenge=").nth(1).and_then(|rest| rest.split('&').next());
            let answer = challenge.unwrap_or("noted").to_owned();
            seen.lock().unwrap().push(Got { query, headers: headers.collect(), body: body.to_vec() });
            let status = actix_web::http::StatusCode::from_u16(status).unwrap();
            async move { HttpResponse::build(status).insert_header(("retry-after", "30")).body(answer) }
        }))
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let url = format!("http://{}/webhook", server.addrs()[0]);
    #[expect(clippy::disallowed_methods, reason = "the tests' webhook lives as long as their runtime")]
    tokio::spawn(server.run());
    (url, got)
}
