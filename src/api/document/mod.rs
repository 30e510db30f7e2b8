//! The OpenAPI 3.1 document of the admin side, made from the shapes and one table of calls.

mod asking_calls;
mod call;
mod calls;
mod change_calls;
mod form_calls;
mod inbox_calls;
mod request_calls;
mod rights;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use utoipa::ToSchema;
use utoipa::openapi::path::{PathItem, PathsBuilder};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server};

use crate::api::access::{Access, AccessFile};
use crate::api::backups::{BackUp, BackedUp, Vacuumed};
use crate::api::bounces::{Bounce, Bounced};
use crate::api::changes::{ChangeList, ChangesApplied, FeedList};
use crate::api::clock::Confirmed;
use crate::api::consents::{Confirm, Withdraw, Withdrawal, Yes};
use crate::api::corrections::{Corrected, Correction};
use crate::api::erasures::{Erase, Erased, ErasureShown, ReceiptKey, ToBeErased, WouldErase};
use crate::api::evidence::ConsentRecord;
use crate::api::find::{Find, Found};
use crate::api::findings::{Findings, FormFindings};
use crate::api::forms::{FormRevision, Forms, Revisions};
use crate::api::inbox::{DropHeld, HeldDropped, Inbox, PageRetried, Requeue, Requeued, RetryPage};
use crate::api::leads::LeadPage;
use crate::api::passes::{GivePass, GivenPasses};
use crate::api::problem::ProblemBody;
use crate::api::purposes::Purposes;
use crate::api::reconfirmations::{
    AskingRun, DueList, ListDue, PauseAsking, Reconfirmations, SaidAsked, SayAsked,
};
use crate::api::requests::{AnswerRequest, ExtendRequest, OpenRequest, PersonRequest, RequestList};
use crate::api::restrictions::{Restrict, Restricted, RestrictedAll, RestrictionList};
use crate::api::status::Status;
use crate::api::suppressions::{
    RemoveSuppression, Suppress, Suppressed, SuppressionList, SuppressionsRemoved,
};
use crate::api::tokens::{CreatedToken, NewToken, Tokens};
use crate::api::trail::{TrailCheckpoint, TrailLine};
use crate::trail::Reason;

pub use call::{Call, LIMIT_DEFAULT, LIMIT_MAX};
pub use calls::calls;

/// Where all calls are.
pub const BASE: &str = "/admin/v1";

const ABOUT: &str = "\
The admin side of tamis, behind two doors: a Unix socket, whose caller the kernel vouches for (root or the daemon's \
user, who may make every call), and TCP, where a token does. docs/api.md has the rules for clients.

Beyond what the calls declare: an address that is not here answers 404 `not-found`, another method 405 \
`method-not-allowed` with `Allow`. What is no HTTP, or may be read in two ways, is answered 400 `request-invalid`; a head \
that comes too slowly 408 `request-timeout`, one that is too large 431 `head-too-large`; where all connections are at work, \
a new one 503 `busy`. All of them as `application/problem+json`, and the connection is closed. Members and words may be added to answers: ignore what you \
do not know.";

/// The document, as `GET /openapi.json` answers and as docs/openapi.json has it.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let pretty = document().to_pretty_json();
        pretty.map(|text| text + "\n").unwrap_or_default()
    });
    &TEXT
}

/// The document.
fn document() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for call in calls() {
        // What is there already of this path is kept: each method is one more of it.
        let (path, method) = (call.path, call.method.clone());
        paths = paths.path(path, PathItem::new(method, call.operation()));
    }
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("ID.SECRET")
        .description(Some("At the TCP door. The socket needs none."));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas())
        .security_scheme(call::TOKEN, SecurityScheme::Http(token.build()));
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0"));
    let info = InfoBuilder::new()
        .title("tamis")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license.build()));
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([Server::new(BASE)]))
        .paths(paths.build())
        .components(Some(components.build()))
        .build()
}

/// Every shape that the document names, and what they are made of.
fn schemas() -> Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)> {
    fn with<T: ToSchema>(all: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        all.push((T::name().into_owned(), T::schema()));
        T::schemas(all);
    }
    let mut all = Vec::new();
    with::<Status>(&mut all);
    with::<Purposes>(&mut all);
    with::<LeadPage>(&mut all);
    with::<ChangeList>(&mut all);
    with::<ChangesApplied>(&mut all);
    with::<FeedList>(&mut all);
    with::<Forms>(&mut all);
    with::<Revisions>(&mut all);
    with::<FormRevision>(&mut all);
    with::<Findings>(&mut all);
    with::<FormFindings>(&mut all);
    with::<Inbox>(&mut all);
    with::<Requeue>(&mut all);
    with::<Requeued>(&mut all);
    with::<RetryPage>(&mut all);
    with::<PageRetried>(&mut all);
    with::<DropHeld>(&mut all);
    with::<HeldDropped>(&mut all);
    with::<ConsentRecord>(&mut all);
    with::<Find>(&mut all);
    with::<Found>(&mut all);
    with::<Access>(&mut all);
    with::<AccessFile>(&mut all);
    with::<Erase>(&mut all);
    with::<Erased>(&mut all);
    with::<WouldErase>(&mut all);
    with::<ToBeErased>(&mut all);
    with::<ErasureShown>(&mut all);
    with::<ReceiptKey>(&mut all);
    with::<Correction>(&mut all);
    with::<Corrected>(&mut all);
    with::<Withdraw>(&mut all);
    with::<Withdrawal>(&mut all);
    with::<Confirm>(&mut all);
    with::<Yes>(&mut all);
    with::<GivePass>(&mut all);
    with::<GivenPasses>(&mut all);
    with::<Restrict>(&mut all);
    with::<Restricted>(&mut all);
    with::<RestrictedAll>(&mut all);
    with::<RestrictionList>(&mut all);
    with::<Bounce>(&mut all);
    with::<Bounced>(&mut all);
    with::<Reconfirmations>(&mut all);
    with::<AskingRun>(&mut all);
    with::<PauseAsking>(&mut all);
    with::<ListDue>(&mut all);
    with::<DueList>(&mut all);
    with::<SayAsked>(&mut all);
    with::<SaidAsked>(&mut all);
    with::<OpenRequest>(&mut all);
    with::<ExtendRequest>(&mut all);
    with::<AnswerRequest>(&mut all);
    with::<PersonRequest>(&mut all);
    with::<RequestList>(&mut all);
    with::<NewToken>(&mut all);
    with::<CreatedToken>(&mut all);
    with::<Tokens>(&mut all);
    with::<Suppress>(&mut all);
    with::<RemoveSuppression>(&mut all);
    with::<SuppressionList>(&mut all);
    with::<Suppressed>(&mut all);
    with::<SuppressionsRemoved>(&mut all);
    with::<BackUp>(&mut all);
    with::<BackedUp>(&mut all);
    with::<Vacuumed>(&mut all);
    with::<Confirmed>(&mut all);
    with::<TrailLine>(&mut all);
    with::<TrailCheckpoint>(&mut all);
    with::<Reason>(&mut all);
    with::<ProblemBody>(&mut all);
    all
}
