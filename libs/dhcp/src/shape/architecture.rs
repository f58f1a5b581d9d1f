//! The processor architectures by name.

use std::fmt;

use crate::v4::Architecture;

impl Architecture {
    /// What the number means (IANA "Processor Architecture Types"), for those assigned when this was written.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(usize::from(self.0)).copied()
    }
}

/// The number, and what it means where that is known.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        self.name().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

/// By number, from 0.
const NAMES: [&str; 42] = [
    "x86 BIOS",
    "NEC PC-98",
    "Itanium UEFI",
    "DEC Alpha",
    "Arc x86",
    "Intel Lean Client",
    "x86 UEFI",
    "x86-64 UEFI",
    "XScale EFI",
    "EFI byte code",
    "arm UEFI",
    "arm64 UEFI",
    "PowerPC Open Firmware",
    "PowerPC ePAPR",
    "POWER OPAL",
    "x86 UEFI by HTTP",
    "x86-64 UEFI by HTTP",
    "EFI byte code by HTTP",
    "arm UEFI by HTTP",
    "arm64 UEFI by HTTP",
    "x86 BIOS by HTTP",
    "arm U-Boot",
    "arm64 U-Boot",
    "arm U-Boot by HTTP",
    "arm64 U-Boot by HTTP",
    "RISC-V 32 UEFI",
    "RISC-V 32 UEFI by HTTP",
    "RISC-V 64 UEFI",
    "RISC-V 64 UEFI by HTTP",
    "RISC-V 128 UEFI",
    "RISC-V 128 UEFI by HTTP",
    "s390 Basic",
    "s390 Extended",
    "MIPS 32 UEFI",
    "MIPS 64 UEFI",
    "Sunway 32 UEFI",
    "Sunway 64 UEFI",
    "LoongArch 32 UEFI",
    "LoongArch 32 UEFI by HTTP",
    "LoongArch 64 UEFI",
    "LoongArch 64 UEFI by HTTP",
    "arm Raspberry Pi boot",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_07_architectures_have_names() {
        for (number, shown) in [
            (0, "0 (x86 BIOS)"),
            (7, "7 (x86-64 UEFI)"),
            (11, "11 (arm64 UEFI)"),
            (16, "16 (x86-64 UEFI by HTTP)"),
            (22, "22 (arm64 U-Boot)"),
            (41, "41 (arm Raspberry Pi boot)"),
            (42, "42"),
        ] {
            assert_eq!(Architecture(number).to_string(), shown);
        }
    }
}
