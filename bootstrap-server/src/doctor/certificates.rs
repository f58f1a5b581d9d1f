//! Certificates as devices and operators will judge them: dates, names, and the way up to an anchor.

use std::path::Path;

use conveyed_info::{OwnershipVoucher, cms::SignedData, voucher::Voucher};
use pki::{
    certificate::Certificate,
    path::{self, Policy, Purpose},
    server_name,
    time::{Clock, Timestamp},
};

use super::Finding;

const CHECK: &str = "certificate";
const DAY: i64 = 86_400;
/// Days before its end at which a certificate is warned about: enough to have another issued on a working day.
const WARNING: i64 = 30;

/// The dates of a whole chain: a chain is valid for as long as its shortest-lived certificate is.
pub(super) fn judge_dates(path: &Path, chain: &[Certificate], now: Timestamp) -> Finding {
    let shown = path.display();
    let Some(first) = chain.iter().min_by_key(|certificate| certificate.not_after()) else {
        return Finding::failed(
            CHECK,
            format!("{shown}: holds no certificate"),
            "The server does not start without it.",
            format!("sztp artifact inspect {shown}"),
        );
    };
    let (subject, end) = (first.subject_text(), first.not_after());
    let renew = format!("Have {subject} issued anew, put it into {shown}, and run `systemctl reload sztp`.");
    if end < now {
        return Finding::failed(
            CHECK,
            format!("{shown}: {subject} expired at {end}"),
            "Devices that know the time refuse it.",
            renew,
        );
    }
    // 802.1AR and RFC 5280 have one date that means never.
    if end == Timestamp::INFINITY {
        return Finding::ok(CHECK, format!("{shown}: {subject} never expires"));
    }
    let days = end.unix().saturating_sub(now.unix()) / DAY;
    if days < WARNING {
        return Finding::warning(
            CHECK,
            format!("{shown}: {subject} expires in {days} days, at {end}"),
            "From then on devices that know the time refuse it.",
            renew,
        );
    }
    Finding::ok(CHECK, format!("{shown}: the first to expire is {subject}, in {days} days"))
}

/// Whether devices and operators that come by one of `names` accept the certificate.
pub(super) fn judge_names(path: &Path, own: &Certificate, names: &[String]) -> Finding {
    const CHECK: &str = "names";
    let shown = path.display();
    if names.is_empty() {
        return Finding::failed(
            CHECK,
            "device-listener.names is empty",
            "Redirects would send devices nowhere.",
            "List in sztp.toml the names or addresses by which devices reach this server.",
        );
    }
    let missing: Vec<&str> =
        names.iter().filter(|name| server_name::verify(own, name).is_err()).map(String::as_str).collect();
    if missing.is_empty() {
        return Finding::ok(CHECK, format!("{shown}: stands for {}", names.join(", ")));
    }
    Finding::failed(
        CHECK,
        format!("{shown}: does not stand for {}", missing.join(", ")),
        "A device that is sent to that name refuses the server (RFC 8572 §5.3).",
        "Have a certificate issued with that name, or take the name out of device-listener.names.",
    )
}

/// Whether the server's certificate was issued under the anchor that redirects name.
pub(super) fn judge_chain(path: &Path, chain: &[Certificate], anchor: (&Path, &[Certificate])) -> Finding {
    const CHECK: &str = "chain";
    let (anchor_path, anchors) = anchor;
    // RFC 8572 §6.3: under the lowest CA of the anchor's chain. Dates are another finding.
    let policy = Policy::new(Clock::Untrusted { at_least: Timestamp::from_unix(0) }, Purpose::TlsServer);
    let lowest = anchors.first().map(std::slice::from_ref).unwrap_or_default();
    let validated = chain.split_first().map(|(own, intermediates)| path::validate(own, intermediates, lowest, &policy));
    match validated {
        Some(Ok(_)) => Finding::ok(CHECK, format!("{} is issued under {}", path.display(), anchor_path.display())),
        Some(Err(error)) => Finding::failed(
            CHECK,
            format!(
                "{} is not issued under the first certificate in {}: {error}",
                path.display(),
                anchor_path.display()
            ),
            "Devices that this server redirects to itself refuse it (RFC 8572 §6.3).",
            "Name in device-listener.trust-anchor the chain of the CA that issued it, lowest first.",
        ),
        None => Finding::failed(
            CHECK,
            format!("{}: holds no certificate", path.display()),
            "The server does not start without it.",
            format!("sztp artifact inspect {}", path.display()),
        ),
    }
}

