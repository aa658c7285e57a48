//! The texts in English.

use tertulia_domain::{Conflict, Denial, Entity, Error, Reason, UploadRefusal};

use crate::v1::refusal::Refusal;

pub(super) fn title(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Domain(error) => domain_title(error),
        Refusal::Unauthenticated => "Authentication is required",
        Refusal::MalformedJson => "Malformed JSON",
        Refusal::MalformedForm => "Malformed body",
        Refusal::WrongTusVersion => "Wrong version of tus",
        Refusal::TooComplex => "JSON too complex",
        Refusal::TooLarge => "Body too large",
        Refusal::UnsupportedMediaType | Refusal::NotAForm => "Unsupported media type",
        Refusal::Timeout => "The request took too long",
        Refusal::UnknownPath => "Unknown path",
        Refusal::MethodNotAllowed => "Method not allowed",
        Refusal::OriginNotAllowed => "Origin not allowed",
        Refusal::Internal => "Internal error",
    }
}

pub(super) fn detail(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Domain(error) => domain_detail(error),
        Refusal::Unauthenticated => {
            "Send an access token in the header Authorization: Bearer.".to_owned()
        }
        Refusal::MalformedJson => "The body must be one valid JSON value in UTF-8.".to_owned(),
        Refusal::MalformedForm => "The body is broken, or was cut off. Send it again.".to_owned(),
        Refusal::NotAForm => {
            "Send the body with Content-Type: multipart/form-data; boundary=….".to_owned()
        }
        Refusal::WrongTusVersion => "Send the header Tus-Resumable: 1.0.0.".to_owned(),
        Refusal::TooComplex => "The body is nested too deeply or holds too many values.".to_owned(),
        Refusal::TooLarge => "The body is longer than this server takes.".to_owned(),
        Refusal::UnsupportedMediaType => {
            "Send the body with Content-Type: application/json.".to_owned()
        }
        Refusal::Timeout => "The body did not arrive in time. Send it again.".to_owned(),
        Refusal::UnknownPath => "There is nothing at this path. See /openapi.json.".to_owned(),
        Refusal::MethodNotAllowed => {
            "This path does not know this method. See the header Allow.".to_owned()
        }
        Refusal::OriginNotAllowed => {
            "This web page may not use the server. Add its origin to TERTULIA_ALLOWED_ORIGINS."
                .to_owned()
        }
        Refusal::Internal => {
            "Something went wrong here. Quote the request_id when you report it.".to_owned()
        }
    }
}

fn domain_title(error: &Error) -> &'static str {
    match error {
        Error::NotFound(entity) => match entity {
            Entity::User => "User not found",
            Entity::Room => "Room not found",
            Entity::Message => "Message not found",
            Entity::Member => "Member not found",
            Entity::Session => "Session not found",
            Entity::Invite => "Invite not found",
            Entity::File => "File not found",
        },
        Error::Forbidden(denial) => match denial {
            Denial::NotMember => "Not a member",
            Denial::Banned => "Banned from the room",
            Denial::RoleTooLow => "A higher role is needed",
            Denial::NotAuthor => "Not the author",
            Denial::DirectRoom => "Not in a direct room",
            Denial::InviteNeeded => "An invite is needed",
            Denial::Suspended => "Account suspended",
        },
        Error::InvalidCredentials => "Wrong credentials",
        Error::InvalidToken => "Invalid token",
        Error::Invalid { .. } => "A field is not valid",
        Error::Conflict(conflict) => match conflict {
            Conflict::UsernameTaken => "Username taken",
            Conflict::EmailTaken => "E-mail address taken",
            Conflict::RoomExists => "The room exists",
            Conflict::ClientIdReused => "client_id reused",
            Conflict::AlreadyMember => "Already a member",
            Conflict::DirectWithSelf => "A direct room needs two people",
            Conflict::MessageDeleted => "The message was deleted",
            Conflict::TooManyConnections => "Too many connections",
        },
        Error::Upload(refusal) => match refusal {
            UploadRefusal::Empty => "The file is empty",
            UploadRefusal::TooLarge { .. } => "The file is too large",
            UploadRefusal::OverQuota { .. } => "No room left for files",
            UploadRefusal::TooManyUploads => "Too many uploads",
            UploadRefusal::Busy => "The upload is busy",
            UploadRefusal::WrongOffset => "Wrong offset",
            UploadRefusal::TooManyParts => "Too many pieces",
            UploadRefusal::TypeNotAllowed => "File type not allowed",
            UploadRefusal::TypeMismatch => "Name and content disagree",
        },
        Error::SlowDown { .. } => "Too many requests",
        Error::Unavailable(_) => "Temporarily unavailable",
    }
}

