//! `tertulia import`: takes in what stands in a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, anyhow};
use tertulia_store::transfer::{self, ImportError, Problem};

use super::args::ImportCommand;
use super::copy;
use crate::config::Settings;
use crate::engine;

pub(super) async fn run(command: &ImportCommand, settings: &Settings) -> anyhow::Result<()> {
    let ImportCommand::V1 { file } = command;
    let mut lines = open(file)?;
    engine::make_data_dir(&settings.storage.data_dir)?;
    let mut say = |lines: u64| eprintln!("{lines} líneas / lines");
    let imported = transfer::import(&mut *lines, &settings.storage.database(), &mut say).await;
    let imported = imported.map_err(explained)?;
    println!(
        "nuevas / new: {}\tya estaban / there before: {}",
        imported.new, imported.kept
    );
    Ok(())
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).with_context(|| {
        let path = path.display();
        format!("no se puede leer {path} / {path} cannot be read")
    });
    Ok(Box::new(BufReader::new(file?)))
}

fn explained(error: ImportError) -> anyhow::Error {
    match error {
        ImportError::Database(error) => copy::explained(error),
        ImportError::Read(error) => anyhow!(error).context("no se puede leer / it cannot be read"),
        ImportError::Line { line, problem } => {
            let (es, en) = said(&problem);
            anyhow!(
                "línea {line}: {es}; no se cambió nada / line {line}: {en}; nothing was changed"
            )
        }
        ImportError::Hole { room } => anyhow!(
            "los mensajes de la sala {room} no son 1, 2, 3 hasta su posición; no se cambió nada / \
             the messages of room {room} are not 1, 2, 3 up to its position; nothing was changed"
        ),
    }
}

/// In Spanish and in English.
fn said(problem: &Problem) -> (String, String) {
    let both = |es: &str, en: &str| (es.to_owned(), en.to_owned());
    match problem {
        Problem::TooLong => both("es demasiado larga", "it is too long"),
        Problem::NoObject => both("no es un objeto JSON", "it is no JSON object"),
        Problem::NoHeader => both(
            "no es la primera de un export de Tertulia",
            "it is not the first one of an export of Tertulia",
        ),
        Problem::OtherVersion => both("es de otra versión", "it is of another version"),
        Problem::UnknownType(word) => (
            format!("no hay líneas de tipo {word:?}"),
            format!("there are no lines of type {word:?}"),
        ),
        Problem::OutOfOrder => both(
            "su tipo debía ir antes que los anteriores",
            "its type should stand before those that came",
        ),
        Problem::UnknownField(name) => (
            format!("no hay campo {name:?}"),
            format!("there is no field {name:?}"),
        ),
        Problem::Missing(name) => (format!("falta {name}"), format!("{name} is missing")),
        Problem::Wrong(name) => (
            format!("{name} no tiene un valor posible"),
            format!("{name} has no possible value"),
        ),
        Problem::Unknown(name) => (
            format!("{name} nombra algo que no está en ninguna línea anterior"),
            format!("{name} names what stands on no earlier line"),
        ),
        Problem::Taken => both(
            "en el servidor hay otra cosa con el mismo id",
            "something else on the server has the same id",
        ),
        Problem::Refused => both(
            "la base de datos no la acepta: un nombre, un UUID o un lugar ya está ocupado",
            "the database does not take it: a name, a UUID or a place is taken",
        ),
        Problem::OtherKey => both(
            "los UUID de los mensajes del servidor se hacen con otra clave",
            "the UUIDs of the server's messages are made with another key",
        ),
    }
}
