//! The texts in Spanish.

use tertulia_domain::{Conflict, Denial, Entity, Error, Reason, UploadRefusal};

use crate::v1::refusal::Refusal;

pub(super) fn title(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Domain(error) => domain_title(error),
        Refusal::Unauthenticated => "Hace falta identificarse",
        Refusal::MalformedJson => "JSON mal formado",
        Refusal::MalformedForm => "Cuerpo mal formado",
        Refusal::WrongTusVersion => "Versión de tus incorrecta",
        Refusal::TooComplex => "JSON demasiado complejo",
        Refusal::TooLarge => "Cuerpo demasiado grande",
        Refusal::UnsupportedMediaType | Refusal::NotAForm => "Tipo de contenido no admitido",
        Refusal::Timeout => "La petición tardó demasiado",
        Refusal::UnknownPath => "Ruta desconocida",
        Refusal::MethodNotAllowed => "Método no permitido",
        Refusal::OriginNotAllowed => "Origen no permitido",
        Refusal::Internal => "Error interno",
    }
}

pub(super) fn detail(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Domain(error) => domain_detail(error),
        Refusal::Unauthenticated => {
            "Envía un token de acceso en la cabecera Authorization: Bearer.".to_owned()
        }
        Refusal::MalformedJson => "El cuerpo debe ser un valor JSON válido en UTF-8.".to_owned(),
        Refusal::MalformedForm => "El cuerpo está roto o cortado. Envíalo otra vez.".to_owned(),
        Refusal::NotAForm => {
            "Envía el cuerpo con Content-Type: multipart/form-data; boundary=….".to_owned()
        }
        Refusal::WrongTusVersion => "Envía la cabecera Tus-Resumable: 1.0.0.".to_owned(),
        Refusal::TooComplex => {
            "El cuerpo tiene demasiados niveles o demasiados valores.".to_owned()
        }
        Refusal::TooLarge => "El cuerpo es más largo de lo que admite este servidor.".to_owned(),
        Refusal::UnsupportedMediaType => {
            "Envía el cuerpo con Content-Type: application/json.".to_owned()
        }
        Refusal::Timeout => "El cuerpo no llegó a tiempo. Envíalo otra vez.".to_owned(),
        Refusal::UnknownPath => "No hay nada en esta ruta. Consulta /openapi.json.".to_owned(),
        Refusal::MethodNotAllowed => {
            "Esta ruta no admite este método. Consulta la cabecera Allow.".to_owned()
        }
        Refusal::OriginNotAllowed => {
            "Esta página no puede usar el servidor. Añade su origen a TERTULIA_ALLOWED_ORIGINS."
                .to_owned()
        }
        Refusal::Internal => {
            "Algo ha fallado aquí. Indica el request_id cuando lo comuniques.".to_owned()
        }
    }
}

fn domain_title(error: &Error) -> &'static str {
    match error {
        Error::NotFound(entity) => match entity {
            Entity::User => "El usuario no existe",
            Entity::Room => "La sala no existe",
            Entity::Message => "El mensaje no existe",
            Entity::Member => "No es miembro",
            Entity::Session => "La sesión no existe",
            Entity::Invite => "La invitación no existe",
            Entity::File => "El archivo no existe",
        },
        Error::Forbidden(denial) => match denial {
            Denial::NotMember => "No eres miembro",
            Denial::Banned => "Expulsado de la sala",
            Denial::RoleTooLow => "Hace falta un rol superior",
            Denial::NotAuthor => "No eres el autor",
            Denial::DirectRoom => "No en una sala directa",
            Denial::InviteNeeded => "Hace falta una invitación",
            Denial::Suspended => "Cuenta suspendida",
        },
        Error::InvalidCredentials => "Credenciales incorrectas",
        Error::InvalidToken => "Token inválido",
        Error::Invalid { .. } => "Un campo no es válido",
        Error::Conflict(conflict) => match conflict {
            Conflict::UsernameTaken => "El nombre de usuario ya existe",
            Conflict::EmailTaken => "El correo ya existe",
            Conflict::RoomExists => "La sala ya existe",
            Conflict::ClientIdReused => "client_id repetido",
            Conflict::AlreadyMember => "Ya eres miembro",
            Conflict::DirectWithSelf => "Una sala directa necesita dos personas",
            Conflict::MessageDeleted => "El mensaje fue eliminado",
            Conflict::TooManyConnections => "Demasiadas conexiones",
        },
        Error::Upload(refusal) => match refusal {
            UploadRefusal::Empty => "El archivo está vacío",
            UploadRefusal::TooLarge { .. } => "El archivo es demasiado grande",
            UploadRefusal::OverQuota { .. } => "No queda sitio para archivos",
            UploadRefusal::TooManyUploads => "Demasiadas subidas",
            UploadRefusal::Busy => "La subida está ocupada",
            UploadRefusal::WrongOffset => "Posición incorrecta",
            UploadRefusal::TooManyParts => "Demasiados trozos",
            UploadRefusal::TypeNotAllowed => "Tipo de archivo no permitido",
            UploadRefusal::TypeMismatch => "El nombre y el contenido no concuerdan",
        },
        Error::SlowDown { .. } => "Demasiadas peticiones",
        Error::Unavailable(_) => "No disponible por ahora",
    }
}

