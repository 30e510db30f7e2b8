//! Calls of the admin side while they last: one a connection. An answer that is taken too slowly ends, and so do the
//! calls of a token that is revoked.
//!
//! The server does not look at a client that takes nothing: it would hold the connection, and what its answer is read
//! from, for ever. So each call is looked at from outside once a second.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::http::connection::Ending;
use crate::http::problem::request_id;

/// How often calls are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a client may take nothing of its answer.
const NOTHING_TAKEN_MAX: Duration = Duration::from_secs(60);
/// Each second of slowness beyond that must be earned by so many bytes taken.
const TAKEN_A_SECOND_MIN: usize = 4 * 1_024;

/// The calls that are under way.
#[derive(Default)]
pub struct Visits {
    /// Dead ones leave at the next look.
    visits: Mutex<Vec<Weak<Visit>>>,
}

/// One call; dropped with its connection.
pub struct Visit {
    ending: Option<Ending>,
    state: Mutex<State>,
}

struct State {
    token: Option<Token>,
    /// Since when the answer waits for the client; none: the client waits for us, or there is no answer yet.
    waiting: Option<Instant>,
    /// How long it may.
    credit: Duration,
    request_id: String,
    route: String,
}

struct Token {
    id: String,
    is_recognised: bool,
}

impl Visits {
    /// Begins to look at a connection whose end is in its data.
    pub fn watch(&self, data: &mut Extensions) {
        let state = State {
            token: None,
            waiting: None,
            credit: NOTHING_TAKEN_MAX,
            request_id: String::new(),
            route: String::new(),
        };
        let visit = Arc::new(Visit { ending: data.get::<Ending>().cloned(), state: Mutex::new(state) });
        self.visits.lock().push(Arc::downgrade(&visit));
        data.insert(visit);
    }

    /// Looks again and again, until this is over.
    pub async fn run(&self, ended: impl Future<Output = ()>) {
        let mut ended = std::pin::pin!(ended);
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => self.look(),
                () = &mut ended => return,
            }
        }
    }

    /// Ends what is taken too slowly.
    fn look(&self) {
        let now = Instant::now();
        self.visits.lock().retain(|visit| {
            let Some(visit) = visit.upgrade() else { return false };
            let mut state = visit.state.lock();
            if state.is_overdue(now) {
                state.waiting = None;
                tracing::warn!(request.id = state.request_id, request.route = state.route, "admin.given-up");
                visit.end();
            }
            true
        });
    }

    /// How many recognised calls of a token are under way, beside this one.
    pub fn of_token(&self, id: &str, but: Option<&Arc<Visit>>) -> u64 {
        self.each_of(id, but).iter().filter(|visit| visit.is_recognised()).count() as u64
    }

    /// Ends the calls of a token, beside this one.
    pub fn end_token(&self, id: &str, but: Option<&Arc<Visit>>) {
        self.each_of(id, but).iter().for_each(|visit| visit.end());
    }

    fn each_of(&self, id: &str, but: Option<&Arc<Visit>>) -> Vec<Arc<Visit>> {
        let all: Vec<_> = self.visits.lock().iter().filter_map(Weak::upgrade).collect();
        let is_of = |visit: &Arc<Visit>| {
            let state = visit.state.lock();
            state.token.as_ref().is_some_and(|token| token.id == id)
        };
        let is_but = |visit: &Arc<Visit>| but.is_some_and(|but| Arc::ptr_eq(but, visit));
        all.into_iter().filter(|visit| is_of(visit) && !is_but(visit)).collect()
    }
}

impl Visit {
    /// Ends its connection.
    pub fn end(&self) {
        if let Some(ending) = &self.ending {
            ending.end();
        }
    }

    /// It presents the token with this id. To be said before the token is looked up: whoever revokes it in between then
    /// finds the call here, or the call does not find the token.
    pub fn presents(&self, id: &str) {
        self.state.lock().token = Some(Token { id: id.to_owned(), is_recognised: false });
    }

