//! Nothing leaks, at TRACE, whatever happens: one long play in which everything goes wrong that can be made to, then a
//! search of all that the daemon said, answered, counted and wrote, for all that may not be there.

mod marks;
mod series;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tamis_simulator::notification::shapes;
use tamis_simulator::{
    CallKind, GraphError, Lead, Match, Misbehaviour, Rule, Setup, Signing, Simulator, Usage,
};

use marks::Marks;

use crate::support::disk::Needles;
use crate::support::memory;
use crate::support::process::{Daemon, Home, ROOT_KEY, VERIFY_TOKEN};
use crate::support::{Caller, DEVIS_FORM, LETTRE_FORM, PAGE, World, canary, lead, log};

/// Leads whose answers are kept in part.
const LEADS: usize = 150;
/// After the last request: idle connections to Graph are dropped within twice their half second, and the machine is loaded.
const REST_MAX: Duration = Duration::from_secs(5);
/// A form that no purpose claims.
const STRANGE_FORM: &str = "901000000000088";

/// The daemon that is played with, in whichever way it runs.
struct Stage {
    meta: Simulator,
    public: String,
    local: Caller,
    admin: String,
    page_token_file: PathBuf,
}

/// What came back.
#[derive(Default)]
struct Heard {
    /// Bodies and headers of refusals.
    problems: Vec<u8>,
    /// Everything that was answered to somebody who may know what is kept.
    answers: Vec<u8>,
    metrics: String,
    /// Secrets of tokens that were made on the way.
    tokens: Vec<String>,
}

impl Stage {
    fn webhook(&self) -> String {
        format!("http://{}/webhook", self.public)
    }

    async fn deliver(&self, ids: &[String]) {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let body = self.meta.notification(&ids);
        assert_eq!(self.meta.deliver(&self.webhook(), &body).await.expect("an answer").status, 200);
    }

