//! Where operators ask authorities, in the words of the operator API: at a running server, or at an authority's folder without one.

mod order;
mod refused;
mod shown;

pub use refused::{DeskRefused, outcome};

use std::{iter, sync::Arc, thread, time::SystemTime};

use futures_util::{StreamExt, future::join_all, stream};
use operator_api as shown_as;
use operator_api::{
    AuthorityList, CertificatePage, CertificateQuery, IssuedCertificate, NewCertificate, RevokeCertificate,
};
use pki::{revocation::Reason, time::Timestamp};

use super::{Authorities, Before, Issued, Judged, Wanted};
use crate::{
    audit::{Event, LedgerEvent},
    domain::{
        Actor,
        ledger::{CertificateId, LedgerEntry},
    },
    store::{Batch, Ledger, Page, Urgency},
};
use order::Order;

/// Certificates that are made together. What is durable together is the writer's business.
const PIECE: usize = 256;

/// Longest reason that is taken down, in characters.
const MAX_REASON: usize = 500;

/// Where operators ask.
#[derive(Clone)]
pub struct Desk {
    authorities: Authorities,
    ledger: Arc<dyn Ledger>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("authorities", &self.authorities).finish_non_exhaustive()
    }
}

impl Desk {
    /// A desk of these authorities.
    #[must_use]
    pub const fn new(authorities: Authorities, ledger: Arc<dyn Ledger>) -> Self {
        Self { authorities, ledger }
    }

    /// What there is to be asked.
    #[must_use]
    pub fn authorities(&self) -> AuthorityList {
        list(&self.authorities)
    }

    /// Issues or renews a certificate, durably and on record. The same request again gets the same certificate.
    ///
    /// # Errors
    /// [`DeskRefused`]; nothing was issued then.
    pub async fn issue(&self, wanted: &NewCertificate, by: &Actor) -> Result<IssuedCertificate, DeskRefused> {
        let order = self.order(wanted).await?;
        let issued = {
            let approved = order.judge()?;
            let holder = order.holder(&approved)?;
            let (profile, occasion) = (order.profile.clone(), order.occasion.clone());
            let wanted = Wanted { judged: Judged::Request(Box::new(approved)), profile, holder, occasion };
            let urgency = Urgency::Interactive;
            order.authority.issue(self.ledger.as_ref(), wanted, Some(by), urgency).await?
        };
        Ok(self.told(&order, issued))
    }

    /// Says what [`Desk::issue`] would refuse, and issues nothing.
    ///
    /// # Errors
    /// As [`Desk::issue`].
    pub async fn rehearse(&self, wanted: &NewCertificate, by: &Actor) -> Result<(), DeskRefused> {
        let order = self.order(wanted).await?;
        let (made, request) = order.make()?;
        let before = order.authority.answered(self.ledger.as_ref(), request, &made.holder).await?;
        if !matches!(before, Before::Holds(_)) {
            let event = LedgerEvent::CertificateIssued { issued: made, occasion: order.occasion };
            self.ledger.rehearse(Batch::from(Event::Ledger(event)).by(by.clone())).await?;
        }
        Ok(())
    }

