//! The address of our own store, and the variables in which the older systems
//! name theirs.

use std::path::PathBuf;

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

/// The SQLite file that an address names: `sqlite:` and a path, with or
/// without slashes before it.
pub(super) fn sqlite_file(url: &str) -> Result<PathBuf, Refusal> {
    let (scheme, rest) = url.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "sqlite" => {}
        "postgres" | "postgresql" => return Err(not_yet("PostgreSQL")),
        "mysql" | "mariadb" => return Err(not_yet("MySQL / MariaDB")),
        _ => return Err(expected_sqlite()),
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path == ":memory:" || path.contains('?') {
        return Err(expected_sqlite());
    }
    Ok(PathBuf::from(path))
}

/// Every variable in which an older system names its database.
pub(super) fn import_variables() -> impl Iterator<Item = &'static str> {
    OLDER_SYSTEMS
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
}

fn expected_sqlite() -> Refusal {
    Refusal::expected(
        "`sqlite:` and the path of a file",
        "`sqlite:` y la ruta de un archivo",
    )
}

fn not_yet(database: &str) -> Refusal {
    Refusal::unusable(
        format!("{database} is not in this version of Tertulia, which keeps its data in SQLite"),
        format!("{database} no está en esta versión de Tertulia, que guarda sus datos en SQLite"),
    )
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
            assert_eq!(sqlite_file(url), Ok(PathBuf::from(file)), "{url}");
        }
        for url in [
            "",
            "chat.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite://",
            "redis://x",
        ] {
            assert_eq!(sqlite_file(url), Err(expected_sqlite()), "{url}");
        }
    }

    #[test]
    fn databases_of_servers_are_named_as_not_there() {
        for url in [
            "postgres://u:p@h/db",
            "postgresql://h/db",
            "mysql://h/db",
            "mariadb://h/db",
        ] {
            let Err(Refusal::Unusable(why)) = sqlite_file(url) else {
                panic!("{url} was taken");
            };
            assert!(why.en.contains("not in this version"), "{}", why.en);
            assert!(!why.en.contains("u:p"), "{}", why.en);
        }
    }
}
