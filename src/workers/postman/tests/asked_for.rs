//! What somebody asked for: to which mailbox it goes, and of which records.

use super::*;
use crate::clock::Day;
use crate::people::{Pass, PassKind};
use crate::purpose::RecordId;
use crate::purpose::law::RequestKind;
use crate::secret::Wiped;
use crate::store::contract::Row;
use crate::store::{AskedFor, GivenPass, PASSES_OF_RECORD_MAX, SHOWN_AT_ONCE_MAX, ToPass, ToRequest};
use crate::workers::sample::Searched;

/// What is asked for whenever a copy is made.
type Made = Arc<Mutex<Vec<(Vec<String>, String, Lacks)>>>;

struct Asked {
    host: MemoryHost,
    store: SharedStore,
    postman: Postman,
    made: Made,
}

impl Asked {
    /// A record under each of these purposes, of whoever has this address; a copy is what `copy` says.
    async fn of(held: &[(&str, &str)], copy: fn() -> Result<String, &'static str>) -> Self {
        let lead =
            |(purpose, email): &(&str, &str)| leads::lead(purpose, email, false, plus_months(start(), 12));
        let Searched { host, store, policy, searcher } = Searched::with(held.iter().map(lead)).await;
        let letterhead =
            Letterhead { controller: controller(), public_url: "https://leads.lumen.example".to_owned() };
        let of_house = (policy, Arc::new(Current::new(letterhead)));
        let (server, made) = ((settings(), 3_600, true), Made::default());
        let noted = Arc::clone(&made);
        let copying = move |CopyOf { records, address, lacks, .. }| -> futures_util::future::BoxFuture<_> {
            let ids = records.iter().map(RecordId::to_string).collect();
            noted.lock().push((ids, address.to_string(), lacks));
            let text = || copy().map(Wiped::new);
            let made = text().and_then(|json| Ok(CopyFiles { json, html: text()? }));
            Box::pin(async move { made })
        };
        let postman = Postman::new(store.clone(), server, of_house, &Metrics::new(), host.clock.clone());
        let postman = postman.answering(searcher, Box::new(copying));
        Self { host, store, postman, made }
    }

    async fn written(&self, mail: &MailId) -> Written {
        assert_eq!(self.store.ask_for_mail(mail.clone()).await, Ok(true));
        let attempt = self.store.try_mail(mail.clone()).await.expect("tried").expect("it waits");
        let written = self.postman.desk.write(mail, &attempt, &settings()).await.expect("answered");
        assert!(self.store.mail_stands(mail, &attempt));
        written
    }

    async fn told(&self, action: Action) -> Vec<String> {
        let lines = self.store.lines(0, 1_000).await.expect("a trail");
        let of = lines.iter().filter(|line| line.entry.action() == action);
        of.filter_map(|line| line.entry.from.as_ref().map(ToString::to_string)).collect()
    }
}

fn asked(id: &str, kind: MailKind) -> MailId {
    MailId { record: record(id), kind }
}

/// The plain text of what was written.
fn text(written: &Written) -> String {
    let Written::Mail(raw) = written else { panic!("it is written") };
    String::from_utf8_lossy(raw.expose()).replace("=\r\n", "")
}

#[tokio::test]
async fn one_mail_has_a_link_for_each_record_of_the_mailbox_also_of_who_is_restricted_or_objected() {
    let held = [("devis", ZOE), ("devis", "max@canary.example"), ("lettre", "Zoe@Canary.example")];
    let world = Asked::of(&held, || Err("never")).await;
    let day = Day::of(start()).plus(30);
    let restricted = world.store.restrict(record("devis-1-1"), day, by_officer(Action::Restricted)).await;
    restricted.expect("restricted");
    let address = Address::email(ZOE).expect("an address");
    let no = ToSuppress { addresses: vec![address], purpose: None, months: 36 };
    world.store.suppress(no, by_officer(Action::Suppressed)).await.expect("on the list");
    let mail = text(&world.written(&asked("devis-1-1", MailKind::Link)).await);
    assert!(mail.contains(&format!("To: {ZOE}\r\n")), "{mail}");
    let links = mail.lines().filter(|line| line.starts_with("https://leads.lumen.example/p/")).count();
    assert_eq!(links, 2, "{mail}");
    assert!(!mail.contains("List-Unsubscribe"), "{mail}");
    assert_eq!(world.told(Action::PassGiven).await, ["devis-1-1", "lettre-1-1"]);
    assert_eq!(world.told(Action::MailBegun).await, ["devis-1-1", "lettre-1-1"], "and no other is read");
    assert!(world.made.lock().is_empty());
}

