//! What came in a request's head and may outlive no request: taken out before the server below reads it, since that one
//! keeps the heads of past requests for the next ones.

use std::rc::Rc;

use actix_web::{HttpMessage, HttpRequest};

use crate::secret::Wiped;

/// Wiped with the request. It is no header: whoever sends one of whatever name does not become it.
#[derive(Default)]
pub struct Arrival {
    authorization: Vec<Wiped<Vec<u8>>>,
    query: Wiped<String>,
}

impl Arrival {
    /// Of these `Authorization` lines, and this query where the target lost it.
    pub(in crate::http) fn new(authorization: Vec<Wiped<Vec<u8>>>, query: Option<&str>) -> Self {
        Self { authorization, query: Wiped::new(query.unwrap_or_default().to_owned()) }
    }

    /// The values of all `Authorization` lines.
    pub(in crate::http) fn authorization(&self) -> impl Iterator<Item = &[u8]> {
        self.authorization.iter().map(|value| value.as_slice())
    }

    /// The query as it was sent, if the target was to lose it.
    pub(in crate::http) fn query(&self) -> &str {
        &self.query
    }

    /// What came with this request; nothing, if it came on no connection of ours.
    pub(in crate::http) fn of(request: &HttpRequest) -> Rc<Self> {
        request.extensions().get::<Rc<Self>>().cloned().unwrap_or_default()
    }
}
