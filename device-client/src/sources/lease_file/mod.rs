//! What a DHCP client that runs already wrote down about its lease.
//!
//! Nothing is sent, so this works beside every client that keeps the option: its own format is recognised by what is in the
//! file. A client that keeps less is named, with what to do instead.

mod dhclient;
mod key_value;
mod message;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use dhcp::bootstrap_uri::AcceptedForms;
use pki::time::Timestamp;
use serde::Deserialize;
use verdict::{ReasonCode, Refusal};

use super::{
    Surroundings,
    name_service::NameService,
    redirect_option::{self, Received},
};
use crate::machine::Discovery;

/// Which files are read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Files, and folders whose files are read; where the usual clients write, by default.
    pub paths: Vec<PathBuf>,
    /// The forms of the option that are taken (DHC-15); the standard's alone by default.
    #[serde(deserialize_with = "redirect_option::read_forms")]
    pub accept: AcceptedForms,
}

/// udhcpc with our script, systemd-networkd, dhcpcd since version 9 and before, NetworkManager, dhclient of Debian and of
/// Red Hat.
const USUAL: [&str; 7] = [
    "/run/udhcpc",
    "/run/systemd/netif/leases",
    "/var/lib/dhcpcd",
    "/var/db/dhcpcd",
    "/var/lib/NetworkManager",
    "/var/lib/dhcp",
    "/var/lib/dhclient",
];

/// Most files that are read.
const FILES: usize = 64;

/// Longest file that is read, in octets: dhclient adds to its own for months.
const LENGTH: u64 = 1024 * 1024;

impl Default for Settings {
    fn default() -> Self {
        Self { paths: USUAL.map(PathBuf::from).to_vec(), accept: AcceptedForms::STRICT }
    }
}

impl Settings {
    /// The same, with paths that are relative to `base` made whole.
    pub(super) fn relative_to(mut self, base: &Path) -> Self {
        for path in &mut self.paths {
            *path = base.join(&path);
        }
        self
    }
}

/// What is written down about a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lease {
    /// Option 143 or 136 with its number, where the client kept it.
    option: Option<(u8, Vec<u8>)>,
    /// When the lease ends, where the file says so.
    expires: Option<Timestamp>,
    name_service: NameService,
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// Of a client that could have kept the option.
    Leases(Vec<Lease>),
    /// Of systemd-networkd or NetworkManager, which keep options 224 to 254 and the few that they know.
    Private(Lease),
    /// No lease file.
    Unknown,
}

/// Reads the files. What they say is believed by nobody (DHC-01).
///
/// # Errors
/// [`ReasonCode::NoSource`] when there is no file, [`ReasonCode::DhcpOptionNotKept`] and [`ReasonCode::DhcpLeaseExpired`] when
/// no file has the option or none is in force, [`ReasonCode::DhcpUriInvalid`] when nothing in it is usable (DHC-09).
pub fn discover(settings: &Settings, surroundings: &mut Surroundings<'_>) -> Result<Discovery, Refusal> {
    let mut ignored = Vec::new();
    let mut options = Vec::new();
    for (path, whether) in files(&settings.paths) {
        let shown = path.display();
        let (octets, written) = match read(&path) {
            Ok(read) => read,
            Err(error) => {
                ignored.push(Refusal::new(ReasonCode::NoSource, format!("{shown}: {error}")));
                continue;
            }
        };
        let leases = match recognise(&octets, written) {
            Content::Leases(leases) => leases,
            Content::Private(lease) if lease.option.is_some() => vec![lease],
            Content::Private(_) => {
                let detail = format!("{shown}: systemd-networkd and NetworkManager keep the options 224 to 254 alone");
                ignored.push(Refusal::new(ReasonCode::DhcpOptionNotKept, detail));
                continue;
            }
            Content::Unknown => {
                if whether == Whether::Named {
                    let detail = format!("{shown} is no lease file that is known here");
                    ignored.push(Refusal::new(ReasonCode::NoSource, detail));
                }
                continue;
            }
        };
        for lease in leases {
            // A clock that may not be believed ends no lease (RFC 8572 §9.1).
            if let (Some(expires), Some(now)) = (lease.expires, surroundings.clock.now())
                && expires <= now
            {
                let detail = format!("{shown}: the lease ended at {expires}; it is now {now}");
                ignored.push(Refusal::new(ReasonCode::DhcpLeaseExpired, detail));
                continue;
            }
            lease.name_service.teach(surroundings.learned);
            match lease.option {
                Some((number, value)) => {
                    options.push(Received { whence: format!("option {number} in {shown}"), value });
                }
                None => ignored.push(Refusal::new(ReasonCode::DhcpOptionNotKept, shown.to_string())),
            }
        }
    }
    if options.is_empty() {
        let nothing = || Refusal::new(ReasonCode::NoSource, "there is no lease file");
        return Err(ignored.into_iter().next().unwrap_or_else(nothing));
    }
    redirect_option::keep(&options, surroundings.learned);
    let mut discovery = redirect_option::read(&options, settings.accept, surroundings.notes)?;
    discovery.ignored.extend(ignored);
    Ok(discovery)
}

