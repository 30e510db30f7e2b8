//! deploy/nginx.conf in nginx, and deploy/Caddyfile in Caddy, in front of the binary: what passes, what does not, and what
//! is written about it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use futures_util::stream;
use reqwest::{Client, Method};
use tamis_simulator::notification::shapes;
use tamis_simulator::{Lead, Setup, Simulator, sign};

use crate::support::disk::Needles;
use crate::support::front::{Authority, Front, HOST, OTHER_HOST, Proxy};
use crate::support::process::{Daemon, Home, VERIFY_TOKEN};
use crate::support::{DEVIS_FORM, PAGE, an_hour_ago};

/// `public.body_max_bytes` and `client_max_body_size`.
const BODY_BYTES_MAX: usize = 1_000_000;

async fn daemon() -> (Simulator, Home, Daemon) {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    (meta, home, daemon)
}

fn signed(body: &[u8]) -> String {
    sign(Setup::default().app_secrets[0].as_bytes(), body)
}

async fn post(client: &Client, url: &str, body: impl Into<reqwest::Body>, signature: &str) -> u16 {
    let call = client
        .post(url)
        .header("Content-Type", "application/json")
        .header("X-Hub-Signature-256", signature)
        .header("X-Forwarded-For", "203.0.113.9")
        .body(body);
    call.send().await.expect("an answer").status().as_u16()
}

