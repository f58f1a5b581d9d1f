//! A unit of a production order, on its way to a certificate.

use const_oid::db::rfc4519::COMMON_NAME;
use pki::{
    certificate::Certificate, digest::Digest, identity::SerialNumber, time::Timestamp, tpm::attestation::ProvedInTpm,
};

use super::{Endorsement, FactoryRefused};
use crate::{Approved, Asker, Profile, RequestRefused, SubjectAttribute, judge, subject::text_of};

/// What an order wants to see of a unit's TPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: whoever stands at the station vouches for the unit.
    Nothing,
    /// The endorsement key with this SHA-256 of its SubjectPublicKeyInfo.
    Key(Digest),
    /// Any endorsement key that a maker with one of these anchors certified.
    Maker(Vec<Certificate>),
}

/// A serial number of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Which.
    pub serial_number: SerialNumber,
    /// What it is, if its request must name that as its common name or name none.
    pub model: Option<String>,
    /// What it has to show.
    pub demand: Demand,
}

/// The way in which a unit gets to its certificate.
#[derive(Clone, Copy, Debug)]
pub enum Entrance<'a> {
    /// By its request alone.
    Open(OpenUnit<'a>),
    /// By a proof that its key is in its TPM.
    Guarded(GuardedUnit<'a>),
}

/// A unit of which the order demands no proof.
#[derive(Clone, Copy, Debug)]
pub struct OpenUnit<'a>(&'a Unit);

/// A unit that has to prove in which TPM its key is.
#[derive(Clone, Copy, Debug)]
pub struct GuardedUnit<'a>(&'a Unit);

/// A request that may have its certificate under an order.
#[derive(Clone, Debug)]
pub struct Entitled<'a> {
    approved: Approved<'a>,
    serial_number: SerialNumber,
    endorsement_key: Option<Digest>,
}

impl Unit {
    /// What it takes.
    #[must_use]
    pub const fn entrance(&self) -> Entrance<'_> {
        match self.demand {
            Demand::Nothing => Entrance::Open(OpenUnit(self)),
            Demand::Key(_) | Demand::Maker(_) => Entrance::Guarded(GuardedUnit(self)),
        }
    }

    /// Judges a request for this unit: that it is in order by itself, and names neither another device nor another model.
    ///
    /// # Errors
    /// [`RequestRefused`].
    pub fn judge<'p>(
        &self,
        request: &pki::request::CertificationRequest,
        profile: &'p Profile,
    ) -> Result<Approved<'p>, RequestRefused> {
        let approved = judge(request, profile, Asker::Device(&self.serial_number))?;
        let mut named = request.subject().iter().filter(|it| it.oid == COMMON_NAME).map(|it| text_of(&it.value));
        match &self.model {
            Some(model) if named.any(|name| name != Some(model.as_str())) => {
                Err(RequestRefused::Fixed { attribute: SubjectAttribute::CommonName, value: model.clone() })
            }
            _ => Ok(approved),
        }
    }
}

impl OpenUnit<'_> {
    /// The request may have its certificate.
    #[must_use]
    pub fn entitle<'p>(&self, approved: Approved<'p>) -> Entitled<'p> {
        Entitled { approved, serial_number: self.0.serial_number.clone(), endorsement_key: None }
    }
}

impl GuardedUnit<'_> {
    /// Whether this endorsement key is the one that the order goes by. A challenge for another one need not be made.
    ///
    /// # Errors
    /// [`FactoryRefused`].
    pub fn vouch(&self, endorsement: &Endorsement, now: Timestamp) -> Result<(), FactoryRefused> {
        match &self.0.demand {
            // `entrance` gives this type for the other two only.
            Demand::Nothing => Err(FactoryRefused::ProofMissing),
            Demand::Key(expected) if *expected == endorsement.digest() => Ok(()),
            Demand::Key(expected) => {
                Err(FactoryRefused::ForeignTpm { expected: *expected, found: endorsement.digest() })
            }
            Demand::Maker(anchors) => endorsement.vouched(anchors, now),
        }
    }

    /// The request may have its certificate, if it is for the key that is proved to be in the TPM with the endorsement key that
    /// the order goes by.
    ///
    /// # Errors
    /// [`FactoryRefused`].
    pub fn entitle<'p>(
        &self,
        approved: Approved<'p>,
        proved: &ProvedInTpm,
        endorsement: &Endorsement,
        now: Timestamp,
    ) -> Result<Entitled<'p>, FactoryRefused> {
        // Again: what was vouched for when the challenge was made need not be what the challenge was made for.
        self.vouch(endorsement, now)?;
        let found = endorsement.digest();
        if proved.ek_digest() != found {
            return Err(FactoryRefused::ForeignTpm { expected: proved.ek_digest(), found });
        }
        if proved.key() != approved.key() {
            return Err(FactoryRefused::OtherKey);
        }
        Ok(Entitled { approved, serial_number: self.0.serial_number.clone(), endorsement_key: Some(found) })
    }
}

impl<'a> Entitled<'a> {
    /// The request, judged.
    #[must_use]
    pub const fn approved(&self) -> &Approved<'a> {
        &self.approved
    }

    /// The unit.
    #[must_use]
    pub const fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
    }

    /// The endorsement key of the TPM in which the key is proved to be; none where that was not demanded.
    #[must_use]
    pub const fn endorsement_key(&self) -> Option<Digest> {
        self.endorsement_key
    }
}
