//! Name constraints (RFC 5280 §4.2.1.10): what those below a CA may be called.
//!
//! A constraint on one form of names says nothing about another form. A name must lie within one of the permitted subtrees
//! of its form, where there are any, and within no excluded one. Where it is not clear whether it does, it is refused both
//! ways. Constraints bind whether or not the extension is critical.

mod dns;
mod email;
mod ip;
mod uri;

use const_oid::{ObjectIdentifier, db::rfc3280::EMAIL_ADDRESS};
use x509_cert::{
    ext::pkix::{
        NameConstraints,
        constraints::name::GeneralSubtree,
        name::{GeneralName, OtherName},
    },
    name::Name,
};

use super::{Budget, PathError};
use crate::certificate::{Certificate, Likeness, below};

/// id-on-SmtpUTF8Mailbox (RFC 9598 §3): a mailbox in another form.
const SMTP_UTF8_MAILBOX: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.9");

/// Whether a name lies within a subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Yes,
    No,
    /// Nobody can tell: neither permitted by it, nor free of it.
    Unclear,
}

/// One name of a certificate.
#[derive(Clone, Copy, Debug)]
enum Named<'a> {
    Directory(&'a Name),
    General(&'a GeneralName),
    /// The emailAddress attribute of a subject.
    Email(&'a str),
}

/// Whether `issuer` may have issued a certificate that holds the names of `certificate`.
pub(super) fn check(issuer: &Certificate, certificate: &Certificate, budget: &mut Budget) -> Result<(), PathError> {
    let Some(constraints) = &issuer.extensions().name_constraints else { return Ok(()) };
    check_form(issuer, constraints, budget)?;
    let (permitted, excluded) = (subtrees(&constraints.permitted_subtrees), subtrees(&constraints.excluded_subtrees));
    for name in names(certificate) {
        let refuse = |rule| PathError::Name {
            subject: certificate.subject_text(),
            issuer: issuer.subject_text(),
            name: name.to_string(),
            rule,
        };
        let (mut bound, mut inside) = (false, false);
        for subtree in permitted {
            budget.compare(cost(subtree))?;
            match name.within(&subtree.base) {
                None => continue,
                Some(Within::Yes) => inside = true,
                Some(Within::No | Within::Unclear) => {}
            }
            bound = true;
        }
        // RFC 5280 §6.1.3 (b).
        if bound && !inside {
            return Err(refuse(NameRule::NotPermitted));
        }
        for subtree in excluded {
            budget.compare(cost(subtree))?;
            // RFC 5280 §6.1.3 (c).
            if matches!(name.within(&subtree.base), Some(Within::Yes | Within::Unclear)) {
                return Err(refuse(NameRule::Excluded));
            }
        }
    }
    Ok(())
}

/// What a constraint says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameRule {
    /// It lies within none of the permitted subtrees.
    NotPermitted,
    /// It lies within an excluded subtree, or may.
    Excluded,
}

impl std::fmt::Display for NameRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotPermitted => "permits no such name",
            Self::Excluded => "excludes such names",
        })
    }
}

/// RFC 5280 §4.2.1.10: what a subtree may say, judged before it is used: one that cannot be read binds nobody.
fn check_form(issuer: &Certificate, constraints: &NameConstraints, budget: &mut Budget) -> Result<(), PathError> {
    let all = [&constraints.permitted_subtrees, &constraints.excluded_subtrees];
    for subtree in all.into_iter().flat_map(subtrees) {
        budget.compare(1)?;
        let readable = match &subtree.base {
            GeneralName::DnsName(base) => dns::is_base(base.as_str()),
            GeneralName::Rfc822Name(base) => email::is_base(base.as_str()),
            GeneralName::UniformResourceIdentifier(base) => uri::is_base(base.as_str()),
            GeneralName::IpAddress(base) => ip::is_base(base.as_bytes()),
            _ => true,
        };
        // minimum and maximum are not used with any form of name.
        if !readable || subtree.minimum != 0 || subtree.maximum.is_some() {
            let (subject, constraint) = (issuer.subject_text(), shown(&subtree.base));
            return Err(PathError::NameConstraint { subject, constraint });
        }
    }
    Ok(())
}

