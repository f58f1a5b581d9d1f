//! Certificates in the NV memory of a TPM.

use super::{
    Fault, Hierarchy, NvAddress, Secret, Tpm, TpmError,
    command::{ALG_SHA256, Command, Entity, Right},
    wire::{Reader, Writer},
};
use crate::certificate::Certificate;

/// TPM_PT_NV_INDEX_MAX, and what TPMs of PC clients have at least.
const INDEX_MAX: (u32, u32) = (0x117, 1600);
/// TPM_PT_NV_BUFFER_MAX, and what every TPM takes at once.
const BUFFER_MAX: (u32, u32) = (0x12c, 512);

const PLATFORM_WRITE: u32 = 1 << 0;
const OWNER_WRITE: u32 = 1 << 1;
const PLATFORM_READ: u32 = 1 << 16;
const OWNER_READ: u32 = 1 << 17;
const AUTH_READ: u32 = 1 << 18;
const NO_DICTIONARY_ATTACK: u32 = 1 << 25;
const WRITTEN: u32 = 1 << 29;
const PLATFORM_CREATE: u32 = 1 << 30;

/// To whom an NV index belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NvOwner {
    /// The owner: clearing the TPM removes it.
    #[default]
    Owner,
    /// The platform: it outlives a clear. Firmware lets nobody make one once it has started the system; a factory does it before.
    Platform,
}

/// An index that is there.
struct Index {
    entity: Entity,
    attributes: u32,
    length: u16,
}

impl Tpm {
    /// The certificates at an index: one after the other in DER, the device's own first. None when there is no index.
    ///
    /// # Errors
    /// [`TpmError::NotACertificate`] when what is there is none, as after a cut of power while it was written; other [`TpmError`]s.
    pub fn certificates_at(&mut self, index: u32) -> Result<Option<Vec<Certificate>>, TpmError> {
        let Some(octets) = self.nv_read(index)? else { return Ok(None) };
        read_chain(&octets).map(Some).map_err(|source| TpmError::NotACertificate { index, source })
    }

    /// Keeps certificates at an index. Whatever was there is replaced; when the same was there, nothing is written.
    ///
    /// # Errors
    /// [`TpmError::TooLongForNv`], and other [`TpmError`]s.
    pub fn keep_certificates(
        &mut self,
        index: u32,
        chain: &[Certificate],
        belongs_to: NvOwner,
        password: &Secret,
    ) -> Result<(), TpmError> {
        let octets: Vec<u8> = chain.iter().flat_map(|certificate| certificate.der().iter().copied()).collect();
        let limit = self.limit(INDEX_MAX)?;
        let Some(length) = u16::try_from(octets.len()).ok().filter(|_| octets.len() <= limit) else {
            return Err(TpmError::TooLongForNv { length: octets.len(), limit });
        };
        match self.nv_read(index) {
            Ok(Some(present)) if present == octets => return Ok(()),
            Ok(None) => {}
            // Whatever is wrong with what is there, it goes.
            Ok(Some(_)) | Err(TpmError::Refused { .. }) => self.remove_certificates(index, belongs_to, password)?,
            Err(error) => return Err(error),
        }
        let attributes = AUTH_READ | OWNER_READ | PLATFORM_READ | NO_DICTIONARY_ATTACK;
        let attributes = match belongs_to {
            NvOwner::Owner => attributes | OWNER_WRITE,
            NvOwner::Platform => attributes | PLATFORM_WRITE | PLATFORM_CREATE,
        };
        let public = Writer::default().u32(index).u16(ALG_SHA256).u32(attributes).sized(&[]).u16(length);
        let by = [Entity::permanent(belongs_to.hierarchy().handle())];
        let right = [Right::Password(password)];
        self.run(Command::NV_DEFINE_SPACE, &by, &right, Writer::default().sized(&[]).sized_of(public))?;
        let [by] = by;
        let mut offset = 0_u16;
        for chunk in octets.chunks(self.limit(BUFFER_MAX)?) {
            // Its Name changes with the first write.
            let Some(space) = self.nv_public(index)? else { break };
            let parameters = Writer::default().sized(chunk).u16(offset);
            self.run(Command::NV_WRITE, &[by.clone(), space.entity], &right, parameters)?;
            offset = offset.saturating_add(u16::try_from(chunk.len()).unwrap_or(u16::MAX));
        }
        Ok(())
    }

