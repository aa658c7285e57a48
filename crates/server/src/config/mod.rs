//! The settings: what they are, where they come from, and how they are told.
//!
//! [`load`] takes what a person wrote ([`Inputs`]: environment, `.env`, TOML
//! file) and gives [`Settings`], or an error that names everything that is
//! wrong, in English and Spanish, with a line that would do. What is nearer to
//! the process wins: defaults, then the file, then `.env`, then the
//! environment.
//!
//! Every setting stands once in the [`table`]; from it come parsing,
//! [`Settings::describe`] (`tertulia config`), [`example`]
//! (`config.example.toml`) and [`reference()`] (`docs/reference/settings.md`).
//! The last two are files of the repository, and a test keeps them current.
//!
//! Nothing here opens a socket or makes a folder. The one thing that is made,
//! the signing secret of a first start, is in [`secret_file`], to be called
//! when the data directory is there.
//!
//! ```
//! use tertulia_server::config::{self, Inputs};
//!
//! let inputs = Inputs::from_variables([("PORT", "8765"), ("TERTULIA_LIMIT_PAGE_SIZE", "50")]);
//! let settings = config::load(&inputs)?;
//! assert_eq!(settings.network.listen[0].to_string(), "127.0.0.1:8765");
//! assert_eq!(settings.limits.page_size, 50);
//! # anyhow::Ok(())
//! ```

mod address;
mod database;
mod files;
mod lookup;
mod origins;
mod problem;
mod render;
pub mod secret_file;
mod sections;
mod sources;
mod table;
mod text;
mod trust;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tertulia_dialects::common::settings::TransportSettings;
use tertulia_domain::Limits;
use tertulia_store::Database;

pub use self::address::{ListenAddress, NotAnAddress};
pub use self::files::{Bucket, FilesLocation, FilesSettings};
pub use self::render::{example, reference};
pub use self::sections::{
    AppKeySource, AppTokenSettings, ListenerSettings, LogFormat, LogSettings, NetworkSettings,
    OutboxSettings, StorageSettings, TlsSettings, TokenSettings,
};
pub use self::sources::Inputs;
pub use self::text::Text;

use self::problem::{Problems, Refusal};
use self::sources::{File, Origin, Variables};
use self::value::Value;

/// The database that an address on the command line names.
pub(crate) fn database_at(url: &str) -> std::result::Result<Database, String> {
    database::database(url).map_err(|refusal| refusal.to_string())
}

/// The place of files that an address on the command line names.
pub(crate) fn files_at(url: &str) -> std::result::Result<FilesLocation, String> {
    FilesLocation::parse(url).map_err(|refusal: Refusal| refusal.to_string())
}

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the server listens.
    pub network: NetworkSettings,
    /// Bounds on connections before anybody speaks a dialect.
    pub listener: ListenerSettings,
    /// Where data is kept.
    pub storage: StorageSettings,
    /// Where uploaded files are kept.
    pub files: FilesSettings,
    /// What tokens are signed with.
    pub tokens: TokenSettings,
    /// Which tokens of the app's own are taken.
    pub app_tokens: AppTokenSettings,
    /// How the rows of SQL clients are seen to.
    pub outbox: OutboxSettings,
    /// How long after a user's last connection ended the others are told.
    pub presence_grace: Duration,
    /// What `/health` calls the service.
    pub app_name: String,
    /// What is logged, and how.
    pub log: LogSettings,
    /// What the dialects are given.
    pub transport: TransportSettings,
    /// What the domain is given.
    pub limits: Limits,
    /// What the start should tell: variables of older systems that name their
    /// database, and that clients are believed without a proof.
    pub notices: Vec<Text>,
    /// What gave each setting its value, by key; the others are defaults.
    origins: BTreeMap<&'static str, Vec<Origin>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            network: NetworkSettings::default(),
            listener: ListenerSettings::default(),
            storage: StorageSettings::default(),
            files: FilesSettings::default(),
            tokens: TokenSettings::default(),
            app_tokens: AppTokenSettings::default(),
            outbox: OutboxSettings::default(),
            presence_grace: Duration::from_secs(2),
            app_name: "IzpoChat API".to_owned(),
            log: LogSettings::default(),
            transport: TransportSettings::default(),
            limits: Limits::default(),
            notices: Vec::new(),
            origins: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// All settings as they stand and what gave them their value, as TOML with
    /// comments. Secrets are hidden.
    #[must_use]
    pub fn describe(&self) -> String {
        render::describe(self)
    }
}

