//! `tertulia user export` and `erase`: what one person may ask for.

use std::fs::DirBuilder;
use std::io;
use std::path::Path;

use anyhow::Context;
use futures_util::StreamExt;
use tertulia_domain::chat::Words;
use tertulia_domain::ports::FilesPage;
use tertulia_domain::{Chat, File, UserId};
use tertulia_store::transfer;
use tokio::io::AsyncWriteExt;

use super::export::{create_file, to_file};
use super::{find_user, with_chat};
use crate::config::Settings;

const PAGE: usize = 100;

pub(super) async fn export(
    settings: &Settings,
    username: &str,
    file: &Path,
    files: Option<&Path>,
) -> anyhow::Result<()> {
    with_chat(settings, async |chat| {
        let user = find_user(chat, username).await?.id();
        let database = settings.storage.database();
        to_file(file, async |out| {
            transfer::export_user(&database, user, out).await
        })
        .await?;
        match files {
            Some(folder) => export_files(chat, user, folder).await,
            None => Ok(()),
        }
    })
    .await
}

/// Erases a person. Broken off, it is done again by the same command.
pub(super) async fn erase(
    settings: &Settings,
    username: &str,
    keep_messages: bool,
) -> anyhow::Result<()> {
    let words = match keep_messages {
        true => Words::Kept,
        false => Words::Erased,
    };
    with_chat(settings, async |chat| {
        let user = find_user(chat, username).await?.id();
        let erased = chat.erase_user(user, words).await?;
        println!(
            "{}\tarchivos / files: {}\tmensajes / messages: {}",
            erased.user.profile.username, erased.files, erased.messages
        );
        eprintln!(
            "quien esté conectado deja de ver los mensajes cuando vuelva a conectarse / \
             whoever is connected no longer sees the messages when it connects again"
        );
        Ok(())
    })
    .await
}

/// Each file under its number, with the ending of its type: what its owner calls
/// it stands in the lines, and is no name to be given to a file here.
async fn export_files(chat: &Chat, user: UserId, folder: &Path) -> anyhow::Result<()> {
    create_folder(folder).with_context(|| {
        let folder = folder.display();
        format!("no se puede crear {folder} / {folder} cannot be made")
    })?;
    let mut page = FilesPage {
        before: None,
        skip: 0,
        limit: PAGE,
    };
    loop {
        let files = chat.files_of(user, page).await?;
        for file in &files {
            let name = format!("{}.{}", file.id, file.content_type.extension());
            write_file(chat, user, file, &folder.join(&name))
                .await
                .with_context(|| name)?;
        }
        match files.last() {
            Some(last) => page.before = Some(last.id),
            None => return Ok(()),
        }
    }
}

/// A new folder, for its owner alone.
fn create_folder(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "it has no mode there"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

async fn write_file(chat: &Chat, user: UserId, file: &File, path: &Path) -> anyhow::Result<()> {
    let permit = chat.file(user, file.id).await?;
    let mut content = chat.read_file(&permit, 0..file.size).await?;
    let mut out = tokio::fs::File::from_std(create_file(path)?);
    while let Some(piece) = content.next().await {
        out.write_all(&piece?).await?;
    }
    out.sync_all().await?;
    Ok(())
}
