//! What is odd in a document that can be read: the owner hears of it before it fails on a device (RFC 8572 §7.3,
//! `parsing-warning`).

use conveyed_info::information::{OnboardingInformation, Script};

/// Schemes that images are fetched by (SEC-11).
const SCHEMES: [&str; 3] = ["https", "http", "file"];

/// One line for each oddity; none where all is well.
pub(super) fn warnings(plan: &OnboardingInformation) -> Vec<String> {
    let mut warnings = Vec::new();
    for uri in plan.boot_image.iter().flat_map(|image| &image.download_uris) {
        let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
        if !SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            warnings.push(format!("this device fetches no images by {scheme}: {uri}"));
        }
    }
    let scripts = [("pre", &plan.pre_configuration_script), ("post", &plan.post_configuration_script)].into_iter();
    for (name, script) in scripts.filter_map(|(name, script)| Some((name, script.as_ref()?))) {
        if !names_interpreter(script) {
            warnings.push(format!("the {name}-configuration script does not begin with #! and its interpreter"));
        }
    }
    warnings
}

fn names_interpreter(script: &Script) -> bool {
    // A program in machine code needs none.
    script.0.starts_with(b"#!") || script.0.starts_with(b"\x7fELF")
}

#[cfg(test)]
mod tests {
    use conveyed_info::information::BootImage;

    use super::*;

    #[test]
    fn what_will_fail_on_the_device_is_said_at_once() {
        let image = |uris: &[&str]| BootImage {
            os_name: None,
            os_version: None,
            download_uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
            sha256: None,
        };
        let script = |text: &str| Some(Script(text.as_bytes().to_vec()));
        let plan = OnboardingInformation {
            boot_image: Some(image(&["HTTPS://a/i", "ftp://a/i", "http://a/i"])),
            pre_configuration_script: script("#!/bin/sh\n"),
            configuration: None,
            post_configuration_script: script("echo"),
        };
        let told = warnings(&plan);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("ftp") && told[1].contains("post-configuration"), "{told:?}");
        assert!(warnings(&OnboardingInformation::default()).is_empty());
    }
}