    /// Removes an index. Nothing there is no error.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn remove_certificates(&mut self, index: u32, belongs_to: NvOwner, password: &Secret) -> Result<(), TpmError> {
        let Some(space) = self.nv_public(index)? else { return Ok(()) };
        let entities = [Entity::permanent(belongs_to.hierarchy().handle()), space.entity];
        self.run(Command::NV_UNDEFINE_SPACE, &entities, &[Right::Password(password)], Writer::default()).map(drop)
    }

    /// Everything at an index; none when there is no index.
    fn nv_read(&mut self, index: u32) -> Result<Option<Vec<u8>>, TpmError> {
        let Some(space) = self.nv_public(index)? else { return Ok(None) };
        if space.attributes & WRITTEN == 0 {
            return Ok(Some(Vec::new()));
        }
        let by = match space.attributes {
            attributes if attributes & AUTH_READ != 0 => space.entity.clone(),
            attributes if attributes & OWNER_READ != 0 => Entity::permanent(Hierarchy::Owner.handle()),
            _ => Entity::permanent(Hierarchy::Platform.handle()),
        };
        let step = u16::try_from(self.limit(BUFFER_MAX)?).unwrap_or(u16::MAX);
        let mut octets = Vec::with_capacity(usize::from(space.length));
        let mut offset = 0_u16;
        let no = Secret::empty();
        while let Some(left) = space.length.checked_sub(offset).filter(|left| *left > 0) {
            let parameters = Writer::default().u16(left.min(step)).u16(offset);
            let entities = [by.clone(), space.entity.clone()];
            let response = self.run(Command::NV_READ, &entities, &[Right::Password(&no)], parameters)?;
            let chunk = response.read(Reader::sized)?;
            if chunk.is_empty() || chunk.len() > usize::from(left) {
                return Err(TpmError::Answer { command: Command::NV_READ.name });
            }
            octets.extend_from_slice(chunk);
            offset = offset.saturating_add(u16::try_from(chunk.len()).unwrap_or(u16::MAX));
        }
        Ok(Some(octets))
    }

    fn nv_public(&mut self, index: u32) -> Result<Option<Index>, TpmError> {
        let response = match self.run(Command::NV_READ_PUBLIC, &[Entity::permanent(index)], &[], Writer::default()) {
            Err(error) if error.fault() == Some(Fault::NoSuchHandle) => return Ok(None),
            other => other?,
        };
        let space = response.read(|reader| {
            let mut public = Reader::new(reader.sized()?);
            public.u32()?;
            public.u16()?;
            let attributes = public.u32()?;
            public.sized()?;
            let length = public.u16()?;
            Ok(Index { entity: Entity::named(index, reader.sized()?.to_vec()), attributes, length })
        })?;
        Ok(Some(space))
    }

    fn limit(&mut self, (property, usual): (u32, u32)) -> Result<usize, TpmError> {
        let told = self.property(property)?.filter(|value| *value > 0).unwrap_or(usual);
        Ok(usize::try_from(told).unwrap_or(usize::MAX))
    }
}

impl NvOwner {
    const fn hierarchy(self) -> Hierarchy {
        match self {
            Self::Owner => Hierarchy::Owner,
            Self::Platform => Hierarchy::Platform,
        }
    }
}

impl NvAddress {
    /// The certificates that are there, as [`Tpm::certificates_at`] gives them.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn certificates(&self) -> Result<Option<Vec<Certificate>>, TpmError> {
        Tpm::open(&self.tpm)?.certificates_at(self.index)
    }
}

/// Certificates one after the other. Makers' indexes are often longer than what is in them: zeros and ones at the end do not count.
fn read_chain(octets: &[u8]) -> Result<Vec<Certificate>, crate::certificate::CertificateError> {
    let mut rest = octets;
    let mut chain = Vec::new();
    while rest.first().is_some_and(|first| chain.is_empty() || *first == 0x30) {
        let mut reader = der::SliceReader::new(rest)?;
        let certificate = der::Reader::tlv_bytes(&mut reader)?;
        chain.push(Certificate::from_der(certificate)?);
        rest = rest.get(certificate.len()..).unwrap_or_default();
    }
    let is_padding = rest.iter().all(|octet| *octet == 0) || rest.iter().all(|octet| *octet == 0xff);
    if chain.is_empty() || !is_padding {
        return Err(crate::certificate::CertificateError::Pem);
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_stand_one_after_the_other_and_padding_does_not_count() {
        let der = || {
            let pair = rcgen::KeyPair::generate().unwrap();
            rcgen::CertificateParams::default().self_signed(&pair).unwrap().der().to_vec()
        };
        let (first, second) = (der(), der());
        for padding in [&[][..], &[0; 9], &[0xff; 9]] {
            let chain = read_chain(&[&first, &second, padding].concat()).unwrap();
            assert_eq!([chain[0].der(), chain[1].der()], [&first[..], &second], "{padding:?}");
        }
        for damaged in [&[][..], &[0; 64], &first[..first.len() - 1], &[&first[..], b"x"].concat()] {
            assert!(read_chain(damaged).is_err());
        }
        assert!(read_chain(&[&first[..], &second[..20]].concat()).is_err(), "a cut of power while writing");
    }
}
