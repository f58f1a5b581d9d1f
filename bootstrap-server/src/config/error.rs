//! What can be wrong with a configuration.

use std::path::PathBuf;

use authority::{AuthorityError, OcspResponderError};
use conveyed_info::{DocumentError, cms::CmsError};
use dhcp::bootstrap_uri::{FormUnsuited, UriError};
use pki::{
    certificate::CertificateError,
    key::{Locator, OpenError, PassphraseFileError},
    path::PathError,
    revocation::EvidenceError,
    server_name::NameError,
};

use super::PolicyInvalid;
use crate::{
    audit::CheckpointKeyError,
    domain::{AuthorityName, DurationInvalid, NameInvalid, TomlFault},
    outward::{WebhookInvalid, http::ProxyInvalid},
    owner::OwnerError,
};

/// The configuration cannot be used. Every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no configuration.
    #[error(
        "there is no {}: go to the folder that `sztp init` made, or name its file with --config", path.display()
    )]
    NotThere {
        /// What was looked for.
        path: PathBuf,
    },
    /// DHCP cannot tell devices of the device listener as everybody is to be told.
    #[error(
        "[{table}]: bootstrap-form for the names of [device-listener]: {unsuited}; say bootstrap-uris that it can express"
    )]
    DhcpForm {
        /// The table.
        table: &'static str,
        /// Why.
        unsuited: FormUnsuited,
    },
    /// A name of the device listener makes no bootstrap server URI (RFC 8572 §8.3).
    #[error("device-listener.names: {name:?} makes no bootstrap server URI ({source}), which DHCP is to tell devices")]
    DhcpName {
        /// The name.
        name: String,
        /// Why.
        source: UriError,
    },
    /// The configuration is not UTF-8.
    #[error("{}: is not UTF-8 text; save it as UTF-8", path.display())]
    NotText {
        /// Which file.
        path: PathBuf,
    },
    /// A certificate file without a certificate.
    #[error("{}: holds no certificate; it must hold the server's chain, its own certificate first", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The TLS key and the TLS certificate do not belong together.
    #[error(
        "{}: this certificate is not for the key in {}; name the pair that was issued together, the server's own \
         certificate first in its file", path.display(), key
    )]
    KeyMismatch {
        /// The certificate's file.
        path: PathBuf,
        /// Where the key is.
        key: Locator,
    },
    /// Half of what devices are onboarded with.
    #[error(
        "{there}: there is no [{missing}] beside it; a server that onboards devices has both, an authority neither"
    )]
    HalfOnboarding {
        /// The table that is there.
        there: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// Redirects would send devices nowhere.
    #[error("device-listener.names: is empty; list the names or addresses that devices reach this server by")]
    NoNames,
    /// Devices sent to this name would refuse the certificate.
    #[error("{}: {source}, which is in device-listener.names; have a certificate issued for it or take it out",
        path.display())]
    Name {
        /// The certificate's file.
        path: PathBuf,
        /// Which name.
        source: NameError,
    },
    /// Devices that were redirected with this trust anchor would refuse the certificate.
    #[error(
        "{}: is not issued under the first certificate in {} ({source}); name the chain of the CA that issued it, \
         and put intermediate certificates behind the server's own", path.display(), anchor.display()
    )]
    OtherAnchor {
        /// The certificate's file.
        path: PathBuf,
        /// The trust anchor's file.
        anchor: PathBuf,
        /// Why.
        source: Box<PathError>,
    },
    /// Not a database that there is.
    #[error("database: there is none of the kind {kind}://; name a file, or write postgres://USER@HOST/DATABASE")]
    DatabaseKind {
        /// What stands before `://`.
        kind: String,
    },
    /// The folder for the database.
    #[error("{}: no such folder for the database; create it", path.display())]
    NoFolder {
        /// Which folder.
        path: PathBuf,
    },
    /// Not TOML, or a member that does not exist.
    #[error("{}: {source}", path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: TomlFault,
    },
    /// A certificate file.
    #[error("{}: {source}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
    /// Too many revocation lists.
    #[error("[device-revocation] lists: at most {}, not {count}", crate::config::Revocation::MAX_LISTS)]
    RevocationLists {
        /// How many there are.
        count: usize,
    },
    /// A manufacturer's revocation list.
    #[error("{}: is no revocation list that can be used: {source}", path.display())]
    RevocationList {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: EvidenceError,
    },
    /// A private key that cannot be had.
    #[error(transparent)]
    Key(#[from] OpenError),
    /// The chain for redirects.
    #[error("{}: must hold one chain up to a self-signed root: {source}", path.display())]
    TrustAnchor {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CmsError,
    },
    /// The audit log's key or name.
    #[error("{key}: {source}")]
    Audit {
        /// Where the key is.
        key: Locator,
        /// Why.
        source: CheckpointKeyError,
    },
    /// The way out cannot be used.
    #[error("[outbound]: {0}")]
    Outbound(#[from] ProxyInvalid),
    /// A webhook cannot be used.
    #[error("webhook {name:?}: {source}")]
    Webhook {
        /// Which.
        name: String,
        /// Why.
        source: WebhookInvalid,
    },
    /// The owner's policies and deadlines.
    #[error(transparent)]
    Policy(#[from] PolicyInvalid),
    /// The name of an authority is none.
    #[error("authority {name:?}: {source}")]
    AuthorityName {
        /// What stands there.
        name: String,
        /// Why.
        source: NameInvalid,
    },
    /// A profile of an authority.
    #[error("authority {authority}: profile {profile}: {why}")]
    Profile {
        /// Whose.
        authority: AuthorityName,
        /// Which.
        profile: String,
        /// What is wrong with it.
        why: String,
    },
    /// What answers about certificates.
    #[error("authority {name}: ocsp: {source}")]
    Responder {
        /// Whose.
        name: AuthorityName,
        /// Why.
        source: Box<OcspResponderError>,
    },
    /// Something is to be asked for, and there is nowhere to ask.
    #[error("[{section}] is served on the [authority-listener], and there is none")]
    NoAuthorityListener {
        /// What is to be asked for.
        section: &'static str,
    },
    /// The stations' anchors are none.
    #[error("{}: [factory] needs the anchors of its stations' certificates, and there are none", path.display())]
    NoStationAnchors {
        /// Which file.
        path: PathBuf,
    },
    /// The key that seals challenges is none.
    #[error(
        "{}: the key that seals challenges is one line of 64 hex digits: `openssl rand -hex 32` makes one", path.display()
    )]
    ChallengeKey {
        /// Which file.
        path: PathBuf,
    },
    /// The key that seals challenges cannot be read, or others may read it.
    #[error("{}: {source}", path.display())]
    ChallengeKeyFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: PassphraseFileError,
    },
    /// The operating system gave no randomness for a key.
    #[error("the operating system gave no randomness for the key that seals challenges")]
    NoEntropy,
    /// There is no MASA where one is needed.
    #[error("{}: has no [masa]: name the folder that `sztp ca init` made", path.display())]
    NoMasa {
        /// The configuration.
        path: PathBuf,
    },
    /// A duration in `[masa]`.
    #[error("masa: {0}")]
    MasaDuration(DurationInvalid),
    /// EST is to be served for an authority that is not there.
    #[error("[est] names the authority {name:?}, and there is no [[authority]] of that name")]
    NoSuchAuthority {
        /// What stands there.
        name: String,
    },
    /// Two authorities of one name.
    #[error("there are two authorities called {name}: the ledger could not tell them apart")]
    AuthorityTwice {
        /// Its name.
        name: AuthorityName,
    },
    /// A key and a certificate that make no authority.
    #[error("authority {name}: {source}")]
    Authority {
        /// Its name.
        name: AuthorityName,
        /// Why.
        source: Box<AuthorityError>,
    },
    /// The owner's key and certificate.
    #[error("owner: {0}")]
    Owner(#[from] OwnerError),
    /// The names in redirects.
    #[error("device-listener.names: {0}")]
    Names(#[from] DocumentError),
}
