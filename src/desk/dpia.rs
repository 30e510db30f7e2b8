//! Facts for a data protection impact assessment: what GDPR art. 35(7) asks to be described, as far as the config says it and
//! tamis enforces it. No judgement: what of it is proportionate, and what risk is left, nobody can read out of a config.

use jiff::Timestamp;

use crate::desk::activity::{Activity, Column};
use crate::desk::codes;
use crate::desk::house::{House, Scribe};
use crate::desk::markdown::{Depth, Markdown};
use crate::language::Language;
use crate::notice::naming::{self, line};
use crate::purpose::{FieldRule, Need, Purpose, PurposeId, Term};

/// How much a running tamis holds.
pub struct Volumes {
    /// When it said so.
    pub at: Timestamp,
    /// Records by purpose.
    pub records: Vec<(PurposeId, u64)>,
}

/// The facts, as Markdown. No volumes: nobody answered.
pub fn dpia_facts(
    house: House<'_>,
    volumes: Option<&Volumes>,
    language: Language,
    made: Timestamp,
) -> String {
    let scribe = Scribe::new(house, language);
    let mut text = Markdown::default();
    let words = scribe.words;
    text.heading(Depth::Title, words.d_title);
    text.paragraph(&format!("{} · {}", house.controller.name, words.d_law));
    text.paragraph(&line(words.made, &[("date", &language.day(made))]));
    text.paragraph(words.d_intro);
    scribe.processing(&mut text, made);
    scribe.necessity(&mut text);
    scribe.volumes(&mut text, volumes);
    scribe.safeguards(&mut text);
    scribe.residues(&mut text);
    scribe.criteria(&mut text);
    text.heading(Depth::Part, words.d_yours);
    text.list(&[words.d_y_need, words.d_y_risk, words.d_y_enough, words.d_y_advice, words.d_y_ask]);
    text.finish()
}

/// What of an activity describes the processing: art. 35(7)(a).
const DESCRIBED: [Column; 9] = [
    Column::Purpose,
    Column::Basis,
    Column::Persons,
    Column::Data,
    Column::Sensitive,
    Column::Source,
    Column::Recipients,
    Column::Transfers,
    Column::Erasure,
];

