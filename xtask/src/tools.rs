//! What tests use besides Cargo, and how each is had.
//!
//! To add a tool, add a row: a function that finds or installs it and gives
//! the value of the variable by which the tests learn of it.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context, Result};

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
        name: "chromium",
        serves: "the tests with a browser",
        variable: "TERTULIA_TEST_CHROMIUM",
        provide: |_| Ok(chromium()?.into()),
    },
];

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
    (variables, skips)
}
