//! The pages of an export made one document again.
//!
//! CSV keeps the header row of the first page alone. A JSON document is put together from NDJSON, which can be cut
//! between any two records. Pure: bytes in, bytes out.

use crate::terminal::Failure;

/// No header row is longer.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// No record is longer, as JSON or as a row: the daemon seals none above 16 kB, and a byte of it is six at most when written.
const RECORD_BYTES_MAX: usize = 1024 * 1024;

crate::codes! {
    /// What an export is written as.
    pub enum Format {
        /// A table.
        Csv = "csv",
        /// One record a line.
        Ndjson = "ndjson",
        /// One document.
        Json = "json",
    }
}

impl Format {
    /// What the daemon is asked for.
    pub fn of_pages(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson | Self::Json => "ndjson",
        }
    }
}

/// The document so far.
#[derive(Clone)]
pub struct Join {
    format: Format,
    records: u64,
    /// CSV: the header row of the document, with its line end.
    header: Option<Vec<u8>>,
    page: PageSoFar,
}

/// Where in a page we are.
#[derive(Clone, Default)]
struct PageSoFar {
    /// CSV: the header row as far as it has come; none once it is complete.
    heading: Option<Vec<u8>>,
    /// CSV: within a quoted cell, where line ends end no row.
    quoted: bool,
    /// The last byte was no line end.
    open: bool,
    /// So many bytes of a record that has not ended have gone out.
    unfinished: usize,
}

impl Join {
    /// A document that holds `records` already, under this header row.
    pub fn resume(format: Format, records: u64, header: Option<Vec<u8>>) -> Self {
        Self { format, records, header, page: PageSoFar::default() }
    }

    /// How many records the document holds.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// How many of the last bytes that went out belong to a record whose end has not come.
    pub fn unfinished(&self) -> usize {
        self.page.unfinished
    }

    /// What a new document begins with.
    pub fn start(&self, out: &mut Vec<u8>) {
        if self.format == Format::Json {
            out.extend_from_slice(b"{\"leads\":[");
        }
    }

    /// A page begins.
    pub fn begin_page(&mut self) {
        let heading = (self.format == Format::Csv).then(Vec::new);
        self.page = PageSoFar { heading, ..PageSoFar::default() };
    }

