//! The search for a path: from the end entity upwards, depth first, with a budget.

use super::{Budget, Path, PathError, Policy, Signatures, Strictness, names, policies, profile, usage};
use crate::{
    certificate::{Certificate, same_name},
    time::Clock,
};

/// A depth-first search for issuers.
pub(super) struct Search<'a> {
    intermediates: &'a [Certificate],
    anchors: &'a [Certificate],
    policy: &'a Policy<'a>,
    budget: Budget,
    /// The error met on the longest path, and that path's length: it says most about what is wrong.
    furthest: Option<(usize, PathError)>,
    path: Vec<&'a Certificate>,
}

/// Whether the key identifiers of an issuer and what it may have issued go together (RFC 5280 §4.2.1.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// They do, or one says nothing.
    Likely,
    /// They differ. They are a hint only: a CA that was cross-certified may have one identifier here and another there.
    Unlikely,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        end_entity: &'a Certificate,
        intermediates: &'a [Certificate],
        anchors: &'a [Certificate],
        policy: &'a Policy<'a>,
    ) -> Self {
        Self { intermediates, anchors, policy, budget: Budget::new(), furthest: None, path: vec![end_entity] }
    }

    /// The first path that is valid.
    pub(super) fn run(mut self) -> Result<Path, PathError> {
        let Some(&end_entity) = self.path.first() else { return Err(PathError::TooComplex) };
        self.judge(end_entity)?;
        usage::check_end_entity(end_entity, self.policy.purpose)?;
        check_dates(end_entity, self.policy.clock)?;
        // RFC 8366 §5.3: the pinned certificate may be the end entity's own. Dates of an anchor are not judged, those of
        // an end entity are.
        if self.anchors.contains(end_entity) {
            let policies = policies::process(&[end_entity], None, self.policy.policies)?;
            return Ok(Path { certificates: vec![end_entity.clone()], policies });
        }
        if let Some(policies) = self.extend()? {
            return Ok(Path { certificates: self.path.into_iter().cloned().collect(), policies });
        }
        let no_path = || PathError::NoPath { subject: end_entity.subject_text(), issuer: end_entity.issuer_text() };
        Err(self.furthest.map_or_else(no_path, |(_, error)| error))
    }

    /// Tries to reach an anchor from the last certificate of the path; on success the path ends with the anchor, and these
    /// are the policies it is valid for.
    fn extend(&mut self) -> Result<Option<Vec<const_oid::ObjectIdentifier>>, PathError> {
        let Some(&child) = self.path.last() else { return Ok(None) };
        if self.path.len() >= Path::MAX_LENGTH {
            return Ok(None);
        }
        let (anchors, intermediates) = (self.anchors, self.intermediates);
        for hint in [Hint::Likely, Hint::Unlikely] {
            for anchor in anchors.iter().filter(|it| fits(it, child) == Some(hint)) {
                if !self.signed(anchor, child, hint)? {
                    continue;
                }
                let fit = self.fits_as_anchor(anchor);
                self.path.push(anchor);
                let processed = fit.and_then(|()| self.process());
                if let Some(policies) = self.note(processed)? {
                    return Ok(Some(policies));
                }
                self.path.pop();
            }
            for candidate in intermediates.iter().filter(|it| fits(it, child) == Some(hint)) {
                if self.repeats(candidate) || !self.signed(candidate, child, hint)? {
                    continue;
                }
                let fit = self
                    .judge(candidate)
                    .and_then(|()| check_issuer(candidate, &self.path))
                    .and_then(|()| usage::check_intermediate(candidate, self.policy.purpose))
                    .and_then(|()| check_dates(candidate, self.policy.clock));
                self.path.push(candidate);
                if self.note(fit)?.is_some()
                    && let Some(policies) = self.extend()?
                {
                    return Ok(Some(policies));
                }
                self.path.pop();
            }
        }
        Ok(None)
    }

    /// What is judged of a certificate by itself, wherever in the path it stands.
    fn judge(&self, certificate: &Certificate) -> Result<(), PathError> {
        usage::check_critical_extensions(certificate, self.policy)?;
        match self.policy.strictness {
            Strictness::Processing => Ok(()),
            Strictness::Profile => profile::check(certificate),
        }
    }

    /// RFC 5280 §6.1.1 (d): an anchor is a name and a key. What its certificate says beyond that binds it (RFC 5937 §2).
    fn fits_as_anchor(&self, anchor: &Certificate) -> Result<(), PathError> {
        // A v1 root has no extensions; as an anchor it is trusted by configuration.
        let issues = if anchor.extensions().any { check_issuer(anchor, &self.path) } else { Ok(()) };
        match self.policy.strictness {
            Strictness::Processing => issues,
            Strictness::Profile => check_issuer(anchor, &self.path)
                .and_then(|()| check_dates(anchor, self.policy.clock))
                .and_then(|()| self.judge(anchor)),
        }
    }

    /// The rules that need the whole path, from the anchor downwards.
    fn process(&mut self) -> Result<Vec<const_oid::ObjectIdentifier>, PathError> {
        let Some((anchor, below)) = self.path.split_last() else { return Err(PathError::TooComplex) };
        for (depth, issuer) in self.path.iter().enumerate().skip(1).rev() {
            for (place, certificate) in self.path.iter().enumerate().take(depth) {
                // RFC 5280 §6.1.3 (b), (c): a CA's certificate for itself is left out, unless it is the last.
                if place == 0 || !certificate.is_self_issued() {
                    names::check(issuer, certificate, &mut self.budget)?;
                }
            }
        }
        policies::process(below, Some(anchor), self.policy.policies)
    }

    /// Whether a CA stands in the path already, under this name and with this key: no way through it leads further.
    fn repeats(&self, candidate: &Certificate) -> bool {
        let same = |it: &&Certificate| {
            it.public_key() == candidate.public_key() && same_name(it.subject(), candidate.subject())
        };
        self.path.iter().skip(1).any(same) || self.path.first().is_some_and(|it| *it == candidate)
    }

    /// Whether `issuer` signed `child`.
    fn signed(&mut self, issuer: &Certificate, child: &Certificate, hint: Hint) -> Result<bool, PathError> {
        self.budget.check_signature()?;
        let verified = match self.policy.signatures {
            Signatures::Strong => child.verify_signature(issuer.public_key()),
            Signatures::AlsoSha1 => child.verify_signature_or_sha1(issuer.public_key()),
        };
        match verified {
            // It said itself that it is another one of that name.
            Err(_) if hint == Hint::Unlikely => Ok(false),
            Err(source) => {
                self.note::<()>(Err(PathError::Signature { subject: child.subject_text(), source }))?;
                Ok(false)
            }
            Ok(()) => Ok(true),
        }
    }

    /// Keeps the error of the path that came furthest. Only an exhausted budget ends the search.
    fn note<T>(&mut self, result: Result<T, PathError>) -> Result<Option<T>, PathError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(PathError::TooComplex) => Err(PathError::TooComplex),
            Err(error) => {
                let length = self.path.len();
                if self.furthest.as_ref().is_none_or(|(furthest, _)| length > *furthest) {
                    self.furthest = Some((length, error));
                }
                Ok(None)
            }
        }
    }
}

