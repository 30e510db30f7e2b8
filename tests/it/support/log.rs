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

    /// The lines with this event name.
    pub fn events(&self, name: &str) -> Vec<String> {
        let named = format!(" {name} ");
        self.text().lines().filter(|line| format!("{line} ").contains(&named)).map(str::to_owned).collect()
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
