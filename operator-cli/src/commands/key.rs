//! `sztp key`: private keys in files and in tokens. What is private is never printed.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum};
use pki::key::{
    Access, Exposure, FileKey, KeySpec, KeyType, KeyUse, Locator, Passphrase, Pkcs11Uri, PublicKey, Signer, Stretching,
};
use serde::Serialize;

use super::Failure;
use crate::{
    files::{self, FileError, Reserved, Secrecy},
    output,
};

/// Subcommands of `sztp key`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a private key, in a file that only you may read or in a token
    Create(CreateArgs),
    /// Print the public part of a private key; that the key can be used is found out on the way
    Show(ShowArgs),
    /// List the private keys of a token
    List(ListArgs),
    /// Put the private key of a file behind a passphrase
    Encrypt(EncryptArgs),
    /// Take the passphrase off the private key of a file
    Decrypt(DecryptArgs),
}

const CREATE_EXAMPLES: &str = "Examples:
  sztp key create owner.key
  sztp key create owner.key --algorithm p384 --passphrase-file owner.passphrase
  sztp key create audit.key --algorithm ed25519
  sztp key create 'pkcs11:token=Owner;object=signer?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/sztp/pin'

Nothing is replaced: a file that is there, or a key of that name in the token, is refused. A key in a token never leaves it: what
opens it must be backed up as the token's maker says. A key in a TPM is made by `sztp-device identity create`.";