/// Each pass of the pages that a mail leads to.
fn passes(mail: &str) -> Vec<Pass> {
    let lines = mail.lines().filter_map(|line| line.strip_prefix("https://leads.lumen.example/p/"));
    lines.map(|rest| Pass::parse(&rest[..43]).expect("a pass")).collect()
}

#[tokio::test]
async fn all_links_of_a_mail_that_nobody_has_are_taken_back() {
    let world = Asked::of(&[("devis", ZOE); 2 + PASSES_OF_RECORD_MAX], || Err("never")).await;
    let mail = text(&world.written(&asked("devis-1-1", MailKind::Link)).await);
    assert_eq!(passes(&mail).len(), 2 + PASSES_OF_RECORD_MAX, "{mail}");
    for pass in passes(&mail) {
        assert!(world.store.open_pass(pass).await.expect("answered").is_some());
    }
    world.postman.desk.take_back().await;
    for pass in passes(&mail) {
        assert!(world.store.open_pass(pass).await.expect("answered").is_none());
    }
}

/// A mail whose writing breaks off leaves no link behind, whatever becomes of the mails after it.
#[tokio::test]
async fn what_was_given_for_a_mail_that_could_not_be_written_is_taken_back() {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let mut world = Asked::of(&[("devis", ZOE)], || Err("never")).await;
    let mail = asked("devis-1-1", MailKind::Link);
    assert_eq!(world.store.ask_for_mail(mail.clone()).await, Ok(true));
    let wanted = ToPass { record: mail.record.clone(), kind: PassKind::Page, last_day: None };
    let given = world.store.give_pass(wanted, Entry::by_system(Action::PassGiven)).await.expect("answered");
    let GivenPass::Given(pass) = given else { panic!("it is there") };
    world.postman.desk.note_given(pass.hash());

    // A copy of the store begins once the server has said that it is there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    world.postman.settings.port = listener.local_addr().expect("an address").port();
    let server = async {
        let (stream, _) = listener.accept().await.expect("a caller");
        let (from, mut to) = stream.into_split();
        let mut lines = BufReader::new(from).lines();
        to.write_all(b"220 mail.example\r\n").await.expect("written");
        while let Ok(Some(line)) = lines.next_line().await {
            let is_over = line == "QUIT";
            if is_over {
                world.host.copy(true);
            }
            to.write_all(b"250 mail.example\r\n").await.expect("written");
            if is_over {
                break;
            }
        }
    };
    let (delivered, ()) = tokio::join!(world.postman.deliver(&mail), server);
    let refused = delivered.err().map(|error| error.code);
    assert_eq!(refused, Some(StoreCode::CopyUnderWay));
    // Another mail is taken, and then the store writes again.
    world.postman.desk.handed_over();
    world.host.copy(false);
    world.postman.desk.take_untaken().await;
    assert!(world.store.open_pass(pass).await.expect("answered").is_none());
}

#[tokio::test]
async fn a_copy_is_made_of_the_mailbox_s_records_and_waits_where_it_cannot_be() {
    let held = [("devis", ZOE), ("lettre", ZOE)];
    let world = Asked::of(&held, || Ok("canary".to_owned())).await;
    let mail = text(&world.written(&asked("lettre-1-1", MailKind::Copy)).await);
    assert!(mail.contains("filename=\"copy.json\"") && mail.contains("filename=\"copy.html\""), "{mail}");
    let ids = ["lettre-1-1", "devis-1-1"].map(str::to_owned).to_vec();
    let made = world.made.lock().clone();
    let [(made, address, lacks)] = made.as_slice() else { panic!("once") };
    assert_eq!((made, address.as_str()), (&ids, ZOE), "the one first that it was asked for");
    assert_eq!(*lacks, Lacks::default());

    let world = Asked::of(&held, || Err("store-unavailable")).await;
    let later = world.written(&asked("devis-1-1", MailKind::Copy)).await;
    assert!(matches!(&later, Written::Later("store-unavailable")));
    let delivered = world.postman.unwritten(&asked("devis-1-1", MailKind::Copy), later).await;
    assert!(matches!(delivered, Ok(Delivered::Passed)) && world.store.mails_waiting().count == 1);

    let world = Asked::of(&held, || Ok("x".repeat(4_000_000))).await;
    let large = world.written(&asked("devis-1-1", MailKind::Copy)).await;
    assert!(matches!(large, Written::Not(Unsent::TooLarge)));
}

