//! What is refused, and how: FastAPI's forms with the contract's texts
//! (contract §2, "REST errors"), and the texts of `error` frames.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use tertulia_domain::error::UploadRefusal;
use tertulia_domain::{Conflict, Denial, Entity, Error, Reason};
use utoipa::ToSchema;

use crate::common::time::whole_seconds;

/// What was not done, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    detail: Detail,
    /// When to try again, where waiting helps.
    retry_after: Option<Duration>,
}

#[derive(Debug)]
enum Detail {
    Text(Cow<'static, str>),
    Fields(Vec<Wrong>),
}

/// Why a request was refused.
#[derive(Serialize, ToSchema)]
#[schema(as = izpochat::Error)]
pub(super) struct ErrorBody<'a> {
    /// A text for people.
    #[schema(value_type = String, example = "Room not found")]
    detail: &'a str,
}

/// Which fields were wrong, in FastAPI's form.
#[derive(Serialize, ToSchema)]
#[schema(as = izpochat::ValidationError)]
pub(super) struct ValidationBody<'a> {
    /// Each wrong field.
    #[schema(value_type = Vec<Wrong>)]
    detail: &'a [Wrong],
}

/// One wrong field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = izpochat::WrongField)]
pub(super) struct Wrong {
    /// Pydantic's word for what is wrong.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// Where it is: `body`, `query` or `path`, and the name.
    pub(super) loc: Vec<Place>,
    /// The same for people.
    pub(super) msg: Cow<'static, str>,
    /// What was there instead; never a password.
    pub(super) input: Value,
}

/// A step on the way to a field.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = izpochat::Place)]
pub(super) enum Place {
    /// By name.
    Name(&'static str),
    /// By position.
    At(usize),
}

impl Refusal {
    pub(super) const ACCESS_DENIED: &'static str = "Access denied to this room";
    pub(super) const ALREADY_IN_ROOM: &'static str = "User is already in this room";
    const SERVICE_AWAY: &'static str = "Servicio no disponible. Prueba de nuevo en unos segundos";

    /// A refusal with one text.
    pub(super) const fn new(status: StatusCode, text: &'static str) -> Self {
        Self {
            status,
            detail: Detail::Text(Cow::Borrowed(text)),
            retry_after: None,
        }
    }

    pub(super) const fn not_authenticated() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Not authenticated")
    }

    pub(super) const fn wrong_scheme() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Invalid authentication credentials")
    }

    pub(super) const fn inactive() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Inactive user")
    }

    pub(super) const fn owner_only() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Only room owner can perform this action",
        )
    }

    pub(super) const fn not_in_room() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "User is not in this room")
    }

    pub(super) const fn owner_stays() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "Room owner cannot leave their own room",
        )
    }

    pub(super) const fn room_mismatch() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Room ID mismatch")
    }

    pub(super) const fn empty_message() -> Self {
        Self::new(StatusCode::BAD_REQUEST, EMPTY_MESSAGE)
    }

    pub(super) const fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large")
    }

    pub(super) const fn timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "Request timeout")
    }

    pub(super) const fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }

    pub(super) const fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
    }

    pub(super) const fn malformed_body() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "There was an error parsing the body",
        )
    }

    pub(super) const fn not_own_file() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "No tienes permisos para eliminar este archivo",
        )
    }

    pub(super) fn too_many_files(most: usize) -> Self {
        let text = match most {
            1 => "Solo un archivo por vez".to_owned(),
            most => format!("Máximo {most} archivos por vez"),
        };
        Self::with_text(StatusCode::BAD_REQUEST, text)
    }

    /// A form has no file in this field, or only a text.
    pub(super) fn no_file(field: &'static str, is_text: bool) -> Self {
        let (kind, msg) = if is_text {
            (
                "value_error",
                "Value error, Expected UploadFile, received: <class 'str'>",
            )
        } else {
            ("missing", "Field required")
        };
        Self::fields(vec![Wrong {
            kind,
            loc: vec![Place::Name("body"), Place::Name(field)],
            msg: msg.into(),
            input: Value::Null,
        }])
    }

    /// A file that was not taken; `said_type` is what its sender says it is, cut,
    /// since it comes from outside.
    pub(super) fn of_file(error: Error, said_type: Option<&str>) -> Self {
        const MOST: usize = 100;
        match error {
            Error::Upload(UploadRefusal::TypeNotAllowed | UploadRefusal::TypeMismatch) => {
                let said = said_type.unwrap_or("application/octet-stream");
                let said: String = said.chars().take(MOST).collect();
                let text = format!("Tipo de archivo no permitido: {said}");
                Self::with_text(StatusCode::BAD_REQUEST, text)
            }
            other => other.into(),
        }
    }

    fn with_text(status: StatusCode, text: String) -> Self {
        Self {
            status,
            detail: Detail::Text(text.into()),
            retry_after: None,
        }
    }

    /// What it says to people.
    pub(super) fn into_text(self) -> String {
        match self.detail {
            Detail::Text(text) => text.into_owned(),
            Detail::Fields(wrong) => {
                let texts: Vec<_> = wrong.into_iter().map(|wrong| wrong.msg).collect();
                texts.join("; ")
            }
        }
    }

    /// Fields that are wrong; at least one.
    pub(super) fn fields(wrong: Vec<Wrong>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            detail: Detail::Fields(wrong),
            retry_after: None,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

/// The one translation of the domain's errors into this dialect's answers.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(entity) => not_found(entity),
            Error::Forbidden(denial) => forbidden(denial),
            Error::InvalidCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "Incorrect username or password")
            }
            Error::InvalidToken => {
                Self::new(StatusCode::UNAUTHORIZED, "Could not validate credentials")
            }
            Error::Invalid {
                field: "text",
                reason: Reason::Empty,
            } => Self::empty_message(),
            Error::Invalid { field, reason } => Self::fields(vec![invalid(field, reason)]),
            Error::Conflict(conflict) => collides(conflict),
            Error::Upload(refused) => upload(refused),
            Error::SlowDown { retry_after } => {
                let text = format!(
                    "Demasiados intentos. Espera {} s y prueba de nuevo",
                    whole_seconds(retry_after)
                );
                Self {
                    status: StatusCode::TOO_MANY_REQUESTS,
                    detail: Detail::Text(text.into()),
                    retry_after: Some(retry_after),
                }
            }
            Error::Unavailable(cause) => {
                tracing::error!(%cause, "a request could not be served");
                Self {
                    retry_after: Some(Duration::from_secs(1)),
                    ..Self::new(StatusCode::SERVICE_UNAVAILABLE, Self::SERVICE_AWAY)
                }
            }
        }
    }
}

