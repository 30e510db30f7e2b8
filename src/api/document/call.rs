//! One call, as the document describes it.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    Content, ContentBuilder, Header, HeaderBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
};

use crate::api::problem::{ProblemBody, ProblemCode};
use crate::api::schema::{of, whole, words};
use crate::trail::Role;

/// What the document calls the tokens of the TCP door.
pub(super) const TOKEN: &str = "token";

/// The most records or lines that one call hands out.
pub const LIMIT_MAX: usize = 10_000;

/// What a call hands out if it does not say.
pub const LIMIT_DEFAULT: usize = 1_000;

/// Whoever has a token.
pub(super) const ALL: &[Role] = &[Role::Viewer, Role::Exporter, Role::Officer, Role::Admin];

/// How much a call hands out.
pub(super) fn limit() -> ObjectBuilder {
    whole(1, LIMIT_MAX as u64).default(Some(LIMIT_DEFAULT.into()))
}

/// A call with all that its caller has to know.
pub struct Call {
    /// `GET`, `POST`, `DELETE`.
    pub method: HttpMethod,
    /// Below `/admin/v1`, with its parameters in braces.
    pub path: &'static str,
    /// Whose tokens may; the command line on the host always may. None: everybody, and without a token.
    pub roles: Option<&'static [Role]>,
    /// True if the caller says why, in `Tamis-Reason`, unless its token does.
    pub reason: bool,
    operation: OperationBuilder,
    good: Vec<(&'static str, Response)>,
    problems: Vec<ProblemCode>,
}

impl Call {
    /// A call that everybody may make.
    pub(super) fn new(
        method: HttpMethod,
        path: &'static str,
        id: &str,
        summary: &str,
        description: &str,
    ) -> Self {
        let operation = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(summary))
            .description(Some(description));
        let problems = vec![ProblemCode::Internal];
        Self { method, path, roles: None, reason: false, operation, good: Vec::new(), problems }
    }

    /// Only these roles may. A token is looked up in the store, which may fail.
    pub(super) fn roles(mut self, roles: &'static [Role]) -> Self {
        self.roles = Some(roles);
        let whose = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>();
        self.operation = self
            .operation
            .security(SecurityRequirement::new::<_, [&str; 0], &str>(TOKEN, []))
            .extensions(Some(Extensions::builder().add("x-tamis-roles", json!(whose)).build()));
        self.refused(&[
            ProblemCode::TokenMissing,
            ProblemCode::TokenRefused,
            ProblemCode::PeerRefused,
            ProblemCode::RoleInsufficient,
            ProblemCode::DiskFull,
            ProblemCode::StoreUnavailable,
            ProblemCode::StoreFailed,
        ])
    }

    /// The caller says why.
    pub(super) fn reason(mut self, fixed_on_token: bool) -> Self {
        self.reason = true;
        let by_list: RefOr<Schema> = Ref::from_schema_name("Reason").into();
        let (required, schema, said) = match fixed_on_token {
            false => (Required::True, by_list, "Why; it stands in the trail."),
            // A token's call may say what it likes.
            true => (
                Required::False,
                of(Type::String).into(),
                "Why, a `Reason`; it stands in the trail. On the socket alone, and needed there: a token has its own, \
                 and what its call says does not count.",
            ),
        };
        self.parameter(ParameterIn::Header, "Tamis-Reason", required, schema, said)
            .refused(&[ProblemCode::ReasonMissing, ProblemCode::ReasonUnknown])
    }

    /// The same, for one of these reasons alone.
    pub(super) fn reason_of(mut self, grounds: impl Into<RefOr<Schema>>) -> Self {
        self.reason = true;
        self.parameter(
            ParameterIn::Header,
            "Tamis-Reason",
            Required::True,
            grounds,
            "Why; it stands in the trail.",
        )
        .refused(&[ProblemCode::ReasonMissing, ProblemCode::ReasonUnknown])
    }

    /// The caller says why, in the body or in the header.
    pub(super) fn reason_also_in_body(self) -> Self {
        self.parameter(
            ParameterIn::Header,
            "Tamis-Reason",
            Required::False,
            Ref::from_schema_name("Reason"),
            "Why, where the body does not say it; it stands in the trail.",
        )
        .refused(&[ProblemCode::ReasonMissing, ProblemCode::ReasonUnknown])
    }

    /// The caller may say why: a call that has a reason of itself.
    pub(super) fn reason_of_itself(self) -> Self {
        self.parameter(
            ParameterIn::Header,
            "Tamis-Reason",
            Required::False,
            Ref::from_schema_name("Reason"),
            "Why; it stands in the trail. Absent: `person-request`.",
        )
        .refused(&[ProblemCode::ReasonUnknown])
    }

