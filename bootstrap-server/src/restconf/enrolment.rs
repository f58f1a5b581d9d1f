//! Certificates of the owner's that devices get in the middle of their onboarding (RFC 9646).
//!
//! A device says what it can do, is asked for a CSR, sends it, and gets its onboarding information with the certificate in it.
//! What is asked for and accepted is decided by [`authority::ldevid`]; that nothing is given out twice, by the ledger.

mod exchanges;

use std::sync::Arc;

use authority::{
    CertificateAuthority,
    ldevid::{Applicant, CsrRefused, Exchange, Judgement, Order},
};
use conveyed_info::rpc::{BootstrappingRequest, Csr, CsrInput, CsrRequest};
use pki::certificate::Certificate;
use verdict::ReasonCode;

use self::exchanges::Exchanges;
use super::{Caller, Problem};
use crate::{
    audit::{Event, LedgerEvent},
    authority::{Authorities, Before, DeviceFault, IssueFault, Judged, TRIES, Wanted},
    domain::{
        Delivered, Dossier, Ldevid, LdevidDemand, OnboardingProfile,
        ledger::{IssueRefused, Occasion},
    },
    store::{Ledger, StoreError},
    tls::Connection,
};

/// The authorities that certify devices' keys, and the ledger of what they issued.
pub(crate) struct Enrolment {
    ledger: Arc<dyn Ledger>,
    authorities: Authorities,
    exchanges: Exchanges,
}

/// What becomes of a request, as far as certificates are concerned.
pub(super) enum Step {
    /// It is answered as any other.
    Without,
    /// It is answered with a certificate for this order.
    Certify(Box<Order>),
    /// The device is asked for a CSR, for this reason.
    Ask(Box<CsrRequest>, Option<CsrRefused>),
    /// It gets nothing, for this reason.
    Refuse(ReasonCode, String),
}

/// A certificate that is ready to be given out, and what has to be on record first.
pub(super) struct Ready {
    pub(super) delivered: Delivered,
    pub(super) event: Option<Event>,
}

/// Why a device gets another certificate although it has one.
const ANEW: &str = "the device was onboarded anew";

impl Enrolment {
    pub(crate) fn new(ledger: Arc<dyn Ledger>, authorities: Authorities) -> Self {
        Self { ledger, authorities, exchanges: Exchanges::default() }
    }

    /// What is to be done about certificates before this device is onboarded.
    pub(super) fn step(
        &self,
        caller: &Caller,
        connection: &Connection,
        request: &BootstrappingRequest,
        profile: &OnboardingProfile,
    ) -> Step {
        // RFC 9646 §4.1.4 (CSR-24): who does not trust this server yet makes no key for it. It comes back when it does.
        let Some(ldevid) = profile.ldevid.as_ref().filter(|_| !request.signed_data_preferred) else {
            return Step::Without;
        };
        let shown = connection.idevid.as_ref().and_then(|it| Certificate::from_der(it.as_ref().as_ref()).ok());
        let device = Applicant { serial_number: &caller.device.serial_number, certificate: shown.as_ref() };
        match &request.csr {
            None if ldevid.demand == LdevidDemand::WhereOffered => Step::Without,
            None => refused(ReasonCode::CsrSupportMissing),
            Some(_) if !self.authorities.contains(&ldevid.authority) => {
                tracing::error!(authority = %ldevid.authority, "a profile names an authority that is not there");
                refused(ReasonCode::LdevidUnavailable)
            }
            Some(CsrInput::Support(support)) => match ldevid.wish.choose(support, &device) {
                Ok(wanted) => {
                    self.exchanges.begin(&caller.device, support);
                    Step::Ask(Box::new(wanted), None)
                }
                // It can do without.
                Err(_) if ldevid.demand == LdevidDemand::WhereOffered => Step::Without,
                Err(why) => Step::Refuse(why.reason(), why.to_string()),
            },
            Some(CsrInput::Csr(csr)) => self.judge(ldevid, csr, caller, &device),
        }
    }

