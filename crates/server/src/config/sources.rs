//! Where settings come from: the environment, a `.env` file, and a TOML file.
//! Everything here is given as text, so that tests need no environment.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::text::Text;
use super::value::Value;

/// Names the TOML file; no setting, since it stands in none.
pub(super) const CONFIG_VARIABLE: &str = "TERTULIA_CONFIG";
const DEFAULT_CONFIG: &str = "tertulia.toml";
const DOTENV: &str = ".env";
const SSL_CERT_FILE: &str = "SSL_CERT_FILE";

/// What settings are made from. It may hold secrets, and does not show itself.
#[derive(Clone, Default)]
pub struct Inputs {
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The variables of a `.env` file; the environment goes before them.
    pub dotenv: BTreeMap<String, String>,
    /// A TOML file: where it is, and what it says. Variables go before it.
    pub file: Option<(PathBuf, String)>,
}

impl Inputs {
    /// Only these variables; for tests, and for whoever embeds the server.
    pub fn from_variables<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let environment = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            environment,
            ..Self::default()
        }
    }

    /// The environment of this process, the `.env` file in the working
    /// directory, and the TOML file: `config_file`, else the one that
    /// `TERTULIA_CONFIG` names, else `tertulia.toml` where there is one.
    ///
    /// # Errors
    /// When a file that was named cannot be read, or one that is there has not
    /// its form.
    pub fn from_process(config_file: Option<PathBuf>) -> Result<Self> {
        let mut inputs = Self {
            environment: environment()?,
            dotenv: match read_if_there(Path::new(DOTENV))? {
                Some(text) => parse_dotenv(&text)?,
                None => BTreeMap::new(),
            },
            file: None,
        };
        let named = config_file.or_else(|| inputs.config_variable().map(PathBuf::from));
        inputs.file = match named {
            Some(path) => {
                let text = read_if_there(&path)?;
                let text = text.with_context(|| format!("there is no file {}", path.display()))?;
                Some((path, text))
            }
            None => {
                read_if_there(Path::new(DEFAULT_CONFIG))?.map(|text| (DEFAULT_CONFIG.into(), text))
            }
        };
        Ok(inputs)
    }

    fn config_variable(&self) -> Option<&String> {
        [&self.environment, &self.dotenv]
            .into_iter()
            .find_map(|variables| variables.get(CONFIG_VARIABLE))
            .filter(|path| !path.is_empty())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "here is where the server reads the environment"
)]
fn environment() -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for (name, value) in env::vars_os() {
        // What is not Unicode is none of our names.
        let Ok(name) = name.into_string() else {
            continue;
        };
        match value.into_string() {
            Ok(value) => drop(variables.insert(name, value)),
            Err(_) if name.starts_with("TERTULIA_") => bail!("{name} is not valid Unicode"),
            Err(_) => {}
        }
    }
    Ok(variables)
}

fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The first of two equal names holds, as everywhere with `.env` files.
fn parse_dotenv(text: &str) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    let mut last = "the beginning".to_owned();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        // The parser's own error shows the line, which may hold a secret.
        let Ok((name, value)) = line else {
            bail!("{DOTENV}: the line after {last} is not NAME=value");
        };
        last.clone_from(&name);
        variables.entry(name).or_insert(value);
    }
    Ok(variables)
}

/// Which name, in which place, gave a setting its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) name: String,
    pub(super) place: Place,
}

/// Where a name stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Environment,
    DotEnv,
    File(PathBuf),
}

impl Origin {
    pub(super) fn describe(&self) -> Text {
        let name = &self.name;
        match &self.place {
            Place::Environment => {
                Text::new(format!("{name} (environment)"), format!("{name} (entorno)"))
            }
            Place::DotEnv => Text::new(format!("{name} ({DOTENV})"), format!("{name} ({DOTENV})")),
            Place::File(path) => {
                let path = path.display();
                Text::new(format!("{name} ({path})"), format!("{name} ({path})"))
            }
        }
    }
}

/// The variables of the environment over those of the `.env` file.
#[derive(Default)]
pub(super) struct Variables(BTreeMap<String, (String, Place)>);

impl Variables {
    pub(super) fn new(inputs: &Inputs) -> Self {
        let places = [
            (&inputs.dotenv, Place::DotEnv),
            (&inputs.environment, Place::Environment),
        ];
        let mut all = BTreeMap::new();
        for (variables, place) in places {
            let openssl = names_openssl_certificates(variables);
            let settings = variables
                .iter()
                .filter(|(name, _)| !openssl || *name != SSL_CERT_FILE);
            for (name, value) in settings {
                all.insert(name.clone(), (value.clone(), place.clone()));
            }
        }
        Self(all)
    }

