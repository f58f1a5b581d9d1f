//! Conveyed information: JSON and XML say the same, and what is read can be written.
#![no_main]

use conveyed_info::information::{BootImage, Information, RedirectInformation};
use fuzz::{
    Seed,
    agree::{ENCODINGS, both_encodings_agree},
    world::WORLD,
};

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    let written = |information: &Information| ENCODINGS.map(|encoding| information.encode(encoding));
    [&WORLD.redirect, &WORLD.onboarding].into_iter().flat_map(written).collect()
}

fn check(bytes: &[u8]) {
    both_encodings_agree(bytes, Information::decode, Information::encode);
    for information in ENCODINGS.iter().filter_map(|encoding| Information::decode(bytes, *encoding).ok()) {
        match information {
            Information::Redirect(redirect) => {
                assert!((1..=RedirectInformation::MAX_SERVERS).contains(&redirect.servers().len()));
            }
            Information::Onboarding(onboarding) => {
                let image = onboarding.boot_image.unwrap_or_default();
                assert!(image.download_uris.len() <= BootImage::MAX_URIS);
                // CLI-64: a hash without anything to compare it with.
                assert!(image.sha256.is_none() || !image.download_uris.is_empty());
            }
        }
    }
}
