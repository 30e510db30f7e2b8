//! Somebody who has a mail: the links in it, and what they do on the page that these open. Over HTTP, as a browser would.

use reqwest::{Client, RequestBuilder};
use tamis_simulator::Mail;

use crate::client::client;
use crate::play::demo::stage::Stage;
use crate::play::house::PUBLIC_URL;
use crate::terminal::Failure;

/// The ways that a mail has: to the page, and of the mail program's own button.
#[derive(Clone)]
pub(super) struct Links {
    pub(super) page: String,
    pub(super) stop: String,
}

impl Links {
    /// Those of a mail.
    pub(super) fn of(mail: &Mail) -> Result<Self, Failure> {
        let text = mail.text();
        let path = |kind: &str| {
            let begins = format!("{PUBLIC_URL}/{kind}/");
            let (_, rest) = text.split_once(&begins)?;
            let is_of_pass = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '_';
            Some(format!("/{kind}/{}", rest.chars().take_while(is_of_pass).collect::<String>()))
        };
        let missing = || Failure::failed("a mail has no link to its reader's page");
        Ok(Self { page: path("p").ok_or_else(missing)?, stop: path("u").ok_or_else(missing)? })
    }
}

/// A browser that keeps nothing.
pub(super) struct Reader<'s> {
    stage: &'s Stage,
    browser: Client,
}

impl<'s> Reader<'s> {
    pub(super) fn new(stage: &'s Stage) -> Result<Self, Failure> {
        let browser = client()?.build().map_err(|_| Failure::failed("no HTTP client can be made"))?;
        Ok(Self { stage, browser })
    }

    /// Opens an address: its status, and the page.
    pub(super) async fn open(&self, path: &str) -> Result<(u16, String), Failure> {
        seen(self.browser.get(self.stage.public(path))).await
    }

    /// Goes to the page of an act, and sends the form that stands there, filled in with this.
    pub(super) async fn act(&self, page: &str, act: &str, filled: &str) -> Result<String, Failure> {
        let (_, asked) = self.open(&format!("{page}?do={act}&lang=en")).await?;
        let carried = asked.split_once("name=\"form\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
        let (carried, _) =
            carried.ok_or_else(|| Failure::failed(format!("the page has no form to {act}")))?;
        let body = format!("do={act}&form={carried}&{filled}");
        match self.send(&format!("{page}?lang=en"), body).await? {
            (200, page) => Ok(page),
            (status, _) => Err(Failure::failed(format!("the page did not {act}: {status}"))),
        }
    }

    /// Sends a form.
    pub(super) async fn send(&self, path: &str, body: String) -> Result<(u16, String), Failure> {
        let call = self.browser.post(self.stage.public(path)).body(body);
        seen(call.header("Content-Type", "application/x-www-form-urlencoded")).await
    }
}

async fn seen(call: RequestBuilder) -> Result<(u16, String), Failure> {
    let unanswered = |_| Failure::failed("the public listener does not answer");
    let answer = call.send().await.map_err(unanswered)?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await.map_err(unanswered)?))
}
