//! The seam to the server's crates: an app, and the connections of ours on which it serves one request at a time.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{Extensions, HttpService, KeepAlive, Request};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_factory, fn_service, map_config,
};
use actix_web::Error;
use actix_web::dev::{AppConfig, ServiceResponse};

use crate::http::connection::exchange::Exchange;
use crate::http::connection::serving::{Hall, serve};
use crate::http::connection::socket::Socket;

/// How long whoever still sends is listened to after an answer that came early.
const LINGER: Duration = Duration::from_secs(1);

/// What a listener's threads make of the connections that they are given: this app serves their requests, and
/// `introduce` says more about them.
pub(in crate::http) fn attending<I, A, S, B>(
    app: A,
    keep_alive: KeepAlive,
    hall: Arc<Hall>,
    introduce: impl Fn(&Exchange, &mut Extensions) + 'static,
) -> impl ServiceFactory<I, Config = (), Response = (), Error = (), InitError = ()>
where
    I: Into<Socket> + 'static,
    A: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    let app = app.into_factory().map_err(|error| error.error_response());
    // Heads and idle connections have their deadlines before this one sees them.
    let http = HttpService::<Exchange, _, B>::build()
        .keep_alive(keep_alive)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(LINGER)
        .on_connect_ext(move |exchange: &Exchange, data: &mut Extensions| {
            exchange.introduce(data);
            introduce(exchange, data);
        })
        .h1(map_config(app, |()| AppConfig::default()));
    fn_factory(move || {
        let (making, hall) = (http.new_service(()), Arc::clone(&hall));
        async move {
            let http = Rc::new(making.await?);
            Ok(fn_service(move |socket: I| {
                let (http, hall) = (Rc::clone(&http), Arc::clone(&hall));
                async move {
                    serve(socket.into(), http, hall).await;
                    Ok(())
                }
            }))
        }
    })
}
