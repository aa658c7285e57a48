//! What the figures were taken on.

use std::fmt;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::child::on_servers_core;
use crate::latency::Latencies;

/// Flushes that are timed.
const FLUSHES: usize = 2_000;

/// The machine and its disk.
#[derive(Debug)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: u64,
    kernel: String,
    /// Processes that wanted to run in the minute before, beside this one.
    load: String,
    /// The kind of file system below the folder of temporary files.
    files: String,
    /// How long a flush of 4 KiB takes.
    pub(crate) flush: Latencies,
}

impl Machine {
    /// Looks at it, and times its disk in a folder of temporary files.
    pub(crate) fn look() -> Result<Self> {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = field(&memory, "MemTotal:").trim_end_matches("kB").trim();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Ok(Self {
            processor: field(&cpu, "model name")
                .trim_start_matches(": ")
                .to_owned(),
            cores: cpu
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count(),
            memory_gib: kib.parse::<u64>().unwrap_or(0) >> 20,
            kernel: kernel.trim().to_owned(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            files: file_system(&std::env::temp_dir()),
            flush: flush_now()?,
        })
    }
}

/// The kind of file system on which a folder lies, by the longest point of a mount above it.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mount = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (point, kind) = (words.next()?, words.next()?);
        folder.starts_with(point).then_some((point.len(), kind))
    });
    mount
        .max_by_key(|(length, _)| *length)
        .map_or("unknown", |(_, kind)| kind)
        .to_owned()
}

fn field<'t>(text: &'t str, name: &str) -> &'t str {
    let found = text.lines().find_map(|line| line.strip_prefix(name));
    found.unwrap_or_default().trim()
}

/// How long a flush takes now, from the core on which the servers run: another
/// core may take the disk's interrupts, and disks have their better minutes.
pub(crate) fn flush_now() -> Result<Latencies> {
    let folder = tempfile::tempdir()?;
    on_servers_core(|| flushes(folder.path()))
}

/// As a database does it: over and over the same blocks.
fn flushes(folder: &Path) -> Result<Latencies> {
    let path = folder.join("flush");
    let mut file = fs::File::create(&path)?;
    file.write_all(&[0; 64 * 4096])?;
    file.sync_all()?;
    let mut times: Vec<Duration> = Vec::with_capacity(FLUSHES);
    for flush in 0..FLUSHES {
        let block = [(flush % 251) as u8; 4096];
        let began = Instant::now();
        file.seek(SeekFrom::Start((flush % 64 * 4096) as u64))?;
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(Latencies::new(times))
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            processor,
            cores,
            memory_gib,
            kernel,
            load,
            files,
            flush,
        } = self;
        writeln!(
            f,
            "{cores} cores ({processor}), {memory_gib} GiB, Linux {kernel}; {load} processes wanted to run in \
             the minute before the run began. A flush of 4 KiB on {files} takes {flush} ms (p50 / p99 / \
             p99.9)."
        )
    }
}
