//! A value as it stands in a file or a variable, and what it can be read as.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::problem::Refusal;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Something written down by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// One text, number or truth value.
    One(String),
    /// A list of them.
    Many(Vec<String>),
}

impl Value {
    /// From TOML; none for what no setting is: tables, nested lists, times.
    pub(super) fn from_toml(value: &toml::Value) -> Option<Self> {
        let scalar = |value: &toml::Value| match value {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => {
                Some(value.to_string())
            }
            toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
        };
        match value {
            toml::Value::Array(items) => items
                .iter()
                .map(scalar)
                .collect::<Option<_>>()
                .map(Self::Many),
            one => scalar(one).map(Self::One),
        }
    }

    /// With this unit, where it is a bare number.
    pub(super) fn with_unit(self, unit: &str) -> Self {
        match self {
            Self::One(text) if text.trim().bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::One(format!("{}{unit}", text.trim()))
            }
            other => other,
        }
    }

    /// The same value behind `start`.
    pub(super) fn after(self, start: &str) -> Self {
        match self {
            Self::One(text) => Self::One(format!("{start}{}", text.trim())),
            many @ Self::Many(_) => many,
        }
    }

    /// Whether nothing is written there, which is the same as no setting.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Self::One(text) if text.trim().is_empty())
    }

    /// For a message about it, without the name and password of an address.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::One(text) => without_credentials(text),
            Self::Many(items) => {
                let items: Vec<String> =
                    items.iter().map(|item| without_credentials(item)).collect();
                items.join(", ")
            }
        }
    }

    /// One text, without space around it.
    pub(super) fn text(&self) -> Result<&str, Refusal> {
        match self {
            Self::One(text) => Ok(text.trim()),
            Self::Many(_) => Err(Refusal::expected("one value", "un solo valor")),
        }
    }

    /// A list, as TOML, as JSON, or with commas.
    pub(super) fn list(&self) -> Result<Vec<String>, Refusal> {
        let text = match self {
            Self::Many(items) => return Ok(items.clone()),
            Self::One(text) => text.trim(),
        };
        if text.starts_with('[') {
            match serde_json::from_str(text) {
                Ok(items) => return Ok(items),
                // An IPv6 address with a port begins so too.
                Err(_) if text.contains("]:") => {}
                Err(_) => {
                    return Err(Refusal::expected(
                        "a list: values with commas between them, or a JSON list of texts",
                        "una lista: valores separados por comas, o una lista JSON de textos",
                    ));
                }
            }
        }
        let items = text.split(',').map(str::trim);
        Ok(items
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// Yes or no.
    pub(super) fn switch(&self) -> Result<bool, Refusal> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(Refusal::expected("true or false", "true o false")),
        }
    }

    /// A whole number.
    pub(super) fn count(&self, range: &RangeInclusive<u64>) -> Result<u64, Refusal> {
        let (min, max) = (range.start(), range.end());
        self.text()?
            .parse()
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                Refusal::expected(
                    format!("a whole number from {min} to {max}"),
                    format!("un número entero de {min} a {max}"),
                )
            })
    }

    /// A number of bytes: `65536`, `256 KiB`, `1 MB`.
    pub(super) fn size(&self, range: &RangeInclusive<u64>) -> Result<u64, Refusal> {
        parse_size(self.text()?)
            .filter(|bytes| range.contains(bytes))
            .ok_or_else(|| {
                let (min, max) = (show_size(*range.start()), show_size(*range.end()));
                Refusal::expected(
                    format!("a number of bytes, with B, KiB, MiB, GiB, KB, MB or GB, from {min} to {max}"),
                    format!("un número de bytes, con B, KiB, MiB, GiB, KB, MB o GB, de {min} a {max}"),
                )
            })
    }

    /// A length of time: `100ms`, `25s`, `15m`, `8h`, `30d`; bare numbers are
    /// seconds.
    pub(super) fn time(&self, range: &RangeInclusive<Duration>) -> Result<Duration, Refusal> {
        parse_time(self.text()?)
            .filter(|time| range.contains(time))
            .ok_or_else(|| {
                let (min, max) = (show_time(*range.start()), show_time(*range.end()));
                Refusal::expected(
                    format!("a time with ms, s, m, h or d, from {min} to {max}"),
                    format!("un tiempo con ms, s, m, h o d, de {min} a {max}"),
                )
            })
    }
}

