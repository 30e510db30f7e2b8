//! A word of health, without detail: what is wrong is for the admin side and the log.

use std::sync::Arc;

use actix_web::{HttpResponse, web};

/// Tells whether notifications are taken.
#[derive(Clone)]
pub struct Health(Arc<dyn Fn() -> bool + Send + Sync>);

impl Health {
    /// Asks this whenever somebody asks.
    pub fn new(ready: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(ready))
    }

    /// True if notifications are taken.
    pub fn is_ready(&self) -> bool {
        (self.0)()
    }
}

/// `GET /health/live`: the process answers.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("live")
}

/// `GET /health/ready`: notifications are taken.
pub async fn ready(health: web::Data<Health>) -> HttpResponse {
    let (mut answer, word) = match health.is_ready() {
        true => (HttpResponse::Ok(), "ready"),
        false => (HttpResponse::ServiceUnavailable(), "not-ready"),
    };
    answer.content_type("text/plain; charset=utf-8").body(word)
}
