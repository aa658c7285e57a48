//! What stands at the top of the TOML file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use tertulia_dialects::common::origin::AllowedHosts;
use tertulia_store::Database;
use tracing_subscriber::EnvFilter;

use super::{Aliases, Field, Setting};
use crate::config::Settings;
use crate::config::database::database;
use crate::config::origins;
use crate::config::problem::Refusal;
use crate::config::sections::LogFormat;
use crate::config::value::Value;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        aliases: Aliases::HostAndPort,
        field: Field::Other {
            set: set_listen,
            show: |settings| Some(texts(&settings.network.listen)),
        },
        example: "0.0.0.0:8000,0.0.0.0:8765",
        en: "Addresses to listen on, with commas between them; each serves everything. \
             `0.0.0.0` is reached from the local network, `127.0.0.1` from this machine only.",
        es: "Direcciones en las que escucha, separadas por comas; cada una lo sirve todo. \
             A `0.0.0.0` se llega desde la red local, a `127.0.0.1` solo desde esta máquina.",
    },
    Setting {
        key: "metrics_listen",
        aliases: Aliases::None,
        field: Field::Other {
            set: |settings, value| {
                settings.network.metrics_listen = Some(address(value.text()?)?);
                Ok(())
            },
            show: |settings| settings.network.metrics_listen.as_ref().map(text),
        },
        example: "127.0.0.1:9100",
        en: "An address of its own for `/metrics`, which the other addresses then do not serve.",
        es: "Una dirección propia para `/metrics`, que las demás direcciones entonces no sirven.",
    },
    Setting {
        key: "public_url",
        aliases: Aliases::FirstOf(&["BACKEND_URL"]),
        field: Field::Other {
            set: |settings, value| {
                settings.network.public_url = Some(public_url(value.text()?)?);
                Ok(())
            },
            show: |settings| settings.network.public_url.as_ref().map(text),
        },
        example: "https://chat.example.org",
        en: "How the server is reached from outside, when a proxy stands before it.",
        es: "Cómo se llega al servidor desde fuera, cuando tiene delante un proxy.",
    },
    Setting {
        key: "data_dir",
        aliases: Aliases::None,
        field: Field::Other {
            set: |settings, value| {
                settings.storage.data_dir = PathBuf::from(value.text()?);
                Ok(())
            },
            show: |settings| Some(path(&settings.storage.data_dir)),
        },
        example: "/var/lib/tertulia",
        en: "The folder of everything that the server keeps; made when it is not there.",
        es: "La carpeta de todo lo que el servidor guarda; se crea si no existe.",
    },
    Setting {
        key: "database_url",
        aliases: Aliases::None,
        field: Field::Other {
            set: |settings, value| {
                settings.storage.database = Some(database(value.text()?)?);
                Ok(())
            },
            show: |settings| {
                Some(match settings.storage.database.as_ref()? {
                    Database::Sqlite(file) => format!("sqlite:{}", file.display()).into(),
                    Database::Server(address) => address.to_string().into(),
                })
            },
        },
        example: "sqlite:/var/lib/tertulia/tertulia.db",
        en: "The database: `sqlite:` and a file, `postgres://…` or `mysql://…` (see \
             docs/en/base-de-datos.md). When not set: SQLite, in `tertulia.db` in the data folder.",
        es: "La base de datos: `sqlite:` y un archivo, `postgres://…` o `mysql://…` (véase \
             docs/es/base-de-datos.md). Si no se indica: SQLite, en `tertulia.db` de la carpeta \
             de datos.",
    },
    Setting {
        key: "jwt_secret",
        aliases: Aliases::FirstOf(&["JWT_SECRET", "JWT_SECRET_KEY", "SECRET_KEY"]),
        field: Field::Secret {
            at: |settings| &mut settings.tokens.secret,
        },
        example: "",
        en: "The secret that access tokens are signed with, at least 32 bytes. When not set, one \
             is made at the first start and kept in the data folder.",
        es: "El secreto con el que se firman los tokens de acceso, de al menos 32 bytes. Si no se \
             indica, se hace uno al primer arranque y se guarda en la carpeta de datos.",
    },
    Setting {
        key: "jwt_previous_secret",
        aliases: Aliases::None,
        field: Field::Secret {
            at: |settings| &mut settings.tokens.previous_secret,
        },
        example: "",
        en: "The secret before the last change: tokens signed with it stay valid until they end.",
        es: "El secreto anterior al último cambio: los tokens firmados con él valen hasta su fin.",
    },
    Setting {
        key: "kaapehchat_jwt_secret",
        aliases: Aliases::FirstOf(&["JWT_SECRET"]),
        field: Field::Secret {
            at: |settings| &mut settings.tokens.kaapehchat_secret,
        },
        example: "",
        en: "The `JWT_SECRET` of the KaapehChat installation that this server follows: tokens that \
             it made stay valid for KaapehChat clients until they end.",
        es: "El `JWT_SECRET` de la instalación de KaapehChat a la que sigue este servidor: los \
             tokens que hizo valen para los clientes de KaapehChat hasta su fin.",
    },
    Setting {
        key: "sos_jwt_secret",
        aliases: Aliases::FirstOf(&["JWT_SECRET_KEY"]),
        field: Field::Secret {
            at: |settings| &mut settings.tokens.sos_secret,
        },
        example: "",
        en: "The `JWT_SECRET_KEY` of the SOS-Habilidoso installation that this server follows: \
             access tokens that it made stay valid for SOS-Habilidoso clients until they end.",
        es: "El `JWT_SECRET_KEY` de la instalación de SOS-Habilidoso a la que sigue este servidor: \
             los tokens de acceso que hizo valen para los clientes de SOS-Habilidoso hasta su fin.",
    },
    Setting {
        key: "sos_socket_secret",
        aliases: Aliases::FirstOf(&["SECRET_KEY"]),
        field: Field::Secret {
            at: |settings| &mut settings.tokens.sos_socket_secret,
        },
        example: "",
        en: "The `SECRET_KEY` of that SOS-Habilidoso installation, with which it checked the \
             tokens of its sockets: tried as well.",
        es: "El `SECRET_KEY` de esa instalación de SOS-Habilidoso, con el que comprobaba los \
             tokens de sus sockets: se prueba también.",
    },
    Setting {
        key: "sos_token_lifetime",
        aliases: Aliases::FirstIn(&["JWT_ACCESS_TOKEN_LIFETIME"], "m"),
        field: Field::Time {
            at: |settings| &mut settings.transport.sos_access_lifetime,
            range: Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 60 * 60),
        },
        example: "",
        en: "How long an access token made by an SOS-Habilidoso login is valid. In \
             `JWT_ACCESS_TOKEN_LIFETIME` a bare number is minutes.",
        es: "Cuánto vale un token de acceso hecho al entrar con SOS-Habilidoso. En \
             `JWT_ACCESS_TOKEN_LIFETIME` un número solo son minutos.",
    },
    Setting {
        key: "sos_refresh_lifetime",
        aliases: Aliases::FirstIn(&["JWT_REFRESH_TOKEN_LIFETIME"], "d"),
        field: Field::Time {
            at: |settings| &mut settings.transport.sos_refresh_lifetime,
            range: Duration::from_secs(1)..=Duration::from_secs(365 * 24 * 60 * 60),
        },
        example: "",
        en: "How long the refresh token of an SOS-Habilidoso login is valid, and no longer than \
             `limit.session_lifetime`. In `JWT_REFRESH_TOKEN_LIFETIME` a bare number is days.",
        es: "Cuánto vale el token de renovación de SOS-Habilidoso, y no más que \
             `limit.session_lifetime`. En `JWT_REFRESH_TOKEN_LIFETIME` un número solo son días.",
    },
    Setting {
        key: "token_lifetime",
        aliases: Aliases::None,
        field: Field::Time {
            at: |settings| &mut settings.transport.v1_access_lifetime,
            range: Duration::from_secs(1)..=DAY,
        },
        example: "",
        en: "How long an access token of `/v1` is valid.",
        es: "Cuánto vale un token de acceso de `/v1`.",
    },
    Setting {
        key: "kaapehchat_token_lifetime",
        aliases: Aliases::None,
        field: Field::Time {
            at: |settings| &mut settings.transport.kaapehchat_access_lifetime,
            range: Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 60 * 60),
        },
        example: "",
        en: "How long an access token made by a KaapehChat login is valid.",
        es: "Cuánto vale un token de acceso hecho al entrar con KaapehChat.",
    },
    Setting {
        key: "allowed_origins",
        aliases: Aliases::UnionOf(&["ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGINS"]),
        field: Field::Other {
            set: set_allowed_origins,
            show: |settings| Some(origins::to_list(&settings.transport.allowed_origins).into()),
        },
        example: "https://chat.example.org,http://localhost:5173",
        en: "Web pages that may call the server: scheme, host and port, with commas between them \
             or as a JSON list. `*` is any page, never with cookies. When empty, pages that bring \
             a token may come from anywhere.",
        es: "Páginas web que pueden llamar al servidor: esquema, host y puerto, separadas por \
             comas o como lista JSON. `*` es cualquier página, nunca con cookies. Si está vacío, \
             las páginas que traen un token pueden venir de cualquier lugar.",
    },
    Setting {
        key: "sos_allowed_hosts",
        aliases: Aliases::FirstOf(&["ALLOWED_HOSTS"]),
        field: Field::Other {
            set: set_sos_allowed_hosts,
            show: |settings| {
                let hosts = settings.transport.sos_allowed_hosts.entries();
                Some(hosts.map(str::to_owned).collect::<Vec<_>>().into())
            },
        },
        example: "liga.example.org,localhost",
        en: "Hosts whose web pages may open SOS-Habilidoso's sockets, whatever their scheme and \
             port, beside those of `allowed_origins`: with commas between them, `.host` for all \
             below it, `*` for any; with a port it is that port alone. When empty, \
             `allowed_origins` alone decides. The `Host` of a request is not compared with it.",
        es: "Hosts cuyas páginas web pueden abrir los sockets de SOS-Habilidoso, con cualquier \
             esquema y puerto, además de las de `allowed_origins`: separados por comas, `.host` \
             para todo lo que hay debajo, `*` para cualquiera; con puerto, solo ese puerto. Si \
             está vacío, solo decide `allowed_origins`. El `Host` de una petición no se compara \
             con ello.",
    },
    Setting {
        key: "trusted_proxies",
        aliases: Aliases::None,
        field: Field::Other {
            set: set_trusted_proxies,
            show: |settings| Some(texts(&settings.transport.trusted_proxies)),
        },
        example: "127.0.0.1,10.0.0.0/8",
        en: "Proxies whose headers about the client's address are believed: addresses or networks, \
             with commas between them.",
        es: "Proxies a los que se cree en sus cabeceras la dirección del cliente: direcciones o \
             redes, separadas por comas.",
    },
    Setting {
        key: "tls_cert",
        aliases: Aliases::FirstOf(&["SSL_CERT", "SSL_CERT_FILE"]),
        field: Field::Other {
            set: |settings, value| {
                settings.network.tls.certificate = Some(PathBuf::from(value.text()?));
                Ok(())
            },
            show: |settings| settings.network.tls.certificate.as_deref().map(path),
        },
        example: "cert.pem",
        en: "The certificate chain for TLS, a PEM file. With it goes `tls_key`.",
        es: "La cadena de certificados para TLS, un archivo PEM. Con él va `tls_key`.",
    },
    Setting {
        key: "tls_key",
        aliases: Aliases::FirstOf(&["SSL_KEY", "SSL_KEY_FILE"]),
        field: Field::Other {
            set: |settings, value| {
                settings.network.tls.key = Some(PathBuf::from(value.text()?));
                Ok(())
            },
            show: |settings| settings.network.tls.key.as_deref().map(path),
        },
        example: "key.pem",
        en: "The private key of the certificate, a PEM file.",
        es: "La clave privada del certificado, un archivo PEM.",
    },
    Setting {
        key: "websocket_compression",
        aliases: Aliases::None,
        field: Field::Switch {
            at: |settings| &mut settings.transport.compression,
        },
        example: "true",
        en: "Whether WebSockets are compressed when the client asks for it. It costs memory and \
             time for each connection.",
        es: "Si los WebSockets se comprimen cuando el cliente lo pide. Cuesta memoria y tiempo por \
             cada conexión.",
    },
    Setting {
        key: "presence_grace",
        aliases: Aliases::None,
        field: Field::Time {
            at: |settings| &mut settings.presence_grace,
            range: Duration::ZERO..=Duration::from_secs(30),
        },
        example: "",
        en: "How long somebody whose last connection ended may take to come back before the others \
             see them offline.",
        es: "Cuánto puede tardar en volver alguien que perdió su última conexión antes de que los \
             demás lo vean desconectado.",
    },
    Setting {
        key: "recovery_window",
        aliases: Aliases::None,
        field: Field::Time {
            at: |settings| &mut settings.transport.recovery_window,
            range: Duration::ZERO..=DAY,
        },
        example: "",
        en: "For how long a Socket.IO client that was cut off may come back and get what it missed \
             (connection state recovery); `0` turns it off.",
        es: "Por cuánto tiempo puede volver un cliente Socket.IO que perdió la conexión y recibir \
             lo que se perdió (connection state recovery); `0` lo desactiva.",
    },
    Setting {
        key: "log",
        aliases: Aliases::Words(
            &["FLASK_ENV", "DEBUG"],
            &[
                ("development", "info,tertulia=debug"),
                ("production", "info"),
                ("True", "info,tertulia=debug"),
                ("true", "info,tertulia=debug"),
                ("1", "info,tertulia=debug"),
            ],
        ),
        field: Field::Other {
            set: set_log,
            show: |settings| Some(text(&settings.log.filter)),
        },
        example: "info,tertulia_store=debug",
        en: "What is logged: `error`, `warn`, `info`, `debug`, `trace` or `off`, for everything or \
             for parts.",
        es: "Qué se registra: `error`, `warn`, `info`, `debug`, `trace` u `off`, para todo o por \
             partes.",
    },
    Setting {
        key: "log_format",
        aliases: Aliases::None,
        field: Field::Other {
            set: set_log_format,
            show: |settings| Some(log_format(settings.log.format).into()),
        },
        example: "json",
        en: "How a line of the log looks: `human`, `json`, or `auto`, which is for people on a \
             terminal and JSON elsewhere.",
        es: "Cómo es una línea del registro: `human` (para personas), `json`, o `auto`, que es \
             para personas en una terminal y JSON en lo demás.",
    },
    Setting {
        key: "log_ws_disconnects",
        aliases: Aliases::FirstOf(&["LOG_WS_DISCONNECTS"]),
        field: Field::Switch {
            at: |settings| &mut settings.log.websocket_disconnects,
        },
        example: "true",
        en: "Whether WebSockets that break off without a goodbye are logged.",
        es: "Si se registran los WebSockets que se cortan sin despedirse.",
    },
];

