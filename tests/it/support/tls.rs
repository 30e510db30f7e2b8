//! Graph behind TLS, with whatever certificate a test wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use super::front::Identity;

/// What speaks at the port.
#[derive(Clone)]
pub enum Face {
    /// TLS with a certificate.
    Tls(Arc<ServerConfig>),
    /// HTTP where TLS should be.
    Plain,
}

impl Face {
    pub fn with(identity: &Identity) -> Self {
        Self::Tls(Arc::new(identity.server_config()))
    }
}

/// A TLS end in front of the simulator.
pub struct TlsGraph {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    face: Mutex<Face>,
    upstream: String,
    /// What reached this side as a request: after decryption, or without any.
    heard: Mutex<Vec<u8>>,
    connections: Mutex<usize>,
    /// Those that went on from the session of an earlier one.
    resumed: Mutex<usize>,
    ended: AtomicBool,
}

impl TlsGraph {
    /// Starts one in front of this address.
    pub fn start(upstream: &str, face: Face) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            face: Mutex::new(face),
            upstream: upstream.trim_start_matches("http://").to_owned(),
            heard: Mutex::default(),
            connections: Mutex::default(),
            resumed: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let accepting = std::thread::Builder::new().name("tls-graph".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.ended.load(Ordering::SeqCst) {
                    return;
                }
                *serving.connections.lock().expect("no panic") += 1;
                // One after the other: the daemon gives up on none that fails at once.
                serve(stream, &serving);
            }
        });
        Self { address, shared, accepting: Some(accepting.expect("a thread")) }
    }

    pub fn show(&self, face: Face) {
        *self.shared.face.lock().expect("no panic") = face;
    }

    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().expect("no panic")
    }

    pub fn resumed(&self) -> usize {
        *self.shared.resumed.lock().expect("no panic")
    }

    pub fn heard(&self) -> Vec<u8> {
        self.shared.heard.lock().expect("no panic").clone()
    }
}

impl Drop for TlsGraph {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Errors end the connection: that is what the tests are about.
fn serve(stream: TcpStream, shared: &Shared) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let face = shared.face.lock().expect("no panic").clone();
    match face {
        Face::Tls(config) => {
            let Ok(connection) = ServerConnection::new(config) else { return };
            let mut stream = StreamOwned::new(connection, stream);
            let Some(head) = request(&mut stream, shared) else { return };
            if stream.conn.handshake_kind() == Some(HandshakeKind::Resumed) {
                *shared.resumed.lock().expect("no panic") += 1;
            }
            let Ok(reply) = forward(&shared.upstream, &head) else { return };
            let _ = stream.write_all(&reply);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        Face::Plain => {
            let mut stream = stream;
            let mut first = [0; 4_096];
            let read = stream.read(&mut first).unwrap_or(0);
            shared.heard.lock().expect("no panic").extend(&first[..read]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    }
}

/// A whole head; nobody sends Graph a body.
fn request(stream: &mut impl Read, shared: &Shared) -> Option<Vec<u8>> {
    let (mut head, mut buffer) = (Vec::new(), [0; 4_096]);
    while !head.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        head.extend(&buffer[..read]);
        shared.heard.lock().expect("no panic").extend(&buffer[..read]);
    }
    Some(head)
}

fn forward(upstream: &str, head: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(upstream)?;
    stream.write_all(head.strip_suffix(b"\r\n").unwrap_or(head))?;
    stream.write_all(b"connection: close\r\n\r\n")?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(reply)
}
