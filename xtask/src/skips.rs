//! What could not be had on this machine and so was left out.

use anyhow::{Result, bail};

use crate::workspace::is_ci;

/// What nobody can install: no package registry offers it, or it is a right that the
/// machine gives. CI may leave out this and nothing else.
const NOT_TO_BE_INSTALLED: &[&str] = &["advisories", "java-client", "mysql-8", "small-disk"];

/// Something left out.
pub(crate) struct Skip {
    /// Its name in the tables of tools and steps.
    pub(crate) name: &'static str,
    /// Why, and what to do about it.
    pub(crate) reason: String,
}

/// Names what was left out.
///
/// # Errors
/// In CI, when any of it could be installed: there, less than everything is
/// not a pass.
pub(crate) fn report(skips: &[Skip]) -> Result<()> {
    for Skip { name, reason } in skips {
        eprintln!("left out: {name}: {reason}");
    }
    refuse(skips, is_ci())
}

fn refuse(skips: &[Skip], is_ci: bool) -> Result<()> {
    let missing: Vec<&str> = skips
        .iter()
        .map(|skip| skip.name)
        .filter(|name| !NOT_TO_BE_INSTALLED.contains(name))
        .collect();
    if is_ci && !missing.is_empty() {
        bail!(
            "with CI=true nothing of this may be left out: {}",
            missing.join(", ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(name: &'static str) -> Skip {
        Skip {
            name,
            reason: "not here".to_owned(),
        }
    }

    #[test]
    fn a_developer_may_leave_out_anything() {
        assert!(refuse(&[skip("python"), skip("advisories")], false).is_ok());
    }

    #[test]
    fn ci_may_leave_out_only_what_cannot_be_installed() {
        assert!(refuse(&[skip("advisories"), skip("small-disk")], true).is_ok());
        let error = refuse(&[skip("python"), skip("advisories")], true).unwrap_err();
        assert!(error.to_string().ends_with("left out: python"), "{error}");
    }
}