fn domain_detail(error: &Error) -> String {
    match error {
        Error::NotFound(entity) => match entity {
            Entity::User => "No existe ese usuario.",
            Entity::Room => "No existe esa sala, o no puedes verla.",
            Entity::Message => "No existe ese mensaje en esta sala.",
            Entity::Member => "Ese usuario no es miembro de esta sala.",
            Entity::Session => "No tienes esa sesión.",
            Entity::Invite => "La invitación no existe, ha caducado o está agotada.",
            Entity::File => "No existe ese archivo, o no puedes verlo.",
        },
        Error::Forbidden(denial) => match denial {
            Denial::NotMember => "No eres miembro de esta sala.",
            Denial::Banned => "Te expulsaron de esta sala.",
            Denial::RoleTooLow => "Tu rol en esta sala no lo permite.",
            Denial::NotAuthor => "Solo el autor de un mensaje o archivo puede hacerlo.",
            Denial::DirectRoom => {
                "Una sala directa tiene siempre dos miembros, y ni título ni roles."
            }
            Denial::InviteNeeded => "La sala es privada: pide una invitación.",
            Denial::Suspended => "Un administrador suspendió la cuenta.",
        },
        Error::InvalidCredentials => "El usuario no existe o la contraseña es incorrecta.",
        Error::InvalidToken => "El token es incorrecto, ha caducado o fue revocado.",
        Error::Invalid { field, reason } => return invalid(field, *reason),
        Error::Conflict(conflict) => match conflict {
            Conflict::UsernameTaken => "Otra persona tiene ese nombre de usuario.",
            Conflict::EmailTaken => "Otra persona tiene ese correo.",
            Conflict::RoomExists => "Esa sala ya existe.",
            Conflict::ClientIdReused => {
                "Ya enviaste otro mensaje con el mismo client_id. Usa uno nuevo."
            }
            Conflict::AlreadyMember => "Ya eres miembro de esta sala.",
            Conflict::DirectWithSelf => "Indica a otra persona, no a ti.",
            Conflict::MessageDeleted => "Un mensaje eliminado ya no se puede cambiar.",
            Conflict::TooManyConnections => "Cierra antes una de tus conexiones.",
        },
        Error::Upload(refusal) => return upload(*refusal),
        Error::SlowDown { retry_after } => {
            let wait = crate::common::time::whole_seconds(*retry_after);
            return format!("Vuelve a intentarlo dentro de {wait} s.");
        }
        Error::Unavailable(_) => "No se hizo nada. Vuelve a intentarlo en un momento.",
    }
    .to_owned()
}

fn upload(refusal: UploadRefusal) -> String {
    match refusal {
        UploadRefusal::Empty => "No hay nada en el archivo.".to_owned(),
        UploadRefusal::TooLarge { max } => {
            format!("Un archivo puede tener como máximo {max} bytes.")
        }
        UploadRefusal::OverQuota { max } => {
            format!("Todos tus archivos juntos pueden ocupar {max} bytes. Elimina antes alguno.")
        }
        UploadRefusal::TooManyUploads => "Termina o abandona antes otra subida.".to_owned(),
        UploadRefusal::Busy => "Otra petición trae ahora mismo esta subida.".to_owned(),
        UploadRefusal::WrongOffset => {
            "La subida está en otro punto. Pide su Upload-Offset con HEAD.".to_owned()
        }
        UploadRefusal::TooManyParts => "Envía esta subida en trozos más grandes.".to_owned(),
        UploadRefusal::TypeNotAllowed => {
            "No se admiten archivos de este tipo. Consulta la documentación de POST /v1/files."
                .to_owned()
        }
        UploadRefusal::TypeMismatch => {
            "La terminación del nombre indica otro tipo que el contenido del archivo.".to_owned()
        }
    }
}

fn invalid(field: &str, reason: Reason) -> String {
    if field.is_empty() {
        return "El cuerpo debe ser un objeto JSON.".to_owned();
    }
    match reason {
        Reason::Missing => format!("Falta {field}."),
        Reason::Empty => format!("{field} no puede estar vacío."),
        Reason::TooLong { max } => format!("{field} es demasiado largo: como máximo {max}."),
        Reason::TooShort { min } => format!("{field} es demasiado corto: como mínimo {min}."),
        Reason::Malformed => format!("{field} no tiene la forma correcta."),
        Reason::NotAllowed => format!("{field} no puede tener este valor."),
        Reason::TooCommon => format!("{field} la usa demasiada gente. Elige otra."),
    }
}
