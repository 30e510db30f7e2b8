//! Mails: to a real mail server, to ones that misbehave, and read back by another program.

mod asking;
mod links;
mod post;
mod serving;
mod telling;
pub(crate) mod welcome;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tamis::language::Language;
use tamis::mail::{
    Accepted, Addressee, Block, Course, Encryption, Link, MailCode, MailError, Message, Patience, RawMail,
    Sender, Session, Settings, Stamp, trial,
};
use tamis_simulator::{Setup, Simulator};

use crate::seen::or_skipped;
use crate::support::front::{Authority, Identity};
use crate::support::process::{Home, installed};
pub(crate) use post::Post;

/// Of no person: nothing that is said may have it in it.
const DOMAIN: &str = "canary-of-a-person.example";

/// A server that is not told to wait is not waited for.
const SHORT: Patience = Patience {
    connect: Duration::from_secs(2),
    command: Duration::from_millis(700),
    whole: Duration::from_secs(5),
};

fn settings(port: u16) -> Settings {
    Settings {
        server: "127.0.0.1".to_owned(),
        port,
        encryption: Encryption::None,
        login: None,
        own_name: "leads.lumen.example".to_owned(),
        from: Sender::parse("Atelier Lumen, été <contact@lumen.example>").expect("a sender"),
        reply_to: Sender::parse("vie-privee@lumen.example"),
        patience: SHORT,
    }
}

fn to(local: &str) -> Addressee {
    Addressee::parse(&format!("{local}@{DOMAIN}")).expect("an address")
}

fn stamp() -> Stamp {
    Stamp { at: "2026-11-30T07:05:09Z".parse().expect("a time"), number: *b"a number of 16 b" }
}

fn test_mail(settings: &Settings, local: &str) -> RawMail {
    trial(to(local), "Atelier Lumen", Language::De).written(settings, stamp()).expect("a mail")
}

async fn send(settings: &Settings, mail: &RawMail) -> Result<Accepted, MailError> {
    let mut session = Session::open(settings).await?;
    session.offer(mail).await?;
    let accepted = session.hand_over(mail).await?;
    session.close().await;
    Ok(accepted)
}

/// The Python that has a mail server. None: this machine has none, and whoever runs the tests is told.
pub(crate) fn python() -> Option<PathBuf> {
    or_skipped(post::python(), "aiosmtpd")
}

/// What another program reads in a mail. None: there is no Python.
pub(crate) fn read_back(raw: &[u8]) -> Option<Value> {
    or_skipped(installed("python3").then_some(()), "python3")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mail/read.py");
    let mut command = Command::new("python3");
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut reader = command.spawn().expect("Python runs");
    reader.stdin.take().expect("a pipe").write_all(raw).expect("it reads");
    let output = reader.wait_with_output().expect("it ends");
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

pub(crate) fn header<'m>(mail: &'m Value, name: &str) -> Option<&'m str> {
    let headers = mail["headers"].as_array().expect("headers");
    let mut found = headers.iter().filter(|header| header[0] == name);
    let value = found.next().and_then(|header| header[1].as_str());
    assert!(found.next().is_none(), "{name} twice");
    value
}

