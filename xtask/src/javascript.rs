//! JavaScript packages below the target folder: exactly those that a lock file
//! names, by their hashes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// Where the packages of the tests are listed.
const TESTS: &str = "crates/server/tests/javascript";

/// Where the packages of the server are listed that ours is measured beside.
const BENCH: &str = "crates/bench/peers/node";

/// What npm needs to see of it.
const FILES: &[&str] = &["package.json", "package-lock.json", ".npmrc"];

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// The folder in whose `node_modules` the tests' packages are. Does nothing when
/// they are there already.
///
/// # Errors
/// When there is no Node.js, or the packages cannot be had.
pub(crate) fn with_packages(workspace: &Workspace) -> Result<PathBuf> {
    install(workspace, TESTS, "javascript")
}

/// The same for what ours is measured beside.
///
/// # Errors
/// As [`with_packages`].
pub(crate) fn with_bench_packages(workspace: &Workspace) -> Result<PathBuf> {
    install(workspace, BENCH, "javascript-bench")
}

fn install(workspace: &Workspace, list: &str, name: &str) -> Result<PathBuf> {
    find_node()?;
    let folder = workspace.scratch.join(name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let lock = workspace.root.join(list).join("package-lock.json");
    let wanted =
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    for file in FILES {
        let from = workspace.root.join(list).join(file);
        fs::copy(&from, folder.join(file))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    process::run(
        Command::new(NPM)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .arg("--loglevel=error")
            .current_dir(&folder),
    )
    .context("the npm registry must be reachable once; behind a mirror, set npm up for it")?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(folder)
}

fn find_node() -> Result<()> {
    if starts() {
        return Ok(());
    }
    if process::is_root_on_debian() {
        process::install_on_debian(&["nodejs", "npm"])?;
    }
    if !starts() {
        bail!("Node.js 18 or newer with npm is needed, so that `node` and `npm` start");
    }
    Ok(())
}

fn starts() -> bool {
    ["node", NPM]
        .iter()
        .all(|program| process::output(Command::new(program).arg("--version")).is_ok())
}
