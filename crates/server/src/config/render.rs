//! Tells the settings: as they stand, as an example file, and as a page.

use super::Settings;
use super::database;
use super::sources::{Origin, Place};
use super::table::{self, Setting, Shown};

/// How wide a comment of the example file is.
const WIDTH: usize = 96;

const EXAMPLE_HEADER: &str = "\
# Settings of Tertulia. Each line that begins with `#name =` shows a default: take the `#` away
# and change it. Variables go before this file, and may stand in a file `.env`. Made by
# `tertulia config --example`.
#
# Ajustes de Tertulia. Cada línea que empieza con `#nombre =` muestra un valor por defecto: quita
# el `#` y cámbialo. Las variables van antes que este archivo, y pueden estar en un archivo `.env`.
# Hecho con `tertulia config --example`.
";

const REFERENCE_HEADER: &str = "\
# Settings · Ajustes

<!-- Made by `tertulia config --reference`. -->

Tertulia needs no settings. What is nearer to the process wins: defaults, then the TOML file
(`tertulia --config FILE`, `TERTULIA_CONFIG`, else `tertulia.toml`), then a file `.env`, then the
environment. `tertulia config` prints what holds and where it came from. A name that begins with
`TERTULIA_` and is not on this page is an error, and so is an unknown key in the TOML file. An empty
value is as good as none. Times are written `100ms`, `25s`, `15m`, `8h`, `30d`; sizes `65536`,
`256 KiB`, `1 MB`.

Tertulia no necesita ajustes. Gana lo más cercano al proceso: los valores por defecto, luego el
archivo TOML (`tertulia --config ARCHIVO`, `TERTULIA_CONFIG` o, si no, `tertulia.toml`), luego un
archivo `.env`, luego el entorno. `tertulia config` muestra lo que vale y de dónde vino. Un nombre
que empieza con `TERTULIA_` y no está en esta página es un error, como lo es una clave desconocida
en el archivo TOML. Un valor vacío es como ninguno. Los tiempos se escriben `100ms`, `25s`, `15m`,
`8h`, `30d`; los tamaños, `65536`, `256 KiB`, `1 MB`.
";

const REFERENCE_IMPORTS: &str = "
## Databases of older systems · Bases de datos de sistemas anteriores

These name the source of an import, never Tertulia's own store; the start says so where it finds one.

Estas nombran el origen de una importación, nunca los datos propios de Tertulia; el arranque lo dice
cuando encuentra una.
";

const DESCRIBE_HEADER: &str = "\
# What holds, and what said so. · Lo que vale, y quién lo dijo.
";

/// The example file, `config.example.toml`: every setting at its default, in
/// comments.
#[must_use]
pub fn example() -> String {
    let mut settings = Settings::default();
    let mut text = EXAMPLE_HEADER.to_owned();
    let mut table = "";
    for setting in table::all() {
        let (in_table, name) = setting.table_and_name();
        if in_table != table {
            table = in_table;
            line(&mut text, &format!("\n[{table}]"));
        }
        line(&mut text, "");
        for doc in [setting.en, setting.es, &names_and_example(setting)] {
            comment(&mut text, doc);
        }
        match setting.show(&mut settings) {
            Shown::Value(value) => line(&mut text, &format!("#{name} = {value}")),
            Shown::NotSet | Shown::Hidden => line(&mut text, &format!("#{name} = \"\"")),
        }
    }
    text
}

/// The page of all settings, `docs/reference/settings.md`, in English and
/// Spanish.
#[must_use]
pub fn reference() -> String {
    let mut settings = Settings::default();
    let mut text = REFERENCE_HEADER.to_owned();
    let mut table = None;
    for setting in table::all() {
        let (in_table, name) = setting.table_and_name();
        if table != Some(in_table) {
            table = Some(in_table);
            line(&mut text, &format!("\n## {}\n", heading(in_table)));
            line(&mut text, "| TOML | variables | default | |");
            line(&mut text, "|---|---|---|---|");
        }
        let default = match setting.show(&mut settings) {
            Shown::Value(value) => format!("`{value}`"),
            Shown::NotSet | Shown::Hidden => "–".to_owned(),
        };
        let variables = quoted(&variables(setting));
        let (en, es) = (setting.en, setting.es);
        line(
            &mut text,
            &format!("| `{name}` | {variables} | {default} | {en}<br>{es} |"),
        );
    }
    line(&mut text, REFERENCE_IMPORTS);
    let names: Vec<String> = database::import_variables().map(str::to_owned).collect();
    line(&mut text, &format!("{}.", quoted(&names)));
    text
}

fn heading(table: &str) -> String {
    if table.is_empty() {
        "General".to_owned()
    } else {
        format!("`[{table}]`")
    }
}

pub(super) fn describe(settings: &Settings) -> String {
    // Showing needs the place where a value would be put, and changes nothing.
    let mut settings = settings.clone();
    let mut text = DESCRIBE_HEADER.to_owned();
    let mut table = "";
    for setting in table::all() {
        let (in_table, name) = setting.table_and_name();
        if in_table != table {
            table = in_table;
            line(&mut text, &format!("\n[{table}]"));
        }
        let value = match setting.show(&mut settings) {
            Shown::Value(value) => format!("{name} = {value}"),
            Shown::Hidden => format!("{name} = \"***\""),
            Shown::NotSet => format!("# {name}"),
        };
        let origin = settings.origins.get(setting.key);
        let origin = origin.map_or_else(|| "default".to_owned(), |origins| told(origins));
        line(&mut text, &format!("{value:<50} # {origin}"));
    }
    text
}

fn told(origins: &[Origin]) -> String {
    let each = origins.iter().map(|Origin { name, place }| match place {
        Place::Environment => name.clone(),
        Place::DotEnv => format!("{name} (.env)"),
        Place::File(path) => path.display().to_string(),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Every variable that a setting is read from, its own first.
fn variables(setting: &Setting) -> Vec<String> {
    let aliases = setting.aliases.names().iter().map(|&name| name.to_owned());
    [Some(setting.variable()), setting.file_variable()]
        .into_iter()
        .flatten()
        .chain(aliases)
        .collect()
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn names_and_example(setting: &Setting) -> String {
    let names = variables(setting).join(", ");
    if setting.example.is_empty() {
        names
    } else {
        format!("{names}: {}", setting.example)
    }
}

/// Words as a comment, broken between words.
fn comment(text: &mut String, words: &str) {
    let mut current = "#".to_owned();
    for word in words.split_whitespace() {
        if current.chars().count() + 1 + word.chars().count() > WIDTH {
            line(text, &current);
            current = "#".to_owned();
        }
        current.push(' ');
        current.push_str(word);
    }
    line(text, &current);
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
