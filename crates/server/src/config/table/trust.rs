//! Clients that prove nothing (S1), and what comes with them.

use tertulia_dialects::common::settings::TrustUserId;

use super::{Aliases, Field, Setting};
use crate::config::Settings;
use crate::config::problem::Refusal;
use crate::config::value::Value;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "trust_user_id",
        aliases: Aliases::None,
        field: Field::Other {
            set: set_trust,
            show: |settings| Some(word(settings.transport.trust_user_id).into()),
        },
        example: "true",
        en: "Whether Socket.IO clients that bring no token are believed to be whoever their \
             `user_id` names: anybody can then read and write as anybody. `true` only on this \
             machine (loopback addresses), `everywhere` also on the network. For old clients \
             (UPRed, REDUP) that cannot send a token yet.",
        es: "Si a los clientes Socket.IO que no traen un token se les cree que son quien dice su \
             `user_id`: cualquiera puede entonces leer y escribir como cualquiera. `true` solo en \
             esta máquina (direcciones loopback), `everywhere` también en la red. Para clientes \
             antiguos (UPRed, REDUP) que todavía no pueden mandar un token.",
    },
    Setting {
        key: "ad_hoc_groups",
        aliases: Aliases::None,
        field: Field::Other {
            set: |settings, value| {
                settings.transport.ad_hoc_groups = Some(value.switch()?);
                Ok(())
            },
            show: |settings| settings.transport.ad_hoc_groups.map(Into::into),
        },
        example: "false",
        en: "Whether REDUP clients make a group by joining a name that nobody has registered; \
             whoever knows the name may join. When not set: only together with `trust_user_id`.",
        es: "Si los clientes de REDUP crean un grupo al entrar a un nombre que nadie registró; \
             quien sepa el nombre puede entrar. Si no se indica: solo junto con `trust_user_id`.",
    },
];

fn set_trust(settings: &mut Settings, value: &Value) -> Result<(), Refusal> {
    let is_everywhere = value.text()?.eq_ignore_ascii_case(EVERYWHERE);
    settings.transport.trust_user_id = match value.switch() {
        _ if is_everywhere => TrustUserId::Everywhere,
        Ok(true) => TrustUserId::OnLoopback,
        Ok(false) => TrustUserId::No,
        Err(_) => {
            return Err(Refusal::expected(
                "true, false or everywhere",
                "true, false o everywhere",
            ));
        }
    };
    Ok(())
}

const EVERYWHERE: &str = "everywhere";

fn word(trust: TrustUserId) -> &'static str {
    match trust {
        TrustUserId::No => "false",
        TrustUserId::OnLoopback => "true",
        TrustUserId::Everywhere => EVERYWHERE,
    }
}
