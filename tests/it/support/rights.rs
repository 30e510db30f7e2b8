//! What people ask for beside Meta's calls, of a daemon that is killed meanwhile: corrections, restrictions, objections, what they take
//! back, erasures that leave evidence; and pages for a recipient that not everybody agreed to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::account::place_of;
use super::client::{Answer, Caller};
use super::deeds::{DEEDS, Deed, Held, between, call, request_of};
use super::senders::{self, Chance, number_of};
use super::standing::{Standing, restricted_in, states_in};

/// It was looked who is there.
const LEARNED: &str = "looked who is there";
const LEADS: &str = "/admin/v1/purposes/devis/leads";
/// So many records a page, and so many of the last ones are chosen from.
const PAGE_RECORDS: usize = 8;
const CHOSEN_FROM: usize = 40;
/// Whoever objects submits later than all that is sent in this life.
const OBJECTS_AHEAD: u64 = 400;
const A_MOMENT: Duration = Duration::from_millis(2);

/// What is known of an act.
enum Known {
    /// Nobody answered.
    Sent,
    /// It is done, or not, as an answer to this request says.
    Done(String),
    Undone(String),
}

/// What was asked for, in its order, one after the other.
pub struct Rights {
    chance: Chance,
    /// Who is there, and how a record is called, by its place.
    pub held: Held,
    cursor: Option<String>,
    recipient: Option<String>,
    acts: Vec<(Deed, Known)>,
    /// Who objected while they were sent, perhaps: one or the other.
    vague: BTreeSet<usize>,
    editions: u64,
    pub answered: BTreeMap<&'static str, usize>,
    /// How many answers there were, for whoever waits for some.
    pub heard: Arc<AtomicUsize>,
}

/// Why a life is over: nobody answers, or what was answered is wrong.
pub enum Over {
    Killed,
    Wrong(String),
}

impl From<reqwest::Error> for Over {
    fn from(_: reqwest::Error) -> Self {
        Self::Killed
    }
}

impl From<String> for Over {
    fn from(fault: String) -> Self {
        Self::Wrong(fault)
    }
}

impl Rights {
    pub fn new(seed: u64) -> Self {
        Self {
            chance: Chance::new(seed ^ 0x5269_6768_7473),
            held: BTreeMap::new(),
            cursor: None,
            recipient: None,
            acts: Vec::new(),
            vague: BTreeSet::new(),
            editions: 0,
            answered: BTreeMap::new(),
            heard: Arc::default(),
        }
    }

    /// Asks for one thing after another until nobody answers, or it is over.
    ///
    /// # Errors
    /// What was answered and is wrong.
    pub async fn exercise(
        &mut self,
        admin: &Caller,
        recipient: &Caller,
        (sent, is_over): (&dyn Fn() -> usize, &dyn Fn() -> bool),
    ) -> Result<(), String> {
        while !is_over() {
            let asked = match self.draw() {
                LEARNED => self.learn(admin).await,
                "a page handed over" => self.hand(recipient).await,
                "objected" => self.object(admin, sent).await,
                kind => self.ask(admin, kind).await,
            };
            match asked {
                Ok(()) => {}
                Err(Over::Killed) => return Ok(()),
                Err(Over::Wrong(fault)) => return Err(fault),
            }
        }
        Ok(())
    }

