//! Lines on their way to one place (stderr, the file), between those who have something to say and the one thread that
//! writes there.
//!
//! Nobody waits for the place: a line for which there is no room is lost and counted. Once lines are lost, further ones are
//! until half of the room is free again, so that a gap is one gap and is said once, where it was: how many, since when.
//! A part of the room is for errors alone.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};
use tracing::Level;

/// How much may wait for one place.
#[derive(Clone, Copy, Debug)]
pub struct LogRoom {
    /// So many lines.
    pub lines: usize,
    /// So many bytes of text.
    pub bytes: usize,
    /// Of the lines, so many are for errors alone.
    pub error_lines: usize,
    /// Of the bytes, so many are for errors alone.
    pub error_bytes: usize,
}

impl LogRoom {
    /// Some 25,000 lines of a usual length: a minute of a busy daemon.
    pub const USUAL: Self =
        Self { lines: 32_768, bytes: 4 * 1024 * 1024, error_lines: 2_048, error_bytes: 256 * 1024 };
}

/// One line, whole, with its end.
#[derive(Clone)]
pub(super) struct Line {
    /// When it was said.
    pub(super) at: Timestamp,
    pub(super) text: Arc<str>,
    /// None: an event's line. Otherwise what this line says was lost: it is to be said again if this line is lost too.
    pub(super) tells: Option<Loss>,
}

/// Lines that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) lines: u64,
    /// The first of them.
    pub(super) since: Timestamp,
    /// What the system said to the first, if it was the system.
    pub(super) kind: Option<ErrorKind>,
}

/// What the writing thread is to do next.
pub(super) enum Next {
    /// Write these, in this order.
    Lines(Vec<Line>),
    /// Nothing came for as long as was asked.
    Idle,
    /// End: the log was closed, and nothing is left.
    End,
}

/// The queue.
pub(super) struct Queue {
    room: LogRoom,
    state: Mutex<State>,
    came: Condvar,
    ended: Condvar,
    /// Told of each event's line that is lost.
    count: Box<dyn Fn(u64) + Send + Sync>,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Line>,
    bytes: usize,
    /// No line but an error's is taken until half of the room is free.
    losing: bool,
    lost: Option<Loss>,
    closed: bool,
    ended: bool,
}

impl Queue {
    /// An empty one. `count` is told of each line that is lost.
    pub(super) fn new(room: LogRoom, count: impl Fn(u64) + Send + Sync + 'static) -> Self {
        let (came, ended) = (Condvar::new(), Condvar::new());
        Self { room, state: Mutex::default(), came, ended, count: Box::new(count) }
    }

    /// Takes a line, or loses it. Never waits for the place.
    pub(super) fn push(&self, level: Level, line: Line) {
        let mut state = self.state.lock();
        let is_error = level == Level::ERROR;
        let fits = state.fits(&line, self.room, is_error);
        state.losing |= !fits;
        if fits && (!state.losing || is_error) && !state.closed {
            state.put(line);
            self.came.notify_one();
        } else {
            self.lose(&mut state, &[line], None);
        }
    }

    /// Waits for lines, at most so long; hands out the next ones, of at most so many bytes together or a single one.
    pub(super) fn next(&self, max_bytes: usize, within: Duration) -> Next {
        let until = Instant::now() + within;
        let mut state = self.state.lock();
        while state.lines.is_empty() {
            if state.closed {
                return Next::End;
            }
            if self.came.wait_until(&mut state, until).timed_out() && state.lines.is_empty() {
                return if state.closed { Next::End } else { Next::Idle };
            }
        }
        let (mut next, mut bytes) = (Vec::new(), 0);
        while let Some(line) = state.lines.front() {
            let length = line.text.len();
            if !next.is_empty() && bytes + length > max_bytes {
                break;
            }
            bytes += length;
            state.bytes -= length;
            next.extend(state.lines.pop_front());
        }
        Next::Lines(next)
    }

