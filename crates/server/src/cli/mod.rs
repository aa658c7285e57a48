//! The command line. What it prints for people is in Spanish and English.

mod args;
mod config;
mod copy;
mod export;
mod health;
mod import;
mod own_data;
mod password;
mod room;
mod serve;
mod supervisor;
mod token;
mod user;

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Parser;
use tertulia_domain::ports::UserKey;
use tertulia_domain::{Chat, User};

use self::args::{Arguments, Command};
use crate::config::{self as settings, Inputs, Settings};
use crate::engine::{self, Engine};
use crate::world::World;

/// Runs the program with the arguments of this process.
#[must_use]
pub fn run() -> ExitCode {
    crate::memory::take_small_pages();
    crate::install_provider();
    let arguments = Arguments::parse();
    match execute(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tertulia: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let load = || Inputs::from_process(arguments.config.clone()).and_then(|it| settings::load(&it));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    match arguments.command.unwrap_or_default() {
        Command::Serve => runtime.block_on(serve::serve(load()?, load))?,
        Command::Migrate => runtime.block_on(migrate(&load()?))?,
        Command::Copy(copy) => runtime.block_on(copy::run(&copy, load))?,
        Command::Export(export) => runtime.block_on(export::run(&export, &load()?))?,
        Command::Import(import) => runtime.block_on(import::run(&import, &load()?))?,
        Command::User(user) => runtime.block_on(user::run(user, &load()?))?,
        Command::Room(room) => runtime.block_on(room::run(room, &load()?))?,
        Command::Token(token) => runtime.block_on(token::run(token, load))?,
        Command::Config(options) => config::run(&options, load)?,
        Command::Healthcheck => return runtime.block_on(health::run(&load()?)),
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    engine::make_data_dir(&settings.storage.data_dir)?;
    engine::open_store(settings, &World::real()).await?;
    let database = settings.storage.database();
    println!("{database}: al día / up to date");
    Ok(())
}

/// Starts the chat for one command, and stops it again.
async fn with_chat<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&Chat) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    // Nobody listens here: `events` goes, or who publishes would wait for it.
    let Engine { chat, .. } = Engine::start(settings, &World::real()).await?;
    let done = work(&chat).await;
    chat.shutdown().await;
    done
}

/// The user of this name, in whatever state.
async fn find_user(chat: &Chat, username: &str) -> anyhow::Result<User> {
    let user = chat.user(UserKey::Username(username.to_owned())).await?;
    user.ok_or_else(|| anyhow!("no hay ningún usuario {username} / there is no user {username}"))
}