/// RFC 5280 §6.1.3 (a)(4): whether `issuer` has the name of what issued `child`.
fn fits(issuer: &Certificate, child: &Certificate) -> Option<Hint> {
    // RFC 5280 §4.1.2.4, §4.1.2.6: an issuer has a name.
    if child.issuer().is_empty() || !same_name(issuer.subject(), child.issuer()) {
        return None;
    }
    match (&issuer.extensions().subject_key_identifier, &child.extensions().authority_key_identifier) {
        (Some(subject), Some(authority)) if subject != authority => Some(Hint::Unlikely),
        _ => Some(Hint::Likely),
    }
}

/// RFC 5280 §6.1.4 (k) to (n): may `issuer` have issued the last certificate of `path`?
fn check_issuer(issuer: &Certificate, path: &[&Certificate]) -> Result<(), PathError> {
    let extensions = issuer.extensions();
    let subject = || issuer.subject_text();
    if !extensions.is_ca() || extensions.key_usage.is_some_and(|usage| !usage.key_cert_sign) {
        return Err(PathError::NotACa { subject: subject() });
    }
    // RFC 5280 §4.2.1.9: the limit counts intermediates below the issuer that are not self-issued.
    let below = path.iter().skip(1).filter(|certificate| !certificate.is_self_issued()).count();
    match extensions.basic_constraints {
        Some((_, Some(limit))) if below > usize::from(limit) => Err(PathError::PathLength { subject: subject() }),
        _ => Ok(()),
    }
}

pub(super) fn check_dates(certificate: &Certificate, clock: Clock) -> Result<(), PathError> {
    // RFC 8572 §9.1 (DEV-14): without a trusted clock expiry is not judged.
    let Some(now) = clock.now() else { return Ok(()) };
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if (not_before..=not_after).contains(&now) {
        return Ok(());
    }
    Err(PathError::OutsideValidity { subject: certificate.subject_text(), not_before, not_after, now })
}
