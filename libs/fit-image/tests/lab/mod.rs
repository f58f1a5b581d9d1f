//! A folder with keys made by OpenSSL, and Debian's mkimage and dumpimage to work in it.

use std::{
    env, fs,
    path::Path,
    process::{Command, Output},
};

use fit_image::verify::{Required, TrustedKey, TrustedKeys};
use pki::key::{FileKey, PublicKey};
use tempfile::TempDir;

/// A fresh folder that holds a kernel, a device tree and an initial file system.
pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    /// None, and a note about it, where mkimage is not installed.
    pub(crate) fn open(test: &str) -> Option<Self> {
        if Command::new("mkimage").arg("-V").output().is_err() {
            println!("SKIPPED {test}: mkimage not found");
            if let Some(folder) = env::var_os("SZTP_SKIPPED") {
                fs::write(Path::new(&folder).join(test), "mkimage not found").unwrap();
            }
            return None;
        }
        let lab = Self { folder: TempDir::new().unwrap() };
        lab.write("kernel", &pattern(100_003, 7));
        lab.write("board.dtb", &pattern(333, 11));
        lab.write("initrd", &pattern(70_001, 13));
        Some(lab)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).unwrap()
    }

    /// Runs a program in the folder; it must succeed.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        let output: Output =
            command.args(arguments).current_dir(self.folder.path()).env("SOURCE_DATE_EPOCH", EPOCH).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {text}");
        text
    }

    /// Makes `<name>.key` and `<name>.crt`, as mkimage wants them for RSA.
    pub(crate) fn make_rsa_key(&self, name: &str, bits: u32) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        let bits = format!("rsa_keygen_bits:{bits}");
        self.run("openssl", &["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", &bits, "-out", &key]);
        let subject = format!("/CN={name}");
        let request = ["req", "-batch", "-new", "-x509", "-key", &key, "-out", &certificate, "-subj", &subject];
        self.run("openssl", &request);
    }

    /// Makes `<name>.pem`, as mkimage wants it for ECDSA.
    pub(crate) fn make_p256_key(&self, name: &str) {
        let key = format!("{name}.pem");
        self.run(
            "openssl",
            &["genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &key],
        );
    }

    pub(crate) fn private_key(&self, file: &str) -> FileKey {
        FileKey::from_pem(&self.read(file)).unwrap()
    }

    pub(crate) fn trust(&self, file: &str) -> TrustedKeys {
        self.run("openssl", &["pkey", "-in", file, "-pubout", "-out", "public.pem"]);
        let key = PublicKey::from_pem(&self.read("public.pem")).unwrap();
        TrustedKeys::new([TrustedKey::new(file, key)], Required::All)
    }

    /// Has mkimage build `out.itb` of the lab's files, signed as `algo` and `padding` say, and makes sure that it really
    /// is signed: without its key mkimage leaves the value out and exits with 0.
    pub(crate) fn mkimage(&self, algo: &str, padding: &str, options: &[&str]) -> Vec<u8> {
        self.write("image.its", source(algo, padding).as_bytes());
        let fixed = ["-f", "image.its", "-k", ".", "-r"];
        let listing = self.run("mkimage", &[&fixed[..], options, &["out.itb"]].concat());
        let value = listing.lines().find_map(|line| line.trim().strip_prefix("Sign value:")).unwrap_or_default();
        assert!(value.trim().len() >= 128 && !value.contains("unavailable"), "not signed: {listing}");
        self.read("out.itb")
    }
}

/// Bytes that differ from place to place, the same in every run.
pub(crate) fn pattern(length: u32, step: u32) -> Vec<u8> {
    (0..length)
        .flat_map(|place| place.wrapping_mul(step).wrapping_mul(2_654_435_761).to_be_bytes().into_iter().take(1))
        .collect()
}

/// What the images are stamped with, seconds since 1970.
pub(crate) const EPOCH: &str = "1700000000";

/// The same as a number.
pub(crate) const TIMESTAMP: u32 = 1_700_000_000;

fn source(algo: &str, padding: &str) -> String {
    format!(
        r#"/dts-v1/;
/ {{
  description = "lab"; #address-cells = <1>;
  images {{
    kernel-1 {{ description = "linux"; data = /incbin/("kernel"); type = "kernel"; arch = "arm64"; os = "linux";
      compression = "none"; load = <0x40400000>; entry = <0x40400000>; hash-1 {{ algo = "sha256"; }}; }};
    fdt-1 {{ description = "board"; data = /incbin/("board.dtb"); type = "flat_dt"; arch = "arm64";
      compression = "none"; hash-1 {{ algo = "sha512"; }}; }};
    ramdisk-1 {{ description = "initrd"; data = /incbin/("initrd"); type = "ramdisk"; arch = "arm64"; os = "linux";
      compression = "none"; hash-1 {{ algo = "crc32"; }}; hash-2 {{ algo = "sha384"; }}; }};
  }};
  configurations {{ default = "conf-1";
    conf-1 {{ description = "boot"; kernel = "kernel-1"; fdt = "fdt-1"; ramdisk = "ramdisk-1";
      signature-1 {{ algo = "{algo}"; key-name-hint = "owner"; padding = "{padding}";
        sign-images = "kernel", "fdt", "ramdisk"; }}; }};
  }};
}};
"#
    )
}
