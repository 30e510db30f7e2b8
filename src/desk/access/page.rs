//! What a person is handed, as a page: to be read and to be printed. It has what the JSON has, since it is made of that; what is for
//! programs alone (revisions and hashes, Meta's keys, the day of a reminder that nobody sends yet) it leaves out.

use askama::Template;

use crate::api::access::{
    AccessFile, EvidenceCause, Handed, HeldConsent, HeldContent, HeldRecord, KeptEvidence, Remaining,
    SentMail, SentMailKind,
};
use crate::api::evidence::{ConsentEvent, ConsentOutcome, EventState};
use crate::api::suppressions::{ALL, ContactKind, Suppression};
use crate::api::{Moment, Word};
use crate::desk::access::words::{Words, words};
use crate::desk::page::STYLE;
use crate::language::Language;
use crate::notice::naming::{self, line};
use crate::purpose::Basis;
use crate::purpose::law::TransferBasis;

#[derive(Template)]
#[template(path = "access.html")]
struct Page<'p> {
    style: &'static str,
    words: &'static Words,
    language: Language,
    controller: &'p str,
    made: String,
    notes: Vec<String>,
    records: Vec<Sheet>,
    objections: Vec<String>,
    evidence: Vec<Row>,
    remains: &'p [Remaining],
    complain: String,
}

/// A record.
struct Sheet {
    heading: String,
    notes: Vec<String>,
    rows: Vec<Row>,
}

/// What is said of it, in points.
struct Row {
    label: String,
    points: Vec<String>,
}

/// The page, in its language.
pub fn access_page(held: &AccessFile, language: Language) -> String {
    let clerk = Clerk { held, language, words: words(language) };
    let page = Page {
        style: STYLE,
        words: clerk.words,
        language,
        controller: &held.controller.name,
        made: line(
            clerk.words.made,
            &[("controller", &held.controller.name), ("date", &clerk.day(held.made_at))],
        ),
        notes: clerk.notes(),
        records: held.records.iter().map(|record| clerk.sheet(record)).collect(),
        objections: held.suppressions.iter().map(|entry| clerk.objection(entry)).collect(),
        evidence: held.evidence.iter().map(|kept| clerk.kept(kept)).collect(),
        remains: &held.remains,
        complain: line(
            clerk.words.complain,
            &[
                ("controller", &held.controller.name),
                ("address", &held.controller.address),
                ("email", &held.controller.email),
            ],
        ),
    };
    // Writing texts into a text cannot fail.
    page.render().unwrap_or_default()
}

/// Who writes it.
struct Clerk<'p> {
    held: &'p AccessFile,
    language: Language,
    words: &'static Words,
}

