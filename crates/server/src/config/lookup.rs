//! Finds each setting's value among the sources, and puts it in its place.

use std::fs;
use std::slice;

use super::Settings;
use super::problem::{self, Refusal};
use super::sources::{CONFIG_VARIABLE, File, Origin, Place, Variables};
use super::table::{self, Aliases, Setting, Shown};
use super::text::Text;
use super::value::Value;

/// Names that begin like ours and are other programs': what the project's own
/// tests are told.
const NOT_SETTINGS: &str = "TERTULIA_TEST_";

/// A value, and the names that it came from.
struct Found {
    origins: Vec<Origin>,
    value: Value,
}

impl Found {
    fn new((origin, value): (Origin, Value)) -> Self {
        Self {
            origins: vec![origin],
            value,
        }
    }
}

/// Gives one setting its value, where somebody gave it one.
pub(super) fn apply(
    setting: &'static Setting,
    variables: &Variables,
    file: &File,
    settings: &mut Settings,
) -> Result<(), Text> {
    let Some(Found { origins, value }) = find(setting, variables, file)? else {
        return Ok(());
    };
    match setting.set(settings, &value) {
        Ok(()) => {
            settings.origins.insert(setting.key, origins);
            Ok(())
        }
        Err(refusal) => Err(refused(setting, &origins, &value, &refusal)),
    }
}

fn find(setting: &Setting, variables: &Variables, file: &File) -> Result<Option<Found>, Text> {
    let from_file = |key: &str| match file.get(key) {
        Some((origin, Some(value))) => Ok(Some((origin, value))),
        Some((origin, None)) => Err(not_a_value(setting, origin)),
        None => Ok(None),
    };
    let variable = secret_or(
        variables.get(&setting.variable()),
        setting
            .file_variable()
            .and_then(|name| variables.get(&name)),
    )?;
    if let Some(found) = variable {
        return Ok(Some(found));
    }
    if let Some(found) = from_aliases(&setting.aliases, variables) {
        return Ok(Some(found));
    }
    let secret = match setting.file_key() {
        Some(key) => from_file(&key)?,
        None => None,
    };
    secret_or(from_file(setting.key)?, secret)
}

/// The value itself, or what the file that is named instead holds.
fn secret_or(
    itself: Option<(Origin, Value)>,
    file: Option<(Origin, Value)>,
) -> Result<Option<Found>, Text> {
    match (itself, file) {
        (Some((itself, _)), Some((file, _))) => Err(problem::given_twice(&itself, &file)),
        (Some(itself), None) => Ok(Some(Found::new(itself))),
        (None, Some((origin, path))) => {
            read_secret(&origin, &path).map(|value| Some(Found::new((origin, value))))
        }
        (None, None) => Ok(None),
    }
}

fn read_secret(origin: &Origin, path: &Value) -> Result<Value, Text> {
    let origins = slice::from_ref(origin);
    let file = path
        .text()
        .map_err(|refusal| problem::wrong_value(origins, None, &refusal, None))?;
    match fs::read_to_string(file) {
        Ok(text) => Ok(Value::One(text.trim_end().to_owned())),
        Err(error) => {
            let refusal = Refusal::unusable(
                format!("the file cannot be read: {error}"),
                format!("no se puede leer el archivo: {error}"),
            );
            Err(problem::wrong_value(origins, Some(file), &refusal, None))
        }
    }
}

fn from_aliases(aliases: &Aliases, variables: &Variables) -> Option<Found> {
    let mut given = aliases
        .names()
        .iter()
        .filter_map(|name| variables.get(name));
    match aliases {
        Aliases::None => None,
        Aliases::FirstOf(_) => given.next().map(Found::new),
        Aliases::FirstIn(_, unit) => given
            .next()
            .map(|(origin, value)| Found::new((origin, value.with_unit(unit)))),
        Aliases::EndOf(_, start) => given
            .next()
            .map(|(origin, value)| Found::new((origin, value.after(start)))),
        Aliases::UnionOf(_) => union(given.collect()),
        Aliases::Words(_, meanings) => given.find_map(|(origin, value)| {
            let word = value.text().ok()?;
            let (_, meaning) = meanings.iter().find(|(known, _)| *known == word)?;
            Some(Found::new((origin, Value::One((*meaning).to_owned()))))
        }),
        Aliases::HostAndPort => host_and_port(given.map(|(origin, _)| origin).collect(), variables),
    }
}

