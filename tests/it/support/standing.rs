//! What stands after some of the acts of `rights` were answered, and how a daemon is held to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::account::{Exported, Records, place_of};
use super::client::{Answer, Caller};
use super::deeds::{Deed, Held, between, corrected_name, told_in};
use super::senders::{self, may_be_shared};

/// No page reaches further behind the place where it begins.
const REACHES: u64 = 100;
/// So many changes are read at once.
const CHANGES_MAX: u64 = 1_000;

/// What stands: records by their places, addresses by their numbers.
#[derive(Clone, Default)]
pub struct Standing {
    pub restricted: BTreeSet<u64>,
    pub withdrawn: BTreeSet<u64>,
    pub erased: BTreeSet<u64>,
    pub objected: BTreeSet<usize>,
    corrected: BTreeMap<u64, u64>,
    /// What the recipient had.
    handed: BTreeSet<u64>,
    /// Behind these places a page went to it of which no answer is known.
    pub lost: Vec<u64>,
    /// What may be done or not.
    pub doubt: Option<Deed>,
    /// What its cursor passed while nobody might use it.
    passed: BTreeSet<u64>,
    /// What it is to hear of each record, in this order.
    hears: BTreeMap<u64, Vec<&'static str>>,
    /// What was restricted at some time.
    pub ever_restricted: BTreeSet<u64>,
    /// Who objected while they were sent, perhaps.
    pub vague: BTreeSet<usize>,
    /// How often something was written anew, at the most: as many numbers are nobody's.
    moves: u64,
}

impl Standing {
    /// It is done.
    pub fn done(&mut self, deed: &Deed, held: &Held) {
        match deed {
            Deed::Correct(place, edition) => {
                self.moves += 1;
                self.corrected.insert(*place, *edition);
                self.tell(*place, "corrected");
            }
            Deed::Restrict(place) => {
                self.restricted.insert(*place);
                self.ever_restricted.insert(*place);
                self.tell(*place, "restricted");
            }
            Deed::Lift(place) => {
                self.restricted.remove(place);
                self.tell(*place, "released");
                if self.passed.contains(place) && !self.handed.contains(place) {
                    self.hears.entry(*place).or_default().push("stored");
                }
            }
            Deed::Withdraw(place) => {
                self.moves += 1;
                self.withdrawn.insert(*place);
                // For the news and for handing on: whoever had it had both.
                self.tell(*place, "withdrawn");
                self.tell(*place, "withdrawn");
            }
            Deed::Object(number) => {
                self.objected.insert(*number);
            }
            Deed::Erase(place) => {
                self.restricted.remove(place);
                self.erased.insert(*place);
                self.tell(*place, "erased");
            }
            Deed::Hand(after, end, places) => {
                for (place, number) in between(held, *after, *end) {
                    if self.restricted.contains(place) && self.agrees(*place, number) {
                        self.passed.insert(*place);
                    }
                }
                self.handed.extend(places);
            }
        }
    }

    fn tell(&mut self, place: u64, kind: &'static str) {
        if self.handed.contains(&place) {
            self.hears.entry(place).or_default().push(kind);
        }
    }

    fn agrees(&self, place: u64, number: usize) -> bool {
        may_be_shared(number) && !self.withdrawn.contains(&place) && !self.objected.contains(&number)
    }

    /// Nobody knows.
    pub fn doubt(&mut self, deed: &Deed) {
        self.moves += u64::from(matches!(deed, Deed::Correct(..) | Deed::Withdraw(_)));
        self.doubt = Some(deed.clone());
    }

    /// True of what the act in doubt is about.
    fn is_in_doubt(&self, place: u64) -> bool {
        matches!(&self.doubt, Some(Deed::Correct(of, _) | Deed::Restrict(of) | Deed::Lift(of) | Deed::Withdraw(of) | Deed::Erase(of)) if *of == place)
    }

    /// Whether a record goes to the recipient.
    pub fn may_go(&self, place: u64, number: usize) -> bool {
        self.agrees(place, number) && !self.restricted.contains(&place) && !self.erased.contains(&place)
    }

