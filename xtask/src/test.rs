//! `cargo xtask test`: every test of the workspace, on a machine that has
//! nothing set up for it.

use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::services::Carries;
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
const STORE: &[&str] = &["--test=contract"];

/// Of that, what is about a server behind no pooler.
const NOT_POOLED: &[&str] = &["--", "--skip=faults::", "--skip=tls::"];

/// And the whole server over it: all that its clients see. The rest of its tests
/// (TLS, HTTP, the pages) has nothing to do with the database.
const SERVER: &[&str] = &[
    "--test=app_tokens",
    "--test=backpressure",
    "--test=commands",
    "--test=crash",
    "--test=files",
    "--test=health",
    "--test=izpochat_contract",
    "--test=kaapehchat_contract",
    "--test=matrix",
    "--test=outbox",
    "--test=shutdown",
    "--test=socketio_clients",
    "--test=socketio_contract",
    "--test=sos_contract",
    "--test=startup",
    "--test=v1_rest",
    "--test=v1_socket",
    // A fuzzer of calls, for minutes, and what goes through all databases anyway.
    "--",
    "--skip=fuzz::",
    "--skip=copying::",
];

/// How long all tests may take together. One that waits for what never comes, a
/// database that is gone, is ended then, so that the others' results are seen.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// The same where tests of endurance run for their whole time.
const LONG_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Tests that stop after some seconds run as long as their issues ask.
const LONG: &str = "TEST_LONG";

/// Sets up what tests need and runs them. `arguments` go to `cargo test`; a
/// leading `--` may set them off. All tests run on SQLite, and without arguments
/// those that are about the database on each of its servers too; `--on postgres`
/// runs them there only, or those that further arguments choose. `--long` lets
/// tests of endurance run for their whole time.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (is_long, arguments) = match arguments {
        [first, rest @ ..] if first == "--long" => (true, rest),
        all => (false, all),
    };
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
    variables.extend(is_long.then(|| (LONG, "1".into())));

    let patience = if is_long { LONG_PATIENCE } else { PATIENCE };
    let gives_up = Instant::now() + patience;
    let run = |command: &Command| {
        let left = gives_up.saturating_duration_since(Instant::now());
        process::run_within(left, command)
    };
    let mut failed = Vec::new();
    if only_on.is_none() {
        let all = run(cargo_test(workspace, arguments).envs(variables.clone()));
        failed.extend(all.err());
    }
    if only_on.is_some() || arguments.is_empty() {
        for server in &servers {
            let chosen = match arguments {
                [] => chosen(server.carries),
                some => some.to_vec(),
            };
            let is_meant = only_on.is_none_or(|name| name == server.name);
            if is_meant && server.carries != Carries::Nothing {
                eprintln!("on {}:", server.name);
                let mut command = cargo_test(workspace, &chosen);
                command.envs(variables.clone());
                command.env("TEST_DATABASE_URL", &server.variable.1);
                failed.extend(run(&command).err());
            }
        }
    }
    if let Some(error) = failed.into_iter().next() {
        for mut server in servers {
            eprintln!("{}", server.state());
        }
        let _ = process::run(Command::new("df").arg("-h").arg(&workspace.scratch));
        return Err(error);
    }
    skips::report(&skips)
}

/// What is tested on a server when nobody chooses.
fn chosen(carries: Carries) -> Vec<String> {
    let chosen = match carries {
        Carries::Nothing => Vec::new(),
        Carries::Store => [STORE, NOT_POOLED].concat(),
        Carries::Everything => [STORE, SERVER].concat(),
    };
    chosen.into_iter().map(str::to_owned).collect()
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