#[test]
fn another_program_reads_a_mail_as_it_was_meant() {
    let long = "Une ligne qui est bien plus longue que ce qu’une ligne de texte peut avoir, & avec <des signes> \"de HTML\". ";
    let link = format!("https://leads.lumen.example/p/{}", "aZ9-_".repeat(40));
    let message = Message {
        to: to("Zoe.Martin"),
        language: Language::Fr,
        subject: "Votre demande chez l’Atelier Lumen\nBcc: all@lumen.example, été après été, 🌻".to_owned(),
        blocks: vec![
            Block::Paragraph(long.repeat(20)),
            Block::Paragraph(".\n.un point au début d’une ligne".to_owned()),
            Block::Action {
                label: "Oui, je confirme".to_owned(),
                link: Link::parse(&format!("{link}?a=1&b=2")).expect("a link"),
            },
            Block::Action { label: "Non, effacez".to_owned(), link: Link::parse(&link).expect("a link") },
        ],
        unsubscribe: Link::parse(&link),
        files: Vec::new(),
    };
    let raw = message.written(&settings(25), stamp()).expect("a mail");
    let Some(read) = read_back(raw.expose()) else { return };
    assert_eq!(read["defects"], json!([]));
    assert_eq!(read["type"], "multipart/alternative");
    assert_eq!(read["date"], "2026-11-30T07:05:09+00:00");
    assert_eq!(read["from"], json!([["Atelier Lumen, été", "contact@lumen.example"]]));
    assert_eq!(read["to"], json!([["", format!("Zoe.Martin@{DOMAIN}")]]));
    assert_eq!(
        header(&read, "subject"),
        Some("Votre demande chez l’Atelier Lumen Bcc: all@lumen.example, été après été, 🌻")
    );
    assert_eq!(header(&read, "bcc"), None);
    assert_eq!(header(&read, "reply-to"), Some("vie-privee@lumen.example"));
    let id = format!("<{}@lumen.example>", hex::encode(stamp().number));
    assert_eq!(header(&read, "message-id"), Some(id.as_str()));
    assert_eq!(header(&read, "list-unsubscribe"), Some(format!("<{link}>").as_str()));
    assert_eq!(header(&read, "list-unsubscribe-post"), Some("List-Unsubscribe=One-Click"));
    assert_eq!(header(&read, "auto-submitted"), Some("auto-generated"));
    assert_eq!(header(&read, "content-language"), Some("fr"));
    assert_eq!(header(&read, "mime-version"), Some("1.0"));
    let longest = read["longest"].as_u64().expect("a number");
    assert!(longest <= 998 && read["bare"] == 0, "{longest}, {}", read["bare"]);

    let [plain, html] = read["parts"].as_array().expect("parts").as_slice() else { panic!("two parts") };
    for part in [plain, html] {
        assert_eq!((&part["charset"], &part["defects"]), (&json!("utf-8"), &json!([])));
        assert_eq!(part["encoding"], "quoted-printable");
    }
    assert_eq!((&plain["type"], &html["type"]), (&json!("text/plain"), &json!("text/html")));
    let (plain, html) = (plain["text"].as_str().expect("text"), html["text"].as_str().expect("text"));
    assert!(plain.lines().all(|line| line.chars().count() <= 72 || line.contains("https://")), "{plain}");
    assert!(
        plain.contains(&format!("Oui, je confirme\n{link}?a=1&b=2\n\nNon, effacez\n{link}\n")),
        "{plain}"
    );
    assert!(plain.contains("\n.\n.un point au début"), "{plain}");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert!(words(plain).contains(long.trim()), "{plain}");
    assert!(html.contains("&#60;des signes&#62;") || html.contains("&lt;des signes&gt;"), "{html}");
    assert!(html.contains("lang=\"fr\"") && html.matches("<a href=\"https://").count() == 2, "{html}");
    for loaded in ["<img", "src=", "url(", "<link", "<script", "@import", "background"] {
        assert!(!html.contains(loaded), "{loaded} in {html}");
    }
    let actions: Vec<&str> = html.lines().filter(|line| line.contains("<a ")).collect();
    let shape = |line: &str| {
        let (before, rest) = line.split_once("href=\"").expect("a link");
        let (_, label) = rest.split_once('"').expect("its end");
        (before.to_owned(), label.split_once('<').expect("its label's end").1.to_owned())
    };
    assert_eq!(shape(actions[0]), shape(actions[1]), "both weigh the same");
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_sent() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let settings = settings(post.port);
    let mail = test_mail(&settings, "zoe");
    let accepted = send(&settings, &mail).await.expect("taken");
    assert_eq!(
        (accepted.reply, accepted.status.map(|status| status.to_string())),
        (250, Some("2.0.0".to_owned()))
    );
    let taken = post.mail();
    assert_eq!(taken["from"], "contact@lumen.example");
    assert_eq!(taken["to"], json!([format!("zoe@{DOMAIN}")]));
    assert_eq!((&taken["host"], &taken["options"]), (&json!("leads.lumen.example"), &json!([])));
    let data = STANDARD.decode(taken["data"].as_str().expect("text")).expect("base64");
    assert_eq!(data, mail.expose(), "byte for byte");

    let mut dotted = trial(to("zoe"), "Atelier Lumen", Language::De);
    dotted.blocks.insert(0, Block::Paragraph(".\n..\n.\nein Punkt am Anfang".to_owned()));
    let dotted = dotted.written(&settings, stamp()).expect("a mail");
    send(&settings, &dotted).await.expect("taken");
    let taken = post.mail();
    let data = STANDARD.decode(taken["data"].as_str().expect("text")).expect("base64");
    assert_eq!(data, dotted.expose(), "byte for byte");

    let utf8 = test_mail(&settings, "zoé");
    send(&settings, &utf8).await.expect("taken");
    let taken = post.mail();
    assert_eq!(taken["to"], json!([format!("zoé@{DOMAIN}")]));
    assert_eq!(taken["options"], json!(["SMTPUTF8", "BODY=8BITMIME"]));
    let post = Post::start(&python, &["--ascii"]);
    let refused = send(&self::settings(post.port), &utf8).await.expect_err("letters that it cannot carry");
    assert_eq!((refused.code, refused.code.course()), (MailCode::AddressNotCarried, Course::Never));
}

