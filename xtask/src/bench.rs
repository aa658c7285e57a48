//! `cargo xtask bench`: the load program of `crates/bench`, built for release.

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

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
    let mut load = workspace.cargo();
    load.args(["run", "--release", "--package", "tertulia-bench", "--"])
        .args(arguments);
    process::run(&mut load)
}