    /// Notes lines that were handed out and could not be written. True: these are the first after a time when all could.
    pub(super) fn not_written(&self, lines: &[Line], kind: ErrorKind) -> bool {
        let mut state = self.state.lock();
        let first = state.lost.is_none();
        self.lose(&mut state, lines, Some(kind));
        first && !lines.is_empty()
    }

    /// After lines were written: what was lost, if it is time to say so. It is no longer known here then.
    pub(super) fn flows_again(&self) -> Option<Loss> {
        let mut state = self.state.lock();
        let roomy = state.lines.len() <= self.room.lines / 2 && state.bytes <= self.room.bytes / 2;
        if !roomy {
            return None;
        }
        state.losing = false;
        state.lost.take()
    }

    /// Puts the line that tells of a loss where the gap is, whatever the room.
    pub(super) fn tell(&self, line: Line) {
        self.state.lock().put(line);
    }

    /// Takes no more lines; what is queued is still handed out.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.came.notify_all();
    }

    /// The thread that writes has ended.
    pub(super) fn end(&self) {
        self.state.lock().ended = true;
        self.ended.notify_all();
    }

    /// Waits for that, until then at most. False: lines are left unwritten.
    pub(super) fn wait_end(&self, until: Instant) -> bool {
        let mut state = self.state.lock();
        while !state.ended {
            if self.ended.wait_until(&mut state, until).timed_out() {
                return state.ended;
            }
        }
        true
    }

    fn lose(&self, state: &mut State, lines: &[Line], kind: Option<ErrorKind>) {
        let events = lines.iter().filter(|line| line.tells.is_none()).count() as u64;
        (self.count)(events);
        for line in lines {
            let this = line.tells.unwrap_or(Loss { lines: 1, since: line.at, kind });
            let known = state.lost.get_or_insert(Loss { lines: 0, ..this });
            known.lines = known.lines.saturating_add(this.lines);
            known.since = known.since.min(this.since);
        }
    }
}

impl State {
    fn fits(&self, line: &Line, room: LogRoom, is_error: bool) -> bool {
        let (lines, bytes) = match is_error {
            true => (room.lines, room.bytes),
            false => (room.lines - room.error_lines, room.bytes - room.error_bytes),
        };
        self.lines.len() < lines && self.bytes.saturating_add(line.text.len()) <= bytes
    }