    fn judge(&self, ldevid: &Ldevid, csr: &Csr, caller: &Caller, device: &Applicant<'_>) -> Step {
        let (offered, rounds) = self.exchanges.of(&caller.device);
        match ldevid.wish.judge(csr, device, Exchange { offered: offered.as_ref(), rounds }) {
            Judgement::Accept(order) => Step::Certify(order),
            Judgement::AskAgain(wanted, why) => {
                self.exchanges.asked_again(&caller.device);
                Step::Ask(Box::new(wanted), Some(why))
            }
            Judgement::Refuse(why) => {
                self.exchanges.end(&caller.device);
                Step::Refuse(why.reason(), why.to_string())
            }
        }
    }

    /// The certificate for an order: the one that was made for it, or a new one.
    pub(super) async fn ready(
        &self,
        attempt: &Attempt<'_>,
        caller: &Caller,
        dossier: &Dossier,
    ) -> Result<Ready, Problem> {
        let Attempt { order, ldevid, occasion, .. } = attempt;
        let authority = self.authorities.get(&ldevid.authority).ok_or_else(unavailable)?;
        let judged = Judged::of_device(order, ldevid, dossier);
        let wanted = Wanted::of_device(judged, caller.device.clone(), occasion.clone());
        match authority.answered(self.ledger.as_ref(), order.request(), &wanted.holder).await.map_err(not_given)? {
            // A CSR that is sent again is answered with what was issued then (RFC 9646 says nothing of it; a device that lost
            // the answer has no other way).
            Before::Holds(entry) => {
                Ok(Ready { delivered: delivered(entry.issued.certificate, &authority.ca), event: None })
            }
            Before::Ended => Err(Problem::csr_refused(ReasonCode::CsrNotAsWanted, &DeviceFault::Ended.to_string())),
            Before::Nothing => {
                let issued = Box::new(authority.certify(&wanted).map_err(not_given)?);
                let delivered = delivered(issued.certificate.clone(), &authority.ca);
                let event = LedgerEvent::CertificateIssued { issued, occasion: wanted.occasion };
                Ok(Ready { delivered, event: Some(Event::Ledger(event)) })
            }
        }
    }

    /// The device has its certificate.
    pub(super) fn given(&self, caller: &Caller) {
        self.exchanges.end(&caller.device);
    }
}

/// An order that is being carried out.
pub(super) struct Attempt<'a> {
    order: &'a Order,
    ldevid: &'a Ldevid,
    occasion: Occasion,
    tries: usize,
}

impl<'a> Attempt<'a> {
    pub(super) const fn new(order: &'a Order, ldevid: &'a Ldevid) -> Self {
        Self { order, ldevid, occasion: Occasion::First, tries: 1 }
    }

    /// The same once more, after the ledger has refused it for this reason; the answer to the device where that is no use.
    pub(super) fn again(mut self, refused: IssueRefused) -> Result<Self, Problem> {
        if self.tries >= TRIES {
            return Err(unavailable());
        }
        self.occasion = refused.retried(self.occasion, ANEW).map_err(not_given)?;
        self.tries = self.tries.saturating_add(1);
        Ok(self)
    }
}

fn unavailable() -> Problem {
    Problem::unavailable(ReasonCode::LdevidUnavailable)
}

/// What a device is told for which nothing was issued.
fn not_given(fault: IssueFault) -> Problem {
    match fault {
        // A CSR that somebody overheard is no way to another device's certificate.
        IssueFault::Refused(IssueRefused::KeyInUse(_)) => {
            let why = "the key is certified for another device: make a new one";
            Problem::csr_refused(ReasonCode::CsrInvalid, why)
        }
        IssueFault::Store(error) => error.into(),
        other => {
            tracing::error!(error = %other, "no certificate");
            unavailable()
        }
    }
}

/// Why a certificate was not given out.
pub(super) enum Ungiven {
    /// The ledger forbids it.
    Ledger(IssueRefused),
    /// Something else.
    Problem(Problem),
}

impl Ungiven {
    /// The answer where nothing was issued.
    pub(super) fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Ledger(refused) => Problem::internal(&refused),
        }
    }
}

impl From<StoreError> for Ungiven {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotIssued(refused) => Self::Ledger(refused),
            other => Self::Problem(other.into()),
        }
    }
}

impl From<Problem> for Ungiven {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

fn delivered(certificate: Certificate, ca: &CertificateAuthority) -> Delivered {
    Delivered { certificate, chain: ca.chain().to_vec() }
}

fn refused(reason: ReasonCode) -> Step {
    Step::Refuse(reason, reason.summary().to_owned())
}
