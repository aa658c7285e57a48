//! Believing clients without a proof is refused where others could reach it by
//! mistake, and never goes unmentioned (`design.md` §5).

use tertulia_dialects::common::settings::TrustUserId;

use super::Settings;
use super::address::ListenAddress;
use super::text::Text;

/// The problem of a server that would believe the whole network, when nobody
/// said that it should.
pub(super) fn beyond_loopback(settings: &Settings) -> Option<Text> {
    if settings.transport.trust_user_id != TrustUserId::OnLoopback {
        return None;
    }
    let mut listen = settings.network.listen.iter();
    let open = listen.find(|address| !is_loopback(address))?;
    let name = "TERTULIA_TRUST_USER_ID";
    Some(Text::new(
        format!(
            "{name}: {open} is reached by others, who could then be anybody. Listen on \
             127.0.0.1 only, or say that you mean it: {name}=everywhere"
        ),
        format!(
            "{name}: a {open} llegan otros, que entonces podrían ser cualquiera. Escucha solo en \
             127.0.0.1, o di que lo quieres así: {name}=everywhere"
        ),
    ))
}

/// What every start says.
pub(super) fn warning(settings: &Settings) -> Option<Text> {
    let (en, es) = match settings.transport.trust_user_id {
        TrustUserId::No => return None,
        TrustUserId::OnLoopback => (
            "anybody on this machine, and whatever a proxy passes on to it,",
            "cualquiera en esta máquina, y lo que un proxy le pase,",
        ),
        TrustUserId::Everywhere => (
            "anybody who reaches this server",
            "cualquiera que llegue a este servidor",
        ),
    };
    Some(Text::new(
        format!(
            "TERTULIA_TRUST_USER_ID is on: {en} can read and write as any user, without a \
             password. Give your clients tokens and turn it off"
        ),
        format!(
            "TERTULIA_TRUST_USER_ID está activado: {es} puede leer y escribir como cualquier \
             usuario, sin contraseña. Da tokens a tus clientes y desactívalo"
        ),
    ))
}

/// A name is looked up when the listener opens, and could be anything.
fn is_loopback(address: &ListenAddress) -> bool {
    let host = address.host.as_str();
    let ip = host.parse().map(|ip: std::net::IpAddr| ip.to_canonical());
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}