    fn put(&mut self, line: Line) {
        self.bytes = self.bytes.saturating_add(line.text.len());
        self.lines.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const SMALL: LogRoom = LogRoom { lines: 8, bytes: 800, error_lines: 2, error_bytes: 200 };
    const NOW: Duration = Duration::ZERO;

    struct World {
        queue: Queue,
        counted: Arc<AtomicU64>,
    }

    impl World {
        fn new() -> Self {
            let counted = Arc::new(AtomicU64::new(0));
            let count = Arc::clone(&counted);
            let queue = Queue::new(SMALL, move |lines| {
                count.fetch_add(lines, Ordering::SeqCst);
            });
            Self { queue, counted }
        }

        fn say(&self, level: Level, second: i64) {
            self.queue.push(level, line(second, "x"));
        }

        /// Hands out what is there; the seconds of the lines.
        fn read(&self, max_bytes: usize) -> Vec<i64> {
            match self.queue.next(max_bytes, NOW) {
                Next::Lines(lines) => lines.iter().map(|line| line.at.as_second()).collect(),
                Next::Idle | Next::End => Vec::new(),
            }
        }
    }

    fn line(second: i64, text: &str) -> Line {
        let at = Timestamp::from_second(second).expect("in range");
        Line { at, text: format!("{text}\n").into(), tells: None }
    }

    #[test]
    fn lines_leave_in_the_order_in_which_they_came() {
        let world = World::new();
        (0..5).for_each(|second| world.say(Level::INFO, second));
        assert_eq!(world.read(4), [0, 1]);
        world.say(Level::ERROR, 5);
        assert_eq!(world.read(1), [2], "a line that is longer than asked for is handed out alone");
        assert_eq!(world.read(800), [3, 4, 5]);
        assert_eq!(world.queue.flows_again(), None);
        assert_eq!(world.counted.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn what_does_not_fit_is_lost_counted_and_one_gap() {
        let world = World::new();
        (0..20).for_each(|second| world.say(Level::INFO, second));
        assert_eq!(world.counted.load(Ordering::SeqCst), 14, "two of eight places are for errors");
        assert_eq!(world.read(2), [0]);
        assert_eq!(world.queue.flows_again(), None, "most of the room is still taken");
        world.say(Level::INFO, 20);
        assert_eq!(world.read(2), [1], "and so the gap goes on");
        let loss = world.queue.flows_again().expect("half of the room is free");
        assert_eq!((loss.lines, loss.since.as_second(), loss.kind), (15, 6, None));
        world.queue.tell(Line { tells: Some(loss), ..line(99, "lost") });
        world.say(Level::INFO, 21);
        assert_eq!(world.read(800), [2, 3, 4, 5, 99, 21], "the gap is told where it was");
        assert_eq!(world.queue.flows_again(), None, "told once");
        assert_eq!(world.counted.load(Ordering::SeqCst), 15);
    }

    #[test]
    fn errors_are_the_last_to_be_lost() {
        let world = World::new();
        (0..10).for_each(|second| world.say(Level::WARN, second));
        (10..13).for_each(|second| world.say(Level::ERROR, second));
        assert_eq!(world.read(800), [0, 1, 2, 3, 4, 5, 10, 11]);
        let loss = world.queue.flows_again().expect("free");
        assert_eq!((loss.lines, loss.since.as_second()), (5, 6));
    }

    #[test]
    fn bytes_are_bounded_as_lines_are() {
        let world = World::new();
        for second in 0..4 {
            world.queue.push(Level::INFO, line(second, &"x".repeat(250)));
        }
        world.queue.push(Level::ERROR, line(4, &"x".repeat(250)));
        world.queue.push(Level::ERROR, line(5, &"x".repeat(9_000)));
        assert_eq!(world.read(10_000), [0, 1, 4]);
        assert_eq!(world.queue.flows_again().map(|loss| loss.lines), Some(3));
    }

    #[test]
    fn what_cannot_be_written_is_a_loss_too_and_a_lost_word_about_a_loss_is_not_forgotten() {
        let world = World::new();
        let lost = [line(3, "a"), line(4, "b")];
        assert!(world.queue.not_written(&lost, ErrorKind::StorageFull), "the first");
        assert!(!world.queue.not_written(&[line(5, "c")], ErrorKind::StorageFull));
        let loss = world.queue.flows_again().expect("lost");
        assert_eq!((loss.lines, loss.since.as_second(), loss.kind), (3, 3, Some(ErrorKind::StorageFull)));
        let told = Line { tells: Some(loss), ..line(9, "lost") };
        world.queue.not_written(&[told, line(10, "d")], ErrorKind::BrokenPipe);
        let loss = world.queue.flows_again().expect("lost");
        assert_eq!((loss.lines, loss.since.as_second()), (4, 3));
        assert_eq!(world.counted.load(Ordering::SeqCst), 4, "the word about it is no event's line");
    }

    #[test]
    fn a_closed_queue_hands_out_what_it_has_and_its_end_is_waited_for_within_bounds() {
        let world = World::new();
        world.say(Level::INFO, 1);
        world.queue.close();
        world.say(Level::ERROR, 2);
        assert_eq!(world.read(800), [1]);
        assert!(matches!(world.queue.next(800, Duration::from_secs(60)), Next::End));
        assert!(!world.queue.wait_end(Instant::now() + Duration::from_millis(10)));
        world.queue.end();
        assert!(world.queue.wait_end(Instant::now()));
    }
}
