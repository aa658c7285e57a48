//! How the process takes its memory from the system.

/// Asks the system for small pages only, on Linux. Best effort.
///
/// The allocator keeps buffers of each size, on each thread, in a stretch of
/// their own, and asks for huge pages: the first byte of a stretch then takes
/// 2 MiB. Reading files back from a bucket took up to 26 MiB so, and takes 10 without
/// (`docs/adr/0014-files-and-where-they-lie.md`).
#[cfg(target_os = "linux")]
pub(crate) fn take_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "memory is taken in huge pages where the system has them");
    }
}

/// Asks the system for small pages only.
#[cfg(not(target_os = "linux"))]
pub(crate) fn take_small_pages() {}
