//! A load generator that takes as little of the processor as it can: prepared requests, one thread, epoll. Closed loop
//! (every connection sends the next call when it has its answer), or open loop (calls are due at a fixed rate, and
//! latency counts from the moment a call was due, so that a stall is not hidden by the calls it kept from being sent).

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use sha2::Sha256;
use tamis_simulator::notification::{Change, Entry, Notification};

/// Signed calls, ready to be sent.
pub struct Calls {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The id of the lead with this number. All of one length.
pub fn leadgen(number: usize) -> String {
    format!("88{number:012}")
}

impl Calls {
    /// Calls with one new lead each.
    pub fn single(
        page: &str,
        form: &str,
        secret: &str,
        created: u64,
        numbers: std::ops::Range<usize>,
    ) -> Self {
        let ids: Vec<usize> = numbers.collect();
        Self::chunked(page, form, secret, created, &ids, 1)
    }

    /// Calls with up to `a_call` leads each.
    pub fn chunked(
        page: &str,
        form: &str,
        secret: &str,
        created: u64,
        numbers: &[usize],
        a_call: usize,
    ) -> Self {
        let mut calls = Self { bytes: Vec::new(), ends: Vec::new() };
        for chunk in numbers.chunks(a_call) {
            let mut entry = Entry::of(page).time(created);
            for number in chunk {
                entry = entry.change(Change::leadgen(&leadgen(*number), page, form, created));
            }
            let body = Notification::page().entry(entry).bytes();
            calls.push(&body, secret);
        }
        calls
    }

