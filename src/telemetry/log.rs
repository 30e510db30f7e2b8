//! The daemon's log: a queue and a thread for each place where lines go, so that nobody who says something ever waits for
//! a reader, a disk or a log driver, and no place for another.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::Level;

use crate::clock::{Clock, Rfc3339};
use crate::machine::priority;
use crate::telemetry::counts::{LogCounts, LogPlace};
use crate::telemetry::line::{self, Format};
use crate::telemetry::queue::{Line, LogRoom, Loss, Next, Queue};

/// So many bytes are written at once: a pipe takes as many in one piece or not at all (PIPE_BUF, pipe(7)), so that lines
/// of others who write into it do not end up amid ours.
const CHUNK_BYTES: usize = 4_096;
/// How often a place is looked after that nothing is said to.
const LOOK: Duration = Duration::from_secs(60);

/// A place where lines end up.
pub trait LogOutlet: Send {
    /// Writes lines, in this order. An error: the lines from this one on are not there.
    fn write(&mut self, lines: &[(Timestamp, &str)]) -> Result<(), NotWritten>;

    /// What the place itself has to say after writing, once.
    fn mishap(&mut self) -> Option<Mishap> {
        None
    }

    /// Looks after the place without a line to write.
    fn tend(&mut self, _: Timestamp) {}
}

/// Where writing ended, and what the system said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWritten {
    /// The first of the lines that are not there.
    pub from: usize,
    /// Why.
    pub kind: ErrorKind,
}

/// What a place has to say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The file of another day could not be put away: today's lines go on in it.
    NotRotated(ErrorKind),
}

/// The log, from its first line to its end.
pub struct Log {
    format: Format,
    clock: Arc<dyn Clock>,
    places: Vec<(LogPlace, Arc<Queue>)>,
    counts: LogCounts,
}

impl Log {
    /// Starts a thread for each place.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        format: Format,
        clock: Arc<dyn Clock>,
        counts: LogCounts,
        room: LogRoom,
        outlets: Vec<(LogPlace, Box<dyn LogOutlet>)>,
    ) -> io::Result<Arc<Self>> {
        let queue = |place: LogPlace| {
            let counts = counts.clone();
            (place, Arc::new(Queue::new(room, move |lines| counts.lost(place, lines))))
        };
        let places: Vec<_> = outlets.iter().map(|(place, _)| queue(*place)).collect();
        for (at, (place, outlet)) in outlets.into_iter().enumerate() {
            let queues = places.iter().map(|(_, queue)| Arc::clone(queue));
            let (own, others) = queues.enumerate().partition::<Vec<_>, _>(|(index, _)| *index == at);
            let strip = |queues: Vec<(usize, Arc<Queue>)>| queues.into_iter().map(|(_, queue)| queue);
            let Some(queue) = strip(own).next() else { continue };
            let others = strip(others).collect();
            let writer = Writing { format, clock: Arc::clone(&clock), place, queue, others, outlet };
            Builder::new().name(format!("log-{}", place.as_str())).spawn(move || writer.run())?;
        }
        Ok(Arc::new(Self { format, clock, places, counts }))
    }

    /// What it counts.
    pub fn counts(&self) -> &LogCounts {
        &self.counts
    }

    /// Takes no more lines, and waits until those that it has are written, but not for longer than this: what is then
    /// left for a place that does not take it is lost. True: nothing was.
    pub fn close(&self, within: Duration) -> bool {
        let until = Instant::now() + within;
        for (_, queue) in &self.places {
            queue.close();
        }
        self.places.iter().fold(true, |all, (_, queue)| queue.wait_end(until) && all)
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    pub(super) fn say(&self, level: Level, at: Timestamp, text: &str) {
        let text: Arc<str> = text.into();
        for (_, queue) in &self.places {
            queue.push(level, Line { at, text: Arc::clone(&text), tells: None });
        }
    }
}

/// The thread of one place.
struct Writing {
    format: Format,
    clock: Arc<dyn Clock>,
    place: LogPlace,
    queue: Arc<Queue>,
    /// Where the other places hear of what happens to this one.
    others: Vec<Arc<Queue>>,
    outlet: Box<dyn LogOutlet>,
}

impl Writing {
    fn run(mut self) {
        // Under load lines gather, and fewer writes take them.
        priority::yield_to_listeners();
        let mut tended = Instant::now();
        self.outlet.tend(self.clock.now());
        loop {
            match self.queue.next(CHUNK_BYTES, LOOK) {
                Next::Lines(lines) => self.write(&lines),
                Next::Idle => {}
                Next::End => break,
            }
            if tended.elapsed() >= LOOK {
                tended = Instant::now();
                self.outlet.tend(self.clock.now());
            }
        }
        self.queue.end();
    }

    fn write(&mut self, lines: &[Line]) {
        let texts: Vec<(Timestamp, &str)> = lines.iter().map(|line| (line.at, &*line.text)).collect();
        let written = self.outlet.write(&texts);
        if let Some(Mishap::NotRotated(kind)) = self.outlet.mishap() {
            let line = self.line("log.file-not-rotated", &[("io.kind", format!("{kind:?}").into())]);
            self.tell_others(&line);
            self.queue.push(Level::WARN, line);
        }
        match written {
            Ok(()) => self.say_what_was_lost(),
            Err(NotWritten { from, kind }) => {
                let lost = lines.get(from..).unwrap_or_default();
                if self.queue.not_written(lost, kind) {
                    let name = match self.place {
                        LogPlace::Stderr => "log.stderr-unwritable",
                        LogPlace::File => "log.file-unwritable",
                    };
                    self.tell_others(&self.line(name, &[("io.kind", format!("{kind:?}").into())]));
                }
            }
        }
    }

    fn say_what_was_lost(&self) {
        let Some(loss) = self.queue.flows_again() else { return };
        let Loss { lines, since, kind } = loss;
        let since = Rfc3339(since).to_string();
        let mut fields = vec![
            ("log.place", self.place.as_str().into()),
            ("lines.lost", lines.into()),
            ("lost.since", since.into()),
        ];
        fields.extend(kind.map(|kind| ("io.kind", format!("{kind:?}").into())));
        let line = self.line("log.lines-lost", &fields);
        self.tell_others(&line);
        self.queue.tell(Line { tells: Some(loss), ..line });
    }

    fn tell_others(&self, line: &Line) {
        for other in &self.others {
            other.push(Level::WARN, line.clone());
        }
    }

    fn line(&self, name: &str, fields: &[(&'static str, serde_json::Value)]) -> Line {
        let at = self.clock.now();
        let text = line::of_own(self.format, at, name, fields);
        Line { at, text: text.into(), tells: None }
    }
}

#[cfg(test)]
mod tests;
