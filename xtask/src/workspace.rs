//! What Cargo and git say about the tree that we work on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// The workspace that this program was built from.
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Our own corner of the target folder, for everything we install.
    pub(crate) scratch: PathBuf,
    /// Our packages, by name.
    pub(crate) packages: Vec<Package>,
}

/// One of our packages, as its manifest says.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line of a manifest, for whatever platform it holds.
pub(crate) struct Dependency {
    /// The package's own name, not the one it may be renamed to.
    pub(crate) name: String,
    /// Needed by tests and benches only.
    pub(crate) is_dev: bool,
}

impl Workspace {
    /// Asks Cargo; needs no network and takes no build lock.
    pub(crate) fn load() -> Result<Self> {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest_dir
            .parent()
            .context("the folder xtask/ has no parent")?
            .to_path_buf();
        let json = process::output(cargo_in(&root).args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version=1",
        ]))?;
        let metadata: Value = serde_json::from_str(&json).context("cargo metadata")?;
        Ok(Self {
            root,
            scratch: Path::new(text(&metadata, "target_directory")?).join("xtask"),
            packages: list(&metadata, "packages")?
                .iter()
                .map(package)
                .collect::<Result<_>>()?,
        })
    }

    /// A call of the Cargo that runs us, in the root.
    pub(crate) fn cargo(&self) -> Command {
        cargo_in(&self.root)
    }

    /// Every file that git tracks or would add, relative to the root.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let listing = process::output(
            Command::new("git")
                .args([
                    "ls-files",
                    "-z",
                    "--cached",
                    "--others",
                    "--exclude-standard",
                ])
                .current_dir(&self.root),
        )
        .context("this check needs git and a clone of the repository")?;
        let mut files: Vec<PathBuf> = listing
            .split_terminator('\0')
            .map(PathBuf::from)
            .filter(|path| self.root.join(path).is_file())
            .collect();
        files.sort();
        Ok(files)
    }
}

/// Whether a continuous integration service runs us: nothing may be left out.
pub(crate) fn is_ci() -> bool {
    variable("CI").is_some_and(|value| value == "true")
}

#[expect(
    clippy::disallowed_methods,
    reason = "xtask has no settings to receive"
)]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

fn cargo_in(root: &Path) -> Command {
    let mut cargo = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}

fn package(json: &Value) -> Result<Package> {
    Ok(Package {
        name: text(json, "name")?.to_owned(),
        dependencies: list(json, "dependencies")?
            .iter()
            .map(dependency)
            .collect::<Result<_>>()?,
    })
}

fn dependency(json: &Value) -> Result<Dependency> {
    Ok(Dependency {
        name: text(json, "name")?.to_owned(),
        is_dev: json["kind"] == "dev",
    })
}

fn text<'json>(json: &'json Value, key: &str) -> Result<&'json str> {
    json[key]
        .as_str()
        .with_context(|| format!("cargo metadata has no text `{key}`"))
}

fn list<'json>(json: &'json Value, key: &str) -> Result<&'json Vec<Value>> {
    json[key]
        .as_array()
        .with_context(|| format!("cargo metadata has no list `{key}`"))
}
