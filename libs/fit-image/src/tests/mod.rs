//! Tests across modules: the known attacks, hostile bytes, and a second reader's opinion.

mod attacks;
mod differential;
mod format;
mod hostile_bytes;
mod tree;

use std::io::Write;

use pki::key::{FileKey, Signer};
use verdict::{ReasonCode, Refusal};

use crate::{
    Limits,
    build::{DataPlacement, FitBuilder, NewConfiguration, NewImage},
    image::Role,
    verify::{Required, Selection, TrustedKey, TrustedKeys, VerifiedFit, verify},
};

/// A genuine image and the key that signed it.
struct Sample {
    key: FileKey,
    bytes: Vec<u8>,
}

impl Sample {
    /// `conf-1` boots three images; `conf-old` is signed too and shares the device tree.
    fn new(placement: DataPlacement) -> Self {
        let key = FileKey::generate_p256().unwrap();
        let kernel = NewImage::new("kernel-1", "kernel", b"the genuine kernel".to_vec()).os("linux");
        let bytes = FitBuilder::new("sample", 1_700_000_000)
            .image(kernel.arch("arm64").load(0x4040_0000).entry(0x1_0000_0000))
            .image(NewImage::new("fdt-1", "flat_dt", vec![0xd0; 33]).description("board"))
            .image(NewImage::new("ramdisk-1", "ramdisk", vec![0x1f; 77]).compression("gzip"))
            .image(NewImage::new("kernel-old", "kernel", b"an old kernel with a known hole".to_vec()))
            .configuration(
                NewConfiguration::new("conf-1")
                    .description("boot")
                    .compatible("acme,board-2")
                    .refer(Role::Kernel, "kernel-1")
                    .refer(Role::Fdt, "fdt-1")
                    .refer(Role::Ramdisk, "ramdisk-1"),
            )
            .configuration(
                NewConfiguration::new("conf-old").refer(Role::Kernel, "kernel-old").refer(Role::Fdt, "fdt-1"),
            )
            .data(placement)
            .sign(&key, "owner")
            .unwrap();
        Self { key, bytes }
    }

    fn trusted(&self) -> TrustedKeys {
        trusted([&self.key])
    }

    /// Judges other bytes by this sample's key.
    fn judge(&self, bytes: &[u8], selection: Selection<'_>) -> Result<VerifiedFit, Refusal> {
        verify(bytes, &self.trusted(), selection, &Limits::default())
    }

    #[track_caller]
    fn assert_refused(&self, bytes: &[u8], selection: Selection<'_>, reason: ReasonCode) -> Refusal {
        let refusal = self.judge(bytes, selection).unwrap_err();
        assert_eq!(refusal.reason, reason, "{refusal}");
        refusal
    }
}

fn trusted<'a>(keys: impl IntoIterator<Item = &'a FileKey>) -> TrustedKeys {
    let keys = keys.into_iter().map(|key| TrustedKey::new("owner", key.public_key().clone()));
    TrustedKeys::new(keys, Required::All)
}

/// Everything a device would act on, data included.
fn content(bytes: &[u8], fit: &VerifiedFit) -> Vec<String> {
    let mut content = vec![format!(
        "{:?} {:?} {} {:?} {:?}",
        fit.description(),
        fit.timestamp(),
        fit.configuration(),
        fit.configuration_description(),
        fit.compatible()
    )];
    for role in Role::ALL {
        for image in fit.images(*role) {
            let mut data = Vec::new();
            image.copy(bytes, |piece| data.write_all(piece)).unwrap();
            let compression = image.compression();
            let (kind, arch, os) = (image.kind(), image.arch(), image.os());
            let (load, entry) = (image.load(), image.entry());
            let name = image.name();
            content.push(format!("{role:?} {name} {kind:?} {arch:?} {os:?} {compression} {load:?} {entry:?} {data:?}"));
        }
    }
    content
}

#[test]
fn what_is_built_is_verified_wherever_the_data_lies() {
    for placement in [DataPlacement::Inline, DataPlacement::Behind, DataPlacement::At(0x2000)] {
        let sample = Sample::new(placement);
        let verified = sample.judge(&sample.bytes, Selection::Default).unwrap();
        assert_eq!(verified.configuration(), "conf-1");
        assert_eq!(verified.signers(), ["owner"]);
        let kernel = verified.kernel().unwrap();
        assert_eq!((kernel.load(), kernel.entry()), (Some(0x4040_0000), Some(0x1_0000_0000)));
        let content = content(&sample.bytes, &verified);
        assert_eq!(content.len(), 4);
        assert!(content[1].contains(&format!("{:?}", b"the genuine kernel")), "{content:?}");
        // The file's own list and ours agree, so the builder writes what mkimage would.
        let checks: Vec<_> = verified.trace().checks().iter().map(|check| check.check).collect();
        assert!(checks.contains(&"fit-hashed-nodes") && checks.contains(&"fit-image-hash"), "{checks:?}");
        assert!(!format!("{:?}", verified.trace()).contains("ignored"), "{:?}", verified.trace());
        sample.judge(&sample.bytes, Selection::Named("conf-old")).unwrap();
        sample.assert_refused(&sample.bytes, Selection::Named("conf-9"), ReasonCode::FitConfigurationMissing);
    }
}

#[test]
fn data_that_changed_after_verification_is_not_handed_out_as_good() {
    let mut sample = Sample::new(DataPlacement::Behind);
    let verified = sample.judge(&sample.bytes, Selection::Default).unwrap();
    let kernel = verified.kernel().unwrap();
    let place = usize::try_from(kernel.data().offset()).unwrap();
    sample.bytes[place] ^= 1;
    let error = kernel.copy(&sample.bytes, |_| Ok(())).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    let refusal = sample.assert_refused(&sample.bytes, Selection::Default, ReasonCode::FitHashMismatch);
    assert!(refusal.detail.contains("kernel-1"), "{refusal}");
    // The digest of what was found stands in the trace.
    assert_eq!(refusal.trace.checks().last().unwrap().inputs.len(), 1);
}

#[test]
fn a_failing_medium_is_reported_as_such() {
    struct Broken;
    impl crate::Source for Broken {
        fn len(&self) -> u64 {
            1 << 20
        }
        fn read_exact_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
            Err(std::io::Error::other("flash worn out"))
        }
    }
    let sample = Sample::new(DataPlacement::Inline);
    let refusal = verify(&Broken, &sample.trusted(), Selection::Default, &Limits::default()).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::StorageFailed);
    assert!(refusal.detail.contains("flash worn out"), "{refusal}");
}
