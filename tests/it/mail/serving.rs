//! The daemon itself at a real mail server: how it logs in under TLS, and at which pace it writes.

use std::sync::Arc;

use tamis::clock::Clock;

use super::welcome::{asks, until_counted, writing};
use super::*;
use crate::retention::Shifted;
use crate::support::process::Daemon;
use crate::support::{DEVIS_FORM, PAGE, Plan, World, add_forms, canary, lead};

const PASSWORD: &str = "CANARY pass wörd";

/// A daemon that writes first mails, what it trusts, and its Meta.
struct House {
    meta: Simulator,
    home: Home,
}

impl House {
    /// One that hands its mails to this server, under a name and a password.
    async fn new(tls: &str, port: u16) -> Self {
        let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
        let (id, name) = (PAGE.to_owned(), "Atelier Lumen".to_owned());
        meta.add_page(tamis_simulator::Page { id, name, token: "page-token".to_owned() });
        add_forms(&meta);
        let home = Home::new(&meta, "page-token", |text| {
            let place =
                text.split("root = { file = \"").nth(1).and_then(|rest| rest.split("root-key").next());
            let place = format!("{}mail-password", place.expect("where secrets lie"));
            let keep = "keep = [\"campaign_id\"]\n";
            assert!(text.contains(keep));
            text.replace(keep, &format!("{keep}welcome = true\n"))
                + &format!(
                    "\n[mail]\nserver = \"localhost\"\nport = {port}\ntls = \"{tls}\"\nuser = \"tamis\"\n\
                     password = {{ file = \"{place}\" }}\nfrom = \"Atelier Lumen <contact@lumen.example>\"\n"
                )
        });
        let house = Self { meta, home };
        house.knows(PASSWORD);
        house
    }

    /// The password that it will read.
    fn knows(&self, password: &str) {
        let path = self.home.directory.path().join("secrets/mail-password");
        fs::write(&path, password).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    /// It runs, and trusts these authorities.
    fn serve(&self, roots: &Path) -> Daemon {
        self.home.serve_in(&[], &[("SSL_CERT_FILE", roots.to_str().expect("text"))])
    }

    /// Somebody asks for a quote.
    async fn is_asked(&self, daemon: &Daemon) -> String {
        let email = format!("{}@{DOMAIN}", canary("zoe").to_lowercase());
        let quote = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
        let id = self.meta.add_lead(quote);
        let body = self.meta.notification(&[&id]);
        let answer = self.meta.deliver(&daemon.webhook(), &body).await.expect("an answer");
        assert_eq!(answer.status, 200);
        email
    }
}

/// Its mails stand still for this reason, and a person is told; nothing of it says the password, or whom it is about.
async fn stands_still(daemon: Daemon, code: &str) {
    let halted = daemon.until_said("mail.halted", 1);
    assert!(halted.iter().all(|line| line.contains(code)), "{code}: {halted:?}");
    let status = daemon.admin().get("/admin/v1/status").await.json();
    let attention = status["attention"].as_array().expect("a list");
    assert!(attention.iter().any(|concern| concern["code"] == "mail-halted"), "{code}: {status}");
    let (ended, said) = daemon.terminate();
    assert!(ended.success(), "{said}");
    assert!(!said.contains("CANARY") && !said.contains(DOMAIN) && !said.contains("zoezq"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_logs_in_under_tls_and_sends_nothing_where_it_cannot() {
    let Some(python) = python() else { return };
    let Trust { directory: _kept, roots, others, certificate } = Trust::new();
    for (tls, without) in [("starttls", "LOGIN"), ("implicit", "PLAIN")] {
        let mut options: Vec<&str> = certificate.iter().map(String::as_str).collect();
        options.extend(["--tls", tls, "--user", "tamis", "--password", PASSWORD, "--without", without]);
        let post = Post::start(&python, &options);
        let house = House::new(tls, post.port).await;
        // A certificate that nobody it trusts has signed: not even the password is sent.
        let daemon = house.serve(&others);
        let first = house.is_asked(&daemon).await;
        stands_still(daemon, "mail-tls-failed").await;
        house.knows("CANARY of another house");
        let daemon = house.serve(&roots);
        stands_still(daemon, "mail-login-refused").await;
        assert!(post.is_empty(), "nothing of it was taken");

        house.knows(PASSWORD);
        let daemon = house.serve(&roots);
        let second = house.is_asked(&daemon).await;
        for email in [first, second] {
            let taken = post.mail();
            assert_eq!(taken["to"], json!([email]), "{tls}");
            assert_eq!((&taken["tls"], &taken["login"]), (&json!(true), &json!(true)), "{tls}");
        }
        daemon.until_said("mail.sent", 2);
        let status = daemon.admin().get("/admin/v1/status").await.json();
        assert!(!status["attention"].to_string().contains("mail-halted"), "{status}");
        let (ended, said) = daemon.terminate();
        assert!(ended.success() && !said.contains("CANARY") && !said.contains(DOMAIN), "{said}");
        house.meta.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_mails_go_than_the_config_says_an_hour_and_after_a_rest_no_flood() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let clock = Arc::<Shifted>::default();
    let shared: Arc<dyn Clock> = clock.clone();
    // One a minute.
    let plan = Plan { clock: shared.clone(), meta_clock: Some(shared), ..writing(post.port, 60) };
    let world = World::planned(plan).await;
    let mut emails = Vec::new();
    for local in ["anne", "max", "ines"] {
        emails.push(asks(&world, local).await);
        world.settled().await;
    }
    let sent = |count: u32| format!("tamis_mails_sent_total{{kind=\"welcome\"}} {count}");
    assert_eq!(post.mail()["to"], json!([emails[0]]));
    for (at, email) in emails.iter().enumerate().skip(1) {
        assert!(post.mail_soon().is_none(), "not in the same minute");
        clock.pass(20);
        assert!(post.mail_soon().is_none(), "nor half a minute later");
        clock.pass(41);
        assert_eq!(post.mail()["to"], json!([email]));
        until_counted(&world, &sent(at as u32 + 1)).await;
    }
    until_counted(&world, "tamis_mails_waiting 0").await;
    // After half an hour without a mail one goes at once, and not thirty.
    clock.pass(1_800);
    for local in ["rosa", "lea"] {
        emails.push(asks(&world, local).await);
        world.settled().await;
    }
    assert_eq!(post.mail()["to"], json!([emails[3]]));
    until_counted(&world, &sent(4)).await;
    assert!(post.mail_soon().is_none(), "the next a minute later");
    until_counted(&world, "tamis_mails_waiting 1").await;
    clock.pass(61);
    assert_eq!(post.mail()["to"], json!([emails[4]]));
    emails.iter().for_each(|email| world.guard(email));
    world.end().await;
}
