//! `POST`, `GET /tokens` and `DELETE /tokens/{id}`: keys to the TCP door.

use std::sync::Arc;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use crate::http::admin::Desk;
use crate::http::admin::body::parse;
use crate::http::admin::credential::{Credential, is_token_id};
use crate::http::admin::operator::{By, CreateToken, ListTokens, RevokeToken};
use crate::http::admin::record::Moment;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::purpose::{Policy, Purpose, PurposeId};
use crate::store::Token;
use crate::trail::{Action, Entry, Reason, Role};

/// A name fits on a line of `tamis token list`.
const NAME_CHARS_MAX: usize = 64;

/// How long a token lives if nobody says.
const EXPIRES_DAYS_DEFAULT: i64 = 365;

/// How long a token may live.
const EXPIRES_DAYS_MAX: i64 = 730;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    name: String,
    role: String,
    #[serde(default)]
    purposes: Vec<String>,
    recipient: Option<String>,
    reason: Option<String>,
    expires_days: Option<i64>,
}

/// A new token's rights, checked.
#[derive(Debug, PartialEq, Eq)]
struct Rights {
    name: String,
    role: Role,
    purposes: Vec<PurposeId>,
    recipient: Option<String>,
    reason: Option<Reason>,
    expires_days: i64,
}

impl NewToken {
    /// Checks it against the purposes as they are declared now.
    fn rights(self, policy: &Policy) -> Result<Rights, ProblemCode> {
        let length = self.name.chars().count();
        if !(1..=NAME_CHARS_MAX).contains(&length)
            || self.name.trim().is_empty()
            || !self.name.chars().all(is_printable)
        {
            return Err(ProblemCode::TokenNameInvalid);
        }
        let expires_days = self.expires_days.unwrap_or(EXPIRES_DAYS_DEFAULT);
        if !(1..=EXPIRES_DAYS_MAX).contains(&expires_days) {
            return Err(ProblemCode::TokenExpiryInvalid);
        }
        let role = match Role::from_code(&self.role) {
            Some(role @ (Role::Viewer | Role::Exporter | Role::Officer | Role::Admin)) => role,
            Some(Role::Local | Role::System) | None => return Err(ProblemCode::TokenRoleInvalid),
        };
        if role != Role::Exporter {
            let plain = self.purposes.is_empty() && self.recipient.is_none() && self.reason.is_none();
            let none = (Vec::new(), None, None);
            let (purposes, recipient, reason) = plain.then_some(none).ok_or(ProblemCode::TokenNotExporter)?;
            return Ok(Rights { name: self.name, role, purposes, recipient, reason, expires_days });
        }
        let purposes = declared(&self.purposes, policy)?;
        let listed =
            |recipient: &String| purposes.iter().all(|purpose| purpose.recipients.contains(recipient));
        let recipient = self.recipient.filter(listed).ok_or(ProblemCode::TokenRecipientInvalid)?;
        let reason = self.reason.as_deref().and_then(Reason::from_code);
        Ok(Rights {
            name: self.name,
            role,
            purposes: purposes.iter().map(|purpose| purpose.id.clone()).collect(),
            recipient: Some(recipient),
            reason: Some(reason.ok_or(ProblemCode::TokenReasonInvalid)?),
            expires_days,
        })
    }
}

/// At least one purpose, each declared, each once.
fn declared(names: &[String], policy: &Policy) -> Result<Vec<Arc<Purpose>>, ProblemCode> {
    let mut purposes: Vec<Arc<Purpose>> = Vec::new();
    for name in names {
        let purpose = policy.purpose(name).ok_or(ProblemCode::TokenPurposesInvalid)?;
        if purposes.iter().any(|known| known.id == purpose.id) {
            return Err(ProblemCode::TokenPurposesInvalid);
        }
        purposes.push(Arc::clone(purpose));
    }
    if purposes.is_empty() { Err(ProblemCode::TokenPurposesInvalid) } else { Ok(purposes) }
}

/// Neither control characters nor what turns the direction of text or has no width: a name is shown in terminals, and
/// must not look like another.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        && !matches!(character, '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// Makes a token and shows its secret this once.
pub(super) async fn create(
    by: By<CreateToken>,
    desk: Data<Desk>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let rights = parse::<NewToken>(&body)?.rights(&desk.policy.pin())?;
    let credential = Credential::make(desk.random.as_ref()).map_err(|_| ProblemCode::Internal)?;
    let created_at = desk.clock.now();
    let life = SignedDuration::from_hours(24 * rights.expires_days);
    let expires_at = created_at.checked_add(life).map_err(|_| ProblemCode::TokenExpiryInvalid)?;
    let token = Token {
        id: credential.id().to_owned(),
        hash: credential.hash(),
        name: rights.name,
        role: rights.role,
        purposes: rights.purposes,
        recipient: rights.recipient,
        reason: rights.reason,
        created_at,
        expires_at,
    };
    let role = token.role;
    desk.store.create_token(token, Entry::by(&by.operator, Action::TokenCreated)).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor, token.id = credential.id(),
        token.role = %role, "token.created"
    );
    Ok(shown_once(&credential, expires_at))
}

#[derive(serde::Serialize)]
struct Created<'c> {
    id: &'c str,
    token: &'c str,
    expires_at: Moment,
}

fn shown_once(credential: &Credential, expires_at: Timestamp) -> HttpResponse {
    let text: Zeroizing<String> = credential.expose();
    let answer = Created { id: credential.id(), token: &text, expires_at: Moment(expires_at) };
    HttpResponse::Created().insert_header((CONTENT_TYPE, "application/json")).json(answer)
}

