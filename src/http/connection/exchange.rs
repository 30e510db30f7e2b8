//! One request and its answer: what the server below takes for a connection.
//!
//! It reads the head that was written for it, then the body's own bytes, then nothing until the answer is out. So nothing
//! piles up in its buffers, and they go with the request.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Extensions, RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::http::connection::arrival::Arrival;
use crate::http::connection::ending::Ending;
use crate::http::connection::framing::Framing;
use crate::http::connection::places::Place;
use crate::http::connection::socket::Socket;
use crate::http::holding::Holding;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The socket while a request is under way, and how far that is.
pub(super) struct Line {
    pub(super) socket: Socket,
    /// What was read and belongs to nobody yet: this request's body, and what follows it.
    pub(super) kept: Vec<u8>,
    /// What of the body is still to be handed on.
    pub(super) body: Framing,
    head: Vec<u8>,
    /// How much of it was handed on.
    given: usize,
    /// The body broke off, or is none: the server below is told that there is no more.
    is_cut: bool,
    announced: Announced,
    over: Over,
    /// All of the answer was taken by the system.
    is_out: bool,
    unsent: Option<Pin<Box<Sleep>>>,
    unsent_max: Duration,
}

/// What the answer says of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Announced {
    Nothing,
    ItStays,
    ItCloses,
}

/// Set when nothing more will be written.
#[derive(Clone, Default)]
struct Over(Rc<Cell<bool>>);

impl Line {
    pub(super) fn new(
        socket: Socket,
        head: Vec<u8>,
        body: Framing,
        kept: Vec<u8>,
        unsent_max: Duration,
    ) -> Self {
        Self {
            socket,
            kept,
            body,
            head,
            given: 0,
            is_cut: false,
            announced: Announced::Nothing,
            over: Over::default(),
            is_out: false,
            unsent: None,
            unsent_max,
        }
    }

    /// True once an answer is out that leaves the connection open.
    pub(super) fn is_answered(&self) -> bool {
        self.is_out && self.announced == Announced::ItStays
    }

    /// True if another request may follow.
    pub(super) fn may_go_on(&self) -> bool {
        self.is_answered() && !self.body.is_open() && !self.is_cut
    }

    fn read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(rest) = self.head.get(self.given..).filter(|rest| !rest.is_empty()) {
            let now = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..now]);
            self.given += now;
            if self.given == self.head.len() {
                (self.head, self.given) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        if self.is_cut || self.is_out && self.announced == Announced::ItCloses && !self.body.is_open() {
            return Poll::Ready(Ok(()));
        }
        if !self.body.is_open() {
            // Whatever wakes the server below now is not here.
            return Poll::Pending;
        }
        if !self.kept.is_empty() {
            return self.read_kept(buffer);
        }
        self.read_on(context, buffer)
    }

    fn read_kept(&mut self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let now = self.kept.len().min(buffer.remaining());
        match self.body.take(&self.kept[..now]) {
            Ok(taken) => {
                buffer.put_slice(&self.kept[..taken]);
                // What is left moves to a block of its own size: the old one is given back.
                self.kept = self.kept.split_off(taken);
            }
            Err(_) => self.is_cut = true,
        }
        Poll::Ready(Ok(()))
    }

    fn read_on(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let most = buffer.remaining().min(self.body.at_most());
        let room = buffer.initialize_unfilled_to(most);
        let mut own = ReadBuf::new(room);
        ready!(Pin::new(&mut self.socket).poll_read(context, &mut own))?;
        let read = own.filled().len();
        match self.body.take(own.filled()) {
            Ok(taken) if taken > 0 => {
                if let Some(next) = room.get_mut(taken..read) {
                    self.kept.extend_from_slice(next);
                    next.fill(0);
                }
                buffer.advance(taken);
            }
            _ => self.is_cut = true,
        }
        Poll::Ready(Ok(()))
    }

    fn write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.listen(bytes);
        if let Poll::Ready(written) = Pin::new(&mut self.socket).poll_write(context, bytes) {
            self.unsent = None;
            return Poll::Ready(written);
        }
        let unsent_max = self.unsent_max;
        let unsent = self.unsent.get_or_insert_with(|| Box::pin(sleep(unsent_max)));
        unsent.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Hears what the answer's head says. It is written at once; if ever it is not, the connection closes.
    fn listen(&mut self, bytes: &[u8]) {
        let answer = bytes.strip_prefix(CONTINUE).unwrap_or(bytes);
        if self.announced != Announced::Nothing || answer.is_empty() {
            return;
        }
        let stays = stays(answer);
        self.announced = if stays { Announced::ItStays } else { Announced::ItCloses };
    }
}

