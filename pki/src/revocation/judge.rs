//! What the authentic part of the evidence says about one certificate.

use std::collections::BTreeMap;

use super::{
    Answer, Crl, Demand, Evidence, EvidenceKind, Finding, OcspResponse, Reason, ReasonSet, Revocation, RevocationError,
    Statement, ocsp,
};
use crate::{
    certificate::{Certificate, DistributionPoint, same_name},
    path::Purpose,
    path::may_be_used,
    time::Clock,
};

/// Signature checks that one call of [`super::check`] may cost, whatever evidence strangers bring.
pub(super) const SIGNATURE_BUDGET: u32 = 128;

/// Judges one certificate after another, within one budget.
pub(super) struct Judge<'a> {
    /// End entity first, anchor last.
    path: &'a [Certificate],
    evidence: &'a Evidence,
    clock: Clock,
    demand: Demand,
    budget: u32,
    /// Whether the key at this place of the path (second) signed this list (first).
    signed: BTreeMap<(usize, usize), bool>,
}

impl<'a> Judge<'a> {
    pub(super) const fn new(path: &'a [Certificate], evidence: &'a Evidence, clock: Clock, demand: Demand) -> Self {
        Self { path, evidence, clock, demand, budget: SIGNATURE_BUDGET, signed: BTreeMap::new() }
    }

    /// Judges the certificate at this place of the path. Where the path is but one, it is its own issuer, if anybody is.
    pub(super) fn judge(&mut self, place: usize) -> Result<Finding, RevocationError> {
        let above = place.saturating_add(1).min(self.path.len().saturating_sub(1));
        let Some(certificate) = self.path.get(place) else { return Err(RevocationError::TooComplex) };
        let subject = certificate.subject_text();
        let known = self.authentic_statements(certificate, above)?;
        let about_holds = known.iter().filter(|(statement, _)| match statement {
            Statement::Good(reasons) => reasons.has_hold(),
            _ => true,
        });
        let latest = about_holds.map(|(_, answer)| answer.period.this_update).max();
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
        let good = known.iter().filter_map(|(statement, answer)| match statement {
            Statement::Good(reasons) => Some((*reasons, *answer)),
            _ => None,
        });
        let (fresh, stale): (Vec<_>, Vec<_>) = good.partition(|(_, answer)| answer.period.is_fresh(self.clock));
        match (self.demand, self.clock.now(), cleared_by(&fresh), stale.first()) {
            // RFC 8572 §5.4 (CLI-38, SEC-04): what must be known and is not counts against the certificate.
            (Demand::Required, Some(now), None, Some((_, stale))) => {
                Err(RevocationError::Stale { subject, answer: *stale, now })
            }
            (Demand::Required, Some(_), None, None) => Err(RevocationError::Unknown { subject }),
            (_, _, cleared_by, _) => Ok(Finding { subject, certificate: certificate.sha256(), cleared_by }),
        }
    }

    /// Everything that somebody entitled says about `certificate`, which the CA at the place `above` issued.
    fn authentic_statements(
        &mut self,
        certificate: &Certificate,
        above: usize,
    ) -> Result<Vec<(Statement, Answer)>, RevocationError> {
        let mut known = Vec::new();
        let (evidence, path) = (self.evidence, self.path);
        let Some(issuer) = path.get(above) else { return Ok(known) };
        // In a path of one the issuer may be somebody else.
        if !same_name(certificate.issuer(), issuer.subject()) {
            return Ok(known);
        }
        let points = certificate.distribution_points();
        for (index, crl) in evidence.crls().enumerate() {
            let Some(statement) = crl.statement(certificate, &points) else { continue };
            if !self.crl_is_authentic(index, crl, above)? {
                continue;
            }
            match statement {
                // Without the list that it amends, it tells nothing.
                Statement::Removed => {}
                statement if crl.is_delta() => known.push((statement, answer(crl))),
                statement => self.amended(crl, statement, certificate, &points, above, &mut known)?,
            }
        }
        for response in evidence.ocsp_responses() {
            let mut statements = response.statements(certificate, issuer).peekable();
            if statements.peek().is_some() && self.response_is_authentic(response, above)? {
                let answer = |period| Answer { kind: EvidenceKind::OcspResponse, sha256: response.sha256(), period };
                known.extend(statements.map(|(statement, period)| (statement, answer(period))));
            }
        }
        Ok(known)
    }

