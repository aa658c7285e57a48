//! The table `[limit]`: each limit of `reliability.md` §2 and of the domain.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Aliases, Field, Number, Setting};
use crate::config::Settings;
use crate::config::problem::Refusal;
use crate::config::value::Value;

const KIB: u64 = 1024;
const GIB: u64 = 1024 * 1024 * KIB;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Beyond this a number is a mistake.
const MANY: u64 = 1_000_000_000;

const CONNECTIONS: RangeInclusive<u64> = 1..=10_000_000;

pub(super) const SETTINGS: &[Setting] = &[
    size(
        "limit.websocket_message_bytes",
        |settings| &mut settings.transport.message_bytes,
        KIB..=GIB,
        "The largest WebSocket message, unpacked.",
        "El mensaje WebSocket más grande, descomprimido.",
    ),
    size(
        "limit.socketio_bytes",
        |settings| &mut settings.transport.socketio_bytes,
        KIB..=GIB,
        "The largest Socket.IO packet with its attachments, and the largest polling body.",
        "El paquete Socket.IO más grande con sus adjuntos, y el cuerpo de polling más grande.",
    ),
    count(
        "limit.socketio_attachments",
        Number::Usize(|settings| &mut settings.transport.socketio_attachments),
        0..=1_000,
        "Binary attachments of one Socket.IO packet.",
        "Adjuntos binarios de un paquete Socket.IO.",
    ),
    count(
        "limit.polling_sessions",
        Number::Usize(|settings| &mut settings.transport.polling_sessions),
        CONNECTIONS,
        "Socket.IO sessions at once that began over HTTP polling.",
        "Sesiones Socket.IO a la vez que empezaron por polling HTTP.",
    ),
    size(
        "limit.http_body_bytes",
        |settings| &mut settings.transport.body_bytes,
        KIB..=GIB,
        "The largest JSON body of a request.",
        "El cuerpo JSON más grande de una petición.",
    ),
    count(
        "limit.json_depth",
        Number::Usize(|settings| &mut settings.transport.json_depth),
        1..=128,
        "Objects and lists within one another in JSON.",
        "Objetos y listas uno dentro de otro en JSON.",
    ),
    count(
        "limit.json_members",
        Number::Usize(|settings| &mut settings.transport.json_members),
        1..=MANY,
        "Members of one JSON object.",
        "Miembros de un objeto JSON.",
    ),
    count(
        "limit.json_values",
        Number::Usize(|settings| &mut settings.transport.json_values),
        1..=MANY,
        "Values of all kinds in one JSON text.",
        "Valores de toda clase en un texto JSON.",
    ),
    size(
        "limit.outbox_bytes",
        |settings| &mut settings.transport.outbox_bytes,
        KIB..=GIB,
        "Bytes that may wait for one slow reader; beyond it the connection is cut and catches up.",
        "Bytes que pueden esperar a un lector lento; más allá la conexión se corta y se pone al día.",
    ),
    time(
        "limit.stall_timeout",
        |settings| &mut settings.transport.stall_timeout,
        "How long a reader may take nothing before its connection is cut.",
        "Cuánto puede un lector no recibir nada antes de que se corte su conexión.",
    ),
    count(
        "limit.connections_per_user",
        Number::Usize(|settings| &mut settings.transport.connections_per_user),
        CONNECTIONS,
        "Live connections of one user.",
        "Conexiones vivas de un usuario.",
    ),
    count(
        "limit.unauthenticated_per_address",
        Number::Usize(|settings| &mut settings.transport.unauthenticated_per_address),
        CONNECTIONS,
        "Connections from one address that have not yet said who they are.",
        "Conexiones desde una dirección que aún no han dicho quién son.",
    ),
    Setting {
        key: "limit.connections",
        aliases: Aliases::None,
        field: Field::Other {
            set: set_connections,
            show: |settings| {
                Some(match settings.listener.connections {
                    Some(connections) => i64::try_from(connections).unwrap_or(i64::MAX).into(),
                    None => AUTO.into(),
                })
            },
        },
        example: "10000",
        en: "Connections in all. `auto` is as many as the limit of open files allows, with a \
             reserve.",
        es: "Conexiones en total. `auto` es tantas como permite el límite de archivos abiertos, \
             con una reserva.",
    },
    count(
        "limit.connection_attempts_per_second",
        Number::NonZeroU32(|settings| &mut settings.listener.connection_attempts_per_second),
        1..=1_000_000,
        "New connections from one address in a second.",
        "Conexiones nuevas desde una dirección en un segundo.",
    ),
    time(
        "limit.header_timeout",
        |settings| &mut settings.listener.header_timeout,
        "How long the headers of a request may take to arrive.",
        "Cuánto pueden tardar en llegar las cabeceras de una petición.",
    ),
    time(
        "limit.auth_timeout",
        |settings| &mut settings.transport.auth_timeout,
        "How long a connection may take to say who it is.",
        "Cuánto puede tardar una conexión en decir quién es.",
    ),
    time(
        "limit.kaapehchat_auth_timeout",
        |settings| &mut settings.transport.kaapehchat_auth_timeout,
        "The same for KaapehChat, where people type the password on the open socket.",
        "Lo mismo para KaapehChat, donde la contraseña se escribe con el socket abierto.",
    ),
    time(
        "limit.ping_interval",
        |settings| &mut settings.transport.ping_interval,
        "How often a WebSocket is pinged.",
        "Cada cuánto se hace ping a un WebSocket.",
    ),
    time(
        "limit.ping_timeout",
        |settings| &mut settings.transport.ping_timeout,
        "How long the answer to a ping may take.",
        "Cuánto puede tardar la respuesta a un ping.",
    ),
    count(
        "limit.messages_per_second",
        Number::NonZeroU32(|settings| &mut settings.transport.messages_per_second),
        1..=1_000_000,
        "Messages of one user in a second, in the long run.",
        "Mensajes de un usuario en un segundo, a la larga.",
    ),
    count(
        "limit.message_burst",
        Number::NonZeroU32(|settings| &mut settings.transport.message_burst),
        1..=1_000_000,
        "Messages of one user at once, after a pause.",
        "Mensajes de un usuario de una vez, tras una pausa.",
    ),
    count(
        "limit.entering_at_once",
        Number::Usize(|settings| &mut settings.transport.entering_at_once),
        1..=MANY,
        "Clients that are let in and told what they missed at the same moment; others wait for their turn.",
        "Clientes a los que se deja entrar y se pone al día a la vez; los demás esperan su turno.",
    ),
    count(
        "limit.rooms_per_connection",
        Number::Usize(|settings| &mut settings.transport.rooms_per_connection),
        1..=MANY,
        "Rooms that one connection may join.",
        "Salas a las que puede unirse una conexión.",
    ),
    count(
        "limit.text_chars",
        Number::Usize(|settings| &mut settings.limits.text_chars),
        1..=1_000_000,
        "Characters of a message's text.",
        "Caracteres del texto de un mensaje.",
    ),
    size(
        "limit.metadata_bytes",
        |settings| &mut settings.limits.metadata_bytes,
        KIB..=GIB,
        "What a message carries besides its text, as JSON.",
        "Lo que un mensaje lleva además de su texto, en JSON.",
    ),
    count(
        "limit.username_chars",
        Number::Usize(|settings| &mut settings.limits.username_chars),
        1..=255,
        "Characters of a username.",
        "Caracteres de un nombre de usuario.",
    ),
    count(
        "limit.display_name_chars",
        Number::Usize(|settings| &mut settings.limits.display_name_chars),
        1..=255,
        "Characters of the name that others see.",
        "Caracteres del nombre que ven los demás.",
    ),
    count(
        "limit.email_chars",
        Number::Usize(|settings| &mut settings.limits.email_chars),
        3..=254,
        "Characters of an e-mail address.",
        "Caracteres de una dirección de correo.",
    ),
    count(
        "limit.title_chars",
        Number::Usize(|settings| &mut settings.limits.title_chars),
        1..=255,
        "Characters of a room's title.",
        "Caracteres del título de una sala.",
    ),
    count(
        "limit.description_chars",
        Number::Usize(|settings| &mut settings.limits.description_chars),
        1..=100_000,
        "Characters of a room's description.",
        "Caracteres de la descripción de una sala.",
    ),
    count(
        "limit.password_min_chars",
        Number::Usize(|settings| &mut settings.limits.password_chars.0),
        8..=128,
        "The fewest characters of a new password.",
        "El mínimo de caracteres de una contraseña nueva.",
    ),
    count(
        "limit.password_max_chars",
        Number::Usize(|settings| &mut settings.limits.password_chars.1),
        128..=4_096,
        "The most characters of a new password.",
        "El máximo de caracteres de una contraseña nueva.",
    ),
    count(
        "limit.initial_members",
        Number::Usize(|settings| &mut settings.limits.initial_members),
        1..=100_000,
        "Members that a room may be made with.",
        "Miembros con los que se puede crear una sala.",
    ),
    count(
        "limit.reactions_per_message",
        Number::Usize(|settings| &mut settings.limits.reactions_per_message),
        1..=100_000,
        "Different reactions on one message.",
        "Reacciones distintas en un mensaje.",
    ),
    size(
        "limit.file_bytes",
        |settings| &mut settings.limits.file_bytes,
        KIB..=100 * GIB,
        "The largest file that may be uploaded.",
        "El archivo más grande que se puede subir.",
    ),
    count(
        "limit.files_per_message",
        Number::Usize(|settings| &mut settings.limits.files_per_message),
        1..=100,
        "Files of one message, and of one request that uploads.",
        "Archivos de un mensaje, y de una petición de subida.",
    ),
    size(
        "limit.file_quota_bytes",
        |settings| &mut settings.limits.file_quota_bytes,
        KIB..=1024 * 1024 * GIB,
        "All files of one user together.",
        "Todos los archivos de un usuario juntos.",
    ),
    count(
        "limit.uploads_per_user",
        Number::Usize(|settings| &mut settings.limits.uploads_per_user),
        1..=10_000,
        "Uploads of one user that are under way, interrupted ones included.",
        "Subidas de un usuario que están en marcha, también las interrumpidas.",
    ),
    Setting {
        key: "limit.upload_lifetime",
        aliases: Aliases::None,
        field: Field::Time {
            at: |settings| &mut settings.limits.upload_lifetime,
            range: Duration::from_secs(60)..=Duration::from_secs(365 * 24 * 60 * 60),
        },
        example: "",
        en: "How long an interrupted upload can be resumed.",
        es: "Cuánto tiempo se puede reanudar una subida interrumpida.",
    },
    count(
        "limit.page_size",
        Number::Usize(|settings| &mut settings.limits.page_size),
        1..=1_000,
        "Items of one page; where a system that is followed has its own number, that holds.",
        "Elementos de una página; donde un sistema al que se sigue tiene su número, vale el suyo.",
    ),
    count(
        "limit.recovery_messages",
        Number::I64(|settings| &mut settings.limits.recovery_messages),
        1..=10_000_000,
        "Missed messages of one room that a returning client is sent; beyond it, it reads the \
         history.",
        "Mensajes perdidos de una sala que se mandan a un cliente que vuelve; más allá, lee el \
         historial.",
    ),
    count(
        "limit.writer_queue",
        Number::Usize(|settings| &mut settings.limits.writer_queue),
        1..=1_000_000,
        "Writes that may wait for the database.",
        "Escrituras que pueden esperar a la base de datos.",
    ),
    count(
        "limit.writer_batch",
        Number::Usize(|settings| &mut settings.limits.writer_batch),
        1..=10_000,
        "Writes that become one transaction.",
        "Escrituras que se vuelven una transacción.",
    ),
    Setting {
        key: "limit.file_link_lifetime",
        aliases: Aliases::None,
        field: Field::Time {
            at: |settings| &mut settings.transport.file_link_lifetime,
            range: Duration::from_secs(60)..=Duration::from_secs(7 * 24 * 60 * 60),
        },
        example: "",
        en: "How long a link to a file is good; at most a quarter longer.",
        es: "Cuánto tiempo vale un enlace a un archivo; como mucho un cuarto más.",
    },
    time(
        "limit.writer_wait",
        |settings| &mut settings.limits.writer_wait,
        "How long a write may wait for the database before its sender is told to try again; at most \
         half a second longer.",
        "Cuánto puede esperar una escritura a la base de datos antes de pedir que se reintente; como \
         mucho medio segundo más.",
    ),
    count(
        "limit.login_failures_per_account",
        Number::U32(|settings| &mut settings.limits.login_failures_per_account),
        1..=1_000_000,
        "Failed logins of one account, after which each further try has to wait.",
        "Entradas fallidas de una cuenta, tras las que cada nuevo intento ha de esperar.",
    ),
    count(
        "limit.login_failures_per_address",
        Number::U32(|settings| &mut settings.limits.login_failures_per_address),
        1..=1_000_000,
        "Failed logins from one address, after which each further try has to wait.",
        "Entradas fallidas desde una dirección, tras las que cada nuevo intento ha de esperar.",
    ),
    count(
        "limit.registrations_per_address",
        Number::U32(|settings| &mut settings.limits.registrations_per_address),
        1..=1_000_000,
        "Accounts registered from one address, after which each further one has to wait.",
        "Cuentas registradas desde una dirección, tras las que cada nueva ha de esperar.",
    ),
    Setting {
        key: "limit.session_lifetime",
        aliases: Aliases::None,
        field: Field::Time {
            at: |settings| &mut settings.limits.session_lifetime,
            range: Duration::from_secs(1)..=Duration::from_secs(10 * 365 * 24 * 60 * 60),
        },
        example: "",
        en: "How long a login lasts without being used.",
        es: "Cuánto dura una sesión sin usarse.",
    },
];

