//! The files of the documentation pages, which come from npm packages: made
//! anew, and held against their packages.

use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// `cargo xtask docs-assets`: makes them anew.
///
/// # Errors
/// When Node.js is not there or a package cannot be had.
pub(crate) fn refresh(workspace: &Workspace) -> Result<()> {
    run(workspace, None)
}

/// Whether each is what its package holds.
///
/// # Errors
/// As [`refresh`], and when one is not.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    run(workspace, Some("--check"))
}

fn run(workspace: &Workspace, mode: Option<&str>) -> Result<()> {
    process::run(
        Command::new("node")
            .arg("crates/server/assets/docs/refresh.mjs")
            .arg(workspace.scratch.join("docs-assets"))
            .args(mode)
            .current_dir(&workspace.root),
    )
    .context(
        "Node.js 20 or newer is needed, with npm (Debian, Ubuntu: `apt-get install nodejs npm`)",
    )
}