    async fn until(&self, what: &str, condition: impl Fn(&Value) -> bool) {
        for _ in 0..1_500 {
            if condition(&self.local.get("/admin/v1/inbox").await.json()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let inbox = self.local.get("/admin/v1/inbox").await.text();
        panic!("waited thirty seconds and still not: {what}\n{inbox}");
    }

    /// The whole play. `round` makes the ids of two plays differ.
    async fn play(&self, marks: &Marks, round: usize) -> Heard {
        let mut heard = Heard::default();
        self.meta.behave();
        self.strangers_at_the_webhook(marks, &mut heard).await;
        self.leads_through_a_bad_day(marks, round).await;
        self.leads_that_are_not_stored(marks, round).await;
        self.bodies_with_answers_inside(marks, round).await;
        self.a_dead_token(marks, round).await;
        self.until("all have come to an end", |inbox| inbox["queued"] == 0 && inbox["waiting"] == 0).await;
        self.operators(marks, round, &mut heard).await;
        self.strangers_at_the_admin_side(marks, &mut heard).await;
        heard.metrics = self.local.get("/admin/v1/metrics").await.text();
        heard
    }

    async fn strangers_at_the_webhook(&self, marks: &Marks, heard: &mut Heard) {
        let (webhook, foreign) = (self.webhook(), &marks.foreign);
        let answers_in_bad_json = format!("{{\"object\":\"page\",\"entry\":[{{\"{foreign}\":\"{foreign}\"");
        let signings = [
            Signing::Missing,
            Signing::Sha1Alone,
            Signing::Twice,
            Signing::Foreign,
            Signing::Header(format!("sha256={foreign}")),
            Signing::Secret(0),
        ];
        for signing in signings {
            let answer = self
                .meta
                .deliver_signed(&webhook, answers_in_bad_json.as_bytes(), signing)
                .await
                .expect("an answer");
            assert!(answer.status >= 400);
            heard.problems.extend(answer.body);
        }
        let long = foreign.repeat(1_000_000 / foreign.len() + 1);
        heard.problems.extend(self.meta.deliver(&webhook, long.as_bytes()).await.expect("an answer").body);
        let public = Caller::tcp(&self.public, Some(foreign));
        for path in [
            format!("/webhook?hub.mode=subscribe&hub.challenge={foreign}&hub.verify_token={foreign}"),
            format!("/webhook?hub.mode={foreign}"),
            format!("/webhook/{foreign}"),
            format!("/{foreign}?{foreign}={foreign}"),
            format!("/health/ready/{foreign}"),
        ] {
            refused(&public.get(&path).await, heard);
        }
        refused(&public.post(&format!("/{foreign}"), &json!(foreign)).await, heard);
    }

    /// Leads that are stored in the end, while Graph says everything that it must not be quoted with.
    async fn leads_through_a_bad_day(&self, marks: &Marks, round: usize) {
        let (dropped, foreign) = (&marks.dropped, &marks.foreign);
        let cut = format!(
            "{{\"id\":\"{}\",\"field_data\":[{{\"name\":\"{dropped}\",\"values\":[\"{dropped}",
            marks.ids
        );
        let odd_error = format!(
            "{{\"error\":{{\"message\":\"{dropped} {foreign}\",\"type\":\"{foreign}\",\"code\":2,\
             \"error_user_msg\":\"{dropped}\",\"fbtrace_id\":\"{foreign}\",\"error_data\":{{\"{foreign}\":1}}}}}}"
        );
        let bad_day = [
            Misbehaviour::quoting(1),
            Misbehaviour::quoting(2),
            Misbehaviour::json(&cut),
            Misbehaviour::json(&format!("{{\"{dropped}\":\"{dropped}\"}}")),
            Misbehaviour::json(&format!("\"{dropped}\"")),
            Misbehaviour::answer(500, "text/html", format!("<p>{dropped}</p>").as_bytes()),
            Misbehaviour::answer(500, &format!("text/{foreign}"), odd_error.as_bytes()),
            Misbehaviour::HalfBody,
            Misbehaviour::Reset,
            Misbehaviour::garbage(),
            Misbehaviour::Redirect(format!("http://127.0.0.1:1/{foreign}?access_token={foreign}")),
            Misbehaviour::Usage(Usage {
                app: Some(foreign.clone()),
                business: Some(format!("{{\"{foreign}\":[]}}")),
            }),
        ];
        for what in bad_day {
            self.meta.misbehave(Rule::times(2, Match::any().single(), what));
        }
        self.meta.misbehave(Rule::times(1, Match::any().kind(CallKind::Form), Misbehaviour::quoting(2)));
        let ids: Vec<String> = (0..LEADS).map(|number| marks.id(round, number)).collect();
        for (number, id) in ids.iter().enumerate() {
            self.meta.add_lead(ordinary(marks, id, number));
        }
        for ids in ids.chunks(50) {
            self.deliver(ids).await;
        }
        self.until("the bad day is over", |inbox| inbox["queued"] == 0 && inbox["waiting"] == 0).await;
        self.meta.behave();
    }

    async fn leads_that_are_not_stored(&self, marks: &Marks, round: usize) {
        let id = |number| marks.id(round, LEADS + number);
        let (kept, dropped) = (marks.kept.as_str(), marks.dropped.as_str());
        let lettre =
            |id: &str| lead(LETTRE_FORM).with_id(id).answer("first_name", &[kept]).answer("email", &[kept]);
        let leads = [
            lettre(&id(0)).checkbox("email_optin", false),
            lettre(&id(1)).checkbox("email_optin", true).answer(&marks.question, &[dropped]),
            lead(DEVIS_FORM).with_id(&id(2)).answer("email", &[kept]),
            lead(DEVIS_FORM).with_id(&id(3)).answer(&marks.question, &[dropped]),
            lead(STRANGE_FORM).with_id(&id(4)).answer("email", &[dropped]),
            lead(DEVIS_FORM)
                .with_id(&id(5))
                .answer("full_name", &[&kept.repeat(2_000)])
                .answer("email", &[kept]),
            ordinary(marks, &id(6), 6),
            ordinary(marks, &id(7), 7),
            ordinary(marks, &id(8), 8),
            ordinary(marks, &id(9), 9).overriding("created_time", dropped).overriding("form_id", dropped),
        ];
        leads.into_iter().for_each(|lead| {
            self.meta.add_lead(lead);
        });
        let never =
            |number: usize, what| self.meta.misbehave(Rule::always(Match::any().lead(&id(number)), what));
        never(6, Misbehaviour::WrongFormId("901000000000777".to_owned()));
        never(7, Misbehaviour::Error(GraphError::new(100, "{token} {answers}").subcode(33)));
        never(8, Misbehaviour::json(&format!("{{\"id\":\"{}\",\"field_data\":\"{dropped}\"}}", id(8))));
        for number in 0..10 {
            self.deliver(&[id(number)]).await;
        }
        self.until("all are parked", |inbox| inbox["queued"] == 0 && inbox["waiting"] == 0).await;
        let inbox = self.local.get("/admin/v1/inbox").await.json();
        for list in ["held", "refused", "buried"] {
            assert!(inbox[list].as_array().is_some_and(|parked| !parked.is_empty()), "{list}: {inbox}");
        }
        self.meta.behave();
    }

    /// What third parties send, and what Meta's other fields bring.
    async fn bodies_with_answers_inside(&self, marks: &Marks, round: usize) {
        let leads: Vec<Lead> =
            (0..4).map(|number| ordinary(marks, &marks.id(round, LEADS + 20 + number), number)).collect();
        leads.iter().for_each(|lead| {
            self.meta.add_lead(lead.clone());
        });
        let bodies = [
            shapes::answers_inside(&leads[0]),
            shapes::fat(&leads[1]),
            shapes::messenger_beside(&leads[2], &marks.foreign),
            shapes::bad_beside(&leads[3]),
            shapes::messenger(PAGE, &marks.foreign),
            shapes::permissions(&marks.foreign),
            shapes::changed_fields(&marks.foreign),
        ];
        for body in bodies {
            assert_eq!(self.meta.deliver(&self.webhook(), &body).await.expect("an answer").status, 200);
        }
    }

    async fn a_dead_token(&self, marks: &Marks, round: usize) {
        self.until("the queue is empty", |inbox| inbox["queued"] == 0 && inbox["waiting"] == 0).await;
        let new = format!("{}{round}", marks.new_token);
        self.meta.set_token(PAGE, &new);
        self.meta.misbehave(Rule::once(Match::any().page(PAGE), Misbehaviour::quoting(190)));
        let id = marks.id(round, LEADS + 30);
        self.meta.add_lead(ordinary(marks, &id, 0));
        self.deliver(&[id]).await;
        self.until("the page is paused", |inbox| inbox["paused"][0]["code"] == "token-dead").await;
        fs::write(&self.page_token_file, new).expect("a file");
    }

    /// Graph asks for fewer calls, in words. The pause lasts: to be played last.
    async fn throttled(&self, marks: &Marks, round: usize) {
        self.meta.misbehave(Rule::always(
            Match::any(),
            Misbehaviour::Error(GraphError::new(4, "{token} {answers}")),
        ));
        let id = marks.id(round, LEADS + 40);
        self.meta.add_lead(ordinary(marks, &id, 0));
        self.deliver(&[id]).await;
        self.until("all is paused", |inbox| inbox["paused"][0]["code"] == "graph-throttled").await;
    }

    /// Those who may see what is kept: no dropped answer even for them.
    async fn operators(&self, marks: &Marks, round: usize, heard: &mut Heard) {
        for format in ["csv", "ndjson", "json"] {
            for purpose in ["devis", "lettre"] {
                let path =
                    format!("/admin/v1/purposes/{purpose}/leads?format={format}&limit=10000&test=include");
                let page = self.local.get(&path).await;
                assert!(page.status == 200 && page.text().contains(&marks.kept), "{path}");
                heard.answers.extend(page.body);
            }
        }
        for question in [
            json!({"leadgen_id": marks.id(round, 0), "unmask": true}),
            json!({"leadgen_id": marks.id(round, 0)}),
            json!({"leadgen_id": marks.id(round, LEADS)}),
            json!({"id": "devis-1-1", "unmask": true}),
        ] {
            let found = self.local.post("/admin/v1/find", &question).await;
            assert!(found.status == 200 && found.text().contains("state"), "{question}");
            heard.answers.extend(found.body);
        }
        // One that was not stored: those that were are counted on.
        let erased = json!({"by": {"leadgen_id": marks.id(round, LEADS)}});
        let erased = self.local.post("/admin/v1/erasures", &erased).await;
        assert_eq!(erased.status, 200, "{}", erased.text());
        // A receipt has no id of Meta's, to nobody.
        heard.problems.extend(erased.body);
        let token = json!({"name": "crm", "role": "viewer"});
        let made = self.local.post("/admin/v1/tokens", &token).await.json();
        let bearer = made["token"].as_str().expect("a token").to_owned();
        heard.tokens.push(bearer.split('.').nth(1).expect("a secret").to_owned());
        let viewer = Caller::tcp(&self.admin, Some(&bearer));
        assert_eq!(viewer.get("/admin/v1/purposes").await.status, 200);
        refused(&viewer.get("/admin/v1/purposes/devis/leads").await, heard);
        let id = made["id"].as_str().expect("an id");
        assert!(self.local.delete(&format!("/admin/v1/tokens/{id}")).await.status < 300);
        refused(&viewer.get("/admin/v1/purposes").await, heard);
        self.local.post("/admin/v1/inbox/requeue", &json!({"code": "consent-missing"})).await;
        self.until("the requeued are refused again", |inbox| inbox["queued"] == 0 && inbox["waiting"] == 0)
            .await;
        for path in
            ["/admin/v1/inbox", "/admin/v1/tokens", "/admin/v1/trail?limit=10000", "/admin/v1/purposes"]
        {
            let shown = self.local.get(path).await;
            assert_eq!(shown.status, 200, "{path}");
            heard.answers.extend(shown.body);
        }
    }

    async fn strangers_at_the_admin_side(&self, marks: &Marks, heard: &mut Heard) {
        let foreign = &marks.foreign;
        for bearer in
            [foreign.clone(), format!("{}.{foreign}", "0".repeat(16)), format!("{foreign}.{foreign}")]
        {
            refused(&Caller::tcp(&self.admin, Some(&bearer)).get("/admin/v1/purposes").await, heard);
        }
        for path in [
            format!("/admin/v1/purposes/{foreign}/leads"),
            format!("/admin/v1/purposes/devis/leads?after={foreign}"),
            format!("/admin/v1/purposes/devis/leads?after=devis-1-{foreign}"),
            format!("/admin/v1/purposes/devis/leads?limit={foreign}"),
            format!("/admin/v1/purposes/devis/leads?{foreign}=1"),
            format!("/admin/v1/{foreign}"),
            format!("/admin/v1/trail?after={foreign}"),
            format!("/admin/v1/erasures/{foreign}"),
            format!("/admin/v1/erasures/1-1?lang={foreign}"),
        ] {
            refused(&self.local.get(&path).await, heard);
        }
        for (path, body) in [
            ("/admin/v1/erasures", json!({"by": {"leadgen_id": foreign}})),
            ("/admin/v1/erasures", json!({"by": {foreign.as_str(): foreign}})),
            ("/admin/v1/erasures", json!({"by": {"email": foreign}})),
            ("/admin/v1/erasures", json!({"by": {"phone": foreign}})),
            ("/admin/v1/erasures", json!({"by": {"id": "devis-1-1"}, "purposes": [foreign]})),
            ("/admin/v1/erasures", json!({"by": {"id": "devis-1-1"}, "asked_by": foreign})),
            ("/admin/v1/find", json!({ "leadgen_id": foreign })),
            ("/admin/v1/find", json!({ "id": foreign })),
            ("/admin/v1/find", json!({ foreign.as_str(): foreign })),
            ("/admin/v1/inbox/requeue", json!({ "code": foreign })),
            ("/admin/v1/inbox/requeue", json!({ "ref": foreign })),
            ("/admin/v1/tokens", json!({ "name": "x", "role": foreign })),
            ("/admin/v1/tokens", json!({ "name": "x", "role": "exporter", "purposes": [foreign] })),
        ] {
            refused(&self.local.post(path, &body).await, heard);
        }
        let reason =
            self.local.call(reqwest::Method::GET, "/admin/v1/purposes/devis/leads", None, Some(foreign));
        refused(&reason.await, heard);
        let broken = Some(format!("{{\"{foreign}"));
        refused(
            &self.local.call(reqwest::Method::POST, "/admin/v1/find", broken, Some("audit")).await,
            heard,
        );
    }
}

/// Kept answers among dropped ones, of lengths that differ from lead to lead.
fn ordinary(marks: &Marks, id: &str, number: usize) -> Lead {
    let filled = |mark: &str, length: usize| format!("{mark}{number}{}", "é".repeat(length));
    lead(DEVIS_FORM)
        .with_id(id)
        .answer("full_name", &[&filled(&marks.kept, number * 7 % 301)])
        .answer("email", &[&format!("{}{number}@example.org", marks.kept)])
        .answer("phone_number", &[&filled(&marks.kept, 0)])
        .answer("budget", &[&filled(&marks.dropped, number * 37 % 1_999)])
        .answer(&marks.question, &[&filled(&marks.dropped, number * 11 % 97), &marks.dropped])
        .overriding("ad_name", format!("{} name", marks.dropped).as_str())
}

fn refused(answer: &crate::support::Answer, heard: &mut Heard) {
    assert!(answer.status >= 400, "{}", answer.text());
    heard.problems.extend(&answer.body);
    heard.problems.extend(format!("{:?}", answer.headers).into_bytes());
}

fn nothing(found: &BTreeSet<&str>, medium: &str) {
    assert!(found.is_empty(), "in {medium}: {found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemons_binary_leaks_nothing_at_trace() {
    let setup = Setup::default();
    let app_secret = setup.app_secrets[0].clone();
    let meta = Simulator::start(setup).await.expect("Meta's side");
    let page_token = canary("page-token");
    meta.set_token(PAGE, &page_token);
    crate::support::add_forms(&meta);
    let home = Home::new(&meta, &page_token, |text| format!("{text}\n[log]\nlevel = \"trace\"\n"));
    let marks = Marks::new();
    let (mut heard, mut said) = (Vec::new(), String::new());
    for (round, format) in [(1, "pretty"), (2, "json")] {
        let config = fs::read_to_string(home.config()).expect("a config");
        let config = config.split("format = ").next().expect("a beginning").to_owned();
        fs::write(home.config(), format!("{config}format = \"{format}\"\n")).expect("a file");
        let daemon = home.serve(&[]);
        let stage = Stage {
            meta: meta.clone(),
            public: daemon.public.clone(),
            local: daemon.admin(),
            admin: daemon.admin.clone(),
            page_token_file: home.directory.path().join("secrets/page-token"),
        };
        heard.push(stage.play(&marks, round).await);
        if round == 2 {
            stage.throttled(&marks, round).await;
        }
        nothing_is_left_in_memory(&daemon, &marks, heard.last().map_or(&[], |heard| &heard.tokens)).await;
        let (status, text) = daemon.terminate();
        assert!(status.success(), "{text}");
        said.push_str(&text);
    }
    let proof = meta
        .graph_calls()
        .iter()
        .find_map(|call| Some(call.query.split("appsecret_proof=").nth(1)?.to_owned()));
    let proof: String = proof.expect("a proof").chars().take_while(char::is_ascii_hexdigit).collect();
    meta.stop().await;

    let mut secrets = vec![page_token, app_secret, VERIFY_TOKEN.to_owned(), hex::encode(ROOT_KEY), proof];
    secrets.extend(heard.iter().flat_map(|heard| heard.tokens.clone()));
    let needles = marks.needles(&secrets);
    nothing(&needles.within(said.as_bytes()), "the log");
    for event in
        ["lead.stored", "lead.refused", "lead.buried", "lead.held", "graph.page-paused", "webhook.refused"]
    {
        assert!(said.contains(event), "the play has no {event}, so it proves too little");
    }
    assert!(said.contains(" DEBUG ") && said.contains("\"debug\""), "not loud enough to prove anything");
    for heard in &heard {
        nothing(&needles.within(&heard.problems), "what strangers were told");
        nothing(&needles.within(heard.metrics.as_bytes()), "the metrics");
        nothing(&Needles::of([&marks.dropped]).within(&heard.answers), "what operators were told");
    }
    // On the disk: everything but the operator's own two.
    fs::remove_file(home.config()).expect("a file");
    fs::remove_dir_all(home.directory.path().join("secrets")).expect("a directory");
    let mut on_disk = marks.listed(&secrets).chain(marks.numbers()).collect::<Vec<_>>();
    on_disk.push(("the root key".to_owned(), ROOT_KEY.to_vec()));
    let on_disk = Needles::named(on_disk);
    let found = on_disk.below(home.directory.path());
    assert!(found.is_empty(), "on the disk: {found:#?}");

    // The controls: what must be found in each medium, found by the same search.
    let seen = |needle: &str, bytes: &[u8]| !Needles::of([needle]).within(bytes).is_empty();
    assert!(seen(DEVIS_FORM, said.as_bytes()) && seen(PAGE, said.as_bytes()));
    assert!(seen("token-refused", &heard[0].problems) && seen("devis", heard[0].metrics.as_bytes()));
    assert!(seen(&marks.kept, &heard[0].answers));
    assert!(!Needles::of([&marks.question]).below(&home.directory.path().join("store")).is_empty());
    for place in ["store", "store/db", "store/inbox", "keys"] {
        let planted = home.directory.path().join(place).join("planted");
        fs::write(planted, hex::encode(format!("…{}…", marks.kept))).expect("a file");
    }
    assert_eq!(on_disk.below(home.directory.path()).len(), 4);
}

/// Reads the daemon's whole memory until nothing is left in it, which may take a moment after its last request.
async fn nothing_is_left_in_memory(daemon: &Daemon, marks: &Marks, tokens: &[String]) {
    let gone = [&marks.dropped, &marks.kept].into_iter().chain(tokens).map(String::as_str);
    let needles = Needles::of(gone.chain([VERIFY_TOKEN]));
    let kept = Setup::default().app_secrets[0].clone();
    memory::lets_go_of(daemon.pid, &needles, &kept, REST_MAX).await;
    memory::holds_none(daemon.pid, &needles, &kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_in_this_process_leaks_nothing_and_its_metrics_do_not_grow() {
    let world = World::start().await;
    let marks = Marks::new();
    let stage = Stage {
        meta: world.meta.clone(),
        public: world.addresses.public.to_string(),
        local: world.admin(),
        admin: world.addresses.admin.expect("a TCP door").to_string(),
        page_token_file: world.directory.path().join("secrets/page-token"),
    };
    let first = stage.play(&marks, 1).await;
    let second = stage.play(&marks, 2).await;
    let needles = marks.needles(&first.tokens);
    nothing(&needles.within(log().text().as_bytes()), "the log");
    for heard in [&first, &second] {
        nothing(&needles.within(&heard.problems), "what strangers were told");
        nothing(&needles.within(heard.metrics.as_bytes()), "the metrics");
    }
    series::require_closed(&second.metrics);
    assert_eq!(series::of(&first.metrics), series::of(&second.metrics), "twice the leads, other series");
    [&marks.kept, &marks.dropped, &marks.foreign, &marks.ids].into_iter().for_each(|mark| world.guard(mark));
    world.end().await;
}
