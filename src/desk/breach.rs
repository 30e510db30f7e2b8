//! The facts that a notification of a breach asks for (GDPR art. 33(3)), as far as counts and trail tell them. No person is
//! named, and no number of a record is told; accounts stand as the trail has them.

use jiff::Timestamp;
use serde::Serialize;

use crate::clock::Rfc3339;
use crate::desk::codes;
use crate::desk::house::{House, Scribe};
use crate::desk::markdown::{Depth, Markdown};
use crate::desk::tally::{Deed, Done, Held, Tally, shows};
use crate::language::Language;
use crate::notice::naming::{self, line};
use crate::purpose::{Purpose, PurposeId};

/// The paper, in one language.
pub struct Breach<'c> {
    scribe: Scribe<'c>,
    tally: Tally,
    made: Timestamp,
}

impl<'c> Breach<'c> {
    /// From the config and what was counted.
    pub fn of(house: House<'c>, tally: Tally, language: Language, made: Timestamp) -> Self {
        Self { scribe: Scribe::new(house, language), tally, made }
    }

    /// To be read, and copied into the authority's form.
    pub fn markdown(&self) -> String {
        let (words, tally) = (self.scribe.words, &self.tally);
        let mut text = Markdown::default();
        text.heading(Depth::Title, words.b_title);
        text.paragraph(&format!("{} · {}", self.scribe.house.controller.name, words.b_law));
        let [from, to, made] = [tally.span.from, tally.span.to, self.made].map(|at| Rfc3339(at).to_string());
        text.paragraph(&line(words.b_intro, &[("from", &from), ("to", &to), ("made", &made)]));
        text.paragraph(words.b_hours);
        if let Some(begins) = tally.begins {
            text.paragraph(&line(words.b_gap, &[("begins", &Rfc3339(begins).to_string())]));
        }
        self.nature(&mut text);
        self.deeds(&mut text);
        text.heading(Depth::Part, words.b_b);
        text.facts(&[
            (words.c_controller, self.scribe.controller().join(", ")),
            (words.c_dpo, self.scribe.officer()),
        ]);
        text.heading(Depth::Part, words.b_c);
        text.paragraph(words.b_c_yours);
        self.measures(&mut text);
        text.finish()
    }

    /// Art. 33(3)(a).
    fn nature(&self, text: &mut Markdown) {
        let (words, tally) = (self.scribe.words, &self.tally);
        text.heading(Depth::Part, words.b_a);
        let cells = |name: String, counts: [u64; 6]| {
            let [begin, stored, erased, expired, within, now] = counts.map(|count| count.to_string());
            [name, begin, stored, erased, expired, within, now]
        };
        let of = |held: &Held| {
            [held.at_the_beginning(), held.stored, held.erased, held.expired, held.within(), held.now]
        };
        let mut sum = [0_u64; 6];
        let mut rows = Vec::new();
        for (id, held) in tally.concerned() {
            let counts = of(held);
            sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
            rows.push(cells(self.name(id), counts));
        }
        rows.push(cells(words.b_sum.to_owned(), sum));
        let head = [
            words.b_purpose,
            words.b_begin,
            words.b_stored,
            words.b_erased,
            words.b_expired,
            words.b_held,
            words.b_now,
        ];
        text.table(head, &rows);
        match self.persons_at_most() {
            Some(count) => text.paragraph(&line(words.b_persons, &[("n", &count.to_string())])),
            None => text.paragraph(words.b_persons_unknown),
        }
        text.paragraph(words.b_not_counted);
        text.heading(Depth::Section, words.b_categories);
        let facts: Vec<(String, String)> = tally
            .concerned()
            .map(|(id, _)| {
                (self.name(id), self.categories(id).unwrap_or_else(|| words.b_not_configured.to_owned()))
            })
            .collect();
        let facts: Vec<(&str, String)> =
            facts.iter().map(|(name, said)| (name.as_str(), said.clone())).collect();
        text.facts(&facts);
    }

