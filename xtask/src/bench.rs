//! `cargo xtask bench`: the load program of `crates/bench`, built for release.

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

/// Runs the load program with `arguments` as they are.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut command = workspace.cargo();
    command
        .args(["run", "--release", "--package", "tertulia-bench", "--"])
        .args(arguments);
    process::run(&mut command)
}
