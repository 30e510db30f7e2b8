//! Tables that are opened in a spreadsheet: rows (RFC 4180), the guard against formulas, and the dialect of Excel.

pub mod excel;
mod guard;

use csv::{QuoteStyle, Terminator, WriterBuilder};

#[cfg(test)]
pub use guard::{FORMULA, SPLITS};
pub use guard::{guard, without_controls};

/// Writes a row: CRLF, quotes where they are needed.
#[expect(clippy::expect_used, reason = "rows into a growing vector cannot fail")]
pub fn write_row<C: AsRef<str>>(cells: &[C], delimiter: u8, out: &mut Vec<u8>) {
    let mut builder = WriterBuilder::new();
    builder
        .delimiter(delimiter)
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .buffer_capacity(1024);
    let mut writer = builder.from_writer(out);
    writer.write_record(cells.iter().map(|cell| cell.as_ref().as_bytes())).expect("a vector grows");
    writer.flush().expect("a vector grows");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_reads_back_as_the_same_cells(cells in prop::collection::vec(".{0,40}|[\r\n\",;=+ ]{0,8}", 2..8)) {
            // A header row stands before it as in every export: readers take a BOM at the very start for no content.
            let header: Vec<String> = (0..cells.len()).map(|column| format!("c{column}")).collect();
            let mut out = Vec::new();
            write_row(&header, b',', &mut out);
            write_row(&cells, b',', &mut out);
            prop_assert!(out.ends_with(b"\r\n"));
            let mut reader = csv::Reader::from_reader(out.as_slice());
            let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("CSV");
            prop_assert_eq!(rows.len(), 1);
            prop_assert_eq!(rows[0].iter().collect::<Vec<_>>(), cells);
        }
    }
}
