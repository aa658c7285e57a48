//! The address of our own store, and the variables in which the older systems
//! name theirs.

use std::path::PathBuf;

use tertulia_store::{AddressError, Database, ServerAddress};

use super::problem::Refusal;
use super::sources::Variables;
use super::text::Text;

/// Where each older system says which database it uses
/// (`contracts/README.md`, "Conflicts of configuration").
const OLDER_SYSTEMS: &[(&str, &[&str])] = &[
    (
        "KaapehChat",
        &[
            "MYSQL_DB",
            "MYSQL_HOST",
            "MYSQL_PASSWORD",
            "MYSQL_PORT",
            "MYSQL_USER",
        ],
    ),
    (
        "UPRed",
        &["DB_HOST", "DB_NAME", "DB_PASSWORD", "DB_PORT", "DB_USER"],
    ),
    ("IzpoChat / REDUP", &["DATABASE_URL"]),
    (
        "SOS-Habilidoso",
        &[
            "DATABASE_HOST",
            "DATABASE_NAME",
            "DATABASE_PASSWORD",
            "DATABASE_PORT",
            "DATABASE_USER",
        ],
    ),
];

/// The database that an address names: `sqlite:` and a path, with or without
/// slashes before it, or a server's URL.
pub(super) fn database(url: &str) -> Result<Database, Refusal> {
    let (scheme, rest) = url.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "sqlite" => {}
        "postgres" | "postgresql" | "mysql" | "mariadb" => {
            return ServerAddress::parse(url)
                .map(Database::Server)
                .map_err(|error| wrong_server(&error));
        }
        _ => return Err(expected_database()),
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path == ":memory:" || path.contains('?') {
        return Err(expected_database());
    }
    Ok(Database::Sqlite(PathBuf::from(path)))
}

/// Every variable in which an older system names its database.
pub(super) fn import_variables() -> impl Iterator<Item = &'static str> {
    OLDER_SYSTEMS
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
}

fn expected_database() -> Refusal {
    Refusal::expected(
        "`sqlite:` and the path of a file, or the URL `postgres://…` or `mysql://…` of a database",
        "`sqlite:` y la ruta de un archivo, o la URL `postgres://…` o `mysql://…` de una base de datos",
    )
}

/// Without the URL, which may hold a password.
fn wrong_server(error: &AddressError) -> Refusal {
    let (en, es) = match error {
        AddressError::Scheme | AddressError::Malformed => return expected_database(),
        AddressError::NoDatabase => (
            "the URL names no database: `postgres://user@host/database`",
            "la URL no nombra ninguna base de datos: `postgres://usuario@servidor/base`",
        ),
        AddressError::Schema => (
            "the name of a schema has lower-case letters, digits and `_` only",
            "el nombre de un esquema lleva solo minúsculas, cifras y `_`",
        ),
    };
    Refusal::unusable(en, es)
}

/// One notice for each older system whose database is named. The values are
/// not shown: some are secrets.
pub(super) fn import_sources(variables: &Variables) -> Vec<Text> {
    OLDER_SYSTEMS
        .iter()
        .filter_map(|(system, names)| {
            let given: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| variables.get(name).is_some())
                .collect();
            (!given.is_empty()).then(|| import_source(system, &given.join(", ")))
        })
        .collect()
}

fn import_source(system: &str, names: &str) -> Text {
    Text::new(
        format!(
            "{names}: the database of {system}, taken as the source of an import; \
             Tertulia keeps its own data elsewhere and does not touch it"
        ),
        format!(
            "{names}: la base de datos de {system}, que vale como origen de una importación; \
             Tertulia guarda sus datos en otro lugar y no la toca"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_addresses_name_a_file() {
        let cases = [
            ("sqlite:chat.db", "chat.db"),
            ("sqlite://chat.db", "chat.db"),
            (
                "sqlite:/var/lib/tertulia/chat.db",
                "/var/lib/tertulia/chat.db",
            ),
            (
                "sqlite:///var/lib/tertulia/chat.db",
                "/var/lib/tertulia/chat.db",
            ),
            (r"SQLite:C:\chat\chat.db", r"C:\chat\chat.db"),
        ];
        for (url, file) in cases {
            let Ok(Database::Sqlite(path)) = database(url) else {
                panic!("{url} names no file");
            };
            assert_eq!(path, PathBuf::from(file), "{url}");
        }
        for url in [
            "",
            "chat.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite://",
            "redis://x",
            "postgres://h:x/db",
        ] {
            assert_eq!(refusal(url), Some(expected_database()), "{url}");
        }
    }

    fn refusal(url: &str) -> Option<Refusal> {
        database(url).err()
    }

    #[test]
    fn servers_are_named_by_their_url_and_shown_without_password() {
        let cases = [
            (
                "postgres://u:p@h/db?sslmode=require",
                "postgres://h:5432/db",
            ),
            (
                "postgresql://h/db?schema=chat",
                "postgres://h:5432/db?schema=chat",
            ),
            ("mysql://u:p@h/db", "mysql://h:3306/db"),
            ("MariaDB://u:p@h:3307/db", "mysql://h:3307/db"),
        ];
        for (url, shown) in cases {
            let named = database(url).map(|named| named.to_string());
            assert_eq!(named, Ok(shown.to_owned()));
        }
        let Some(Refusal::Unusable(why)) = refusal("mysql://u:secret@h") else {
            panic!("a URL without a database was taken");
        };
        assert!(!why.en.contains("secret"), "{}", why.en);
    }
}