async fn get(client: &Client, url: &str) -> (u16, String) {
    let answer = client.request(Method::GET, url).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

/// Bodies whose bytes a meddling proxy would change: escapes, letters beyond ASCII, odd white space, a large one.
fn delicate_bodies() -> Vec<Vec<u8>> {
    let entry = |id: &str, beside: &str| {
        format!(
            r#"{{"object":"page","entry":[{{"id":"{PAGE}","time":{at},{beside}"changes":[{{"field":"leadgen","value":{{"leadgen_id":"{id}","page_id":"{PAGE}","form_id":"{DEVIS_FORM}","created_time":{at}}}}}]}}]}}"#,
            at = an_hour_ago()
        )
    };
    vec![
        entry("773000000000001", r#""note":"🌻 é ü","#).into_bytes(),
        entry("773000000000002", r#""url":"https:\/\/fb.me\/x","#).into_bytes(),
        entry("773000000000003", r#""note":"\u00e4\ud83c\udf3b\u003C\u0040\u0025","#).into_bytes(),
        entry("773000000000004", "\r\n\t \"a\"  :  1 ,\n").into_bytes(),
        shapes::batch(PAGE, DEVIS_FORM, 774_000_000_000_000, 1_000, an_hour_ago()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_calls_pass_with_every_byte_as_it_was() {
    for proxy in Proxy::here() {
        let (meta, _home, daemon) = daemon().await;
        let front = Front::start(proxy, &daemon.public, None);
        let (client, url) = (front.client(None), front.url("/webhook"));
        for body in delicate_bodies() {
            let signature = signed(&body);
            let text = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            assert_eq!(post(&client, &url, body, &signature).await, 200, "{text}");
        }
        // In pieces, without a length.
        let body = shapes::without_ad(&Lead::new(PAGE, DEVIS_FORM, an_hour_ago()).with_id("775000000000001"));
        let signature = signed(&body);
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            body.chunks(7).map(|piece| Ok(piece.to_vec())).collect();
        let pieces = reqwest::Body::wrap_stream(stream::iter(pieces));
        assert_eq!(post(&client, &url, pieces, &signature).await, 200, "in pieces");

        let mut tampered = body.clone();
        tampered.push(b' ');
        assert_eq!(post(&client, &url, tampered, &signature).await, 403, "tampered with");
        assert_eq!(post(&client, &url, body, "sha256=short").await, 401, "no signature");
        let (status, said) = daemon.terminate();
        assert!(status.success(), "{said}");
        assert_eq!(said.matches(" lead.accepted ").count(), 4 + 1_000 + 1);
        meta.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_webhook_and_a_word_of_health_is_public() {
    for proxy in Proxy::here() {
        let (meta, _home, daemon) = daemon().await;
        let front = Front::start(proxy, &daemon.public, None);
        let client = front.client(None);
        assert_eq!(get(&client, &front.url("/health/ready")).await, (200, "ready".to_owned()));
        for path in [
            "/",
            "/admin",
            "/admin/v1/inbox",
            "/admin/v1/metrics",
            "/admin/v1/purposes/devis/leads",
            "/health/live",
            "/health",
            "/webhook/",
            "/webhook/x",
            "/WEBHOOK",
            "/webhook%2f..%2fadmin%2fv1%2finbox",
            "/.well-known/acme-challenge/x",
        ] {
            let (status, body) = get(&client, &front.url(path)).await;
            assert_eq!(status, 404, "{path}");
            assert!(!body.contains("tamis"), "{path}: {proxy} itself refuses, tamis is not asked");
        }
        // Plain HTTP leads nowhere, and another name meets no certificate.
        let plain = format!("http://{}/webhook?hub.verify_token={VERIFY_TOKEN}", front.plain);
        match client.get(plain).send().await {
            Ok(answer) => assert_eq!(answer.status(), 404, "{proxy}"),
            Err(error) => assert!(proxy == Proxy::Caddy && error.is_connect(), "{error:?}"),
        }
        let other = front.url("/webhook").replace(HOST, OTHER_HOST);
        let refused = client.get(other).send().await.expect_err("refused");
        assert!(proxy == Proxy::Caddy || format!("{refused:?}").contains("UnrecognisedName"), "{refused:?}");

        let limit = vec![b'x'; BODY_BYTES_MAX];
        let signature = signed(&limit);
        assert_eq!(
            post(&client, &front.url("/webhook"), limit, &signature).await,
            400,
            "at the limit: not JSON"
        );
        let large = vec![b'x'; 1_100_000];
        let signature = signed(&large);
        assert_eq!(post(&client, &front.url("/webhook"), large, &signature).await, 413);
        daemon.terminate();
        meta.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_no_signature_and_no_id_is_written_by_the_proxy() {
    for proxy in Proxy::here() {
        let (meta, _home, daemon) = daemon().await;
        let front = Front::start(proxy, &daemon.public, None);
        let client = front.client(None);
        let handshake = front.url(&format!(
            "/webhook?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=8675309001"
        ));
        assert_eq!(get(&client, &handshake).await, (200, "8675309001".to_owned()));
        let guess =
            front.url("/webhook?hub.mode=subscribe&hub.verify_token=guess-me-not&hub.challenge=8675309002");
        assert_eq!(get(&client, &guess).await.0, 403);
        assert_eq!(
            get(&client, &front.url(&format!("/elsewhere?hub.verify_token={VERIFY_TOKEN}"))).await.0,
            404
        );
        let mut unseen: BTreeSet<String> =
            [VERIFY_TOKEN, "guess-me-not", "8675309001", "8675309002", "hub.verify", "203.0.113.9"]
                .map(str::to_owned)
                .into();
        for body in delicate_bodies() {
            let signature = signed(&body);
            assert_eq!(post(&client, &front.url("/webhook"), body, &signature).await, 200);
            unseen.insert(signature.trim_start_matches("sha256=").to_owned());
        }
        unseen.extend(["773000000000001", "774000000000500"].map(str::to_owned));
        let large = vec![b'x'; 1_100_000];
        assert_eq!(
            post(&client, &front.url(&format!("/webhook?hub.verify_token={VERIFY_TOKEN}")), large, "sha256=")
                .await,
            413
        );
        // nginx has most to say about an upstream that is gone.
        let (status, said) = daemon.terminate();
        assert!(status.success(), "{said}");
        assert_eq!(get(&client, &handshake).await.0, 502);
        assert_eq!(get(&client, &front.url(&format!("/health/ready?token={VERIFY_TOKEN}"))).await.0, 502);

        let log = front.access_log(11);
        let written = log.join("\n");
        match proxy {
            Proxy::Nginx => {
                assert!(log[0].contains("\"GET /webhook HTTP/1.1\" 200 "), "{written}");
                assert!(log[0].contains(" upstream=200/") && log[0].contains(" meta=NONE"), "{written}");
                let id = log[0].split(" id=").nth(1).and_then(|rest| rest.split(' ').next()).expect("an id");
                assert!(id.len() == 16 && said.contains(id), "it leads to tamis's own log: {id}\n{said}");
                let too_large = log.iter().find(|line| line.contains("\"POST /webhook HTTP/1.1\" 413 "));
                let asked = too_large.is_none_or(|line| !line.contains(" upstream=-/- "));
                assert!(!asked, "tamis was asked:\n{written}");
                assert!(written.contains("\"GET /webhook HTTP/1.1\" 502 "), "{written}");
            }
            Proxy::Caddy => {
                let lines = log.iter().map(|line| serde_json::from_str(line).expect("JSON"));
                let lines: Vec<serde_json::Value> = lines.collect();
                let statuses: Vec<_> = lines.iter().filter_map(|line| line["status"].as_u64()).collect();
                assert_eq!((statuses[0], lines[0]["request"]["uri"].as_str()), (200, Some("/webhook")));
                assert!(statuses.contains(&413) && statuses.ends_with(&[502, 502]), "{written}");
            }
        }
        let logs = front.directory.path();
        assert_eq!(Needles::of(unseen).below(logs), Vec::<String>::new());
        assert!(
            !Needles::of(["/webhook"]).below(logs).is_empty(),
            "the search finds nothing, so it proves nothing"
        );
        meta.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tamis_is_told_the_callers_address_and_nothing_that_the_caller_claims() {
    for proxy in Proxy::here() {
        let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = upstream.local_addr().expect("an address").to_string();
        let (heard, received) = mpsc::channel();
        let listener = std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
            let (stream, _) = upstream.accept().expect("a call");
            let _ = heard.send(take(stream));
        });
        let front = Front::start(proxy, &address, None);
        let body = delicate_bodies().remove(0);
        assert_eq!(
            post(&front.client(None), &front.url("/webhook?a=%2F"), body.clone(), "sha256=x").await,
            200
        );
        let (head, passed) = received.recv_timeout(Duration::from_secs(10)).expect("a call");
        listener.expect("a thread").join().expect("no panic");
        assert_eq!(passed, body, "byte for byte");
        assert_eq!(head[0], "POST /webhook?a=%2F HTTP/1.1");
        let values = |name: &str| -> Vec<String> {
            let line = |line: &String| {
                let (key, value) = line.split_once(": ")?;
                key.eq_ignore_ascii_case(name).then(|| value.to_owned())
            };
            head.iter().filter_map(line).collect()
        };
        assert_eq!(values("X-Forwarded-For"), ["127.0.0.1"]);
        assert_eq!(values("X-Forwarded-Proto"), ["https"]);
        assert_eq!(values("X-Hub-Signature-256"), ["sha256=x"]);
        let host = values("Host").remove(0);
        // Whoever calls another port than 443 names it.
        assert!(host == HOST || proxy == Proxy::Caddy && host.starts_with(&format!("{HOST}:")), "{host}");
        assert_eq!(values("Connection"), Vec::<String>::new(), "kept open");
    }
}

/// Reads one request and answers it.
fn take(stream: TcpStream) -> (Vec<String>, Vec<u8>) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length =
        head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.expect("a length")];
    reader.read_exact(&mut body).expect("a body");
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("an answer");
    (head, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_metas_client_certificate_asked_for_only_its_name_under_its_authority_may_post() {
    for proxy in Proxy::here() {
        const NAME: &str = "client.webhooks.fbclientcerts.com";
        let (meta, _home, daemon) = daemon().await;
        let root = Authority::new("Meta's");
        let front = Front::start(proxy, &daemon.public, Some(&root));
        let below = root.intermediate("one below");
        let url = front.url("/webhook");
        let body = delicate_bodies().remove(0);
        let signature = signed(&body);
        let status = async |client: &Client| post(client, &url, body.clone(), &signature).await;

        let right = below.client("Meta Platforms, Inc.", NAME);
        assert_eq!(status(&front.client(Some(&right))).await, 200, "Meta");
        assert_eq!(status(&front.client(None)).await, 403, "nobody");
        for (organisation, name) in [
            ("Meta Platforms, Inc.", "other.fbclientcerts.com"),
            ("Meta Platforms, Inc.", "client.webhooks.fbclientcerts.com.example"),
            ("Meta Platforms, Inc.", "x.client.webhooks.fbclientcerts.com"),
            ("x,CN=client.webhooks.fbclientcerts.com", "other"),
            ("x", "other,CN=client.webhooks.fbclientcerts.com"),
        ] {
            let wrong = below.client(organisation, name);
            assert_eq!(status(&front.client(Some(&wrong))).await, 403, "{organisation} {name}");
        }
        let stranger =
            Authority::new("another").intermediate("below it").client("Meta Platforms, Inc.", NAME);
        match proxy {
            Proxy::Nginx => {
                assert_eq!(status(&front.client(Some(&stranger))).await, 400, "another authority");
            }
            // It refuses before there is a request.
            Proxy::Caddy => {
                let sent = front.client(Some(&stranger)).post(&url).body(body.clone()).send().await;
                assert!(sent.is_err(), "another authority");
            }
        }
        // The handshake proves itself by the token, health is a word.
        let handshake = front
            .url(&format!("/webhook?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=1"));
        assert_eq!(get(&front.client(None), &handshake).await, (200, "1".to_owned()));
        assert_eq!(get(&front.client(None), &front.url("/health/ready")).await.0, 200);
        if proxy == Proxy::Nginx {
            assert!(front.access_log(9)[0].ends_with(" meta=SUCCESS"));
        }
        daemon.terminate();
        meta.stop().await;
    }
}

/// What the proxy and tamis might part in two ways: if it were, an address that is not public would be answered, or the next
/// caller would get somebody else's answer.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_smuggled_past_the_proxy() {
    for proxy in Proxy::here() {
        let (meta, _home, daemon) = daemon().await;
        let front = Front::start(proxy, &daemon.public, None);
        let (client, ready) = (front.client(None), front.url("/health/ready"));
        let hidden = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
        let length = hidden.len();
        let post = |lines: &str, rest: &str| {
            format!("POST /webhook HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n{rest}{hidden}")
        };
        let chunked = "Transfer-Encoding: chunked\r\n";
        let shapes = [
            post(&format!("Content-Length: {length}\r\n{chunked}"), "0\r\n\r\n"),
            post(&format!("{chunked}Content-Length: {length}\r\n"), "0\r\n\r\n"),
            post(&format!("Content-Length: 0\r\nContent-Length: {length}\r\n"), ""),
            post(&format!("Content-Length: {length}\r\nContent-Length: 0\r\n"), ""),
            post(&format!("Content-Length: 0, {length}\r\n"), ""),
            post(&format!("Content-Length : {length}\r\n"), ""),
            post(&format!("X: y\r\n Content-Length: {length}\r\n"), ""),
            post(&format!("X: y\rContent-Length: {length}\r\n"), ""),
            post(&format!("X: y\nContent-Length: {length}\r\n"), ""),
            post(&format!("Content_Length: {length}\r\n"), ""),
            post(&format!("Content-Length: +{length}\r\n"), ""),
            post(&format!("Content-Length: {length}\r\nTransfer-Encoding: identity\r\n"), ""),
            post(&format!("Content-Length: {length}\r\nTransfer-Encoding: xchunked\r\n"), "0\r\n\r\n"),
            post(&format!("Content-Length: {length}\r\nTransfer-Encoding : chunked\r\n"), "0\r\n\r\n"),
            post(&format!("Content-Length: {length}\r\nTransfer-Encoding:\x0bchunked\r\n"), "0\r\n\r\n"),
            post(&format!("Content-Length: {length}\r\nTransfer_Encoding: chunked\r\n"), "0\r\n\r\n"),
            post(&format!("Content-Length: {length}\r\nX: y\nTransfer-Encoding: chunked\r\n"), "0\r\n\r\n"),
            post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
            post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
            post(&format!("{chunked}{chunked}"), "0\r\n\r\n"),
            post(chunked, "0\n\n"),
            post(chunked, "0\r\nX: y\r\n\r\n"),
            post(chunked, "1;a\nb\r\nx\r\n0\r\n\r\n"),
            post(chunked, "00000000000000000\r\n\r\n"),
            post(chunked, "10000000000000000\r\n\r\n"),
            post(chunked, "5\r\nhello!\r\n0\r\n\r\n"),
            post("Expect: 100-continue\r\nContent-Length: 0\r\n", ""),
            post("Connection: Content-Length\r\nContent-Length: 2\r\n", "{}"),
            post("Upgrade: websocket\r\nConnection: Upgrade\r\n", ""),
        ];
        for shape in shapes {
            let told = front.send_raw(shape.as_bytes());
            assert!(!told.contains("\r\n\r\nlive"), "{shape:?}: {told}");
            for _ in 0..3 {
                assert_eq!(get(&client, &ready).await, (200, "ready".to_owned()), "after {shape:?}: {told}");
            }
        }
        let (status, said) = daemon.terminate();
        assert!(status.success() && !said.contains(" ERROR "), "{said}");
        meta.stop().await;
    }
}