impl Scribe<'_> {
    fn processing(&self, text: &mut Markdown, made: Timestamp) {
        let words = self.words;
        text.heading(Depth::Part, words.d_what);
        text.paragraph(words.d_flow);
        let today = made.strftime("%Y-%m-%d").to_string();
        let purposes = self.house.purposes.iter().map(|purpose| self.activity(purpose, &today));
        let activities: Vec<Activity> = purposes.chain(self.own_activities(&today)).collect();
        for activity in &activities {
            text.heading(Depth::Section, &activity.points(Column::Name).join(" "));
            let fact = |column: &Column| {
                let points = activity.points(*column);
                // Sentences follow one another, names are a list.
                let mut said = String::new();
                for (at, point) in points.iter().enumerate() {
                    match (at, said.ends_with('.')) {
                        (0, _) => {}
                        (_, true) => said.push(' '),
                        (_, false) => said.push_str("; "),
                    }
                    said.push_str(point);
                }
                (column.label(words), said)
            };
            text.facts(&DESCRIBED.iter().map(fact).collect::<Vec<_>>());
        }
    }

    /// Why each answer is needed, as the config says it: art. 35(7)(b) is judged by it.
    fn necessity(&self, text: &mut Markdown) {
        let words = self.words;
        text.heading(Depth::Part, words.d_need);
        for purpose in self.house.purposes {
            text.heading(Depth::Section, &self.title(purpose));
            let rows: Vec<[String; 3]> =
                purpose.whitelist.rules().iter().map(|rule| self.need(purpose, rule)).collect();
            text.table([words.d_field, words.d_must, words.d_why], &rows);
        }
    }

    fn need(&self, purpose: &Purpose, rule: &FieldRule) -> [String; 3] {
        let words = self.words;
        let must = match (rule.required, &rule.consent) {
            (true, _) => words.d_yes.to_owned(),
            (false, Some(key)) => {
                format!("{}{}{}", words.d_if_agreed, words.colon, self.channel_of(purpose, key))
            }
            (false, None) => words.d_no.to_owned(),
        };
        let why = match &rule.why {
            Some(Need::Plain(why)) => why.clone(),
            Some(Need::Told(texts)) => {
                let chosen = self.language.choose(texts.iter().map(|(tag, text)| (tag, text)));
                chosen.map(|(_, why)| why.to_owned()).unwrap_or_default()
            }
            None => words.d_no_reason.to_owned(),
        };
        [naming::field(&rule.name, self.language), must, why]
    }

    fn volumes(&self, text: &mut Markdown, volumes: Option<&Volumes>) {
        let words = self.words;
        text.heading(Depth::Part, words.d_volume);
        match volumes {
            None => text.paragraph(words.d_volume_unknown),
            Some(Volumes { at, records }) => {
                text.paragraph(&line(words.d_volume_now, &[("date", &self.language.day(*at))]));
                let row = |(id, count): &(PurposeId, u64)| {
                    let known = self.house.purposes.iter().find(|purpose| purpose.id == *id);
                    let name = known.map_or_else(|| id.to_string(), |purpose| self.title(purpose));
                    [name, count.to_string()]
                };
                text.table([words.c_purpose, words.d_records], &records.iter().map(row).collect::<Vec<_>>());
            }
        }
        let bound = self.house.keeping.waiting_max.to_string();
        text.paragraph(&line(words.d_volume_bound, &[("n", &bound)]));
    }

    /// Art. 35(7)(d), and what of it is off.
    fn safeguards(&self, text: &mut Markdown) {
        let words = self.words;
        text.heading(Depth::Part, words.d_safe);
        let shown = |measure: &str, by: &str| [measure.to_owned(), format!("`{by}`")];
        let rows = [
            shown(words.safe_minimise, "tamis form check"),
            shown(words.d_check, "tamis form check --history"),
            shown(words.d_box, "tamis check"),
            shown(words.safe_encrypt, "tamis check"),
            shown(words.safe_access, "tamis token list"),
            shown(words.safe_trace, "tamis trail verify"),
            shown(words.d_handed, "tamis erasure"),
            shown(words.d_end, "tamis status"),
            shown(words.safe_erase, "tamis receipt verify"),
            shown(words.d_objected, "tamis suppress list"),
        ];
        text.table([words.d_measure, words.d_shown], &rows);
        text.heading(Depth::Section, words.d_off);
        let keeping = self.house.keeping;
        let on = |is_on: bool| if is_on { words.d_on } else { words.d_is_off };
        let mut rows: Vec<(String, &str)> = vec![
            (words.d_tcp.to_owned(), on(keeping.has_tcp_door)),
            (words.d_log_file.to_owned(), on(keeping.log_days.is_some())),
        ];
        let copies = self.house.purposes.iter().filter(|purpose| purpose.copies);
        let copies: Vec<String> = copies.map(|purpose| purpose.id.to_string()).collect();
        let named = if copies.is_empty() { words.none.to_owned() } else { copies.join(", ") };
        rows.push((line(words.d_copies, &[("purposes", &named)]), on(!copies.is_empty())));
        rows.extend(
            [words.d_asks, words.d_backups, words.d_tls].map(|measure| (measure.to_owned(), words.d_by_you)),
        );
        rows.extend(self.house.warned.iter().map(|warned| {
            let key = ("key", warned.key.as_str());
            let said = codes::warning(&warned.code, self.language).unwrap_or(words.d_warned_other);
            (line(words.d_warned, &[key, ("what", said), ("code", &warned.code)]), words.d_stands)
        }));
        let rows: Vec<[String; 2]> =
            rows.into_iter().map(|(measure, state)| [measure, state.to_owned()]).collect();
        text.table([words.d_measure, words.d_state], &rows);
    }

    fn residues(&self, text: &mut Markdown) {
        let words = self.words;
        text.heading(Depth::Part, words.d_residue);
        let trail = naming::term(Term::months(self.house.keeping.trail_months), self.language);
        let evidence_months = self.house.keeping.evidence_months;
        let evidence = naming::term(Term::months(evidence_months), self.language);
        let mut left = vec![
            line(words.d_r_backup, &[("term", &self.backup_term())]),
            words.d_r_sealed.to_owned(),
            words.d_r_tombstone.to_owned(),
            line(words.d_r_trail, &[("term", &trail)]),
            words.d_r_disk.to_owned(),
            words.d_r_meta.to_owned(),
            words.d_r_exports.to_owned(),
        ];
        if evidence_months > 0 {
            left.push(line(words.d_r_evidence, &[("term", &evidence)]));
        }
        text.list(&left);
    }

    /// What bears on whether an assessment is due: the nine criteria of WP 248 rev.01.
    fn criteria(&self, text: &mut Markdown) {
        let words = self.words;
        text.heading(Depth::Part, words.d_criteria);
        let mut sensitive: Vec<String> =
            self.house.purposes.iter().flat_map(|purpose| self.sensitive(purpose)).collect();
        // A purpose without any says nothing of the others.
        sensitive.retain(|said| said != words.sensitive_none);
        sensitive.sort();
        sensitive.dedup();
        if sensitive.is_empty() {
            sensitive.push(words.sensitive_none.to_owned());
        }
        let rows = [
            (words.d_k_score, words.d_f_score.to_owned()),
            (words.d_k_decide, words.d_f_decide.to_owned()),
            (words.d_k_monitor, words.d_f_monitor.to_owned()),
            (words.d_k_sensitive, sensitive.join(" ")),
            (words.d_k_scale, words.d_f_scale.to_owned()),
            (words.d_k_match, words.d_f_match.to_owned()),
            (words.d_k_weak, words.d_f_weak.to_owned()),
            (words.d_k_new, words.d_f_new.to_owned()),
            (words.d_k_bar, words.d_f_bar.to_owned()),
        ];
        let rows = rows.map(|(criterion, fact)| [criterion.to_owned(), fact]);
        text.table([words.d_criterion, words.d_fact], &rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::house::Warned;
    use crate::desk::house::sample::Sample;
    use crate::desk::words::words;

    fn made() -> Timestamp {
        "2026-11-30T08:00:00Z".parse().expect("a time")
    }

    /// What art. 35(7) asks for, and what is left to people, in each language.
    #[test]
    fn the_parts_are_there_in_every_language_and_nothing_is_left_to_put_in() {
        let sample = Sample::new();
        for language in Language::ALL {
            let text = dpia_facts(sample.house(), None, language, made());
            let words = words(language);
            for part in [
                words.d_what,
                words.d_need,
                words.d_volume,
                words.d_safe,
                words.d_residue,
                words.d_criteria,
                words.d_yours,
            ] {
                assert_eq!(text.matches(&format!("\n## {part}\n")).count(), 1, "{part}");
            }
            assert!(!text.contains(['{', '}']), "{text}");
            assert!(text.contains(words.d_intro) && text.contains(words.d_y_need));
            assert!(text.contains(words.d_volume_unknown), "nobody answered");
        }
    }

    #[test]
    fn reasons_volumes_and_what_is_off_are_as_they_are() {
        let mut sample = Sample::new();
        let text = dpia_facts(sample.house(), None, Language::En, made());
        assert!(text.contains("| City | no | to find the nearest shop |"), "{text}");
        assert!(text.contains("| E-mail address | yes | none given: yours to say |"));
        assert!(text.contains("| Telephone number | only with consent: Calls | none given: yours to say |"));
        assert!(text.contains("(`admin.listen`) | off |") && text.contains("(`log.file`) | off |"));
        assert!(text.contains("readable for 7 days") && text.contains("record’s number: 12 months, and"));
        assert!(text.contains("(`copies`): None. | off |"));
        assert!(!text.contains("Evidence of consent, without"));
        sample.keeping.evidence_months = 36;
        let text = dpia_facts(sample.house(), None, Language::En, made());
        assert!(text.contains("fingerprint of each address: 36 months."), "{text}");
        sample.keeping.has_tcp_door = true;
        sample.keeping.log_days = Some(180);
        sample.warned =
            vec![Warned { key: "trail.retention_months".to_owned(), code: "retention-long".to_owned() }];
        let records = ["devis", "gone"].map(|id| (PurposeId::parse(id).expect("a name"), 1_234));
        let volumes = Volumes { at: made(), records: records.to_vec() };
        let text = dpia_facts(sample.house(), Some(&volumes), Language::En, made());
        assert!(text.contains("(`admin.listen`) | on |") && text.contains("(`log.file`) | on |"));
        assert!(text.contains(
            "`tamis check` warns of `trail.retention_months`: long retention (`retention-long`) | stands |"
        ));
        assert!(
            text.contains("| Answer your request for a quote | 1234 |") && text.contains("| gone | 1234 |")
        );
        assert!(!text.contains("Not known: no running tamis"));
    }
}