fn not_found(entity: Entity) -> Refusal {
    let text = match entity {
        Entity::User | Entity::Member => "User not found",
        Entity::Room | Entity::Invite => "Room not found",
        Entity::Message => "Message not found",
        Entity::File => "Archivo no encontrado",
        Entity::Session => return Error::InvalidToken.into(),
    };
    Refusal::new(StatusCode::NOT_FOUND, text)
}

fn forbidden(denial: Denial) -> Refusal {
    match denial {
        Denial::NotMember | Denial::Banned | Denial::InviteNeeded | Denial::DirectRoom => {
            Refusal::new(StatusCode::FORBIDDEN, Refusal::ACCESS_DENIED)
        }
        Denial::RoleTooLow | Denial::NotAuthor => Refusal::owner_only(),
        Denial::Suspended => Refusal::inactive(),
    }
}

fn collides(conflict: Conflict) -> Refusal {
    let text = match conflict {
        Conflict::UsernameTaken => "Username already taken",
        Conflict::EmailTaken => "Email already registered",
        Conflict::AlreadyMember => Refusal::ALREADY_IN_ROOM,
        Conflict::RoomExists
        | Conflict::ClientIdReused
        | Conflict::DirectWithSelf
        | Conflict::MessageDeleted
        | Conflict::TooManyConnections => "No se puede hacer",
    };
    Refusal::new(StatusCode::BAD_REQUEST, text)
}

fn upload(refused: UploadRefusal) -> Refusal {
    let (status, text) = match refused {
        UploadRefusal::Empty => (
            StatusCode::BAD_REQUEST,
            Cow::Borrowed("El archivo está vacío"),
        ),
        UploadRefusal::TooLarge { max } => (StatusCode::PAYLOAD_TOO_LARGE, too_large(max)),
        UploadRefusal::OverQuota { max } => (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "No queda espacio para tus archivos. Máximo: {}MB",
                mega(max)
            )
            .into(),
        ),
        UploadRefusal::TooManyUploads
        | UploadRefusal::Busy
        | UploadRefusal::WrongOffset
        | UploadRefusal::TooManyParts => (
            StatusCode::TOO_MANY_REQUESTS,
            "Demasiadas subidas a la vez".into(),
        ),
        UploadRefusal::TypeNotAllowed | UploadRefusal::TypeMismatch => (
            StatusCode::BAD_REQUEST,
            "Tipo de archivo no permitido".into(),
        ),
    };
    Refusal {
        status,
        detail: Detail::Text(text),
        retry_after: None,
    }
}

