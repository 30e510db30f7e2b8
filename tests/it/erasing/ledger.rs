//! What a process that settles, erases, corrects and ends by time said, line by line, and what must hold of what it leaves
//! behind: whatever was answered as erased stays so, of what was corrected the version before is gone, whatever was not asked to
//! go is there, and of each request all is done or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tamis::keyring::lease::LeaseError;
use tamis::keyring::tree::Kind as KeyKind;
use tamis::keyring::{BUCKET_RECORDS, Bucket, KeyringCode};
use tamis::purpose::RecordId;
use tamis::store::SeenState;
use tamis::trail::Action;

use super::house::{House, Kind, PURPOSES, ROOT, day_before, edition_in, ends_on, kind_of, reference};
use super::outsider::{self, Memory, Version};

/// What each line begins with, so that a layer that watches what leaves takes it for an answer.
pub const SAYS: &str = "HTTP/1.1 200 ";

/// One request to erase.
#[derive(Clone)]
struct Asked {
    people: BTreeSet<u64>,
    /// For the letter alone.
    narrowed: bool,
    answered: bool,
}

/// One correction.
#[derive(Clone)]
struct Correction {
    record: RecordId,
    answered: bool,
}

/// See the file.
#[derive(Clone, Default)]
pub struct Ledger {
    /// Given to the store, and not answered: nobody knows.
    sent: BTreeSet<u64>,
    /// The last who was ever sent.
    last: u64,
    /// Answered for, with the records that there are of them.
    settled: BTreeMap<u64, Vec<RecordId>>,
    asked: BTreeMap<u64, Asked>,
    /// By their numbers, which rise.
    corrections: BTreeMap<u64, Correction>,
    /// Up to this day everything that had its time is answered as gone.
    swept: Option<u32>,
}

/// What is left of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    All,
    /// All but the letter.
    QuoteAlone,
    Nothing,
}

/// The quote of a person has had its time on that day.
fn ends_by(person: u64, day: u32) -> bool {
    ends_on(person).is_some_and(|ends| ends <= day)
}

fn numbers(text: &str) -> BTreeSet<u64> {
    text.split(' ').map(|digits| digits.parse().unwrap_or_else(|_| panic!("no number: {text}"))).collect()
}

impl Ledger {
    /// The first people, whose records an outsider may see before anybody is erased.
    pub async fn begin(&mut self, house: &House, people: u64) {
        house.take(1..=people).await;
        self.send(1..=people);
        let exports = [house.export(PURPOSES[0]).await, house.export(PURPOSES[1]).await];
        self.resolve(&exports, house, 0).await.expect("all is settled");
    }

    fn send(&mut self, people: impl IntoIterator<Item = u64>) {
        for person in people {
            self.sent.insert(person);
            self.last = self.last.max(person);
        }
    }

    /// Takes one line in. What is half, since whoever wrote it was killed, says nothing.
    pub fn take(&mut self, line: &str) {
        let Some((verb, rest)) = line.strip_prefix(SAYS).and_then(|line| line.split_once(' ')) else {
            return;
        };
        match verb {
            "sent" => self.send(numbers(rest)),
            // Person, then records.
            "settled" => {
                let mut words = rest.split(' ');
                let person = words.next().and_then(|digits| digits.parse().ok()).expect("a number");
                let records = words.map(|id| RecordId::parse(id).expect("an id")).collect();
                self.settled.insert(person, records);
            }
            "asked" | "asked-letter" => {
                let (request, people) = rest.split_once(' ').expect("a request and people");
                let (people, narrowed) = (numbers(people), verb == "asked-letter");
                let request = request.parse().expect("a number");
                self.asked.insert(request, Asked { people, narrowed, answered: false });
            }
            "erased" => {
                let request: u64 = rest.parse().expect("a number");
                self.asked.get_mut(&request).expect("it was asked for").answered = true;
            }
            "asked-correction" => {
                let (edition, record) = rest.split_once(' ').expect("a number and a record");
                let record = RecordId::parse(record).expect("an id");
                let edition = edition.parse().expect("a number");
                self.corrections.insert(edition, Correction { record, answered: false });
            }
            "corrected" => {
                let edition: u64 = rest.parse().expect("a number");
                self.corrections.get_mut(&edition).expect("it was asked for").answered = true;
            }
            // The record was gone.
            "uncorrected" => {
                self.corrections.remove(&rest.parse().expect("a number")).expect("it was asked for");
            }
            "asked-sweep" => {}
            "swept" => self.swept = self.swept.max(Some(rest.parse().expect("a day"))),
            // Of a life that has nothing more to do.
            "rests" => {}
            _ => panic!("an unknown line: {line}"),
        }
    }

