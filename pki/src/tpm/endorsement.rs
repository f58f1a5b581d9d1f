//! The endorsement key, and the proof that something is in the same TPM as it.

use zeroize::Zeroizing;

use super::{
    EndorsementKind, Fault, Hierarchy, PublicArea, Secret, Template, Tpm, TpmError,
    attestation::Credential,
    command::{Command, Entity, Right, SessionKind},
    wire::{Reader, Writer},
};
use crate::{certificate::Certificate, key::random};

impl Tpm {
    /// The endorsement key of this kind.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn endorsement_key(&mut self, kind: EndorsementKind) -> Result<PublicArea, TpmError> {
        let no = Secret::empty();
        self.with_primary(Hierarchy::Endorsement, &kind.octets()?, &no, &no, |_, key| Ok(key.public.clone()))
    }

    /// The certificate that the TPM's maker put beside its endorsement key; none when there is none.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn endorsement_certificate(&mut self, kind: EndorsementKind) -> Result<Option<Certificate>, TpmError> {
        match self.certificates_at(kind.certificate_index()) {
            Ok(chain) => Ok(chain.and_then(|chain| chain.into_iter().next())),
            Err(error) if error.fault() == Some(Fault::NotWritten) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a credential that was made for the key of `template` in the TPM with the endorsement key of this kind, and gives the
    /// secret in it. That this succeeds is the proof.
    ///
    /// # Errors
    /// [`TpmError::Refused`] with [`Fault::Integrity`] when it was made for another key or another TPM.
    pub fn activate(
        &mut self,
        kind: EndorsementKind,
        template: &Template,
        credential: &Credential,
    ) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let no = Secret::empty();
        self.with_primary(Hierarchy::Endorsement, &kind.octets()?, &no, &no, |tpm, endorsement| {
            tpm.with_primary(Hierarchy::Endorsement, &template.octets(&no)?, &no, &no, |tpm, key| {
                tpm.with_endorsement_policy(|tpm, session| {
                    let entities = [key.entity.clone(), endorsement.entity.clone()];
                    let rights = [Right::Password(&no), Right::Policy(session)];
                    let parameters = Writer::default().raw(credential.id_object()).raw(credential.encrypted_secret());
                    let response = tpm.run(Command::ACTIVATE_CREDENTIAL, &entities, &rights, parameters)?;
                    response.read(|reader: &mut Reader<'_>| Ok(Zeroizing::new(reader.sized()?.to_vec())))
                })
            })
        })
    }

    /// A session that satisfies the endorsement key's policy. It ends with the command that uses it.
    fn with_endorsement_policy<T>(
        &mut self,
        work: impl FnOnce(&mut Self, u32) -> Result<T, TpmError>,
    ) -> Result<T, TpmError> {
        let nonce = random::<32>().map_err(|_| TpmError::Entropy)?;
        let (session, _) = self.start_auth_session(SessionKind::Policy, &nonce)?;
        let satisfied = {
            let entities = [Entity::permanent(Hierarchy::Endorsement.handle()), Entity::permanent(session)];
            let parameters = Writer::default().sized(&[]).sized(&[]).sized(&[]).u32(0);
            self.run(Command::POLICY_SECRET, &entities, &[Right::Password(&Secret::empty())], parameters)
        };
        let result = satisfied.and_then(|_| work(self, session));
        if result.is_err() {
            let _its_own_failure_says_less = self.flush(session);
        }
        result
    }
}
