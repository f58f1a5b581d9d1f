//! Certificates by everything that a new one is held against.

use std::collections::BTreeMap;

use pki::digest::Digest;

use super::{AuthorityName, Brief, CertificateId, Holder, IssuedCertificate, Revoked};

/// Certificates that were issued, found by identity, request, key and holder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    all: BTreeMap<CertificateId, Brief>,
    by_request: BTreeMap<(AuthorityName, Digest), CertificateId>,
    by_key: BTreeMap<Digest, Vec<CertificateId>>,
    by_holder: BTreeMap<(AuthorityName, Holder), Vec<CertificateId>>,
}

impl Index {
    /// Takes a certificate in, or what became of it.
    pub(crate) fn put(&mut self, brief: Brief) {
        let id = brief.id.clone();
        if let Some(request) = brief.request {
            self.by_request.insert((id.authority.clone(), request), id.clone());
        }
        let place = |ids: &mut Vec<CertificateId>| {
            if !ids.contains(&id) {
                ids.push(id.clone());
            }
        };
        place(self.by_key.entry(brief.key).or_default());
        if brief.holder != Holder::NoDevice {
            place(self.by_holder.entry((id.authority.clone(), brief.holder.clone())).or_default());
        }
        self.all.insert(brief.id.clone(), brief);
    }

    /// Takes in what came after.
    pub(crate) fn merge(&mut self, later: Self) {
        later.all.into_values().for_each(|brief| self.put(brief));
    }

    pub(super) fn get(&self, id: &CertificateId) -> Option<&Brief> {
        self.all.get(id)
    }
}

/// Several indexes as one, the latest first: what a later one says of a certificate goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stack<'a>(pub(super) &'a [&'a Index]);

impl<'a> Stack<'a> {
    pub(super) fn get(self, id: &CertificateId) -> Option<&'a Brief> {
        self.0.iter().find_map(|index| index.get(id))
    }

    pub(super) fn of_request(self, new: &IssuedCertificate) -> Option<&'a Brief> {
        let key = (new.authority.clone(), new.request?);
        let found = self.0.iter().find_map(|index| index.by_request.get(&key))?;
        self.get(found)
    }

    pub(super) fn with_key(self, key: Digest) -> impl Iterator<Item = &'a Brief> {
        let found = self.0.iter().flat_map(move |index| index.by_key.get(&key).into_iter().flatten());
        found.filter_map(move |id| self.get(id))
    }

    pub(super) fn of_holder(self, new: &IssuedCertificate) -> impl Iterator<Item = &'a Brief> {
        let key = (new.authority.clone(), new.holder.clone());
        let found: Vec<_> = self.0.iter().filter_map(|index| index.by_holder.get(&key)).flatten().collect();
        found.into_iter().filter_map(move |id| self.get(id))
    }
}

impl Brief {
    /// The same certificate, revoked.
    pub(crate) const fn revoked(mut self, revoked: Revoked) -> Self {
        self.revoked = Some(revoked);
        self
    }
}