    /// Those who may still be asked to go, with what there is of them.
    pub fn untouched(&self) -> Vec<(u64, &[RecordId])> {
        let asked: BTreeSet<u64> =
            self.asked.values().flat_map(|asked| asked.people.iter().copied()).collect();
        let settled = self.settled.iter().map(|(person, records)| (*person, records.as_slice()));
        settled.filter(|(person, _)| !asked.contains(person) && !self.is_over(*person)).collect()
    }

    /// The day of the next life, counted from the first: nobody who is yet to come has had their time on it.
    pub fn day(&self) -> u32 {
        day_before(self.next_person())
    }

    /// The quote of a person has had its time.
    fn is_over(&self, person: u64) -> bool {
        ends_by(person, self.day())
    }

    /// The same, and that it is gone was answered.
    fn is_swept(&self, person: u64) -> bool {
        self.swept.is_some_and(|day| ends_by(person, day))
    }

    pub fn next_edition(&self) -> u64 {
        self.corrections.last_key_value().map_or(1, |(last, _)| last + 1)
    }

    pub fn corrected(&self) -> usize {
        self.corrections.values().filter(|one| one.answered).count()
    }

    /// How many records are answered as gone by time.
    pub fn expired(&self) -> usize {
        self.ended().count()
    }

    fn ended(&self) -> impl Iterator<Item = &RecordId> {
        let over = self.settled.iter().filter(|(person, _)| self.is_swept(**person));
        over.flat_map(|(_, records)| records).filter(|id| id.purpose.as_str() == PURPOSES[0])
    }

    pub fn settled(&self) -> usize {
        self.settled.len()
    }

    pub fn answered(&self) -> usize {
        self.asked.values().filter(|asked| asked.answered).count()
    }

    pub fn unanswered(&self) -> usize {
        self.asked.len() - self.answered()
    }

    pub fn next_person(&self) -> u64 {
        self.last + 1
    }

    pub fn next_request(&self) -> u64 {
        self.asked.last_key_value().map_or(1, |(last, _)| last + 1)
    }

    /// What must be left of a person; none: a request that got no answer decides.
    fn left(&self, person: u64) -> Option<Left> {
        let of = self.asked.values().filter(|asked| asked.people.contains(&person));
        let (mut left, mut sure) = (Left::All, true);
        for asked in of {
            let after = if asked.narrowed && left == Left::All { Left::QuoteAlone } else { Left::Nothing };
            let after = if asked.narrowed { if left == Left::Nothing { left } else { after } } else { after };
            match asked.answered {
                true => left = after,
                false => sure = false,
            }
        }
        sure.then_some(left)
    }

    /// What was erased in the life in which it was stored no copy has.
    pub fn foreseen_by(&self, memory: &mut Memory) {
        for id in self.settled.values().flatten() {
            memory.foresee(id.purpose.as_str(), id.epoch, id.number);
        }
    }

    /// The records that are answered as erased.
    pub fn erased(&self) -> BTreeSet<String> {
        let mut erased = BTreeSet::new();
        for asked in self.asked.values().filter(|asked| asked.answered) {
            for record in asked.people.iter().filter_map(|person| self.settled.get(person)).flatten() {
                if !asked.narrowed || record.purpose.as_str() == PURPOSES[1] {
                    erased.insert(record.to_string());
                }
            }
        }
        erased
    }

    /// Of all that an outsider knows of, what was answered as erased, ended by time, or corrected since.
    pub fn dead(&self, memory: &Memory) -> BTreeSet<Version> {
        let mut gone = self.erased();
        gone.extend(self.ended().map(ToString::to_string));
        let editions: BTreeMap<String, u64> = self.editions();
        let is_dead = |version: &&Version| {
            let edition = memory.text(version).map_or(0, edition_in);
            gone.contains(&version.id) || editions.get(&version.id).is_some_and(|now| edition < *now)
        };
        memory.versions().filter(is_dead).cloned().collect()
    }

    /// Of which correction each record is that was corrected, as far as was answered.
    fn editions(&self) -> BTreeMap<String, u64> {
        let answered = self.corrections.iter().filter(|(_, one)| one.answered);
        answered.map(|(edition, one)| (one.record.to_string(), *edition)).collect()
    }

