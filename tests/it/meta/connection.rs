//! Whoever answers at Graph's address, if anybody does: wrong certificates, no TLS, no such name, a redirect elsewhere.

use std::fs;
use std::time::Duration;

use tamis_simulator::{Match, Misbehaviour, Page, Rule, Setup, Simulator};

use crate::support::front::Authority;
use crate::support::process::{Daemon, Home};
use crate::support::tls::{Face, TlsGraph};
use crate::support::{DEVIS_FORM, PAGE, add_forms, lead};

const TOKEN: &str = "page-token-of-the-connection";

async fn meta() -> Simulator {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.add_page(Page { id: PAGE.to_owned(), name: "Atelier Lumen".to_owned(), token: TOKEN.to_owned() });
    add_forms(&meta);
    meta
}

async fn deliver_one(meta: &Simulator, daemon: &Daemon) {
    let good = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &["zoe@example.org"]);
    let id = meta.add_lead(good);
    let answer = meta.deliver(&daemon.webhook(), &meta.notification(&[&id])).await.expect("an answer");
    assert_eq!(answer.status, 200);
}

async fn stored(daemon: &Daemon, count: usize) {
    for _ in 0..1_000 {
        if daemon.admin().get("/admin/v1/purposes/devis/leads").await.lines().len() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{count} were not stored: {}", daemon.admin().get("/admin/v1/inbox").await.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_goes_to_who_cannot_prove_to_be_graph() {
    let meta = meta().await;
    let (trusted, stranger) = (Authority::new("a public one"), Authority::new("another"));
    let faces = [
        ("another authority's", Face::with(&stranger.server("localhost"))),
        ("self-signed", Face::with(&Authority::self_signed("localhost"))),
        ("another host's", Face::with(&trusted.server("graph.example"))),
        ("expired", Face::with(&trusted.expired("localhost"))),
        ("plain HTTP", Face::Plain),
    ];
    let graph = TlsGraph::start(&meta.graph_url(), faces[0].1.clone());
    let url = format!("https://localhost:{}", graph.address.port());
    let home = Home::new(&meta, TOKEN, |text| {
        text.replace(&meta.graph_url(), &url) + "\n[log]\nlevel = \"debug\"\n"
    });
    let roots = home.directory.path().join("roots.pem");
    fs::write(&roots, trusted.pem()).expect("a file");
    let trust = [("SSL_CERT_FILE", roots.to_str().expect("text"))];
    let mut running: Option<Daemon> = None;
    for (what, face) in faces {
        graph.show(face);
        // A daemon of its own for each: an outage that goes on is looked at more and more seldom.
        if let Some(before) = running.take() {
            assert!(before.terminate().0.success());
        }
        // What waits already is asked for as soon as it starts.
        let connections = graph.connections();
        let daemon = running.insert(home.serve_in(&[], &trust));
        deliver_one(&meta, daemon).await;
        daemon.until_said("cause=tls-failed", 1);
        assert!(graph.connections() > connections, "{what}");
        let heard = graph.heard();
        assert!(!heard.windows(6).any(|window| window == b"Bearer"), "{what} was sent a token");
        assert!(meta.graph_calls().is_empty(), "{what} was believed");
    }
    let daemon = running.expect("the last one");
    let begun = std::time::Instant::now();
    loop {
        let inbox = daemon.admin().get("/admin/v1/inbox").await.json();
        if inbox["paused"][0]["code"] == "graph-unavailable" {
            break;
        }
        // That it failed is said before the queue is paused for it.
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{inbox}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    graph.show(Face::with(&trusted.server("localhost")));
    stored(&daemon, 5).await;
    assert!(graph.heard().windows(6).any(|window| window == b"Bearer"), "the search finds nothing");
    let (status, said) = daemon.terminate();
    assert!(status.success() && !said.contains(TOKEN), "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_goes_on_from_the_session_of_an_earlier_one() {
    let meta = meta().await;
    let trusted = Authority::new("a public one");
    // It serves one request a connection, so that each call needs a new one.
    let graph = TlsGraph::start(&meta.graph_url(), Face::with(&trusted.server("localhost")));
    let url = format!("https://localhost:{}", graph.address.port());
    let home = Home::new(&meta, TOKEN, |text| text.replace(&meta.graph_url(), &url));
    let roots = home.directory.path().join("roots.pem");
    fs::write(&roots, trusted.pem()).expect("a file");
    let daemon = home.serve_in(&[], &[("SSL_CERT_FILE", roots.to_str().expect("text"))]);
    for count in 1..=3 {
        deliver_one(&meta, &daemon).await;
        stored(&daemon, count).await;
    }
    let (connections, resumed) = (graph.connections(), graph.resumed());
    assert!(connections >= 4, "a form and three leads over {connections} connections");
    assert!(resumed >= 2, "{resumed} of {connections} resumed a session");
    assert!(daemon.terminate().0.success());
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_resolve_is_an_outage() {
    let meta = meta().await;
    let home = Home::new(&meta, TOKEN, |text| {
        text.replace(&meta.graph_url(), "https://graph.tamis.invalid")
            .replace("[meta]\n", "[meta]\nconnect_timeout_ms = 1_000\nread_timeout_ms = 1_000\n")
    });
    let roots = home.directory.path().join("roots.pem");
    fs::write(&roots, Authority::new("a public one").pem()).expect("a file");
    let trust = [("SSL_CERT_FILE", roots.to_str().expect("text"))];
    let daemon = home.serve_in(&[], &trust);
    deliver_one(&meta, &daemon).await;
    daemon.until_said("graph.app-paused", 1);
    daemon.until_said("lead.waiting", 1);
    let (status, said) = daemon.terminate();
    assert!(status.success() && said.contains("code=graph-unavailable"), "{said}");
    let config = fs::read_to_string(home.config()).expect("a config");
    fs::write(home.config(), config.replace("https://graph.tamis.invalid", &meta.graph_url()))
        .expect("a file");
    let daemon = home.serve_in(&[], &trust);
    stored(&daemon, 1).await;
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_is_followed_and_no_token_sent_elsewhere() {
    let (meta, elsewhere) = (meta().await, meta().await);
    let target = format!("{}/v26.0/1?fields=id", elsewhere.graph_url());
    let rule = meta.misbehave(Rule::always(Match::any(), Misbehaviour::Redirect(target)));
    let home = Home::new(&meta, TOKEN, |text| text + "\n[log]\nlevel = \"debug\"\n");
    let daemon = home.serve(&[]);
    deliver_one(&meta, &daemon).await;
    daemon.until_said("graph.call-refused", 3);
    assert_eq!(elsewhere.graph_calls(), []);
    meta.forgive(rule);
    stored(&daemon, 1).await;
    let (status, said) = daemon.terminate();
    assert!(status.success() && !said.contains(&elsewhere.graph_url()), "{said}");
    elsewhere.stop().await;
    meta.stop().await;
}
