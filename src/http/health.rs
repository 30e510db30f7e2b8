//! A word of health, without detail: what is wrong is for the admin side and the log.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use futures_util::future::BoxFuture;

/// Tells whether notifications are taken.
#[derive(Clone)]
pub struct Health(Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>);

impl Health {
    /// Asks this whenever somebody asks.
    pub fn new<F>(ready: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(ready())))
    }

    /// True if notifications are taken.
    pub async fn is_ready(&self) -> bool {
        (self.0)().await
    }
}

/// `GET /health/live`: the process answers.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("live")
}

/// `GET /health/ready`: notifications are taken.
pub async fn ready(health: web::Data<Health>) -> HttpResponse {
    let (mut answer, word) = match health.is_ready().await {
        true => (HttpResponse::Ok(), "ready"),
        false => (HttpResponse::ServiceUnavailable(), "not-ready"),
    };
    answer.content_type("text/plain; charset=utf-8").body(word)
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::middleware::from_fn;
    use actix_web::{App, test};

    use super::*;
    use crate::http::problem::as_problems;
    use crate::http::server::health_routes;

    #[tokio::test]
    async fn health_is_a_word_and_no_problem() {
        for (is_ready, status, word) in [(true, 200, "ready"), (false, 503, "not-ready")] {
            let health = web::Data::new(Health::new(move || async move { is_ready }));
            let app = App::new().app_data(health).wrap(from_fn(as_problems)).configure(health_routes);
            let app = test::init_service(app).await;
            for (method, path, status, word) in [
                (Method::GET, "/health/ready", status, word),
                (Method::HEAD, "/health/ready", status, word),
                (Method::GET, "/health/live", 200, "live"),
                (Method::HEAD, "/health/live", 200, "live"),
            ] {
                let request = test::TestRequest::default().method(method.clone()).uri(path).to_request();
                let answer = test::call_service(&app, request).await;
                assert_eq!(answer.status(), status, "{method} {path}");
                // What goes to a HEAD is cut by the server below.
                assert_eq!(test::read_body(answer).await, word.as_bytes(), "{method} {path}");
            }
        }
    }
}
