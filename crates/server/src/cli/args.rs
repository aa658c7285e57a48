//! What can be typed. The doc comments are the help texts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tertulia_store::Database;

use crate::config::{FilesLocation, database_at, files_at};

/// Tertulia: un servidor de chat en un solo programa / a chat server in one program
///
/// Sin subcomando, sirve. La configuración viene de un archivo TOML, de `.env` y del entorno:
/// véase `tertulia config --example`.
///
/// Without a subcommand, it serves. Settings come from a TOML file, from `.env` and from the
/// environment: see `tertulia config --example`.
#[derive(Debug, Parser)]
#[command(name = "tertulia", version, propagate_version = true)]
pub(super) struct Arguments {
    /// Archivo de configuración / settings file [default: tertulia.toml, if it is there]
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Default, Subcommand)]
pub(super) enum Command {
    /// Sirve (lo mismo que sin subcomando) / serves (the same as without a subcommand)
    #[default]
    Serve,
    /// Lleva la base de datos al esquema más nuevo / brings the database to the newest schema
    Migrate,
    /// Copia todo lo guardado a otra base de datos, vacía, y compara / copies all that is stored to
    /// another, empty database, and compares
    Copy(CopyArguments),
    /// Escribe todo lo guardado como JSON Lines / writes all that is stored as JSON Lines
    Export(ExportArguments),
    /// Lee lo que escribió `export` / reads what `export` has written
    #[command(subcommand)]
    Import(ImportCommand),
    /// Cuentas: crear, suspender, contraseña… / accounts: create, suspend, password…
    #[command(subcommand)]
    User(UserCommand),
    /// Salas: crear, ver, cerrar / rooms: create, list, close
    #[command(subcommand)]
    Room(RoomCommand),
    /// Emite un token de acceso, o hace un secreto / issues an access token, or makes a secret
    #[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
    Token(TokenArguments),
    /// Muestra la configuración vigente, con los secretos ocultos / shows the settings in force,
    /// secrets hidden
    Config(ConfigArguments),
    /// Pregunta a /health/ready; el código de salida lo dice / asks /health/ready; the exit code
    /// tells
    Healthcheck,
}