    /// Of two kinds that chance names the one of which less was answered.
    fn draw(&self) -> &'static str {
        let one = || match self.chance.place(1 + DEEDS.len()) {
            0 => LEARNED,
            place => DEEDS[place - 1],
        };
        let count = |kind: &&str| self.answered.get(kind).copied().unwrap_or_default();
        [one(), one()].into_iter().min_by_key(count).unwrap_or(LEARNED)
    }

    /// Reads who is there.
    async fn learn(&mut self, admin: &Caller) -> Result<(), Over> {
        let page = page(admin, self.cursor.as_deref()).await?;
        self.know(&page);
        self.cursor = Some(page.header("tamis-next-cursor").to_owned());
        self.count(LEARNED);
        Ok(())
    }

    fn know(&mut self, page: &Answer) {
        for record in page.lines() {
            let id = record["id"].as_str().unwrap_or_default().to_owned();
            if let Some(number) = number_of(record["fields"]["email"][0].as_str().unwrap_or_default()) {
                self.held.insert(place_of(&id), (number, id));
            }
        }
    }

    /// A page of the recipient's: in it is who agreed to that, and has not taken it back.
    async fn hand(&mut self, recipient: &Caller) -> Result<(), Over> {
        let after = self.recipient.as_deref().map_or(0, place_of);
        self.acts.push((Deed::Hand(after, after, Vec::new()), Known::Sent));
        let page = page(recipient, self.recipient.as_deref()).await?;
        self.know(&page);
        let standing = self.now();
        let next = page.header("tamis-next-cursor").to_owned();
        let got: Vec<u64> =
            page.lines().iter().map(|one| place_of(one["id"].as_str().unwrap_or_default())).collect();
        let end = place_of(&next).max(after);
        for (place, number) in between(&self.held, after, end) {
            let (wanted, found) = (standing.may_go(*place, number), got.contains(place));
            if wanted != found && !self.vague.contains(&number) {
                return Err(Over::Wrong(format!("lead {number}: to go {wanted}, and gone {found}: {got:?}")));
            }
        }
        self.recipient = Some(next);
        if let Some(last) = self.acts.last_mut() {
            *last = (Deed::Hand(after, end, got), Known::Done(request_of(&page)));
        }
        self.count("a page handed over");
        Ok(())
    }

    /// Somebody objects who has not submitted yet.
    async fn object(&mut self, admin: &Caller, sent: &dyn Fn() -> usize) -> Result<(), Over> {
        let ahead = usize::try_from(OBJECTS_AHEAD + self.chance.below(OBJECTS_AHEAD)).unwrap_or(1);
        let number = sent() + ahead;
        self.act(admin, Deed::Object(number)).await?;
        self.note_vague(number, sent());
        Ok(())
    }

    /// Who was sent by then may have been stored before.
    fn note_vague(&mut self, number: usize, sent: usize) {
        if sent > number {
            self.vague.insert(number);
        }
    }

    /// One deed for somebody by chance, if there is anybody it can be done for.
    async fn ask(&mut self, admin: &Caller, kind: &str) -> Result<(), Over> {
        let standing = self.now();
        let fits = |place: &u64| match kind {
            "restricted" => !standing.restricted.contains(place),
            "released" => standing.restricted.contains(place),
            "taken back" => !standing.withdrawn.contains(place),
            _ => true,
        };
        let there = self.held.keys().rev().filter(|place| !standing.erased.contains(place));
        let places: Vec<u64> = there.take(CHOSEN_FROM).filter(|place| fits(place)).copied().collect();
        let place = match places.as_slice() {
            // Nothing is known yet, or nobody fits: somebody else is looked for.
            [] => return self.learn(admin).await,
            some => some[self.chance.place(some.len())],
        };
        let deed = match kind {
            "restricted" => Deed::Restrict(place),
            "released" => Deed::Lift(place),
            "taken back" => Deed::Withdraw(place),
            "erased" => Deed::Erase(place),
            _ => {
                self.editions += 1;
                Deed::Correct(place, self.editions)
            }
        };
        self.act(admin, deed).await
    }

    async fn act(&mut self, admin: &Caller, deed: Deed) -> Result<(), Over> {
        let standing = self.now();
        self.acts.push((deed.clone(), Known::Sent));
        let answer = call(admin, &deed, &self.held).await?;
        match answer.status {
            // Not now: nothing is done.
            429 => {
                self.acts.pop();
                tokio::time::sleep(A_MOMENT).await;
                return Ok(());
            }
            // It ends, or says no more than that it does not know: that is looked at in the next life.
            503 => return Err(Over::Killed),
            _ => {}
        }
        let expected = if matches!(deed, Deed::Lift(_)) { 204 } else { 200 };
        if answer.status != expected {
            return Err(Over::Wrong(format!("{deed:?} is answered {}: {}", answer.status, answer.text())));
        }
        let (place, said) = match deed {
            Deed::Correct(place, _) => (place, answer.json()["changed"] == json!(true)),
            Deed::Withdraw(place) => {
                let became = answer.json()["records"][0]["became"].clone();
                let number = self.held[&place].0;
                let has_agreed = !standing.objected.contains(&number);
                let wanted = if has_agreed { "ended" } else { "unchanged" };
                (place, became == wanted || self.vague.contains(&number))
            }
            Deed::Erase(place) => {
                standing.check_receipt(place, &answer.json())?;
                (place, true)
            }
            _ => (0, true),
        };
        if !said {
            return Err(Over::Wrong(format!("{deed:?} of {place} is answered {}", answer.text())));
        }
        self.settle(Known::Done(request_of(&answer)));
        self.count(match deed {
            Deed::Correct(..) => "corrected",
            Deed::Restrict(_) => "restricted",
            Deed::Lift(_) => "released",
            Deed::Withdraw(_) => "taken back",
            Deed::Object(_) => "objected",
            Deed::Erase(_) | Deed::Hand(..) => "erased",
        });
        Ok(())
    }

    fn settle(&mut self, known: Known) {
        if let Some((_, last)) = self.acts.last_mut() {
            *last = known;
        }
    }

    fn count(&mut self, what: &'static str) {
        self.heard.fetch_add(1, Ordering::Relaxed);
        *self.answered.entry(what).or_default() += 1;
    }

    /// What stands by all that is known.
    fn now(&self) -> Standing {
        self.standing(|_| true)
    }

    /// What stands where these requests were answered and no others.
    pub fn standing(&self, is_answered: impl Fn(&str) -> bool) -> Standing {
        let mut standing = Standing::default();
        standing.vague.clone_from(&self.vague);
        for (deed, known) in &self.acts {
            match (deed, known) {
                (_, Known::Done(by)) if is_answered(by) => standing.done(deed, &self.held),
                (_, Known::Undone(by)) if is_answered(by) => {}
                // A page that may have left, of which nobody will ever know.
                (Deed::Hand(after, ..), Known::Sent) => standing.lost.push(*after),
                (Deed::Hand(after, ..), _) => {
                    standing.lost.push(*after);
                    return standing;
                }
                _ => {
                    standing.doubt(deed);
                    return standing;
                }
            }
        }
        standing
    }

    /// The requests by whose answers something is known.
    pub fn requests(&self) -> impl Iterator<Item = &str> {
        self.acts.iter().filter_map(|(_, known)| match known {
            Known::Sent => None,
            Known::Done(by) | Known::Undone(by) => Some(by.as_str()),
        })
    }

    /// Of what the daemon was killed over it is asked first of all what became of it.
    ///
    /// # Errors
    /// What is not as it was answered.
    pub async fn hold(&mut self, admin: &Caller, sent: usize) -> Result<Standing, String> {
        if let Some((deed, Known::Sent)) = self.acts.last()
            && !matches!(deed, Deed::Hand(..))
        {
            let deed = deed.clone();
            let (is_done, by) = self.became(admin, &deed).await?;
            self.settle(if is_done { Known::Done(by) } else { Known::Undone(by) });
            if let Deed::Object(number) = deed {
                self.note_vague(number, sent);
            }
            self.count("killed over, and looked at");
        }
        let standing = self.now();
        standing.check_restrictions(admin).await?;
        Ok(standing)
    }

    /// Whether it is done, or is by asking for it once more; and by which answer that is known.
    async fn became(&self, admin: &Caller, deed: &Deed) -> Result<(bool, String), String> {
        match deed {
            Deed::Restrict(place) | Deed::Lift(place) => {
                let listed = admin.get("/admin/v1/restrictions").await;
                let is_restricted = restricted_in(&listed).contains(place);
                Ok((is_restricted == matches!(deed, Deed::Restrict(_)), request_of(&listed)))
            }
            Deed::Erase(place) => {
                let wanted = json!({ "leadgen_id": senders::leadgen(self.held[place].0) });
                let found = admin.post("/admin/v1/find", &wanted).await;
                let states = states_in(&found);
                match states.as_slice() {
                    [state] => Ok((state == "erased", request_of(&found))),
                    states => Err(format!("{deed:?}: it is {states:?}")),
                }
            }
            _ => {
                let again = call(admin, deed, &self.held).await.map_err(|error| error.to_string())?;
                match again.status {
                    200 => Ok((true, request_of(&again))),
                    status => {
                        Err(format!("{deed:?}, asked for once more, is answered {status}: {}", again.text()))
                    }
                }
            }
        }
    }

    /// Releases whoever is restricted.
    ///
    /// # Errors
    /// One is not released.
    pub async fn lift_all(&mut self, admin: &Caller) -> Result<(), String> {
        for place in self.now().restricted {
            match self.act(admin, Deed::Lift(place)).await {
                Ok(()) => {}
                Err(Over::Killed) => return Err("nobody answers".to_owned()),
                Err(Over::Wrong(fault)) => return Err(fault),
            }
        }
        Ok(())
    }
}

async fn page(caller: &Caller, after: Option<&str>) -> Result<Answer, Over> {
    let after = after.map_or(String::new(), |cursor| format!("&after={cursor}"));
    let path = format!("{LEADS}?limit={PAGE_RECORDS}{after}");
    let page = caller.try_call(Method::GET, &path, None, Some("audit")).await?;
    match page.status {
        200 => Ok(page),
        status => Err(Over::Wrong(format!("a page is answered {status}: {}", page.text()))),
    }
}