#[tokio::test]
async fn what_a_server_refuses_is_told_apart_and_never_quoted() {
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let settings = settings(post.port);
    for (local, said, course) in [
        ("gone", "mail-address-refused (550 5.1.1)", Course::Never),
        ("bare", "mail-sender-refused (550)", Course::Mend),
        ("full", "mail-address-refused (552 5.2.2)", Course::Never),
        ("relay", "mail-sender-refused (554 5.7.1)", Course::Mend),
        ("later", "mail-deferred (451 4.7.1)", Course::Later),
        ("full-now", "mail-deferred (452 4.2.2)", Course::Later),
        ("odd", "mail-not-smtp (299)", Course::Later),
        ("spam", "mail-message-refused (554 5.7.1)", Course::Mend),
        ("gone-late", "mail-address-refused (550 5.1.1)", Course::Never),
        ("later-late", "mail-deferred (451 4.3.0)", Course::Later),
        ("long", "mail-not-smtp", Course::Later),
        ("endless", "mail-not-smtp", Course::Later),
        ("slow", "mail-slow", Course::Later),
        ("drip", "mail-slow", Course::Later),
        ("drop", "mail-broken", Course::Later),
    ] {
        let began = Instant::now();
        let error = send(&settings, &test_mail(&settings, local)).await.expect_err(local);
        assert_eq!((error.to_string().as_str(), error.code.course()), (said, course), "{local}");
        assert!(!format!("{error:?}").contains("canary"), "{local}");
        assert!(began.elapsed() < SHORT.whole, "{local}: {:?}", began.elapsed());
    }
    assert!(post.is_empty(), "nothing of it was taken");
    // Sent whole, and no answer: it may have been taken, and here it was.
    for local in ["lost", "thinks"] {
        let error = send(&settings, &test_mail(&settings, local)).await.expect_err(local);
        assert_eq!((error.code, error.code.course()), (MailCode::AnswerLost, Course::Unknown), "{local}");
        assert_eq!(post.mail()["to"], json!([format!("{local}@{DOMAIN}")]));
    }
}

/// A server that says this, line by line: first as its greeting, then after each line that it hears.
fn scripted(script: &[&[u8]]) -> (u16, std::thread::JoinHandle<Vec<String>>) {
    let script: Vec<Vec<u8>> = script.iter().map(|said| said.to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a bound");
        let mut lines = BufReader::new(stream.try_clone().expect("a stream"));
        let mut heard = Vec::new();
        for said in script {
            let _ = stream.write_all(&said);
            let mut line = Vec::new();
            if lines.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
                break;
            }
            heard.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        heard
    };
    (port, std::thread::Builder::new().name("scripted".to_owned()).spawn(serve).expect("a thread"))
}

