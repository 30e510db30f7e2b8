//! A whole life of several people, by one clock: they send a form in, are told, and after eighteen months asked; each answers in another
//! way, or not at all; until of all of them nothing is left but what the papers say, and that has had its time too.

mod people;
mod remains;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tamis::clock::{Clock, Day};

use crate::mail::{Post, header, python, read_back};
use crate::people::tamis;
use crate::person_pages::{post, posted, reader, seen};
use crate::retention::{DAY_S, Shifted, pass};
use crate::support::{Plan, World};
use people::{ANNE, BOB, CARL, DORA, EVE, FAY, GUS, People};
use remains::Receipts;

/// The links of a mail: to the page, and for the mail program's own button.
struct Links {
    page: String,
    stop: String,
}

/// Everything that the story needs.
struct Life {
    world: World,
    clock: Arc<Shifted>,
    post: Post,
    people: People,
    receipts: Receipts,
    /// What is held of who was asked last, by who they are.
    links: BTreeMap<&'static str, Links>,
}

#[tokio::test(flavor = "multi_thread")]
async fn of_whoever_answers_and_whoever_is_silent_nothing_is_left_but_what_the_papers_say() {
    let Some(python) = python() else { return };
    let mut life = Life::begin(&python).await;
    if !life.are_told_what_is_held().await {
        return life.world.end().await;
    }
    life.a_scanner_changes_nothing().await;
    life.one_corrects_one_objects_one_has_it_all_and_one_is_out_of_reach().await;
    life.what_is_gone_does_not_come_back().await;
    life.eighteen_months_later_who_may_be_asked_is_asked().await;
    life.one_says_no_from_the_mail().await;
    life.the_silent_are_reminded_and_one_says_yes().await;
    life.who_stays_silent_is_erased_by_the_day_that_was_said().await;
    life.a_yes_lasts_as_long_as_the_first_and_is_taken_back().await;
    life.only_what_the_papers_name_is_left().await;
    life.what_was_left_has_its_end_too().await;
    life.end().await;
}

/// How many records lines of the trail are about.
fn sum(lines: &[Value]) -> u64 {
    lines.iter().filter_map(|line| line["count"].as_u64()).sum()
}

impl Life {
    async fn begin(python: &Path) -> Self {
        let post = Post::start(python, &[]);
        let clock = Arc::<Shifted>::default();
        let shared: Arc<dyn Clock> = clock.clone();
        let mail = format!(
            "\n[mail]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nrate = 3600\nfrom = \"contact@lumen.example\"\n",
            post.port
        );
        let config = Box::new(move |text: String| {
            assert!(text.contains("retention_months = 36\n"));
            text.replace("retention_months = 36\n", "retention_months = 36\nwelcome = true\n") + &mail
        });
        let plan = Plan { config, clock: shared.clone(), meta_clock: Some(shared) };
        let world = World::planned(plan).await;
        let people = People::submit(&world).await;
        Self { world, clock, post, people, receipts: Receipts::default(), links: BTreeMap::new() }
    }

    /// Lets days pass, and puts behind us the vacuum that is due then: while one runs nothing is written.
    async fn pass_days(&self, days: i64) {
        pass(&self.world, &self.clock, days * DAY_S).await;
        self.until("vacuumed", async || {
            self.world.admin().post("/admin/v1/vacuum", &json!({})).await.status == 200
        })
        .await;
        self.clock.pass(61);
        // Each day's turn, which the vacuum may have put off.
        assert_eq!(self.world.admin().post("/admin/v1/reconfirmations/run", &json!({})).await.status, 200);
    }

