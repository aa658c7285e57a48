//! The chat with its ports, without any socket: what the server and the
//! commands of an administrator work with.

use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tertulia_auth::{
    AppKeys, AppTokens, Argon2Passwords, IzpoChatKey, JwtTokens, PoolSize, TokenKeys, UnusableKey,
};
use tertulia_blob::FileMedia;
use tertulia_bus::MemoryBus;
use tertulia_domain::chat::Ports;
use tertulia_domain::ports::{LinkSigner, Subscription};
use tertulia_domain::{Bus, Chat};
use tertulia_store::{Options, SqlStore};

use crate::config::{AppKeySource, AppTokenSettings, Settings, TokenSettings, secret_file};
use crate::files;
use crate::measure::{MeasuredPasswords, MeasuredWrites};
use crate::world::World;

/// Batches of events that a subscriber may be behind.
const BUS_CAPACITY: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// A running chat.
pub(crate) struct Engine {
    pub(crate) chat: Arc<Chat>,
    /// Everything that happens, from the start on.
    pub(crate) events: Subscription,
    /// Signs links to files.
    pub(crate) signer: Arc<dyn LinkSigner>,
    /// Whether the data folder was made just now.
    pub(crate) first_start: bool,
}

impl Engine {
    /// Makes what is missing in the data folder, opens the database and starts
    /// the chat. Needs a Tokio runtime.
    pub(crate) async fn start(settings: &Settings, world: &World) -> anyhow::Result<Self> {
        let first_start = make_data_dir(&settings.storage.data_dir)?;
        let store = Arc::new(open_store(settings, world).await?);
        let keys = token_keys(&settings.tokens, &settings.storage.data_dir, world)?;
        let random = Arc::clone(&world.random);
        let older_sos = [
            &settings.tokens.sos_secret,
            &settings.tokens.sos_socket_secret,
        ];
        let mut tokens = JwtTokens::new(&keys, Arc::clone(&random))
            .with_sos_habilidoso_keys(older_sos.into_iter().flatten());
        if let Some(secret) = &settings.tokens.izpochat_secret {
            tokens = tokens.with_izpochat_key(&IzpoChatKey {
                secret: secret.clone(),
                lifetime: settings.transport.izpochat_access_lifetime,
            });
        }
        if let Some(app) = app_tokens(&settings.app_tokens)? {
            tokens = tokens.with_app_tokens(app);
        }
        let passwords =
            Argon2Passwords::new(world.hash_cost, PoolSize::default(), Arc::clone(&random))?;
        let tokens = Arc::new(tokens);
        let bus = MemoryBus::new(BUS_CAPACITY);
        let events = bus.subscribe();
        let ports = Ports {
            writes: Arc::new(MeasuredWrites(Arc::clone(&store))),
            store,
            blobs: files::open(&settings.files, &settings.storage.data_dir)?,
            media: Arc::new(FileMedia::default()),
            bus: Arc::new(bus),
            clock: Arc::clone(&world.clock),
            random,
            passwords: Arc::new(MeasuredPasswords(passwords)),
            links: Arc::clone(&tokens) as _,
            tokens: Arc::clone(&tokens) as _,
        };
        Ok(Self {
            chat: Chat::start(ports, settings.limits.clone()),
            events,
            signer: tokens,
            first_start,
        })
    }
}

/// Opens the database, and with it brings it to the newest schema.
pub(crate) async fn open_store(settings: &Settings, world: &World) -> anyhow::Result<SqlStore> {
    let database = settings.storage.database();
    let place = database.to_string();
    let store = SqlStore::open(Options::of(database), &*world.random).await;
    store.with_context(|| format!("the database {place} cannot be used"))
}

/// Makes the data folder, for its owner alone (S3); true when there was none.
pub(crate) fn make_data_dir(path: &Path) -> anyhow::Result<bool> {
    if path.is_dir() {
        return Ok(false);
    }
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make the folder {}", parent.display()))?;
    }
    match builder.create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => {
            Err(error).with_context(|| format!("cannot make the data folder {}", path.display()))
        }
    }
}

fn token_keys(
    settings: &TokenSettings,
    data_dir: &Path,
    world: &World,
) -> anyhow::Result<TokenKeys> {
    let current = match &settings.secret {
        Some(secret) => secret.clone(),
        None => secret_file::load_or_make(data_dir, &*world.random)?,
    };
    Ok(TokenKeys {
        current,
        previous: settings.previous_secret.clone(),
        kaapehchat: settings.kaapehchat_secret.clone(),
    })
}

/// Reads the app's keys; none when its tokens are not taken.
fn app_tokens(settings: &AppTokenSettings) -> anyhow::Result<Option<AppTokens>> {
    let keys = match settings.key() {
        None => return Ok(None),
        Some(AppKeySource::Secret(secret)) => AppKeys::shared_secret(secret),
        Some(AppKeySource::PublicKey(path)) => app_keys(path, AppKeys::public_key)?,
        Some(AppKeySource::KeySet(path)) => app_keys(path, AppKeys::key_set)?,
    };
    Ok(Some(AppTokens {
        keys,
        user_claim: settings.user_claim.clone(),
        name_claim: settings.name_claim.clone(),
        issuer: settings.issuer.clone(),
        audience: settings.audience.clone(),
    }))
}

fn app_keys(
    path: &Path,
    read: fn(&[u8]) -> Result<AppKeys, UnusableKey>,
) -> anyhow::Result<AppKeys> {
    let file = std::fs::read(path);
    let file = file.with_context(|| format!("cannot read the app's keys {}", path.display()))?;
    read(&file).with_context(|| format!("the app's keys {} cannot be used", path.display()))
}
