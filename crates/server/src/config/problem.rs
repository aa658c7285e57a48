//! What may be wrong with the settings, said so that the reader can mend it.

use std::fmt;

use super::sources::Origin;
use super::text::Text;

/// Why a value is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It has not the form asked for; completes "expected …".
    Expected(Text),
    /// It has the form, and will not do: a whole sentence without its stop.
    Unusable(Text),
}

impl Refusal {
    pub(super) fn expected(en: impl Into<String>, es: impl Into<String>) -> Self {
        Self::Expected(Text::new(en.into(), es.into()))
    }

    pub(super) fn unusable(en: impl Into<String>, es: impl Into<String>) -> Self {
        Self::Unusable(Text::new(en.into(), es.into()))
    }
}

/// In both languages, for what is typed on the command line.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(what) => {
                write!(f, "se espera: {} / expected {}", what.es, what.en)
            }
            Self::Unusable(why) => write!(f, "{} / {}", why.es, why.en),
        }
    }
}

/// Everything that is wrong with the settings, at once, in both languages.
#[derive(Debug)]
pub(super) struct Problems(pub(super) Vec<Text>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings are not right:")?;
        for problem in &self.0 {
            write!(f, "\n  - {}", problem.en)?;
        }
        write!(f, "\nla configuración no es correcta:")?;
        for problem in &self.0 {
            write!(f, "\n  - {}", problem.es)?;
        }
        Ok(())
    }
}

/// A value that these names gave, and that was refused. `shown` is the value
/// where it is no secret, and `example` a line that would do.
pub(super) fn wrong_value(
    origins: &[Origin],
    shown: Option<&str>,
    refusal: &Refusal,
    example: Option<&str>,
) -> Text {
    let at = described(origins);
    let value = shown.map_or_else(String::new, |value| format!(" = {value:?}"));
    let (mut en, mut es) = match refusal {
        Refusal::Expected(what) => (
            format!("{}{value}: expected {}", at.en, what.en),
            format!("{}{value}: se espera: {}", at.es, what.es),
        ),
        Refusal::Unusable(why) => (
            format!("{}{value}: {}", at.en, why.en),
            format!("{}{value}: {}", at.es, why.es),
        ),
    };
    if let Some(example) = example {
        en = format!("{en}. For example: {example}");
        es = format!("{es}. Por ejemplo: {example}");
    }
    Text::new(en, es)
}

/// A name that no setting has, with the name that is most like it.
pub(super) fn unknown_name(origin: &Origin, known: impl IntoIterator<Item = String>) -> Text {
    let at = origin.describe();
    let nearest = known
        .into_iter()
        .min_by_key(|name| strsim::damerau_levenshtein(name, &origin.name));
    let (hint_en, hint_es) = nearest.map_or_else(Default::default, |name| {
        (
            format!("; did you mean {name}?"),
            format!("; ¿querías decir {name}?"),
        )
    });
    Text::new(
        format!("{}: there is no such setting{hint_en}", at.en),
        format!("{}: no hay ningún ajuste con ese nombre{hint_es}", at.es),
    )
}

fn described(origins: &[Origin]) -> Text {
    let texts: Vec<Text> = origins.iter().map(Origin::describe).collect();
    let joined = |word: fn(&Text) -> &str| texts.iter().map(word).collect::<Vec<_>>().join(", ");
    Text::new(joined(|text| &text.en), joined(|text| &text.es))
}

/// A secret that is given twice, as itself and as a file.
pub(super) fn given_twice(one: &Origin, other: &Origin) -> Text {
    let (one, other) = (one.describe(), other.describe());
    Text::new(
        format!("{} and {}: give one of the two", one.en, other.en),
        format!("{} y {}: da solo uno de los dos", one.es, other.es),
    )
}