    /// Takes the next bytes of the page.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        match self.format {
            Format::Csv => self.push_csv(chunk, out)?,
            Format::Ndjson => {
                self.count_lines(chunk);
                out.extend_from_slice(chunk);
            }
            Format::Json => self.push_json(chunk, out),
        }
        match self.page.unfinished {
            long if long > RECORD_BYTES_MAX => Err(Failure::failed("a record is too long to be right")),
            _ => Ok(()),
        }
    }

    /// A page ends: on the end of a row, or it was cut.
    pub fn end_page(&self) -> Result<(), Failure> {
        if self.page.heading.is_some() || self.page.quoted || self.page.open {
            return Err(Failure::failed("a page ended in the middle of a record"));
        }
        Ok(())
    }

    /// What the document ends with.
    pub fn finish(&self, cursor: &str, out: &mut Vec<u8>) {
        if self.format == Format::Json {
            out.extend_from_slice(format!("\n],\"next_cursor\":\"{cursor}\",\"more\":false}}\n").as_bytes());
        }
    }

    fn push_csv(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        let mut rows = chunk;
        if let Some(mut heading) = self.page.heading.take() {
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let (head, rest) = chunk.split_at(end.map_or(chunk.len(), |end| end + 1));
            heading.extend_from_slice(head);
            if end.is_none() {
                if heading.len() > HEADER_BYTES_MAX {
                    return Err(Failure::failed("a page begins with no header row"));
                }
                self.page.heading = Some(heading);
                return Ok(());
            }
            self.take_header(heading, out)?;
            rows = rest;
        }
        for byte in rows {
            self.page.quoted ^= *byte == b'"';
            self.count_byte(self.page.quoted || *byte != b'\n');
        }
        out.extend_from_slice(rows);
        Ok(())
    }

    fn take_header(&mut self, heading: Vec<u8>, out: &mut Vec<u8>) -> Result<(), Failure> {
        match &self.header {
            None => {
                out.extend_from_slice(&heading);
                self.header = Some(heading);
                Ok(())
            }
            Some(header) if *header == heading => Ok(()),
            Some(_) => Err(Failure::failed(
                "the purpose's columns have changed since this export began. Begin anew, into another file (what is beside \
                 the old one as .part and .cursor can be deleted)",
            )),
        }
    }

    fn count_lines(&mut self, chunk: &[u8]) {
        for byte in chunk {
            self.count_byte(*byte != b'\n');
        }
    }

    /// A byte went out; `open`: it ends no record.
    fn count_byte(&mut self, open: bool) {
        self.page.open = open;
        self.page.unfinished = if open { self.page.unfinished + 1 } else { 0 };
        self.records += u64::from(!open);
    }

    fn push_json(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        for byte in chunk {
            if *byte == b'\n' {
                // A record's end is its last brace here: the line end belongs to what comes before the next.
                self.count_byte(false);
                continue;
            }
            if !self.page.open {
                let before: &[u8] = if self.records == 0 { b"\n" } else { b",\n" };
                out.extend_from_slice(before);
                self.page.unfinished = before.len();
            }
            self.count_byte(true);
            out.push(*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Joins pages, each given in pieces of `piece` bytes.
    fn joined(format: Format, pages: &[&str], piece: usize) -> (String, u64) {
        let mut join = Join::resume(format, 0, None);
        let mut out = Vec::new();
        join.start(&mut out);
        for page in pages {
            join.begin_page();
            for chunk in page.as_bytes().chunks(piece) {
                join.push(chunk, &mut out).expect("pages of one kind");
            }
            join.end_page().expect("a whole page");
        }
        join.finish("devis-1-3", &mut out);
        (String::from_utf8(out).expect("text"), join.records())
    }

    proptest! {
        #[test]
        fn pages_join_however_the_bytes_come(piece in 1_usize..40) {
            let csv = ["id,email\r\n1,\"a\r\n\"\"b\"\"\"\r\n2,é\r\n", "id,email\r\n", "id,email\r\n3,c\r\n"];
            let expected = "id,email\r\n1,\"a\r\n\"\"b\"\"\"\r\n2,é\r\n3,c\r\n";
            prop_assert_eq!(joined(Format::Csv, &csv, piece), (expected.to_owned(), 3));
            let ndjson = ["{\"id\":1}\n{\"id\":2}\n", "", "{\"id\":3}\n"];
            let expected = "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n";
            prop_assert_eq!(joined(Format::Ndjson, &ndjson, piece), (expected.to_owned(), 3));
            let expected = concat!(
                "{\"leads\":[\n{\"id\":1},\n{\"id\":2},\n{\"id\":3}\n",
                "],\"next_cursor\":\"devis-1-3\",\"more\":false}\n"
            );
            prop_assert_eq!(joined(Format::Json, &ndjson, piece), (expected.to_owned(), 3));
        }
    }

    proptest! {
        /// Whoever writes all but the unfinished has whole records, however the bytes come.
        #[test]
        fn what_is_unfinished_is_known_to_the_byte(piece in 1_usize..30) {
            for (format, page, ends) in [
                (Format::Csv, "id\r\n1,\"a\r\n\"\r\n2\r\n", &["id\r\n", "id\r\n1,\"a\r\n\"\r\n", "id\r\n1,\"a\r\n\"\r\n2\r\n"][..]),
                (Format::Ndjson, "{1}\n{22}\n", &["", "{1}\n", "{1}\n{22}\n"]),
                (Format::Json, "{1}\n{22}\n", &["", "\n{1}", "\n{1},\n{22}"]),
            ] {
                let (mut join, mut out) = (Join::resume(format, 0, None), Vec::new());
                join.begin_page();
                for chunk in page.as_bytes().chunks(piece) {
                    join.push(chunk, &mut out).expect("bytes");
                    let whole = out.get(..out.len() - join.unfinished()).expect("no more than there is");
                    let whole = std::str::from_utf8(whole).expect("text");
                    prop_assert!(ends.contains(&whole) || whole.is_empty(), "{whole:?}");
                }
                prop_assert_eq!(join.unfinished(), 0);
            }
        }
    }

    #[test]
    fn an_empty_export_is_whole_too() {
        assert_eq!(joined(Format::Csv, &["id\r\n"], 9), ("id\r\n".to_owned(), 0));
        let (text, _) = joined(Format::Json, &[""], 9);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value, serde_json::json!({"leads": [], "next_cursor": "devis-1-3", "more": false}));
    }

    #[test]
    fn a_page_that_was_cut_is_noticed() {
        for (format, page) in [
            (Format::Csv, "id,em"),
            (Format::Csv, "id\r\n1"),
            (Format::Csv, "id\r\n\"1\r\n"),
            (Format::Ndjson, "{\"id\":1"),
            (Format::Json, "{\"id\":1"),
        ] {
            let mut join = Join::resume(format, 0, None);
            join.begin_page();
            join.push(page.as_bytes(), &mut Vec::new()).expect("bytes");
            assert!(join.end_page().is_err(), "{page:?}");
        }
    }

    #[test]
    fn columns_must_not_change_in_the_middle() {
        let mut join = Join::resume(Format::Csv, 1, Some(b"id,email\r\n".to_vec()));
        join.begin_page();
        assert!(join.push(b"id,full_name\r\n", &mut Vec::new()).is_err());
    }
}
