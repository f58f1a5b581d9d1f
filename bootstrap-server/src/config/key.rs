//! The private keys that `sztp.toml` names, each in a file, an HSM or a TPM.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pki::{
    algorithm::SignatureAlgorithm,
    key::{Access, Locator, OpenError, OpenKey, Pace, PublicKey, SignError, Signer},
};
use serde::{Deserialize, Deserializer, de};

/// Where one private key lives, as a section of `sztp.toml` says it in `key` and `passphrase-file`.
#[derive(Clone, Debug)]
pub struct KeyPlace {
    locator: Locator,
    passphrase_file: Option<PathBuf>,
}

impl KeyPlace {
    /// The key of a section of a file in `folder`.
    #[must_use]
    pub fn new(folder: &Path, key: &Locator, passphrase_file: Option<&Path>) -> Self {
        let passphrase_file = passphrase_file.map(|path| folder.join(path));
        Self { locator: key.clone().relative_to(folder), passphrase_file }
    }

    /// Where it is.
    #[must_use]
    pub const fn locator(&self) -> &Locator {
        &self.locator
    }

    /// Opens it. A key that takes its time lets the other tasks of the runtime go on while it signs.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self) -> Result<OpenKey, OpenError> {
        let key = self.locator.open(&Access::with_passphrase_file(self.passphrase_file.clone()))?;
        Ok(match key.pace() {
            Pace::AtOnce => key,
            Pace::Slow => OpenKey::new(Arc::new(LettingOthersGoOn(key.signer())), key.decryptor()),
        })
    }
}

/// Reads a [`Locator`] from its text.
pub(super) fn locator<'de, D: Deserializer<'de>>(from: D) -> Result<Locator, D::Error> {
    String::deserialize(from)?.parse().map_err(de::Error::custom)
}

/// A key that is asked on threads which serve others, too: in handshakes, in requests, and by the writer of the log.
struct LettingOthersGoOn(Arc<dyn Signer>);

impl LettingOthersGoOn {
    fn asked<T>(&self, ask: impl FnOnce(&dyn Signer) -> T) -> T {
        use tokio::runtime::{Handle, RuntimeFlavor};
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            // The thread's other tasks go to another one. How many handshakes ask at once is what `admission::turns` says.
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| ask(self.0.as_ref())),
            _ => ask(self.0.as_ref()),
        }
    }
}

impl Signer for LettingOthersGoOn {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.asked(|key| key.sign(message))
    }

    fn algorithms(&self) -> Vec<SignatureAlgorithm> {
        self.0.algorithms()
    }

    fn sign_with(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.asked(|key| key.sign_with(algorithm, message))
    }

    fn pace(&self) -> Pace {
        self.0.pace()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use pki::key::FileKey;

    use super::*;

    /// A key that signs when somebody else has come to the barrier.
    struct Waiting(FileKey, Arc<Barrier>);

    impl Signer for Waiting {
        fn algorithm(&self) -> SignatureAlgorithm {
            self.0.algorithm()
        }

        fn public_key(&self) -> &PublicKey {
            Signer::public_key(&self.0)
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            self.1.wait();
            self.0.sign(message)
        }

        fn pace(&self) -> Pace {
            Pace::Slow
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn sec_15_while_a_key_elsewhere_signs_the_only_thread_serves_others() {
        let barrier = Arc::new(Barrier::new(2));
        let key = LettingOthersGoOn(Arc::new(Waiting(FileKey::generate_p256().unwrap(), Arc::clone(&barrier))));
        let signing = tokio::spawn(async move { key.sign(b"message") });
        // Were the runtime's one thread to wait for the key, this task would never run.
        let other = tokio::spawn(async move { tokio::task::block_in_place(|| barrier.wait()) });
        signing.await.unwrap().unwrap();
        other.await.unwrap();
    }

    #[test]
    fn outside_of_a_runtime_it_is_asked_as_any_other() {
        let key = LettingOthersGoOn(Arc::new(FileKey::generate_p256().unwrap()));
        key.sign(b"message").unwrap();
    }
}