impl Clerk<'_> {
    fn day(&self, moment: Moment) -> String {
        self.language.day(moment.0)
    }

    /// A day as the wire has it.
    fn day_of(&self, text: &str) -> String {
        let midnight = format!("{text}T00:00:00Z").parse();
        midnight.map_or_else(|_| text.to_owned(), |midnight| self.language.day(midnight))
    }

    /// What is to be said before the records.
    fn notes(&self) -> Vec<String> {
        let (held, words) = (self.held, self.words);
        let count = |count: Option<u64>| count.filter(|count| *count > 0).map(|count| count.to_string());
        let mut notes = Vec::new();
        if held.records.is_empty() {
            notes.push(words.nothing.to_owned());
        }
        if let Some(total) = count(held.total) {
            let shown = held.records.len().to_string();
            notes.push(line(words.more, &[("total", &total), ("shown", &shown)]));
        }
        notes.extend(count(held.unread).map(|n| line(words.unread, &[("n", &n)])));
        notes.extend(count(held.unreadable).map(|n| line(words.unreadable, &[("n", &n)])));
        notes
    }

    fn sheet(&self, record: &HeldRecord) -> Sheet {
        let words = self.words;
        let mut notes = Vec::new();
        if record.expired {
            notes.push(words.expired.to_owned());
        }
        if let Some(restricted) = &record.restricted {
            let sentence = if restricted.erasure.is_some() { words.to_be_erased } else { words.restricted };
            notes.push(line(sentence, &[("date", &self.day_of(&restricted.until))]));
        }
        let mut rows =
            vec![row(words.purpose, vec![record.title.clone()]), row(words.basis, vec![self.basis(record)])];
        if let Some(content) = &record.content {
            if content.test {
                notes.push(words.test.to_owned());
            }
            rows.extend(self.content(content, record));
        }
        rows.push(row(words.handed, self.handed(&record.handed)));
        let mails = self.mails(record);
        if !mails.is_empty() {
            rows.push(row(words.mails, mails));
        }
        Sheet { heading: line(words.record, &[("id", &record.id.to_string())]), notes, rows }
    }

    fn basis(&self, record: &HeldRecord) -> String {
        let said = crate::desk::words::words(self.language);
        match &record.basis {
            Some(Word::Known(Basis::Consent)) => said.basis_consent,
            Some(Word::Known(Basis::PreContract)) => said.basis_pre_contract,
            Some(Word::Known(Basis::Contract)) => said.basis_contract,
            Some(Word::Known(Basis::LegitimateInterest)) => said.basis_interest,
            Some(Word::Later(later)) => later.as_str(),
            None => self.words.basis_gone,
        }
        .to_owned()
    }

    fn content(&self, content: &HeldContent, record: &HeldRecord) -> Vec<Row> {
        let words = self.words;
        let source = [("form", content.form_id.as_str()), ("page", content.page_id.as_str())];
        let mut rows = vec![
            row(words.source, vec![line(words.source_form, &source)]),
            row(words.sent, vec![self.day(content.created_time)]),
            row(words.received, vec![self.day(content.received_at)]),
            row(words.kept_until, vec![self.day(content.expires_at)]),
        ];
        if content.fields.is_empty() {
            rows.push(row(words.answers, vec![words.no_answers.to_owned()]));
        }
        for field in &content.fields {
            let label = match field.exported {
                true => field.title.clone(),
                false => line(words.field_idle, &[("field", &field.title)]),
            };
            rows.push(Row { label, points: field.values.clone() });
        }
        let beside = content.beside.iter().map(|one| format!("{}{}{}", one.title, self.colon(), one.value));
        let beside: Vec<String> = beside.collect();
        if !beside.is_empty() {
            rows.push(row(words.beside, beside));
        }
        for consent in &content.consents {
            rows.push(self.consent(consent));
        }
        if let Some(revision) = &content.notice_revision {
            rows.push(row(
                words.notice,
                vec![format!("{}/notice/{}/{revision}", self.held.public_url, record.purpose)],
            ));
        }
        rows
    }

    fn colon(&self) -> &'static str {
        crate::desk::words::words(self.language).colon
    }

    /// What was asked, what was answered, until when that holds.
    fn consent(&self, consent: &HeldConsent) -> Row {
        let words = self.words;
        let said = match &consent.outcome {
            Word::Known(ConsentOutcome::Given) => words.given,
            Word::Known(ConsentOutcome::DefaultUnknown) => words.default_unknown,
            Word::Known(ConsentOutcome::PreTicked) => words.pre_ticked,
            Word::Known(ConsentOutcome::NotGiven) => words.not_given,
            Word::Known(ConsentOutcome::Absent) => words.absent,
            Word::Known(ConsentOutcome::Unclear) | Word::Later(_) => words.unclear,
        };
        let mut points = vec![line(said, &[("date", &self.day(consent.at))])];
        points.extend(
            consent.valid_until.map(|until| line(words.consent_until, &[("date", &self.day(until))])),
        );
        points
            .extend(consent.answer.as_ref().map(|answer| line(words.consent_answer, &[("answer", answer)])));
        points.extend(consent.text.as_ref().map(|text| line(words.consent_text, &[("text", text)])));
        points.extend(consent.events.iter().filter_map(|event| self.event(event)));
        Row { label: format!("{}{}{}", words.consents, self.colon(), consent.title), points }
    }

    /// What became of a consent; none: that it was given or refused is said before.
    fn event(&self, event: &ConsentEvent) -> Option<String> {
        let said = match &event.event_state {
            Word::Known(EventState::Given | EventState::Refused) | Word::Later(_) => return None,
            Word::Known(EventState::Confirmed) => self.words.event_confirmed,
            Word::Known(EventState::Withdrawn) => self.words.event_withdrawn,
            Word::Known(EventState::Objected) => self.words.event_objected,
            Word::Known(EventState::Ended) => self.words.event_ended,
        };
        Some(line(said, &[("date", &self.day(event.event_time))]))
    }

    /// What was written to them about a record.
    fn mails(&self, record: &HeldRecord) -> Vec<String> {
        let words = self.words;
        let one = |mail: &SentMail| {
            let said = match mail.kind {
                Word::Known(SentMailKind::Asked) => words.mail_asked,
                Word::Known(SentMailKind::Reminded) => words.mail_reminded,
                Word::Known(SentMailKind::Link) => words.mail_link,
                Word::Known(SentMailKind::Copy) => words.mail_copy,
                Word::Later(_) => words.mail_other,
            };
            line(said, &[("date", &self.day(mail.sent_at))])
        };
        let unreachable = record.unreachable_since;
        let unreachable =
            unreachable.map(|since| line(words.mail_unreachable, &[("date", &self.day(since))]));
        record.mails.iter().map(one).chain(unreachable).collect()
    }

    /// What is left of a record that is gone.
    fn kept(&self, kept: &KeptEvidence) -> Row {
        let words = self.words;
        let ended = match kept.cause {
            Word::Known(EvidenceCause::Expired) => words.evidence_expired,
            Word::Known(EvidenceCause::Erased) | Word::Later(_) => words.evidence_erased,
        };
        let mut points = vec![line(ended, &[("date", &self.day_of(&kept.ended))])];
        for consent in &kept.consents {
            for event in &consent.events {
                let said = match event.event_state {
                    Word::Known(EventState::Given) => {
                        Some(line(words.given, &[("date", &self.day(event.event_time))]))
                    }
                    _ => self.event(event),
                };
                points.extend(
                    said.map(|said| {
                        line(words.evidence_box, &[("consent", &consent.title), ("said", &said)])
                    }),
                );
            }
        }
        points.push(line(words.evidence_until, &[("date", &self.day_of(&kept.until))]));
        Row { label: kept.title.clone(), points }
    }

    fn handed(&self, handed: &[Handed]) -> Vec<String> {
        let words = self.words;
        if handed.is_empty() {
            return vec![words.handed_nobody.to_owned()];
        }
        let one = |to: &Handed| {
            let [first, last] = [&to.first, &to.last].map(|day| self.day_of(day));
            let days = match first == last {
                true => line(words.handed_day, &[("date", &first)]),
                false => line(words.handed_days, &[("first", &first), ("last", &last)]),
            };
            let Some(id) = &to.recipient else {
                let name = self.held.controller.name.as_str();
                return line(words.handed_local, &[("controller", name), ("days", &days)]);
            };
            let name = to.name.as_ref().unwrap_or(id);
            let country = to.country.as_deref().map_or("?", |code| naming::country(code, self.language));
            let said = crate::desk::words::words(self.language);
            let safeguard = to.safeguard.as_ref().map(|basis| match basis {
                Word::Known(TransferBasis::Adequacy) => said.adequacy,
                Word::Known(TransferBasis::StandardClauses) => said.clauses,
                Word::Known(TransferBasis::BindingRules) => said.binding,
                Word::Later(later) => later.as_str(),
            });
            let document = to.safeguard_url.as_ref().map(|url| line(said.document, &[("url", url)]));
            let parts = [safeguard, document.as_deref(), Some(&*days)].into_iter().flatten();
            format!("{name} ({country}), {}", parts.collect::<Vec<_>>().join(", "))
        };
        handed.iter().map(one).collect()
    }

    fn objection(&self, entry: &Suppression) -> String {
        let words = self.words;
        let contact = match entry.contact {
            Word::Known(ContactKind::Phone) => words.phone,
            _ => words.email,
        };
        let scope = if entry.scope == ALL { words.objection_all } else { entry.scope.as_str() };
        let [since, until] = [entry.since, entry.until].map(|moment| self.day(moment));
        line(words.objection, &[("contact", contact), ("scope", scope), ("since", &since), ("until", &until)])
    }
}

