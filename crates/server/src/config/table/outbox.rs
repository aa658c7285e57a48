//! What SQL clients ask for through the table `outbox`.

use std::time::Duration;

use super::{Aliases, Field, Setting};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "outbox_poll_interval",
        aliases: Aliases::None,
        field: Field::Time {
            at: |settings| &mut settings.outbox.poll_interval,
            range: Duration::ZERO..=Duration::from_secs(60),
        },
        example: "500ms",
        en: "How often to look for rows that an app has inserted into the table `outbox` (see \
             docs/en/outbox.md). PostgreSQL tells of them at once, and is asked every 5 s only. \
             0 never looks.",
        es: "Cada cuánto mirar si una app ha insertado filas en la tabla `outbox` (véase \
             docs/es/outbox.md). PostgreSQL avisa al momento, y solo se le pregunta cada 5 s. \
             Con 0 no se mira nunca.",
    },
    Setting {
        key: "outbox_kept",
        aliases: Aliases::None,
        field: Field::Time {
            at: |settings| &mut settings.outbox.kept,
            range: Duration::from_secs(60)..=DAY.saturating_mul(3_650),
        },
        example: "30d",
        en: "How long rows of `outbox` are kept after they were sent or refused.",
        es: "Cuánto se guardan las filas de `outbox` después de enviadas o rechazadas.",
    },
];
