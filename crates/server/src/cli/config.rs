//! `tertulia config`.

use super::args::ConfigArguments;
use crate::config::{Settings, example, reference};

pub(super) fn run(
    arguments: &ConfigArguments,
    load: impl Fn() -> anyhow::Result<Settings>,
) -> anyhow::Result<()> {
    let text = if arguments.example {
        example()
    } else if arguments.reference {
        reference()
    } else {
        load()?.describe()
    };
    print!("{text}");
    Ok(())
}
