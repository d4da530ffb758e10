//! Brings bundles into force: reads the file, checks who signed it and that it is not older than any before, records what
//! happened, and only then hands it to the door. A bundle that is refused changes nothing.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hpol_bundle::bundle::{self, LoadBundle, Loaded, TrustedKeys};
use hpol_bundle::signature::{KeyFault, PublicKey};
use hpol_evidence::record::Event;
use hpol_session::door::Door;
use hpol_session::policy::{InForce, PutInForce};
use hpol_session::ports::EvidenceUnavailable;

use crate::config;
use crate::evidence::AuditLog;
use crate::history;
use crate::mask_key::{self, ConfiguredKey};
use crate::state::{StateDir, UseState};

/// Longest public key file read, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// Why a bundle did not come into force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadPolicy {
    #[error("trusted key `{path}` cannot be read: {why}")]
    ReadKey { path: PathBuf, why: std::io::Error },
    #[error("trusted key `{path}` is not a public key: {why}")]
    Key { path: PathBuf, why: KeyFault },
    #[error("bundle `{path}` cannot be read: {why}")]
    Read { path: PathBuf, why: std::io::Error },
    #[error("bundle `{path}` is not a regular file")]
    NotAFile { path: PathBuf },
    #[error(transparent)]
    State(#[from] UseState),
    #[error("bundle `{path}` is refused: {why}")]
    Refused { path: PathBuf, why: LoadBundle },
    #[error("bundle `{path}` cannot be put in force: {why}")]
    PutInForce { path: PathBuf, why: PutInForce },
    #[error(transparent)]
    Unrecorded(#[from] EvidenceUnavailable),
}

/// What a load did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoadedPolicy {
    /// A bundle came into force.
    Installed { digest: String, sequence: u64 },
    /// The same bundle was in force already.
    Unchanged,
}

/// The key that is configured for `hash` masks, and the one that what is in force was given.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) configured: ConfiguredKey,
    given: ConfiguredKey,
}

impl Keys {
    /// Before anything is in force.
    pub(crate) fn of(configured: ConfiguredKey) -> Keys {
        Keys {
            configured,
            given: ConfiguredKey::default(),
        }
    }
}

/// Loads the configured bundle and puts it in force. A refusal is recorded and returned. Before the first one history is
/// read from the log, whose directory is `audit`.
///
/// # Errors
/// Why the bundle is refused; what was in force stays, with its key.
pub(crate) async fn bring_into_force(
    config: &config::Bundle,
    keys: &mut Keys,
    state: &StateDir,
    (audit, log): (&Path, &AuditLog),
    door: &Arc<Door>,
) -> Result<LoadedPolicy, LoadPolicy> {
    let result = try_bring_into_force(config, keys, state, (audit, log), door).await;
    if let Err(refused) = &result {
        tracing::error!(%refused, in_force = door.in_force().map(|policy| policy.sequence()), "bundle refused");
        let event = Event::BundleRefused {
            reason: refused.to_string(),
        };
        if let Err(unavailable) = log.record(event).await {
            tracing::error!(%unavailable, "the refused bundle could not be recorded");
        }
    }
    result
}

async fn try_bring_into_force(
    config: &config::Bundle,
    keys: &mut Keys,
    state: &StateDir,
    (audit, log): (&Path, &AuditLog),
    door: &Arc<Door>,
) -> Result<LoadedPolicy, LoadPolicy> {
    let loaded = read(config, state.newest_sequence()?)?;
    let signer = loaded.key.to_string();
    let in_force = ready(config, &keys.configured, loaded)?;
    for connection in in_force.observed() {
        tracing::warn!(
            connection,
            "the policy only observes this connection: nothing is blocked or held there"
        );
    }
    if let Some(warning) = mask_key::missing(&in_force) {
        tracing::warn!("{warning}");
    }
    if keys.given == keys.configured
        && door
            .in_force()
            .is_some_and(|current| current.digest() == in_force.digest())
    {
        return Ok(LoadedPolicy::Unchanged);
    }
    let (digest, sequence) = (in_force.digest().to_owned(), in_force.sequence());
    state.remember_sequence(sequence)?;
    log.record(Event::BundleLoaded {
        bundle: digest.clone(),
        policy_sequence: sequence,
        signer: signer.clone(),
    })
    .await?;
    let in_force = Arc::new(in_force);
    if door.in_force().is_none() {
        history::remember(door, &in_force, audit).await;
    }
    door.install(in_force);
    keys.given = keys.configured.clone();
    tracing::info!(digest, sequence, signer, "bundle in force");
    Ok(LoadedPolicy::Installed { digest, sequence })
}

/// Reads and verifies the configured bundle without putting it in force.
///
/// # Errors
/// Why it would be refused.
pub(crate) fn read(config: &config::Bundle, newest: Option<u64>) -> Result<Loaded, LoadPolicy> {
    let trusted = trusted_keys(&config.trusted_keys)?;
    let file = read_bundle(&config.path)?;
    bundle::Bundle::load(&file, &trusted, newest).map_err(|why| LoadPolicy::Refused {
        path: config.path.clone(),
        why,
    })
}

/// Makes a bundle that was read ready to judge by.
///
/// # Errors
/// When this version cannot carry it out.
pub(crate) fn ready(
    config: &config::Bundle,
    key: &ConfiguredKey,
    loaded: Loaded,
) -> Result<InForce, LoadPolicy> {
    let in_force = InForce::new(loaded.bundle, loaded.digest);
    let in_force = in_force.map_err(|why| LoadPolicy::PutInForce {
        path: config.path.clone(),
        why,
    })?;
    Ok(key.give(in_force))
}

fn trusted_keys(paths: &[PathBuf]) -> Result<TrustedKeys, LoadPolicy> {
    let mut keys = Vec::with_capacity(paths.len());
    for path in paths {
        let unreadable = |why| LoadPolicy::ReadKey {
            path: path.clone(),
            why,
        };
        let mut text = String::new();
        File::open(path)
            .map_err(unreadable)?
            .take(MAX_KEY_FILE_BYTES)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        keys.push(PublicKey::from_text(&text).map_err(|why| LoadPolicy::Key {
            path: path.clone(),
            why,
        })?);
    }
    Ok(TrustedKeys::new(keys))
}

fn read_bundle(path: &Path) -> Result<Vec<u8>, LoadPolicy> {
    let unreadable = |why| LoadPolicy::Read {
        path: path.to_owned(),
        why,
    };
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(LoadPolicy::NotAFile {
            path: path.to_owned(),
        });
    }
    // One byte more than may be there is enough to be refused as too large.
    let limit = u64::try_from(bundle::MAX_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut content = Vec::new();
    file.take(limit)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    Ok(content)
}
