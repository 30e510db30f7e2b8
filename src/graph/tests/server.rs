//! A Graph server of a few lines: raw HTTP/1.1 over loopback, so that it can misbehave in ways a real server would not.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the server does with a call.
pub enum Act {
    Reply(u16, String),
    ReplyWith(u16, &'static str, String),
    /// These bytes, and the end of the connection.
    Raw(Vec<u8>),
    /// A chunked body without end, as fast as it goes.
    Endless,
    /// The same, a byte at a time.
    Drip,
    Hang,
}

/// A call as it came.
#[derive(Clone)]
pub struct Call {
    /// Path and query.
    pub target: String,
    /// The whole head.
    pub head: String,
}

impl Call {
    /// The object asked for: the last part of the path.
    pub fn id(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default().to_owned()
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Ends with the test: dropping the set aborts its tasks.
pub struct Server {
    pub address: SocketAddr,
    pub calls: Arc<Mutex<Vec<Call>>>,
    most_at_once: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// `act` is asked with the call and how many came before it.
    pub async fn start(act: impl Fn(&Call, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let most_at_once = Arc::new(AtomicUsize::new(0));
        let (seen, most, act) = (Arc::clone(&calls), Arc::clone(&most_at_once), Arc::new(act));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let (mut connections, at_once) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, act) = (Arc::clone(&seen), Arc::clone(&act));
                let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
                connections.spawn(async move {
                    most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    serve(stream, &seen, &*act).await;
                    at_once.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, calls, most_at_once, _tasks: tasks }
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("not poisoned").clone()
    }

    /// What each call asked for.
    pub fn ids(&self) -> Vec<String> {
        self.calls().iter().map(Call::id).collect()
    }

    pub fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Call>>, act: &(dyn Fn(&Call, usize) -> Act + Sync)) {
    let mut head = Vec::new();
    let mut chunk = [0; 4_096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => head.extend_from_slice(&chunk[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).expect("ASCII");
    let target = head.split(' ').nth(1).expect("a request line").to_owned();
    let call = Call { target, head };
    let nth = {
        let mut seen = seen.lock().expect("not poisoned");
        seen.push(call.clone());
        seen.len() - 1
    };
    // Long enough for other calls to be there at the same time, if they may.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let whole = |status: u16, headers: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}")
    };
    match act(&call, nth) {
        Act::Reply(status, body) => drop(stream.write_all(whole(status, "", &body).as_bytes()).await),
        Act::ReplyWith(status, headers, body) => {
            drop(stream.write_all(whole(status, headers, &body).as_bytes()).await);
        }
        Act::Raw(bytes) => drop(stream.write_all(&bytes).await),
        Act::Endless => chunks(&mut stream, 0x1000, Duration::ZERO).await,
        Act::Drip => chunks(&mut stream, 1, Duration::from_millis(50)).await,
        Act::Hang => pending().await,
    }
    drop(stream.shutdown().await);
}

/// Chunks of spaces until nobody reads them any more.
async fn chunks(stream: &mut TcpStream, bytes: usize, pause: Duration) {
    let head = b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut open = stream.write_all(head).await.is_ok();
    let chunk = format!("{bytes:x}\r\n{}\r\n", " ".repeat(bytes));
    while open {
        open = stream.write_all(chunk.as_bytes()).await.is_ok();
        tokio::time::sleep(pause).await;
    }
}
