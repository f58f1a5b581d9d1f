//! What the authentic part of the evidence says about one certificate.

use super::{
    Answer, Crl, Demand, Evidence, EvidenceKind, Finding, OcspResponse, Reason, Revocation, RevocationError, Statement,
    ocsp,
};
use crate::{certificate::Certificate, time::Clock};

/// Signature checks that one call of [`super::check`] may cost, whatever evidence strangers bring.
pub(super) const SIGNATURE_BUDGET: u32 = 128;

/// Judges one certificate after another, within one budget.
pub(super) struct Judge<'a> {
    evidence: &'a Evidence,
    clock: Clock,
    demand: Demand,
    budget: u32,
}

impl<'a> Judge<'a> {
    pub(super) const fn new(evidence: &'a Evidence, clock: Clock, demand: Demand) -> Self {
        Self { evidence, clock, demand, budget: SIGNATURE_BUDGET }
    }

    /// Judges `certificate`, which `issuer` issued.
    pub(super) fn judge(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<Finding, RevocationError> {
        let subject = certificate.subject().to_string();
        let known = self.authentic_statements(certificate, issuer)?;
        let latest = known.iter().map(|(_, answer)| answer.period.this_update).max();
        let counts = |revocation: &Revocation, answer: &Answer| {
            // RFC 5280 §5.3.1: a hold may be taken back, so that only the last word on it counts.
            revocation.reason != Some(Reason::CertificateHold) || Some(answer.period.this_update) == latest
        };
        for (statement, source) in &known {
            if let Statement::Revoked(revocation) = statement
                && counts(revocation, source)
            {
                return Err(RevocationError::Revoked { subject, revocation: *revocation, answer: *source });
            }
        }
        let mut good = known.iter().filter(|(statement, _)| *statement == Statement::Good).map(|(_, answer)| *answer);
        let fresh = good.clone().filter(|answer| answer.period.is_fresh(self.clock));
        let cleared_by = fresh.max_by_key(|answer| answer.period.this_update);
        match (self.demand, self.clock.now(), cleared_by, good.next()) {
            // RFC 8572 §5.4 (CLI-38, SEC-04): what must be known and is not counts against the certificate.
            (Demand::Required, Some(now), None, Some(stale)) => {
                Err(RevocationError::Stale { subject, answer: stale, now })
            }
            (Demand::Required, Some(_), None, None) => Err(RevocationError::Unknown { subject }),
            _ => Ok(Finding { subject, certificate: certificate.sha256(), cleared_by }),
        }
    }

    /// Everything that somebody entitled says about `certificate`.
    fn authentic_statements(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<Vec<(Statement, Answer)>, RevocationError> {
        let mut known = Vec::new();
        // In a path of one the issuer may be somebody else.
        if certificate.issuer() != issuer.subject() {
            return Ok(known);
        }
        let evidence = self.evidence;
        for crl in evidence.crls().filter(|crl| crl.names_issuer(issuer)) {
            let Some(statement) = crl.statement(certificate) else { continue };
            if self.crl_is_authentic(crl, issuer)? {
                let answer = Answer { kind: EvidenceKind::Crl, sha256: crl.sha256(), period: crl.period() };
                known.push((statement, answer));
            }
        }
        for response in evidence.ocsp_responses() {
            let mut statements = response.statements(certificate, issuer).peekable();
            if statements.peek().is_some() && self.response_is_authentic(response, issuer)? {
                let answer = |period| Answer { kind: EvidenceKind::OcspResponse, sha256: response.sha256(), period };
                known.extend(statements.map(|(statement, period)| (statement, answer(period))));
            }
        }
        Ok(known)
    }

    fn crl_is_authentic(&mut self, crl: &Crl, issuer: &Certificate) -> Result<bool, RevocationError> {
        self.spend()?;
        Ok(crl.is_authentic(issuer))
    }

    /// RFC 6960 §4.2.2.2: signed by the CA that issued the certificate in question, or by somebody that this very CA
    /// certified for it.
    fn response_is_authentic(
        &mut self,
        response: &OcspResponse,
        issuer: &Certificate,
    ) -> Result<bool, RevocationError> {
        for signer in response.signers(issuer) {
            self.spend()?;
            if !response.is_signed_by(signer.unwrap_or(issuer)) {
                continue;
            }
            let Some(delegate) = signer else { return Ok(true) };
            self.spend()?;
            if ocsp::is_delegate(delegate, issuer, self.clock) && !self.is_listed(delegate, issuer)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an authentic list at hand revokes a delegate.
    fn is_listed(&mut self, delegate: &Certificate, issuer: &Certificate) -> Result<bool, RevocationError> {
        let evidence = self.evidence;
        for crl in evidence.crls().filter(|crl| crl.names_issuer(issuer)) {
            if matches!(crl.statement(delegate), Some(Statement::Revoked(_))) && self.crl_is_authentic(crl, issuer)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn spend(&mut self) -> Result<(), RevocationError> {
        self.budget = self.budget.checked_sub(1).ok_or(RevocationError::TooComplex)?;
        Ok(())
    }
}
