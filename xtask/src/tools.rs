//! What tests use besides Cargo, and how each is had; and whether they have the
//! rights that some of them need.
//!
//! To add a tool, add a row: a function that finds or installs it and gives
//! the value of the variable by which the tests learn of it.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context, Result};

use crate::javascript;
use crate::process;
use crate::python;
use crate::skips::Skip;
use crate::workspace::Workspace;

/// Something outside Cargo that tests use.
struct Tool {
    name: &'static str,
    /// What is not tested without it.
    serves: &'static str,
    /// The variable that hands it to the tests.
    variable: &'static str,
    /// Finds or installs it, and gives the variable's value.
    provide: fn(&Workspace) -> Result<OsString>,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "python",
        serves: "the tests with clients written in Python",
        variable: "TERTULIA_TEST_PYTHON",
        provide: |workspace| {
            Ok(python::with_packages(workspace, "test")?
                .interpreter()
                .into())
        },
    },
    Tool {
        name: "schemathesis",
        serves: "the fuzzing of the API",
        variable: "TERTULIA_TEST_SCHEMATHESIS",
        provide: |workspace| {
            Ok(python::with_packages(workspace, "fuzz")?
                .program("schemathesis")
                .into())
        },
    },
    Tool {
        name: "javascript",
        serves: "the tests with clients written in JavaScript",
        variable: "TERTULIA_TEST_JAVASCRIPT",
        provide: |workspace| Ok(javascript::with_packages(workspace)?.into()),
    },
    Tool {
        name: "java-client",
        serves: "the tests with the Java client",
        variable: JAVA_CLIENT,
        provide: |_| java_client(),
    },
    Tool {
        name: "chromium",
        serves: "the tests with a browser",
        variable: "TERTULIA_TEST_CHROMIUM",
        provide: |_| Ok(chromium()?.into()),
    },
];

/// Names the jars of `io.socket:socket.io-client` 2.1.0 and of what it needs, as
/// a class path. No registry that the others come from has them.
const JAVA_CLIENT: &str = "TERTULIA_TEST_JAVA_CLIENT";

#[expect(
    clippy::disallowed_methods,
    reason = "who has the jars says so in this way"
)]
fn java_client() -> Result<OsString> {
    let jars = std::env::var_os(JAVA_CLIENT).filter(|jars| !jars.is_empty());
    jars.with_context(|| {
        format!(
            "its jars are in no registry used here: name those of socket.io-client 2.1.0, \
             engine.io-client, okhttp, okio and json in {JAVA_CLIENT}, with a JDK on the path"
        )
    })
}

/// The names under which a Chromium may be on the path.
const CHROMIUMS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

fn chromium() -> Result<&'static str> {
    if let Some(found) = any_chromium() {
        return Ok(found);
    }
    process::install_on_debian(&["chromium"])?;
    any_chromium().context("Debian's chromium does not start")
}

fn any_chromium() -> Option<&'static str> {
    let starts = |name: &&&str| process::output(Command::new(name).arg("--version")).is_ok();
    CHROMIUMS.iter().find(starts).copied()
}

/// The variables to set for the tests, and what could not be had.
pub(crate) fn provide(workspace: &Workspace) -> (Vec<(&'static str, OsString)>, Vec<Skip>) {
    let mut variables = Vec::new();
    let mut skips = Vec::new();
    for tool in TOOLS {
        match (tool.provide)(workspace) {
            Ok(value) => variables.push((tool.variable, value)),
            Err(error) => skips.push(Skip {
                name: tool.name,
                reason: format!("{}, since {error:#}", tool.serves),
            }),
        }
    }
    if let Err(error) = small_disk(workspace) {
        skips.push(Skip {
            name: "small-disk",
            reason: format!("the tests on a full disk, since it needs root on Linux: {error:#}"),
        });
    }
    (variables, skips)
}

/// Tries what the tests do that give a process a small disk of its own.
fn small_disk(workspace: &Workspace) -> Result<()> {
    std::fs::create_dir_all(&workspace.scratch)?;
    let mount = r#"mount -t tmpfs none "$0""#;
    let mut tried = Command::new("unshare");
    tried.args(["--mount", "sh", "-c", mount]);
    process::output(tried.arg(&workspace.scratch)).map(drop)
}