#[tokio::test]
async fn what_a_copy_may_lack_is_said_to_who_makes_it() {
    let held = [("devis", ZOE); 2 + SHOWN_AT_ONCE_MAX];
    let world = Asked::of(&held, || Ok("canary".to_owned())).await;
    world.host.put(&Row::Record(record("devis-1-2")), b"no record".to_vec());
    let written = world.written(&asked("devis-1-1", MailKind::Copy)).await;
    assert!(matches!(written, Written::Mail(_)));
    let made = world.made.lock().clone();
    let [(ids, _, lacks)] = made.as_slice() else { panic!("once") };
    assert_eq!(ids.len(), 1 + SHOWN_AT_ONCE_MAX);
    assert_eq!(*lacks, Lacks { total: None, unreadable: 1 });

    let world = Asked::of(&held, || Ok("canary".to_owned())).await;
    world.written(&asked("devis-1-1", MailKind::Copy)).await;
    let made = world.made.lock().clone();
    let [(ids, _, lacks)] = made.as_slice() else { panic!("once") };
    assert_eq!(ids.len(), 1 + SHOWN_AT_ONCE_MAX);
    assert_eq!(*lacks, Lacks { total: Some(held.len() as u64), unreadable: 0 });
}

#[tokio::test]
async fn a_request_is_answered_by_the_mail_and_stays_open_where_there_is_none() {
    let world = Asked::of(&[("devis", ZOE)], || Ok("canary".to_owned())).await;
    let entry = || Entry::by_person(Action::RequestOpened, Reason::PersonRequest);
    let (kind, received) = (RequestKind::Access, Day::of(start()));
    let first = world.store.open_request(kind, received, entry()).await.expect("opened");
    let mail = asked("devis-1-1", MailKind::Copy);
    let request = ToRequest { kind, received, entry: entry() };
    assert_eq!(world.store.ask_by_right(mail.clone(), request).await, Ok(AskedFor::Queued));
    let attempt = world.store.try_mail(mail.clone()).await.expect("tried").expect("it waits");
    let answered = async || {
        let open = world.store.requests(None, 9).await.expect("listed");
        open.iter().filter(|request| request.answered.is_some()).map(|request| request.id).collect::<Vec<_>>()
    };
    // It is sent while a copy of the store is made: it ends, and answers, behind that.
    world.host.copy(true);
    let entry = Some(Entry::by_system(Action::CopySent));
    let ending = Ending { mail, end: MailEnd::Sent, entry, request: attempt.request, told: None };
    world.postman.end(ending).await.expect("kept");
    assert!(answered().await.is_empty());
    world.host.copy(false);
    assert_eq!(world.postman.has_written().await, Ok(true));
    let second = attempt.request.expect("one was opened");
    assert_eq!((answered().await, first.id < second), (vec![second], true));
    assert_eq!(world.store.mails_waiting().count, 0);
    // Nobody's address is written to that the server said is none, unless they read it themselves.
    let world = Asked::of(&[("devis", ZOE)], || Ok("canary".to_owned())).await;
    let gone = vec![record("devis-1-1")];
    world.store.note_unreachable(gone, by_officer(Action::Unreachable)).await.expect("noted");
    let link = world.written(&asked("devis-1-1", MailKind::Link)).await;
    assert!(matches!(link, Written::Not(Unsent::Unreachable)));
    assert!(matches!(world.written(&asked("devis-1-1", MailKind::Copy)).await, Written::Mail(_)));
}