/// Contract §3: the text of a file that is larger than allowed.
fn too_large(max: u64) -> Cow<'static, str> {
    format!("Archivo muy grande. Máximo permitido: {}MB", mega(max)).into()
}

fn mega(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}

/// A field that the domain finds wrong, in the words of Pydantic.
fn invalid(field: &'static str, reason: Reason) -> Wrong {
    let (kind, msg): (_, Cow<'static, str>) = match reason {
        Reason::Missing => ("missing", "Field required".into()),
        Reason::Empty => (
            "string_too_short",
            "String should have at least 1 character".into(),
        ),
        Reason::TooLong { max } => (
            "string_too_long",
            format!("String should have at most {max} characters").into(),
        ),
        Reason::TooShort { min } => (
            "string_too_short",
            format!("String should have at least {min} characters").into(),
        ),
        Reason::Malformed => ("value_error", "Value has the wrong form".into()),
        Reason::NotAllowed => ("value_error", "Value is not allowed here".into()),
        Reason::TooCommon => ("value_error", "Password is too common".into()),
    };
    Wrong {
        kind,
        loc: vec![Place::Name("body"), Place::Name(wire_name(field))],
        msg,
        input: Value::Null,
    }
}

/// The domain names fields as `/v1` does; this wire has its own names.
fn wire_name(field: &'static str) -> &'static str {
    match field {
        "display_name" => "full_name",
        "title" => "name",
        "text" => "content",
        "visibility" => "is_private",
        "files" | "file_ids" => "file_id",
        other => other,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = match &self.detail {
            Detail::Text(text) => Json(ErrorBody { detail: text }).into_response(),
            Detail::Fields(wrong) => Json(ValidationBody { detail: wrong }).into_response(),
        };
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        response
    }
}

pub(super) const EMPTY_MESSAGE: &str = "Mensaje vacío";
/// The frame is no JSON.
pub(super) const MALFORMED_FRAME: &str = "Formato de mensaje inválido";
/// It is JSON, but cannot be acted upon.
pub(super) const WRONG_FRAME: &str = "Error procesando mensaje: revisa los campos";
const NOT_SENT: &str = "Error enviando mensaje: prueba de nuevo en unos segundos";

/// What a socket is told when its message was not taken (contract §3): fixed
/// texts, nothing from inside.
pub(super) fn not_sent(error: Error) -> Cow<'static, str> {
    match error {
        Error::Invalid {
            field: "text",
            reason: Reason::Empty,
        } => EMPTY_MESSAGE.into(),
        Error::Invalid {
            field: "text",
            reason: Reason::TooLong { max },
        } => format!("Error enviando mensaje: admite {max} caracteres como máximo").into(),
        Error::NotFound(Entity::File) => "Archivo no encontrado".into(),
        Error::Forbidden(_) | Error::NotFound(_) => Refusal::ACCESS_DENIED.into(),
        Error::Unavailable(cause) => {
            tracing::error!(%cause, "a message could not be stored");
            NOT_SENT.into()
        }
        Error::InvalidCredentials
        | Error::InvalidToken
        | Error::Invalid { .. }
        | Error::Conflict(_)
        | Error::Upload(_)
        | Error::SlowDown { .. } => NOT_SENT.into(),
    }
}

/// Contract §3, for a type that nobody knows; cut, since it comes from outside.
pub(super) fn unknown_type(kind: &str) -> String {
    const MOST: usize = 100;
    let kind: String = kind.chars().take(MOST).collect();
    format!("Tipo de mensaje desconocido: {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_internal_is_said() {
        let away = || Error::unavailable("disk 7 at 10.0.0.3 is full");
        assert_eq!(not_sent(away()), NOT_SENT);
        let Detail::Text(text) = Refusal::from(away()).detail else {
            panic!("one text");
        };
        assert_eq!(text, Refusal::SERVICE_AWAY);
    }

    #[test]
    fn fields_bear_the_names_of_this_wire() {
        let long = Error::invalid("display_name", Reason::TooLong { max: 100 });
        let Detail::Fields(wrong) = Refusal::from(long).detail else {
            panic!("fields");
        };
        let wrong = serde_json::to_string(&wrong).expect("texts are JSON");
        insta::assert_snapshot!(wrong, @r#"[{"type":"string_too_long","loc":["body","full_name"],"msg":"String should have at most 100 characters","input":null}]"#);
    }

    #[test]
    fn an_endless_type_is_cut() {
        assert_eq!(unknown_type(&"ñ".repeat(5_000)).chars().count(), 29 + 100);
    }
}