    /// Issues many: verified and signed on several threads, while those before are made durable. Each has its own result, in
    /// order.
    pub async fn issue_all(
        &self,
        wanted: Vec<NewCertificate>,
        by: &Actor,
    ) -> Vec<Result<IssuedCertificate, DeskRefused>> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut wanted = wanted.into_iter();
        let pieces =
            iter::from_fn(move || Some(wanted.by_ref().take(PIECE).collect()).filter(|it: &Vec<_>| !it.is_empty()));
        // Somebody signs while others are made durable.
        let issued = stream::iter(pieces).map(|piece| self.issue_piece(piece, by));
        let issued = issued.buffered(threads.saturating_add(1)).collect::<Vec<_>>().await;
        issued.into_iter().flatten().collect()
    }

    async fn issue_piece(
        &self,
        wanted: Vec<NewCertificate>,
        by: &Actor,
    ) -> Vec<Result<IssuedCertificate, DeskRefused>> {
        // Signatures are verified and made where nobody waits for them.
        let read = blocking(wanted, |wanted| {
            let request = order::request(&wanted.csr)?;
            Ok((wanted, request))
        });
        let orders = read.await.into_iter().map(async |read: Result<_, DeskRefused>| {
            let (wanted, request) = read?;
            Order::new(&wanted, request, &self.authorities, self.ledger.as_ref()).await
        });
        let made = blocking(join_all(orders).await, |order: Result<Order, DeskRefused>| {
            let order = order?;
            let (made, _) = order.make()?;
            Ok::<_, DeskRefused>((order, made))
        });
        join_all(made.await.into_iter().map(async |made| {
            let (order, made) = made?;
            let recorded = (Some(by), Urgency::Bulk);
            let issued = order.authority.record(self.ledger.as_ref(), made, &order.occasion, recorded).await?;
            Ok(self.told(&order, issued))
        }))
        .await
    }

    /// Revokes a certificate; gives what it is then.
    ///
    /// # Errors
    /// [`DeskRefused`].
    pub async fn revoke(
        &self,
        id: &CertificateId,
        why: &RevokeCertificate,
        by: &Actor,
    ) -> Result<shown_as::Certificate, DeskRefused> {
        self.ledger.commit(revocation(id, why)?.by(by.clone())).await?;
        self.certificate(id).await
    }

    /// Says what [`Desk::revoke`] would refuse, and revokes nothing.
    ///
    /// # Errors
    /// As [`Desk::revoke`].
    pub async fn rehearse_revocation(
        &self,
        id: &CertificateId,
        why: &RevokeCertificate,
        by: &Actor,
    ) -> Result<(), DeskRefused> {
        Ok(self.ledger.rehearse(revocation(id, why)?.by(by.clone())).await?)
    }

    /// One certificate.
    ///
    /// # Errors
    /// [`DeskRefused::NoCertificate`], [`DeskRefused::Store`].
    pub async fn certificate(&self, id: &CertificateId) -> Result<shown_as::Certificate, DeskRefused> {
        let entry = self.ledger.issued(id).await?;
        let entry = entry.ok_or_else(|| DeskRefused::NoCertificate(id.to_string()))?;
        Ok(self.shown(&entry))
    }

    /// A page of certificates; `limit` is taken as it is.
    ///
    /// # Errors
    /// [`DeskRefused::Query`] for what is no filter, [`DeskRefused::Store`].
    pub async fn certificates(&self, wanted: &CertificateQuery, limit: u32) -> Result<CertificatePage, DeskRefused> {
        let (filter, after) = shown::filter(wanted)?;
        // One more than was asked for tells whether there is another page.
        let page = Page { after, limit: limit.saturating_add(1) };
        let mut entries = self.ledger.certificates(&filter, page).await?;
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = entries.len() > most;
        entries.truncate(most);
        let next = entries.last().filter(|_| more).map(|last| last.issued.id().to_string());
        Ok(CertificatePage { certificates: entries.iter().map(|entry| self.shown(entry)).collect(), next })
    }

    async fn order(&self, wanted: &NewCertificate) -> Result<Order, DeskRefused> {
        Order::read(wanted, &self.authorities, self.ledger.as_ref()).await
    }

    fn told(&self, order: &Order, issued: Issued) -> IssuedCertificate {
        match issued {
            Issued::Before(entry) => IssuedCertificate { issued_before: true, certificate: self.shown(&entry) },
            Issued::Now(issued) => {
                let certificate = shown::certificate(&issued, now(), None, Some(&order.authority));
                IssuedCertificate { issued_before: false, certificate }
            }
        }
    }

    fn shown(&self, entry: &LedgerEntry) -> shown_as::Certificate {
        let at = Timestamp::from_unix(i64::try_from(entry.at.0 / 1000).unwrap_or(i64::MAX));
        let authority = self.authorities.get(&entry.issued.authority);
        shown::certificate(&entry.issued, at, entry.revoked, authority)
    }
}

/// Does something with each, on a thread that nobody waits for.
async fn blocking<T: Send + 'static, U: Send + 'static>(all: Vec<T>, each: fn(T) -> U) -> Vec<U> {
    let done = tokio::task::spawn_blocking(move || all.into_iter().map(each).collect()).await;
    done.unwrap_or_else(|error| match error.try_into_panic() {
        // As if it had been done here: what is left out would shift the results of the others.
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_ends) => Vec::new(),
    })
}

/// Authorities as operators see them.
#[must_use]
pub fn list(authorities: &Authorities) -> AuthorityList {
    AuthorityList { authorities: authorities.iter().map(|it| shown::authority(it)).collect() }
}

fn revocation(id: &CertificateId, why: &RevokeCertificate) -> Result<Batch, DeskRefused> {
    let reason: Reason = why.reason.parse()?;
    // RFC 5280 §5.3.1: in delta lists alone, and nobody's CA but its own.
    if matches!(reason, Reason::RemoveFromCrl | Reason::CaCompromise | Reason::AaCompromise) {
        return Err(DeskRefused::ReasonOfCas(reason));
    }
    let because = reason_given(&why.because)?;
    let event = LedgerEvent::CertificateRevoked { certificate: id.clone(), reason, because };
    Ok(Batch::from(Event::Ledger(event)))
}

/// What somebody says for the audit log.
fn reason_given(text: &str) -> Result<String, DeskRefused> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_REASON || text.chars().any(char::is_control) {
        return Err(DeskRefused::Because);
    }
    Ok(text.to_owned())
}

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}