    /// What a list says, and what it says together with each delta that amends it (RFC 5280 §6.3.3 (c), (h), (i)).
    fn amended(
        &mut self,
        list: &Crl,
        statement: Statement,
        certificate: &Certificate,
        points: &[DistributionPoint],
        above: usize,
        known: &mut Vec<(Statement, Answer)>,
    ) -> Result<(), RevocationError> {
        let evidence = self.evidence;
        let mut lifted = false;
        for (index, delta) in evidence.crls().enumerate().filter(|(_, delta)| delta.amends(list)) {
            if !self.crl_is_authentic(index, delta, above)? {
                continue;
            }
            match (statement, delta.statement(certificate, points)) {
                // What the delta revokes stands for itself.
                (_, Some(Statement::Revoked(_))) => {}
                (Statement::Good(_), _) => known.push((statement, answer(delta))),
                (Statement::Revoked(revocation), Some(Statement::Removed))
                    if revocation.reason == Some(Reason::CertificateHold) =>
                {
                    lifted = true;
                    known.push((Statement::Good(ReasonSet::ALL), answer(delta)));
                }
                _ => {}
            }
        }
        if !lifted {
            known.push((statement, answer(list)));
        }
        Ok(())
    }

    /// RFC 5280 §6.3.3 (f), (g): whether the list speaks for the CA at the place `above`.
    fn crl_is_authentic(&mut self, index: usize, crl: &Crl, above: usize) -> Result<bool, RevocationError> {
        let (path, evidence) = (self.path, self.evidence);
        let Some(issuer) = path.get(above) else { return Ok(false) };
        // The CA itself first; then other keys of the CAs in the path, such as before or after a rollover.
        let lowest = above.min(1);
        let others = (lowest..path.len()).filter(|place| *place != above);
        for place in [above].into_iter().chain(others) {
            if path.get(place).is_some_and(|it| crl.names_issuer(it)) && self.is_signed(index, crl, place)? {
                return Ok(true);
            }
        }
        // Then keys that were certified for nothing but this.
        let certifiers = if crl.names_issuer(issuer) { above..above.saturating_add(2) } else { lowest..path.len() };
        for signer in evidence.certificates().filter(|it| crl.names_issuer(it)) {
            if may_be_used(signer, Purpose::RevocationLists, self.clock).is_err() {
                continue;
            }
            self.spend()?;
            if !crl.is_signed_by(signer) {
                continue;
            }
            for certifier in path.get(certifiers.start..certifiers.end.min(path.len())).unwrap_or_default() {
                if self.certified(signer, certifier)? && !self.is_listed(signer, certifier)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn is_signed(&mut self, index: usize, crl: &Crl, place: usize) -> Result<bool, RevocationError> {
        if let Some(known) = self.signed.get(&(index, place)) {
            return Ok(*known);
        }
        self.spend()?;
        let signed = self.path.get(place).is_some_and(|it| crl.is_signed_by(it));
        self.signed.insert((index, place), signed);
        Ok(signed)
    }

    fn certified(&mut self, signer: &Certificate, certifier: &Certificate) -> Result<bool, RevocationError> {
        if !same_name(signer.issuer(), certifier.subject()) {
            return Ok(false);
        }
        self.spend()?;
        let issues = certifier.extensions().key_usage.is_none_or(|usage| usage.key_cert_sign);
        Ok(issues && signer.verify_signature(certifier.public_key()).is_ok())
    }

    /// RFC 6960 §4.2.2.2: signed by the CA that issued the certificate in question, or by somebody that this very CA
    /// certified for it.
    fn response_is_authentic(&mut self, response: &OcspResponse, above: usize) -> Result<bool, RevocationError> {
        let path = self.path;
        let Some(issuer) = path.get(above) else { return Ok(false) };
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

    /// Whether a list at hand that `issuer` signed itself revokes somebody who speaks for it.
    fn is_listed(&mut self, delegate: &Certificate, issuer: &Certificate) -> Result<bool, RevocationError> {
        let evidence = self.evidence;
        for crl in evidence.crls().filter(|crl| crl.names_issuer(issuer)) {
            if matches!(crl.statement(delegate, &[]), Some(Statement::Revoked(_))) {
                self.spend()?;
                if crl.is_signed_by(issuer) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn spend(&mut self) -> Result<(), RevocationError> {
        self.budget = self.budget.checked_sub(1).ok_or(RevocationError::TooComplex)?;
        Ok(())
    }
}

/// The newest answer that covers all reasons; or else, if several together do, the oldest of them.
fn cleared_by(fresh: &[(ReasonSet, Answer)]) -> Option<Answer> {
    let made = |answer: &Answer| answer.period.this_update;
    let whole = fresh.iter().filter(|(reasons, _)| reasons.is_all()).map(|(_, answer)| *answer);
    let together = fresh.iter().fold(ReasonSet::NONE, |all, (reasons, _)| all.or(*reasons));
    let oldest = || fresh.iter().map(|(_, answer)| *answer).min_by_key(made).filter(|_| together.is_all());
    whole.max_by_key(made).or_else(oldest)
}

fn answer(crl: &Crl) -> Answer {
    Answer { kind: EvidenceKind::Crl, sha256: crl.sha256(), period: crl.period() }
}
