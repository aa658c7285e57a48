//! Why an op was refused: for a reason that REST knows too, or for one that only
//! a socket has.

use tertulia_domain::Error;

use super::event::ErrorEvent;
use crate::common::json;
use crate::common::time::whole_seconds;
use crate::v1::refusal::Refusal;
use crate::v1::texts::{self, Language};

/// Why an op was refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// As over HTTP.
    Shared(Refusal),
    /// The frame is binary.
    NotText,
    /// The frame is JSON, but no object.
    NotAnObject,
    /// There is no such op.
    UnknownOp,
    /// Something came before `auth`.
    AuthFirst,
    /// `auth` came a second time.
    AuthOnce,
    /// `reauth` with another user's token.
    OtherUser,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Shared(error.into())
    }
}

impl From<json::Refusal> for Refused {
    fn from(refusal: json::Refusal) -> Self {
        Self::Shared(refusal.into())
    }
}

impl Refused {
    /// What the client is told.
    pub(super) fn event(&self, reference: Option<String>, language: Language) -> ErrorEvent {
        let shared = match self {
            Self::Shared(refusal) => Some(refusal),
            _ => None,
        };
        ErrorEvent {
            reference,
            code: self.code(),
            detail: self.detail(language),
            errors: shared.map(Refusal::field_problems).unwrap_or_default(),
            retry_after: shared.and_then(Refusal::retry_after).map(whole_seconds),
        }
    }

    /// The stable word; part of the contract.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Shared(refusal) => refusal.code(),
            Self::NotText => "not_text",
            Self::NotAnObject => "not_an_object",
            Self::UnknownOp => "unknown_op",
            Self::AuthFirst => "unauthenticated",
            Self::AuthOnce => "already_authenticated",
            Self::OtherUser => "other_user",
        }
    }

    fn detail(&self, language: Language) -> String {
        match language {
            Language::Spanish => self.in_spanish(),
            Language::English => self.in_english(),
        }
    }

    fn in_spanish(&self) -> String {
        match self {
            Self::Shared(Refusal::MalformedJson) => "Cada mensaje debe ser JSON válido.",
            Self::Shared(Refusal::TooComplex) => {
                "El mensaje tiene demasiados niveles o demasiados valores."
            }
            Self::Shared(refusal) => return texts::detail(refusal, Language::Spanish),
            Self::NotText => "Envía mensajes de texto, no binarios.",
            Self::NotAnObject => "Cada mensaje debe ser un objeto JSON.",
            Self::UnknownOp => "No existe esa operación. Consulta /asyncapi.json.",
            Self::AuthFirst => "Envía primero la operación auth con un token de acceso.",
            Self::AuthOnce => "Ya te has identificado. Para renovar el token, envía reauth.",
            Self::OtherUser => "El token es de otra persona. Abre otra conexión.",
        }
        .to_owned()
    }

    fn in_english(&self) -> String {
        match self {
            Self::Shared(Refusal::MalformedJson) => "Each message must be valid JSON.",
            Self::Shared(Refusal::TooComplex) => {
                "The message is nested too deeply or holds too many values."
            }
            Self::Shared(refusal) => return texts::detail(refusal, Language::English),
            Self::NotText => "Send text messages, not binary ones.",
            Self::NotAnObject => "Each message must be a JSON object.",
            Self::UnknownOp => "There is no such op. See /asyncapi.json.",
            Self::AuthFirst => "Send the op auth with an access token first.",
            Self::AuthOnce => "You are authenticated already. To renew the token, send reauth.",
            Self::OtherUser => "The token is another person's. Open another connection.",
        }
        .to_owned()
    }
}