    /// Who saw records, to whom they went, and what else accounts did.
    fn deeds(&self, text: &mut Markdown) {
        let (words, tally) = (self.scribe.words, &self.tally);
        let rows = |shown: bool| -> Vec<[String; 9]> {
            let deeds = tally.deeds.iter().filter(|(deed, _)| shows(deed) == shown);
            deeds.map(|(deed, done)| self.row(deed, *done)).collect()
        };
        let head = [
            words.b_account,
            words.b_role,
            words.b_act,
            words.b_purpose,
            words.b_to_whom,
            words.b_reason,
            words.b_result,
            words.b_times,
            words.b_count,
        ];
        text.heading(Depth::Section, words.b_read);
        let (read, others) = (rows(true), rows(false));
        match read.is_empty() {
            true => text.paragraph(words.b_read_none),
            false => text.table(head, &read),
        }
        if !others.is_empty() {
            text.heading(Depth::Section, words.b_other);
            text.table(head, &others);
        }
        if tally.left_out > 0 {
            text.paragraph(&line(words.b_left_out, &[("n", &tally.left_out.to_string())]));
        }
        text.paragraph(words.b_repeats);
    }

    fn row(&self, deed: &Deed, done: Done) -> [String; 9] {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let recipient = deed.recipient.as_ref().map(|id| self.recipient(id));
        let language = self.scribe.language;
        [
            deed.actor.clone(),
            codes::role(&deed.role, language).to_owned(),
            codes::action(&deed.action, language).to_owned(),
            deed.purpose.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            or_dash(&recipient),
            or_dash(&deed.reason.as_deref().map(|reason| codes::reason(reason, language).to_owned())),
            codes::result(&deed.result, language).to_owned(),
            done.times.to_string(),
            done.records.to_string(),
        ]
    }

    /// Art. 33(3)(d), as far as it is tamis's.
    fn measures(&self, text: &mut Markdown) {
        let (words, tally) = (self.scribe.words, &self.tally);
        text.heading(Depth::Part, words.b_d);
        let (erased, expired) = self.gone_since();
        text.list(&[
            line(words.b_d_since, &[("erased", &erased.to_string()), ("expired", &expired.to_string())]),
            line(words.b_d_keys, &[("n", &tally.keys_destroyed.to_string())]),
            line(words.b_d_tokens, &[("n", &tally.tokens_revoked.to_string())]),
            words.b_d_sealed.to_owned(),
            words.b_d_yours.to_owned(),
        ]);
    }

    fn gone_since(&self) -> (u64, u64) {
        let sum = |count: fn(&Held) -> u64| self.tally.purposes.values().map(count).sum();
        (sum(|held| held.erased_since), sum(|held| held.expired_since))
    }

    /// Nobody knows where the trail begins within the time: what went before that is in no count.
    fn persons_at_most(&self) -> Option<u64> {
        self.tally.begins.is_none().then(|| self.tally.purposes.values().map(Held::within).sum())
    }

    fn purpose(&self, id: &PurposeId) -> Option<&'c Purpose> {
        let mut purposes = self.scribe.house.purposes.iter();
        purposes.find(|purpose| purpose.id == *id).map(AsRef::as_ref)
    }

    fn name(&self, id: &PurposeId) -> String {
        self.purpose(id).map_or_else(|| id.to_string(), |purpose| self.scribe.title(purpose))
    }

    fn categories(&self, id: &PurposeId) -> Option<String> {
        self.purpose(id).map(|purpose| self.scribe.data(purpose).join("; "))
    }

    /// What a recipient is called, and where it is.
    fn recipient(&self, id: &str) -> String {
        let known = self.scribe.house.recipients.iter().find(|recipient| recipient.id == id);
        let country = |code| naming::country(code, self.scribe.language);
        known.map_or_else(|| id.to_owned(), |known| format!("{} ({})", known.name, country(&known.country)))
    }

    /// The same for programs: keys and codes in English, what people read in the language.
    pub fn json(&self) -> String {
        let tally = &self.tally;
        let moment = |at: Timestamp| Rfc3339(at).to_string();
        let purposes = tally.concerned().map(|(id, held)| PurposeWire {
            id: id.as_str(),
            title: self.name(id),
            categories_of_data: self.purpose(id).map(|purpose| self.scribe.data(purpose)),
            records_at_the_beginning: held.at_the_beginning(),
            stored: held.stored,
            erased: held.erased,
            expired: held.expired,
            held_at_most: held.within(),
            held_now: held.now,
            erased_since: held.erased_since,
            expired_since: held.expired_since,
        });
        let deeds = |shown: bool| {
            let deeds = tally.deeds.iter().filter(move |(deed, _)| shows(deed) == shown);
            deeds.map(|(deed, done)| DeedWire {
                actor: &deed.actor,
                role: &deed.role,
                action: &deed.action,
                purpose: deed.purpose.as_ref().map(PurposeId::as_str),
                recipient: deed.recipient.as_deref(),
                reason: deed.reason.as_deref(),
                result: &deed.result,
                times: done.times,
                records_at_most: done.records,
            })
        };
        let wire = Wire {
            law: "GDPR art. 33(3)",
            language: self.scribe.language,
            made_at: moment(self.made),
            from: moment(tally.span.from),
            to: moment(tally.span.to),
            trail_begins: tally.begins.map(moment),
            persons_at_most: self.persons_at_most(),
            purposes: purposes.collect(),
            reads: deeds(true).collect(),
            other_deeds: deeds(false).collect(),
            deeds_left_out: tally.left_out,
            keys_destroyed: tally.keys_destroyed,
            tokens_revoked: tally.tokens_revoked,
            controller: self.scribe.controller(),
            data_protection_officer: self.scribe.officer(),
        };
        // Texts and numbers: nothing of it can fail.
        serde_json::to_string_pretty(&wire).map(|text| text + "\n").unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Wire<'w> {
    law: &'static str,
    language: Language,
    made_at: String,
    from: String,
    to: String,
    trail_begins: Option<String>,
    persons_at_most: Option<u64>,
    purposes: Vec<PurposeWire<'w>>,
    reads: Vec<DeedWire<'w>>,
    other_deeds: Vec<DeedWire<'w>>,
    deeds_left_out: u64,
    keys_destroyed: u64,
    tokens_revoked: u64,
    controller: Vec<String>,
    data_protection_officer: String,
}

