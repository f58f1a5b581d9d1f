//! Boot images: whatever was changed, nothing boots but what the owner signed.
#![no_main]

use std::{io::Write, sync::LazyLock};

use fit_image::{
    Limits,
    build::{DataPlacement, FitBuilder, NewConfiguration, NewImage},
    image::Role,
    verify::{Required, Selection, TrustedKey, TrustedKeys, VerifiedFit, verify},
};
use fuzz::{Seed, world::WORLD};
use pki::key::Signer;

fuzz::target!(seeds, check);

const PLACEMENTS: [DataPlacement; 3] = [DataPlacement::Inline, DataPlacement::Behind, DataPlacement::At(0x1000)];
const CONFIGURATIONS: [&str; 2] = ["conf-1", "conf-old"];

static GENUINE: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let image = build(DataPlacement::Inline);
    let judged = |name| content(&image, &judge(&image, Selection::Named(name)).expect("the genuine image"));
    CONFIGURATIONS.map(judged).into()
});

fn seeds() -> Vec<Seed> {
    PLACEMENTS.map(build).into()
}

fn build(placement: DataPlacement) -> Vec<u8> {
    let kernel = NewImage::new("kernel-1", "kernel", b"the genuine kernel".to_vec()).os("linux");
    let refer = |name: &str, kernel: &str| {
        NewConfiguration::new(name).description(name).refer(Role::Kernel, kernel).refer(Role::Fdt, "fdt-1")
    };
    FitBuilder::new("sample", 1_700_000_000)
        .image(kernel.arch("arm64").load(0x4040_0000).entry(0x1_0000_0000))
        .image(NewImage::new("fdt-1", "flat_dt", vec![0xd0; 33]).description("board"))
        .image(NewImage::new("ramdisk-1", "ramdisk", vec![0x1f; 77]).compression("gzip"))
        .image(NewImage::new("kernel-old", "kernel", b"an old kernel with a known hole".to_vec()))
        .configuration(refer("conf-1", "kernel-1").compatible("acme,board-2").refer(Role::Ramdisk, "ramdisk-1"))
        .configuration(refer("conf-old", "kernel-old"))
        .data(placement)
        .sign(&WORLD.owner_key, "owner")
        .expect("a signed image")
}

fn judge(bytes: &[u8], selection: Selection<'_>) -> Result<VerifiedFit, verdict::Refusal> {
    let keys = TrustedKeys::new([TrustedKey::new("owner", WORLD.owner_key.public_key().clone())], Required::All);
    verify(bytes, &keys, selection, &Limits::default())
}

/// Everything a boot loader would act on, data included.
fn content(bytes: &[u8], fit: &VerifiedFit) -> Vec<String> {
    let mut content = vec![format!("{:?} {:?}", fit.configuration_description(), fit.compatible())];
    for role in Role::ALL {
        for image in fit.images(*role) {
            let mut data = Vec::new();
            image.copy(bytes, |piece| data.write_all(piece)).expect("data just verified");
            let about = (image.kind(), image.arch(), image.os(), image.compression(), image.load(), image.entry());
            content.push(format!("{role:?} {} {about:?} {data:?}", image.name()));
        }
    }
    content
}

fn check(bytes: &[u8]) {
    for selection in [Selection::Default, Selection::Named("conf-1"), Selection::Named("conf-old")] {
        let verified = match judge(bytes, selection) {
            Ok(verified) => verified,
            Err(refusal) => {
                assert!(!refusal.detail.is_empty());
                continue;
            }
        };
        let accepted = CONFIGURATIONS.iter().position(|name| *name == verified.configuration());
        let genuine = accepted.and_then(|index| GENUINE.get(index));
        assert_eq!(Some(&content(bytes, &verified)), genuine, "the owner never signed this");
        if let Selection::Named(name) = selection {
            assert_eq!(verified.configuration(), name);
        }
    }
}