#[tokio::test]
async fn whatever_listens_there_is_told_from_a_mail_server() {
    for (script, code) in [
        (&[&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]][..], MailCode::NotSmtp),
        (&[b"554 mail.example has no use for you\r\n"], MailCode::Unwelcome),
        (&[b"421 mail.example is busy\r\n"], MailCode::Deferred),
        (&[b""], MailCode::Slow),
        (&[b"220 mail.example\r\n", b"502 no EHLO here\r\n"], MailCode::Unwelcome),
    ] {
        let (port, server) = scripted(script);
        let error = Session::open(&settings(port)).await.err().expect("refused");
        assert_eq!(error.code, code);
        drop(server.join().expect("no panic"));
    }
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let nobody = Session::open(&settings(free)).await.err().expect("nobody listens");
    assert_eq!((nobody.code, nobody.code.course()), (MailCode::Unreachable, Course::Later));
    let mut nowhere = settings(25);
    nowhere.server = "mail.invalid".to_owned();
    assert_eq!(Session::open(&nowhere).await.err().map(|error| error.code), Some(MailCode::Unreachable));
}

#[tokio::test]
async fn nothing_said_before_tls_is_believed_and_nothing_is_sent_without_it() {
    let mut settings = settings(0);
    settings.encryption = Encryption::Starttls;
    for (script, code) in [
        // Not offered, or taken out of the offers by somebody on the way.
        (&[&b"220 mail.example\r\n"[..], b"250-mail.example\r\n250 AUTH PLAIN\r\n"][..], MailCode::NoTls),
        (&[b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n", b"454 not now\r\n"], MailCode::Deferred),
        (&[b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n", b"502 not here\r\n"], MailCode::NoTls),
        // An answer put in front of TLS, which would count as said under it.
        (
            &[b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n", b"220 go on\r\n250 AUTH PLAIN\r\n"],
            MailCode::TlsFailed,
        ),
        (&[b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n", b"220 go on\r\n", b"no TLS\r\n"], MailCode::TlsFailed),
    ] {
        let (port, server) = scripted(script);
        settings.port = port;
        let error = Session::open(&settings).await.err().expect("refused");
        assert_eq!(error.code, code);
        let heard = server.join().expect("no panic");
        assert!(heard.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")), "{heard:?}");
    }
}

/// A house with this [mail], its password in a file.
async fn home(mail: &str, password: &str) -> Home {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| {
        let place = text.split("root = { file = \"").nth(1).and_then(|rest| rest.split("root-key").next());
        let place = format!("{}mail-password", place.expect("where secrets lie"));
        text + &mail.replace("{password}", &place)
    });
    meta.stop().await;
    let path = home.directory.path().join("secrets/mail-password");
    fs::write(&path, password).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    home
}

fn run(home: &Home, roots: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(&home.binary);
    command.args(arguments).arg("--config").arg(home.config());
    command.env_clear().env("SSL_CERT_FILE", roots).stdin(Stdio::null()).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "nothing for scripts");
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Whom a mail server's certificate is believed from, and whom not.
struct Trust {
    directory: tempfile::TempDir,
    roots: PathBuf,
    others: PathBuf,
    /// The server's, as options for it.
    certificate: Vec<String>,
}

impl Trust {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (authority, stranger) = (Authority::new("a public one"), Authority::new("another"));
        let (roots, others) = (directory.path().join("roots.pem"), directory.path().join("others.pem"));
        fs::write(&roots, authority.pem()).expect("a file");
        fs::write(&others, stranger.pem()).expect("a file");
        let certificate = identity(&authority.server("localhost"), directory.path());
        Self { directory, roots, others, certificate }
    }
}

fn identity(identity: &Identity, directory: &Path) -> Vec<String> {
    identity.write(directory);
    let file = |name: &str| directory.join(name).display().to_string();
    vec!["--cert".to_owned(), file("cert.pem"), "--key".to_owned(), file("key.pem")]
}

#[tokio::test]
async fn mail_test_logs_in_under_tls_and_says_what_came_of_it() {
    let Some(python) = python() else { return };
    let Trust { directory: _kept, roots, others, certificate } = Trust::new();
    for (tls, without) in [("starttls", "LOGIN"), ("implicit", "PLAIN")] {
        let mut options: Vec<&str> = certificate.iter().map(String::as_str).collect();
        options.extend(["--tls", tls, "--user", "tamis", "--password", "pass wörd", "--without", without]);
        let post = Post::start(&python, &options);
        let mail = format!(
            "\n[mail]\nserver = \"localhost\"\nport = {}\ntls = \"{tls}\"\nuser = \"tamis\"\n\
             password = {{ file = \"{{password}}\" }}\nfrom = \"Atelier Lumen <contact@lumen.example>\"\n",
            post.port
        );
        let home = home(&mail, "pass wörd\n").await;
        let address = format!("zoe@{DOMAIN}");
        let test = ["mail", "test", address.as_str(), "--lang", "fr"];
        let output = run(&home, &roots, &test);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(0), "{tls}: {told}");
        assert!(told.contains("took the mail (250 2.0.0)") && !told.contains("canary"), "{told}");
        let taken = post.mail();
        assert_eq!((&taken["tls"], &taken["login"]), (&json!(true), &json!(true)), "{tls}");
        let raw = STANDARD.decode(taken["data"].as_str().expect("text")).expect("base64");
        let Some(read) = read_back(&raw) else { return };
        assert_eq!(header(&read, "subject"), Some("Essai d’envoi"));
        assert_eq!((header(&read, "reply-to"), header(&read, "list-unsubscribe")), (None, None));

        // Another authority; a wrong password; nobody of that name, whom the server quotes.
        let output = run(&home, &others, &test);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("mail-tls-failed"), "{}", said(&output));
        let gone = format!("gone@{DOMAIN}");
        let output = run(&home, &roots, &["mail", "test", &gone]);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1));
        assert!(told.contains("mail-address-refused (550 5.1.1)") && !told.contains("canary"), "{told}");
        let password = home.directory.path().join("secrets/mail-password");
        fs::write(&password, "CANARY-PASSWORD").expect("a file");
        let output = run(&home, &roots, &test);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1));
        assert!(told.contains("mail-login-refused (535 5.7.8)") && !told.contains("CANARY"), "{told}");
        assert!(post.is_empty(), "nothing of it was taken");
        fs::remove_file(&password).expect("removed");
        let output = run(&home, &roots, &test);
        assert_eq!(output.status.code(), Some(78));
        assert!(said(&output).contains("mail.password") && said(&output).contains("secret-absent"));
    }
}

