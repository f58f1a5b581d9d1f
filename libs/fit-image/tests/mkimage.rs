//! Against Debian's mkimage and dumpimage: what they sign we verify, what we build they read, and where signatures are
//! deterministic both make the same one.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "helpers of tests")]

mod lab;

use fit_image::{
    Limits,
    build::{DataPlacement, FitBuilder, NewConfiguration, NewImage},
    image::{Fit, Role},
    verify::{Selection, TrustedKeys, VerifiedFit, VerifiedImage, verify},
};
use lab::{Lab, TIMESTAMP};
use verdict::{ReasonCode, Refusal};

/// Where mkimage is told to put the data.
const LAYOUTS: [&[&str]; 4] = [&[], &["-E"], &["-E", "-p", "0x2000"], &["-E", "-B", "0x1000"]];

fn judge(bytes: &[u8], keys: &TrustedKeys) -> Result<VerifiedFit, Refusal> {
    verify(bytes, keys, Selection::Default, &Limits::default())
}

fn data(bytes: &[u8], image: &VerifiedImage) -> Vec<u8> {
    let mut data = Vec::new();
    image.copy(bytes, |piece| std::io::Write::write_all(&mut data, piece)).unwrap();
    data
}

#[track_caller]
fn assert_lab_content(lab: &Lab, bytes: &[u8], verified: &VerifiedFit) {
    let kernel = verified.kernel().unwrap();
    assert_eq!(data(bytes, kernel), lab.read("kernel"));
    assert_eq!((kernel.kind(), kernel.arch(), kernel.os()), (Some("kernel"), Some("arm64"), Some("linux")));
    assert_eq!((kernel.load(), kernel.entry()), (Some(0x4040_0000), Some(0x4040_0000)));
    assert_eq!(data(bytes, verified.ramdisk().unwrap()), lab.read("initrd"));
    assert_eq!(data(bytes, verified.images(Role::Fdt).next().unwrap()), lab.read("board.dtb"));
    assert_eq!((verified.configuration(), verified.timestamp()), ("conf-1", Some(TIMESTAMP)));
}

#[test]
fn rsa_2048_in_every_padding_and_layout() {
    let Some(lab) = Lab::open("rsa_2048_in_every_padding_and_layout") else { return };
    lab.make_rsa_key("owner", 2048);
    lab.make_rsa_key("stranger", 2048);
    let (keys, stranger) = (lab.trust("owner.key"), lab.trust("stranger.key"));
    for padding in ["pkcs-1.5", "pss"] {
        for layout in LAYOUTS {
            let bytes = lab.mkimage("sha256,rsa2048", padding, layout);
            let verified = judge(&bytes, &keys).unwrap_or_else(|refusal| panic!("{padding} {layout:?}: {refusal}"));
            assert_lab_content(&lab, &bytes, &verified);
            // What mkimage says it signed is what we find must be signed.
            assert!(!format!("{:?}", verified.trace()).contains("ignored: the file"), "{:?}", verified.trace());
            let refusal = judge(&bytes, &stranger).unwrap_err();
            assert_eq!(refusal.reason, ReasonCode::FitSignatureInvalid, "{padding} {layout:?}");
        }
    }
}

#[test]
fn longer_keys_and_hashes() {
    let Some(lab) = Lab::open("longer_keys_and_hashes") else { return };
    lab.make_rsa_key("owner", 4096);
    let keys = lab.trust("owner.key");
    for algo in ["sha256,rsa4096", "sha384,rsa4096", "sha512,rsa4096"] {
        for padding in ["pkcs-1.5", "pss"] {
            let bytes = lab.mkimage(algo, padding, &["-E"]);
            judge(&bytes, &keys).unwrap_or_else(|refusal| panic!("{algo} {padding}: {refusal}"));
        }
    }
    let refusal = judge(&lab.mkimage("sha1,rsa4096", "pkcs-1.5", &[]), &keys).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::FitSignatureInvalid);
    assert!(refusal.detail.contains("not an accepted algorithm"), "{refusal}");
}

#[test]
fn ecdsa_p256() {
    let Some(lab) = Lab::open("ecdsa_p256") else { return };
    lab.make_p256_key("owner");
    lab.make_p256_key("stranger");
    for layout in LAYOUTS {
        let bytes = lab.mkimage("sha256,ecdsa256", "pkcs-1.5", layout);
        let verified = judge(&bytes, &lab.trust("owner.pem")).unwrap();
        assert_lab_content(&lab, &bytes, &verified);
        let refusal = judge(&bytes, &lab.trust("stranger.pem")).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::FitSignatureInvalid);
    }
}

/// mkimage exits with 0 when it finds no key; such an image must never boot.
#[test]
fn unsigned_because_the_key_was_missing() {
    let Some(lab) = Lab::open("unsigned_because_the_key_was_missing") else { return };
    lab.make_rsa_key("owner", 2048);
    lab.mkimage("sha256,rsa2048", "pss", &[]);
    lab.run("mkimage", &["-f", "image.its", "unsigned.itb"]);
    let refusal = judge(&lab.read("unsigned.itb"), &lab.trust("owner.key")).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::FitUnsigned);
}

