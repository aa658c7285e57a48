//! The project's own commands, called as `cargo xtask <command>`.
//!
//! Each command does its own set-up, so that a clean clone needs nothing but
//! Rust and Python; what a command installs lives below `target/xtask/`.

mod bench;
mod check;
mod docs_assets;
mod javascript;
mod process;
mod python;
mod rust_source;
mod services;
mod skips;
mod test;
mod tidy;
mod tools;
mod walls;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

const USAGE: &str = "\
The project's own commands

Usage: cargo xtask <command>

Commands:
  test [arguments]    set up what the tests need, then run `cargo test` over the
                      workspace; further arguments go to cargo:
                        cargo xtask test kaapehchat
                        cargo xtask test -p tertulia-hub -- --nocapture
                        cargo xtask test --on postgres
                        cargo xtask test --long --on mariadb many_nodes
  check [step]...     formatting, walls, lints, documentation, dependencies,
                      spelling; `cargo xtask check --help` lists the steps
  bench [arguments]   build the load program for release and run it:
                        cargo xtask bench --help
  docs-assets         make the files of the documentation pages anew from their
                      npm packages (crates/server/assets/docs/refresh.mjs)

With CI=true, whatever has to be left out makes the command fail.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("no command given\n\n{USAGE}");
    };
    match command.as_str() {
        "test" => test::run(&Workspace::load()?, rest),
        "check" => check::run(&Workspace::load()?, rest),
        "docs-assets" => docs_assets::refresh(&Workspace::load()?),
        "bench" => bench::run(&Workspace::load()?, rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        unknown => bail!("there is no command `{unknown}`\n\n{USAGE}"),
    }
}
