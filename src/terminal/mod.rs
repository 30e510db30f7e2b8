//! What a command says, and how it ends: lines for people on stderr, for scripts on stdout, tables, progress, exit codes.

mod failure;
mod output;
mod progress;
mod screen;
mod sheet;
mod table;

pub use crate::visible::{shell_word, toml_text};
pub use failure::{Exit, Failure, Refusal};
pub use output::{
    ToStdout, print, print_json, printable, records, tell, tell_in_passing, thousands, told_by_clap,
};
pub use progress::Progress;
pub use sheet::{Sheet, Tone};
pub use table::{Table, or_dash};