fn union(given: Vec<(Origin, Value)>) -> Option<Found> {
    let (origins, values): (Vec<Origin>, Vec<Value>) = given.into_iter().unzip();
    let lists: Result<Vec<_>, _> = values.iter().map(Value::list).collect();
    let value = match lists {
        Ok(lists) => Value::Many(lists.concat()),
        // Whatever reads it will refuse it in the same words.
        Err(_) => values.into_iter().find(|value| value.list().is_err())?,
    };
    (!origins.is_empty()).then_some(Found { origins, value })
}

fn host_and_port(origins: Vec<Origin>, variables: &Variables) -> Option<Found> {
    let text = |name, default: &str| {
        let given = variables.get(name);
        let text = given.as_ref().and_then(|(_, value)| value.text().ok());
        text.unwrap_or(default).to_owned()
    };
    let (host, port) = (text("HOST", "127.0.0.1"), text("PORT", "8000"));
    let is_ipv6 = host.contains(':') && !host.starts_with('[');
    let address = if is_ipv6 {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    (!origins.is_empty()).then(|| Found {
        origins,
        value: Value::Many(vec![address]),
    })
}

fn refused(setting: &Setting, origins: &[Origin], value: &Value, refusal: &Refusal) -> Text {
    let shown = (!setting.is_secret()).then(|| value.shown());
    let example = example_line(setting, origins);
    problem::wrong_value(origins, shown.as_deref(), refusal, example.as_deref())
}

fn not_a_value(setting: &Setting, origin: Origin) -> Text {
    let refusal = Refusal::expected(
        "a text, a number, true, false, or a list of those",
        "un texto, un número, true, false, o una lista de ellos",
    );
    let origins = [origin];
    let example = example_line(setting, &origins);
    problem::wrong_value(&origins, None, &refusal, example.as_deref())
}

/// A line that would do where the wrong one stands.
fn example_line(setting: &Setting, origins: &[Origin]) -> Option<String> {
    let example = example(setting)?;
    let is_file = |origin: &Origin| matches!(origin.place, Place::File(_));
    Some(if origins.iter().any(is_file) {
        let (_, name) = setting.table_and_name();
        format!("{name} = {}", toml::Value::String(example))
    } else {
        format!("{}={example}", setting.variable())
    })
}

/// A value that would do: the example, else the default.
fn example(setting: &Setting) -> Option<String> {
    if !setting.example.is_empty() {
        return Some(setting.example.to_owned());
    }
    match setting.show(&mut Settings::default()) {
        Shown::Value(toml::Value::String(text)) => Some(text),
        Shown::Value(value) => Some(value.to_string()),
        Shown::NotSet | Shown::Hidden => None,
    }
}

/// One line for each name that begins like ours, or stands in the file, and
/// belongs to no setting.
pub(super) fn unknown_names(variables: &Variables, file: &File) -> Vec<Text> {
    let known_variables: Vec<String> = table::all()
        .flat_map(|setting| [Some(setting.variable()), setting.file_variable()])
        .flatten()
        .chain([CONFIG_VARIABLE.to_owned()])
        .collect();
    let known_keys: Vec<String> = table::all()
        .flat_map(|setting| [Some(setting.key.to_owned()), setting.file_key()])
        .flatten()
        .collect();
    let variables = variables
        .ours()
        .filter(|origin| !known_variables.contains(&origin.name))
        .filter(|origin| !origin.name.starts_with(NOT_SETTINGS))
        .map(|origin| problem::unknown_name(&origin, known_variables.clone()));
    let keys = file
        .keys()
        .filter(|origin| !known_keys.contains(&origin.name))
        .map(|origin| problem::unknown_name(&origin, known_keys.clone()));
    variables.chain(keys).collect()
}
