//! Those who issue certificates: whether they can, for how long, and whether all who are named are there.

use std::path::Path;

use conveyed_info::verify::names_a_registrar;
use pki::{certificate::Certificate, time::Timestamp};

use super::Finding;
use crate::{
    config::{AuthoritySection, ConfigError},
    domain::OnboardingProfile,
};

const CHECK: &str = "authority";
const NO_START: &str = "The server does not start.";
const DAY: i64 = 86_400;
/// Days before its end at which a CA is warned about. What it issues must end before it does, and whoever trusts it has to be
/// given its successor first.
const CA_WARNING: i64 = 180;
/// The same of who answers for it. Its certificate is short-lived, since nobody asks whether it was revoked.
const RESPONDER_WARNING: i64 = 7;

/// Whether an authority can be made of its section, files aside: they have findings of their own.
pub(super) fn judge_section(name: &str, made: Result<&(), &ConfigError>) -> Option<Finding> {
    Some(Finding::failed(
        CHECK,
        made.err()?.to_string(),
        NO_START,
        format!("Mend the [[authority]] table of {name} in sztp.toml, then: sztp serve --check-config"),
    ))
}

/// Whether the name is one's own.
pub(super) fn judge_name<'a>(name: &str, mut before: impl Iterator<Item = &'a AuthoritySection>) -> Option<Finding> {
    before.any(|it| it.name == name).then(|| {
        let what = format!("there are two authorities called {name}: the ledger could not tell them apart");
        Finding::failed(CHECK, what, NO_START, "Give one of them another name in sztp.toml.")
    })
}

/// How long a CA, whose certificate is `own`, goes on.
pub(super) fn judge_end(name: &str, own: &Certificate, now: Timestamp) -> Finding {
    let end = own.not_after();
    if end == Timestamp::INFINITY {
        return Finding::ok(CHECK, format!("{name}: issues without an end"));
    }
    let days = end.unix().saturating_sub(now.unix()) / DAY;
    let succeed = format!(
        "Make a CA under a name of its own beside {name}, give its certificate to whoever trusts the old one, then let profiles \
         name it."
    );
    if end < now {
        let what = format!("{name}: its CA certificate expired at {end}");
        return Finding::failed(CHECK, what, "Nobody who knows the time believes what it issues.", succeed);
    }
    if days < CA_WARNING {
        let what = format!("{name}: its CA certificate expires in {days} days, at {end}");
        return Finding::warning(CHECK, what, "No certificate that it issues can live longer.", succeed);
    }
    Finding::ok(CHECK, format!("{name}: issues for another {days} days"))
}

/// How long the certificate of who answers for a CA (RFC 6960 §4.2.2.2) goes on.
pub(super) fn judge_responder(name: &str, own: &Certificate, now: Timestamp) -> Finding {
    let (end, check) = (own.not_after(), "ocsp-responder");
    let days = end.unix().saturating_sub(now.unix()) / DAY;
    let renew = format!("Have {} issued anew, and put it into the place of the old one.", own.subject_text());
    if end < now {
        let what = format!("{name}: the certificate that signs its answers expired at {end}");
        return Finding::failed(check, what, "Nobody believes what it says of revoked certificates.", renew);
    }
    if days < RESPONDER_WARNING {
        let what = format!("{name}: the certificate that signs its answers expires in {days} days, at {end}");
        return Finding::warning(check, what, "From then on nobody believes what it says.", renew);
    }
    Finding::ok(check, format!("{name}: answers about its certificates for another {days} days"))
}

/// Whether `[est]` can be served.
pub(super) fn judge_est(named: &str, authorities: &[AuthoritySection], has_listener: bool) -> Finding {
    const CHECK: &str = "est";
    if !authorities.iter().any(|it| it.name == named) {
        return Finding::failed(
            CHECK,
            format!("[est] names {named}, and there is no [[authority]] of that name"),
            NO_START,
            format!("Name one of these: {}.", names(authorities)),
        );
    }
    if !has_listener {
        return Finding::failed(
            CHECK,
            "[est] is there, and no [authority-listener]",
            "The server does not start: nobody could ask it.",
            "Add an [authority-listener] with listen, certificate and key to sztp.toml.",
        );
    }
    Finding::ok(CHECK, format!("devices renew their certificates at {named}"))
}

