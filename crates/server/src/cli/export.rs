//! `tertulia export`: all that is stored, as JSON Lines.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use tertulia_store::transfer::{self, ExportError};

use super::args::ExportArguments;
use super::copy;
use crate::config::Settings;

pub(super) async fn run(arguments: &ExportArguments, settings: &Settings) -> anyhow::Result<()> {
    let mut out = create(&arguments.file)?;
    let written = transfer::export(&settings.storage.database(), &mut *out).await;
    let lines = written.map_err(explained)?.count;
    eprintln!("{lines} líneas / lines");
    Ok(())
}

/// A new file, for its owner alone: passwords' hashes are in it. `-` is standard
/// output.
pub(super) fn create(path: &Path) -> anyhow::Result<Box<dyn Write + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    let file = create_file(path);
    let file = file.with_context(|| {
        let path = path.display();
        format!("no se puede crear {path} / {path} cannot be made")
    });
    Ok(Box::new(BufWriter::new(file?)))
}

fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) fn explained(error: ExportError) -> anyhow::Error {
    match error {
        ExportError::Database(error) => copy::explained(error),
        ExportError::Write(error) => {
            anyhow::anyhow!(error).context("no se puede escribir / it cannot be written")
        }
    }
}