    /// Of a disk as it lies there, before anybody starts on it: nothing opens that was answered as erased, ended by time, or
    /// corrected. Gives what does.
    ///
    /// # Errors
    /// What does and may not.
    pub fn holds_of_disk(&self, home: &Path, memory: &Memory) -> Result<BTreeSet<Version>, String> {
        let reached = memory.reached(&outsider::pages(&outsider::files(home), &ROOT));
        match reached.intersection(&self.dead(memory)).next() {
            None => Ok(reached),
            Some(version) => {
                Err(format!("{version:?} was answered as gone, and opens by what lies on the disk"))
            }
        }
    }

    /// A start on a home, and all that must hold then.
    ///
    /// # Errors
    /// What does not.
    pub async fn judge(&mut self, home: &Path, memory: &Memory) -> Result<(), String> {
        let house = House::open_on(home, self.day()).await?;
        // Whatever became of a sweep that nobody was answered for, its time is over.
        house.expire().await;
        self.swept = Some(self.day());
        let judged = self.judge_open(&house, memory).await;
        house.close().await;
        judged
    }

    async fn judge_open(&mut self, house: &House, memory: &Memory) -> Result<(), String> {
        let (mut exports, mut editions) = (Vec::new(), BTreeMap::new());
        for name in PURPOSES {
            let read =
                house.try_read(name).await.map_err(|error| format!("the export of {name}: {error}"))?;
            editions.extend(read.values().map(|(id, edition)| (id.to_string(), *edition)));
            exports.push(read.into_iter().map(|(person, (id, _))| (person, id)).collect());
        }
        self.resolve(&exports, house, self.day()).await?;
        self.resolve_corrections(&editions);
        let corrected = self.editions();
        let said_of = |id: &str| corrected.get(id).copied().unwrap_or(0);
        let mut living: BTreeSet<String> = BTreeSet::new();
        for (person, records) in &self.settled {
            let left = self.left(*person).ok_or(format!("nobody knows of {person}"))?;
            for (name, export) in PURPOSES.iter().zip(&exports) {
                let mine = records.iter().find(|id| id.purpose.as_str() == *name);
                let is_quote = *name == PURPOSES[0];
                let stays = (left == Left::All || left == Left::QuoteAlone && is_quote)
                    && !(is_quote && self.is_over(*person));
                let wanted = mine.filter(|_| stays);
                if export.get(person) != wanted {
                    return Err(format!(
                        "of {person} the export of {name} has {:?}, not {wanted:?}",
                        export.get(person)
                    ));
                }
                living.extend(wanted.map(ToString::to_string));
                if let Some(id) = mine.filter(|_| !stays)
                    && !is_dead(house, id)
                {
                    return Err(format!("{id} is gone, and its key lives"));
                }
                if let Some(id) = wanted {
                    let (found, said) = (editions[&id.to_string()], said_of(&id.to_string()));
                    if found != said {
                        return Err(format!("{id} is of correction {found}, not {said}"));
                    }
                    if said > 0 && !is_dead(house, id) {
                        return Err(format!("{id} was corrected, and the key of before lives"));
                    }
                }
            }
            self.judge_fates(house, *person, left).await?;
        }
        let there: BTreeSet<String> =
            exports.iter().flat_map(|export| export.values()).map(ToString::to_string).collect();
        if there != living {
            return Err(format!("exported and nobody's: {:?}", there.difference(&living)));
        }
        let reached = memory.reached(&outsider::pages(&outsider::files(&house.home), &ROOT));
        // Numbers that nobody has yet have a living leaf as well.
        let given: BTreeSet<String> = self.settled.values().flatten().map(ToString::to_string).collect();
        let edition = |version: &Version| memory.text(version).map_or(0, edition_in);
        let is_now =
            |version: &&Version| living.contains(&version.id) && edition(version) == said_of(&version.id);
        // What it is corrected to later hangs on a leaf that nobody has yet.
        let was = |version: &&Version| {
            let (edition, said) = (edition(version), said_of(&version.id));
            let is_past = edition < said || edition == said && !living.contains(&version.id);
            given.contains(&version.id) && is_past
        };
        if let Some(gone) = reached.iter().find(was) {
            return Err(format!("{gone:?} is gone, and something on the disk opens it"));
        }
        if let Some(there) =
            memory.records.keys().find(|version| is_now(version) && !reached.contains(*version))
        {
            return Err(format!("{there:?} is there, and nothing opens it"));
        }
        let scanned = house.scan().await;
        if scanned.records != living.len() as u64 || !scanned.faults.is_empty() {
            return Err(format!(
                "a scan finds {} of {}: {:?}",
                scanned.records,
                living.len(),
                scanned.faults
            ));
        }
        self.judge_trail(house).await
    }

