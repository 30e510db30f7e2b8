//! Everything that the process says, at TRACE, kept to be searched.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use tamis::clock::SystemClock;
use tamis::telemetry::{Format, Lines, Loudness};
use tracing::Level;

/// The process's log so far.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic while writing").clone()).expect("lines are UTF-8")
    }

    /// How much of it there is.
    pub fn bytes(&self) -> usize {
        self.0.lock().expect("no panic while writing").len()
    }

    /// What was said once it had so many bytes.
    pub fn since(&self, bytes: usize) -> Vec<u8> {
        self.0.lock().expect("no panic while writing").get(bytes..).unwrap_or_default().to_vec()
    }

    /// The lines with this event name. Looked for in place: all tests of this process write here, and many ask again and again.
    pub fn events(&self, name: &str) -> Vec<String> {
        let said = self.0.lock().expect("no panic while writing");
        let named = format!(" {name}");
        let mut lines: Vec<String> = Vec::new();
        let mut after = 0;
        for at in memchr::memmem::find_iter(&said, &named) {
            let next = said.get(at + named.len());
            if at < after || !next.is_none_or(|next| b" \n".contains(next)) {
                continue;
            }
            let begin = memchr::memrchr(b'\n', &said[..at]).map_or(0, |end| end + 1);
            after = memchr::memchr(b'\n', &said[at..]).map_or(said.len(), |length| at + length);
            lines.push(String::from_utf8(said[begin..after].to_vec()).expect("lines are UTF-8"));
        }
        lines
    }
}

/// The one log of this process, listening from the first call on.
pub fn log() -> Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let clock = Arc::new(SystemClock);
        let lines = Lines::new(Format::Pretty, Loudness::new(Level::TRACE), clock, Box::new(log.clone()));
        tracing::subscriber::set_global_default(lines.subscriber()).expect("the first subscriber");
        log
    })
    .clone()
}

#[test]
fn a_line_is_found_once_by_its_whole_name() {
    let mut log = Log::default();
    let said = "t INFO  a.b x=1\nt INFO  a.bc x=2\nt INFO  b.a of=a.b\nt INFO  a.b of a.b\nt INFO  a.b";
    log.write_all(said.as_bytes()).expect("a buffer");
    assert_eq!(log.events("a.b"), ["t INFO  a.b x=1", "t INFO  a.b of a.b", "t INFO  a.b"]);
    assert_eq!(log.events("a"), [""; 0]);
    assert_eq!(log.since(log.bytes() - 3), b"a.b");
}