/// Makes settings from what a person wrote. Reads the files that `…_FILE`
/// variables name, and nothing else.
///
/// # Errors
/// Names every value that is wrong, every name that is unknown, and what to
/// write instead.
pub fn load(inputs: &Inputs) -> Result<Settings> {
    let variables = Variables::new(inputs);
    let file = match &inputs.file {
        Some((path, text)) => File::parse(path, text).map_err(|error| Problems(vec![error]))?,
        None => File::default(),
    };
    let mut settings = Settings {
        notices: database::import_sources(&variables),
        ..Settings::default()
    };
    let mut problems = Vec::new();
    for setting in table::all() {
        match lookup::apply(setting, &variables, &file, &mut settings) {
            // A variable that means two settings is wrong once.
            Err(problem) if !problems.contains(&problem) => problems.push(problem),
            Err(_) | Ok(()) => {}
        }
    }
    problems.extend(half_of_tls(&settings));
    problems.extend(several_app_keys(&settings));
    problems.extend(shared_app_secret(&settings));
    problems.extend(trust::beyond_loopback(&settings));
    problems.extend(lookup::unknown_names(&variables, &file));
    if problems.is_empty() {
        settings.notices.extend(trust::warning(&settings));
        settings.notices.extend(other_algorithm(&variables));
        Ok(settings)
    } else {
        Err(Problems(problems).into())
    }
}

fn half_of_tls(settings: &Settings) -> Option<Text> {
    let tls = &settings.network.tls;
    let (given, missing) = match (&tls.certificate, &tls.key) {
        (Some(_), None) => ("tls_cert", "TERTULIA_TLS_KEY"),
        (None, Some(_)) => ("tls_key", "TERTULIA_TLS_CERT"),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let origin = settings.origins.get(given)?.first()?.describe();
    Some(Text::new(
        format!(
            "{}: TLS needs certificate and key; set {missing} too",
            origin.en
        ),
        format!(
            "{}: TLS necesita certificado y clave; indica también {missing}",
            origin.es
        ),
    ))
}

fn several_app_keys(settings: &Settings) -> Option<Text> {
    (settings.app_tokens.keys().count() > 1).then(|| {
        let names = "TERTULIA_APP_JWT_SECRET, TERTULIA_APP_JWT_PUBLIC_KEY, TERTULIA_APP_JWKS_FILE";
        Text::new(
            format!("{names}: give one of the three"),
            format!("{names}: da solo uno de los tres"),
        )
    })
}

/// IzpoChat let its tokens be signed in other ways, which is told and not done.
fn other_algorithm(variables: &Variables) -> Option<Text> {
    let (_, value) = variables.get("ALGORITHM")?;
    (value != Value::One("HS256".to_owned())).then(|| {
        Text::new(
            "ALGORITHM: tokens are signed with HS256 here, and older ones are read if they were too",
            "ALGORITHM: aquí los tokens se firman con HS256, y los anteriores se leen si también \
             lo estaban",
        )
    })
}

/// With one secret for both, the tokens of an older installation would pass for
/// the app's, and the app could sign Tertulia's.
fn shared_app_secret(settings: &Settings) -> Option<Text> {
    let app = settings.app_tokens.secret.as_ref()?;
    let tokens = &settings.tokens;
    [
        &tokens.secret,
        &tokens.previous_secret,
        &tokens.kaapehchat_secret,
        &tokens.sos_secret,
        &tokens.sos_socket_secret,
        &tokens.izpochat_secret,
    ]
    .into_iter()
    .flatten()
    .any(|own| own == app)
    .then(|| {
        let name = "TERTULIA_APP_JWT_SECRET";
        Text::new(
            format!(
                "{name}: it signs Tertulia's own tokens too; the app needs a secret of its own"
            ),
            format!("{name}: también firma los tokens de Tertulia; la app necesita uno propio"),
        )
    })
}