    /// The value under a name, unless it is blank, which is as if it were not
    /// there.
    pub(super) fn get(&self, name: &str) -> Option<(Origin, Value)> {
        let (text, place) = self.0.get(name)?;
        let value = Value::One(text.clone());
        let origin = Origin {
            name: name.to_owned(),
            place: place.clone(),
        };
        (!value.is_blank()).then_some((origin, value))
    }

    /// Every name that begins like ours.
    pub(super) fn ours(&self) -> impl Iterator<Item = Origin> {
        let ours = |(name, _): &(&String, _)| name.starts_with("TERTULIA_");
        self.0.iter().filter(ours).map(|(name, (_, place))| Origin {
            name: name.clone(),
            place: place.clone(),
        })
    }
}

/// UPRed's and REDUP's name for the certificate is also OpenSSL's name for the
/// certificates that it trusts, set on many machines. Without the key beside
/// it, that is what it means.
fn names_openssl_certificates(variables: &BTreeMap<String, String>) -> bool {
    let key = variables.get("SSL_KEY_FILE");
    key.is_none_or(|key| key.trim().is_empty())
}

/// What a TOML file says, each value under its whole key (`limit.page_size`).
#[derive(Default)]
pub(super) struct File {
    path: PathBuf,
    values: BTreeMap<String, toml::Value>,
}

impl File {
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Text> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let (path, message) = (path.display(), error.message());
            Text::new(
                format!("{path}, line {line}: {message}"),
                format!("{path}, línea {line}: {message}"),
            )
        })?;
        let mut values = BTreeMap::new();
        flatten("", table, &mut values);
        Ok(Self {
            path: path.to_owned(),
            values,
        })
    }

    /// The value under a key, or none where nothing or something blank stands;
    /// an error where something stands that no setting is.
    pub(super) fn get(&self, key: &str) -> Option<(Origin, Option<Value>)> {
        let value = Value::from_toml(self.values.get(key)?);
        let is_blank = value.as_ref().is_some_and(Value::is_blank);
        (!is_blank).then(|| (self.origin(key), value))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Origin> {
        self.values.keys().map(|key| self.origin(key))
    }

    fn origin(&self, key: &str) -> Origin {
        Origin {
            name: key.to_owned(),
            place: Place::File(self.path.clone()),
        }
    }
}

fn flatten(prefix: &str, table: toml::Table, values: &mut BTreeMap<String, toml::Value>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            toml::Value::Table(table) => flatten(&format!("{key}."), table, values),
            value => drop(values.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotenv_file_is_read_as_everywhere() {
        let text = "# comment\nexport PORT=8765\nJWT_SECRET='a # b'\nPORT=1\nEMPTY=\n";
        let variables = parse_dotenv(text).unwrap();
        assert_eq!(variables["PORT"], "8765");
        assert_eq!(variables["JWT_SECRET"], "a # b");
        assert_eq!(variables["EMPTY"], "");
    }

    #[test]
    fn a_broken_dotenv_file_is_refused_without_showing_it() {
        let error = parse_dotenv("PORT=8765\nhush hush\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            ".env: the line after PORT is not NAME=value"
        );
    }

    #[test]
    fn the_environment_goes_before_the_dotenv_file() {
        let map = |pairs: &[(&str, &str)]| {
            let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
            pairs.iter().map(owned).collect::<BTreeMap<_, _>>()
        };
        let variables = Variables::new(&Inputs {
            environment: map(&[("A", "1"), ("B", " ")]),
            dotenv: map(&[("A", "2"), ("B", "2"), ("C", "2")]),
            file: None,
        });
        let place = |name| variables.get(name).map(|(origin, _)| origin.place);
        assert_eq!(place("A"), Some(Place::Environment));
        assert_eq!(
            place("B"),
            None,
            "a blank variable takes the one of the file away"
        );
        assert_eq!(place("C"), Some(Place::DotEnv));
    }

    #[test]
    fn toml_errors_name_the_line() {
        let result = File::parse(Path::new("t.toml"), "listen = \"a\"\nlog = \n");
        let error = result.err().unwrap();
        assert!(error.en.starts_with("t.toml, line 2: "), "{}", error.en);
    }
}
