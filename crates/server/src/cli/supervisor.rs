//! Tells whoever supervises the program how it stands: systemd with
//! `Type=notify` (`sd_notify(3)`), as in REDUP's unit file (contracts/redup.md
//! §2). Nothing is told where nobody asked, or where there are no such sockets.

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
#[cfg(unix)]
use std::os::unix::{
    ffi::OsStrExt,
    net::{SocketAddr, UnixDatagram},
};

/// The variable in which a supervisor names its socket: a path, or an abstract
/// name after an `@`.
#[cfg(unix)]
const SOCKET: &str = "NOTIFY_SOCKET";

/// What a supervisor is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// It listens and answers.
    Ready,
    /// It finishes what is in progress and ends.
    Stopping,
}

/// Tells it. The server runs all the same when nobody hears it.
pub(super) fn tell(state: State) {
    #[cfg(unix)]
    if let Err(error) = send(state) {
        tracing::warn!(%error, ?state, "the supervisor could not be told");
    }
    #[cfg(not(unix))]
    tracing::debug!(?state, "there is nobody to tell");
}

#[cfg(unix)]
fn send(state: State) -> std::io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "it is no setting: the supervisor says it to this process alone"
    )]
    let Some(name) = std::env::var_os(SOCKET) else {
        return Ok(());
    };
    let said = match state {
        State::Ready => "READY=1",
        State::Stopping => "STOPPING=1",
    };
    let address = address(name.as_bytes())?;
    let socket = UnixDatagram::unbound()?;
    // A supervisor that does not read must not keep the server from its work.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(said.as_bytes(), &address)?;
    Ok(())
}

#[cfg(unix)]
fn address(name: &[u8]) -> std::io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(abstract_name) = name.strip_prefix(b"@") {
        return SocketAddr::from_abstract_name(abstract_name);
    }
    SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))
}
