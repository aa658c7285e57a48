//! Every setting, described once: its key and variables, where its value goes,
//! and what it is for. Parsing, `tertulia config`, the example file and the
//! reference page all come from this table.
//!
//! To add a setting, add a field with its default to the struct that is handed
//! to its module, and a row in one of the modules below.

mod app_tokens;
mod files;
mod general;
mod izpochat;
mod limits;
mod outbox;
mod trust;

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use tertulia_auth::{SigningSecret, WeakSecret};

use super::Settings;
use super::problem::Refusal;
use super::value::{Value, show_size, show_time};

/// All settings, in the order in which they are shown: those at the top of the
/// TOML file first, then one table after the other.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    [
        general::SETTINGS,
        files::SETTINGS,
        izpochat::SETTINGS,
        app_tokens::SETTINGS,
        trust::SETTINGS,
        outbox::SETTINGS,
        limits::SETTINGS,
    ]
    .into_iter()
    .flatten()
}

/// One setting.
pub(super) struct Setting {
    /// Its name in the TOML file, with its table: `limit.page_size`.
    pub(super) key: &'static str,
    /// Variables of the older systems that mean the same.
    pub(super) aliases: Aliases,
    /// Where its value goes, and what it may be.
    pub(super) field: Field,
    /// A value that would do, as it would stand in a variable. Empty where the
    /// default shows as much, and for secrets.
    pub(super) example: &'static str,
    /// What it is for.
    pub(super) en: &'static str,
    /// The same in Spanish.
    pub(super) es: &'static str,
}

/// Variables of the older systems (`contracts/README.md`, "Conflicts of
/// configuration"). Our own variable goes before them all.
pub(super) enum Aliases {
    None,
    /// The first that is given.
    FirstOf(&'static [&'static str]),
    /// As [`FirstOf`](Self::FirstOf), for times: a bare number is so many of this
    /// unit.
    FirstIn(&'static [&'static str], &'static str),
    /// As [`FirstOf`](Self::FirstOf), for what is only the end of a value here:
    /// what stands before it.
    EndOf(&'static [&'static str], &'static str),
    /// Lists, put together.
    UnionOf(&'static [&'static str]),
    /// `HOST` and `PORT`, either of them alone too.
    HostAndPort,
    /// Variables with words of their own, and what each of these means here. Other
    /// words mean nothing.
    Words(
        &'static [&'static str],
        &'static [(&'static str, &'static str)],
    ),
}

impl Aliases {
    pub(super) fn names(&self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::FirstOf(names)
            | Self::FirstIn(names, _)
            | Self::EndOf(names, _)
            | Self::UnionOf(names)
            | Self::Words(names, _) => names,
            Self::HostAndPort => &["HOST", "PORT"],
        }
    }
}

/// What a setting's value is, and its place in [`Settings`].
pub(super) enum Field {
    Count {
        at: Number,
        range: RangeInclusive<u64>,
    },
    /// In bytes.
    Size {
        at: fn(&mut Settings) -> &mut usize,
        range: RangeInclusive<u64>,
    },
    Time {
        at: fn(&mut Settings) -> &mut Duration,
        range: RangeInclusive<Duration>,
    },
    Switch {
        at: fn(&mut Settings) -> &mut bool,
    },
    /// Never shown; may come from a file (`…_FILE`).
    Secret {
        at: fn(&mut Settings) -> &mut Option<SigningSecret>,
    },
    /// As [`Secret`](Self::Secret), and made by somebody else: nothing is asked
    /// of it.
    Key {
        at: fn(&mut Settings) -> &mut Option<String>,
    },
    Other {
        set: fn(&mut Settings, &Value) -> Result<(), Refusal>,
        /// None when it is not set.
        show: fn(&Settings) -> Option<toml::Value>,
    },
}

/// Where a whole number goes.
pub(super) enum Number {
    Usize(fn(&mut Settings) -> &mut usize),
    U32(fn(&mut Settings) -> &mut u32),
    NonZeroU32(fn(&mut Settings) -> &mut NonZeroU32),
    I64(fn(&mut Settings) -> &mut i64),
}

/// How a setting stands.
#[derive(Debug, PartialEq)]
pub(super) enum Shown {
    NotSet,
    /// Set, and not to be shown.
    Hidden,
    Value(toml::Value),
}

impl Setting {
    /// Our own variable: `TERTULIA_LIMIT_PAGE_SIZE`.
    pub(super) fn variable(&self) -> String {
        let name = self.key.replace('.', "_").to_ascii_uppercase();
        format!("TERTULIA_{name}")
    }

