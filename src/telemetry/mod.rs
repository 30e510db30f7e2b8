//! What tamis says while it works: one line an event, on stderr and in a file if there is one, for a person (`pretty`)
//! or a machine (`json`).
//!
//! An event's message is its stable dotted name, its fields are dotted too. What other crates emit is cut down to its
//! origin, at WARN and above only: their texts quote URLs, bodies and tokens, and no configuration may change that. What
//! anybody can make them say (bytes that are no HTTP) is no alarm: it is counted, and seldom a line.
//!
//! Whoever says something waits for nobody: lines go through a bounded queue to a thread of their place (`log`, `queue`).

mod counts;
mod excerpt;
mod file;
mod line;
mod log;
pub mod metrics;
mod name;
mod queue;
mod stream;

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

pub use counts::{LogCounts, LogPlace};
pub use excerpt::{Named, excerpt};
pub use file::LogFile;
pub use line::Format;
pub use log::{Log, LogOutlet};
pub use name::LeadNames;
pub use queue::LogRoom;
pub use stream::LogStream;

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

/// Where the HTTP server's own code speaks of what came over a connection: anybody can make it say an ERROR by bytes that
/// are no HTTP, or by breaking off.
const OF_STRANGERS: [&str; 2] = ["actix_http::h1::dispatcher", "actix_http::h1::decoder"];
/// Of those, one in so many is a line, at DEBUG; the rest is counted.
const STRANGERS_A_LINE: u64 = 100;

/// Makes lines of events.
pub struct Lines {
    format: Format,
    loudness: Loudness,
    clock: Arc<dyn Clock>,
    to: To,
    counts: LogCounts,
}

/// Where the lines go.
enum To {
    /// Through queues, as the daemon's do.
    Log(Arc<Log>),
    /// At once: what is written to never makes anybody wait.
    Sink(Mutex<Box<dyn Write + Send>>),
}

impl Lines {
    /// Lines that are written at once, by whoever says something: into a buffer, or a file that nothing depends on.
    pub fn new(
        format: Format,
        loudness: Loudness,
        clock: Arc<dyn Clock>,
        sink: Box<dyn Write + Send>,
    ) -> Self {
        let to = To::Sink(Mutex::new(sink));
        Self { format, loudness, clock, to, counts: LogCounts::default() }
    }

    /// The daemon's lines, which nobody waits for.
    pub fn into_log(log: Arc<Log>, loudness: Loudness) -> Self {
        let (format, clock, counts) = (log.format(), log.clock(), log.counts().clone());
        Self { format, loudness, clock, to: To::Log(log), counts }
    }

    /// A subscriber that has only these lines.
    pub fn subscriber(self) -> impl Subscriber + Send + Sync {
        Registry::default().with(self)
    }

    fn say(&self, level: Level, at: Timestamp, text: &str) {
        match &self.to {
            To::Log(log) => log.say(level, at, text),
            // There is nowhere to say that it did not work.
            To::Sink(sink) => drop(sink.lock().write_all(text.as_bytes())),
        }
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let level = *metadata.level();
        if is_own(metadata) {
            self.loudness.allows(level)
        } else {
            level <= Level::WARN && (is_of_strangers(metadata) || self.loudness.allows(level))
        }
    }

    /// The level at which an event is a line; none: it is only counted.
    fn level_of(&self, metadata: &Metadata<'_>) -> Option<Level> {
        if !is_of_strangers(metadata) {
            return Some(*metadata.level());
        }
        let before = self.counts.malformed();
        let is_said = before.is_multiple_of(STRANGERS_A_LINE) && self.loudness.allows(Level::DEBUG);
        is_said.then_some(Level::DEBUG)
    }
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.target().split("::").next().is_some_and(|root| root == OWN)
}

fn is_of_strangers(metadata: &Metadata<'_>) -> bool {
    OF_STRANGERS.contains(&metadata.target())
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(level) = self.level_of(event.metadata()) else { return };
        let now = self.clock.now();
        let text = if is_own(event.metadata()) {
            line::of(self.format, now, event)
        } else {
            line::of_foreign(self.format, now, level, event.metadata())
        };
        self.say(level, now, &text);
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
    fn what_any_stranger_can_cause_is_no_alarm_but_counted_and_seldom_a_line() {
        let strangers = || {
            for _ in 0..STRANGERS_A_LINE + 1 {
                tracing::error!(target: "actix_http::h1::dispatcher", "stream error: canary");
            }
            tracing::error!(target: "actix_http::h1::decoder", "canary");
            tracing::error!(target: "actix_http::h1::service", "canary");
        };
        let text = said(Format::Pretty, Level::DEBUG, strangers);
        let count = |level: &str| text.matches(&format!(" {level} foreign.event crate=actix_http ")).count();
        assert_eq!((count("DEBUG"), count("ERROR"), text.lines().count()), (2, 1, 3), "{text}");
        assert_eq!(said(Format::Pretty, Level::INFO, strangers).lines().count(), 1);
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
