//! What the play of leaks strews about, and what is searched for afterwards.

use std::sync::atomic::{AtomicU64, Ordering};

use super::LEADS;
use crate::support::canary;
use crate::support::disk::Needles;

/// What may be found nowhere: each a text that occurs nowhere else.
pub struct Marks {
    pub kept: String,
    pub dropped: String,
    /// The key of a custom question: its author's words, which belong into `tamis inbox` and no log line.
    pub question: String,
    /// What strangers send: to the webhook, to the admin side, in Graph's errors and headers.
    pub foreign: String,
    /// How all leadgen ids begin.
    pub ids: String,
    /// A new token of the page.
    pub new_token: String,
}

static PLAYS: AtomicU64 = AtomicU64::new(0);

impl Marks {
    pub fn new() -> Self {
        Self {
            kept: canary("kept"),
            dropped: canary("dropped"),
            question: canary("question"),
            foreign: canary("foreign"),
            ids: format!("77{:07}{:04}", std::process::id(), 4_711 + PLAYS.fetch_add(1, Ordering::Relaxed)),
            new_token: canary("new-token"),
        }
    }

    pub fn id(&self, round: usize, number: usize) -> String {
        format!("{}{round}{number:04}", self.ids)
    }

    /// Leadgen ids as numbers, in either order of bytes and as postcard writes them.
    pub fn numbers(&self) -> Vec<(String, Vec<u8>)> {
        let ids = (0..LEADS).map(|number| self.id(1, number));
        let forms = ids.flat_map(|id| {
            let number: u64 = id.parse().expect("digits");
            let forms = [number.to_be_bytes().to_vec(), number.to_le_bytes().to_vec(), varint(number)];
            forms.map(|form| (id.clone(), form))
        });
        forms.collect()
    }

    /// What may be in no log line, no problem, no metric.
    pub fn needles(&self, secrets: &[String]) -> Needles {
        Needles::named(
            self.listed(secrets).chain([(self.question.clone(), self.question.clone().into_bytes())]),
        )
    }

    pub fn listed(&self, secrets: &[String]) -> impl Iterator<Item = (String, Vec<u8>)> {
        let mine = [&self.kept, &self.dropped, &self.foreign, &self.ids, &self.new_token];
        let texts: Vec<String> = mine.into_iter().chain(secrets).cloned().collect();
        texts.into_iter().map(|text| (text.clone(), text.into_bytes()))
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).expect("seven bits"));
    bytes
}
