//! Where operators ask authorities, in the words of the operator API: at a running server, or at an authority's folder without one.

mod order;
mod refused;
mod shown;

pub use refused::{DeskRefused, outcome};

use std::{sync::Arc, thread, time::SystemTime};

use futures_util::future::join_all;
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
            let wanted = Wanted { judged: Judged::Request(approved), profile, holder, occasion };
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

    /// Issues many: signed on several threads, committed side by side. Each has its own result, in order.
    pub async fn issue_all(
        &self,
        wanted: Vec<NewCertificate>,
        by: &Actor,
    ) -> Vec<Result<IssuedCertificate, DeskRefused>> {
        let orders = join_all(wanted.iter().map(|wanted| self.order(wanted))).await;
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = orders.len().div_ceil(threads).max(1);
        let mut orders = orders.into_iter();
        let mut shares = Vec::new();
        loop {
            let share: Vec<_> = orders.by_ref().take(share).collect();
            if share.is_empty() {
                break;
            }
            // Signatures are made where nobody waits for them.
            shares.push(tokio::task::spawn_blocking(move || {
                let made = share.into_iter().map(|order| {
                    let order = order?;
                    let (made, _) = order.make()?;
                    Ok::<_, DeskRefused>((order, made))
                });
                made.collect::<Vec<_>>()
            }));
        }
        let mut made = Vec::with_capacity(wanted.len());
        for share in join_all(shares).await {
            made.extend(share.unwrap_or_default());
        }
        join_all(made.into_iter().map(async |made| {
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
