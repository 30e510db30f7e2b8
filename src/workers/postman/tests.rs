//! Who is written to, and who is not; by a store in memory, and without a server.

mod asked_for;
mod lives;
mod telling;

use super::*;
use crate::clock::plus_months;
use crate::forget::address::Address;
use crate::lead::{Dropped, MinimisedLead, sample as leads};
use crate::mail::{Encryption, Patience, Sender};
use crate::purpose::sample::{consent, controller, field, purpose};
use crate::purpose::{Basis, Channel, Purpose, Whitelist};
use crate::store::contract::Host;
use crate::store::contract::support::{by_officer, record, reference, start, store_many};
use crate::store::memory::MemoryHost;
use crate::store::{ErasureRequest, Outcome, Settlement, ToSuppress, Wanted};

const ZOE: &str = "zoe@canary.example";

/// A letter under consent: asked after so many months, 30 days of grace.
fn letter(months: u32) -> Purpose {
    let mut letter = purpose("devis", &["email"]);
    (letter.basis, letter.retention_months, letter.reconfirm_months) =
        (Basis::Consent, Some(48), Some(months));
    letter.consents = vec![consent("email_optin", Channel::Email)];
    letter
}

fn settings() -> Settings {
    Settings {
        server: "127.0.0.1".to_owned(),
        port: 1,
        encryption: Encryption::None,
        login: None,
        own_name: "leads.lumen.example".to_owned(),
        from: Sender::parse("contact@lumen.example").expect("a sender"),
        reply_to: None,
        patience: Patience::default(),
    }
}

struct World {
    host: MemoryHost,
    store: SharedStore,
    policy: Arc<Current<Policy>>,
    postman: Postman,
}

impl World {
    /// Somebody who agreed to this letter today.
    async fn new(letter: Purpose) -> Self {
        let lead = leads::received("devis", ZOE, start(), start(), &letter);
        Self::of(letter, lead).await
    }

    async fn of(letter: Purpose, lead: MinimisedLead) -> Self {
        let host = MemoryHost::new();
        let store = host.open();
        let outcome = Outcome::stored(lead);
        let settled =
            Settlement { reference: reference(1), outcome, matched: Vec::new(), dropped: Dropped::default() };
        store.settle(vec![settled]).await.expect("settled");
        let policy = Arc::new(Current::new(Policy::new(vec![letter])));
        let letterhead =
            Letterhead { controller: controller(), public_url: "https://leads.lumen.example".to_owned() };
        let of_house = (policy.clone(), Arc::new(Current::new(letterhead)));
        let server = (settings(), 3_600, true);
        let postman = Postman::new(store.clone(), server, of_house, &Metrics::new(), host.clock.clone());
        Self { host, store, policy, postman }
    }

    fn mail(kind: MailKind) -> MailId {
        MailId { record: record("devis-1-1"), kind }
    }

    /// Why a mail of this kind is not written now; none: it is.
    async fn unsent(&self, kind: MailKind) -> Option<Unsent> {
        let mail = Self::mail(kind);
        self.store.queue_mails(vec![mail.clone()]).await.expect("queued");
        let attempt = self.store.try_mail(mail.clone()).await.expect("tried").expect("it waits");
        match self.postman.desk.write(&mail, &attempt, &settings()).await.expect("answered") {
            Written::Mail(_) | Written::Telling(..) => None,
            Written::Not(why) => Some(why),
            Written::Later(code) => panic!("{code}"),
        }
    }
}

/// What the config lengthened holds for later submissions: this record ends by what was said when it came.
#[tokio::test]
async fn whose_record_ends_sooner_than_the_config_says_today_is_asked_by_its_own_day() {
    let world = World::new(letter(12)).await;
    world.policy.replace(Arc::new(Policy::new(vec![letter(18)])));
    world.host.pass_days(&world.store, 364);
    assert_eq!(world.unsent(MailKind::Asked).await, Some(Unsent::NotDue));
    world.host.pass_days(&world.store, 1);
    assert_eq!(world.unsent(MailKind::Reminded).await, Some(Unsent::NotDue), "nobody asked yet");
    assert_eq!(world.unsent(MailKind::Asked).await, None);
    world.store.end_mail(World::mail(MailKind::Asked), MailEnd::Sent, None).await.expect("ended");
    assert_eq!(world.unsent(MailKind::Asked).await, Some(Unsent::NotDue), "once");
    world.host.pass_days(&world.store, 14);
    assert_eq!(world.unsent(MailKind::Reminded).await, None);
    // Whoever said no to that, or never said yes, is not asked whether they still agree.
    let mut other = letter(18);
    other.consents = vec![consent("call_optin", Channel::Phone)];
    world.policy.replace(Arc::new(Policy::new(vec![other])));
    assert_eq!(world.unsent(MailKind::Reminded).await, Some(Unsent::NotDue));
}