/// A word in place of a number.
const AUTO: &str = "auto";

const fn count(
    key: &'static str,
    at: Number,
    range: RangeInclusive<u64>,
    en: &'static str,
    es: &'static str,
) -> Setting {
    limit(key, Field::Count { at, range }, en, es)
}

const fn size(
    key: &'static str,
    at: fn(&mut Settings) -> &mut usize,
    range: RangeInclusive<u64>,
    en: &'static str,
    es: &'static str,
) -> Setting {
    limit(key, Field::Size { at, range }, en, es)
}

/// From 100 ms, which tests of heartbeats need, to an hour.
const fn time(
    key: &'static str,
    at: fn(&mut Settings) -> &mut Duration,
    en: &'static str,
    es: &'static str,
) -> Setting {
    let range = Duration::from_millis(100)..=HOUR;
    limit(key, Field::Time { at, range }, en, es)
}

const fn limit(key: &'static str, field: Field, en: &'static str, es: &'static str) -> Setting {
    Setting {
        key,
        aliases: Aliases::None,
        field,
        example: "",
        en,
        es,
    }
}

fn set_connections(settings: &mut Settings, value: &Value) -> Result<(), Refusal> {
    settings.listener.connections = match value.text()? {
        AUTO => None,
        _ => usize::try_from(value.count(&CONNECTIONS)?).ok(),
    };
    Ok(())
}
