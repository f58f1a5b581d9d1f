//! Checking activation codes: slow for whoever guesses, and once only for each device.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use pki::digest::{Digest, Sha256};
use tokio::{task::spawn_blocking, time::timeout};

use super::{Problem, credentials::Credentials};
use crate::{
    admission::{Shed, Source, Turns},
    domain::ActivationCode,
};

/// Codes remembered as right: enough for the devices of one storm.
const REMEMBERED: usize = 65_536;

/// Codes that are checked at once. More would take the processor from everybody else.
const AT_ONCE: usize = 2;

/// Codes that wait to be checked.
const WAITING: usize = 1024;

/// Checks codes. What was right is remembered by digest, so that a device's second request costs nothing. What was wrong is
/// not: whoever guesses pays for each guess, only two of them at a time, and waits behind the others of its source only.
#[derive(Debug)]
pub(crate) struct Codes {
    right: Mutex<HashSet<Digest>>,
    turns: Turns,
    /// Stands in for the code of a device that has none or that does not exist, so that it takes as long to refuse.
    decoy: ActivationCode,
}

/// Whether the code was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
}

impl Codes {
    pub(crate) fn new() -> Self {
        let decoy = ActivationCode { salt: [0; 16], hash: [0; 32] };
        Self { right: Mutex::default(), turns: Turns::new(AT_ONCE, WAITING, None), decoy }
    }

    /// Checks what was presented against what is kept, if anything is. Takes as long when nothing is (SEC-23).
    pub(super) async fn check(
        &self,
        kept: Option<&ActivationCode>,
        presented: &Credentials,
        source: IpAddr,
        patience: Duration,
    ) -> Result<Verdict, Problem> {
        let code = kept.unwrap_or(&self.decoy);
        let name = name(code, presented.code());
        if self.right().contains(&name) {
            return Ok(Verdict::Right);
        }
        let turn = timeout(patience, self.turns.turn(Source::of(source))).await;
        let Ok(Ok(turn)) = turn else { return Err(Problem::busy(Shed::ActivationCodes)) };
        let (code, presented) = (code.clone(), presented.clone());
        let is_right = spawn_blocking(move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            code.is(presented.code())
        });
        let is_right = is_right.await.map_err(|error| Problem::internal(&error))?;
        if !is_right || kept.is_none() {
            return Ok(Verdict::Wrong);
        }
        let mut right = self.right();
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(name);
        Ok(Verdict::Right)
    }

    fn right(&self) -> std::sync::MutexGuard<'_, HashSet<Digest>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names a code together with what is kept of it: when the device is given another code, nothing is remembered of it.
fn name(kept: &ActivationCode, code: &str) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(&kept.salt);
    hasher.update(&kept.hash);
    hasher.update(code.as_bytes());
    hasher.finish()
}

/// Names what is kept of a code, where a certificate would be named.
pub(super) fn fingerprint(kept: &ActivationCode) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(&kept.salt);
    hasher.update(&kept.hash);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use axum::http::{HeaderMap, header::AUTHORIZATION};
    use base64::{Engine, engine::general_purpose::STANDARD};
    use tokio::task::JoinSet;

    use super::{super::credentials::Presented, *};
    use crate::admission::Turn;

    fn with_code(code: &str) -> Credentials {
        let value = format!("Basic {}", STANDARD.encode(format!("SN-1:{code}")));
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        let Presented::Credentials(credentials) = Presented::of(&headers) else { panic!("no credentials") };
        credentials
    }

    const PATIENCE: Duration = Duration::from_secs(60);
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// Every turn there is.
    async fn both(codes: &Codes) -> [Turn; AT_ONCE] {
        let turn = async || codes.turns.turn(Source::of(HERE)).await.unwrap();
        [turn().await, turn().await]
    }

    #[tokio::test]
    async fn a_right_code_is_remembered_and_a_wrong_one_is_not() {
        let codes = Codes::new();
        let kept = ActivationCode::of("secret", [1; 16]);
        let check = async |kept: Option<&ActivationCode>, code: &str| {
            codes.check(kept, &with_code(code), HERE, PATIENCE).await.unwrap()
        };
        assert_eq!(check(Some(&kept), "secret").await, Verdict::Right);
        assert_eq!(codes.right().len(), 1);
        // Nobody may hash now, and the remembered code is still known.
        let taken = both(&codes).await;
        assert_eq!(check(Some(&kept), "secret").await, Verdict::Right);
        let busy = codes.check(Some(&kept), &with_code("other"), HERE, Duration::ZERO).await;
        assert_eq!(busy.unwrap_err().status().as_u16(), 503);
        drop(taken);
        assert_eq!(check(Some(&kept), "other").await, Verdict::Wrong);
        assert_eq!(check(None, "secret").await, Verdict::Wrong);
        let renewed = ActivationCode::of("fresh", [2; 16]);
        assert_eq!(check(Some(&renewed), "secret").await, Verdict::Wrong);
        assert_eq!(codes.right().len(), 1);
    }

    #[tokio::test]
    async fn sec_23_a_source_that_guesses_does_not_keep_another_from_its_turn() {
        let (codes, guessed) = (Arc::new(Codes::new()), Arc::new(AtomicUsize::new(0)));
        let taken = both(&codes).await;
        let mut guesses = JoinSet::new();
        for guess in 0..100 {
            let (codes, guessed) = (Arc::clone(&codes), Arc::clone(&guessed));
            guesses.spawn(async move {
                let source = IpAddr::from([192, 0, 2, 1]);
                codes.check(None, &with_code(&guess.to_string()), source, PATIENCE).await.unwrap();
                guessed.fetch_add(1, Ordering::Relaxed);
            });
        }
        // All of them are waiting when the device comes.
        tokio::task::yield_now().await;
        let (kept, presented) = (ActivationCode::of("secret", [1; 16]), with_code("secret"));
        let device = codes.check(Some(&kept), &presented, HERE, PATIENCE);
        let (verdict, ()) = tokio::join!(device, async { drop(taken) });
        assert_eq!(verdict.unwrap(), Verdict::Right);
        assert!(guessed.load(Ordering::Relaxed) < 10, "{guessed:?}");
    }
}