    /// The token is the right one.
    pub fn recognised(&self) {
        if let Some(token) = &mut self.state.lock().token {
            token.is_recognised = true;
        }
    }

    fn is_recognised(&self) -> bool {
        self.state.lock().token.as_ref().is_some_and(|token| token.is_recognised)
    }
}

impl State {
    /// From now on the client has to take what it was given.
    fn give(&mut self, bytes: usize, now: Instant) {
        let earned = Duration::from_secs_f64(bytes as f64 / TAKEN_A_SECOND_MIN as f64);
        self.credit = self.credit.min(NOTHING_TAKEN_MAX) + earned;
        self.waiting = Some(now);
    }

    /// The client has taken it, and waits for more.
    fn taken(&mut self, now: Instant) {
        if let Some(since) = self.waiting.take() {
            self.credit = self.credit.saturating_sub(now.duration_since(since));
        }
    }

    fn is_overdue(&self, now: Instant) -> bool {
        self.waiting.is_some_and(|since| now.duration_since(since) > self.credit)
    }
}

/// Middleware, the outermost one: notes how fast the answer is taken.
///
/// # Errors
/// Those of the service below.
pub async fn visited(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let visit = request.conn_data::<Arc<Visit>>().cloned();
    let response = next.call(request).await?;
    let Some(visit) = visit else { return Ok(response.map_into_boxed_body()) };
    let mut state = visit.state.lock();
    state.request_id = request_id(response.request());
    state.route = response.request().match_pattern().unwrap_or_else(|| "-".to_owned());
    state.give(0, Instant::now());
    drop(state);
    Ok(response.map_body(|_, body| BoxBody::new(Given { body: body.boxed(), visit })))
}

/// An answer's body, with who takes it.
struct Given {
    body: BoxBody,
    visit: Arc<Visit>,
}

impl MessageBody for Given {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    /// The server asks for more when what it had is with the system: until then the client is waited for, from then on
    /// the client waits.
    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.visit.state.lock().taken(Instant::now());
        let chunk = ready!(Pin::new(&mut self.body).poll_next(context));
        let bytes = chunk.as_ref().map_or(0, |chunk| chunk.as_ref().map_or(0, Bytes::len));
        self.visit.state.lock().give(bytes, Instant::now());
        Poll::Ready(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let (request_id, route) = (String::new(), String::new());
        State { token: None, waiting: None, credit: NOTHING_TAKEN_MAX, request_id, route }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_may_pause_for_a_minute_and_earns_more_by_taking() {
        let mut state = state();
        let pass = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        state.give(0, Instant::now());
        pass(60).await;
        assert!(!state.is_overdue(Instant::now()));
        pass(1).await;
        assert!(state.is_overdue(Instant::now()), "nothing was taken");
        state.taken(Instant::now());
        pass(1_000).await;
        assert!(!state.is_overdue(Instant::now()), "it is our turn");
        // 4 kB a second go on for ever, however large the answer.
        for _ in 0..1_000 {
            state.give(40 * 1_024, Instant::now());
            pass(10).await;
            assert!(!state.is_overdue(Instant::now()));
            state.taken(Instant::now());
        }
        // A tenth of that does not.
        let mut seconds = 0;
        while !state.is_overdue(Instant::now()) {
            state.taken(Instant::now());
            state.give(4 * 1_024, Instant::now());
            pass(10).await;
            seconds += 10;
        }
        assert!(seconds <= 80, "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn speed_is_not_saved_up() {
        let mut state = state();
        for _ in 0..1_000 {
            state.give(1_000_000, Instant::now());
            state.taken(Instant::now());
        }
        state.give(4_096, Instant::now());
        tokio::time::advance(Duration::from_secs(400)).await;
        assert!(state.is_overdue(Instant::now()), "the last megabyte earns four minutes, and no more");
    }
}
