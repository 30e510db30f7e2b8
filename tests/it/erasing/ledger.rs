//! What a process that settles and erases said, line by line, and what must hold of what it leaves behind: whatever was
//! answered as erased stays so, whatever was not asked to go is there, and of each request all is done or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tamis::keyring::lease::LeaseError;
use tamis::keyring::tree::Kind as KeyKind;
use tamis::keyring::{BUCKET_RECORDS, Bucket};
use tamis::purpose::RecordId;
use tamis::store::SeenState;
use tamis::trail::Action;

use super::house::{House, Kind, PURPOSES, ROOT, kind_of, reference};
use super::outsider::{self, Memory};

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

/// See the file.
#[derive(Clone, Default)]
pub struct Ledger {
    /// Given to the store, and not answered: nobody knows.
    sent: BTreeSet<u64>,
    /// Answered for, with the records that there are of them.
    settled: BTreeMap<u64, Vec<RecordId>>,
    asked: BTreeMap<u64, Asked>,
}

/// What is left of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    All,
    /// All but the letter.
    QuoteAlone,
    Nothing,
}

fn numbers(text: &str) -> BTreeSet<u64> {
    text.split(' ').map(|digits| digits.parse().unwrap_or_else(|_| panic!("no number: {text}"))).collect()
}

impl Ledger {
    /// The first people, whose records an outsider may see before anybody is erased.
    pub async fn begin(&mut self, house: &House, people: u64) {
        house.take(1..=people).await;
        self.sent.extend(1..=people);
        let exports = [house.export(PURPOSES[0]).await, house.export(PURPOSES[1]).await];
        self.resolve(&exports, house).await.expect("all is settled");
    }

    /// Takes one line in. What is half, since whoever wrote it was killed, says nothing.
    pub fn take(&mut self, line: &str) {
        let Some((verb, rest)) = line.strip_prefix(SAYS).and_then(|line| line.split_once(' ')) else {
            return;
        };
        match verb {
            "sent" => self.sent.extend(numbers(rest)),
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
            // Of a life that has nothing more to do.
            "rests" => {}
            _ => panic!("an unknown line: {line}"),
        }
    }

    /// Those who may still be asked to go.
    pub fn untouched(&self) -> Vec<u64> {
        let asked: BTreeSet<u64> =
            self.asked.values().flat_map(|asked| asked.people.iter().copied()).collect();
        self.settled.keys().copied().filter(|person| !asked.contains(person)).collect()
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
        self.sent.last().map_or(1, |last| last + 1)
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

    /// Of a disk as it lies there, before anybody starts on it: nothing that was answered as erased opens.
    ///
    /// # Errors
    /// What does.
    pub fn holds_of_disk(&self, home: &Path, memory: &Memory) -> Result<BTreeSet<String>, String> {
        let reached = memory.reached(&outsider::pages(&outsider::files(home), &ROOT));
        let erased = self.erased();
        match reached.intersection(&erased).next() {
            None => Ok(reached),
            Some(id) => Err(format!("{id} was answered as erased, and opens by what lies on the disk")),
        }
    }

    /// A start on a home, and all that must hold then.
    ///
    /// # Errors
    /// What does not.
    pub async fn judge(&mut self, home: &Path, memory: &Memory) -> Result<(), String> {
        let house = House::open(home).await?;
        let judged = self.judge_open(&house, memory).await;
        house.close().await;
        judged
    }

    async fn judge_open(&mut self, house: &House, memory: &Memory) -> Result<(), String> {
        let mut exports = Vec::new();
        for name in PURPOSES {
            exports.push(
                house.try_export(name).await.map_err(|error| format!("the export of {name}: {error}"))?,
            );
        }
        self.resolve(&exports, house).await?;
        let mut living: BTreeSet<String> = BTreeSet::new();
        for (person, records) in &self.settled {
            let left = self.left(*person).ok_or(format!("nobody knows of {person}"))?;
            for (name, export) in PURPOSES.iter().zip(&exports) {
                let mine = records.iter().find(|id| id.purpose.as_str() == *name);
                let stays = left == Left::All || left == Left::QuoteAlone && *name == PURPOSES[0];
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
        if let Some(id) = reached.iter().find(|id| given.contains(*id) && !living.contains(*id)) {
            return Err(format!("{id} is gone, and something on the disk opens it"));
        }
        if let Some(id) = living.iter().find(|id| memory.records.contains_key(*id) && !reached.contains(*id))
        {
            return Err(format!("{id} is there, and nothing opens it"));
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
    async fn resolve(&mut self, exports: &[BTreeMap<u64, RecordId>], house: &House) -> Result<(), String> {
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

/// Whether the keyring gives no key for a record.
fn is_dead(house: &House, id: &RecordId) -> bool {
    let leaf = u16::try_from(id.number % BUCKET_RECORDS).expect("below 512");
    let lease = house.keyring.lease(&Bucket::of(id)).unwrap_or_else(|error| panic!("{id}: {error}"));
    lease.key(leaf, KeyKind::Record, 0).err() == Some(LeaseError::Dead)
}
