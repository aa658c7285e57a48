//! Asks for a new password: on the terminal, unseen and twice, or on standard
//! input. Never among the arguments, which every process may read.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, bail};

use super::args::PasswordArguments;

/// More than any password can be long.
const MOST_BYTES: u64 = 4 * 1024;

pub(super) fn ask(arguments: &PasswordArguments) -> anyhow::Result<String> {
    if arguments.password_stdin {
        return first_line(io::stdin().lock());
    }
    if !io::stdin().is_terminal() {
        bail!("falta --password-stdin / --password-stdin is needed");
    }
    let context = "no se puede leer del terminal / cannot read from the terminal";
    let password = rpassword::prompt_password("Contraseña / password: ").context(context)?;
    let again = rpassword::prompt_password("Otra vez / again: ").context(context)?;
    if password != again {
        bail!("no coinciden / they differ");
    }
    Ok(password)
}

fn first_line(input: impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    let read = input.take(MOST_BYTES).read_line(&mut line);
    read.context("no se puede leer la entrada estándar / cannot read standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::first_line;

    #[test]
    fn the_line_break_is_no_part_of_the_password() {
        for input in [
            "clave secreta ",
            "clave secreta \n",
            "clave secreta \r\nmore",
        ] {
            assert_eq!(first_line(input.as_bytes()).unwrap(), "clave secreta ");
        }
    }
}