    /// The variable that names a file with the value, for secrets.
    pub(super) fn file_variable(&self) -> Option<String> {
        self.is_secret()
            .then(|| format!("{}_FILE", self.variable()))
    }

    /// The key in the TOML file that names a file with the value, for secrets.
    pub(super) fn file_key(&self) -> Option<String> {
        self.is_secret().then(|| format!("{}_file", self.key))
    }

    /// The TOML table that it stands in, empty for the top, and its name there.
    pub(super) fn table_and_name(&self) -> (&'static str, &'static str) {
        self.key.rsplit_once('.').unwrap_or(("", self.key))
    }

    pub(super) fn is_secret(&self) -> bool {
        matches!(self.field, Field::Secret { .. } | Field::Key { .. })
    }

    /// Puts a value in its place.
    pub(super) fn set(&self, settings: &mut Settings, value: &Value) -> Result<(), Refusal> {
        match &self.field {
            Field::Count { at, range } => set_number(settings, at, value.count(range)?),
            Field::Size { at, range } => {
                let bytes = value.size(range)?;
                set_number(settings, &Number::Usize(*at), bytes);
            }
            Field::Time { at, range } => *at(settings) = value.time(range)?,
            Field::Switch { at } => *at(settings) = value.switch()?,
            Field::Secret { at } => *at(settings) = Some(secret(value)?),
            Field::Key { at } => *at(settings) = Some(value.text()?.to_owned()),
            Field::Other { set, .. } => set(settings, value)?,
        }
        Ok(())
    }

    /// How it stands in `settings`, which it leaves as they are.
    pub(super) fn show(&self, settings: &mut Settings) -> Shown {
        let value = match &self.field {
            Field::Count { at, .. } => toml::Value::Integer(number(settings, at)),
            Field::Size { at, .. } => show_size(*at(settings) as u64).into(),
            Field::Time { at, .. } => show_time(*at(settings)).into(),
            Field::Switch { at } => (*at(settings)).into(),
            Field::Secret { at } if at(settings).is_some() => return Shown::Hidden,
            Field::Key { at } if at(settings).is_some() => return Shown::Hidden,
            Field::Secret { .. } | Field::Key { .. } => return Shown::NotSet,
            Field::Other { show, .. } => match show(settings) {
                Some(value) => value,
                None => return Shown::NotSet,
            },
        };
        Shown::Value(value)
    }
}

/// A number that its range lets through fits where it goes: a test holds every
/// range against its field.
fn set_number(settings: &mut Settings, at: &Number, number: u64) {
    match at {
        Number::Usize(at) => *at(settings) = usize::try_from(number).unwrap_or(usize::MAX),
        Number::U32(at) => *at(settings) = u32::try_from(number).unwrap_or(u32::MAX),
        Number::NonZeroU32(at) => {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            *at(settings) = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        }
        Number::I64(at) => *at(settings) = i64::try_from(number).unwrap_or(i64::MAX),
    }
}

fn number(settings: &mut Settings, at: &Number) -> i64 {
    match at {
        Number::Usize(at) => i64::try_from(*at(settings)).unwrap_or(i64::MAX),
        Number::U32(at) => i64::from(*at(settings)),
        Number::NonZeroU32(at) => i64::from(at(settings).get()),
        Number::I64(at) => *at(settings),
    }
}

fn secret(value: &Value) -> Result<SigningSecret, Refusal> {
    SigningSecret::parse(value.text()?).map_err(weak_secret)
}

fn weak_secret(weak: WeakSecret) -> Refusal {
    let why = match weak {
        WeakSecret::Example(word) => format!("contiene el ejemplo conocido `{word}`"),
        WeakSecret::TooShort { bytes } => format!("tiene {bytes} bytes y hacen falta al menos 32"),
        WeakSecret::Repetitive => "repite unos pocos caracteres".to_owned(),
    };
    Refusal::unusable(
        format!(
            "{weak}, so that others could sign tokens with it. Make a good one with \
             `tertulia token secret`, or take this one away: Tertulia then makes its own and \
             keeps it. Either way everybody signs in once more"
        ),
        format!(
            "{why}, así que otros podrían firmar tokens con él. Haz uno bueno con \
             `tertulia token secret`, o quita este: Tertulia hace entonces el suyo y lo guarda. \
             En ambos casos cada persona vuelve a entrar una vez"
        ),
    )
}
