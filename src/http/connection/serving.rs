//! A connection from its first byte to its end: a place, then heads, each with its exchange.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_service::Service;
use tokio::time::{Instant, sleep};

use crate::api::problem::ProblemCode;
use crate::clock::Clock;
use crate::http::connection::exchange::{Exchange, Line};
use crate::http::connection::head::{self, Head};
use crate::http::connection::places::{Admission, Place, Places};
use crate::http::connection::refusal::{answer, part};
use crate::http::connection::socket::Socket;
use crate::http::connection::tally::{Tally, TurnedCode};
use crate::http::connection::waiting::{Came, Deadlines, HeadRoom, Kept};
use crate::random::Random;

/// How long a new connection waits for those who make way to have gone, and how often it looks. They go as soon as their
/// thread gets its turn, which on a loaded machine may take a while; those who are told why they get no place take a
/// second. As many wait as the server takes beyond the places, no more.
const GOING_MAX: Duration = Duration::from_secs(3);
const GOING_LOOK: Duration = Duration::from_millis(5);

/// All that the connections of a listener share.
pub(in crate::http) struct Hall {
    pub(super) places: Arc<Places>,
    pub(super) room: HeadRoom,
    pub(super) deadlines: Deadlines,
    pub(super) tally: Arc<Tally>,
    pub(super) random: Arc<dyn Random>,
    pub(super) clock: Arc<dyn Clock>,
    /// Queries go with the request, not in its target.
    pub(super) keeps_query: bool,
}

impl Hall {
    fn answer(&self, code: ProblemCode) -> Vec<u8> {
        answer(code, self.random.as_ref(), self.clock.as_ref())
    }
}

/// How a connection goes.
enum End {
    /// Nobody is to be told.
    Quiet,
    /// With a last word.
    Refused(ProblemCode),
    /// The answer is out, and the other end may still be sending.
    Answered,
    /// At once.
    Aborted,
}

/// Serves a connection until it ends.
pub(in crate::http) async fn serve<S>(socket: Socket, http: Rc<S>, hall: Arc<Hall>)
where
    S: Service<(Exchange, Option<SocketAddr>), Response = ()>,
{
    let peer = socket.peer();
    match admit(&hall.places, peer.map(|peer| peer.ip())).await {
        Admission::Place(mut place) => {
            let (socket, end) = attend(socket, peer, &mut place, http.as_ref(), &hall).await;
            let Some(socket) = socket else { return };
            match end {
                End::Quiet => {}
                End::Aborted => socket.abort(),
                End::Refused(code) => {
                    hall.tally.head_refused(code);
                    if place.leaves() {
                        part(socket, &hall.answer(code)).await;
                    }
                }
                End::Answered => {
                    if place.leaves() {
                        part(socket, b"").await;
                    }
                }
            }
        }
        Admission::TurnedAway(leaving) => {
            part(socket, &hall.answer(ProblemCode::Busy)).await;
            drop(leaving);
        }
        Admission::Dropped => hall.tally.turned(TurnedCode::NotAnswered),
    }
}

/// What a new connection gets. In a burst more come than those who make way have had time to go: it waits for that.
pub(super) async fn admit(places: &Arc<Places>, peer: Option<IpAddr>) -> Admission {
    let until = Instant::now() + GOING_MAX;
    loop {
        match places.enter(peer) {
            Admission::Dropped if Instant::now() < until => sleep(GOING_LOOK).await,
            admitted => return admitted,
        }
    }
}

async fn attend<S>(
    mut socket: Socket,
    peer: Option<SocketAddr>,
    place: &mut Place,
    http: &S,
    hall: &Hall,
) -> (Option<Socket>, End)
where
    S: Service<(Exchange, Option<SocketAddr>), Response = ()>,
{
    let peer_uid = socket.peer_uid();
    let mut kept = Kept::default();
    let mut is_first = true;
    loop {
        let came = kept.next(&socket, place, &hall.room, &hall.deadlines, is_first).await;
        let bytes = match came {
            Came::Head(bytes) => bytes,
            Came::Refused(code) => return (Some(socket), End::Refused(code)),
            Came::Nothing | Came::Ended => return (Some(socket), End::Quiet),
        };
        is_first = false;
        let Head { written, body, arrival } = match head::read(&bytes, hall.keeps_query) {
            Ok(head) => head,
            Err(code) => return (Some(socket), End::Refused(code)),
        };
        drop(bytes);
        let line = Line::new(socket, written, body, kept.give(), hall.deadlines.unsent);
        let line = Rc::new(RefCell::new(line));
        let exchange = Exchange::new(&line, arrival, place, peer_uid);
        let mut under_way = Box::pin(http.call((exchange, peer)));
        let answering = std::future::poll_fn(|context| match under_way.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending if line.borrow().is_answered() => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        });
        let ended = tokio::select! {
            biased;
            () = place.ending.asked() => true,
            () = answering => false,
        };
        // Its buffers go with it.
        drop(under_way);
        let Some(line) = Rc::into_inner(line).map(RefCell::into_inner) else { return (None, End::Quiet) };
        let (goes_on, is_open) = (line.may_go_on(), line.body.is_open() || !line.kept.is_empty());
        socket = line.socket;
        if ended {
            return (Some(socket), End::Aborted);
        }
        if !goes_on {
            return (Some(socket), if is_open { End::Answered } else { End::Quiet });
        }
        kept.after(line.kept);
    }
}
