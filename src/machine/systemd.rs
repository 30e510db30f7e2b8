//! What the service manager is told: ready, alive, stopping (sd_notify(3)). Without systemd nothing is told to nobody.
//!
//! Written here rather than taken from a crate: those read the environment themselves, and this one is handed in.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::machine::progress::Progress;
use crate::secret::location::Environment;

/// Where systemd listens: a path, or `@` and the name of an abstract socket.
const SOCKET: &str = "NOTIFY_SOCKET";
/// After how many microseconds of silence systemd takes the process for dead.
const WATCHDOG: &str = "WATCHDOG_USEC";
/// For which process that holds.
const WATCHDOG_PROCESS: &str = "WATCHDOG_PID";
/// How long systemd may take to make room for a datagram.
const PATIENCE: Duration = Duration::from_secs(2);
/// A start may take another minute from now on (`EXTEND_TIMEOUT_USEC`, sd_notify(3)).
const EXTEND: &str = "EXTEND_TIMEOUT_USEC=60000000";
/// How often that is said while a start goes on.
const EXTEND_EVERY: Duration = Duration::from_secs(20);
/// And how often in all while nothing moves: an hour. A copy of a store has less.
const EXTENSIONS_MAX: u32 = 180;
/// No watchdog is asked to be fed faster.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// The service manager that started this process, if one did.
#[derive(Default)]
pub struct Systemd {
    socket: Option<tokio::net::UnixDatagram>,
    period: Option<Duration>,
}

impl Systemd {
    /// Finds the service manager by the variables that it sets for the process `pid`. Must be called within a runtime.
    ///
    /// # Errors
    /// It is named, and cannot be reached there.
    pub fn find(environment: &Environment, pid: u32) -> io::Result<Self> {
        let Some(name) = environment.get(SOCKET) else { return Ok(Self::default()) };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(name)?)?;
        socket.set_nonblocking(true)?;
        let socket = Some(tokio::net::UnixDatagram::from_std(socket)?);
        Ok(Self { socket, period: period(environment, pid) })
    }

    /// Start-up is over: calls are taken from here on.
    pub async fn ready(&self) {
        self.tell("READY=1").await;
    }

    /// Waits for a start, and says now and then that it goes on, so that systemd does not take a long one (a copy of a
    /// large store, or one whose records are sealed again) for one that hangs. One that does hang it ends, since without
    /// progress this is not said without end.
    pub async fn while_starting<T>(&self, progress: &Progress, starting: impl Future<Output = T>) -> T {
        self.while_starting_at(progress, starting, EXTEND_EVERY, EXTENSIONS_MAX).await
    }

    async fn while_starting_at<T>(
        &self,
        progress: &Progress,
        starting: impl Future<Output = T>,
        every: Duration,
        most: u32,
    ) -> T {
        let mut starting = std::pin::pin!(starting);
        let extending = async {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            let (mut standing, mut before) = (0, progress.count());
            while standing < most {
                ticks.tick().await;
                let now = progress.count();
                standing += u32::from(now == before);
                before = now;
                self.tell(EXTEND).await;
            }
        };
        tokio::select! {
            started = &mut starting => return started,
            () = extending => {}
        }
        starting.await
    }

    /// A stop has begun; it has its own limit.
    pub async fn stopping(&self) {
        self.tell("STOPPING=1").await;
    }

    /// True if the process is killed unless it says now and then that it is alive.
    pub fn is_watching(&self) -> bool {
        self.period.is_some()
    }

    /// Says so, twice in the time that systemd allows, for as long as `healthy` says yes. Never ends by itself.
    pub async fn keep_alive(&self, healthy: impl Fn() -> bool) {
        let Some(period) = self.period else { return std::future::pending().await };
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_healthy = true;
        loop {
            ticks.tick().await;
            let is_healthy = healthy();
            if is_healthy {
                self.tell("WATCHDOG=1").await;
            } else if was_healthy {
                tracing::error!(watchdog.period_ms = period.as_millis(), "process.watchdog-withheld");
            }
            was_healthy = is_healthy;
        }
    }

    async fn tell(&self, word: &'static str) {
        let Some(socket) = &self.socket else { return };
        let sent = tokio::time::timeout(PATIENCE, socket.send(word.as_bytes())).await;
        let failed = match sent {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.kind(),
            Err(_) => io::ErrorKind::TimedOut,
        };
        tracing::warn!(systemd.word = word, io.kind = ?failed, "process.systemd-not-told");
    }
}

