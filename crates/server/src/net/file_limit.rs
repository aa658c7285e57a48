//! How many connections the process can hold, from its limit of open files.

/// Files that are not connections: the database, its readers and journal, the
/// log, listeners, and some more.
const RESERVE: u64 = 128;

/// Where the system names no limit.
const NO_LIMIT: u64 = 100_000;

/// Asks the system for as many files as it will give. Best effort: what it
/// refuses is seen in [`most_connections`].
#[cfg(unix)]
pub fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

/// Asks the system for as many files as it will give.
#[cfg(not(unix))]
pub fn raise() {}

/// Connections that fit into the limit of open files.
pub(crate) fn most_connections() -> usize {
    within(open_files())
}

fn within(limit: Option<u64>) -> usize {
    let files = limit.unwrap_or(NO_LIMIT).min(NO_LIMIT * 10);
    let connections = files.saturating_sub(RESERVE).max(files / 2).max(1);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

#[cfg(unix)]
fn open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn open_files() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn a_reserve_is_kept_for_other_files() {
        assert_eq!(within(Some(1_024)), 896);
        assert_eq!(within(Some(64)), 32);
        assert_eq!(within(Some(0)), 1);
        assert_eq!(within(None), 99_872);
        assert_eq!(within(Some(u64::MAX)), 999_872);
    }
}
