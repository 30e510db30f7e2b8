//! What tamis says while it works: one line an event, on stderr and in a file if there is one, for a person (`pretty`)
//! or a machine (`json`).
//!
//! An event's message is its stable dotted name, its fields are dotted too. What other crates emit is cut down to its
//! origin, at WARN and above only: their texts quote URLs, bodies and tokens, and no configuration may change that.

mod file;
mod line;
pub mod metrics;
mod name;

use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use jiff::Timestamp;
use parking_lot::Mutex;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::clock::Clock;
use file::Mishap;

pub use file::LogFile;
pub use line::Format;
pub use name::LeadNames;

/// Events of this crate; all others are foreign.
const OWN: &str = "tamis";

/// How loud: changes while running (SIGHUP).
#[derive(Clone)]
pub struct Loudness(Arc<AtomicU8>);

impl Loudness {
    /// Starts at this level.
    pub fn new(level: Level) -> Self {
        Self(Arc::new(AtomicU8::new(rank(level))))
    }

    /// Changes the level from now on.
    pub fn set(&self, level: Level) {
        self.0.store(rank(level), Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    fn allows(&self, level: Level) -> bool {
        rank(level) <= self.0.load(Ordering::Relaxed)
    }
}

fn rank(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// Writes events as lines.
pub struct Lines {
    format: Format,
    loudness: Loudness,
    clock: Arc<dyn Clock>,
    sink: Mutex<Box<dyn Write + Send>>,
    file: Option<Arc<LogFile>>,
}

impl Lines {
    /// Puts format, level, clock and sink (stderr, or a buffer in a test) together.
    pub fn new(
        format: Format,
        loudness: Loudness,
        clock: Arc<dyn Clock>,
        sink: Box<dyn Write + Send>,
    ) -> Self {
        Self { format, loudness, clock, sink: Mutex::new(sink), file: None }
    }

    /// Writes every line into a file too.
    pub fn and_into(self, file: Arc<LogFile>) -> Self {
        Self { file: Some(file), ..self }
    }

    /// A subscriber that has only these lines.
    pub fn subscriber(self) -> impl Subscriber + Send + Sync {
        Registry::default().with(self)
    }

    fn say(&self, text: &str) {
        let mut sink = self.sink.lock();
        // A log that cannot be written (a full disk behind stderr) must not stop the daemon, and there is nowhere to say so.
        let _ = sink.write_all(text.as_bytes());
    }

    fn line_of(&self, mishap: Mishap, now: Timestamp) -> String {
        let (name, field) = match mishap {
            Mishap::Unwritable(kind) => ("log.file-unwritable", ("io.kind", format!("{kind:?}").into())),
            Mishap::NotRotated(kind) => ("log.file-not-rotated", ("io.kind", format!("{kind:?}").into())),
            Mishap::Lost(lines) => ("log.lines-lost", ("lines.lost", lines.into())),
        };
        line::of_own(self.format, now, name, field)
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let level = *metadata.level();
        if is_own(metadata) {
            self.loudness.allows(level)
        } else {
            level <= Level::WARN && self.loudness.allows(level)
        }
    }
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.target().split("::").next().is_some_and(|root| root == OWN)
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let now = self.clock.now();
        let text = if is_own(event.metadata()) {
            line::of(self.format, now, event)
        } else {
            line::of_foreign(self.format, now, event.metadata())
        };
        self.say(&text);
        if let Some(file) = &self.file
            && let Some(mishap) = file.write(now, &text)
        {
            let text = self.line_of(mishap, now);
            self.say(&text);
            // If it is lost as well, it is counted, and said later.
            let _ = file.write(now, &text);
        }
    }
}

/// Makes a panic say where it happened and nothing else: its message may quote what was being read.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location();
        let file = place.map_or("?", |place| place.file());
        let line = place.map_or(0, std::panic::Location::line);
        tracing::error!(source.file = file_name(file), source.line = line, "process.panic");
    }));
}

/// The last two parts of a source path: enough to find it, nothing of the machine that built it.
fn file_name(path: &str) -> &str {
    path.rmatch_indices('/').nth(1).map_or(path, |(at, _)| &path[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use jiff::Timestamp;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn said(format: Format, level: Level, act: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_764_060_458).expect("in range")));
        let lines = Lines::new(format, Loudness::new(level), clock, Box::new(buffer.clone()));
        tracing::subscriber::with_default(lines.subscriber(), act);
        let bytes = buffer.0.lock().clone();
        String::from_utf8(bytes).expect("lines are UTF-8")
    }

    #[test]
    fn a_line_for_a_person_has_time_level_name_and_fields() {
        let text = said(Format::Pretty, Level::INFO, || {
            tracing::info!(form.id = 7, reason = %"two words", "lead.held");
        });
        assert_eq!(text, "2025-11-25T08:47:38.000Z INFO  lead.held form.id=7 reason=\"two words\"\n");
    }

    #[test]
    fn a_line_for_a_machine_is_one_json_object() {
        let text = said(Format::Json, Level::INFO, || tracing::warn!(n = 3_u64, ok = true, "a.b"));
        let value: serde_json::Value = serde_json::from_str(&text).expect("json");
        assert_eq!(value["event"], "a.b");
        assert_eq!(value["level"], "warn");
        assert_eq!((&value["n"], &value["ok"]), (&3.into(), &true.into()));
    }

    #[test]
    fn foreign_events_lose_their_content_at_every_level() {
        let text = said(Format::Pretty, Level::TRACE, || {
            tracing::trace!(target: "hyper::proto", secret = "canary", "canary");
            tracing::error!(target: "reqwest::connect", url = "canary", "canary");
            tracing::error!(target: "tamisx", "canary");
        });
        assert!(!text.contains("canary"), "{text}");
        assert_eq!(text.matches("foreign.event").count(), 2, "{text}");
    }

    #[test]
    fn control_characters_cannot_forge_a_line() {
        let text = said(Format::Pretty, Level::INFO, || {
            tracing::info!(field = %"a\n2025 ERROR forged\u{1b}[31m", "x.y");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn below_the_level_nothing_is_said() {
        assert_eq!(said(Format::Pretty, Level::WARN, || tracing::info!("x.y")), "");
    }
}