fn address(name: &str) -> io::Result<SocketAddr> {
    match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None if name.starts_with('/') => SocketAddr::from_pathname(name),
        // vsock and what may come later.
        None => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Half of what systemd allows (sd_watchdog_enabled(3) recommends it), if it watches this process.
fn period(environment: &Environment, pid: u32) -> Option<Duration> {
    let is_other = |other: &str| other.parse() != Ok(pid);
    if environment.get(WATCHDOG_PROCESS).is_some_and(is_other) {
        return None;
    }
    let allowed = environment.get(WATCHDOG)?.parse().ok().filter(|allowed| *allowed > 0)?;
    Some((Duration::from_micros(allowed) / 2).max(PERIOD_MIN))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    async fn hear(socket: &tokio::net::UnixDatagram) -> String {
        let mut word = [0; 64];
        let heard = tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut word)).await;
        let length = heard.expect("in time").expect("a datagram");
        String::from_utf8(word[..length].to_vec()).expect("text")
    }

    #[tokio::test]
    async fn a_socket_in_the_file_system_and_an_abstract_one_hear_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify").display().to_string();
        let name = format!("@tamis-test-{}", std::process::id());
        for named in [path.as_str(), name.as_str()] {
            let bound = UnixDatagram::bind_addr(&address(named).expect("an address")).expect("a socket");
            bound.set_nonblocking(true).expect("non-blocking");
            let hearer = tokio::net::UnixDatagram::from_std(bound).expect("a socket");
            let systemd = Systemd::find(&environment(&[(SOCKET, named)]), 1).expect("there");
            systemd.ready().await;
            systemd.stopping().await;
            assert_eq!((hear(&hearer).await, hear(&hearer).await), ("READY=1".into(), "STOPPING=1".into()));
            assert!(!systemd.is_watching());
        }
    }

    #[tokio::test]
    async fn a_long_start_is_told_to_go_on_and_not_without_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let hearer = tokio::net::UnixDatagram::bind(&path).expect("a socket");
        let named = path.display().to_string();
        let systemd = Systemd::find(&environment(&[(SOCKET, &named)]), 1).expect("there");
        let still = Progress::default();
        let starting = async {
            assert_eq!(hear(&hearer).await, EXTEND);
            assert_eq!(hear(&hearer).await, EXTEND);
            tokio::time::sleep(Duration::from_millis(100)).await;
            7
        };
        assert_eq!(systemd.while_starting_at(&still, starting, Duration::from_millis(5), 2).await, 7);
        assert!(hearer.try_recv(&mut [0; 64]).is_err(), "said a third time");
        let moving = Progress::default();
        let starting = async {
            for _ in 0..10 {
                moving.advance(1);
                assert_eq!(hear(&hearer).await, EXTEND, "for as long as it moves");
            }
            9
        };
        assert_eq!(systemd.while_starting_at(&moving, starting, Duration::from_millis(5), 2).await, 9);
        while hearer.try_recv(&mut [0; 64]).is_ok() {}
        assert_eq!(systemd.while_starting(&still, async { 8 }).await, 8);
        assert!(hearer.try_recv(&mut [0; 64]).is_err(), "a short start is nothing to speak of");
    }

    #[tokio::test]
    async fn without_a_service_manager_nothing_is_told_and_with_a_dead_one_it_is_an_error() {
        let alone = Systemd::find(&environment(&[(WATCHDOG, "1000")]), 1).expect("nobody");
        alone.ready().await;
        for named in ["/nonexistent/notify", "vsock:2:1234", ""] {
            assert!(Systemd::find(&environment(&[(SOCKET, named)]), 1).is_err(), "{named}");
        }
    }

    #[test]
    fn the_watchdog_is_fed_at_half_of_what_systemd_allows_to_this_process() {
        let period = |pairs: &[(&str, &str)]| period(&environment(pairs), 7);
        assert_eq!(period(&[(WATCHDOG, "30000000")]), Some(Duration::from_secs(15)));
        assert_eq!(period(&[(WATCHDOG, "30000000"), (WATCHDOG_PROCESS, "7")]), Some(Duration::from_secs(15)));
        assert_eq!(period(&[(WATCHDOG, "30000000"), (WATCHDOG_PROCESS, "8")]), None);
        assert_eq!(period(&[(WATCHDOG, "1")]), Some(PERIOD_MIN));
        for odd in ["0", "", "-1", "a"] {
            assert_eq!(period(&[(WATCHDOG, odd)]), None, "{odd}");
        }
        assert_eq!(period(&[]), None);
    }

    #[tokio::test]
    async fn the_watchdog_starves_while_something_is_halted() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let hearer = tokio::net::UnixDatagram::bind(&path).expect("a socket");
        let named = path.display().to_string();
        let systemd =
            Systemd::find(&environment(&[(SOCKET, &named), (WATCHDOG, "20000")]), 1).expect("there");
        let healthy = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&healthy);
        let ending = async {
            assert_eq!(hear(&hearer).await, "WATCHDOG=1");
            assert_eq!(hear(&hearer).await, "WATCHDOG=1");
            healthy.store(false, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            while hearer.try_recv(&mut [0; 64]).is_ok() {}
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(hearer.try_recv(&mut [0; 64]).is_err(), "fed while halted");
            healthy.store(true, Ordering::SeqCst);
            assert_eq!(hear(&hearer).await, "WATCHDOG=1");
        };
        tokio::select! {
            () = systemd.keep_alive(move || asked.load(Ordering::SeqCst)) => panic!("never ends"),
            () = ending => {}
        }
    }
}