/// A yes moves the day from which everything counts, and not the one on which the form was sent.
#[tokio::test]
async fn whoever_said_yes_is_asked_about_the_form_that_they_sent_and_told_when_they_did() {
    let world = World::new(letter(12)).await;
    world.host.pass_days(&world.store, 300);
    let policy = world.policy.pin();
    let boxes = crate::purpose::ConsentKey::parse("email_optin").into_iter().collect();
    let yes =
        crate::lead::confirmation(&policy.purposes()[0], boxes).unwrap_or_else(|_| panic!("a box of it"));
    let request = crate::store::RewriteRequest::confirming(record("devis-1-1"), yes);
    world.store.rewrite(request, by_officer(Action::Confirmed)).await.expect("a yes");
    world.host.pass_days(&world.store, 365);
    let mail = World::mail(MailKind::Asked);
    world.store.queue_mails(vec![mail.clone()]).await.expect("queued");
    let attempt = world.store.try_mail(mail.clone()).await.expect("tried").expect("it waits");
    let Ok(Written::Mail(raw)) = world.postman.desk.write(&mail, &attempt, &settings()).await else {
        panic!("it is written");
    };
    let text = String::from_utf8_lossy(raw.expose()).replace("=\r\n", "");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for says in [
        "On 24=C2=A0November 2025, you sent a form of Atelier Lumen SARL on Facebook or Instagram.",
        "You last confirmed it on 20=C2=A0September 2026.",
        "Every 12 months, we ask whether that still holds.",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
}

#[tokio::test]
async fn what_waits_is_not_sent_while_the_asking_is_paused_nor_where_the_house_asks_by_itself() {
    let mut world = World::new(letter(12)).await;
    world.host.pass_days(&world.store, 365);
    world.store.pause_asking(true, by_officer(Action::AskingPaused)).await.expect("kept");
    assert_eq!(world.unsent(MailKind::Asked).await, Some(Unsent::NotAsking));
    let begun = world.store.lines(0, 100).await.expect("a trail");
    assert!(begun.iter().all(|line| line.entry.action() != Action::MailBegun), "nothing is opened");
    let dropped = world.postman.drop(&World::mail(MailKind::Asked), Unsent::NotAsking).await;
    assert!(matches!(dropped, Ok(Delivered::Ended)));
    let written = world.store.correspondence(vec![record("devis-1-1")]).await.expect("read");
    assert_eq!(written[0].dropped, None, "it may be queued as soon as the asking goes on");
    world.store.pause_asking(false, by_officer(Action::AskingResumed)).await.expect("kept");
    assert_eq!(world.unsent(MailKind::Asked).await, None);
    world.postman.desk.asks_again = false;
    assert_eq!(world.unsent(MailKind::Asked).await, Some(Unsent::NotAsking));
}

#[tokio::test]
async fn one_mailbox_that_takes_nothing_holds_up_nobody_and_three_in_a_row_do() {
    let World { host, postman, .. } = World::new(letter(12)).await;
    let mail = |number: u64| MailId { record: record(&format!("devis-1-{number}")), kind: MailKind::Asked };
    let now = host.clock.now();
    let rests = |number: u64, (code, blame): (MailCode, Blame)| {
        postman.failed(&mail(number), (code.into(), blame), now);
        postman.round.lock().halted_until.map(|until| until.duration_since(now).as_secs())
    };
    let full = (MailCode::Deferred, Blame::Mail);
    for _ in 0..20 {
        assert_eq!(rests(1, full), None);
    }
    assert_eq!((rests(2, full), rests(2, full), rests(3, full)), (None, None, Some(60)));
    assert_eq!((rests(4, full), rests(1, full)), (Some(120), Some(240)));
    postman.goes_on(now);
    assert_eq!((rests(1, full), rests(2, full)), (None, None), "one went meanwhile");
    let nobody = (MailCode::Unreachable, Blame::Server);
    assert_eq!((rests(1, nobody), rests(1, nobody)), (Some(60), Some(120)));
}

/// Whoever said no by telephone is not written to either.
#[tokio::test]
async fn whoever_has_any_address_on_the_list_is_not_written_to() {
    let mut quote = purpose("devis", &["email"]);
    quote.whitelist = Whitelist::new(vec![field("email"), field("phone_number")]).expect("fields");
    quote.welcome = true;
    let answers = (ZOE, "+33612345678");
    let lead =
        leads::lead_of(("devis", Basis::PreContract), answers, (start(), true), plus_months(start(), 12));
    let world = World::of(quote, lead).await;
    assert_eq!(world.unsent(MailKind::Welcome).await, None);
    for (typed, is_theirs) in [("+33612345679", false), ("+33612345678", true)] {
        let address = Address::phone(typed, None).expect("a number");
        let no = ToSuppress { addresses: vec![address], purpose: None, months: 36 };
        world.store.suppress(no, by_officer(Action::Suppressed)).await.expect("on the list");
        let unsent = world.unsent(MailKind::Welcome).await;
        assert_eq!(unsent, is_theirs.then_some(Unsent::Suppressed), "{is_theirs}");
    }
}

#[tokio::test]
async fn what_was_sent_before_a_copy_is_noted_behind_it_and_not_sent_once_more() {
    let host = MemoryHost::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let mails =
        [1, 2].map(|number| MailId { record: record(&format!("devis-1-{number}")), kind: MailKind::Asked });
    store.queue_mails(mails.to_vec()).await.expect("queued");
    let policy = Arc::new(Current::new(Policy::new(vec![purpose("devis", &["email"])])));
    let letterhead =
        Letterhead { controller: controller(), public_url: "https://leads.lumen.example".to_owned() };
    let of_house = (policy, Arc::new(Current::new(letterhead)));
    let server = (settings(), 3_600, true);
    let postman = Postman::new(store.clone(), server, of_house, &Metrics::new(), host.clock.clone());
    let attempts = async || {
        let again = store.try_mail(mails[1].clone()).await.expect("tried");
        again.expect("it waits").number
    };
    host.copy(true);
    let ending = Ending {
        mail: mails[0].clone(),
        end: MailEnd::Sent,
        entry: Some(Entry::by_system(Action::Asked)),
        request: None,
        told: None,
    };
    postman.end(ending).await.expect("kept");
    assert!(matches!(postman.step().await, Step::Until(_)));
    assert_eq!(store.mails_waiting().count, 2, "nothing is written");

    host.copy(false);
    // The next step notes it first, and only then asks the server for the other one, which is not there.
    assert!(matches!(postman.step().await, Step::Did(0)));
    assert_eq!(store.mails_waiting().count, 1);
    let sent = store.lines(0, 100).await.expect("a trail");
    assert_eq!(sent.iter().filter(|line| line.entry.action() == Action::Asked).count(), 1);
    let written = store.correspondence(vec![mails[0].record.clone()]).await.expect("read");
    assert!(written[0].asked.is_some());
    assert_eq!(attempts().await, 1, "no attempt of the other one was counted");
}

/// A server that takes a mail and says this at its end (nothing: it hangs up): the port at which it listens, and whoever answers there,
/// who gives what it was handed.
async fn server_that_says(end: &'static str) -> (u16, impl Future<Output = String>) {
    server_before_whose_yes(end, async || {}).await
}

/// The same; before it takes an address, this happens.
async fn server_before_whose_yes(
    end: &'static str,
    mut happens: impl AsyncFnMut(),
) -> (u16, impl Future<Output = String>) {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = async move {
        let (stream, _) = listener.accept().await.expect("a caller");
        let (from, mut to) = stream.into_split();
        let (mut lines, mut text) = (BufReader::new(from).lines(), String::new());
        to.write_all(b"220 mail.example\r\n").await.expect("written");
        while let Ok(Some(line)) = lines.next_line().await {
            let answer = match line.split(' ').next().unwrap_or_default() {
                "RCPT" => {
                    happens().await;
                    "250 mail.example\r\n"
                }
                "DATA" => "354 go on\r\n",
                "QUIT" => break,
                _ => "250 mail.example\r\n",
            };
            to.write_all(answer.as_bytes()).await.expect("written");
            if line == "DATA" {
                while let Ok(Some(line)) = lines.next_line().await
                    && line != "."
                {
                    text.push_str(&line);
                    text.push('\n');
                }
                if end.is_empty() {
                    break;
                }
                to.write_all(format!("{end}\r\n").as_bytes()).await.expect("written");
            }
        }
        text
    };
    (port, serve)
}

/// Between the writing of a mail and its text the world goes on.
#[tokio::test]
async fn just_before_the_text_it_is_seen_that_somebody_objected_that_asking_is_paused_or_that_the_record_is_gone()
 {
    let kinds = [MailKind::Asked, MailKind::Asked, MailKind::Welcome];
    for (kind, change) in kinds.into_iter().zip(["objects", "pauses", "erases"]) {
        let mut letter = letter(18);
        letter.welcome = true;
        let mut world = World::new(letter).await;
        if kind == MailKind::Asked {
            world.host.pass_days(&world.store, 18 * 31);
        }
        let mail = World::mail(kind);
        world.store.queue_mails(vec![mail.clone()]).await.expect("queued");
        let store = world.store.clone();
        let happens = async || match change {
            "objects" => {
                let addresses = vec![Address::email("somebody@else.example").expect("an address")];
                let what = ToSuppress { addresses, purpose: None, months: 36 };
                store.suppress(what, by_officer(Action::Suppressed)).await.map(drop).expect("noted");
            }
            "pauses" => store.pause_asking(true, by_officer(Action::AskingPaused)).await.expect("paused"),
            _ => {
                let request = ErasureRequest::of(Wanted::Record(record("devis-1-1")));
                store.erase(request, by_officer(Action::ErasureAsked)).await.map(drop).expect("erased");
            }
        };
        let (port, server) = server_before_whose_yes("250 2.0.0 taken", happens).await;
        world.postman.settings.port = port;
        let (delivered, text) = tokio::join!(world.postman.deliver(&mail), server);
        assert!(matches!(delivered, Ok(Delivered::Passed)), "{change}");
        assert_eq!(text, "", "{change}: no text is handed over");
        let waits = u64::from(change != "erases");
        assert_eq!(world.store.mails_waiting().count, waits, "{change}");
    }
}

/// The pass of the page that a mail carries.
fn page_in(mail: &str) -> crate::people::Pass {
    let text = mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=");
    let (_, rest) = text.split_once("/p/").expect("a link");
    crate::people::Pass::parse(&rest[..43]).expect("a pass")
}

/// What a mail carries opens something where somebody has it, or may have it, and nothing where nobody does.
#[tokio::test]
async fn links_of_a_mail_that_was_not_taken_open_nothing() {
    let mut quote = purpose("devis", &["email"]);
    quote.welcome = true;
    let mut world = World::new(quote).await;
    let mail = World::mail(MailKind::Welcome);
    world.store.queue_mails(vec![mail.clone()]).await.expect("queued");
    for (end, opens) in
        [("451 4.3.0 later", false), ("554 5.7.1 no", false), ("", true), ("250 2.0.0 taken", true)]
    {
        let (port, server) = server_that_says(end).await;
        world.postman.settings.port = port;
        let (delivered, text) = tokio::join!(world.postman.deliver(&mail), server);
        assert!(delivered.is_ok(), "{end}");
        let found = world.store.open_pass(page_in(&text)).await.expect("answered");
        assert_eq!(found.is_some(), opens, "{end}");
    }
    assert_eq!(world.store.mails_waiting().count, 0);
}

/// Leads that were fetched late, or released by hand, are up to 90 days old.
#[tokio::test]
async fn a_first_mail_comes_within_a_month_of_the_form_and_not_of_its_reading() {
    let mut quote = purpose("devis", &["email"]);
    quote.welcome = true;
    let world = World::new(quote).await;
    world.host.pass_days(&world.store, 30);
    assert_eq!(world.unsent(MailKind::Welcome).await, None);
    world.store.end_mail(World::mail(MailKind::Welcome), MailEnd::PutOff, None).await.expect("ended");
    world.host.pass_days(&world.store, 1);
    assert_eq!(world.unsent(MailKind::Welcome).await, Some(Unsent::TooLate), "queued today");
}
