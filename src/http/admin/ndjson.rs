//! NDJSON: one record a line.

use crate::http::admin::record::Record;
use crate::http::admin::stream::Format;

/// No head, no tail: an export that was cut shows only in the transfer.
pub(super) struct Ndjson;

impl Format for Ndjson {
    fn head(&mut self, _: &mut Vec<u8>) {}

    fn record(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        record.write_json(out);
        out.push(b'\n');
    }

    fn tail(&mut self, _: &mut Vec<u8>) {}
}
