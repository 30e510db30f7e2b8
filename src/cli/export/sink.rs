//! Where the records of an export go.

use crate::cli::export::Arguments;
use crate::export::{ExportCommand, Format, Growing, LeftOut, Part, Reached};
use crate::purpose::Cursor;
use crate::terminal::{Failure, ToStdout};

/// Stdout, or a file.
pub(super) enum Sink {
    /// Whatever stdout is.
    Stdout(ToStdout),
    /// A file that gets its name when it is whole.
    Part(Box<Part>),
    /// A file that is there and grows.
    Growing(Box<Growing>),
    /// It has been finished, or nothing came of it.
    Nowhere,
}

impl Sink {
    /// Opens it; of a part that was begun before, where it goes on. `from`: what a state file or the command says to begin after.
    pub(super) fn open(
        arguments: &Arguments,
        format: Format,
        from: Option<&Cursor>,
    ) -> Result<(Self, Option<Reached>), Failure> {
        let Some(target) = &arguments.output else {
            return Ok((Self::Stdout(ToStdout::open(format != Format::Csv)), None));
        };
        if arguments.follow {
            return Ok((Self::Growing(Box::new(Growing::at(target)?)), None));
        }
        let what = ExportCommand {
            purpose: arguments.purpose.to_string(),
            format: arguments.format.clone(),
            dialect: arguments.dialect.clone(),
            test: arguments.test.clone(),
            recipient: arguments.recipient.clone(),
            after: from.map(ToString::to_string),
            by_state: arguments.state.is_some(),
        };
        let (part, reached) = Part::open(target, what, arguments.overwrite)?;
        Ok((Self::Part(Box::new(part)), reached))
    }

    /// The header row that the file has already.
    pub(super) fn header(&mut self, format: Format) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Part(part) if format == Format::Csv => part.first_line(),
            _ => Ok(None),
        }
    }

    /// Writes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::Part(part) => part.write(bytes),
            Self::Growing(growing) => growing.write(bytes),
            Self::Nowhere => Ok(()),
        }
    }

    /// A page is complete.
    pub(super) fn commit(&mut self, cursor: &Cursor, records: u64, left_out: LeftOut) -> Result<(), Failure> {
        match self {
            Self::Stdout(_) | Self::Nowhere => Ok(()),
            Self::Part(part) => part.commit(&cursor.to_string(), records, left_out),
            Self::Growing(growing) => growing.commit(),
        }
    }

    /// Makes durable what is written: stdout's only where a state file relies on it.
    pub(super) fn sync(&mut self) -> Result<(), Failure> {
        match self {
            Self::Stdout(stdout) => stdout.sync(),
            // At each page's end, and when it gets its name.
            Self::Part(_) | Self::Growing(_) | Self::Nowhere => Ok(()),
        }
    }

    /// A page broke off. True: what came of it is gone; false: it is with the reader, and comes to it again.
    pub(super) fn forget_page(&mut self) -> Result<bool, Failure> {
        match self {
            Self::Stdout(_) | Self::Part(_) | Self::Nowhere => Ok(false),
            Self::Growing(growing) => growing.forget_page().map(|()| true),
        }
    }

    /// The export is whole.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Stdout(_) | Self::Growing(_) | Self::Nowhere => Ok(()),
            Self::Part(part) => part.finish(),
        }
    }
}
