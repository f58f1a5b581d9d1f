//! Fresh vouchers while a device waits (RFC 8572 §7.3; SRV-07): one for the nonce that it sent, from its manufacturer.
//!
//! Whatever goes wrong, the device gets what it would get without this (SRV-08), and the audit log says what went wrong.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use conveyed_info::{OwnershipVoucher, voucher::Nonce};
use pki::{certificate::Certificate, time::Timestamp};
use verdict::{ReasonCode, Refusal};

use super::{Caller, Problem, Service};
use crate::{
    audit::{Event, Fetched},
    domain::{
        DeviceId, Dossier, Manufacturer, ManufacturerName,
        vouching::{self, MasaService, Receipt, VoucherSource, Wanted},
    },
};

/// How long a device is kept waiting for its manufacturer. Devices wait for an answer for 30 seconds and more.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most vouchers that are remembered. Each is for one request, which a device may repeat: with its CSR, or because it did not
/// hear the answer. The next server, or this one after a restart, asks again.
const REMEMBERED: usize = 4096;

/// Fetches vouchers.
pub(crate) struct Fetcher {
    /// `None` where this server is nobody's registrar.
    source: Option<Arc<dyn VoucherSource>>,
    patience: Duration,
    /// Devices for which one is asked for at this moment: one at a time.
    under_way: Mutex<HashSet<DeviceId>>,
    /// The last one for each device.
    given: Mutex<HashMap<DeviceId, (Nonce, OwnershipVoucher)>>,
}

/// A device for which a voucher is being asked for, until this is dropped.
struct UnderWay<'a> {
    fetcher: &'a Fetcher,
    device: &'a DeviceId,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        locked(&self.fetcher.under_way).remove(self.device);
    }
}

impl Fetcher {
    /// Asks this source, if there is one.
    pub(crate) fn new(source: Option<Arc<dyn VoucherSource>>) -> Self {
        Self { source, patience: PATIENCE, under_way: Mutex::default(), given: Mutex::default() }
    }

    /// Whether this manufacturer can be asked for vouchers.
    pub(crate) fn serves(&self, manufacturer: &Manufacturer) -> bool {
        self.source.is_some() && manufacturer.masa.is_some()
    }

    /// Asks the device's manufacturer, one of `manufacturers`, for a voucher, for as long as a device may be kept waiting. It is
    /// not verified yet.
    pub(crate) async fn ask(
        &self,
        manufacturers: &[Manufacturer],
        wanted: &Wanted,
    ) -> Result<OwnershipVoucher, Refusal> {
        let name = &wanted.device.manufacturer;
        let unknown = |detail: String| Refusal::new(ReasonCode::MasaUnknown, detail);
        let source =
            self.source.as_ref().ok_or_else(|| unknown("sztp.toml has no [registrar] to ask with".to_owned()))?;
        let masa = masa_of(manufacturers, name).ok_or_else(|| unknown(format!("{name} has no masa-url")))?;
        match tokio::time::timeout(self.patience, source.request(masa, wanted)).await {
            Ok(Ok(voucher)) => Ok(voucher),
            Ok(Err(failed)) => Err(Refusal::new(failed.reason(), failed.to_string())),
            Err(_) => {
                let detail = format!("no answer within {} ms", self.patience.as_millis());
                Err(Refusal::new(ReasonCode::MasaUnreachable, detail))
            }
        }
    }

    #[cfg(test)]
    pub(super) fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn begin<'a>(&'a self, device: &'a DeviceId) -> Option<UnderWay<'a>> {
        let is_first = locked(&self.under_way).insert(device.clone());
        // Made only then: it takes the device out again when it goes.
        is_first.then(|| UnderWay { fetcher: self, device })
    }

    fn remembered(&self, device: &DeviceId, nonce: &Nonce) -> Option<OwnershipVoucher> {
        let given = locked(&self.given);
        given.get(device).filter(|(known, _)| known == nonce).map(|(_, voucher)| voucher.clone())
    }

    fn remember(&self, device: &DeviceId, nonce: &Nonce, voucher: &OwnershipVoucher) {
        let mut given = locked(&self.given);
        if given.len() >= REMEMBERED && !given.contains_key(device) {
            given.clear();
        }
        given.insert(device.clone(), (nonce.clone(), voucher.clone()));
    }
}

fn masa_of<'a>(manufacturers: &'a [Manufacturer], name: &ManufacturerName) -> Option<&'a MasaService> {
    manufacturers.iter().find(|it| it.name == *name)?.masa.as_ref()
}

