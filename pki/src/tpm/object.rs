//! A TPM that is talked to: its keys, made and kept.

use super::{
    Fault, Hierarchy, PublicArea, Secret, Template, TpmError,
    attestation::Certification,
    command::{ALG_NULL, Command, Entity, Right},
    transport::{self, Transport},
    wire::{Reader, Writer},
};
use crate::key::{TpmAddress, TpmHandle};

/// A TPM to which a way is open. I/O happens in every method.
pub struct Tpm {
    pub(super) transport: Box<dyn Transport>,
    pub(super) address: TpmAddress,
}

impl std::fmt::Debug for Tpm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tpm({})", self.address)
    }
}

/// A key that is in the TPM until it is removed, or the TPM restarts.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) entity: Entity,
    pub(super) public: PublicArea,
}

impl Tpm {
    /// Opens the way to a TPM.
    ///
    /// # Errors
    /// [`TpmError::Unreachable`].
    pub fn open(address: &TpmAddress) -> Result<Self, TpmError> {
        let transport =
            transport::open(address).map_err(|source| TpmError::Unreachable { address: address.clone(), source })?;
        Ok(Self { transport, address: address.clone() })
    }

    /// The key at a handle; none when nothing is there.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn public_at(&mut self, handle: TpmHandle) -> Result<Option<PublicArea>, TpmError> {
        match self.loaded(handle) {
            Ok(key) => Ok(Some(key.public)),
            Err(error) if error.fault() == Some(Fault::NoSuchHandle) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The key at a handle, with its Name as the TPM tells it.
    pub(super) fn loaded(&mut self, handle: TpmHandle) -> Result<Loaded, TpmError> {
        let response = self.run(Command::READ_PUBLIC, &[Entity::permanent(handle.value())], &[], Writer::default())?;
        let (public, name) = response.read(|reader| {
            let public = PublicArea::from_octets(reader.sized()?)?;
            Ok((public, reader.sized()?.to_vec()))
        })?;
        // Part 1 §16: the Name is a digest of what was just read, or something stands between.
        if name != public.name() {
            return Err(TpmError::Answer { command: Command::READ_PUBLIC.name });
        }
        Ok(Loaded { entity: Entity::named(handle.value(), name), public })
    }

    /// Makes the key of a template and keeps it at a handle (`0x81…`), across restarts. A key that is there already stays when
    /// it is the same; so this can be done again after a cut of power at any moment.
    ///
    /// `owner` is the password of the owner's hierarchy (and of `hierarchy`), `password` that of the key.
    ///
    /// # Errors
    /// [`TpmError::OtherKey`] when something else is there, and every other [`TpmError`].
    pub fn keep_primary(
        &mut self,
        hierarchy: Hierarchy,
        template: &Template,
        handle: TpmHandle,
        owner: &Secret,
        password: &Secret,
    ) -> Result<PublicArea, TpmError> {
        let present = self.public_at(handle)?;
        self.with_primary(hierarchy, &template.octets(password)?, owner, password, |tpm, made| {
            match present {
                Some(present) if present == made.public => {}
                Some(_) => return Err(TpmError::OtherKey { handle }),
                None => {
                    // Part 3 §28.5: handles of the upper half belong to the platform.
                    let by = if handle.value() & 0x0080_0000 == 0 { Hierarchy::Owner } else { Hierarchy::Platform };
                    let entities = [Entity::permanent(by.handle()), made.entity.clone()];
                    let parameters = Writer::default().u32(handle.value());
                    tpm.run(Command::EVICT_CONTROL, &entities, &[Right::Password(owner)], parameters)?;
                }
            }
            Ok(made.public.clone())
        })
    }

    /// Removes the key at a handle for good. Nothing there is no error.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn evict(&mut self, handle: TpmHandle, owner: &Secret) -> Result<(), TpmError> {
        if self.public_at(handle)?.is_none() {
            return Ok(());
        }
        let key = self.loaded(handle)?;
        let entities = [Entity::permanent(Hierarchy::Owner.handle()), key.entity];
        self.run(Command::EVICT_CONTROL, &entities, &[Right::Password(owner)], Writer::default().u32(handle.value()))
            .map(drop)
    }

    /// What the key at `handle` is, said by a key that attests, which is made from `template` in the endorsement hierarchy and
    /// removed again. `qualifying` is signed along: a challenge, or the digest of something.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn certify(
        &mut self,
        handle: TpmHandle,
        password: &Secret,
        template: &Template,
        qualifying: &[u8],
    ) -> Result<Certification, TpmError> {
        let key = self.loaded(handle)?;
        let no = Secret::empty();
        self.with_primary(Hierarchy::Endorsement, &template.octets(&no)?, &no, &no, |tpm, attestor| {
            let entities = [key.entity.clone(), attestor.entity.clone()];
            let rights = [Right::Password(password), Right::Password(&no)];
            let parameters = Writer::default().sized(qualifying).u16(ALG_NULL);
            let response = tpm.run(Command::CERTIFY, &entities, &rights, parameters)?;
            response.read(|reader| {
                let statement = reader.sized()?.to_vec();
                Ok(Certification {
                    key: key.public.clone(),
                    attestor: attestor.public.clone(),
                    statement,
                    signature: reader.rest().to_vec(),
                })
            })
        })
    }

    /// Makes a primary key, does something with it, and removes it.
    pub(super) fn with_primary<T>(
        &mut self,
        hierarchy: Hierarchy,
        template: &[u8],
        by: &Secret,
        password: &Secret,
        work: impl FnOnce(&mut Self, &Loaded) -> Result<T, TpmError>,
    ) -> Result<T, TpmError> {
        let sensitive = Writer::default().sized(password.significant()).sized(&[]);
        // No outside information, no PCRs.
        let parameters = Writer::default().sized_of(sensitive).sized(template).sized(&[]).u32(0);
        let entities = [Entity::permanent(hierarchy.handle())];
        let response = self.run(Command::CREATE_PRIMARY, &entities, &[Right::Password(by)], parameters)?;
        let handle = response.handle;
        self.flushing(handle, |tpm| {
            let public = response.read(|reader| PublicArea::from_octets(reader.sized()?))?;
            let entity = Entity::named(handle, public.name());
            work(tpm, &Loaded { entity, public })
        })
    }

    /// One of the TPM's fixed properties; none when it does not tell.
    pub(super) fn property(&mut self, property: u32) -> Result<Option<u32>, TpmError> {
        const TPM_PROPERTIES: u32 = 6;
        let parameters = Writer::default().u32(TPM_PROPERTIES).u32(property).u32(1);
        let response = self.run(Command::GET_CAPABILITY, &[], &[], parameters)?;
        response.read(|reader: &mut Reader<'_>| {
            reader.u8()?;
            reader.u32()?;
            let count = reader.u32()?;
            if count == 0 {
                return Ok(None);
            }
            // It tells the next one that it has, when it has not this one.
            let (told, value) = (reader.u32()?, reader.u32()?);
            Ok((told == property).then_some(value))
        })
    }
}
