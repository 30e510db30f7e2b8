//! Reaching the server, and TLS with it.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::mail::failure::MailCode;
use crate::mail::smtp::wire::Stream;

/// So many addresses of one name are tried, and each so long.
const ADDRESSES_MAX: usize = 8;
const EACH_WITHIN: Duration = Duration::from_secs(4);

/// A connection to the first of the server's addresses that takes one.
pub(super) async fn reach(server: &str, port: u16, until: Instant) -> Result<TcpStream, MailCode> {
    let reached = async {
        let addresses = lookup_host((server, port)).await.ok()?;
        for address in addresses.take(ADDRESSES_MAX) {
            if let Ok(Ok(stream)) = timeout(EACH_WITHIN, TcpStream::connect(address)).await {
                return Some(stream);
            }
        }
        None
    };
    timeout_at(until, reached).await.ok().flatten().ok_or(MailCode::Unreachable)
}

/// TLS with the server, whose certificate has to be its own: by the authorities of this machine, or those that `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name.
pub(super) async fn encrypt(
    stream: impl Stream + 'static,
    server: &str,
    until: Instant,
) -> Result<Box<dyn Stream>, MailCode> {
    let name = ServerName::try_from(server.to_owned()).map_err(|_| MailCode::TlsFailed)?;
    let handshake = TlsConnector::from(Arc::new(config()?)).connect(name, stream);
    match timeout_at(until, handshake).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(_)) => Err(MailCode::TlsFailed),
        Err(_) => Err(MailCode::Slow),
    }
}

/// Made anew for each connection: authorities that were put right meanwhile count.
fn config() -> Result<ClientConfig, MailCode> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.and_then(BuilderVerifierExt::with_platform_verifier);
    builder.map(|builder| builder.with_no_client_auth()).map_err(|_| MailCode::NoAuthorities)
}
