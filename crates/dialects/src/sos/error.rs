//! What people are told when something is refused: in a frame with `message` and
//! `error`, or over HTTP with `detail`, `error`, or a list of texts for each
//! wrong field. The texts are the contract's where it has one.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tertulia_domain::{Conflict, Denial, Entity, Error, Reason, UploadRefusal};

use super::encode::Frame;
use super::media::MediaField;
use crate::common::time::whole_seconds;

/// Why a request was refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    text: Cow<'static, str>,
    status: StatusCode,
    form: Form,
    retry_after: Option<Duration>,
}

/// The shape in which the contract says a refusal over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// `{"detail": text}`.
    Detail,
    /// `{"error": text}`.
    Error,
    /// `{field: [text]}`.
    Field(&'static str),
    /// The same text for several fields.
    Fields(Vec<&'static str>),
}

/// The field under which what is wrong with none in particular stands.
pub(super) const NO_FIELD: &str = "non_field_errors";

impl Refusal {
    // Contract §3, "Client → server".
    pub(super) const INVALID_JSON: Self = Self::error("Formato JSON inválido");
    // Contract §3, "REST".
    pub(super) const WRONG_CREDENTIALS: Self = Self::field(NO_FIELD, "Credenciales inválidas.");
    pub(super) const UNKNOWN_USER: Self = Self::error("Usuario no encontrado").with(NOT_FOUND);
    pub(super) const CHAT_WITH_ONESELF: Self = Self::error("No puedes crear un chat contigo mismo");
    pub(super) const ONE_PARTICIPANT: Self = Self::field(
        "participant_ids",
        "Los chats privados requieren exactamente 1 participante adicional.",
    );
    pub(super) const TWO_PARTICIPANTS: Self = Self::field(
        "participant_ids",
        "Los chats grupales requieren al menos 2 participantes adicionales.",
    );
    pub(super) const NAMELESS_GROUP: Self =
        Self::field("name", "Los chats grupales requieren un nombre.");
    pub(super) const NOT_FOUND: Self = Self::detail("No encontrado.").with(NOT_FOUND);
    pub(super) const BLANK_CONTENT: Self =
        Self::field("content", "Este campo no puede estar en blanco.");
    pub(super) const MISSING_CONTENT: Self = Self::required("content");
    pub(super) const INVALID_REACTION: Self = Self::error("Tipo de reacción inválido");
    pub(super) const MISSING_REACTION: Self = Self::error("reaction_type es requerido");
    pub(super) const NOT_YOURS_TO_EDIT: Self =
        Self::error("Solo puedes editar tus propios mensajes").with(StatusCode::FORBIDDEN);
    pub(super) const NOT_YOURS_TO_DELETE: Self =
        Self::error("Solo puedes eliminar tus propios mensajes").with(StatusCode::FORBIDDEN);
    pub(super) const NOT_A_TEXT: Self = Self::error("Solo los mensajes de texto pueden editarse");
    pub(super) const PRIVATE_CHAT: Self = Self::error("No puedes salir de un chat privado");
    // Contract §6.
    pub(super) const MAY_NOT_SPEAK: Self =
        Self::error("No puedes enviar mensajes en este chat").with(StatusCode::FORBIDDEN);
    pub(super) const FOREIGN_REPLY: Self = Self::field(
        "reply_to",
        "El mensaje de respuesta debe pertenecer al mismo chat.",
    );
    // Contract §2, "refusal, C-later".
    pub(super) const INVALID_TOKEN: Self =
        Self::detail("Token inválido").with(StatusCode::UNAUTHORIZED);

    // Ours: what the contract has no text for.
    pub(super) const MISSING_TOKEN: Self =
        Self::detail("Las credenciales de autenticación no se proveyeron.")
            .with(StatusCode::UNAUTHORIZED);
    pub(super) const INVALID_PAGE: Self = Self::detail("Página inválida.").with(NOT_FOUND);
    pub(super) const COMPLEX_JSON: Self = Self::error("JSON demasiado complejo");
    pub(super) const UNKNOWN_TYPE: Self = Self::error("Tipo de evento desconocido");
    pub(super) const EMPTY_CONTENT: Self = Self::error("El mensaje no puede estar vacío");
    pub(super) const LONG_CONTENT: Self = Self::field(
        "content",
        "Asegúrese de que este campo no tenga más de 2000 caracteres.",
    );
    pub(super) const INVALID_KIND: Self = Self::field("message_type", "Tipo de mensaje inválido");
    pub(super) const MISSING_MESSAGE: Self = Self::error("Falta message_id");
    pub(super) const UNKNOWN_MESSAGE: Self = Self::error("Mensaje no encontrado").with(NOT_FOUND);
    pub(super) const NOT_ALLOWED: Self =
        Self::error("No tienes permiso para hacer eso").with(StatusCode::FORBIDDEN);
    pub(super) const STRANGER: Self =
        Self::error("No eres participante de este chat").with(StatusCode::FORBIDDEN);
    pub(super) const ALREADY_IN: Self = Self::error("El usuario ya es participante del chat");
    pub(super) const PASSWORDS_DIFFER: Self =
        Self::field("password_confirm", "Las contraseñas no coinciden.");
    pub(super) const TOO_LARGE: Self =
        Self::detail("La petición es demasiado grande.").with(StatusCode::PAYLOAD_TOO_LARGE);
    pub(super) const TOO_SLOW: Self =
        Self::detail("La petición no llegó a tiempo.").with(StatusCode::REQUEST_TIMEOUT);
    pub(super) const BROKEN_FORM: Self = Self::detail("El formulario no se pudo leer.");
    pub(super) const TOO_MANY_FILES: Self = Self::field(NO_FIELD, "Demasiados archivos.");
    pub(super) const UNSUPPORTED_MEDIA: Self =
        Self::detail("Tipo de contenido no soportado en la petición.")
            .with(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    pub(super) const UNAVAILABLE: Self =
        Self::detail("Servicio no disponible. Prueba de nuevo en unos segundos")
            .with(StatusCode::SERVICE_UNAVAILABLE);
    pub(super) const INTERNAL: Self =
        Self::detail("Error interno del servidor.").with(StatusCode::INTERNAL_SERVER_ERROR);
    pub(super) const METHOD: Self =
        Self::detail("Método no permitido.").with(StatusCode::METHOD_NOT_ALLOWED);

    const fn new(form: Form, text: &'static str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            status: StatusCode::BAD_REQUEST,
            form,
            retry_after: None,
        }
    }

    const fn detail(text: &'static str) -> Self {
        Self::new(Form::Detail, text)
    }

    const fn error(text: &'static str) -> Self {
        Self::new(Form::Error, text)
    }

    /// A wrong field.
    pub(super) const fn field(name: &'static str, text: &'static str) -> Self {
        Self::new(Form::Field(name), text)
    }

    /// A field that is missing.
    pub(super) const fn required(name: &'static str) -> Self {
        Self::field(name, "Este campo es requerido.")
    }

    /// Fields that are missing.
    pub(super) fn missing(names: Vec<&'static str>) -> Self {
        Self::new(Form::Fields(names), "Este campo es requerido.")
    }

    /// Words stand where a file should be, and no link of ours.
    pub(super) const fn not_a_file(field: &'static str) -> Self {
        Self::field(field, "La información enviada no era un archivo.")
    }

    /// A link of ours leads to nothing that the sender may see.
    pub(super) const fn no_such_file(field: &'static str) -> Self {
        Self::field(field, "El archivo no existe.")
    }

    /// A file of another sort than its field is for.
    pub(super) const fn wrong_media(field: MediaField) -> Self {
        Self::field(
            field.name(),
            match field {
                MediaField::Image => "Adjunta una imagen válida.",
                MediaField::Video => "Adjunta un video válido.",
                MediaField::Audio => "Adjunta un audio válido.",
            },
        )
    }

    const fn with(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    fn owned(form: Form, text: String) -> Self {
        Self {
            text: Cow::Owned(text),
            ..Self::new(form, "")
        }
    }

    /// The frame that says it.
    pub(super) fn frame(&self) -> Bytes {
        Frame::Error {
            message: &self.text,
            error: &self.text,
        }
        .encode()
    }

    fn body(&self) -> Value {
        match &self.form {
            Form::Detail => json!({ "detail": self.text }),
            Form::Error => json!({ "error": self.text }),
            Form::Field(name) => json!({ *name: [self.text] }),
            Form::Fields(names) => {
                let texts = names
                    .iter()
                    .map(|name| ((*name).to_owned(), json!([self.text])));
                Value::Object(texts.collect())
            }
        }
    }
}

const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"api\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// The one translation of the domain's errors into this dialect's words, for
/// what has no words of its own.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(entity) => not_found(entity),
            Error::Forbidden(denial) => forbidden(denial),
            Error::InvalidCredentials => Self::WRONG_CREDENTIALS,
            Error::InvalidToken => Self::INVALID_TOKEN,
            Error::Invalid { field, reason } => invalid(field, reason),
            Error::Conflict(conflict) => collides(conflict),
            Error::Upload(refusal) => upload(NO_FIELD, refusal),
            Error::SlowDown { retry_after } => slow_down(retry_after),
            Error::Unavailable(source) => {
                tracing::error!(error = %source, "a request could not be carried out");
                Self {
                    retry_after: Some(Duration::from_secs(1)),
                    ..Self::UNAVAILABLE
                }
            }
        }
    }
}