/// What a panicking thread left behind is still a set.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts a voucher for this nonce before the others of the dossier, if the device's manufacturer gives one in time.
pub(super) async fn add_nonced(
    service: &Service,
    caller: &Caller,
    dossier: &mut Dossier,
    nonce: Option<&Nonce>,
    idevid: Option<&[u8]>,
) -> Result<(), Problem> {
    let fetcher = &service.fetcher;
    let Some(nonce) = nonce.filter(|_| fetcher.source.is_some()) else { return Ok(()) };
    if dossier.vouchers.iter().any(|it| is_for(it, nonce)) {
        return Ok(());
    }
    if let Some(voucher) = fetcher.remembered(&caller.device, nonce) {
        dossier.vouchers.insert(0, voucher);
        return Ok(());
    }
    let manufacturers = service.store.manufacturers().await?;
    if masa_of(&manufacturers, &caller.device.manufacturer).is_none() {
        return Ok(());
    }
    // Another request of this device is waiting for one: this one gets what there is.
    let Some(_under_way) = fetcher.begin(&caller.device) else { return Ok(()) };
    let fetched = fetch(service, caller, &manufacturers, nonce, idevid).await;
    let outcome = match &fetched {
        Ok(voucher) => Fetched::Voucher(voucher.sha256()),
        Err(refusal) => {
            tracing::warn!(device = %caller.device, reason = %refusal.reason, detail = refusal.detail, "no fresh voucher");
            Fetched::Nothing(refusal.reason)
        }
    };
    // SRV-07: no voucher leaves that the log does not know of; and what is asked for over and over uses up the device's day.
    let event = Event::VoucherFetched { device: caller.device.clone(), source: caller.source, outcome };
    super::held::commit(service, caller, dossier, event).await?;
    if let Ok(voucher) = fetched {
        fetcher.remember(&caller.device, nonce, &voucher);
        dossier.vouchers.insert(0, voucher);
    }
    Ok(())
}

/// Whether a voucher holds this nonce.
fn is_for(voucher: &OwnershipVoucher, nonce: &Nonce) -> bool {
    vouching::answers(voucher, Some(nonce)) && !vouching::answers(voucher, None)
}