/// Whether the owner certificate may sign, with a path of its own to each pinned certificate that is asked about.
pub(super) fn owner_path(chain: &[Certificate], pinned: &Certificate, now: Timestamp) -> Result<(), String> {
    let Some((own, intermediates)) = chain.split_first() else { return Err("no certificate".to_owned()) };
    let policy = Policy::new(Clock::Trusted(now), Purpose::Signing);
    path::validate(own, intermediates, std::slice::from_ref(pinned), &policy).map(drop).map_err(|it| it.to_string())
}

/// What a voucher pins, whether it is genuine or not.
pub(super) fn pinned(voucher: &OwnershipVoucher) -> Option<Certificate> {
    let signed = SignedData::from_der(voucher.der()).ok()?;
    Some(Voucher::from_json(signed.unverified_content()?).ok()?.pinned_domain_cert)
}

/// What the vouchers that were looked at say about this owner.
#[derive(Debug, Default)]
pub(super) struct VoucherFacts {
    /// How many were looked at.
    pub(super) looked_at: u64,
    /// Those that pin something which the owner certificate does not chain to: device and reason.
    pub(super) foreign: Vec<(String, String)>,
}

/// Vouchers that pin another owner are of no use, and devices would say so one by one (CLI-37).
pub(super) fn judge_vouchers(facts: &VoucherFacts) -> Finding {
    const CHECK: &str = "owner-certificate";
    match facts.foreign.first() {
        None if facts.looked_at == 0 => Finding::ok(CHECK, "may sign conveyed information; no voucher is stored yet"),
        None => Finding::ok(
            CHECK,
            format!("may sign conveyed information, and all {} vouchers looked at pin this owner", facts.looked_at),
        ),
        Some((device, reason)) => Finding::failed(
            CHECK,
            format!(
                "{} of {} vouchers looked at pin another owner, such as that of {device}: {reason}",
                facts.foreign.len(),
                facts.looked_at
            ),
            "These devices refuse everything that this server signs (RFC 8572 §5.4).",
            "Have vouchers issued that pin the owner's CA and run `sztp voucher import`, or name the owner \
             certificate that they pin in sztp.toml.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use authority::OwnerParty;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_system(std::time::SystemTime::now())
    }

    fn owner() -> OwnerParty {
        OwnerParty::new("Owner", &["127.0.0.1".to_owned()], now()).unwrap()
    }

    #[test]
    fn expiry_is_warned_about_thirty_days_ahead() {
        let owner = owner();
        let path = Path::new("server.pem");
        let end = owner.tls_chain.iter().map(Certificate::not_after).min().unwrap();
        let at = |seconds| judge_dates(path, &owner.tls_chain, end.plus_seconds(seconds));
        assert_eq!(at(-31 * DAY).outcome.as_str(), "ok");
        assert_eq!(at(-29 * DAY).outcome.as_str(), "warning");
        assert!(at(-29 * DAY).what.contains("in 29 days"), "{}", at(-29 * DAY).what);
        assert_eq!(at(1).outcome.as_str(), "failed");
        assert!(judge_dates(path, &[], end).is_failure());
    }

    #[test]
    fn a_name_that_the_certificate_lacks_is_named() {
        let owner = owner();
        let judge = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|it| (*it).to_owned()).collect();
            judge_names(Path::new("server.pem"), &owner.tls_chain[0], &names)
        };
        assert_eq!(judge(&["127.0.0.1"]).outcome.as_str(), "ok");
        assert!(judge(&["127.0.0.1", "ztp.example"]).what.ends_with("does not stand for ztp.example"));
        assert!(judge(&[]).is_failure());
    }

    #[test]
    fn a_certificate_of_another_ca_than_redirects_name_is_seen() {
        let (owner, other) = (owner(), owner());
        let judge = |anchor: &OwnerParty| {
            judge_chain(Path::new("server.pem"), &owner.tls_chain, (Path::new("anchor.pem"), anchor.tls_anchor()))
        };
        assert_eq!(judge(&owner).outcome.as_str(), "ok");
        assert!(judge(&other).is_failure());
    }

    #[test]
    fn vouchers_for_another_owner_are_counted() {
        let (owner, other) = (owner(), owner());
        owner_path(&owner.chain, owner.pinned().unwrap(), now()).unwrap();
        let reason = owner_path(&owner.chain, other.pinned().unwrap(), now()).unwrap_err();
        let facts = VoucherFacts { looked_at: 3, foreign: vec![("maker/SN-1".to_owned(), reason)] };
        let finding = judge_vouchers(&facts);
        assert!(finding.is_failure() && finding.what.contains("1 of 3") && finding.what.contains("maker/SN-1"));
        assert_eq!(judge_vouchers(&VoucherFacts::default()).outcome.as_str(), "ok");
    }
}
