//! The one source of what people read: a receipt as headings, sentences and tables, before it is text or HTML.

use crate::forget::receipt::content::{ErasedRecords, Receipt};
use crate::forget::receipt::note::VerifierKey;
use crate::forget::receipt::words::{self, Words, fill};
use crate::language::Language;
use crate::visible::in_a_cell;

/// A receipt in one language.
pub(super) struct Page<'r> {
    pub language: Language,
    pub title: &'static str,
    /// After what is explained.
    pub colon: &'static str,
    pub parts: Vec<Part<'r>>,
}

/// One thing below the other.
pub(super) enum Part<'r> {
    Heading(&'static str),
    Text(String),
    /// What, and what it is.
    Facts(Vec<(&'static str, String)>),
    /// Two columns with their names.
    Table([&'static str; 2], Vec<[String; 2]>),
    List(Vec<String>),
    /// What a shell is given.
    Command(&'static str),
    /// Something signed, as it is, and what it is called.
    Note(&'static str, &'r str),
}

/// The receipt and its words.
struct Writer<'r> {
    receipt: &'r Receipt,
    words: &'static Words,
    language: Language,
    controller: String,
}

impl<'r> Page<'r> {
    /// Says a receipt in words.
    pub(super) fn of(receipt: &'r Receipt, note: &'r str, key: &VerifierKey, language: Language) -> Self {
        let words = words::of(language);
        let controller = in_a_cell(&receipt.controller.name).into_owned();
        let writer = Writer { receipt, words, language, controller };
        let mut parts = writer.head();
        for section in [writer.erased(), writer.remains(), writer.others(), writer.unread()] {
            parts.extend(section);
        }
        parts.extend([Part::Heading(words.questions), Part::Text(writer.say(words.ask))]);
        parts.extend(writer.genuine(key));
        parts.push(Part::Note(words.note, note));
        Self { language, title: words.title, colon: words.colon, parts }
    }
}

impl<'r> Writer<'r> {
    fn say(&self, sentence: &str) -> String {
        self.say_of(sentence, "")
    }

    /// The same of so many, or of that one.
    fn say_of(&self, sentence: &str, what: &str) -> String {
        let email = in_a_cell(&self.receipt.controller.email);
        let values =
            [("controller", &*self.controller), ("email", &email), ("count", what), ("number", what)];
        fill(sentence, &values)
    }

    fn head(&self) -> Vec<Part<'r>> {
        let (receipt, words) = (self.receipt, self.words);
        let address = in_a_cell(&receipt.controller.address);
        let facts = vec![
            (words.number, receipt.number.to_string()),
            (words.issuer, format!("{}, {address}", self.controller)),
            (words.asked, words.moment(receipt.asked)),
            (words.done, words.moment(receipt.done)),
            (words.asked_by, self.say((words.by)(receipt.asked_by))),
            (words.why, self.say((words.ground)(receipt.why))),
        ];
        let adds = receipt.follows.map(|earlier| Part::Text(self.say_of(words.adds, &earlier.to_string())));
        [Part::Text(self.say(words.intro))].into_iter().chain(adds).chain([Part::Facts(facts)]).collect()
    }

    fn erased(&self) -> Vec<Part<'r>> {
        let words = self.words;
        let row = |erased: &ErasedRecords| {
            let title =
                self.language.choose(&erased.title).map_or(erased.purpose.as_str(), |(_, title)| title);
            [in_a_cell(title).into_owned(), words.count(erased.count)]
        };
        let rows: Vec<_> = self.receipt.records.iter().map(row).collect();
        let mut parts = vec![Part::Heading(words.erased)];
        if !rows.is_empty() {
            parts
                .extend([Part::Table([words.purpose, words.records], rows), Part::Text(self.say(words.how))]);
        }
        let told = match self.receipt.references {
            0 => Some(words.nothing).filter(|_| !self.receipt.erased_anything()),
            1 => Some(words.references_one),
            _ => Some(words.references_many),
        };
        let count = words.count(self.receipt.references);
        parts.extend(told.map(|told| Part::Text(self.say_of(told, &count))));
        parts
    }

    fn remains(&self) -> Vec<Part<'r>> {
        let (remains, words) = (&self.receipt.remains, self.words);
        let had_records = !self.receipt.records.is_empty();
        let dated = [
            (words.backups, remains.key_backups_until),
            (words.tombstones, remains.tombstones_until),
            (words.day_keys, remains.day_keys_until),
            (if had_records { words.trail } else { words.trail_alone }, Some(remains.trail_line_until)),
            (words.log, remains.log_key_until),
            (words.suppression, remains.suppression_until),
            (words.meta, remains.meta_until),
            (words.residue, remains.sealed_bytes_until.flatten()),
            (words.evidence, remains.evidence_until),
        ];
        let dated = dated.into_iter().filter_map(|(what, day)| Some([self.say(what), words.day(day?)]));
        let storage = (words.storage)(self.receipt.key_storage).map(|told| (told, words.no_date));
        let undated = [
            // What an earlier version signed names no day.
            Some((words.residue, words.residue_until))
                .filter(|_| had_records && remains.sealed_bytes_until.is_none()),
            Some((words.memory, words.no_date)).filter(|_| self.receipt.erased_anything()),
            storage.filter(|_| had_records),
        ];
        let undated = undated.into_iter().flatten();
        let rows = dated.chain(undated.map(|(what, until)| [what, until].map(str::to_owned))).collect();
        vec![Part::Heading(words.remains), Part::Table([words.what, words.until], rows)]
    }

    fn others(&self) -> Vec<Part<'r>> {
        let (receipt, words) = (self.receipt, self.words);
        let mut parts = vec![Part::Heading(words.others)];
        let told = receipt.to_be_told.as_deref().unwrap_or_default();
        if !receipt.erased_anything() && told.is_empty() {
            parts.push(Part::Text(words.not_known.to_owned()));
        } else if told.is_empty() {
            parts.push(Part::Text(words.nobody.to_owned()));
        } else {
            let told = told.iter().map(|recipient| {
                let role = self.say((words.role)(recipient.role));
                let (name, country) = (in_a_cell(&recipient.name), in_a_cell(&recipient.country));
                format!("{name} ({country}){} {role}", words.colon)
            });
            parts.extend([Part::Text(self.say(words.to_be_told)), Part::List(told.collect())]);
        }
        let locally =
            receipt.exported_locally.unwrap_or_default().then(|| Part::Text(self.say(words.locally)));
        parts.extend(locally.into_iter().chain([Part::Text(words.elsewhere.to_owned())]));
        parts
    }

    fn unread(&self) -> Vec<Part<'r>> {
        let words = self.words;
        let Some(unread) = self.receipt.unread else { return Vec::new() };
        let told = match unread {
            0 => words.unread_none,
            1 => words.unread_one,
            _ => words.unread_many,
        };
        vec![Part::Heading(words.unread), Part::Text(self.say_of(told, &words.count(unread)))]
    }

    fn genuine(&self, key: &VerifierKey) -> Vec<Part<'r>> {
        let words = self.words;
        let facts = vec![
            (words.key_name, key.name().as_str().to_owned()),
            (words.key_id, key.id_text()),
            (words.generation, self.receipt.keyring_generation.to_string()),
            (words.line, self.receipt.trail_line.to_string()),
        ];
        vec![
            Part::Heading(words.genuine),
            Part::Text(self.say(words.check)),
            Part::Command(words.command),
            Part::Facts(facts),
        ]
    }
}
