//! What a client is told when something is refused. Every text that this
//! dialect says stands here, the contract's and ours.

use std::borrow::Cow;

use bytes::Bytes;
use tertulia_domain::{Conflict, Denial, Entity, Error, Reason};

use super::encode::Frame;
use crate::common::time::whole_seconds;

/// A refusal as the client shows it to its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal(Cow<'static, str>);

impl Refusal {
    // Malformed input.
    pub(super) const INVALID_JSON: Self = Self::of("JSON inválido");
    pub(super) const INVALID_FORMAT: Self = Self::of("Formato inválido. Usa {type, data}");

    // Before authentication.
    pub(super) const MISSING_FIELDS: Self = Self::of("Faltan campos");
    pub(super) const USERNAME_TAKEN: Self = Self::of("Username ya existe");
    pub(super) const EMAIL_TAKEN: Self = Self::of("Email ya existe");
    pub(super) const MISSING_CREDENTIALS: Self = Self::of("Faltan credenciales");
    pub(super) const WRONG_CREDENTIALS: Self = Self::of("Credenciales incorrectas");
    pub(super) const MISSING_TOKEN: Self = Self::of("Falta token");
    /// Code, not only text: the web client drops its token when it reads this.
    pub(super) const INVALID_TOKEN: Self = Self::of("Token inválido");
    pub(super) const NOT_AUTHENTICATED: Self = Self::of("No autenticado");

    // After authentication.
    pub(super) const MISSING_USER_ID: Self = Self::of("Falta userId");
    pub(super) const CHAT_WITH_ONESELF: Self = Self::of("No puedes crear chat contigo mismo");
    pub(super) const UNKNOWN_USER: Self = Self::of("Usuario destino no existe");
    pub(super) const MISSING_TITLE: Self = Self::of("Falta title");
    pub(super) const NOT_IN_GROUP: Self = Self::of("No eres miembro del grupo");
    pub(super) const NOT_A_GROUP: Self = Self::of("El chat no es un grupo");
    pub(super) const NOT_IN_CHAT: Self = Self::of("No eres miembro de ese chat");
    pub(super) const INVALID_KIND: Self = Self::of("Tipo de mensaje inválido");
    pub(super) const INVALID_STATUS: Self = Self::of("Estado inválido");
    pub(super) const INVALID_SIGNAL: Self = Self::of("Señal RTC inválida");
    pub(super) const MISSING_CHAT_ID: Self = Self::of("Falta chatId");
    pub(super) const INVALID_RECEIVER: Self = Self::of("Destino RTC inválido");

    // Ours: what the contract has no text for.
    pub(super) const COMPLEX_JSON: Self = Self::of("JSON demasiado complejo");
    const INVALID_EMAIL: Self = Self::of("Email inválido");
    const COMMON_PASSWORD: Self = Self::of("Esa contraseña es demasiado común");
    const LARGE_SIGNAL: Self = Self::of("La señal RTC es demasiado grande");
    const NOT_ALLOWED: Self = Self::of("No tienes permiso para hacer eso");
    const MESSAGE_GONE: Self = Self::of("Ese mensaje ya no existe");
    const IMPOSSIBLE: Self = Self::of("No se puede hacer eso");
    pub(super) const TOO_MANY_CONNECTIONS: Self = Self::of("Tienes demasiadas conexiones abiertas");
    pub(super) const UNAVAILABLE: Self =
        Self::of("Servicio no disponible. Prueba de nuevo en unos segundos");

    const fn of(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The answer to a `type` that this dialect does not have. What is longer
    /// than any real name is cut.
    pub(super) fn unsupported(name: &str) -> Self {
        const MOST: usize = 100;
        let name: String = name.chars().take(MOST).collect();
        Self(Cow::Owned(format!("Evento no soportado: {name}")))
    }

    /// As `auth:error`: for registration and login.
    pub(super) fn auth_error(&self) -> Bytes {
        Frame::AuthError { message: &self.0 }.encode()
    }

    /// As `error`: for everything else.
    pub(super) fn error(&self) -> Bytes {
        Frame::Error { message: &self.0 }.encode()
    }
}

/// What was being done. The contract has different words for the same refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Registering, logging in, `hello`.
    Entering,
    /// Something in a chat, or making one.
    Chatting,
    /// Inviting to a group.
    Inviting,
    /// Signalling a call.
    Calling,
}

/// An error of registering, logging in or `hello`.
pub(super) fn entering(error: Error) -> Refusal {
    refusal(error, Doing::Entering)
}

/// An error of something in a chat, or of making one.
pub(super) fn chatting(error: Error) -> Refusal {
    refusal(error, Doing::Chatting)
}

/// An error of inviting to a group.
pub(super) fn inviting(error: Error) -> Refusal {
    refusal(error, Doing::Inviting)
}

/// An error of signalling a call.
pub(super) fn calling(error: Error) -> Refusal {
    refusal(error, Doing::Calling)
}

/// The one translation of the domain's errors into this dialect's words.
fn refusal(error: Error, doing: Doing) -> Refusal {
    match error {
        Error::NotFound(entity) => not_found(entity, doing),
        Error::Forbidden(denial) => forbidden(denial, doing),
        Error::InvalidCredentials => Refusal::WRONG_CREDENTIALS,
        Error::InvalidToken => Refusal::INVALID_TOKEN,
        Error::Invalid { field, reason } => invalid(field, reason),
        Error::Conflict(conflict) => collides(conflict),
        // No file is sent from here.
        Error::Upload(_) => Refusal::IMPOSSIBLE,
        Error::SlowDown { retry_after } => {
            let seconds = whole_seconds(retry_after);
            Refusal(Cow::Owned(format!(
                "Demasiados intentos. Espera {seconds} s y prueba de nuevo"
            )))
        }
        Error::Unavailable(source) => {
            tracing::error!(error = %source, ?doing, "a request could not be carried out");
            Refusal::UNAVAILABLE
        }
    }
}