fn subtrees(given: &Option<Vec<GeneralSubtree>>) -> &[GeneralSubtree] {
    given.as_deref().unwrap_or_default()
}

/// Comparing directory names costs more, the longer they are.
fn cost(subtree: &GeneralSubtree) -> usize {
    match &subtree.base {
        GeneralName::DirectoryName(base) => base.len().saturating_add(1),
        _ => 1,
    }
}

/// Every name that constraints are about.
fn names(certificate: &Certificate) -> impl Iterator<Item = Named<'_>> {
    let subject = certificate.subject();
    let directory = (!subject.is_empty()).then_some(Named::Directory(subject));
    // Demanded where there is no subjectAltName. Where there is one, a mailbox in the subject is no less a claim.
    let emails = subject.iter().filter(|attribute| attribute.oid == EMAIL_ADDRESS);
    let emails = emails.map(|attribute| Named::Email(std::str::from_utf8(attribute.value.value()).unwrap_or_default()));
    let alternatives = certificate.extensions().subject_alt_name.iter().flat_map(|it| &it.0).map(Named::General);
    directory.into_iter().chain(emails).chain(alternatives)
}

impl Named<'_> {
    /// `None` when the constraint is about another form of names.
    fn within(self, base: &GeneralName) -> Option<Within> {
        use GeneralName::{
            DirectoryName, DnsName, EdiPartyName, IpAddress, OtherName, RegisteredId, Rfc822Name,
            UniformResourceIdentifier as Uri,
        };
        let within = match (self, base) {
            (Self::Directory(name) | Self::General(DirectoryName(name)), DirectoryName(base)) => {
                match below(name, base) {
                    Likeness::Same => Within::Yes,
                    Likeness::Different => Within::No,
                    Likeness::Undecided => Within::Unclear,
                }
            }
            (Self::General(DnsName(name)), DnsName(base)) => dns::within(name.as_str(), base.as_str()),
            (Self::General(Uri(name)), Uri(base)) => uri::within(name.as_str(), base.as_str()),
            (Self::General(IpAddress(name)), IpAddress(base)) => ip::within(name.as_bytes(), base.as_bytes()),
            (Self::General(Rfc822Name(name)), Rfc822Name(base)) => email::within(name.as_str(), base.as_str()),
            (Self::Email(name), Rfc822Name(base)) => email::within(name, base.as_str()),
            // RFC 9598 §6: bound by the constraints on mailboxes, which are not read in this form.
            (Self::General(OtherName(name)), Rfc822Name(_)) if name.type_id == SMTP_UTF8_MAILBOX => Within::Unclear,
            // RFC 5280 §4.2.1.10: forms that are not processed, and to be refused where they are bound.
            (Self::General(OtherName(name)), OtherName(base)) if name.type_id == base.type_id => Within::Unclear,
            (Self::General(EdiPartyName(_)), EdiPartyName(_)) => Within::Unclear,
            (Self::General(RegisteredId(_)), RegisteredId(_)) => Within::Unclear,
            _ => return None,
        };
        Some(within)
    }
}

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(name) => name.fmt(f),
            Self::Email(name) => f.write_str(name),
            Self::General(name) => f.write_str(&shown(name)),
        }
    }
}

/// A name with its form, as people read it.
fn shown(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(name) => format!("DNS:{name}"),
        GeneralName::Rfc822Name(name) => format!("email:{name}"),
        GeneralName::UniformResourceIdentifier(name) => format!("URI:{name}"),
        GeneralName::DirectoryName(name) => format!("directory:{name}"),
        GeneralName::IpAddress(octets) => {
            let hex: String = octets.as_bytes().iter().map(|octet| format!("{octet:02x}")).collect();
            format!("IP:{hex}")
        }
        GeneralName::OtherName(OtherName { type_id, .. }) => format!("other name of type {type_id}"),
        GeneralName::RegisteredId(id) => format!("registered identifier {id}"),
        GeneralName::EdiPartyName(_) => "EDI party name".to_owned(),
    }
}