fn row(label: &str, points: Vec<String>) -> Row {
    Row { label: label.to_owned(), points }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who has two records, one of which is over.
    fn held() -> AccessFile {
        let text = include_str!("sample.json");
        serde_json::from_str(text).expect("the shape of the wire")
    }

    #[test]
    fn a_page_has_every_answer_recipient_and_consent_in_its_language_and_loads_nothing() {
        for language in Language::ALL {
            let page = access_page(&held(), language);
            assert!(page.starts_with("<!DOCTYPE html>\n") && page.trim_end().ends_with("</html>"), "whole");
            assert!(page.contains(&format!("<html lang=\"{}\">", language.tag())));
            let words = words(language);
            for part in [
                words.title,
                words.remains,
                words.rights_text,
                words.expired,
                words.evidence,
                words.evidence_text,
                words.mails,
                "anne@lumen.example",
                "Exemple CRM SAS",
                "devis-1-7",
                "Recevoir la lettre",
            ] {
                assert!(page.contains(part), "{part}");
            }
            assert!(page.contains("&#60;b&#62;"), "an answer is text");
            for absent in ["<b>", "<script", " src=", "@import", "url(", " style=", "<link", "{", "}"] {
                let body = page.split("</style>").nth(1).expect("a body");
                assert!(!body.contains(absent), "{absent}");
            }
        }
    }

    #[test]
    fn what_protects_data_outside_of_the_eea_is_said_and_where_it_can_be_read() {
        for language in Language::ALL {
            let page = access_page(&held(), language);
            let said = crate::desk::words::words(language);
            let point = |name: &str| {
                let (_, rest) = page.split_once(name).expect("it had it");
                rest.split('<').next().unwrap_or_default().to_owned()
            };
            let abroad = point("Example Mailer Inc.");
            assert!(
                abroad.contains(said.clauses) && abroad.contains("https://mailer.example/clauses"),
                "{abroad}"
            );
            assert!(!point("Exemple CRM SAS").contains(said.clauses));
        }
    }

    #[test]
    fn what_is_not_passed_on_and_who_had_it_on_which_days_is_said() {
        let page = access_page(&held(), Language::En);
        for part in [
            "Telephone number (no longer passed on)",
            "Exemple CRM SAS (France), between 1\u{a0}November 2026 and 3\u{a0}November 2026",
            "Files of Atelier Lumen, on 2\u{a0}November 2026",
            "Until 31\u{a0}December 2026 nobody may use this record.",
            "https://leads.lumen.example/notice/devis/",
            "Forms that were sent and are not read yet: 3.",
            "E-mail address: not to be stored for any purpose that it concerns",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }

    #[test]
    fn where_nothing_is_held_the_page_says_so() {
        let mut held = held();
        (held.records, held.suppressions, held.unread) = (Vec::new(), Vec::new(), None);
        let page = access_page(&held, Language::De);
        assert!(page.contains("Kein Datensatz enthält") && !page.contains("Ihr Widerspruch"), "{page}");
    }
}
