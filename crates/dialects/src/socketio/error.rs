//! What a client is told when something is refused. Every text that this
//! dialect says stands here or in [`decode`](super::decode), the contracts' and
//! ours.

use std::borrow::Cow;

use bytes::Bytes;
use tertulia_domain::{Conflict, Denial, Entity, Error, Reason, ReceiptKind};

use super::encode::{Failure, event};

/// A refusal: as the event `error`, or as `ack` where it is about a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    as_ack: bool,
    text: Cow<'static, str>,
}

impl Refusal {
    // The contracts'.
    pub(super) const MALFORMED: Self = Self::ack("Payload inválido");
    pub(super) const MESSAGE_TYPE: Self =
        Self::ack("message_type debe ser uno de: texto, imagen, archivo, audio, sistema");
    pub(super) const TYPE: Self = Self::ack("type debe ser 'directo' o 'grupal'");
    pub(super) const OTHER_SENDER: Self =
        Self::ack("sender_id no coincide con el usuario conectado");
    pub(super) const GROUP_REQUIRED: Self = Self::error("group_id es requerido");

    // Ours.
    const NO_FILE: Self = Self::ack("Ese archivo no existe");
    const LARGE: Self = Self::ack("El mensaje es demasiado grande");
    const CLIENT_ID_REUSED: Self = Self::ack("Ese client_id ya se usó para otro mensaje");

    pub(super) const fn error(text: &'static str) -> Self {
        Self {
            as_ack: false,
            text: Cow::Borrowed(text),
        }
    }

    pub(super) const fn ack(text: &'static str) -> Self {
        Self {
            as_ack: true,
            text: Cow::Borrowed(text),
        }
    }

    /// The required keys that a send lacks, in the contract's order.
    pub(super) fn missing(names: &[&str]) -> Self {
        Self {
            as_ack: true,
            text: format!("Faltan campos: {}", names.join(", ")).into(),
        }
    }

    /// The whole frame.
    pub(super) fn frame(&self) -> Bytes {
        let message = &self.text;
        if self.as_ack {
            let status = Some("error");
            event("ack", &Failure { status, message })
        } else {
            let status = None;
            event("error", &Failure { status, message })
        }
    }
}

/// What was being done. The contracts have different words for the same
/// refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// `join_direct_chat`.
    OpeningDirect,
    /// `join_group`.
    OpeningGroup,
    /// A send to a `sala_uuid`.
    SendingToRoom,
    /// A send to a person.
    SendingToPerson,
    /// A send to a group.
    SendingToGroup,
    /// `mark_delivered`, `mark_read`.
    Marking(ReceiptKind),
    /// `load_message_history`.
    Reading,
}

/// The one translation of the domain's errors into this dialect's words.
pub(super) fn refusal(error: Error, doing: Doing) -> Refusal {
    match error {
        Error::NotFound(entity) => not_found(entity, doing),
        Error::Forbidden(
            Denial::NotMember
            | Denial::Banned
            | Denial::RoleTooLow
            | Denial::NotAuthor
            | Denial::DirectRoom
            | Denial::InviteNeeded
            | Denial::Suspended,
        ) => forbidden(doing),
        Error::InvalidCredentials | Error::InvalidToken => not_found(Entity::User, doing),
        Error::Invalid { field, reason } => invalid(field, reason, doing),
        Error::Conflict(conflict) => collides(conflict, doing),
        Error::SlowDown { .. } => unavailable(doing),
        Error::Upload(_) => impossible(doing),
        Error::Unavailable(source) => {
            tracing::error!(error = %source, ?doing, "a request could not be carried out");
            unavailable(doing)
        }
    }
}

fn not_found(entity: Entity, doing: Doing) -> Refusal {
    match (doing, entity) {
        (Doing::SendingToRoom | Doing::SendingToPerson | Doing::SendingToGroup, Entity::File) => {
            Refusal::NO_FILE
        }
        (Doing::SendingToRoom, Entity::User | Entity::Session) => {
            Refusal::ack("No se pudo guardar el mensaje")
        }
        (Doing::SendingToRoom, _) => Refusal::ack("Sala de chat no encontrada"),
        (Doing::OpeningGroup | Doing::SendingToGroup, _) => forbidden(doing),
        (Doing::OpeningDirect | Doing::SendingToPerson | Doing::Marking(_) | Doing::Reading, _) => {
            impossible(doing)
        }
    }
}

fn forbidden(doing: Doing) -> Refusal {
    match doing {
        Doing::SendingToRoom => Refusal::ack("No tienes acceso a esta sala"),
        Doing::Reading => Refusal::error("No tienes acceso a esta sala"),
        Doing::OpeningGroup => Refusal::error("No eres miembro de este grupo"),
        Doing::SendingToGroup => Refusal::ack("No eres miembro de este grupo"),
        Doing::OpeningDirect | Doing::SendingToPerson | Doing::Marking(_) => impossible(doing),
    }
}