    /// The receipt of an erasure names the recipient if it had the record, and not if that was withheld from it or passed by.
    ///
    /// # Errors
    /// It says otherwise.
    pub fn check_receipt(&self, place: u64, answer: &Value) -> Result<(), String> {
        let had = self.handed.contains(&place);
        let may_be_lost = self.may_be_lost(place);
        match told_in(answer)? {
            is_named if is_named == had || !had && may_be_lost => Ok(()),
            is_named => {
                Err(format!("the recipient had {place}: {had}, and the receipt names it: {is_named}"))
            }
        }
    }

    /// Who is restricted is listed, and nobody else.
    ///
    /// # Errors
    /// Somebody else is, or is not.
    pub async fn check_restrictions(&self, admin: &Caller) -> Result<(), String> {
        let mut listed = restricted_in(&admin.get("/admin/v1/restrictions").await);
        listed.retain(|place| !self.is_in_doubt(*place));
        let wanted: BTreeSet<u64> =
            self.restricted.iter().filter(|place| !self.is_in_doubt(**place)).copied().collect();
        match listed == wanted {
            true => Ok(()),
            false => Err(format!("restricted are {listed:?}, and answered for {wanted:?}")),
        }
    }

    /// What a whole export gives is as it was answered.
    ///
    /// # Errors
    /// What is not.
    pub fn check_export(&self, records: &Records) -> Result<(), String> {
        let left_out = (self.restricted.len() + self.erased.len()) as u64;
        if records.gaps > self.moves + left_out + u64::from(self.doubt.is_some()) {
            return Err(format!(
                "{} numbers are nobody's, and {} were written anew",
                records.gaps, self.moves
            ));
        }
        for (number, record) in &records.by_number {
            let place = place_of(&record.id);
            if !self.is_in_doubt(place) && !self.vague.contains(number) {
                self.check_record(*number, place, record)?;
            }
        }
        Ok(())
    }