#[derive(Debug, Args)]
pub(super) struct CopyArguments {
    /// De dónde: sqlite:…, postgres://…, mysql://… / from where
    #[arg(long, value_name = "URL", value_parser = database_at)]
    pub(super) from: Database,
    /// Adónde: una base de datos vacía / to where: an empty database
    #[arg(long, value_name = "URL", value_parser = database_at)]
    pub(super) to: Database,
    /// También los archivos subidos: de dónde (file:…, s3://…, gs://…) / the uploaded files as
    /// well: from where
    #[arg(long, value_name = "URL", value_parser = files_at, requires = "files_to")]
    pub(super) files_from: Option<FilesLocation>,
    /// Adónde los archivos / to where the files
    #[arg(long, value_name = "URL", value_parser = files_at, requires = "files_from")]
    pub(super) files_to: Option<FilesLocation>,
}

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// Un archivo nuevo, o - para la salida estándar / a new file, or - for standard output
    pub(super) file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Un export de Tertulia, versión 1 / an export of Tertulia, version 1
    V1 {
        /// El archivo, o - para la entrada estándar / the file, or - for standard input
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Crea una cuenta / makes an account
    Create {
        /// Nombre de usuario / username
        username: String,
        /// Nombre que ven los demás / the name that others see
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// Correo / e-mail address
        #[arg(long)]
        email: Option<String>,
        #[command(flatten)]
        password: PasswordArguments,
    },
    /// Impide entrar y cierra sus sesiones / prevents signing in and ends all sessions
    Suspend {
        /// Nombre de usuario / username
        username: String,
    },
    /// Permite entrar de nuevo / permits signing in again
    Restore {
        /// Nombre de usuario / username
        username: String,
    },
    /// Borra una cuenta para siempre; sus mensajes quedan / deletes an account for good; its
    /// messages stay
    Delete {
        /// Nombre de usuario / username
        username: String,
        /// Sin esto no se borra / without it nothing is deleted
        #[arg(long)]
        yes: bool,
    },
    /// Borra a una persona: cuenta, archivos y lo que dijo; queda un seudónimo / erases a person:
    /// account, files and what it said; a pseudonym stays
    Erase {
        /// Nombre de usuario / username
        username: String,
        /// Lo que dijo queda, bajo el seudónimo / what it said stays, under the pseudonym
        #[arg(long)]
        keep_messages: bool,
        /// Sin esto no se borra / without it nothing is erased
        #[arg(long)]
        yes: bool,
    },
    /// Escribe los datos de una persona como JSON Lines / writes one person's data as JSON Lines
    Export {
        /// Nombre de usuario / username
        username: String,
        /// Un archivo nuevo, o - para la salida estándar / a new file, or - for standard output
        #[arg(default_value = "-")]
        file: PathBuf,
        /// También sus archivos subidos, a esta carpeta nueva / its uploaded files as well, to this
        /// new folder
        #[arg(long, value_name = "FOLDER")]
        files: Option<PathBuf>,
    },
    /// Cambia la contraseña y cierra sus sesiones / sets a password and ends all sessions
    Password {
        /// Nombre de usuario / username
        username: String,
        #[command(flatten)]
        password: PasswordArguments,
    },
    /// Cuentas activas / active accounts
    List {
        /// Solo las que empiezan así / only those that begin like this
        #[arg(default_value = "")]
        prefix: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct PasswordArguments {
    /// Lee la contraseña de la entrada estándar / reads the password from standard input
    #[arg(long)]
    pub(super) password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum RoomCommand {
    /// Crea un grupo o un canal / makes a group or a channel
    Create {
        /// Título / title
        title: String,
        /// Usuario que será el dueño / the user who becomes the owner
        #[arg(long, value_name = "USERNAME")]
        owner: String,
        /// De qué tipo / what sort
        #[arg(long, value_enum, default_value_t = Kind::Group)]
        kind: Kind,
        /// De qué trata / what it is about
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Cualquiera la encuentra y entra / anyone may find it and enter
        #[arg(long)]
        public: bool,
        /// Miembros, separados por comas / members, with commas between them
        #[arg(long, value_delimiter = ',', value_name = "USERNAME")]
        members: Vec<String>,
    },
    /// Salas de un usuario / rooms of a user
    List {
        /// Nombre de usuario / username
        username: String,
    },
    /// Miembros de una sala / members of a room
    Members {
        /// Número de la sala / the room's number
        room: i64,
        /// Un miembro, en cuyo nombre se mira / a member, in whose name it is looked at
        #[arg(long = "as", value_name = "USERNAME")]
        actor: String,
    },
    /// Cierra una sala para siempre / closes a room for good
    Close {
        /// Número de la sala / the room's number
        room: i64,
        /// Su dueño, en cuyo nombre se cierra / its owner, in whose name it is closed
        #[arg(long = "as", value_name = "USERNAME")]
        actor: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Kind {
    /// Todos escriben / everybody writes
    Group,
    /// Escriben el dueño y los administradores / the owner and the admins write
    Channel,
}

#[derive(Debug, Args)]
pub(super) struct TokenArguments {
    #[command(subcommand)]
    pub(super) command: Option<TokenCommand>,

    /// Para quién / for whom
    #[arg(required = true)]
    pub(super) username: Option<String>,

    /// Cuántos minutos vale / how many minutes it is valid
    #[arg(long, value_name = "MINUTES", default_value = "15", value_parser = minutes)]
    pub(super) lifetime: Duration,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Hace un secreto para TERTULIA_JWT_SECRET / makes a secret for TERTULIA_JWT_SECRET
    Secret,
}

#[derive(Debug, Args)]
pub(super) struct ConfigArguments {
    /// Un archivo de ejemplo con todo / an example file with everything
    #[arg(long, conflicts_with = "reference")]
    pub(super) example: bool,
    /// La referencia, en Markdown / the reference, in Markdown
    #[arg(long)]
    pub(super) reference: bool,
}

/// A day at most: who needs longer signs in.
fn minutes(text: &str) -> Result<Duration, String> {
    const MOST: u64 = 24 * 60;
    match text.parse() {
        Ok(minutes @ 1..=MOST) => Ok(Duration::from_secs(minutes * 60)),
        _ => Err(format!("1 – {MOST}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn token_takes_a_user_or_a_subcommand() {
        let parse = |arguments: &[&str]| {
            let Some(Command::Token(token)) = Arguments::try_parse_from(arguments)?.command else {
                panic!("{arguments:?} is another command");
            };
            Ok::<_, clap::Error>((token.username, token.command.is_some()))
        };
        let ana = parse(&["tertulia", "token", "ana"]).unwrap();
        assert_eq!(ana, (Some("ana".to_owned()), false));
        assert_eq!(
            parse(&["tertulia", "token", "secret"]).unwrap(),
            (None, true)
        );
        assert!(parse(&["tertulia", "token"]).is_err());
        assert!(parse(&["tertulia", "token", "ana", "--lifetime", "1441"]).is_err());
    }
}