fn stays(answer: &[u8]) -> bool {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let Some(head) = end.and_then(|end| answer.get(..end)) else { return false };
    let closes = |line: &[u8]| line.trim_ascii().eq_ignore_ascii_case(b"connection: close");
    head.starts_with(b"HTTP/1.1 ") && !head.split(|byte| *byte == b'\n').any(closes)
}

/// A [`Line`] as the server below holds it.
pub(in crate::http) struct Exchange {
    line: Rc<RefCell<Line>>,
    inside: Inside,
    ending: Ending,
    peer_uid: Option<u32>,
}

/// What goes along with the request.
#[derive(Clone)]
struct Inside {
    arrival: Rc<Arrival>,
    over: Over,
    /// The listener ends: this answer is the connection's last.
    is_last: Arc<AtomicBool>,
}

impl Exchange {
    pub(super) fn new(
        line: &Rc<RefCell<Line>>,
        arrival: Arrival,
        place: &Place,
        peer_uid: Option<u32>,
    ) -> Self {
        let over = line.borrow().over.clone();
        let inside = Inside { arrival: Rc::new(arrival), over, is_last: place.listener_ends() };
        Self { line: Rc::clone(line), inside, ending: place.ending.clone(), peer_uid }
    }

    /// The user at the other end of a socket in the file system, as the kernel tells.
    pub(in crate::http) fn peer_uid(&self) -> Option<u32> {
        self.peer_uid
    }

    /// Puts what handlers may know of their connection into its data: its [`Ending`], and what [`arrived`] needs.
    pub(in crate::http) fn introduce(&self, data: &mut Extensions) {
        data.insert(self.inside.clone());
        data.insert(self.ending.clone());
    }
}

/// Middleware, the outermost one: gives the request what came with it (see [`Arrival`]), and notes when the last of its
/// answer was handed over.
///
/// # Errors
/// Those of the service below.
pub(in crate::http) async fn arrived(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(Inside { arrival, over, is_last }) = request.conn_data::<Inside>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let over = Ends(over);
    own(request.head_mut());
    request.extensions_mut().insert(arrival);
    let response = next.call(request).await?;
    Ok(response.map_body(|head, body| {
        if is_last.load(Ordering::Relaxed) {
            head.set_connection_type(ConnectionType::Close);
        }
        BoxBody::new(Holding::new(body, over))
    }))
}

/// Gives a head blocks of its own. Its values are pieces of the buffer that it was read from, bytes of the body included,
/// and the server keeps past heads.
fn own(head: &mut RequestHead) {
    let mut lines = HeaderMap::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            lines.append(name.clone(), value);
        }
    }
    head.headers = lines;
}

struct Ends(Over);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.0.set(true);
    }
}

impl AsyncRead for Exchange {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.line.borrow_mut().read(context, buffer)
    }
}

impl AsyncWrite for Exchange {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.line.borrow_mut().write(context, bytes)
    }

    /// The server below flushes when it has written all that it has.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = self.line.borrow_mut();
        line.is_out |= line.over.0.get();
        Poll::Ready(Ok(()))
    }

    /// The connection's own task closes it.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
