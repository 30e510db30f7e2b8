//! What an export says at its end: how much it was, what it left out, and where it stands.

use std::path::Path;

use crate::cli::export::Arguments;
use crate::cli::export::pages::Run;
use crate::export::LeftOut;
use crate::purpose::Cursor;
use crate::terminal::{records, tell, thousands};

/// The figures of an export.
pub(super) struct Told<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) records: u64,
    pub(super) left_out: LeftOut,
    pub(super) missing: u64,
    /// Where it began after; none: at the first record.
    pub(super) from: Option<&'a Cursor>,
    /// Where the next one begins after.
    pub(super) last: Option<&'a Cursor>,
}

impl<'a> Told<'a> {
    /// Those of this one, which began after `from`.
    pub(super) fn of(run: &'a Run<'_>, from: Option<&'a Cursor>) -> Self {
        Self {
            arguments: run.arguments,
            records: run.join.records(),
            left_out: run.left_out,
            missing: run.missing,
            from,
            last: run.after.as_ref(),
        }
    }

    /// On stderr, a line for each thing.
    pub(super) fn tell(&self) {
        self.lines().iter().for_each(|line| tell(line));
    }

    fn lines(&self) -> Vec<String> {
        let Arguments { purpose, output, state, .. } = self.arguments;
        let place = |path: &Path| format!(" in {}", path.display());
        let up_to = self.last.map(|last| format!(", up to {last}")).unwrap_or_default();
        let mut lines = vec![match (self.records, self.from, state) {
            (0, ..) if self.last.is_none() => format!("nothing was read of {purpose}"),
            (0, Some(from), Some(_)) => format!("nothing new of {purpose} after {from}"),
            (0, None, Some(_)) => format!("nothing of {purpose} yet"),
            (number, ..) => {
                let place = output.as_deref().map(place).unwrap_or_default();
                format!("{} of {purpose}{place}{up_to}", records(number))
            }
        }];
        if let (Some(state), Some(last)) = (state, self.last) {
            lines.push(format!("{} says where the next export begins: after {last}", state.display()));
        }
        lines.extend(self.of_left_out());
        if self.missing > 0 {
            lines.push(format!("incomplete: {} of {purpose} missing", records(self.missing)));
        }
        lines
    }

    fn of_left_out(&self) -> Vec<String> {
        let LeftOut { tests, expired, restricted, others } = self.left_out;
        let for_whom = match &self.arguments.recipient {
            Some(recipient) => format!("nobody agreed to hand them to {recipient}"),
            None => "they went while it was read".to_owned(),
        };
        let mut lines = Vec::new();
        if tests > 0 {
            let leads = if tests == 1 { "lead" } else { "leads" };
            lines.push(format!(
                "{} test {leads} left out: --test include or only reads them",
                thousands(tests)
            ));
        }
        if expired > 0 {
            lines.push(format!("{} left out: past their expiry", records(expired)));
        }
        if restricted > 0 {
            lines.push(format!("{} left out: restricted (`tamis restrict list`)", records(restricted)));
        }
        if others > 0 {
            lines.push(format!("{} left out: {for_whom}", records(others)));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn lines(line: &str, records: u64, left_out: LeftOut, from: Option<&str>) -> Vec<String> {
        let words = ["export", "devis", "--reason", "audit"].into_iter().chain(line.split_whitespace());
        let Line { arguments } = Line::try_parse_from(words).unwrap_or_else(|told| panic!("{told}"));
        let cursor = |text| Cursor::parse(text).expect("a cursor");
        let (from, last) = (from.map(cursor), cursor("devis-1-9"));
        let (from, last) = (from.as_ref(), Some(&last));
        assert_eq!(
            Told {
                arguments: &arguments,
                records: 0,
                left_out: LeftOut::default(),
                missing: 0,
                from,
                last: None
            }
            .lines(),
            ["nothing was read of devis"],
            "a daemon that never came"
        );
        Told { arguments: &arguments, records, left_out, missing: 0, from, last }.lines()
    }

    #[test]
    fn an_export_says_what_it_left_out_and_where_it_stands() {
        let left_out = LeftOut { tests: 1, expired: 1_200, restricted: 3, others: 2 };
        assert_eq!(
            lines("-o devis.csv --recipient crm", 3, left_out, None),
            [
                "3 records of devis in devis.csv, up to devis-1-9",
                "1 test lead left out: --test include or only reads them",
                "1,200 records left out: past their expiry",
                "3 records left out: restricted (`tamis restrict list`)",
                "2 records left out: nobody agreed to hand them to crm",
            ]
        );
        assert_eq!(lines("", 0, LeftOut::default(), None), ["0 records of devis, up to devis-1-9"]);
    }

    #[test]
    fn a_sync_says_where_the_next_one_begins() {
        let begins = "s says where the next export begins: after devis-1-9";
        assert_eq!(
            lines("--state s", 0, LeftOut::default(), Some("devis-1-9")),
            ["nothing new of devis after devis-1-9", begins]
        );
        assert_eq!(lines("--state s", 0, LeftOut::default(), None), ["nothing of devis yet", begins]);
        assert_eq!(
            lines("--state s", 1, LeftOut::default(), Some("devis-1-8")),
            ["1 record of devis, up to devis-1-9", begins]
        );
    }
}
