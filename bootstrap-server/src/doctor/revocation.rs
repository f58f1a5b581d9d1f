//! Revocation lists of device certificates that lie in files.

use std::path::Path;

use pki::{revocation::Crl, time::Timestamp};

use super::Finding;

const CHECK: &str = "revocation-list";
const DAY: i64 = 86_400;
/// Days before its next update at which a list is warned about: long enough to find out why nobody fetches it.
const WARNING: i64 = 2;

/// Whether a list can be read, and still says who is not revoked.
pub(super) fn judge(path: &Path, octets: &std::io::Result<Vec<u8>>, now: Timestamp) -> Finding {
    let shown = path.display();
    let fetch =
        format!("Fetch the manufacturer's current list into {shown}: a running server reads it within seconds.");
    let read = match octets {
        Err(error) => Err(error.to_string()),
        Ok(octets) => Crl::from_file(octets).map_err(|error| error.to_string()),
    };
    let list = match read {
        Ok(list) => list,
        Err(why) => {
            let why = format!("{shown}: {why}");
            return Finding::failed(CHECK, why, "The server does not start without it.", fetch);
        }
    };
    let issuer = list.issuer().to_string();
    let stale = "Whoever was revoked since is let in; where [device-revocation] demands lists, no device is.";
    let Some(next) = list.period().next_update else {
        let what = format!("{shown}: the list of {issuer} does not say when there is a newer one");
        return Finding::warning(CHECK, what, "It shows of no certificate that it is not revoked.", fetch);
    };
    let days = next.unix().saturating_sub(now.unix()) / DAY;
    if next < now {
        return Finding::warning(
            CHECK,
            format!("{shown}: there should be a newer list of {issuer} since {next}"),
            stale,
            fetch,
        );
    }
    if days < WARNING {
        return Finding::warning(
            CHECK,
            format!("{shown}: the list of {issuer} is to be replaced by {next}"),
            stale,
            fetch,
        );
    }
    Finding::ok(CHECK, format!("{shown}: the list of {issuer} holds for {days} days"))
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer, KeyIdMethod, KeyPair,
        KeyUsagePurpose, SerialNumber,
    };

    use super::*;
    use crate::doctor::Outcome;

    fn list(now: Timestamp, next_update: i64) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        let list = CertificateRevocationListParams {
            this_update: now.plus_seconds(-10 * DAY).to_offset_date_time(),
            next_update: now.plus_seconds(next_update).to_offset_date_time(),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&Issuer::from_params(&params, &key)).unwrap().der().to_vec()
    }

    #[test]
    fn a_list_is_told_of_before_it_goes_stale() {
        let now = Timestamp::from_unix(1_800_000_000);
        let judged = |octets| judge(Path::new("maker.crl"), &octets, now);
        assert_eq!(judged(Ok(list(now, 5 * DAY + 60))).outcome, Outcome::Ok);
        for (left, says) in [(DAY, "is to be replaced"), (-60, "there should be a newer list")] {
            let finding = judged(Ok(list(now, left)));
            assert!(matches!(finding.outcome, Outcome::Warning(_)) && finding.what.contains(says), "{finding:?}");
        }
        for broken in [Ok(b"none".to_vec()), Err(std::io::ErrorKind::NotFound.into())] {
            assert!(matches!(judged(broken).outcome, Outcome::Failed(_)));
        }
    }
}
