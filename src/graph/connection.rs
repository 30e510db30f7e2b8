//! Whether a call went over a new connection, or over one that was kept from another call.
//!
//! Graph may close a kept connection at the moment at which a call is written to it. Such a call says nothing of the lead
//! or of Graph: it is made once more, over a new connection. The HTTP client does not tell which kind it used, but it
//! connects within the call that needs it, where a layer around its connector sees it.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    static CONNECTED: Cell<bool>;
}

/// Runs a call. With its result comes whether it made a connection.
pub(super) async fn watched<T>(call: impl Future<Output = T>) -> (T, bool) {
    CONNECTED
        .scope(Cell::new(false), async {
            let result = call.await;
            (result, CONNECTED.with(Cell::get))
        })
        .await
}

/// Notes within [`watched`] that a connection was made.
#[derive(Clone)]
pub(super) struct Watch;

impl<S> Layer<S> for Watch {
    type Service = WatchedConnector<S>;

    fn layer(&self, connector: S) -> WatchedConnector<S> {
        WatchedConnector(connector)
    }
}

/// A connector that notes when it has connected.
#[derive(Clone)]
pub(super) struct WatchedConnector<S>(S);

impl<S, R> Service<R> for WatchedConnector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let connecting = self.0.call(to);
        Box::pin(async move {
            let connection = connecting.await?;
            // A connection that was begun for a call and not needed by it is finished elsewhere: it is nobody's.
            let _ = CONNECTED.try_with(|connected| connected.set(true));
            Ok(connection)
        })
    }
}
