//! Starting other programs: shown first, then waited for.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Runs `command` to its end with our own output and no input.
///
/// # Errors
/// When it cannot be started, or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    eprintln!("$ {}", shown(command));
    let status = wait_for(command)?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// As [`run`], for so long at the most: then `command` is ended, with all that it
/// started. Where that cannot be done (elsewhere than on Linux) it may take longer.
///
/// # Errors
/// As [`run`], and when it took longer.
pub(crate) fn run_within(limit: Duration, command: &Command) -> Result<()> {
    eprintln!("$ {}", shown(command));
    let status = wait_for(&mut bounded(limit, command))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(TIMED_OUT) => {
            let minutes = limit.as_secs() / 60;
            bail!("`{}` had not ended after {minutes} minutes", shown(command))
        }
        _ => bail!("`{}` failed ({status})", shown(command)),
    }
}

fn wait_for(command: &mut Command) -> Result<ExitStatus> {
    let status = command.stdin(Stdio::null()).status();
    status.with_context(|| cannot_start(command))
}

/// The exit code of `timeout` (GNU coreutils) when the time is over.
const TIMED_OUT: i32 = 124;

/// `command` below one that ends its whole process group: when the time is over,
/// and when we end, which a group of its own would not notice.
fn bounded(limit: Duration, command: &Command) -> Command {
    let mut bounded = if cfg!(target_os = "linux") {
        let mut timeout = Command::new("setpriv");
        timeout.args(["--pdeathsig=TERM", "timeout", "--kill-after=10"]);
        timeout.arg(format!("{}s", limit.as_secs().max(1)));
        timeout.arg(command.get_program());
        timeout
    } else {
        Command::new(command.get_program())
    };
    bounded.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bounded.env(name, value),
            None => bounded.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        bounded.current_dir(folder);
    }
    bounded
}

/// Runs `command` to its end and gives what it wrote to standard output.
///
/// # Errors
/// As [`run`]; the error then holds what it wrote to standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| cannot_start(command))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` failed ({}): {}",
            shown(command),
            output.status,
            said.trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` did not write UTF-8", shown(command)))
}

/// Whether we may do everything on this machine.
pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Whether we may install what Debian offers.
pub(crate) fn is_root_on_debian() -> bool {
    Path::new("/etc/debian_version").exists() && is_root()
}

/// Installs packages, without starting what they bring.
///
/// # Errors
/// When this is not Debian, or we are not root there; the error says what to do.
pub(crate) fn install_on_debian(packages: &[&str]) -> Result<()> {
    if !is_root_on_debian() {
        bail!(
            "it is not installed (Debian, Ubuntu: `apt-get install {}`)",
            packages.join(" ")
        );
    }
    run(Command::new("apt-get").arg("update"))?;
    run(Command::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1"))
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", command.get_program().display())
}

/// The command line as a person would type it, with a program's name only.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(program.as_os_str());
    let words: Vec<_> = std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    #[cfg(target_os = "linux")]
    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let lock = std::env::temp_dir().join(format!("run-within-{}", std::process::id()));
        let mut sleeps = Command::new("sh");
        sleeps.args(["-c", "flock \"$LOCK\" sleep 600 & wait"]);
        sleeps.env("LOCK", &lock);
        let error = run_within(Duration::from_secs(1), &sleeps).unwrap_err();
        assert!(error.to_string().contains("had not ended"), "{error}");
        // Who holds the lock has it until it ends.
        let mut ended = Command::new("flock");
        ended.args(["--wait", "60"]).arg(&lock).arg("true");
        let ended = output(&mut ended);
        std::fs::remove_file(&lock).expect("it was made");
        ended.expect("what was started has ended too");
    }

    #[test]
    fn what_ends_in_time_is_as_it_was_meant() {
        let mut looks = Command::new("sh");
        looks.args(["-c", "test \"$SAID\" = so && test \"$PWD\" = /"]);
        looks.env("SAID", "so").current_dir("/");
        assert!(run_within(LONG, &looks).is_ok());
        looks.env("SAID", "otherwise");
        let error = run_within(LONG, &looks).unwrap_err();
        assert!(error.to_string().contains("exit status: 1"), "{error}");
    }
}
