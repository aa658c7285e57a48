//! `tertulia user`.

use anyhow::bail;
use tertulia_domain::chat::NewAccount;
use tertulia_domain::{Chat, User, UserState};

use super::args::UserCommand;
use super::{find_user, own_data, password, with_chat};
use crate::config::Settings;

pub(super) async fn run(command: UserCommand, settings: &Settings) -> anyhow::Result<()> {
    match command {
        UserCommand::Create {
            username,
            display_name,
            email,
            password,
        } => {
            let account = NewAccount {
                username,
                display_name,
                email,
                password: password::ask(&password)?,
            };
            with_chat(settings, async |chat| create(chat, account).await).await
        }
        UserCommand::Suspend { username } => {
            set_state(settings, &username, UserState::Suspended).await
        }
        UserCommand::Restore { username } => {
            set_state(settings, &username, UserState::Active).await
        }
        UserCommand::Delete { username, yes } => {
            if !yes {
                bail!(
                    "una cuenta borrada no vuelve; repite con --yes / \
                     a deleted account does not come back; repeat with --yes"
                );
            }
            set_state(settings, &username, UserState::Deleted).await
        }
        UserCommand::Erase {
            username,
            keep_messages,
            yes,
        } => {
            if !yes {
                bail!(
                    "lo borrado no vuelve; repite con --yes / \
                     what is erased does not come back; repeat with --yes"
                );
            }
            own_data::erase(settings, &username, keep_messages).await
        }
        UserCommand::Export {
            username,
            file,
            files,
        } => own_data::export(settings, &username, &file, files.as_deref()).await,
        UserCommand::Password { username, password } => {
            let new = password::ask(&password)?;
            with_chat(settings, async |chat| {
                let user = find_user(chat, &username).await?;
                Ok(chat.set_password(user.id(), new, None).await?)
            })
            .await
        }
        UserCommand::List { prefix } => {
            with_chat(settings, async |chat| list(chat, &prefix).await).await
        }
    }
}

async fn create(chat: &Chat, account: NewAccount) -> anyhow::Result<()> {
    let user = chat.create_account(account).await?;
    println!(
        "{}\t{}\t{}",
        user.id(),
        user.profile.uuid,
        user.profile.username
    );
    Ok(())
}

async fn set_state(settings: &Settings, username: &str, state: UserState) -> anyhow::Result<()> {
    with_chat(settings, async |chat| {
        let user = find_user(chat, username).await?;
        Ok(chat.set_user_state(user.id(), state).await?)
    })
    .await
}

async fn list(chat: &Chat, prefix: &str) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = chat.search_users(prefix, after, usize::MAX).await?;
        for User { profile, .. } in &page {
            let (name, shown) = (&profile.username, &profile.display_name);
            println!("{}\t{}\t{name}\t{shown}", profile.id, profile.uuid);
        }
        match page.last() {
            Some(last) => after = Some(last.id()),
            None => return Ok(()),
        }
    }
}
