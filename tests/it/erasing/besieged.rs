//! `kill -9` of the daemon itself while leads come in and a client erases and corrects over HTTP: what was answered as erased stays
//! so, is exported by nobody, and its receipt is there; a request without an answer is sent again under its key.
//! `TAMIS_ERASING_DAEMON_KILLS=100 cargo test --release --test it -- erasing::besieged --nocapture` goes on from there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tamis_simulator::Simulator;

use super::house::{ROOT, copy};
use super::outsider::{self, Memory};
use crate::mutated::number;
use crate::support::account::{knows, settled, trail};
use crate::support::disk::Needles;
use crate::support::process::{Daemon, Home};
use crate::support::senders::{self, Chance, Fate, Senders, email, leadgen, number_of};

const KILLS: u64 = 10;
const SEED: u64 = 14;
/// How long a life lasts beyond its start.
const LIFE_MS_MIN: u64 = 150;
const LIFE_MS_SPREAD: u64 = 350;
/// So many clients at once.
const CLIENTS: usize = 3;
/// So many leads come in before the first erasure.
const SEEN_WHOLE: usize = 8;
/// A pause of each sender after each call, so that there is time for the others.
const PAUSE: Duration = Duration::from_millis(20);
/// What cannot be done at the moment is asked for again so often, a moment later each time.
const TRIES: usize = 200;
const A_MOMENT: Duration = Duration::from_millis(25);

/// One lead that was to be erased.
struct Erasing {
    /// As the request was.
    body: Value,
    /// The erasure and its receipt, once there was an answer.
    answered: Option<(String, String)>,
}

/// What the client asked for and was told.
#[derive(Default)]
struct Book {
    /// By lead.
    erasing: BTreeMap<usize, Erasing>,
    /// By lead: the record, the last correction that was answered, and the last that was asked for.
    corrected: BTreeMap<usize, (String, u64, u64)>,
    editions: u64,
    /// Stored, as an export said last.
    exported: BTreeMap<usize, String>,
}

impl Book {
    /// What was answered as erased.
    fn erased(&self) -> BTreeSet<usize> {
        let answered = self.erasing.iter().filter(|(_, erasing)| erasing.answered.is_some());
        answered.map(|(lead, _)| *lead).collect()
    }
}

fn corrected_name(lead: usize, edition: u64) -> String {
    format!("Corrected {lead} edition {edition:06}")
}

/// A client whose calls may meet a daemon that is gone.
struct Client(reqwest::Client);

