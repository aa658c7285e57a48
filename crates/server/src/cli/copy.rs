//! `tertulia copy`: all that is stored from one database to another, and if
//! asked the bytes of uploaded files from one place to another.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use futures_util::StreamExt;
use tertulia_domain::Blobs;
use tertulia_store::OpenError;
use tertulia_store::transfer::{self, CopyError, NamedBlob, NamedBlobs, Progress};

use super::args::CopyArguments;
use crate::config::{FilesLocation, Settings};
use crate::files;

pub(super) async fn run(
    arguments: &CopyArguments,
    load: impl Fn() -> anyhow::Result<Settings>,
) -> anyhow::Result<()> {
    // Files first: as long as only they are copied, the target has no row, and
    // the whole can be done again.
    if let Some((from, to)) = arguments
        .files_from
        .as_ref()
        .zip(arguments.files_to.as_ref())
    {
        copy_files(arguments, (from, to), &load()?).await?;
    }
    let copied = transfer::copy(&arguments.from, &arguments.to, &mut say).await;
    copied.map_err(explained)?;
    println!("la copia es igual / the copy is the same");
    Ok(())
}

fn say(progress: Progress<'_>) {
    match progress {
        Progress::Copied(_, 0) => {}
        Progress::Copied(table, rows) => eprintln!("{table}: {rows} filas / rows"),
        Progress::Same(table, contents) => println!("{table}\t{}\t{contents}", contents.rows),
    }
}

/// What to do about it, where something can be done.
pub(super) fn explained(error: CopyError) -> anyhow::Error {
    let advice = match &error {
        CopyError::Open(OpenError::Unfinished { .. }) => {
            "quedó una copia a medias; repite la copia / a copy was broken off; make it again"
        }
        CopyError::Open(_) => "no se puede usar la base de datos / the database cannot be used",
        CopyError::NotThere { .. } => {
            "no hay nada de Tertulia ahí / there is nothing of Tertulia there"
        }
        CopyError::OtherSchema { .. } => {
            "otro esquema: primero `tertulia migrate`, o un programa más nuevo / \
             another schema: `tertulia migrate` first, or a newer program"
        }
        CopyError::NotEmpty { .. } => "el destino no está vacío / the target is not empty",
        CopyError::InUse { .. } => "está en uso: detén el servidor / it is in use: stop the server",
        CopyError::Changed { .. } => {
            "alguien escribió durante la copia: detén el servidor y repítela / \
             somebody wrote during the copy: stop the server and make it again"
        }
        CopyError::Differs { .. } => {
            "la copia no es igual; no la uses / the copy is not the same; do not use it"
        }
    };
    anyhow!(error).context(advice)
}

/// Copies the bytes of every file and of every upload that can be resumed.
async fn copy_files(
    arguments: &CopyArguments,
    (from, to): (&FilesLocation, &FilesLocation),
    settings: &Settings,
) -> anyhow::Result<()> {
    let (from, to) = (place(from, settings)?, place(to, settings)?);
    let mut named = NamedBlobs::open(&arguments.from).await.map_err(explained)?;
    let mut count = 0_u64;
    loop {
        let page = named.page().await.map_err(explained)?;
        if page.is_empty() {
            break;
        }
        for blob in &page {
            copy_blob(&*from, &*to, blob)
                .await
                .with_context(|| format!("{}", blob.key))?;
        }
        count += page.len() as u64;
        eprintln!("archivos / files: {count}");
    }
    Ok(())
}

fn place(location: &FilesLocation, settings: &Settings) -> anyhow::Result<Arc<dyn Blobs>> {
    let mut files = settings.files.clone();
    files.location = location.clone();
    files::open(&files, &settings.storage.data_dir)
}

async fn copy_blob(from: &dyn Blobs, to: &dyn Blobs, blob: &NamedBlob) -> anyhow::Result<()> {
    let mut content = from.read(&blob.key, 0..blob.size).await?;
    let mut writer = to.create(&blob.key, blob.content_type).await?;
    while let Some(piece) = content.next().await {
        writer.write(piece?).await?;
    }
    Ok(writer.finish().await?)
}
