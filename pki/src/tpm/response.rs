//! What a TPM answers when it does not do what it was told (TPM 2.0 Library, Part 2 §6.6).

use std::fmt;

/// A response code other than success, as the TPM gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResponseCode(pub u32);

/// What a response code means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Ask again: the TPM was busy, or tests itself.
    Busy,
    /// Nobody started it: TPM2_Startup did not run.
    NotStarted,
    /// Wrong passwords locked it.
    LockedOut,
    /// The password or its HMAC is wrong.
    Authorization,
    /// There is nothing at this handle.
    NoSuchHandle,
    /// There is something at this handle already.
    Taken,
    /// The hierarchy is switched off.
    HierarchyDisabled,
    /// It does not know the algorithm, the curve or the size of the key.
    Unsupported,
    /// It has no room for another key or session, for the moment.
    NoMemory,
    /// It has no room left in its NV memory.
    NoSpace,
    /// What is stored there may not be read or written.
    Locked,
    /// There is an index, and nobody has written to it.
    NotWritten,
    /// A ciphertext or a credential does not fit the key.
    Integrity,
    /// It knows no such command.
    NoSuchCommand,
    /// Anything else.
    Other,
}

impl ResponseCode {
    /// What it means.
    #[must_use]
    pub const fn fault(self) -> Fault {
        // Format one, bit 7: the low six bits say what, the others which parameter, handle or session.
        if self.0 & 0x080 != 0 {
            return match self.0 & 0x0bf {
                0x085 => Fault::HierarchyDisabled,
                0x08b => Fault::NoSuchHandle,
                0x08e | 0x0a2 => Fault::Authorization,
                // The parameter is not one that this TPM has: asymmetric, hash, mode, scheme, key size, curve, symmetric.
                0x081 | 0x083 | 0x089 | 0x092 | 0x087 | 0x0a6 | 0x096 => Fault::Unsupported,
                0x09f => Fault::Integrity,
                _ => Fault::Other,
            };
        }
        match self.0 {
            0x100 => Fault::NotStarted,
            0x120 => Fault::HierarchyDisabled,
            0x143 => Fault::NoSuchCommand,
            0x12f | 0x147..=0x149 => Fault::Locked,
            0x14a => Fault::NotWritten,
            0x14b => Fault::NoSpace,
            0x14c => Fault::Taken,
            0x902..=0x906 => Fault::NoMemory,
            0x908 | 0x90a | 0x920 | 0x922 => Fault::Busy,
            0x910..=0x916 => Fault::NoSuchHandle,
            0x921 => Fault::LockedOut,
            _ => Fault::Other,
        }
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = match self.fault() {
            Fault::Busy => "busy",
            Fault::NotStarted => "it was not started",
            Fault::LockedOut => "locked after wrong passwords",
            Fault::Authorization => "the password is wrong",
            Fault::NoSuchHandle => "there is nothing at this handle",
            Fault::Taken => "there is something at this handle already",
            Fault::HierarchyDisabled => "the hierarchy is switched off",
            Fault::Unsupported => "it has no such algorithm, curve or key size",
            Fault::NoMemory => "no memory for another key or session",
            Fault::NoSpace => "its NV memory is full",
            Fault::Locked => "access to this NV index is not allowed",
            Fault::NotWritten => "the NV index was never written",
            Fault::Integrity => "the octets do not fit the key",
            Fault::NoSuchCommand => "it has no such command",
            Fault::Other => "refused",
        };
        write!(f, "{meaning} (response code {:#05x})", self.0)
    }
}

impl Fault {
    /// What a person can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Busy => "Try again; when it stays busy, look which other program talks to the TPM without end.",
            Self::NotStarted => "Let the firmware start the TPM (TPM2_Startup), or restart the machine.",
            Self::LockedOut => {
                "Wait until the TPM forgets the wrong passwords, or reset its lockout (tpm2_dictionarylockout -c)."
            }
            Self::Authorization => "Give the password of the key or of the hierarchy.",
            Self::NoSuchHandle => {
                "Make the key again with `sztp-device identity create`: after a TPM clear it comes back as it was."
            }
            Self::Taken => "Choose another handle, or remove what is there.",
            Self::HierarchyDisabled => "Enable the TPM and its hierarchies in the firmware's setup.",
            Self::Unsupported => "Choose an algorithm that this TPM has: p256 and rsa2048 are in every one.",
            Self::NoMemory => "Use /dev/tpmrm0, or flush what other programs left in the TPM (tpm2_flushcontext -t).",
            Self::NoSpace => {
                "Remove NV indexes that nobody needs (tpm2_nvundefine), or keep the certificate in a file."
            }
            Self::Locked => "Remove the index (tpm2_nvundefine) and install the certificate again.",
            Self::NotWritten => "Install the certificate again: writing was interrupted.",
            Self::Integrity => "Use what was made for this TPM and this key, unchanged.",
            Self::NoSuchCommand => "Use a TPM 2.0 of revision 1.16 or later.",
            Self::Other => "Look the response code up in TPM 2.0 Library, Part 2, or with tpm2_rc_decode.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_part_2_says() {
        for (code, fault) in [
            (0x100, Fault::NotStarted),
            (0x922, Fault::Busy),
            (0x921, Fault::LockedOut),
            // Handle 1, parameter 2, session 1: the same two errors.
            (0x18b, Fault::NoSuchHandle),
            (0x98e, Fault::Authorization),
            (0x9a2, Fault::Authorization),
            (0x2e6, Fault::Unsupported),
            (0x1df, Fault::Integrity),
            (0x14c, Fault::Taken),
            (0x14b, Fault::NoSpace),
            (0x902, Fault::NoMemory),
            (0x101, Fault::Other),
        ] {
            assert_eq!(ResponseCode(code).fault(), fault, "{code:#x}");
            assert!(!fault.remedy().is_empty());
        }
        assert_eq!(ResponseCode(0x921).to_string(), "locked after wrong passwords (response code 0x921)");
    }
}