/// Whether somebody named a file, or it was found in a folder, where there may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whether {
    Named,
    Found,
}

/// The files to read, those of a folder by their names.
fn files(paths: &[PathBuf]) -> Vec<(PathBuf, Whether)> {
    let mut files = Vec::new();
    for path in paths {
        let Ok(folder) = fs::read_dir(path) else {
            if path.exists() {
                files.push((path.clone(), Whether::Named));
            }
            continue;
        };
        let entries = folder.map_while(Result::ok).take(FILES.saturating_mul(4));
        let mut found: Vec<_> = entries.map(|it| it.path()).filter(|it| it.is_file() && may_be_lease(it)).collect();
        found.sort_unstable();
        files.extend(found.into_iter().map(|it| (it, Whether::Found)));
    }
    files.truncate(FILES);
    files
}

/// By its name: `eth0.lease`, `dhclient.eth0.leases`, `eth0.lease6`, `eth0.env`, and networkd's index of an interface.
fn may_be_lease(path: &Path) -> bool {
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let is_index = !name.is_empty() && name.bytes().all(|it| it.is_ascii_digit());
    is_index || matches!(ending, Some("lease" | "lease6" | "leases" | "env"))
}

/// A file's octets, and when they were written.
fn read(path: &Path) -> io::Result<(Vec<u8>, Option<Timestamp>)> {
    // Opening a pipe would wait for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let file = File::open(path)?;
    let written = file.metadata()?.modified().ok().filter(|it| *it <= SystemTime::now()).map(Timestamp::from_system);
    let mut octets = Vec::new();
    file.take(LENGTH.saturating_add(1)).read_to_end(&mut octets)?;
    if u64::try_from(octets.len()).unwrap_or(u64::MAX) > LENGTH {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok((octets, written))
}

/// Whose file it is, by its content alone.
fn recognise(octets: &[u8], written: Option<Timestamp>) -> Content {
    if let Some(lease) = message::read(octets, written) {
        return Content::Leases(vec![lease]);
    }
    let Ok(text) = str::from_utf8(octets) else { return Content::Unknown };
    let leases = dhclient::read(text);
    if !leases.is_empty() {
        return Content::Leases(leases);
    }
    key_value::read(text, written).unwrap_or(Content::Unknown)
}

/// When a time to live ends that began when the file was written.
fn after(written: Option<Timestamp>, seconds: u32) -> Option<Timestamp> {
    written.filter(|_| seconds != u32::MAX).map(|it| it.plus_seconds(seconds.into()))
}

#[cfg(test)]
mod tests {
    use pki::time::Clock;

    use super::*;
    use crate::sources::Around;
    use crate::{
        Server,
        machine::{Offer, Origin},
        sources::Learned,
    };

    const DHCLIENT: &str = "lease {\n  interface \"eth0\";\n  fixed-address 192.0.2.7;\n  \
        option sztp-redirect 0:11:68:74:74:70:73:3a:2f:2f:31:39:32:2e:30:2e:32:2e:31;\n  \
        option domain-name \"example.net\";\n  expire 0 2026/11/22 02:58:12;\n}\n";

    fn discover_at(paths: &[PathBuf], clock: Clock) -> (Result<Discovery, Refusal>, Learned) {
        let settings = Settings { paths: paths.to_vec(), ..Settings::default() };
        let mut around = Around { clock, ..Around::new("SN-1") };
        (discover(&settings, &mut around.surroundings()), around.learned)
    }

    fn trusted(time: &str) -> Clock {
        Clock::Trusted(Timestamp::parse_rfc3339(time).unwrap())
    }

    #[test]
    fn dhc_02_a_lease_counts_as_long_as_the_file_and_a_clock_that_is_believed_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dhclient.eth0.leases");
        fs::write(&path, DHCLIENT).unwrap();
        fs::write(folder.path().join("dhclient.conf"), "lease {").unwrap();
        let paths = [folder.path().to_owned()];
        let (found, learned) = discover_at(&paths, trusted("2026-11-22T02:58:11Z"));
        let expected = Offer::Server(Server::new("192.0.2.1", 443), Origin::Untrusted);
        assert_eq!(found.unwrap().offers, [expected]);
        assert_eq!(learned.domains, ["example.net"], "DNS-16");

        let (late, learned) = discover_at(&paths, trusted("2026-11-22T02:58:12Z"));
        assert_eq!(late.unwrap_err().reason, ReasonCode::DhcpLeaseExpired);
        assert_eq!(learned, Learned::default());
        let at_least = Timestamp::parse_rfc3339("2030-01-01T00:00:00Z").unwrap();
        assert!(discover_at(&paths, Clock::Untrusted { at_least }).0.is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        // As version 252 wrote it, which had asked for option 143 and got it, beside option 224.
        let networkd = write(
            "3",
            "# This is private data. Do not parse.\nADDRESS=192.0.2.55\nNETMASK=255.255.255.0\nROUTER=192.0.2.1\n\
             SERVER_ADDRESS=192.0.2.1\nNEXT_SERVER=192.0.2.1\nBROADCAST=192.0.2.255\nT1=300\nT2=525\nLIFETIME=600\n\
             HOSTNAME=vm\nCLIENTID=ffef57260300020000ab110033bdebf95e192c\nOPTION_224=6162\n",
        );
        let silent = write("eth0.leases", "lease {\n  interface \"eth0\";\n  fixed-address 192.0.2.7;\n}\n");
        let stranger = write("notes.env", "some text");
        let clock = trusted("2026-11-22T00:00:00Z");
        let refused = |path: &Path| discover_at(&[path.to_owned()], clock).0.unwrap_err();
        let refusal = refused(&networkd);
        assert_eq!(refusal.reason, ReasonCode::DhcpOptionNotKept);
        assert!(refusal.detail.contains("systemd-networkd"), "{}", refusal.detail);
        assert!(refusal.reason.remedy().contains("mode = \"inform\""));
        assert_eq!(refused(&silent).reason, ReasonCode::DhcpOptionNotKept);
        assert!(refused(&stranger).detail.contains("no lease file that is known"));
        assert!(refused(Path::new("/nowhere/at/all")).detail.contains("there is no lease file"));
        assert!(refused(Path::new("/dev/zero")).detail.starts_with("/dev/zero: "));
    }

    #[test]
    fn hostile_files_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big.lease");
        fs::write(&path, vec![b'{'; 1024 * 1024 + 1]).unwrap();
        let refusal = discover_at(&[path], trusted("2026-11-22T00:00:00Z")).0.unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::NoSource);
        for index in 0..100 {
            fs::write(folder.path().join(format!("{index}.lease")), DHCLIENT).unwrap();
        }
        assert_eq!(files(&[folder.path().to_owned()]).len(), FILES);
        for text in
            ["{{{{{{{{", "lease {", "lease { option", "lease6 { ia-na { iaaddr", "\"", "lease { \"\\", "=", "opt143="]
        {
            let _content: Content = recognise(text.as_bytes(), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_can_be_in_a_file_makes_a_reader_fail(
            octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
            words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 0..60),
        ) {
            let written = Some(Timestamp::from_unix(i64::MAX));
            let _content: Content = recognise(&octets, written);
            let _content: Content = recognise(words.join(" ").as_bytes(), written);
            let _content: Content = recognise(words.concat().as_bytes(), written);
        }
    }

    const WORDS: [&str; 20] = [
        "lease",
        "lease6",
        "{",
        "}",
        ";",
        "\"",
        "\\",
        "\\377",
        ",",
        "#",
        "\n",
        "interface",
        "option",
        "sztp-redirect",
        "0:ff",
        "expire 0 2026/11/22 02:58:12",
        "expire epoch 99999999999999",
        "starts 9223372036854775807",
        "max-life 4294967294",
        "opt143=00",
    ];

    #[test]
    fn a_table_is_read() {
        let read = |text: &str| toml::from_str::<Settings>(text);
        assert_eq!(read("").unwrap().paths.len(), USUAL.len());
        assert_eq!(read("paths = ['/a']\naccept = ['text']").unwrap().paths, [PathBuf::from("/a")]);
        assert!(read("path = '/a'").is_err());
        let whole = read("paths = ['a', '/b']").unwrap().relative_to(Path::new("/etc/sztp"));
        assert_eq!(whole.paths, [PathBuf::from("/etc/sztp/a"), PathBuf::from("/b")]);
    }
}