#[tokio::test]
async fn mail_test_needs_a_server_and_an_address_and_takes_it_from_stdin() {
    let bare = home("", "x").await;
    let output = run(&bare, Path::new("/nonexistent"), &["mail", "test", "zoe@lumen.example"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(said(&output).contains("no [mail]"), "{}", said(&output));
    for (bad, told) in
        [("zoe", "no address that mail reaches"), ("zoé@canary", "no address that mail reaches")]
    {
        let output = run(&bare, Path::new("/nonexistent"), &["mail", "test", bad]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(told) && !said(&output).contains("canary"), "{}", said(&output));
    }
    let Some(python) = python() else { return };
    let post = Post::start(&python, &[]);
    let mail = format!(
        "\n[mail]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"contact@lumen.example\"\n\
         reply_to = \"vie-privee@lumen.example\"\n",
        post.port
    );
    let home = home(&mail, "x").await;
    let mut command = Command::new(&home.binary);
    command.args(["mail", "test", "--email-stdin", "--config"]).arg(home.config()).env_clear();
    let mut process = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut stdin = process.stdin.take().expect("a pipe");
    stdin.write_all(format!("Zoe@{DOMAIN}\n").as_bytes()).expect("it reads");
    drop(stdin);
    let output = process.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let taken = post.mail();
    assert_eq!((&taken["to"], &taken["tls"]), (&json!([format!("Zoe@{DOMAIN}")]), &json!(false)));
}