#[derive(Serialize)]
struct PurposeWire<'w> {
    id: &'w str,
    title: String,
    categories_of_data: Option<Vec<String>>,
    records_at_the_beginning: u64,
    stored: u64,
    erased: u64,
    expired: u64,
    held_at_most: u64,
    held_now: u64,
    erased_since: u64,
    expired_since: u64,
}

#[derive(Serialize)]
struct DeedWire<'w> {
    actor: &'w str,
    role: &'w str,
    action: &'w str,
    purpose: Option<&'w str>,
    recipient: Option<&'w str>,
    reason: Option<&'w str>,
    result: &'w str,
    times: u64,
    records_at_most: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::desk::house::sample::Sample;
    use crate::desk::tally::Span;
    use crate::desk::words::words;
    use crate::trail::Action;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// Two records at the beginning, three more, of which an export took four; one was erased afterwards.
    fn tally() -> Tally {
        let id = |name: &str| PurposeId::parse(name).expect("a name");
        let span = Span { from: at("2026-11-10T00:00:00Z"), to: at("2026-11-12T00:00:00Z") };
        let held = [(id("devis"), 4), (id("gone"), 1)];
        let mut tally = Tally::new(span, held, at("2026-11-30T00:00:00Z"));
        let deed = |actor: &str, action: Action, purpose: &str, recipient: Option<&str>| Deed {
            actor: actor.to_owned(),
            role: "exporter".to_owned(),
            action: action.as_str().to_owned(),
            purpose: Some(id(purpose)),
            recipient: recipient.map(str::to_owned),
            reason: Some("crm-sync".to_owned()),
            result: "done".to_owned(),
        };
        for (time, deed, records) in [
            ("2026-11-10T08:00:00Z", deed("system", Action::Stored, "devis", None), 3),
            (
                "2026-11-11T08:00:00Z",
                deed("token:0f3a9c1e5b7d2468", Action::Exported, "devis", Some("crm")),
                4,
            ),
            ("2026-11-11T09:00:00Z", deed("local:0", Action::Requeued, "devis", None), 2),
            ("2026-11-20T08:00:00Z", deed("local:0", Action::ErasureAsked, "devis", None), 1),
            ("2026-11-20T08:00:01Z", deed("system", Action::Erased, "devis", None), 1),
        ] {
            tally.take(at(time), deed, records);
        }
        tally
    }

    #[test]
    fn the_four_parts_of_the_law_are_there_in_every_language() {
        let sample = Sample::new();
        for language in Language::ALL {
            let made = at("2026-11-30T08:00:00Z");
            let text = Breach::of(sample.house(), tally(), language, made).markdown();
            let words = words(language);
            for part in [words.b_a, words.b_b, words.b_c, words.b_d] {
                assert!(text.contains(&format!("\n## {part}\n")), "{part}: {text}");
            }
            assert!(!text.contains(['{', '}']), "{text}");
            assert!(text.contains(words.b_hours) && text.contains(words.b_not_configured));
            assert!(!text.contains("devis-1-"), "no record is numbered");
            for code in ["crm-sync", "| exported |", "| requeued |"] {
                assert!(!text.contains(code), "a code, in {language:?}: {text}");
            }
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_time() {
        let sample = Sample::new();
        let made = at("2026-11-30T08:00:00Z");
        let mut tally = tally();
        let refused = Deed {
            actor: "token:1111111111111111".to_owned(),
            role: "exporter".to_owned(),
            action: Action::Exported.as_str().to_owned(),
            purpose: None,
            recipient: None,
            reason: None,
            result: "refused".to_owned(),
        };
        tally.take(at("2026-11-11T10:00:00Z"), refused, 0);
        let breach = Breach::of(sample.house(), tally, Language::En, made);
        let text = breach.markdown();
        assert!(text.contains("| Answer your request for a quote | 2 | 3 | 0 | 0 | 5 | 4 |"), "{text}");
        assert!(text.contains("| Together | 3 | 3 | 0 | 0 | 6 | 5 |"), "{text}");
        assert!(text.contains("persons: 6 at most"), "{text}");
        let row = "| token:0f3a9c1e5b7d2468 | exporter | records exported | devis | CRM SAS (France) | transfer into the CRM | done | 1 | 4 |";
        assert!(text.contains(row), "{text}");
        let (read, other) = text.split_once("### What accounts did besides").expect("both");
        assert!(
            read.contains("exported") && other.contains("queued again") && !read.contains("queued again")
        );
        assert!(other.contains("token:1111") && !read.contains("token:1111"), "it was shown nothing");
        assert!(text.contains("1 records were erased on request and 0 ended"), "{text}");
        assert!(text.contains("Full name (optional); E-mail address (optional)"), "{text}");
        let read: Value = serde_json::from_str(&breach.json()).expect("JSON");
        assert_eq!(read["persons_at_most"], 6);
        assert_eq!(read["purposes"][0]["held_at_most"], 5);
        assert_eq!(read["purposes"][1]["categories_of_data"], Value::Null);
        assert_eq!(read["reads"][0]["recipient"], "crm");
        assert_eq!(read["trail_begins"], Value::Null);
        assert_eq!((&read["keys_destroyed"], &read["deeds_left_out"]), (&Value::from(1), &Value::from(0)));
    }

    #[test]
    fn acts_and_reasons_are_said_in_words_and_to_programs_in_codes() {
        let sample = Sample::new();
        let made = at("2026-11-30T08:00:00Z");
        for (language, row) in [
            (
                Language::Fr,
                "| exportation | fiches exportées | devis | CRM SAS (France) | transfert vers le CRM | fait |",
            ),
            (
                Language::De,
                "| Export | Datensätze exportiert | devis | CRM SAS (Frankreich) | Übertragung in das CRM | getan |",
            ),
        ] {
            let breach = Breach::of(sample.house(), tally(), language, made);
            let text = breach.markdown();
            assert!(text.contains(row), "{text}");
            let read: Value = serde_json::from_str(&breach.json()).expect("JSON");
            assert_eq!(
                (&read["reads"][0]["action"], &read["reads"][0]["reason"]),
                (&"exported".into(), &"crm-sync".into())
            );
        }
    }

    #[test]
    fn where_the_trail_begins_too_late_nobody_knows_how_many_at_most() {
        let sample = Sample::new();
        let mut tally = tally();
        tally.trail_begins(at("2026-11-10T06:00:00Z"));
        let breach = Breach::of(sample.house(), tally, Language::En, at("2026-11-30T08:00:00Z"));
        let text = breach.markdown();
        assert!(text.contains("begins at 2026-11-10T06:00:00Z") && text.contains("not known"), "{text}");
        assert!(!text.contains("persons: 6"), "{text}");
        let read: Value = serde_json::from_str(&breach.json()).expect("JSON");
        assert_eq!(read["trail_begins"], "2026-11-10T06:00:00Z");
        assert_eq!(read["persons_at_most"], Value::Null);
    }
}