fn text(value: &impl ToString) -> toml::Value {
    value.to_string().into()
}

fn texts(values: &[impl ToString]) -> toml::Value {
    toml::Value::Array(values.iter().map(text).collect())
}

fn path(path: &Path) -> toml::Value {
    path.display().to_string().into()
}

fn address<A: std::str::FromStr>(text: &str) -> Result<A, Refusal> {
    text.parse()
        .map_err(|_| Refusal::expected("an address `host:port`", "una dirección `host:puerto`"))
}

fn set_listen(settings: &mut Settings, value: &Value) -> Result<(), Refusal> {
    let items = value.list()?;
    let listen: Option<Vec<_>> = items.iter().map(|item| item.parse().ok()).collect();
    settings.network.listen = listen.filter(|listen| !listen.is_empty()).ok_or_else(|| {
        Refusal::expected(
            "addresses `host:port` with commas between them",
            "direcciones `host:puerto` separadas por comas",
        )
    })?;
    Ok(())
}

fn public_url(text: &str) -> Result<String, Refusal> {
    let expected = || {
        Refusal::expected(
            "http:// or https:// and a host, without a path",
            "http:// o https:// y un host, sin ruta",
        )
    };
    let url: Uri = text.parse().map_err(|_| expected())?;
    let is_web = matches!(url.scheme_str(), Some("http" | "https"));
    let is_bare = url.path() == "/" && url.query().is_none();
    if !is_web || !is_bare || url.authority().is_none() {
        return Err(expected());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn set_allowed_origins(settings: &mut Settings, value: &Value) -> Result<(), Refusal> {
    let origins = origins::from_list(value.list()?).map_err(|wrong| {
        Refusal::expected(
            format!("origins `scheme://host` or `scheme://host:port`, or `*`; `{wrong}` is none"),
            format!(
                "orígenes `esquema://host` o `esquema://host:puerto`, o `*`; `{wrong}` no lo es"
            ),
        )
    })?;
    settings.transport.allowed_origins = origins;
    Ok(())
}

fn set_sos_allowed_hosts(settings: &mut Settings, value: &Value) -> Result<(), Refusal> {
    let items = value.list()?;
    let hosts = AllowedHosts::from_entries(items.iter().map(String::as_str));
    settings.transport.sos_allowed_hosts = hosts.ok_or_else(|| {
        Refusal::expected(
            "hosts such as `liga.example.org`, `.example.org` or `*`, without a scheme",
            "hosts como `liga.example.org`, `.example.org` o `*`, sin esquema",
        )
    })?;
    Ok(())
}

fn set_trusted_proxies(settings: &mut Settings, value: &Value) -> Result<(), Refusal> {
    let items = value.list()?;
    let networks: Option<_> = items.iter().map(|item| item.parse().ok()).collect();
    settings.transport.trusted_proxies = networks.ok_or_else(|| {
        Refusal::expected(
            "IP addresses or networks, with commas between them",
            "direcciones IP o redes, separadas por comas",
        )
    })?;
    Ok(())
}

fn set_log(settings: &mut Settings, value: &Value) -> Result<(), Refusal> {
    let filter = value.text()?;
    if EnvFilter::try_new(filter).is_err() {
        return Err(Refusal::expected(
            "a level (error, warn, info, debug, trace, off), or parts with levels",
            "un nivel (error, warn, info, debug, trace, off), o partes con niveles",
        ));
    }
    filter.clone_into(&mut settings.log.filter);
    Ok(())
}

fn set_log_format(settings: &mut Settings, value: &Value) -> Result<(), Refusal> {
    let formats = [LogFormat::Auto, LogFormat::Human, LogFormat::Json];
    let word = value.text()?;
    let format = formats
        .into_iter()
        .find(|format| log_format(*format) == word);
    settings.log.format =
        format.ok_or_else(|| Refusal::expected("auto, human or json", "auto, human o json"))?;
    Ok(())
}

fn log_format(format: LogFormat) -> &'static str {
    match format {
        LogFormat::Auto => "auto",
        LogFormat::Human => "human",
        LogFormat::Json => "json",
    }
}
