//! Where a database server is, as its URL says.

use std::fmt;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// A PostgreSQL, MySQL or MariaDB server, with the database to use there.
///
/// `postgres://user:password@host:5432/database` or `mysql://…`, with
/// parameters: `sslmode` (PostgreSQL) or `ssl-mode` (MySQL) and the files of
/// certificates as `sqlx` names them; `schema`, PostgreSQL's schema that holds
/// the tables; `prepare=false` for poolers that keep no prepared statements.
///
/// Shown and logged without its password.
#[derive(Clone)]
pub struct ServerAddress {
    pub(crate) server: Server,
    /// PostgreSQL: the schema that holds the tables, where one is named.
    pub(crate) schema: Option<String>,
    /// Whether statements stay prepared between transactions.
    pub(crate) prepare: bool,
    shown: String,
}

/// Which server, with what its driver needs to know.
#[derive(Clone)]
pub(crate) enum Server {
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

/// What is wrong with a server's URL. Never holds the URL, which may hold a
/// password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not `postgres:` or `mysql:`.
    #[error("it begins with neither postgres:// nor mysql://")]
    Scheme,
    /// It names no database.
    #[error("it names no database")]
    NoDatabase,
    /// A schema's name has letters, digits and `_` only, at most 63.
    #[error("the name of a schema has lower-case letters, digits and _ only")]
    Schema,
    /// Something else of it is wrong.
    #[error("it cannot be read")]
    Malformed,
}

impl ServerAddress {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = url.split_once("://").ok_or(AddressError::Scheme)?;
        let own = OwnParameters::take(rest)?;
        let server = match scheme.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" => Server::Postgres(Box::new(postgres(&own.rest)?)),
            "mysql" | "mariadb" => Server::MySql(Box::new(mysql(&own.rest)?)),
            _ => return Err(AddressError::Scheme),
        };
        Ok(Self {
            shown: server.shown(own.schema.as_deref()),
            server,
            schema: own.schema,
            prepare: own.prepare,
        })
    }
}

impl ServerAddress {
    /// The database's name, where it is one that a statement can say.
    pub(crate) fn database(&self) -> Option<&str> {
        let name = match &self.server {
            Server::Postgres(options) => options.get_database(),
            Server::MySql(options) => options.get_database(),
        };
        name.filter(|name| !name.contains(['"', '`', '\\', '\'']))
    }

    /// Where and how the database can be made.
    pub(crate) fn to_make_it(&self, name: &str) -> (Server, String) {
        match &self.server {
            Server::Postgres(options) => {
                let options = options.as_ref().clone().database("postgres");
                let sql = format!("CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0");
                (Server::Postgres(Box::new(options)), sql)
            }
            Server::MySql(options) => {
                let options = options.as_ref().clone().database("information_schema");
                let sql = format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4");
                (Server::MySql(Box::new(options)), sql)
            }
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Server {
    fn shown(&self, schema: Option<&str>) -> String {
        let schema = schema.map(|name| format!("?schema={name}"));
        let (scheme, host, port, database) = match self {
            Self::Postgres(options) => (
                "postgres",
                options.get_host(),
                options.get_port(),
                options.get_database(),
            ),
            Self::MySql(options) => (
                "mysql",
                options.get_host(),
                options.get_port(),
                options.get_database(),
            ),
        };
        format!(
            "{scheme}://{host}:{port}/{}{}",
            database.unwrap_or_default(),
            schema.unwrap_or_default()
        )
    }
}

fn postgres(rest: &str) -> Result<PgConnectOptions, AddressError> {
    let options = PgConnectOptions::from_str(&format!("postgres://{rest}"))
        .map_err(|_| AddressError::Malformed)?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(AddressError::NoDatabase);
    }
    Ok(options
        .application_name("tertulia")
        // Poolers refuse a start with it; no column holds a fraction.
        .extra_float_digits(None)
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging())
}

fn mysql(rest: &str) -> Result<MySqlConnectOptions, AddressError> {
    let options = MySqlConnectOptions::from_str(&format!("mysql://{rest}"))
        .map_err(|_| AddressError::Malformed)?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(AddressError::NoDatabase);
    }
    Ok(options
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging())
}

/// Prepared statements kept by each connection.
const STATEMENTS: usize = 256;

/// The parameters that are ours, and the URL without them.
struct OwnParameters {
    rest: String,
    schema: Option<String>,
    prepare: bool,
}

impl OwnParameters {
    fn take(url: &str) -> Result<Self, AddressError> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let mut own = Self {
            rest: path.to_owned(),
            schema: None,
            prepare: true,
        };
        let mut separator = '?';
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("schema", name)) => own.schema = Some(schema(name)?),
                Some(("prepare", "true")) => own.prepare = true,
                Some(("prepare", "false")) => own.prepare = false,
                Some(("prepare", _)) => return Err(AddressError::Malformed),
                _ => {
                    own.rest.push(separator);
                    own.rest.push_str(parameter);
                    separator = '&';
                }
            }
        }
        Ok(own)
    }
}

/// The name stands in statements, so only what needs no quotes is taken.
fn schema(name: &str) -> Result<String, AddressError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let fits = (1..=63).contains(&name.len()) && !name.starts_with(|c: char| c.is_ascii_digit());
    if fits && name.chars().all(plain) {
        Ok(name.to_owned())
    } else {
        Err(AddressError::Schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> Result<String, AddressError> {
        ServerAddress::parse(url).map(|address| format!("{address} {address:?}"))
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for url in [
            "postgres://ann:secret@db.example.org:6000/chat?sslmode=require&schema=talk",
            "postgresql://ann:secret@db.example.org:6000/chat?schema=talk&prepare=false",
        ] {
            let shown = shown(url).expect("an address");
            let plain = "postgres://db.example.org:6000/chat?schema=talk";
            assert_eq!(shown, format!("{plain} {plain}"));
        }
        let shown = shown("mariadb://ann:secret@db.example.org/chat").expect("an address");
        assert!(
            shown.starts_with("mysql://db.example.org:3306/chat "),
            "{shown}"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(shown("redis://h/db"), Err(AddressError::Scheme));
        assert_eq!(shown("chat.db"), Err(AddressError::Scheme));
        assert_eq!(shown("mysql://h"), Err(AddressError::NoDatabase));
        assert_eq!(shown("postgres://h/"), Err(AddressError::NoDatabase));
        assert_eq!(shown("postgres://h:x/db"), Err(AddressError::Malformed));
        assert_eq!(
            shown("mysql://h/db?prepare=x"),
            Err(AddressError::Malformed)
        );
        for name in ["", "a b", "A", "1a", "a;DROP"] {
            let url = format!("postgres://h/db?schema={name}");
            assert_eq!(shown(&url), Err(AddressError::Schema), "{name}");
        }
    }
}