    fn push(&mut self, body: &[u8], secret: &str) {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("any key");
        mac.update(body);
        let signature = hex::encode(mac.finalize().into_bytes());
        // The headers that were seen of Meta's.
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: leads.lumen.example\r\nAccept: */*\r\nAccept-Encoding: deflate, gzip\r\n\
             User-Agent: Webhooks/1.0 (https://fb.me/webhooks)\r\nContent-Type: application/json\r\n\
             X-Hub-Signature: sha1={}\r\nX-Hub-Signature-256: sha256={signature}\r\nContent-Length: {}\r\n\r\n",
            "0".repeat(40),
            body.len()
        );
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(body);
        self.ends.push(self.bytes.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    fn call(&self, at: usize) -> &[u8] {
        let from = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[from..self.ends[at]]
    }
}

/// How calls are sent.
#[derive(Clone, Copy)]
pub enum Pace {
    /// As fast as answers come.
    Closed,
    /// So many a second.
    Open(f64),
}

/// What came back.
#[derive(Default)]
pub struct Outcome {
    /// Places of the calls that got a 200.
    pub acknowledged: Vec<usize>,
    /// Answers that were no 200, by status; 0: the connection broke.
    pub refused: BTreeMap<u16, u64>,
    /// From each call's due moment to its answer.
    pub latencies_us: Vec<u32>,
    /// From the first call to the last answer.
    pub elapsed: Duration,
    /// Calls that were due and never sent.
    pub unsent: usize,
}

impl Outcome {
    /// 200s a second.
    pub fn rate(&self) -> f64 {
        self.acknowledged.len() as f64 / self.elapsed.as_secs_f64()
    }
}

struct Connection {
    socket: TcpStream,
    answer: Vec<u8>,
    call: Option<(usize, Instant)>,
}

/// While it lives, this thread is scheduled as batch work: an answer wakes it, but does not take the processor away from
/// the server that wrote it. A client on another machine would not either.
struct Yielding;

impl Yielding {
    fn begin() -> Self {
        Self::schedule("--batch");
        Self
    }

    /// By util-linux's `chrt`: without it everything is measured all the same, only more unevenly.
    fn schedule(policy: &str) {
        let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
        let _ = std::process::Command::new("chrt").args([policy, "--pid", "0", &thread]).status();
    }
}

impl Drop for Yielding {
    fn drop(&mut self) {
        Self::schedule("--other");
    }
}

/// Sends calls over so many connections until the time is over or there are none left, then waits for the answers.
pub fn run(address: SocketAddr, connections: usize, calls: &Calls, pace: Pace, lasting: Duration) -> Outcome {
    // In an open loop an answer's latency would count until the client gets the processor.
    let _yielding = matches!(pace, Pace::Closed).then(Yielding::begin);
    let slack = std::num::NonZeroU64::new(1);
    let _ = rustix::thread::set_current_timer_slack(slack);
    let poll = epoll::create(CreateFlags::CLOEXEC).expect("an epoll");
    let mut all: Vec<Connection> = (0..connections).map(|at| connect(address, &poll, at)).collect();
    let mut free: VecDeque<usize> = (0..connections).collect();
    let (mut next, mut under_way) = (0, 0);
    let mut outcome = Outcome::default();
    let begun = Instant::now();
    let due = |at: usize| match pace {
        Pace::Closed => begun,
        Pace::Open(rate) => begun + Duration::from_secs_f64(at as f64 / rate),
    };
    let mut events = Vec::with_capacity(connections);
    loop {
        let now = Instant::now();
        let over = now - begun >= lasting || next >= calls.len();
        while !over && next < calls.len() && due(next) <= now {
            let Some(at) = free.pop_front() else { break };
            let intended = if matches!(pace, Pace::Closed) { Instant::now() } else { due(next) };
            send(&mut all[at], calls.call(next), next, intended);
            next += 1;
            under_way += 1;
        }
        if over && under_way == 0 {
            break;
        }
        let wait = match pace {
            Pace::Open(_) if !over && !free.is_empty() => due(next).saturating_duration_since(Instant::now()),
            _ => Duration::from_secs(15),
        };
        let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&wait)).expect("a wait");
        let stuck = events.is_empty() && wait.tv_sec >= 15;
        assert!(!stuck, "no answer for fifteen seconds, {under_way} calls under way");
        for event in &events {
            let at = event.data.u64() as usize;
            let connection = &mut all[at];
            let Some(status) = receive(connection) else { continue };
            let Some((call, since)) = connection.call.take() else { continue };
            under_way -= 1;
            if status == 200 {
                outcome.acknowledged.push(call);
                let us = u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX);
                outcome.latencies_us.push(us);
            } else {
                *outcome.refused.entry(status).or_default() += 1;
            }
            if status == 0 {
                *connection = connect(address, &poll, at);
            }
            free.push_back(at);
        }
    }
    outcome.elapsed = begun.elapsed();
    if let Pace::Open(rate) = pace {
        let wanted = (lasting.as_secs_f64() * rate) as usize;
        outcome.unsent = wanted.min(calls.len()).saturating_sub(next);
    }
    outcome
}

fn connect(address: SocketAddr, poll: &OwnedFd, at: usize) -> Connection {
    let socket = TcpStream::connect(address).expect("a connection");
    socket.set_nodelay(true).expect("an option");
    socket.set_nonblocking(true).expect("an option");
    epoll::add(poll, &socket, EventData::new_u64(at as u64), EventFlags::IN).expect("a place");
    Connection { socket, answer: Vec::with_capacity(1024), call: None }
}

fn send(connection: &mut Connection, mut bytes: &[u8], call: usize, intended: Instant) {
    connection.answer.clear();
    connection.call = Some((call, intended));
    // One call fits into a socket's buffer; the large ones of a check may take turns.
    while !bytes.is_empty() {
        match connection.socket.write(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::yield_now(),
            // Seen when the answer is read.
            Err(_) => return,
        }
    }
}

/// The status, once the whole answer is there; 0 if the connection ended first.
fn receive(connection: &mut Connection) -> Option<u16> {
    let mut chunk = [0; 2048];
    match connection.socket.read(&mut chunk) {
        Ok(0) => return Some(0),
        Ok(read) => connection.answer.extend_from_slice(&chunk[..read]),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return None,
        Err(_) => return Some(0),
    }
    let answer = &connection.answer;
    let head = memchr::memmem::find(answer, b"\r\n\r\n")?;
    let text = std::str::from_utf8(&answer[..head]).unwrap_or_default();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    });
    if answer.len() < head + 4 + length.unwrap_or(0) {
        return None;
    }
    text.get(9..12).and_then(|status| status.parse().ok())
}

/// All calls once, eight at a time; the statuses by number.
pub fn deliver(address: SocketAddr, calls: &Calls) -> Outcome {
    run(address, 8, calls, Pace::Closed, Duration::from_secs(600))
}