fn not_found(entity: Entity) -> Refusal {
    match entity {
        Entity::User => Refusal::UNKNOWN_USER,
        Entity::Message => Refusal::UNKNOWN_MESSAGE,
        Entity::Room | Entity::Member | Entity::Invite | Entity::File => Refusal::NOT_FOUND,
        Entity::Session => Refusal::INVALID_TOKEN,
    }
}

fn forbidden(denial: Denial) -> Refusal {
    match denial {
        // To a stranger there is no such chat.
        Denial::NotMember | Denial::Banned | Denial::InviteNeeded => Refusal::NOT_FOUND,
        Denial::Suspended => Refusal::WRONG_CREDENTIALS,
        Denial::RoleTooLow | Denial::NotAuthor => Refusal::NOT_ALLOWED,
        Denial::DirectRoom => {
            Refusal::error("No se puede hacer eso en un chat privado").with(StatusCode::FORBIDDEN)
        }
    }
}

fn collides(conflict: Conflict) -> Refusal {
    match conflict {
        Conflict::UsernameTaken => Refusal::field(
            "username",
            "Ya existe un usuario con este nombre de usuario.",
        ),
        Conflict::EmailTaken => {
            Refusal::field("email", "Ya existe un usuario con este correo electrónico.")
        }
        Conflict::DirectWithSelf => Refusal::CHAT_WITH_ONESELF,
        Conflict::AlreadyMember => Refusal::ALREADY_IN,
        Conflict::MessageDeleted => Refusal::UNKNOWN_MESSAGE,
        Conflict::TooManyConnections => Refusal::error("Tienes demasiadas conexiones abiertas")
            .with(StatusCode::TOO_MANY_REQUESTS),
        Conflict::RoomExists | Conflict::ClientIdReused => {
            Refusal::error("No se puede hacer eso").with(StatusCode::CONFLICT)
        }
    }
}

