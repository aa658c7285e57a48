//! `cargo xtask test`: every test of the workspace, on a machine that has
//! nothing set up for it.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::Result;

use crate::workspace::{Workspace, is_ci};
use crate::{process, services, skips, tools};

/// Settings of a developer's own server, ours and those of the five systems
/// whose names we understand. A test that saw them would test that server.
const SETTINGS: &[&str] = &[
    "ACCESS_TOKEN_EXPIRE_MINUTES",
    "ALGORITHM",
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "APP_NAME",
    "BACKEND_URL",
    "CORS_ALLOWED_ORIGINS",
    "DATABASE_NAME",
    "DATABASE_URL",
    "DEBUG",
    "ENVIRONMENT",
    "FLASK_ENV",
    "GCS_BUCKET_NAME",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HOST",
    "LOG_WS_DISCONNECTS",
    "NOTIFY_SOCKET",
    "PORT",
    "RUST_LOG",
    "SECRET_KEY",
];
const SETTING_PREFIXES: &[&str] = &[
    "AWS_",
    "CLOUDINARY_",
    "DB_",
    "JWT_",
    "MYSQL_",
    "SSL_",
    "TERTULIA_",
];

/// What is tested on every database: all that a store must do. Chosen from the
/// whole workspace, so that nothing is built with other features than before.
const ON_EVERY_DATABASE: &[&str] = &["--test=contract"];

/// Sets up what tests need and runs them. `arguments` go to `cargo test`; a
/// leading `--` may set them off. All tests run on SQLite, and without arguments
/// those that are about the database on each of its servers too; `--on postgres`
/// runs them there only, or those that further arguments choose.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (only_on, arguments) = match arguments {
        [first, rest @ ..] if first == "--" => (None, rest),
        [first, database, rest @ ..] if first == "--on" => (Some(database), rest),
        all => (None, all),
    };
    let (mut variables, mut skips) = tools::provide(workspace);
    let (servers, missing) = services::start(workspace);
    skips.extend(missing);
    skips::report(&skips)?;
    variables.extend(servers.iter().map(|server| server.variable.clone()));

    let mut failed = Vec::new();
    if only_on.is_none() {
        let all = process::run(cargo_test(workspace, arguments).envs(variables.clone()));
        failed.extend(all.err());
    }
    if only_on.is_some() || arguments.is_empty() {
        let chosen: Vec<String> = match arguments {
            [] => ON_EVERY_DATABASE.iter().map(|&it| it.to_owned()).collect(),
            some => some.to_vec(),
        };
        for server in servers.iter().filter(|server| server.is_database) {
            if only_on.is_none_or(|name| name == server.name) {
                eprintln!("on {}:", server.name);
                let mut command = cargo_test(workspace, &chosen);
                command.envs(variables.clone());
                command.env("TEST_DATABASE_URL", &server.variable.1);
                failed.extend(process::run(&mut command).err());
            }
        }
    }
    if let Some(error) = failed.into_iter().next() {
        return Err(error);
    }
    skips::report(&skips)
}

fn cargo_test(workspace: &Workspace, arguments: &[String]) -> Command {
    let mut command = workspace.cargo();
    command.args(["test", "--no-fail-fast"]);
    command.env_remove("TEST_DATABASE_URL");
    if is_ci() {
        command.arg("--locked");
    }
    if !arguments.iter().any(|argument| names_packages(argument)) {
        command.arg("--workspace");
    }
    command.args(arguments);
    for (name, _) in environment() {
        if is_setting(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn names_packages(argument: &str) -> bool {
    matches!(argument, "-p" | "--package") || argument.starts_with("--package=")
}

fn is_setting(name: &OsStr) -> bool {
    // What is not Unicode is none of these names.
    let Some(name) = name.to_str() else {
        return false;
    };
    SETTINGS.contains(&name)
        || SETTING_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

#[expect(
    clippy::disallowed_methods,
    reason = "to take settings away, one must see them"
)]
fn environment() -> std::env::VarsOs {
    std::env::vars_os()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_server_do_not_reach_the_tests() {
        for name in [
            "TERTULIA_DATA_DIR",
            "JWT_SECRET",
            "HOST",
            "PORT",
            "MYSQL_HOST",
            "SSL_CERT",
        ] {
            assert!(is_setting(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "HOME", "CARGO_HOME", "HOSTNAME", "CI"] {
            assert!(!is_setting(OsStr::new(name)), "{name}");
        }
    }
}