/// Arguments of `sztp key create`.
#[derive(Debug, clap::Args)]
#[command(after_help = CREATE_EXAMPLES)]
pub(crate) struct CreateArgs {
    /// Where the key is to live: a path, or `pkcs11:…` with the label that it gets (RFC 7512)
    #[arg(value_name = "KEY")]
    place: Locator,
    /// What it is to be: p256, p384, p521, rsa2048, rsa3072, rsa4096 or ed25519
    #[arg(long, default_value_t, value_name = "ALGORITHM")]
    algorithm: KeySpec,
    /// Put it behind the passphrase in this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// How the passphrase is made hard to guess
    #[arg(long, value_enum, default_value_t, requires = "passphrase_file", value_name = "HOW")]
    stretching: Hardening,
    /// In a token: let it also open what is encrypted to it, as a device's key does
    #[arg(long)]
    also_decrypts: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a passphrase is made hard to guess.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Hardening {
    /// Each guess costs time and memory
    #[default]
    Scrypt,
    /// Each guess costs time; for readers that know nothing else
    Pbkdf2,
}

impl From<Hardening> for Stretching {
    fn from(chosen: Hardening) -> Self {
        match chosen {
            Hardening::Scrypt => Self::Scrypt,
            Hardening::Pbkdf2 => Self::Pbkdf2,
        }
    }
}

const SHOW_EXAMPLES: &str = "Examples:
  sztp key show owner.key
  sztp key show owner.key --pem > owner.pub.pem
  sztp key show 'pkcs11:token=Owner;object=signer?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/sztp/pin'

The key id is the SHA-256 of the SubjectPublicKeyInfo: `openssl pkey -pubin -in owner.pub.pem -outform der | sha256sum`.";

/// Arguments of `sztp key show`.
#[derive(Debug, clap::Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct ShowArgs {
    /// Where the key lives: a path, `pkcs11:…` or `tpm2:0x81…`
    #[arg(value_name = "KEY")]
    place: Locator,
    /// The file of the passphrase that opens the key's file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Print a PUBLIC KEY block and nothing else
    #[arg(long, conflicts_with = "json")]
    pem: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const LIST_EXAMPLES: &str = "Examples:
  sztp key list 'pkcs11:token=Owner?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/sztp/pin'";

/// Arguments of `sztp key list`.
#[derive(Debug, clap::Args)]
#[command(after_help = LIST_EXAMPLES)]
pub(crate) struct ListArgs {
    /// The token: `pkcs11:token=…?module-path=…&pin-source=…`
    #[arg(value_name = "TOKEN", value_parser = Pkcs11Uri::of_token)]
    token: Pkcs11Uri,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const ENCRYPT_EXAMPLES: &str = "Examples:
  sztp key encrypt owner.key --passphrase-file owner.passphrase
  sztp key encrypt owner.key --passphrase-file owner.passphrase --stretching pbkdf2 --out owner.encrypted.key

Without --out the file itself is written anew. OpenSSL reads what comes out (PKCS#8, PBES2, AES-256-CBC).";

/// Arguments of `sztp key encrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = ENCRYPT_EXAMPLES)]
pub(crate) struct EncryptArgs {
    /// The file of the private key
    file: PathBuf,
    /// The file of its new passphrase: one line that only you may read
    #[arg(long, value_name = "FILE")]
    passphrase_file: PathBuf,
    /// How the passphrase is made hard to guess
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    stretching: Hardening,
    /// Write there instead, where nothing may be yet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const DECRYPT_EXAMPLES: &str = "Examples:
  sztp key decrypt owner.key --passphrase-file owner.passphrase
  sztp key decrypt from-elsewhere.pem --passphrase-file its.passphrase --out owner.key

Without --out the file itself is written anew. Only its mode, 0600, guards the key then.";

/// Arguments of `sztp key decrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = DECRYPT_EXAMPLES)]
pub(crate) struct DecryptArgs {
    /// The file of the private key
    file: PathBuf,
    /// The file of its passphrase
    #[arg(long, value_name = "FILE")]
    passphrase_file: PathBuf,
    /// Write there instead, where nothing may be yet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Create(args) => create(args),
        Command::Show(args) => show(args),
        Command::List(args) => list(args),
        Command::Encrypt(args) => {
            let key = read(&args.file, None)?;
            let passphrase = passphrase(&args.passphrase_file)?;
            let pem = key.to_encrypted_pem(&passphrase, args.stretching.into()).map_err(FileError::KeyNotMade)?;
            put(&args.file, args.out.as_deref(), pem.as_bytes())
        }
        Command::Decrypt(args) => {
            let key = read(&args.file, Some(args.passphrase_file.clone()))?;
            put(&args.file, args.out.as_deref(), key.to_pem().as_bytes())
        }
    }
}

fn create(args: &CreateArgs) -> Result<ExitCode, Failure> {
    let public = match &args.place {
        Locator::File(path) => {
            if args.also_decrypts {
                return Err(Failure::Usage("--also-decrypts is for keys in a token: a key in a file does both"));
            }
            let passphrase = args.passphrase_file.as_deref().map(passphrase).transpose()?;
            let place = Reserved::take(path)?;
            let key = FileKey::generate(args.algorithm).map_err(FileError::KeyNotMade)?;
            match passphrase {
                Some(passphrase) => {
                    let pem =
                        key.to_encrypted_pem(&passphrase, args.stretching.into()).map_err(FileError::KeyNotMade)?;
                    place.fill(pem.as_bytes())?;
                }
                None => place.fill(key.to_pem().as_bytes())?,
            }
            Signer::public_key(&key).clone()
        }
        Locator::Pkcs11(uri) => {
            if args.passphrase_file.is_some() {
                return Err(Failure::Usage(
                    "a token has a PIN and no passphrase: name its file with pin-source in the URI",
                ));
            }
            let usage = if args.also_decrypts { KeyUse::SignAndDecrypt } else { KeyUse::Sign };
            uri.generate(args.algorithm, usage)
                .map_err(|source| FileError::Token { token: args.place.to_string(), source: Box::new(source) })?
        }
        _ => return Err(Failure::Usage("a key in a TPM is made by `sztp-device identity create`")),
    };
    say(&Shown::new(&args.place.to_string(), &public), args.json);
    Ok(ExitCode::SUCCESS)
}

fn show(args: &ShowArgs) -> Result<ExitCode, Failure> {
    // Who may read the file is not for whoever only looks to mend.
    let access = Access { passphrase_file: args.passphrase_file.clone(), exposure: Exposure::OwnerOnly };
    let key = args.place.open(&access).map_err(FileError::from)?;
    if args.pem {
        output::line(Signer::public_key(&key).to_pem().trim_end());
    } else {
        let mut shown = Shown::new(&args.place.to_string(), Signer::public_key(&key));
        shown.decrypts = Some(key.decryptor().is_some());
        say(&shown, args.json);
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &ListArgs) -> Result<ExitCode, Failure> {
    let wrap = |source| FileError::Token { token: args.token.to_string(), source: Box::new(source) };
    let keys = args.token.list().map_err(wrap)?.into_iter().map(|key| {
        let named = Pkcs11Uri { object: Some(key.label), id: Some(key.id), ..args.token.clone() };
        key.public.map_or_else(|| Shown::unknown(&named.to_string()), |public| Shown::new(&named.to_string(), &public))
    });
    let keys: Vec<_> = keys.collect();
    if args.json {
        output::json(&keys);
    } else {
        keys.iter().for_each(|key| output::line(&format!("{}  {}", key.algorithm, key.key)));
    }
    Ok(ExitCode::SUCCESS)
}

/// What anybody may know of a key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    key: String,
    algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decrypts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
}

impl Shown {
    fn new(key: &str, public: &PublicKey) -> Self {
        let algorithm = match (public.key_type(), public.rsa_modulus_bits().unwrap_or_default()) {
            (KeyType::P256, _) => KeySpec::P256.to_string(),
            (KeyType::P384, _) => KeySpec::P384.to_string(),
            (KeyType::P521, _) => KeySpec::P521.to_string(),
            (KeyType::Ed25519, _) => KeySpec::Ed25519.to_string(),
            (KeyType::Rsa, bits) => format!("rsa{bits}"),
            (KeyType::RsaPss, bits) => format!("rsa{bits} for RSASSA-PSS alone"),
        };
        let key_id = Some(public.spki_sha256().to_string());
        Self { key: key.to_owned(), algorithm, key_id, decrypts: None, public_key: Some(public.to_pem()) }
    }

    fn unknown(key: &str) -> Self {
        Self { key: key.to_owned(), algorithm: "unknown".to_owned(), key_id: None, decrypts: None, public_key: None }
    }
}

fn say(shown: &Shown, as_json: bool) {
    if as_json {
        return output::json(shown);
    }
    output::line(&format!("key        {}", shown.key));
    output::line(&format!("algorithm  {}", shown.algorithm));
    if let Some(key_id) = &shown.key_id {
        output::line(&format!("key id     sha-256 {key_id}"));
    }
    if let Some(decrypts) = shown.decrypts {
        output::line(if decrypts { "can        sign, decrypt" } else { "can        sign" });
    }
}

fn read(path: &Path, passphrase_file: Option<PathBuf>) -> Result<FileKey, FileError> {
    Ok(Locator::File(path.to_owned()).read_file(&Access::with_passphrase_file(passphrase_file))?)
}

fn passphrase(path: &Path) -> Result<Passphrase, FileError> {
    Passphrase::from_file(path).map_err(|source| FileError::Passphrase { path: path.to_owned(), source })
}

/// Writes a key: to a place where nothing is, or in the place of the file that it was read from.
fn put(file: &Path, out: Option<&Path>, pem: &[u8]) -> Result<ExitCode, Failure> {
    match out {
        Some(out) => Reserved::take(out)?.fill(pem)?,
        None => files::write(file, pem, Secrecy::Private)?,
    }
    Ok(ExitCode::SUCCESS)
}