/// Why a file was not taken, by the field that held it.
pub(super) fn upload(field: &'static str, refusal: UploadRefusal) -> Refusal {
    let text = match refusal {
        UploadRefusal::Empty => "El archivo está vacío.",
        UploadRefusal::TooLarge { .. } => "El archivo es demasiado grande.",
        UploadRefusal::OverQuota { .. } => "No te queda espacio para más archivos.",
        UploadRefusal::TooManyUploads => "Demasiados archivos a la vez. Prueba de nuevo",
        UploadRefusal::TypeNotAllowed | UploadRefusal::TypeMismatch => {
            "El tipo de archivo no está permitido."
        }
        // Nothing is resumed from here.
        UploadRefusal::Busy | UploadRefusal::WrongOffset | UploadRefusal::TooManyParts => {
            "El archivo no se pudo subir. Prueba de nuevo"
        }
    };
    Refusal::field(field, text).with(match refusal {
        UploadRefusal::TooLarge { .. } | UploadRefusal::OverQuota { .. } => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        UploadRefusal::TooManyUploads => StatusCode::TOO_MANY_REQUESTS,
        UploadRefusal::Empty
        | UploadRefusal::TypeNotAllowed
        | UploadRefusal::TypeMismatch
        | UploadRefusal::Busy
        | UploadRefusal::WrongOffset
        | UploadRefusal::TooManyParts => StatusCode::BAD_REQUEST,
    })
}

fn slow_down(retry_after: Duration) -> Refusal {
    let wait = whole_seconds(retry_after);
    let text = format!("Demasiados intentos. Espera {wait} s y prueba de nuevo");
    Refusal {
        status: StatusCode::TOO_MANY_REQUESTS,
        retry_after: Some(retry_after),
        ..Refusal::owned(Form::Detail, text)
    }
}

fn invalid(field: &'static str, reason: Reason) -> Refusal {
    if field == "reply_to" {
        return Refusal::FOREIGN_REPLY;
    }
    let form = Form::Field(wire_name(field));
    match reason {
        Reason::Missing => Refusal::new(form, "Este campo es requerido."),
        Reason::Empty => Refusal::new(form, "Este campo no puede estar en blanco."),
        Reason::TooLong { max } => Refusal::owned(
            form,
            format!("Asegúrese de que este campo no tenga más de {max} caracteres."),
        ),
        Reason::TooShort { min } => Refusal::owned(
            form,
            format!("Asegúrese de que este campo tenga al menos {min} caracteres."),
        ),
        Reason::Malformed if field == "email" => Refusal::new(
            form,
            "Introduzca una dirección de correo electrónico válida.",
        ),
        Reason::Malformed => Refusal::new(form, "El valor no es válido."),
        Reason::NotAllowed => Refusal::new(form, "Este valor no está permitido."),
        Reason::TooCommon => Refusal::new(form, "Esa contraseña es demasiado común."),
    }
}

/// The domain names fields as `/v1` does; this wire has its own names.
fn wire_name(field: &'static str) -> &'static str {
    match field {
        "text" => "content",
        "title" => "name",
        "members" => "participant_ids",
        "emoji" => "reaction_type",
        "kind" => "message_type",
        other => other,
    }
}

/// An error of sending: whoever may read but not speak is told so.
pub(super) fn sending(error: Error) -> Refusal {
    match error {
        Error::Forbidden(Denial::RoleTooLow | Denial::Banned) => Refusal::MAY_NOT_SPEAK,
        other => other.into(),
    }
}

/// An error of editing.
pub(super) fn editing(error: Error) -> Refusal {
    match error {
        Error::Forbidden(Denial::NotAuthor) => Refusal::NOT_YOURS_TO_EDIT,
        other => sending(other),
    }
}

/// An error of taking back.
pub(super) fn deleting(error: Error) -> Refusal {
    match error {
        Error::Forbidden(Denial::NotAuthor) => Refusal::NOT_YOURS_TO_DELETE,
        other => other.into(),
    }
}
