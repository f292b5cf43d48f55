//! The Ed25519 key that vouches for people's decisions: made on the first start, kept in one file of mode 0600.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::contracts::decision::{Decide, Proof};
use crate::contracts::hex;
use crate::contracts::ids::WorkflowId;

/// Signs decisions. Its private half never leaves this type.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: String,
}

impl SigningKey {
    /// Reads the key, or makes one where there is none. Coordinators that start at the same time end up with the
    /// same key: whoever links the file first wins, the others read it.
    pub fn load_or_create(file: &Path) -> anyhow::Result<Self> {
        if !file.try_exists().with_context(|| format!("looking for the signing key {}", file.display()))? {
            create(file).with_context(|| format!("making the signing key {}", file.display()))?;
        }
        Self::load(file).with_context(|| format!("reading the signing key {}", file.display()))
    }

    fn load(file: &Path) -> anyhow::Result<Self> {
        let mode = fs::metadata(file)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            bail!(
                "it is readable by others (mode {mode:o}). Run `chmod 600` on it, or remove it to have a new one made"
            );
        }
        let pair = Ed25519KeyPair::from_pkcs8(&fs::read(file)?)
            .map_err(|why| anyhow::anyhow!("it is no Ed25519 key in PKCS#8 form: {why}"))?;
        let public = hex::encode(pair.public_key().as_ref());
        Ok(Self { pair, public })
    }

    /// The public half in hex: what a workflow is started with among its deciders.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Vouches that `decide.actor` is who they say and may decide this gate.
    pub fn prove(&self, decide: &Decide, workflow: &WorkflowId) -> Proof {
        let signature = self.pair.sign(&decide.signed_bytes(workflow));
        Proof { key: self.public.clone(), signature: hex::encode(signature.as_ref()) }
    }
}

fn create(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| anyhow::anyhow!("the system gave no random numbers"))?;
    let fresh = folder.join(format!(".signing-key.{}", uuid::Uuid::new_v4()));
    let written = write(&fresh, document.as_ref()).and_then(|()| match fs::hard_link(&fresh, file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // Whatever happened, nothing half-written stays behind.
    let removed = fs::remove_file(&fresh);
    written?;
    removed?;
    Ok(())
}

fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut handle = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    handle.write_all(bytes)?;
    handle.sync_all()
}
