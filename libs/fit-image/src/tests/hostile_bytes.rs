//! Any change to a signed image is refused, or changes nothing that a device would act on.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Sample, content};
use crate::{Limits, build::DataPlacement, image::Fit, verify::Selection};

static SAMPLES: LazyLock<[Sample; 3]> =
    LazyLock::new(|| [DataPlacement::Inline, DataPlacement::Behind, DataPlacement::At(0x1000)].map(Sample::new));

/// Judges `bytes` and compares what was accepted with the genuine content.
fn refused_or_identical(sample: &Sample, bytes: &[u8]) -> Result<(), TestCaseError> {
    let genuine = sample.judge(&sample.bytes, Selection::Named("conf-1")).unwrap();
    if let Ok(verified) = sample.judge(bytes, Selection::Named("conf-1")) {
        prop_assert_eq!(content(bytes, &verified), content(&sample.bytes, &genuine));
    }
    Ok(())
}

/// Not a matter of chance: every single byte of the tree, in two ways.
#[test]
fn every_byte_flipped() {
    for sample in SAMPLES.iter() {
        let mut bytes = sample.bytes.clone();
        let mut refused = 0;
        for place in 0..bytes.len() {
            for flip in [1, 0x80] {
                bytes[place] ^= flip;
                refused_or_identical(sample, &bytes).unwrap();
                refused += u32::from(sample.judge(&bytes, Selection::Named("conf-1")).is_err());
                bytes[place] ^= flip;
            }
        }
        assert!(refused > 1000, "only {refused} changes were noticed");
    }
}

proptest! {
    #[test]
    fn bytes_overwritten(
        which in 0..3_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let sample = &SAMPLES[which];
        let mut bytes = sample.bytes.clone();
        for (place, value) in edits {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        refused_or_identical(sample, &bytes)?;
    }

    /// Whole cells, with the values that lengths and offsets are attacked with.
    #[test]
    fn cells_overwritten(
        which in 0..3_usize,
        place in any::<prop::sample::Index>(),
        value in prop_oneof![
            Just(0_u32), Just(1), Just(2), Just(3), Just(4), Just(9), Just(u32::MAX), Just(0x7fff_ffff), 0..4096_u32,
        ],
    ) {
        let sample = &SAMPLES[which];
        let mut bytes = sample.bytes.clone();
        let place = place.index(bytes.len() / 4 - 1) * 4;
        bytes[place..place + 4].copy_from_slice(&value.to_be_bytes());
        refused_or_identical(sample, &bytes)?;
    }

    #[test]
    fn truncated_extended_or_shifted(
        which in 0..3_usize,
        at in any::<prop::sample::Index>(),
        inserted in prop::collection::vec(any::<u8>(), 0..9),
        removed in 0..9_usize,
    ) {
        let sample = &SAMPLES[which];
        let at = at.index(sample.bytes.len());
        refused_or_identical(sample, &sample.bytes[..at])?;
        let mut bytes = sample.bytes.clone();
        let end = (at + removed).min(bytes.len());
        bytes.splice(at..end, inserted);
        refused_or_identical(sample, &bytes)?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Fit::read(&bytes, &Limits::default()).is_err());
        if let Some(magic) = bytes.get_mut(..4) {
            magic.copy_from_slice(&[0xd0, 0x0d, 0xfe, 0xed]);
        }
        prop_assert!(Fit::read(&bytes, &Limits::default()).is_err());
    }
}