#[derive(serde::Serialize)]
struct Listed<'t> {
    id: &'t str,
    name: &'t str,
    role: Role,
    purposes: &'t [PurposeId],
    recipient: Option<&'t str>,
    reason: Option<Reason>,
    created_at: Moment,
    expires_at: Moment,
    expired: bool,
}

#[derive(serde::Serialize)]
struct All<'t> {
    tokens: Vec<Listed<'t>>,
}

/// All tokens, oldest first, without what is kept of their secrets.
pub(super) async fn list(_by: By<ListTokens>, desk: Data<Desk>) -> Result<HttpResponse, Problem> {
    let mut tokens = desk.store.tokens().await?;
    tokens.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let now = desk.clock.now();
    Ok(HttpResponse::Ok().json(All { tokens: tokens.iter().map(|token| listed(token, now)).collect() }))
}

fn listed(token: &Token, now: Timestamp) -> Listed<'_> {
    Listed {
        id: &token.id,
        name: &token.name,
        role: token.role,
        purposes: &token.purposes,
        recipient: token.recipient.as_deref(),
        reason: token.reason,
        created_at: Moment(token.created_at),
        expires_at: Moment(token.expires_at),
        expired: now >= token.expires_at,
    }
}

/// Takes a token back; the next call with it is refused.
pub(super) async fn revoke(
    by: By<RevokeToken>,
    desk: Data<Desk>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if !is_token_id(&id) {
        return Err(Problem::of(ProblemCode::TokenUnknown));
    }
    if !desk.store.revoke_token(&id, Entry::by(&by.operator, Action::TokenRevoked)).await? {
        return Err(Problem::of(ProblemCode::TokenUnknown));
    }
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor, token.id = %id, "token.revoked"
    );
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::admin::tests::policy;

    fn rights(body: &str) -> Result<Rights, ProblemCode> {
        parse::<NewToken>(body.as_bytes()).and_then(|new| new.rights(&policy()))
    }

    #[test]
    fn an_exporters_token_names_purposes_recipient_and_reason() {
        let full = rights(
            r#"{"name":"crm","role":"exporter","purposes":["devis"],"recipient":"crm","reason":"crm-sync"}"#,
        );
        let full = full.expect("rights");
        assert_eq!(full.purposes, vec![PurposeId::parse("devis").expect("a purpose")]);
        assert_eq!((full.recipient.as_deref(), full.reason), (Some("crm"), Some(Reason::CrmSync)));
        assert_eq!(full.expires_days, 365);
        for (change, code) in [
            (r#""purposes":[],"recipient":"crm","reason":"crm-sync""#, ProblemCode::TokenPurposesInvalid),
            (r#""purposes":["x"],"recipient":"crm","reason":"crm-sync""#, ProblemCode::TokenPurposesInvalid),
            (
                r#""purposes":["devis","devis"],"recipient":"crm","reason":"crm-sync""#,
                ProblemCode::TokenPurposesInvalid,
            ),
            // `lettre` does not list the recipient.
            (
                r#""purposes":["devis","lettre"],"recipient":"crm","reason":"crm-sync""#,
                ProblemCode::TokenRecipientInvalid,
            ),
            (r#""purposes":["devis"],"reason":"crm-sync""#, ProblemCode::TokenRecipientInvalid),
            (r#""purposes":["devis"],"recipient":"crm""#, ProblemCode::TokenReasonInvalid),
            (r#""purposes":["devis"],"recipient":"crm","reason":"x""#, ProblemCode::TokenReasonInvalid),
        ] {
            let body = format!(r#"{{"name":"crm","role":"exporter",{change}}}"#);
            assert_eq!(rights(&body), Err(code), "{body}");
        }
    }

    #[test]
    fn other_roles_carry_nothing_and_a_token_is_never_local() {
        assert!(rights(r#"{"name":"it","role":"admin","expires_days":1}"#).is_ok());
        assert!(rights(r#"{"name":"it","role":"viewer","purposes":[],"recipient":null}"#).is_ok());
        for change in [r#""purposes":["devis"]"#, r#""recipient":"crm""#, r#""reason":"audit""#] {
            let body = format!(r#"{{"name":"it","role":"officer",{change}}}"#);
            assert_eq!(rights(&body), Err(ProblemCode::TokenNotExporter), "{body}");
        }
        for role in ["local", "system", "Admin", ""] {
            let body = format!(r#"{{"name":"it","role":"{role}"}}"#);
            assert_eq!(rights(&body), Err(ProblemCode::TokenRoleInvalid), "{role}");
        }
    }

    #[test]
    fn names_are_printable_and_lives_are_bounded() {
        for name in ["", "   ", "a\\nb", "\\u001b[31m", "\\u202egpj", &"x".repeat(65)] {
            let body = format!(r#"{{"name":"{name}","role":"viewer"}}"#);
            assert_eq!(rights(&body), Err(ProblemCode::TokenNameInvalid), "{name}");
        }
        assert!(rights(&format!(r#"{{"name":"{}","role":"viewer"}}"#, "é".repeat(64))).is_ok());
        for days in [0, -1, 731] {
            let body = format!(r#"{{"name":"it","role":"viewer","expires_days":{days}}}"#);
            assert_eq!(rights(&body), Err(ProblemCode::TokenExpiryInvalid), "{days}");
        }
        assert_eq!(rights(r#"{"name":"it","role":"viewer","admin":true}"#), Err(ProblemCode::BodyInvalid));
    }
}