    fn check_record(&self, number: usize, place: u64, record: &Exported) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("lead {number} is {what}, and in an export: {record:?}"));
        if self.erased.contains(&place) {
            return wrong("erased");
        }
        if self.restricted.contains(&place) {
            return wrong("restricted");
        }
        let name = match self.corrected.get(&place) {
            Some(edition) => corrected_name(number, *edition),
            None => format!("Person {number}"),
        };
        if record.name != name {
            return wrong(&format!("{name:?}"));
        }
        let objected = self.objected.contains(&number);
        if objected != record.boxes.is_empty()
            && !matches!(&self.doubt, Some(Deed::Object(of)) if *of == number)
        {
            return wrong(if objected { "objected" } else { "no objector" });
        }
        if !objected && self.withdrawn.contains(&place) != record.is_over {
            return wrong("otherwise agreed");
        }
        Ok(())
    }

    /// How many of those who were erased are looked for by their address: no record is found, and what shows of their consents is.
    ///
    /// # Errors
    /// What is found.
    pub async fn check_evidence(&self, admin: &Caller, held: &Held, count: usize) -> Result<usize, String> {
        let mut looked_for = 0;
        let sure =
            self.erased.iter().rev().map(|place| held[place].0).filter(|number| !self.vague.contains(number));
        for number in sure.take(count) {
            let found =
                admin.post("/admin/v1/find", &json!({ "leadgen_id": senders::leadgen(number) })).await;
            if states_in(&found) != ["erased"] {
                return Err(format!("lead {number} is erased, and found: {}", found.text()));
            }
            let found = admin.post("/admin/v1/find", &json!({ "email": senders::email(number) })).await;
            // Others look, too.
            if found.status == 429 {
                continue;
            }
            let found = found.json();
            let left = u64::from(!self.objected.contains(&number));
            if found["records"] != json!([]) || found["evidence"].as_u64().unwrap_or(0) != left {
                return Err(format!("of lead {number}, who is erased, there is {found}"));
            }
            looked_for += 1;
        }
        Ok(looked_for)
    }

    /// The recipient hears what became of what it had, in that order, and of nothing else.
    ///
    /// # Errors
    /// What it hears, or does not.
    pub async fn check_changes(&self, recipient: &Caller) -> Result<usize, String> {
        let mut heard: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let (mut after, mut count) = (0, 0);
        loop {
            let path = format!("/admin/v1/changes?after={after}&limit={CHANGES_MAX}");
            // There is no such number where nothing was ever said.
            let path = if after == 0 { format!("/admin/v1/changes?limit={CHANGES_MAX}") } else { path };
            let page = recipient.get(&path).await;
            if page.status != 200 {
                return Err(format!("the changes are answered {}: {}", page.status, page.text()));
            }
            let page = page.json();
            for change in page["changes"].as_array().map(Vec::as_slice).unwrap_or_default() {
                after = change["n"].as_u64().unwrap_or(after);
                count += 1;
                let text = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
                heard.entry(place_of(&text("id"))).or_default().push(text("kind"));
            }
            if page["more"] != json!(true) {
                break;
            }
        }
        for place in heard.keys().chain(self.hears.keys()) {
            if self.is_in_doubt(*place) || self.may_be_lost(*place) {
                continue;
            }
            let said = heard.get(place).map(Vec::as_slice).unwrap_or_default();
            let wanted = self.hears.get(place).map(Vec::as_slice).unwrap_or_default();
            if said != wanted {
                return Err(format!("of record {place} the recipient hears {said:?}, and {wanted:?} is so"));
            }
        }
        Ok(count)
    }

    /// A page of which no answer arrived may have had it, or passed it.
    fn may_be_lost(&self, place: u64) -> bool {
        self.lost.iter().any(|behind| (behind + 1..=behind + REACHES).contains(&place))
    }

    /// Of some that the recipient had, and of some that it did not, an erasure says so.
    ///
    /// # Errors
    /// What it says.
    pub async fn check_told(&self, admin: &Caller, records: &Records, count: usize) -> Result<usize, String> {
        let is_sure = |place: &u64| !self.is_in_doubt(*place);
        let there = || records.by_number.values().filter(move |record| is_sure(&place_of(&record.id)));
        let had = |record: &&&Exported| self.handed.contains(&place_of(&record.id));
        let (some, others) = (there(), there());
        let chosen: Vec<&Exported> = some
            .filter(|record| had(&record))
            .take(count)
            .chain(others.filter(|record| !had(&record)).take(count))
            .collect();
        for record in &chosen {
            let body = json!({ "by": { "id": record.id } });
            let call = admin.call(
                reqwest::Method::POST,
                "/admin/v1/erasures",
                Some(body.to_string()),
                Some("person-request"),
            );
            let answer = call.await;
            if answer.status != 200 {
                return Err(format!("an erasure is answered {}: {}", answer.status, answer.text()));
            }
            self.check_receipt(place_of(&record.id), &answer.json())?;
        }
        Ok(chosen.len())
    }

    /// Numbers that an export may leave out: of those who are erased, or restricted, or whom the act in doubt is about.
    pub fn left_out(&self, held: &Held) -> BTreeSet<usize> {
        let of = held.iter().filter(|(place, _)| {
            self.erased.contains(place) || self.restricted.contains(place) || self.is_in_doubt(**place)
        });
        of.map(|(_, (number, _))| *number).collect()
    }

    /// Those who are erased.
    pub fn erased_numbers(&self, held: &Held) -> BTreeSet<usize> {
        self.erased.iter().filter_map(|place| Some(held.get(place)?.0)).collect()
    }
}

/// The places of what is listed as restricted.
pub fn restricted_in(listed: &Answer) -> BTreeSet<u64> {
    let listed = listed.json();
    let listed = listed["restrictions"].as_array().map(Vec::as_slice).unwrap_or_default();
    listed.iter().map(|one| place_of(one["id"].as_str().unwrap_or_default())).collect()
}

/// What became of a submission.
pub fn states_in(found: &Answer) -> Vec<String> {
    let found = found.json();
    let records = found["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    records.iter().filter_map(|record| record["state"].as_str().map(str::to_owned)).collect()
}
