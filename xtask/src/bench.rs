//! `cargo xtask bench`: the load program of `crates/bench`, built for release,
//! with what it measures beside ours.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{javascript, process, services};

/// Builds the server and the load program, and runs the latter with `arguments`
/// as they are; it finds the server beside itself.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut build = workspace.cargo();
    build.args([
        "build",
        "--release",
        "--package",
        "tertulia-server",
        "--package",
        "tertulia-bench",
    ]);
    process::run(&mut build)?;
    let mut means: Vec<OsString> = Vec::new();
    if arguments.first().is_none_or(|first| first.starts_with('-')) {
        means.extend(["--docs".into(), workspace.root.join("docs").into()]);
    }
    match javascript::with_bench_packages(workspace) {
        Ok(folder) => means.extend(["--node".into(), folder.into()]),
        Err(error) => eprintln!("left out: Node.js: {error:#}"),
    }
    let postgres = services::start_durable_postgres(workspace);
    match &postgres {
        Ok(running) => {
            let address = running.variable.1.clone();
            let address = address.to_string_lossy().replace("/postgres", "");
            means.extend(["--postgres".into(), address.into()]);
            means.extend(["--postgres-pid".into(), running.id().to_string().into()]);
        }
        Err(error) => eprintln!("left out: PostgreSQL: {error:#}"),
    }
    // Not by `cargo run`, which would build it anew with the features of this package alone.
    let mut load = Command::new(workspace.scratch.with_file_name("release/tertulia-bench"));
    load.args(arguments).args(means);
    process::run(&mut load)
}