/// Whether manufacturers take whoever asks them for vouchers for a registrar.
pub(super) fn judge_registrar(path: &Path, own: &Certificate) -> Finding {
    const CHECK: &str = "registrar";
    let (shown, subject) = (path.display(), own.subject_text());
    if names_a_registrar(own) {
        return Finding::ok(CHECK, format!("{shown}: {subject} may ask manufacturers for vouchers"));
    }
    Finding::warning(
        CHECK,
        format!("{shown}: {subject} lacks the extended key usage id-kp-cmcRA"),
        "Manufacturers that do as RFC 8995 §5.5.4 says give it no voucher.",
        "sztp enroll issue --csr registrar.csr --profile registrar --out registrar.pem",
    )
}

/// Whether the authorities that profiles name are there (RFC 9646: devices get a certificate in their onboarding).
pub(super) fn judge_profiles(profiles: &[OnboardingProfile], authorities: &[AuthoritySection]) -> Vec<Finding> {
    const CHECK: &str = "ldevid";
    let asking = profiles.iter().filter_map(|profile| Some((&profile.name, &profile.ldevid.as_ref()?.authority)));
    let judged = asking.map(|(profile, authority)| {
        if authorities.iter().any(|it| it.name == authority.as_str()) {
            return Finding::ok(CHECK, format!("{profile}: its devices get certificates of {authority}"));
        }
        Finding::failed(
            CHECK,
            format!("{profile}: [ldevid] names {authority}, and there is no [[authority]] of that name"),
            "Its devices are turned away with ldevid-unavailable, and try again for ever.",
            format!(
                "Add the [[authority]] to sztp.toml and start the server again, or name one of these in the profile: {}.",
                names(authorities)
            ),
        )
    });
    judged.collect()
}

fn names(authorities: &[AuthoritySection]) -> String {
    let names = authorities.iter().map(|it| it.name.as_str()).collect::<Vec<_>>();
    if names.is_empty() { "there is none yet".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use authority::OwnerParty;

    use super::*;
    use crate::{doctor::Outcome, domain::ProfileName};

    fn section(name: &str) -> AuthoritySection {
        toml::from_str(&format!("name = '{name}'\ncertificate = 'ca.pem'\nkey = 'ca.key'\n")).unwrap()
    }

    #[test]
    fn ends_are_told_of_in_time() {
        let owner = OwnerParty::new("Owner", &[], Timestamp::from_unix(1_800_000_000)).unwrap();
        let own = owner.pinned().unwrap();
        let before = |days: i64| own.not_after().plus_seconds(-days * DAY);
        for (days, health) in [(181, "ok"), (179, "warning"), (-1, "failed")] {
            let finding = judge_end("devices", own, before(days));
            assert_eq!(finding.outcome.as_str(), health, "{finding:?}");
            assert!(finding.what.starts_with("devices: "));
        }
        for (days, health) in [(8, "ok"), (6, "warning"), (-1, "failed")] {
            assert_eq!(judge_responder("devices", own, before(days)).outcome.as_str(), health);
        }
    }

    #[test]
    fn mas_04_a_certificate_that_is_no_registrars_is_found() {
        let owner = OwnerParty::new("Owner", &[], Timestamp::from_unix(1_800_000_000)).unwrap();
        let finding = judge_registrar(Path::new("registrar.pem"), owner.pinned().unwrap());
        assert!(finding.outcome.as_str() == "warning" && finding.what.contains("id-kp-cmcRA"), "{finding:?}");
    }

    #[test]
    fn a_name_that_is_nobodys_is_found() {
        let authorities = [section("devices")];
        assert_eq!(judge_est("devices", &authorities, true).outcome, Outcome::Ok);
        assert!(judge_est("devices", &authorities, false).what.contains("no [authority-listener]"));
        let other = judge_est("others", &authorities, true);
        assert!(other.is_failure() && other.outcome.advice().unwrap().fix.contains("devices"), "{other:?}");
        let profile = |authority: &str| {
            let text = format!(
                "post-configuration-script = '{{{{ldevid.certificate}}}}'\n[ldevid]\nauthority = '{authority}'\n"
            );
            OnboardingProfile::from_toml(ProfileName::new(format!("of-{authority}")).unwrap(), &text).unwrap()
        };
        let judged = judge_profiles(&[profile("devices"), profile("others")], &authorities);
        assert_eq!(judged.iter().map(Finding::is_failure).collect::<Vec<_>>(), [false, true], "{judged:?}");
        assert!(judged[1].what.starts_with("of-others: "));
        assert!(judge_profiles(&[profile("devices")], &[])[0].outcome.advice().unwrap().fix.contains("none yet"));
    }
}
