//! Snapshot files that no test compares with any more, and those that a test
//! wrote and nobody has looked at yet.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Has the tests that `command` runs write down which snapshot files they
/// compare with; gives the file where they do.
pub(crate) fn record(workspace: &Workspace, command: &mut Command) -> Result<PathBuf> {
    let references = workspace.scratch.join("snapshots.txt");
    fs::create_dir_all(&workspace.scratch)?;
    fs::write(&references, "").with_context(|| format!("cannot write {}", references.display()))?;
    command.env("INSTA_SNAPSHOT_REFERENCES_FILE", &references);
    Ok(references)
}

/// To be called after a run of every test.
///
/// # Errors
/// Names each snapshot file that none of them compared with.
pub(crate) fn refuse_orphans(workspace: &Workspace, references: &Path) -> Result<()> {
    let compared: BTreeSet<PathBuf> = fs::read_to_string(references)?
        .lines()
        .filter_map(|line| Path::new(line).canonicalize().ok())
        .collect();
    let mut orphans = Vec::new();
    for file in workspace.files()? {
        let name = file.to_string_lossy();
        let is_snapshot = name.ends_with(".snap") || name.ends_with(".snap.new");
        if is_snapshot && !compared.contains(&workspace.root.join(&file).canonicalize()?) {
            orphans.push(name.into_owned());
        }
    }
    if !orphans.is_empty() {
        bail!(
            "no test compares with these snapshots; delete or accept them:\n  {}",
            orphans.join("\n  ")
        );
    }
    Ok(())
}