fn domain_detail(error: &Error) -> String {
    match error {
        Error::NotFound(entity) => match entity {
            Entity::User => "There is no such user.",
            Entity::Room => "There is no such room, or none that you may see.",
            Entity::Message => "There is no such message in this room.",
            Entity::Member => "That user is not a member of this room.",
            Entity::Session => "You have no such session.",
            Entity::Invite => "The invite does not exist, has ended or is used up.",
            Entity::File => "There is no such file, or none that you may see.",
        },
        Error::Forbidden(denial) => match denial {
            Denial::NotMember => "You are not a member of this room.",
            Denial::Banned => "You were banned from this room.",
            Denial::RoleTooLow => "Your role in this room does not allow it.",
            Denial::NotAuthor => "Only the author of a message or file may do this.",
            Denial::DirectRoom => {
                "A direct room has two members for good, and neither title nor roles."
            }
            Denial::InviteNeeded => "The room is private: ask for an invite.",
            Denial::Suspended => "An administrator has suspended the account.",
        },
        Error::InvalidCredentials => "The user does not exist or the password is wrong.",
        Error::InvalidToken => "The token is wrong, has ended or was revoked.",
        Error::Invalid { field, reason } => return invalid(field, *reason),
        Error::Conflict(conflict) => match conflict {
            Conflict::UsernameTaken => "Another user has that username.",
            Conflict::EmailTaken => "Another user has that e-mail address.",
            Conflict::RoomExists => "There is such a room already.",
            Conflict::ClientIdReused => {
                "You sent another message with the same client_id. Use a new one."
            }
            Conflict::AlreadyMember => "You are a member of this room already.",
            Conflict::DirectWithSelf => "Name another person than yourself.",
            Conflict::MessageDeleted => "A deleted message can no longer be changed.",
            Conflict::TooManyConnections => "Close one of your connections first.",
        },
        Error::Upload(refusal) => return upload(*refusal),
        Error::SlowDown { retry_after } => {
            return format!(
                "Try again in {} s.",
                crate::common::time::whole_seconds(*retry_after)
            );
        }
        Error::Unavailable(_) => "Nothing was done. Try again in a moment.",
    }
    .to_owned()
}

fn upload(refusal: UploadRefusal) -> String {
    match refusal {
        UploadRefusal::Empty => "There is nothing in the file.".to_owned(),
        UploadRefusal::TooLarge { max } => format!("A file may have {max} bytes at most."),
        UploadRefusal::OverQuota { max } => {
            format!("All your files together may have {max} bytes. Delete one first.")
        }
        UploadRefusal::TooManyUploads => "Finish or give up another upload first.".to_owned(),
        UploadRefusal::Busy => "Another request brings this upload right now.".to_owned(),
        UploadRefusal::WrongOffset => {
            "The upload stands elsewhere. Ask for its Upload-Offset with HEAD.".to_owned()
        }
        UploadRefusal::TooManyParts => "Send this upload in larger pieces.".to_owned(),
        UploadRefusal::TypeNotAllowed => {
            "Files of this type are not accepted. See the documentation of POST /v1/files."
                .to_owned()
        }
        UploadRefusal::TypeMismatch => {
            "The ending of the file's name speaks of another type than its content.".to_owned()
        }
    }
}

fn invalid(field: &str, reason: Reason) -> String {
    if field.is_empty() {
        return "The body must be a JSON object.".to_owned();
    }
    match reason {
        Reason::Missing => format!("{field} is required."),
        Reason::Empty => format!("{field} must not be empty."),
        Reason::TooLong { max } => format!("{field} is too long: at most {max}."),
        Reason::TooShort { min } => format!("{field} is too short: at least {min}."),
        Reason::Malformed => format!("{field} does not have the right form."),
        Reason::NotAllowed => format!("{field} may not have this value."),
        Reason::TooCommon => format!("{field} is used by too many people. Choose another."),
    }
}