/// What was asked for makes no sense, or names nobody.
fn impossible(doing: Doing) -> Refusal {
    match doing {
        Doing::OpeningDirect => Refusal::error("No se pudo crear/obtener sala de chat"),
        Doing::OpeningGroup => Refusal::error("No se pudo crear/obtener sala de chat grupal"),
        Doing::SendingToPerson | Doing::SendingToGroup => {
            Refusal::ack("No se pudo crear/obtener sala de chat")
        }
        Doing::SendingToRoom => Refusal::MALFORMED,
        Doing::Marking(ReceiptKind::Delivered) => {
            Refusal::error("No se pudo marcar el mensaje como entregado")
        }
        Doing::Marking(ReceiptKind::Read) => {
            Refusal::error("No se pudo marcar el mensaje como leído")
        }
        Doing::Reading => Refusal::error("Sala no encontrada"),
    }
}

/// It may succeed later.
fn unavailable(doing: Doing) -> Refusal {
    match doing {
        Doing::SendingToRoom | Doing::SendingToPerson | Doing::SendingToGroup => {
            Refusal::ack("Error al guardar mensaje: prueba de nuevo en unos segundos")
        }
        Doing::Marking(ReceiptKind::Delivered) => {
            Refusal::error("Error al marcar mensaje como entregado")
        }
        Doing::Marking(ReceiptKind::Read) => Refusal::error("Error al marcar mensaje como leído"),
        Doing::Reading => {
            Refusal::error("Servicio no disponible. Prueba de nuevo en unos segundos")
        }
        Doing::OpeningDirect | Doing::OpeningGroup => impossible(doing),
    }
}

fn invalid(field: &str, reason: Reason, doing: Doing) -> Refusal {
    match (field, reason) {
        ("text", Reason::TooLong { max }) => Refusal {
            as_ack: true,
            text: format!("message admite {max} caracteres como máximo").into(),
        },
        ("metadata", Reason::TooLong { .. }) => Refusal::LARGE,
        ("text" | "metadata" | "kind" | "client_id", _) => Refusal::MALFORMED,
        // A text that can be no name of a group is none of anybody's groups.
        ("name", _) if doing == Doing::SendingToGroup => forbidden(doing),
        _ => impossible(doing),
    }
}

fn collides(conflict: Conflict, doing: Doing) -> Refusal {
    match conflict {
        Conflict::ClientIdReused => Refusal::CLIENT_ID_REUSED,
        Conflict::UsernameTaken
        | Conflict::EmailTaken
        | Conflict::RoomExists
        | Conflict::AlreadyMember
        | Conflict::DirectWithSelf
        | Conflict::MessageDeleted
        | Conflict::TooManyConnections => impossible(doing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: Error, doing: Doing) -> String {
        refusal(error, doing).text.into_owned()
    }

    #[test]
    fn the_same_refusal_has_the_words_of_its_place() {
        for (doing, text) in [
            (Doing::SendingToRoom, "No tienes acceso a esta sala"),
            (Doing::SendingToGroup, "No eres miembro de este grupo"),
            (Doing::OpeningGroup, "No eres miembro de este grupo"),
            (Doing::Reading, "No tienes acceso a esta sala"),
            (
                Doing::Marking(ReceiptKind::Read),
                "No se pudo marcar el mensaje como leído",
            ),
        ] {
            assert_eq!(said(Error::Forbidden(Denial::NotMember), doing), text);
        }
        let nobody = Error::NotFound(Entity::User);
        assert_eq!(
            said(nobody, Doing::SendingToRoom),
            "No se pudo guardar el mensaje"
        );
        for (doing, text) in [
            (Doing::SendingToRoom, "Sala de chat no encontrada"),
            (Doing::Reading, "Sala no encontrada"),
            (
                Doing::SendingToPerson,
                "No se pudo crear/obtener sala de chat",
            ),
        ] {
            assert_eq!(said(Error::NotFound(Entity::Room), doing), text);
        }
    }

    #[test]
    fn nothing_internal_is_said() {
        for (doing, text) in [
            (
                Doing::SendingToRoom,
                "Error al guardar mensaje: prueba de nuevo en unos segundos",
            ),
            (
                Doing::Marking(ReceiptKind::Delivered),
                "Error al marcar mensaje como entregado",
            ),
        ] {
            let error = Error::unavailable("SELECT 1: disk 7 at 10.0.0.3 is full");
            assert_eq!(said(error, doing), text);
        }
    }
}