/// `scheme://***@host` for `scheme://name:password@host`.
fn without_credentials(text: &str) -> String {
    let parts = text.split_once("://");
    match parts.and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://***@{host}"),
        None => text.to_owned(),
    }
}

/// The number at the start of a text, and the unit after it in lower case.
fn number_and_unit(text: &str) -> (&str, String) {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim().to_ascii_lowercase())
}

fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text);
    let unit = match unit.as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => KIB,
        "mib" => MIB,
        "gib" => GIB,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn parse_time(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text);
    let seconds = match unit.as_str() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * seconds;
    Duration::try_from_secs_f64(seconds).ok()
}

/// In the largest unit that needs no fraction.
pub(super) fn show_size(bytes: u64) -> String {
    match bytes {
        0 => "0 B".to_owned(),
        _ if bytes.is_multiple_of(GIB) => format!("{} GiB", bytes / GIB),
        _ if bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        _ if bytes.is_multiple_of(KIB) => format!("{} KiB", bytes / KIB),
        _ => format!("{bytes} B"),
    }
}

/// In the largest unit that needs no fraction; less than a millisecond is not
/// shown.
pub(super) fn show_time(time: Duration) -> String {
    let (millis, seconds) = (time.as_millis(), time.as_secs());
    match seconds {
        _ if !millis.is_multiple_of(1_000) => format!("{millis}ms"),
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Value {
        Value::One(text.to_owned())
    }

    #[test]
    fn times_are_read_and_shown() {
        let cases = [
            ("100ms", 100, "100ms"),
            ("0.1", 100, "100ms"),
            ("0", 0, "0s"),
            ("25", 25_000, "25s"),
            ("25 s", 25_000, "25s"),
            ("90s", 90_000, "90s"),
            ("15m", 900_000, "15m"),
            ("8h", 28_800_000, "8h"),
            ("48h", 172_800_000, "2d"),
        ];
        let any = Duration::ZERO..=Duration::MAX;
        for (text, millis, shown) in cases {
            let time = one(text).time(&any).unwrap();
            assert_eq!(time, Duration::from_millis(millis), "{text}");
            assert_eq!(show_time(time), shown);
        }
        for text in ["", "s", "-1", "1y", "1.2.3s", "1e3", "ten"] {
            assert!(one(text).time(&any).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_and_shown() {
        let cases = [
            ("1000000", 1_000_000, "1000000 B"),
            ("1 MB", 1_000_000, "1000000 B"),
            ("1MiB", MIB, "1 MiB"),
            ("256 kib", 256 * KIB, "256 KiB"),
            ("2GiB", 2 * GIB, "2 GiB"),
            ("0", 0, "0 B"),
        ];
        for (text, bytes, shown) in cases {
            assert_eq!(one(text).size(&(0..=u64::MAX)), Ok(bytes), "{text}");
            assert_eq!(show_size(bytes), shown);
        }
        for text in ["", "KiB", "-1", "1.5MiB", "1 TiB", "99999999999 GiB"] {
            assert!(one(text).size(&(0..=u64::MAX)).is_err(), "{text}");
        }
    }

    #[test]
    fn what_lies_outside_is_refused_with_the_bounds() {
        let second = Duration::from_secs(1);
        assert_eq!(
            one("2h").time(&(second / 10..=second * 3_600)),
            Err(Refusal::expected(
                "a time with ms, s, m, h or d, from 100ms to 1h",
                "un tiempo con ms, s, m, h o d, de 100ms a 1h",
            ))
        );
        assert_eq!(
            one("0").count(&(1..=9)),
            Err(Refusal::expected(
                "a whole number from 1 to 9",
                "un número entero de 1 a 9"
            ))
        );
    }

    #[test]
    fn lists_have_three_forms() {
        let many = Value::Many(vec!["a".to_owned(), "b".to_owned()]);
        for value in [one("a, b"), one(r#"["a", "b"]"#), one(",a,,b,"), many] {
            assert_eq!(value.list().unwrap(), ["a", "b"], "{value:?}");
        }
        for value in [one("[a]"), one("[1]"), one(r#"["a""#)] {
            assert!(value.list().is_err(), "{value:?}");
        }
    }

    #[test]
    fn switches_take_the_usual_words() {
        for (text, expected) in [
            ("1", true),
            ("TRUE", true),
            ("on", true),
            ("0", false),
            ("no", false),
        ] {
            assert_eq!(one(text).switch(), Ok(expected), "{text}");
        }
        assert!(one("2").switch().is_err());
    }
}
