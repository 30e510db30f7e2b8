//! A real browser, driven as a person drives it: Debian's Chromium by WebDriver (W3C), keys pressed and not called.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::{Value, json};

/// Keys of WebDriver's table (section 17.4.2).
pub const TAB: &str = "\u{E004}";
/// The same.
pub const ENTER: &str = "\u{E007}";

/// A window: what a device shows of a page, in CSS pixels, and how many of its own it has for each.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub width: u32,
    pub height: u32,
    pub scale: u32,
}

/// A telephone.
pub const PHONE: Window = Window { width: 390, height: 844, scale: 3 };
/// A desk.
pub const DESK: Window = Window { width: 1_280, height: 1_024, scale: 1 };
/// The same desk where everything is shown four times as large (WCAG 2.2, 1.4.10): what remains is 320 by 256.
pub const DESK_AT_400: Window = Window { width: 320, height: 256, scale: 4 };

/// Beside many others that take ports its driver gives up now and then, before it has one.
const DRIVER_TRIES: usize = 5;

/// The program that drives a browser, and its port. None: it gave up.
fn driver(home: &Path) -> Option<(Child, u16)> {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").env("HOME", home).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut driver = command.spawn().expect("chromedriver");
    let said = BufReader::new(driver.stdout.take().expect("its words")).lines();
    let port = said.map_while(Result::ok).find_map(|line| {
        let rest = line.split("started successfully on port ").nth(1)?;
        rest.trim_end_matches('.').parse::<u16>().ok()
    });
    if port.is_none() {
        let _ = driver.kill();
        driver.wait().expect("it ended");
    }
    Some((driver, port?))
}

/// A browser with one window. Gone when dropped.
pub struct Browser {
    driver: Child,
    client: Client,
    session: String,
}

impl Browser {
    /// Starts one with a profile in this directory.
    pub async fn start(directory: &Path, Window { width, height, scale }: Window) -> Self {
        let started = (0..DRIVER_TRIES).find_map(|_| driver(directory));
        let (driver, port) = started.expect("chromedriver says on which port it is");
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let client = Client::builder().no_proxy().build().expect("a client");
        let base = format!("http://127.0.0.1:{port}/session");
        let options = json!({
            "binary": "/usr/bin/chromium",
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                format!("--user-data-dir={}", directory.join("profile").display())],
            "mobileEmulation": {"deviceMetrics": {"width": width, "height": height, "pixelRatio": scale, "touch": false}},
        });
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}});
        let mut browser = Self { driver, client, session: base.clone() };
        let made = browser.post("", wanted).await;
        browser.session = format!("{base}/{}", made["sessionId"].as_str().expect("a session"));
        browser
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.session);
        let answer = self.client.post(url).body(body.to_string()).send().await.expect("an answer");
        let text = answer.text().await.expect("a body");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert!(value["value"].get("error").is_none(), "{path}: {text}");
        value["value"].clone()
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// Runs the body of a function in the page.
    pub async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Presses a key and lets it go.
    pub async fn press(&self, key: &str) {
        let keys = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        self.post("/actions", json!({"actions": [{"type": "key", "id": "keys", "actions": keys}]})).await;
    }

    /// Ends the session, so that the browser goes before its profile does.
    pub async fn end(self) {
        let _ = self.client.delete(&self.session).send().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
