//! A Debian kernel with an initramfs, made into a signed FIT by Debian's mkimage, onboarded end to end; and the same
//! file with one bit flipped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use fit_image::{Limits, image::Fit};
use interop_tests::{lab::Lab, need, skip};

/// Makes the image; gives its path and the public key that verifies it, PEM.
fn make(folder: &Path, kernel: &Path) -> (PathBuf, String) {
    run(folder, "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out image.key -quiet");
    run(folder, "openssl req -x509 -new -key image.key -subj /CN=image -out image.crt");
    run(folder, "openssl pkey -in image.key -pubout -out image.pub.pem");
    fs::create_dir_all(folder.join("root/bin")).unwrap();
    run(folder, "cp $(command -v busybox) root/bin/busybox");
    fs::write(folder.join("root/init"), "#!/bin/busybox sh\n/bin/busybox poweroff -f\n").unwrap();
    run(folder, "chmod 755 root/init && cd root && find . | cpio -o -H newc --quiet | gzip -1 > ../initramfs");
    fs::copy(kernel, folder.join("vmlinuz")).unwrap();
    let source = r#"/dts-v1/;
/ {
    description = "Debian kernel";
    images {
        kernel-1 { data = /incbin/("vmlinuz"); type = "kernel"; arch = "x86_64"; os = "linux"; compression = "none";
                   load = <0x1000000>; entry = <0x1000000>; hash-1 { algo = "sha256"; }; };
        ramdisk-1 { data = /incbin/("initramfs"); type = "ramdisk"; arch = "x86_64"; os = "linux"; compression = "none";
                    hash-1 { algo = "sha256"; }; };
    };
    configurations {
        default = "conf-1";
        conf-1 { description = "the only configuration"; kernel = "kernel-1"; ramdisk = "ramdisk-1";
                 signature-1 { algo = "sha256,rsa2048"; padding = "pkcs-1.5"; key-name-hint = "image";
                               sign-images = "kernel", "ramdisk"; }; };
    };
};
"#;
    fs::write(folder.join("image.its"), source).unwrap();
    run(folder, "mkimage -f image.its -k . -r -E image.fit");
    (folder.join("image.fit"), fs::read_to_string(folder.join("image.pub.pem")).unwrap())
}

fn run(folder: &Path, command: &str) {
    let output = Command::new("sh").args(["-ec", command]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The file with the lowest bit of one byte flipped.
fn flipped(folder: &Path, name: &str, image: &[u8], at: usize) -> PathBuf {
    let mut bytes = image.to_vec();
    bytes[at] ^= 1;
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn position(image: &[u8], part: &[u8]) -> usize {
    image.windows(part.len()).position(|window| window == part).unwrap()
}

#[test]
fn a_debian_kernel_signed_by_mkimage_is_onboarded_and_one_flipped_bit_is_refused() {
    for peer in [need!("mkimage"), need!("openssl"), need!("busybox"), need!("cpio")] {
        assert!(peer.path().is_file());
    }
    let Some(kernel) = std::env::var_os("SZTP_KERNEL").map(PathBuf::from) else {
        skip!("SZTP_KERNEL names no Debian kernel")
    };
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = make(folder.path(), &kernel);
    let image = fs::read(&path).unwrap();
    let fit = Fit::read(image.as_slice(), &Limits::default()).unwrap();
    let configuration = &fit.configurations()[0];
    // mkimage leaves an image unsigned, and says nothing, when its key is missing.
    let signature = configuration.signatures()[0].value().expect("mkimage must have signed").to_vec();

    let lab = Lab::build(1);
    lab.replace_image(&path, &key, "12");
    let server = lab.serve();
    let root = lab.fresh_root("good");
    assert_eq!(lab.run_device(&root).code, Some(0));
    assert!(root.join("images/active.json").is_file());
    drop(server);

    let kernel_byte = position(&image, &fs::read(&kernel).unwrap()[0x10000..0x10040]) + 7;
    let cases = [
        ("kernel", kernel_byte, "fit-hash-mismatch"),
        ("configuration", position(&image, b"the only configuration"), "fit-signature-invalid"),
        ("signature", position(&image, &signature) + 100, "fit-signature-invalid"),
    ];
    for (part, at, reason) in cases {
        // The onboarding information carries the changed file's hash: only the FIT's own signature is left to tell.
        lab.replace_image(&flipped(folder.path(), part, &image, at), &key, "12");
        let server = lab.serve();
        let root = lab.fresh_root(part);
        let run = lab.run_device(&root);
        drop(server);
        assert_eq!(run.code, Some(1), "{part}");
        assert!(run.refused_for(reason), "{part}: {:#?}", run.trace);
        assert!(!root.join("images/active.json").exists() && !root.join("done").exists(), "{part}");
    }
}
