//! `tertulia token`.

use tertulia_auth::SigningSecret;
use tertulia_domain::chat::Device;

use super::args::{TokenArguments, TokenCommand};
use super::{find_user, with_chat};
use crate::config::Settings;
use crate::world::SystemRandom;

pub(super) async fn run(
    arguments: TokenArguments,
    load: impl Fn() -> anyhow::Result<Settings>,
) -> anyhow::Result<()> {
    if let Some(TokenCommand::Secret) = arguments.command {
        println!("{}", SigningSecret::generate(&SystemRandom).expose());
        return Ok(());
    }
    let username = arguments.username.unwrap_or_default();
    let device = Device {
        name: "tertulia token".to_owned(),
        address: None,
        access_lifetime: arguments.lifetime,
    };
    let token = with_chat(&load()?, async |chat| {
        let user = find_user(chat, &username).await?;
        Ok(chat.sign_in_as(user.id(), &device).await?.access_token)
    })
    .await?;
    println!("{token}");
    Ok(())
}
