//! `tertulia export`: all that is stored, as JSON Lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use tertulia_store::transfer::{self, ExportError, Lines};

use super::args::ExportArguments;
use super::copy;
use crate::config::Settings;

pub(super) async fn run(arguments: &ExportArguments, settings: &Settings) -> anyhow::Result<()> {
    let database = settings.storage.database();
    let exporting = async |out: &mut (dyn Write + Send)| transfer::export(&database, out).await;
    to_file(&arguments.file, exporting).await
}

/// Has lines written to a new file, or to standard output if it is `-`, and says
/// how many they were. Of a failure no file is left.
pub(super) async fn to_file(
    path: &Path,
    write: impl AsyncFnOnce(&mut (dyn Write + Send)) -> Result<Lines, ExportError>,
) -> anyhow::Result<()> {
    let is_output = path == Path::new("-");
    let mut out: Box<dyn Write + Send> = match is_output {
        true => Box::new(BufWriter::new(io::stdout())),
        false => Box::new(BufWriter::new(create_file(path).with_context(|| {
            let path = path.display();
            format!("no se puede crear {path} / {path} cannot be made")
        })?)),
    };
    let written = write(&mut *out).await;
    drop(out);
    if written.is_err() && !is_output {
        // What went wrong before is what counts.
        let _ = fs::remove_file(path);
    }
    let lines = written.map_err(explained)?.count;
    eprintln!("{lines} líneas / lines");
    Ok(())
}

/// A new file, for its owner alone: passwords' hashes or what somebody said and
/// sent are in it.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn explained(error: ExportError) -> anyhow::Error {
    match error {
        ExportError::Database(error) => copy::explained(error),
        ExportError::Write(error) => {
            anyhow::anyhow!(error).context("no se puede escribir / it cannot be written")
        }
    }
}