/// A signer that was told of fewer images than the configuration boots: the derived list finds what was left out.
#[test]
fn image_that_the_signer_was_not_told_of() {
    let Some(lab) = Lab::open("image_that_the_signer_was_not_told_of") else { return };
    lab.make_rsa_key("owner", 2048);
    lab.mkimage("sha256,rsa2048", "pss", &[]);
    let source = String::from_utf8(lab.read("image.its")).unwrap();
    lab.write("image.its", source.replace(r#""kernel", "fdt", "ramdisk""#, r#""kernel", "fdt""#).as_bytes());
    lab.run("mkimage", &["-f", "image.its", "-k", ".", "-r", "out.itb"]);
    let refusal = judge(&lab.read("out.itb"), &lab.trust("owner.key")).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::FitSignatureInvalid);
    assert!(refusal.detail.contains("did not cover /images/ramdisk-1, /images/ramdisk-1/hash-1"), "{refusal}");
}

#[test]
fn changes_after_signing() {
    let Some(lab) = Lab::open("changes_after_signing") else { return };
    lab.make_rsa_key("owner", 2048);
    let keys = lab.trust("owner.key");
    for layout in LAYOUTS {
        let genuine = lab.mkimage("sha256,rsa2048", "pss", layout);
        let fit = Fit::read(&genuine, &Limits::default()).unwrap();
        let place = |node: &str, property: &str| {
            let found = fit.tree().find(node).unwrap().property(property).unwrap();
            usize::try_from(found.location().offset()).unwrap()
        };
        let flipped = |place: usize| {
            let mut bytes = genuine.clone();
            bytes[place] ^= 0x10;
            judge(&bytes, &keys).unwrap_err().reason
        };
        for image in fit.images() {
            let data = usize::try_from(image.data().unwrap().offset()).unwrap();
            assert_eq!(flipped(data), ReasonCode::FitHashMismatch, "{} {layout:?}", image.name());
        }
        for (node, property) in [
            ("/configurations/conf-1/signature-1", "value"),
            ("/configurations/conf-1", "description"),
            ("/images/kernel-1", "load"),
            ("/images/kernel-1/hash-1", "value"),
            ("/", "timestamp"),
        ] {
            assert_eq!(flipped(place(node, property)), ReasonCode::FitSignatureInvalid, "{node} {property}");
        }
    }
}

fn built(lab: &Lab, placement: DataPlacement) -> FitBuilder {
    let kernel = NewImage::new("kernel-1", "kernel", lab.read("kernel")).description("linux").arch("arm64").os("linux");
    let fdt = NewImage::new("fdt-1", "flat_dt", lab.read("board.dtb")).description("board").arch("arm64");
    let ramdisk = NewImage::new("ramdisk-1", "ramdisk", lab.read("initrd")).arch("arm64").os("linux");
    let configuration = NewConfiguration::new("conf-1").description("boot").compatible("acme,board");
    FitBuilder::new("built here", TIMESTAMP)
        .image(kernel.load(0x4040_0000).entry(0x4040_0000))
        .image(fdt)
        .image(ramdisk)
        .configuration(
            configuration.refer(Role::Kernel, "kernel-1").refer(Role::Fdt, "fdt-1").refer(Role::Ramdisk, "ramdisk-1"),
        )
        .data(placement)
}

#[test]
fn our_images_are_read_by_the_tools() {
    let Some(lab) = Lab::open("our_images_are_read_by_the_tools") else { return };
    lab.make_rsa_key("owner", 2048);
    lab.make_p256_key("elliptic");
    for (file, algo) in [("owner.key", "sha256,rsa2048:owner"), ("elliptic.pem", "sha256,ecdsa256:owner")] {
        for placement in [DataPlacement::Inline, DataPlacement::Behind, DataPlacement::At(0x3000)] {
            let bytes = built(&lab, placement).sign(&lab.private_key(file), "owner").unwrap();
            assert_lab_content(&lab, &bytes, &judge(&bytes, &lab.trust(file)).unwrap());
            lab.write("ours.itb", &bytes);
            for program in ["dumpimage", "mkimage"] {
                let listing = lab.run(program, &["-l", "ours.itb"]);
                let sha256 = pki::digest::sha256(&lab.read("kernel")).to_string();
                for expected in
                    ["built here", "Default Configuration: 'conf-1'", algo, &sha256, "0x40400000", "Sign value"]
                {
                    assert!(listing.contains(expected), "{program} does not show {expected}: {listing}");
                }
            }
            lab.run("dumpimage", &["-T", "flat_dt", "-p", "0", "-o", "kernel.out", "ours.itb"]);
            assert_eq!(lab.read("kernel.out"), lab.read("kernel"));
        }
    }
}

/// PKCS#1 signatures are deterministic: when mkimage signs our image again with our key, nothing but its own name in the
/// signature node may change, least of all the value. So both sides sign the same bytes.
#[test]
fn mkimage_signs_our_image_exactly_as_we_do() {
    let Some(lab) = Lab::open("mkimage_signs_our_image_exactly_as_we_do") else { return };
    lab.make_rsa_key("owner", 2048);
    let bytes = built(&lab, DataPlacement::Inline).sign(&lab.private_key("owner.key"), "owner").unwrap();
    lab.write("ours.itb", &bytes);
    lab.run("mkimage", &["-F", "-k", ".", "-r", "ours.itb"]);
    let again = lab.read("ours.itb");
    let signature = |bytes: &[u8]| {
        let fit = Fit::read(bytes, &Limits::default()).unwrap();
        let node = fit.tree().find("/configurations/conf-1/signature-1").unwrap();
        let signer = node.property("signer-name").unwrap().text().unwrap().to_owned();
        (signer, fit.configurations()[0].signatures()[0].clone())
    };
    let ((our_name, ours), (their_name, theirs)) = (signature(&bytes), signature(&again));
    assert_eq!((our_name.as_str(), their_name.as_str()), ("fit-image", "mkimage"));
    assert_eq!(ours, theirs);
    assert_lab_content(&lab, &again, &judge(&again, &lab.trust("owner.key")).unwrap());
}