async fn fetch(
    service: &Service,
    caller: &Caller,
    manufacturers: &[Manufacturer],
    nonce: &Nonce,
    idevid: Option<&[u8]>,
) -> Result<OwnershipVoucher, Refusal> {
    let device = &caller.device;
    let idevid = idevid.and_then(|der| Certificate::from_der(der).ok());
    let wanted = Wanted { device: device.clone(), nonce: Some(nonce.clone()), idevid };
    let voucher = service.fetcher.ask(manufacturers, &wanted).await?;
    let receipt = Receipt {
        manufacturers,
        manufacturer: Some(&device.manufacturer),
        serial_number: Some(&device.serial_number),
        owner: service.owner.chain(),
        now: Timestamp::from_system(std::time::SystemTime::now()),
    };
    vouching::judge(&voucher, &receipt)?;
    // VCH-15: the device would not process it.
    if !is_for(&voucher, nonce) {
        return Err(Refusal::new(ReasonCode::VoucherNonceMismatch, "it does not hold the nonce that was sent"));
    }
    Ok(voucher)
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::Pin,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use authority::{ManufacturerParty, Validity, VoucherRequest};
    use base64::{Engine, engine::general_purpose::STANDARD};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        domain::{Policies, vouching::SourceFailed},
        restconf::lab::{DATA, Lab, id, profile, registered},
        store::{Batch, Store as _},
    };

    /// How the maker behaves.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Mood {
        Willing,
        /// It gives a voucher with a nonce of its own.
        Careless,
        Unwilling,
        Silent,
    }

    /// A MASA that is a function call away.
    struct Fake {
        maker: Arc<ManufacturerParty>,
        pinned: Mutex<Option<Certificate>>,
        mood: Mood,
        asked: AtomicUsize,
        /// Each answer takes one.
        answers: Semaphore,
    }

    impl VoucherSource for Fake {
        fn request<'a>(
            &'a self,
            _: &'a MasaService,
            wanted: &'a Wanted,
        ) -> Pin<Box<dyn Future<Output = Result<OwnershipVoucher, SourceFailed>> + Send + 'a>> {
            Box::pin(async move {
                self.asked.fetch_add(1, Ordering::Relaxed);
                self.answers.acquire().await.unwrap().forget();
                let nonce = match self.mood {
                    Mood::Willing => wanted.nonce.clone().unwrap(),
                    Mood::Careless => Nonce::for_request(vec![7; 16]).unwrap(),
                    Mood::Unwilling => {
                        return Err(SourceFailed::Refused { status: 403, detail: "not yours".to_owned() });
                    }
                    Mood::Silent => std::future::pending().await,
                };
                let request = VoucherRequest {
                    serial_number: wanted.device.serial_number.clone(),
                    pinned_domain_cert: locked(&self.pinned).clone().unwrap(),
                    idevid: None,
                    validity: Validity::Nonce(nonce),
                };
                Ok(self.maker.masa().issue(&request, now()).unwrap())
            })
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_system(std::time::SystemTime::now())
    }

    /// A device that has a voucher without a nonce, and a maker in this mood.
    async fn site(mood: Mood, answers: usize) -> (Lab, Arc<Fake>, OwnershipVoucher) {
        let maker = Arc::new(ManufacturerParty::new("Maker", now()).unwrap());
        let fake = Arc::new(Fake {
            maker: Arc::clone(&maker),
            pinned: Mutex::default(),
            mood,
            asked: AtomicUsize::new(0),
            answers: Semaphore::new(answers),
        });
        let patience = if mood == Mood::Silent { Duration::from_millis(20) } else { Duration::from_secs(60) };
        let fetcher = Fetcher::new(Some(fake.clone())).patient_for(patience);
        let lab = Lab::with_fetcher(Policies::default(), profile(""), fetcher).await;
        let pinned = lab.owner.last().unwrap().clone();
        *locked(&fake.pinned) = Some(pinned.clone());
        let manufacturer = Manufacturer {
            voucher_anchors: maker.voucher_anchors().to_vec(),
            masa: Some(MasaService { address: "masa.example".parse().unwrap(), anchors: vec![pinned.clone()] }),
            ..Manufacturer::new(id("x").manufacturer, Vec::new())
        };
        let plain = maker.voucher(&id("SN-1").serial_number, &pinned, now()).unwrap();
        let stored = Event::VoucherStored { device: id("SN-1"), voucher: plain.clone() };
        let batch = Batch::from(Event::ManufacturerAdded { manufacturer }).and(registered("SN-1")).and(stored);
        lab.store.commit(batch).await.unwrap();
        (lab, fake, plain)
    }

    const NONCE: &str = r#"{"nonce":"AAECAwQFBgcICQoLDA0ODw=="}"#;

    async fn given(lab: &Lab, input: &str) -> OwnershipVoucher {
        let (status, body) = lab.ask("SN-1", DATA, input).await;
        assert_eq!(status, 200, "{body}");
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        let voucher = answer["ietf-sztp-bootstrap-server:output"]["ownership-voucher"].as_str().unwrap();
        OwnershipVoucher::from_der(STANDARD.decode(voucher).unwrap()).unwrap()
    }

    fn nonce() -> Nonce {
        Nonce::for_request((0..16).collect()).unwrap()
    }

    #[tokio::test]
    async fn srv_07_a_device_that_sends_a_nonce_gets_a_voucher_that_holds_it() {
        let (lab, fake, plain) = site(Mood::Willing, 9).await;
        let before = lab.leaves().await;
        let fresh = given(&lab, NONCE).await;
        assert!(is_for(&fresh, &nonce()));
        let bodies = lab.bodies(before).await;
        assert!(bodies[0].contains("voucher-fetched") && bodies[0].contains(&fresh.sha256().to_string()), "{bodies:?}");
        assert!(bodies[1].contains("answered"));
        // It repeats itself, and gets the same; nobody is asked again.
        assert_eq!(given(&lab, NONCE).await, fresh);
        assert_eq!(fake.asked.load(Ordering::Relaxed), 1);
        // Without a nonce nobody is asked at all.
        assert_eq!(given(&lab, "{}").await, plain);
        assert_eq!(fake.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn srv_08_when_the_maker_gives_none_the_device_gets_the_voucher_without_a_nonce() {
        for (mood, reason) in [
            (Mood::Unwilling, "masa-refused"),
            (Mood::Careless, "voucher-nonce-mismatch"),
            (Mood::Silent, "masa-unreachable"),
        ] {
            let (lab, _, plain) = site(mood, 9).await;
            let before = lab.leaves().await;
            assert_eq!(given(&lab, NONCE).await, plain, "{mood:?}");
            let bodies = lab.bodies(before).await;
            assert!(bodies[0].contains("voucher-fetched") && bodies[0].contains(reason), "{bodies:?}");
        }
    }

    #[tokio::test]
    async fn srv_07_one_voucher_at_a_time_is_asked_for_a_device() {
        let (lab, fake, plain) = site(Mood::Willing, 0).await;
        let (first, second) = tokio::join!(given(&lab, NONCE), async {
            while fake.asked.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            let second = given(&lab, NONCE).await;
            fake.answers.add_permits(1);
            second
        });
        assert!(is_for(&first, &nonce()));
        assert_eq!((second, fake.asked.load(Ordering::Relaxed)), (plain, 1), "it does not wait behind the first");
    }
}