fn not_found(entity: Entity, doing: Doing) -> Refusal {
    match entity {
        Entity::User => Refusal::UNKNOWN_USER,
        Entity::Room | Entity::Invite => not_a_member(doing),
        Entity::Member => match doing {
            Doing::Calling => Refusal::INVALID_RECEIVER,
            Doing::Entering | Doing::Chatting | Doing::Inviting => not_a_member(doing),
        },
        Entity::Message => Refusal::MESSAGE_GONE,
        Entity::Session => Refusal::INVALID_TOKEN,
        Entity::File => Refusal::IMPOSSIBLE,
    }
}

fn forbidden(denial: Denial, doing: Doing) -> Refusal {
    match denial {
        Denial::NotMember | Denial::Banned | Denial::InviteNeeded => not_a_member(doing),
        Denial::DirectRoom => Refusal::NOT_A_GROUP,
        Denial::RoleTooLow | Denial::NotAuthor => Refusal::NOT_ALLOWED,
        Denial::Suspended => Refusal::WRONG_CREDENTIALS,
    }
}

fn not_a_member(doing: Doing) -> Refusal {
    match doing {
        Doing::Inviting => Refusal::NOT_IN_GROUP,
        Doing::Entering | Doing::Chatting | Doing::Calling => Refusal::NOT_IN_CHAT,
    }
}

fn collides(conflict: Conflict) -> Refusal {
    match conflict {
        Conflict::UsernameTaken => Refusal::USERNAME_TAKEN,
        Conflict::EmailTaken => Refusal::EMAIL_TAKEN,
        Conflict::DirectWithSelf => Refusal::CHAT_WITH_ONESELF,
        Conflict::MessageDeleted => Refusal::MESSAGE_GONE,
        Conflict::TooManyConnections => Refusal::TOO_MANY_CONNECTIONS,
        Conflict::RoomExists | Conflict::ClientIdReused | Conflict::AlreadyMember => {
            Refusal::IMPOSSIBLE
        }
    }
}

fn invalid(field: &str, reason: Reason) -> Refusal {
    match (field, reason) {
        ("title", Reason::Missing | Reason::Empty) => Refusal::MISSING_TITLE,
        (_, Reason::Missing | Reason::Empty) => Refusal::MISSING_FIELDS,
        ("email", Reason::Malformed) => Refusal::INVALID_EMAIL,
        ("password", Reason::TooShort { min }) => Refusal(Cow::Owned(format!(
            "La contraseña debe tener al menos {min} caracteres"
        ))),
        ("payload", Reason::TooLong { .. }) => Refusal::LARGE_SIGNAL,
        (_, Reason::TooCommon) => Refusal::COMMON_PASSWORD,
        (_, Reason::TooLong { max }) => {
            let name = wire_name(field);
            Refusal(Cow::Owned(format!(
                "El campo {name} admite {max} caracteres como máximo"
            )))
        }
        (_, Reason::TooShort { min }) => {
            let name = wire_name(field);
            Refusal(Cow::Owned(format!(
                "El campo {name} debe tener al menos {min} caracteres"
            )))
        }
        (_, Reason::Malformed) => {
            let name = wire_name(field);
            Refusal(Cow::Owned(format!(
                "El campo {name} tiene caracteres no permitidos"
            )))
        }
        (_, Reason::NotAllowed) => Refusal::NOT_ALLOWED,
    }
}

/// The domain names fields as `/v1` does; this wire has its own names.
fn wire_name(field: &str) -> &str {
    match field {
        "text" => "content",
        "display_name" => "displayName",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(error: Error, doing: Doing) -> String {
        refusal(error, doing).0.into_owned()
    }

    #[test]
    fn the_same_refusal_has_the_words_of_its_place() {
        let stranger = || Error::Forbidden(Denial::NotMember);
        assert_eq!(
            said(stranger(), Doing::Chatting),
            "No eres miembro de ese chat"
        );
        assert_eq!(
            said(stranger(), Doing::Calling),
            "No eres miembro de ese chat"
        );
        assert_eq!(
            said(stranger(), Doing::Inviting),
            "No eres miembro del grupo"
        );
        let nobody = Error::NotFound(Entity::Member);
        assert_eq!(said(nobody, Doing::Calling), "Destino RTC inválido");
    }

    #[test]
    fn nothing_internal_is_said() {
        let error = Error::unavailable("disk 7 at 10.0.0.3 is full");
        assert_eq!(
            said(error, Doing::Chatting),
            "Servicio no disponible. Prueba de nuevo en unos segundos"
        );
    }

    #[test]
    fn fields_bear_the_names_of_this_wire() {
        let long = Error::invalid("display_name", Reason::TooLong { max: 100 });
        assert_eq!(
            said(long, Doing::Entering),
            "El campo displayName admite 100 caracteres como máximo"
        );
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up() {
        let error = Error::SlowDown {
            retry_after: Duration::from_millis(1_200),
        };
        assert_eq!(
            said(error, Doing::Entering),
            "Demasiados intentos. Espera 2 s y prueba de nuevo"
        );
    }

    #[test]
    fn an_endless_event_name_is_cut() {
        let refusal = Refusal::unsupported(&"ñ".repeat(5_000));
        assert_eq!(refusal.0.chars().count(), 21 + 100);
    }
}