    /// What nobody was answered for has happened, or not: whole. From here on that is known.
    async fn resolve(
        &mut self,
        exports: &[BTreeMap<u64, RecordId>],
        house: &House,
        day: u32,
    ) -> Result<(), String> {
        for person in self.sent.clone() {
            if self.settled.contains_key(&person) {
                continue;
            }
            let records: Vec<RecordId> =
                exports.iter().filter_map(|export| export.get(&person).cloned()).collect();
            let is_there = !house.fates(person).await.is_empty();
            let whole = match kind_of(person) {
                Kind::Both => 2,
                Kind::One => 1,
                Kind::Held => 0,
            };
            // Its quote has had its time since, and is in no export; that it was there once is known of its row.
            let whole = if ends_by(person, day) && whole > 0 { whole - 1 } else { whole };
            match (is_there, records.len()) {
                (true, count) if count == whole => drop(self.settled.insert(person, records)),
                // It comes again, and is new then.
                (false, 0) => drop(self.sent.remove(&person)),
                (_, count) => return Err(format!("of {person} there are {count} records of {whole}")),
            }
        }
        for request in self.asked.keys().copied().collect::<Vec<_>>() {
            let Asked { people, narrowed, answered } = self.asked[&request].clone();
            if answered {
                continue;
            }
            let mut went = BTreeSet::new();
            for person in &people {
                let fates = house.fates(*person).await;
                went.insert(if narrowed {
                    fates.contains(&SeenState::Erased)
                } else {
                    fates == [SeenState::Erased]
                });
            }
            match went.into_iter().collect::<Vec<_>>().as_slice() {
                [true] => self.asked.get_mut(&request).expect("there").answered = true,
                [false] => drop(self.asked.remove(&request)),
                _ => return Err(format!("request {request} is half done: {people:?}")),
            }
        }
        Ok(())
    }

    /// The same of corrections.
    fn resolve_corrections(&mut self, editions: &BTreeMap<String, u64>) {
        self.corrections.retain(|edition, one| {
            let found = editions.get(&one.record.to_string());
            one.answered |= found == Some(edition);
            one.answered
        });
    }

    async fn judge_fates(&self, house: &House, person: u64, left: Left) -> Result<(), String> {
        let fates = house.fates(person).await;
        let gone = fates.iter().filter(|state| **state == SeenState::Erased).count();
        let wanted = match left {
            Left::All => 0,
            Left::QuoteAlone => 1,
            Left::Nothing => fates.len(),
        };
        if gone != wanted || fates.is_empty() {
            return Err(format!("{person} is {fates:?}, and {left:?} is left"));
        }
        let known = house.store.known(&[reference(person)]).await.map_err(|error| error.to_string())?;
        if known == [true] { Ok(()) } else { Err(format!("{person} would be taken for new")) }
    }

    /// The chain is whole, and each record that is gone has its line; none has that is there.
    async fn judge_trail(&self, house: &House) -> Result<(), String> {
        let lines = house.trail().await;
        for (at, line) in lines.iter().enumerate() {
            if line.seq != at as u64 + 1 {
                return Err(format!("line {} at {at}", line.seq));
            }
        }
        let asked = lines.iter().filter(|line| line.entry.action() == Action::ErasureAsked);
        let named: BTreeSet<String> =
            asked.filter_map(|line| line.entry.from.as_ref()).map(ToString::to_string).collect();
        if named != self.erased() {
            return Err(format!("the trail tells of {named:?}, and {:?} were erased", self.erased()));
        }
        let ended = lines.iter().filter(|line| line.entry.action() == Action::Erased);
        let ended: u64 = ended.map(|line| line.entry.count).sum();
        // The last end may be noted a moment later.
        if ended > named.len() as u64 { Err(format!("{ended} ends of {}", named.len())) } else { Ok(()) }
    }
}

/// Whether the keyring gives no key for a record as it was at first.
fn is_dead(house: &House, id: &RecordId) -> bool {
    let leaf = u16::try_from(id.number % BUCKET_RECORDS).expect("below 512");
    let lease = match house.keyring.lease(&Bucket::of(id)) {
        Ok(lease) => lease,
        // Nothing lives in it any more.
        Err(error) if error.code == KeyringCode::KeyAbsent => return true,
        Err(error) => panic!("{id}: {error}"),
    };
    lease.key(leaf, KeyKind::Record, 0).err() == Some(LeaseError::Dead)
}