    /// As `World::until`; what was refused while a copy was made is tried again within minutes of the clock, so that goes on meanwhile.
    async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let looks = AtomicU32::new(0);
        self.world
            .until(what, || async {
                let holds = condition().await;
                if !holds && looks.fetch_add(1, Ordering::Relaxed) % 50 == 49 {
                    self.clock.pass(61);
                }
                holds
            })
            .await;
    }

    fn today(&self) -> Day {
        Day::of(self.clock.now())
    }

    /// How much of what the receipts name is there; each thing is for as long as they say.
    async fn remains(&self) -> usize {
        self.receipts.hold_now(&self.world, &self.people, self.today()).await
    }

    /// The lines of the trail that say this.
    async fn told(&self, action: &str) -> Vec<Value> {
        let lines = self.world.admin().get("/admin/v1/trail?limit=10000").await.lines();
        lines.into_iter().filter(|line| line["action"] == action).collect()
    }

    async fn is_counted(&self, line: &str) -> bool {
        self.world.admin().get("/admin/v1/metrics").await.text().lines().any(|known| known == line)
    }

    /// How many records a purpose has.
    async fn held(&self, purpose: &str) -> u64 {
        let status = self.world.admin().get("/admin/v1/status").await.json();
        let purposes = status["purposes"].as_array().expect("a list").clone();
        let of = purposes.iter().find(|one| one["id"] == purpose).expect("a purpose");
        of["stored"].as_u64().expect("a number")
    }

    async fn find(&self, question: Value) -> Value {
        let answer = self.world.admin().post("/admin/v1/find", &question).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["records"].clone()
    }

    /// The next mail; what was put off while a vacuum ran goes within minutes of the clock, so that goes on meanwhile.
    fn next_mail(&self) -> Value {
        for _ in 0..20 {
            match self.post.mail_soon() {
                Some(mail) => return mail,
                None => self.clock.pass(61),
            }
        }
        panic!("no mail came");
    }

    /// The mails that come now are to these people and no other, under this subject; from here on their links are these. False: there is
    /// nothing on this machine that reads them.
    async fn mailed(&mut self, whom: &[&'static str], subject: &str) -> bool {
        let mut left: Vec<&'static str> = whom.to_vec();
        while !left.is_empty() {
            let taken = self.next_mail();
            let to = taken["to"][0].as_str().expect("an address");
            let at = left.iter().position(|who| self.people[who].email == to);
            let who = left.remove(at.unwrap_or_else(|| panic!("nobody was to be written to, and {to} was")));
            let raw = STANDARD.decode(taken["data"].as_str().expect("text")).expect("base64");
            let Some(read) = read_back(&raw) else { return false };
            assert_eq!((&read["defects"], header(&read, "subject")), (&json!([]), Some(subject)));
            assert_eq!(header(&read, "list-unsubscribe-post"), Some("List-Unsubscribe=One-Click"));
            let said = read.to_string();
            for answer in self.people.answers(who).filter(|answer| *answer != to) {
                assert!(!said.contains(&answer), "a mail to {who} says an answer");
            }
            let text = read["parts"][0]["text"].as_str().expect("plain text");
            let page =
                text.split_whitespace().find_map(|word| word.strip_prefix("https://leads.lumen.example/p/"));
            let pass = page.expect("a link").split('?').next().expect("a pass");
            let stop = header(&read, "list-unsubscribe").expect("one click");
            let stop =
                stop.strip_prefix("<https://leads.lumen.example").and_then(|rest| rest.strip_suffix('>'));
            let links = Links { page: format!("/p/{pass}"), stop: stop.expect("ours").to_owned() };
            self.world.guard(pass);
            self.links.insert(who, links);
        }
        true
    }

    /// Somebody posts a form of their page, from the mail that they had last.
    async fn acts(&self, who: &str, act: &str, rest: &str, said: &str) {
        let done = post(&self.world, &reader(), &self.links[who].page, act, rest).await;
        assert!(done.status == 200 && done.text.contains(said), "{who}: {}", done.text);
        for answer in self.people.answers(who) {
            assert!(!done.text.contains(&answer), "{who}: masked: {}", done.text);
        }
    }

    async fn are_told_what_is_held(&mut self) -> bool {
        let everybody = [ANNE, BOB, CARL, DORA, EVE, FAY, GUS];
        let is_read = self.mailed(&everybody, "Votre formulaire\u{a0}: ce que nous conservons").await;
        if is_read {
            self.until("all are noted", async || self.told("welcomed").await.len() == everybody.len()).await;
        }
        is_read
    }

    /// Of each link twice what a mail's scanner does.
    async fn a_scanner_changes_nothing(&self) {
        let client = reader();
        for who in [ANNE, EVE] {
            for path in [&self.links[who].page, &self.links[who].stop] {
                for _ in 0..2 {
                    let page = seen(client.get(self.world.public(path))).await;
                    assert_eq!(page.status, 200, "{who}: {}", page.text);
                    let head = seen(client.head(self.world.public(path))).await;
                    assert_eq!((head.status, head.text.as_str()), (200, ""), "{who}");
                }
            }
        }
        assert_eq!((self.held("lettre").await, self.held("devis").await), (7, 1));
        let requests = self.world.admin().get("/admin/v1/requests").await.json();
        assert_eq!(requests["requests"], json!([]));
    }

    async fn one_corrects_one_objects_one_has_it_all_and_one_is_out_of_reach(&mut self) {
        let corrected = self.people.corrected.clone();
        self.acts(FAY, "correct", &format!("f.first_name={corrected}"), "Your data are corrected.").await;
        let fay = self.find(json!({"id": self.people[FAY].record, "unmask": true})).await;
        assert_eq!(fay[0]["fields"]["first_name"], json!([corrected]));

        let (client, stop) = (reader(), &self.links[EVE].stop);
        let stopped = posted(&self.world, &client, stop, "List-Unsubscribe=One-Click".to_owned()).await;
        assert_eq!((stopped.status, stopped.text.as_str()), (200, ""));
        self.receipts.take(&self.world, EVE, "objection").await;

        let email = self.people[GUS].email.clone();
        let (code, paper, said) =
            tamis(&self.world, &["person", "access", "--email-stdin", "--format", "json"], &email).await;
        assert_eq!(code, Some(0), "{said}");
        for answer in self.people.answers(GUS) {
            assert!(paper.contains(&answer), "everything is handed out");
        }
        let flags = ["person", "erase", "--email-stdin", "--format", "note"];
        let (code, _, said) = tamis(&self.world, &flags, &email).await;
        assert!(code == Some(0) && said.contains("erased: "), "{said}");
        self.receipts.take(&self.world, GUS, "person-request").await;

        let (code, _, said) =
            tamis(&self.world, &["person", "bounce", "--email-stdin"], &self.people[DORA].email).await;
        assert!(code == Some(0) && said.contains("nobody writes there any more: 1 record"), "{said}");
        assert_eq!(self.held("lettre").await, 5);
    }

    /// Meta calls again, and whoever objected fills the form in once more without a box for what is theirs.
    async fn what_is_gone_does_not_come_back(&mut self) {
        for who in [EVE, GUS] {
            self.world.deliver(&[&self.people[who].lead]).await;
            self.world.settled().await;
            let found = self.find(json!({"leadgen_id": self.people[who].lead})).await;
            assert_eq!(found[0]["state"], "erased", "{who}: {found}");
        }
        let again = self.people.quote_by(&self.world, EVE).await;
        self.until("it has its end", async || {
            self.find(json!({"leadgen_id": again})).await[0]["state"] == "stored"
        })
        .await;
        assert_eq!(self.held("lettre").await, 5, "a quote is their own request, and no letter");
        assert!(self.remains().await > 0);
    }

    async fn eighteen_months_later_who_may_be_asked_is_asked(&mut self) {
        self.pass_days(550).await;
        self.until("quotes have had their year", async || self.held("devis").await == 0).await;
        assert_eq!(sum(&self.told("records-expired").await), 2);
        assert!(self.mailed(&[ANNE, BOB, CARL, FAY], "À confirmer ou à effacer").await);
        self.until("all are noted", async || self.told("asked").await.len() == 4).await;
        assert_eq!(self.asking().await, [0, 0, 4, 1], "no mail reaches one of them");
    }

    /// To be asked, to be reminded, with time to answer, out of reach.
    async fn asking(&self) -> [u64; 4] {
        let asking = self.world.admin().get("/admin/v1/reconfirmations").await.json();
        let lettre = &asking["purposes"][0];
        ["to_ask", "to_remind", "answering", "unreachable"]
            .map(|count| lettre[count].as_u64().expect("a number"))
    }

    async fn one_says_no_from_the_mail(&mut self) {
        self.acts(BOB, "erase", "reach=all", "Your data are erased").await;
        let gone = seen(reader().get(self.world.public(&self.links[BOB].page))).await;
        assert_eq!(gone.status, 404);
        self.receipts.take(&self.world, BOB, "person-request").await;
        assert_eq!(self.held("lettre").await, 4);
        assert!(self.remains().await > 0);
    }

    async fn the_silent_are_reminded_and_one_says_yes(&mut self) {
        self.pass_days(14).await;
        assert!(self.mailed(&[ANNE, CARL, FAY], "Rappel\u{a0}: à confirmer ou à effacer").await);
        self.until("all are noted", async || self.told("reminded").await.len() == 3).await;
        let question = json!({"id": self.people[ANNE].record, "unmask": true});
        let before = self.find(question.clone()).await;
        // Their consent to calls ended after a year, and the number with it: no yes to mail brings it back.
        assert!(before[0]["fields"]["phone_number"].is_null(), "a year of calls is over");
        self.acts(ANNE, "confirm", "c.email_optin=yes", "class=\"banner\"").await;
        let after = self.find(question).await;
        assert!(after[0]["fields"]["phone_number"].is_null());
        assert_ne!(after[0]["expires_at"], before[0]["expires_at"], "their time begins anew");
        let events = after[0]["evidence"].to_string();
        assert!(events.contains("confirmed"), "what they said is shown: {events}");
        assert_eq!(self.told("confirmed").await.len(), 1);
    }

    async fn who_stays_silent_is_erased_by_the_day_that_was_said(&mut self) {
        self.pass_days(20).await;
        self.until("they are gone", async || self.held("lettre").await == 1).await;
        assert_eq!(sum(&self.told("records-lapsed").await), 2, "they were asked, and did not answer");
        assert_eq!(sum(&self.told("records-expired").await), 2 + 1, "nobody could ask the one");
        // They are counted once their keys are destroyed, and are gone before that.
        for counted in ["cause=\"lapsed\"} 2", "cause=\"expired\"} 3"] {
            let counted = format!("tamis_records_ended_total{{{counted}");
            self.until("they are counted", async || self.is_counted(&counted).await).await;
        }
        for who in [CARL, DORA, FAY] {
            let found = self.find(json!({"leadgen_id": self.people[who].lead})).await;
            assert_eq!(found[0]["state"], "expired", "{who}: {found}");
        }
        assert!(self.post.is_empty(), "one mail and one reminder");
        assert!(self.remains().await > 0);
    }

    async fn a_yes_lasts_as_long_as_the_first_and_is_taken_back(&mut self) {
        self.pass_days(500).await;
        assert_eq!((self.held("lettre").await, self.asking().await), (1, [0; 4]), "not yet");
        self.pass_days(50).await;
        assert!(self.mailed(&[ANNE], "À confirmer ou à effacer").await);
        self.until("it is noted", async || self.asking().await == [0, 0, 1, 0]).await;
        self.acts(ANNE, "withdraw", "c.email_optin=yes", "Your receipt").await;
        self.receipts.take(&self.world, ANNE, "withdrawal").await;
        assert_eq!((self.held("lettre").await, self.held("devis").await), (0, 0));
    }

    /// A look at everything: by address and by number, by the calls that list something, and in the files.
    async fn only_what_the_papers_name_is_left(&mut self) {
        for who in self.people.names() {
            let person = &self.people[who];
            let held = json!({"email": person.email});
            let held = self.world.admin().post("/admin/v1/access", &held).await;
            assert_eq!((held.status, held.json()["records"].clone()), (200, json!([])), "{who}");
            assert_eq!(self.find(json!({"id": person.record})).await, json!([]), "{who}");
        }
        assert!(self.is_counted("tamis_mails_waiting 0").await);
        assert!(self.remains().await > 0);
        remains::no_answer_lies_in(&self.world, &self.people);
    }

    /// Three years on: the list, the register and the trail's lines had a day too.
    async fn what_was_left_has_its_end_too(&mut self) {
        self.pass_days(37 * 31).await;
        // What the vacuum put off is looked at within the hour.
        pass(&self.world, &self.clock, 3_600).await;
        self.until("nothing is left of what the receipts name", async || self.remains().await == 0).await;
        let requests = async || self.world.admin().get("/admin/v1/requests").await.json()["requests"].clone();
        self.until("the register is empty", async || requests().await == json!([])).await;
    }

    /// No leaf that was ever given lives, by the keyring itself; and no answer lies anywhere.
    async fn end(mut self) {
        let control = self.people.last(&self.world, &self.clock).await;
        self.world.stop_daemon().await;
        remains::only_this_leaf_lives(&self.world, &control);
        remains::no_answer_lies_in(&self.world, &self.people);
        self.world.end().await;
    }
}