    /// A parameter.
    pub(super) fn parameter(
        mut self,
        place: ParameterIn,
        name: &str,
        required: Required,
        schema: impl Into<RefOr<Schema>>,
        said: &str,
    ) -> Self {
        let parameter: Parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .schema(Some(schema))
            .description(Some(said))
            .build();
        self.operation = self.operation.parameter(parameter);
        self
    }

    /// A JSON body of this shape.
    pub(super) fn body<T: ToSchema>(mut self) -> Self {
        let body = RequestBodyBuilder::new()
            .required(Some(Required::True))
            .description(Some("JSON, at most 4,096 bytes."))
            .content("application/json", Content::new(Some(Ref::from_schema_name(T::name()))));
        self.operation = self.operation.request_body(Some(body.build()));
        self.refused(&[
            ProblemCode::RequestInvalid,
            ProblemCode::RequestTimeout,
            ProblemCode::BodyInvalid,
            ProblemCode::BodyTooLarge,
        ])
    }

    /// A good answer: one JSON document of this shape.
    pub(super) fn json<T: ToSchema>(self, status: &'static str, said: &str) -> Self {
        let content = Content::new(Some(Ref::from_schema_name(T::name())));
        self.answer(status, said, [("application/json", content)], [])
    }

    /// A good answer of these kinds, with these headers.
    pub(super) fn answer<const K: usize, const H: usize>(
        mut self,
        status: &'static str,
        said: &str,
        kinds: [(&str, Content); K],
        headers: [(&str, Header); H],
    ) -> Self {
        let mut response = ResponseBuilder::new().description(said).header("Tamis-Request-Id", request_id());
        for (kind, content) in kinds {
            response = response.content(kind, content);
        }
        for (name, header) in headers {
            response = response.header(name, header);
        }
        self.good.push((status, response.build()));
        self
    }

    /// Why it may be refused, beside what its roles, reason and body bring along.
    pub(super) fn refused(mut self, problems: &[ProblemCode]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// What the document says of it.
    pub(super) fn operation(self) -> Operation {
        let problems = self.by_status();
        let mut operation = self.operation;
        for (status, response) in self.good {
            operation = operation.response(status, response);
        }
        for (status, codes) in problems {
            operation = operation.response(status.to_string(), problem(status, &codes));
        }
        operation.build()
    }

    fn by_status(&self) -> BTreeMap<u16, Vec<ProblemCode>> {
        let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
        for code in &self.problems {
            let codes = by_status.entry(code.status_and_title().0).or_default();
            if !codes.contains(code) {
                codes.push(*code);
            }
        }
        by_status
    }
}

/// Lines of JSON. What a line is stands in an extension: OpenAPI 3.1 has no word for it, 3.2 has (`itemSchema`).
pub(super) fn lines<T: ToSchema>() -> Content {
    let line = json!({ "$ref": format!("#/components/schemas/{}", T::name()) });
    ContentBuilder::new()
        .schema(Some(of(Type::String)))
        .extensions(Some(Extensions::builder().add("x-item-schema", line).build()))
        .build()
}

/// Text that has no shape.
pub(super) fn plain(said: &str) -> Content {
    Content::new(Some(of(Type::String).description(Some(said))))
}

/// A header of this shape.
pub(super) fn header(schema: impl Into<RefOr<Schema>>, said: &str) -> Header {
    HeaderBuilder::new().schema(Some(schema)).description(Some(said)).build()
}

fn request_id() -> Header {
    let digits = of(Type::String).pattern(Some("^[0-9a-f]{16}$"));
    header(digits, "The number of the request, as in tamis' log.")
}

/// A problem whose code is one of these.
fn problem(status: u16, codes: &[ProblemCode]) -> Response {
    let said: Vec<String> =
        codes.iter().map(|code| format!("- `{code}`: {}", code.status_and_title().1)).collect();
    let only = of(Type::Object)
        .property("status", whole(status.into(), status.into()))
        .property("code", words(codes.iter().map(|code| code.as_str())));
    let shape = AllOfBuilder::new().item(Ref::from_schema_name(ProblemBody::name())).item(only);
    let mut response = ResponseBuilder::new()
        .description(said.join("\n"))
        .content("application/problem+json", Content::new(Some(shape)))
        .header("Tamis-Request-Id", request_id());
    if status == 401 {
        response = response.header("WWW-Authenticate", header(words(["Bearer"]), "RFC 6750."));
    }
    if matches!(status, 429 | 503) {
        response = response.header("Retry-After", header(whole(1, 3600), "Seconds to wait."));
    }
    response.build()
}