impl Client {
    fn of(daemon: &Daemon) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let builder = reqwest::Client::builder().no_proxy().unix_socket(daemon.socket());
        Self(builder.build().expect("a client"))
    }

    /// Status and body; none: nobody answered, or not to the end.
    async fn post(&self, path: &str, body: &Value, key: Option<String>) -> Option<(u16, Value)> {
        let mut call = self.0.post(format!("http://admin.sock/admin/v1/{path}"));
        if let Some(key) = key {
            call = call.header("Idempotency-Key", key);
        }
        let answer =
            call.header("Tamis-Reason", "person-request").body(body.to_string()).send().await.ok()?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.ok()?;
        Some((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Asks for an erasure, and again while that cannot be done. False: nobody answered.
    async fn erase(&self, lead: usize, book: &Mutex<Book>) -> bool {
        let body = book.lock().expect("no panic").erasing[&lead].body.clone();
        for _ in 0..TRIES {
            let answer = self.post("erasures", &body, Some(format!("key-{lead}"))).await;
            let Some((status, said)) = answer else { return false };
            if status == 200 {
                let text = |name: &str| said[name].as_str().map(str::to_owned);
                let answered = text("erasure").zip(text("receipt"));
                assert!(answered.is_some(), "no receipt: {said}");
                book.lock().expect("no panic").erasing.get_mut(&lead).expect("asked").answered = answered;
                return true;
            }
            assert!([429, 503].contains(&status), "{body}: {status} {said}");
            tokio::time::sleep(A_MOMENT).await;
        }
        panic!("{body} is never answered");
    }

    /// Corrects a record that was exported, unless it is gone. False: nobody answered.
    async fn correct(&self, lead: usize, id: &str, book: &Mutex<Book>) -> bool {
        let edition = {
            let mut book = book.lock().expect("no panic");
            book.editions += 1;
            let edition = book.editions;
            book.corrected.entry(lead).or_insert((id.to_owned(), 0, 0)).2 = edition;
            edition
        };
        let body = json!({"id": id, "fields": {"full_name": [corrected_name(lead, edition)]}});
        match self.post("corrections", &body, None).await {
            None => return false,
            Some((200, _)) => {
                book.lock().expect("no panic").corrected.get_mut(&lead).expect("asked").1 = edition;
            }
            // It was erased meanwhile; or that cannot be done at the moment.
            Some((404 | 410 | 503, _)) => {}
            Some((status, said)) => panic!("{id}: {status} {said}"),
        }
        true
    }
}

/// Erases, until nobody answers; one of them corrects in between, so that it is known which correction came last.
async fn erase(
    client: &Client,
    senders: &Senders,
    chance: &Chance,
    book: &Mutex<Book>,
    (corrects, over): (bool, &AtomicBool),
) {
    while !over.load(Ordering::SeqCst) {
        let (lead, stored, exported) = {
            let book = book.lock().expect("no panic");
            let answered = senders.answered(0);
            let lead = answered.get(chance.place(answered.len())).map(|(lead, _)| *lead);
            let nth = chance.place(book.exported.len());
            let stored = book.exported.iter().nth(nth).map(|(lead, id)| (*lead, id.clone()));
            let lead = lead.filter(|lead| !book.erasing.contains_key(lead));
            (lead, stored, lead.and_then(|lead| book.exported.get(&lead).cloned()))
        };
        if let Some((lead, id)) = stored.filter(|_| corrects)
            && !client.correct(lead, &id, book).await
        {
            return;
        }
        let Some(lead) = lead.filter(|_| chance.below(3) > 0) else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        // Also what lies in the journal alone; of what is stored some by its record, and some by its address.
        let by = match (exported, chance.below(4)) {
            (Some(id), 0) => json!({ "id": id }),
            (Some(_), 1) => json!({"email": email(lead)}),
            _ => json!({"leadgen_id": leadgen(lead)}),
        };
        let erasing = Erasing { body: json!({ "by": by }), answered: None };
        {
            let mut book = book.lock().expect("no panic");
            if book.erasing.contains_key(&lead) {
                continue;
            }
            book.erasing.insert(lead, erasing);
        }
        if !client.erase(lead, book).await {
            return;
        }
    }
}

/// What must hold of a daemon that came back. `fresh`: the erasures that were answered since the last look.
async fn judge(daemon: &Daemon, book: &mut Book, sent: usize, fresh: &BTreeSet<usize>) -> Result<(), String> {
    let admin = daemon.admin();
    let page = admin.get("/admin/v1/purposes/devis/leads?limit=10000").await;
    if page.status != 200 || page.header("tamis-more") == "true" {
        return Err(format!("the export answers {}: {}", page.status, page.header("tamis-more")));
    }
    let erased = book.erased();
    book.exported.clear();
    for record in page.lines() {
        let lead = number_of(record["fields"]["email"][0].as_str().unwrap_or_default());
        let Some(lead) = lead.filter(|lead| *lead < sent && Fate::of(*lead) == Fate::Stored) else {
            return Err(format!("a record that nobody sent: {record}"));
        };
        if erased.contains(&lead) {
            return Err(format!("{lead} was answered as erased, and is exported"));
        }
        let name = record["fields"]["full_name"][0].as_str().unwrap_or_default();
        let (answered, asked) = book.corrected.get(&lead).map_or((0, 0), |(_, one, other)| (*one, *other));
        let edition = match name.split_once(" edition ") {
            None => 0,
            Some((_, digits)) => digits.parse().map_err(|_| format!("{lead} has an odd name"))?,
        };
        let own = if edition == 0 { format!("Person {lead}") } else { corrected_name(lead, edition) };
        if name != own || !(answered..=asked).contains(&edition) {
            return Err(format!("{lead} is {name:?}: correction {answered} was answered, {asked} asked for"));
        }
        let id = record["id"].as_str().unwrap_or_default().to_owned();
        if book.exported.insert(lead, id).is_some() {
            return Err(format!("{lead} is exported twice"));
        }
    }
    for lead in fresh {
        let found = admin.post("/admin/v1/find", &json!({ "leadgen_id": leadgen(*lead) })).await.json();
        let records = found["records"].as_array().map(Vec::as_slice).unwrap_or_default();
        if records.is_empty() || records.iter().any(|record| record["state"] != "erased") {
            return Err(format!("{lead} was answered as erased, and is {found}"));
        }
        let Some((erasure, receipt)) = &book.erasing[lead].answered else { continue };
        let shown = admin.get(&format!("/admin/v1/erasures/{erasure}")).await.json();
        let note = admin.get(&format!("/admin/v1/erasures/{erasure}?format=note")).await;
        if shown["state"] != "done" || note.status != 200 {
            return Err(format!("erasure {erasure} of {lead} is {shown}, its receipt {}", note.status));
        }
        // It is signed anew each time, and says the same.
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        if first(&note.text()) != first(receipt) {
            return Err(format!("the receipt of {erasure} is another: {} and {receipt}", note.text()));
        }
    }
    Ok(())
}

/// Whoever copies everything at this moment, and has the root key, learns what is there, and opens nothing that was erased.
fn outside(
    home: &Path,
    memory: &mut Memory,
    book: &Book,
    ids: &BTreeMap<usize, String>,
) -> Result<(), String> {
    let aside = tempfile::tempdir().expect("a directory");
    for part in ["store", "keys"] {
        copy(&home.join(part), &aside.path().join(part));
    }
    let parts = ["store", "keys"].map(|part| outsider::files(&home.join(part))).concat();
    let reached = memory.reached(&outsider::pages(&parts, &ROOT));
    let erased = book.erased();
    let gone: BTreeSet<&String> =
        ids.iter().filter(|(lead, _)| erased.contains(lead)).map(|(_, id)| id).collect();
    if let Some(version) = reached.iter().find(|version| gone.contains(&version.id)) {
        return Err(format!("{version:?} was answered as erased, and opens by what lies on the disk"));
    }
    let edition = |text: &[u8]| {
        let at = memchr::memmem::find(text, b" edition ").map(|at| at + b" edition ".len());
        let digits = at.and_then(|at| text.get(at..at + 6)).and_then(|text| std::str::from_utf8(text).ok());
        digits.map_or(0, |digits| digits.parse::<u64>().unwrap_or(0))
    };
    for (id, answered, _) in book.corrected.values() {
        let before =
            memory.versions_of(id).filter(|version| memory.text(version).map_or(0, edition) < *answered);
        for version in before {
            if reached.contains(version) {
                return Err(format!("{version:?} was corrected since, and opens by what lies on the disk"));
            }
        }
    }
    memory.learn(aside.path(), &ROOT);
    Ok(())
}

async fn siege(home: &Home, meta: &Simulator, kills: u64, chance: &Chance) -> Result<String, String> {
    let senders = Senders::new(meta, PAUSE);
    let (book, mut memory) = (Mutex::new(Book::default()), Memory::default());
    // Every record that was ever exported.
    let mut ids: BTreeMap<usize, String> = BTreeMap::new();
    let (mut looked_at, mut judged) = (0, BTreeSet::new());
    for kill in 1..=kills + 1 {
        let is_last = kill > kills;
        let daemon = home.try_serve::<&str>(&[], &[])?;
        daemon.misses_nothing()?;
        let client = Client::of(&daemon);
        let told = |fault: String| format!("after kill {}: {fault}", kill - 1);
        // Whoever had no answer asks again.
        let open: Vec<usize> = {
            let book = book.lock().expect("no panic");
            let open = book.erasing.iter().filter(|(_, erasing)| erasing.answered.is_none());
            open.map(|(lead, _)| *lead).collect()
        };
        for lead in open {
            if !client.erase(lead, &book).await {
                return Err(told("nobody answers".to_owned()));
            }
        }
        if is_last {
            senders.send_the_rest(&daemon.webhook()).await?;
            settled(&daemon.admin()).await?;
        }
        let fresh: Vec<usize> = senders.answered(looked_at).into_iter().map(|(lead, _)| lead).collect();
        looked_at += fresh.len();
        knows(meta, &daemon, &fresh).await.map_err(told)?;
        let erased = book.lock().expect("no panic").erased();
        let since: BTreeSet<usize> = if is_last { erased.clone() } else { &erased - &judged };
        {
            let mut taken = std::mem::take(&mut *book.lock().expect("no panic"));
            judge(&daemon, &mut taken, senders.sent(), &since).await.map_err(told)?;
            ids.extend(taken.exported.iter().map(|(lead, id)| (*lead, id.clone())));
            *book.lock().expect("no panic") = taken;
        }
        judged = erased;
        if is_last {
            trail(&daemon.admin()).await?;
            let (status, said) = daemon.terminate();
            if !status.success() {
                return Err(format!("it did not end well: {said}"));
            }
            break;
        }
        let (webhook, over) = (daemon.webhook(), AtomicBool::new(false));
        if kill == 1 {
            // The outsider sees the tree whole before anything is erased from it.
            senders.send(&webhook, &over, SEEN_WHOLE).await;
            settled(&daemon.admin()).await?;
            outside(home.directory.path(), &mut memory, &book.lock().expect("no panic"), &ids)
                .map_err(told)?;
        }
        let load = senders.send(&webhook, &over, usize::MAX);
        let killer = async {
            tokio::time::sleep(Duration::from_millis(LIFE_MS_MIN + chance.below(LIFE_MS_SPREAD))).await;
            daemon.kill();
            over.store(true, Ordering::SeqCst);
        };
        let clients = (0..CLIENTS).map(|nth| erase(&client, &senders, chance, &book, (nth == 0, &over)));
        tokio::join!(load, join_all(clients), killer);
        outside(home.directory.path(), &mut memory, &book.lock().expect("no panic"), &ids).map_err(told)?;
    }
    let book = book.into_inner().expect("no panic");
    outside(home.directory.path(), &mut memory, &book, &ids)?;
    // Nobody else is missing.
    let erased = book.erased();
    let missing = (0..senders.sent()).filter(|lead| {
        Fate::of(*lead) == Fate::Stored && !erased.contains(lead) && !book.exported.contains_key(lead)
    });
    let missing: Vec<usize> = missing.collect();
    if !missing.is_empty() {
        return Err(format!("lost: {missing:?}"));
    }
    let names = book.corrected.iter().map(|(lead, (_, answered, _))| corrected_name(*lead, *answered));
    let texts = (0..senders.sent()).flat_map(|lead| [email(lead), leadgen(lead)]).chain(names);
    let needles = Needles::of(texts);
    for part in ["store", "keys"] {
        let found = needles.below(&home.directory.path().join(part));
        if !found.is_empty() {
            return Err(format!("in clear: {found:?}"));
        }
    }
    let corrections = book.corrected.values().filter(|(_, answered, _)| *answered > 0).count();
    let opened = erased.iter().filter(|lead| ids.contains_key(lead)).count();
    let tally = format!(
        "{kills} kills: {} leads sent, {} erased over HTTP ({opened} of them seen stored before), {corrections} records corrected, {} versions known to the outsider",
        senders.sent(),
        erased.len(),
        memory.len()
    );
    // On a machine that has much else to do a life does little.
    let is_enough = erased.len() as u64 > kills && corrections >= 3 && opened >= 3;
    if is_enough { Ok(tally) } else { Err(format!("too little to prove anything: {tally}")) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_was_answered_as_erased_stays_so_after_each_kill_of_the_daemon() {
    let kills = number("TAMIS_ERASING_DAEMON_KILLS", KILLS);
    let seed = number("TAMIS_ERASING_SEED", SEED);
    let (begun, chance) = (Instant::now(), Chance::new(seed));
    let meta = senders::meta().await;
    let home = senders::home(&meta);
    let tally = siege(&home, &meta, kills, &chance).await;
    let tally = tally.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
    println!("{tally}, {:.1} s", begun.elapsed().as_secs_f64());
    meta.stop().await;
}
