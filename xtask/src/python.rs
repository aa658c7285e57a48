//! A private Python environment below the target folder, holding exactly the
//! packages that `xtask/requirements/` names, by hash.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// What a Python must answer: the oldest version that our packages run on.
const IS_RECENT: &str = "import sys; sys.exit(sys.version_info < (3, 10))";

/// A Python environment of our own.
pub(crate) struct Python {
    folder: PathBuf,
}

impl Python {
    /// The program that runs Python code with the installed packages.
    pub(crate) fn interpreter(&self) -> PathBuf {
        self.program("python")
    }

    /// A program that one of the packages brings.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let scripts = if cfg!(windows) { "Scripts" } else { "bin" };
        self.folder
            .join(scripts)
            .join(name)
            .with_extension(std::env::consts::EXE_EXTENSION)
    }
}

/// The environment with the packages of `xtask/requirements/<set>.txt` in it.
/// Does nothing when they are there already.
///
/// # Errors
/// When there is no Python and none can be installed, or when the packages
/// cannot be had; the error says what to do.
pub(crate) fn with_packages(workspace: &Workspace, set: &str) -> Result<Python> {
    fs::create_dir_all(&workspace.scratch)
        .with_context(|| format!("cannot make {}", workspace.scratch.display()))?;
    let _installing_alone = lock(&workspace.scratch.join("python.lock"))?;

    let python = Python {
        folder: workspace.scratch.join("python"),
    };
    if !starts(&python.interpreter()) {
        create(&python)?;
    }
    install(&python, set, workspace)?;
    Ok(python)
}

/// Held as long as the file stays open.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

fn create(python: &Python) -> Result<()> {
    if create_from_any(python) {
        return Ok(());
    }
    if !process::is_root_on_debian() {
        bail!(
            "Python 3.10 or newer with its `venv` module is needed: install it \
             (Debian, Ubuntu: `apt-get install python3 python3-venv`; others: python.org) \
             so that `python3` or `python` starts it"
        );
    }
    process::install_on_debian(&["python3", "python3-venv"])?;
    if !create_from_any(python) {
        bail!("the Python that Debian offers is older than 3.10, or cannot make an environment");
    }
    Ok(())
}

/// Tries each Python that may be on the path; the last is Debian's own, in
/// case another one stands before it.
fn create_from_any(python: &Python) -> bool {
    ["python3", "python", "/usr/bin/python3"]
        .iter()
        .any(|candidate| {
            starts(Path::new(candidate))
                && process::output(
                    Command::new(candidate)
                        .args(["-m", "venv", "--clear"])
                        .arg(&python.folder),
                )
                .is_ok()
        })
}

fn starts(interpreter: &Path) -> bool {
    process::output(Command::new(interpreter).args(["-c", IS_RECENT])).is_ok()
}

/// The stamp says which packages an environment holds.
fn install(python: &Python, set: &str, workspace: &Workspace) -> Result<()> {
    let file = format!("xtask/requirements/{set}.txt");
    let wanted = fs::read_to_string(workspace.root.join(&file))
        .with_context(|| format!("cannot read {file}"))?;
    let stamp = python.folder.join(set).with_extension("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    process::run(
        Command::new(python.interpreter())
            .args(["-m", "pip", "install", "--quiet", "--no-input"])
            .args(["--disable-pip-version-check", "--no-deps"])
            .args(["--require-hashes", "--only-binary=:all:", "--requirement"])
            .arg(&file)
            .current_dir(&workspace.root),
    )
    .context("PyPI must be reachable once; behind a proxy or mirror, set pip up for it")?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
