//! The documents inside artifacts: conveyed information, vouchers, and a bootstrap server's answers.

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{
    DocumentError, Encoding,
    information::{Information, OnboardingInformation, RedirectInformation},
    profile::InputProfile,
    rpc::BootstrappingAnswer,
    voucher::{Assertion, ForeignForm, Freshness, Voucher},
};
use pki::digest::sha256;
use serde_json::Value;

use super::{Content, Fact, Layer, Remark, Settings, certificate, names};

/// What a document says it is: the name of its outermost member or element, without the module.
fn outermost(document: &[u8], encoding: Encoding) -> Option<String> {
    let text = std::str::from_utf8(document).ok()?.trim_start();
    let name = match encoding {
        Encoding::Json => text.strip_prefix('{')?.trim_start().strip_prefix('"')?.split('"').next()?,
        Encoding::Xml => {
            let mut rest = text;
            while rest.starts_with("<?") || rest.starts_with("<!--") {
                let end = if rest.starts_with("<?") { "?>" } else { "-->" };
                rest = rest.split_once(end)?.1.trim_start();
            }
            rest.strip_prefix('<')?.split(|it: char| it.is_whitespace() || it == '>' || it == '/').next()?
        }
    };
    Some(name.rsplit(':').next().unwrap_or(name).to_owned())
}

/// Explains a document, or bytes that ought to be one.
pub(super) fn explain(document: &[u8], settings: &Settings) -> Layer {
    if let Some(form) = ForeignForm::detect(document) {
        return foreign(form);
    }
    let Some(encoding) = Encoding::detect(document) else { return unknown(document) };
    let mut layer = match outermost(document, encoding).as_deref() {
        Some("redirect-information" | "onboarding-information") => information(document, encoding, settings),
        Some("voucher") => voucher(document, encoding, settings),
        Some("output") => answer(document, encoding, settings),
        name => {
            let name = name.unwrap_or("nothing that could be read");
            let mut layer = Layer::new("document", format!("{encoding} document: {name}"));
            let why = "neither conveyed information (RFC 8572 §6.3) nor a voucher (RFC 8366 §5.3)".to_owned();
            layer.remark(Remark::Unreadable { what: "document", why });
            layer
        }
    };
    layer.fact("encoding", encoding.to_string());
    layer.fact("size", octets(document.len()));
    layer
}

/// Bytes that are no document.
pub(super) fn unknown(bytes: &[u8]) -> Layer {
    let mut layer = Layer::new("unknown", "something unknown");
    layer.fact("size", octets(bytes.len()));
    layer.fact("begins-with", names::hex(bytes.get(..bytes.len().min(16)).unwrap_or_default()));
    let why = "neither CMS, nor a certificate, nor a JSON or XML document".to_owned();
    layer.remark(Remark::Unreadable { what: "content", why });
    layer
}

/// A voucher in a signed form that RFC 8572 does not use (BIS-09).
pub(super) fn foreign(form: ForeignForm) -> Layer {
    let (kind, title) = match form {
        ForeignForm::Jws => ("json-web-signature", "JSON Web Signature"),
        ForeignForm::Cose => ("cose", "COSE structure"),
    };
    let mut layer = Layer::new(kind, title);
    layer.gist(form.to_string());
    layer.remark(Remark::Foreign(form));
    layer
}

fn information(document: &[u8], encoding: Encoding, settings: &Settings) -> Layer {
    match Information::decode(document, encoding) {
        Ok(Information::Redirect(information)) => redirect(&information, settings),
        Ok(Information::Onboarding(information)) => onboarding(&information, settings),
        Err(error) => invalid("conveyed-information", "conveyed information", document, &error),
    }
}

fn redirect(information: &RedirectInformation, settings: &Settings) -> Layer {
    let mut layer = Layer::new("redirect-information", "redirect information");
    let servers = information.servers();
    layer.gist(match servers {
        [only] => format!("redirect information to {}", host_and_port(&only.address, only.port)),
        several => format!("redirect information to {} bootstrap servers", several.len()),
    });
    for server in servers {
        let name = host_and_port(&server.address, server.port);
        let mut inner = Layer::new("bootstrap-server", format!("bootstrap server {name}"));
        inner.fact("address", server.address.clone());
        inner.fact("port", u64::from(server.port));
        match &server.trust_anchor {
            None => {
                inner.fact("trust-anchor", "none: the device needs one from elsewhere, or goes there provisionally")
            }
            Some(anchor) => {
                inner.fact("trust-anchor", "the server's certificate must be issued by the first of these");
                for certificate in anchor.chain() {
                    inner.put(certificate::explain(certificate.der(), settings));
                }
            }
        }
        layer.put(inner);
    }
    layer
}

fn host_and_port(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

fn onboarding(information: &OnboardingInformation, settings: &Settings) -> Layer {
    let mut layer = Layer::new("onboarding-information", "onboarding information");
    let mut parts = Vec::new();
    if let Some(image) = &information.boot_image {
        let names = [image.os_name.as_deref(), image.os_version.as_deref()];
        let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        parts.push(if name.is_empty() { "boot image".to_owned() } else { format!("boot image {name}") });
        let mut inner = Layer::new("boot-image", "boot image");
        inner.fact_if("os-name", image.os_name.clone());
        inner.fact_if("os-version", image.os_version.clone());
        if !image.download_uris.is_empty() {
            inner.fact("download-uri", image.download_uris.clone());
        }
        inner.fact_if("sha256", image.sha256.map(|digest| digest.to_string()));
        layer.put(inner);
    }
    let mut hidden = false;
    let mut secret = |layer: &mut Layer, kind, title: &str, content: &[u8], handling: Option<&str>| {
        parts.push(title.to_owned());
        let mut inner = Layer::new(kind, title);
        inner.fact_if("handling", handling);
        inner.fact("size", octets(content.len()));
        inner.fact("sha256", sha256(content).to_string());
        match settings.content {
            Content::Hidden => hidden = true,
            Content::Shown => inner.fact("content", shown(content)),
        }
        layer.put(inner);
    };
    if let Some(script) = &information.pre_configuration_script {
        secret(&mut layer, "pre-configuration-script", "pre-configuration script", &script.0, None);
    }
    if let Some(configuration) = &information.configuration {
        let handling = Some(configuration.handling.as_str());
        secret(&mut layer, "configuration", "configuration", &configuration.content, handling);
    }
    if let Some(script) = &information.post_configuration_script {
        secret(&mut layer, "post-configuration-script", "post-configuration script", &script.0, None);
    }
    let parts = if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") };
    layer.gist(format!("onboarding information ({parts})"));
    if hidden {
        layer.remark(Remark::ContentHidden);
    }
    layer
}

/// Text as it is, line by line, without what could steer a terminal; anything else in base64.
fn shown(content: &[u8]) -> Fact {
    let harmless = |it: char| {
        it == '\n'
            || it == '\t'
            || !(it.is_control() || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    match std::str::from_utf8(content) {
        Ok(text) if text.chars().all(harmless) => Fact::Content(text.to_owned()),
        _ => Fact::Content(STANDARD.encode(content)),
    }
}

fn voucher(document: &[u8], encoding: Encoding, settings: &Settings) -> Layer {
    if encoding == Encoding::Xml {
        let mut layer = Layer::new("voucher", "ownership voucher");
        let why = "RFC 8366 §5.4 has vouchers in JSON only".to_owned();
        layer.remark(Remark::Unreadable { what: "voucher", why });
        return layer;
    }
    let read = match Voucher::from_json_with(document, InputProfile::Survey) {
        Ok(read) => read,
        Err(error) => return invalid("voucher", "ownership voucher", document, &error),
    };
    let voucher = read.value;
    let mut layer = Layer::new("voucher", "ownership voucher");
    for leniency in read.leniencies {
        layer.remark(Remark::Leniency(leniency));
    }
    if !read.ignored.is_empty() {
        layer.fact("other-members", read.ignored);
    }
    layer.gist(format!("ownership voucher for the device {}", voucher.serial_number));
    layer.fact("serial-number", voucher.serial_number.to_string());
    layer.fact("assertion", voucher.assertion.as_str());
    if let Some(created_on) = voucher.created_on {
        layer.fact("created-on", created_on.to_string());
        if created_on > settings.now {
            layer.remark(Remark::NotYetValid(created_on));
        }
    }
    if let Assertion::Other(_) = voucher.assertion {
        layer.remark(Remark::Assertion);
    }
    match &voucher.freshness {
        Freshness::ExpiresOn { expires_on, last_renewal_date } => {
            layer.fact("expires-on", expires_on.to_string());
            layer.fact_if("last-renewal-date", last_renewal_date.map(|date| date.to_string()));
            if *expires_on <= settings.now {
                layer.remark(Remark::Expired(*expires_on));
            }
        }
        Freshness::Nonce(nonce) => {
            layer.fact("nonce", format!("{} (good for one request only)", STANDARD.encode(nonce.octets())));
        }
        Freshness::Unlimited => layer.remark(Remark::Immortal),
    }
    layer.fact_if("idevid-issuer", voucher.idevid_issuer.as_deref().map(names::hex));
    layer.fact(
        "revocation-checks",
        match voucher.domain_cert_revocation_checks {
            Some(true) => "demanded",
            Some(false) => "forbidden",
            None => "not mentioned",
        },
    );
    let mut pinned = certificate::explain(voucher.pinned_domain_cert.der(), settings);
    pinned.title = format!("pinned domain certificate: {}", pinned.title);
    layer.put(pinned);
    layer
}

/// A document that a strict reader refuses: why, and what its members are, by size alone.
fn invalid(kind: &'static str, title: &str, document: &[u8], error: &DocumentError) -> Layer {
    let mut layer = Layer::new(kind, title);
    layer.remark(Remark::Unreadable { what: "document", why: error.to_string() });
    if let Ok(Value::Object(top)) = serde_json::from_slice(document) {
        let mut members = Vec::new();
        for (name, value) in &top {
            list_members(name, value, &mut members);
        }
        layer.fact("members", members);
    }
    layer
}

/// Paths and sizes: what stands there may be secret. The parser bounds the depth.
fn list_members(path: &str, value: &Value, members: &mut Vec<String>) {
    const MAX_MEMBERS: usize = 64;
    if members.len() >= MAX_MEMBERS {
        return;
    }
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                list_members(&format!("{path}/{name}"), value, members);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                list_members(&format!("{path}[{index}]"), value, members);
            }
        }
        Value::String(text) => members.push(format!("{path}: text of {}", octets(text.len()))),
        Value::Null => members.push(format!("{path}: empty")),
        Value::Bool(_) => members.push(format!("{path}: boolean")),
        Value::Number(_) => members.push(format!("{path}: number")),
    }
}

/// The answer of a bootstrap server (RFC 8572 §7.3), which carries the artifacts in base64.
fn answer(document: &[u8], encoding: Encoding, settings: &Settings) -> Layer {
    let mut layer = Layer::new("bootstrapping-answer", "answer of a bootstrap server");
    if let Err(error) = BootstrappingAnswer::decode(document, encoding) {
        layer.remark(Remark::Unreadable { what: "answer", why: error.to_string() });
    }
    let artifacts = artifacts(document, encoding);
    layer.gist(format!("answer of a bootstrap server with {} artifact(s)", artifacts.len()));
    for (name, text) in artifacts {
        let packed: String = text.split_ascii_whitespace().collect();
        match STANDARD.decode(packed) {
            Ok(der) => {
                let mut inner = super::explain_der(&der, settings);
                inner.title = format!("{name}: {}", inner.headline());
                layer.put(inner);
            }
            Err(error) => layer.remark(Remark::Unreadable { what: "base64 of an artifact", why: error.to_string() }),
        }
    }
    layer
}

/// The names and texts of the artifacts in an answer, found without caring whether all the rest is right.
fn artifacts(document: &[u8], encoding: Encoding) -> Vec<(&'static str, String)> {
    const NAMES: [&str; 3] = ["conveyed-information", "owner-certificate", "ownership-voucher"];
    match encoding {
        Encoding::Json => {
            let parsed: Value = serde_json::from_slice(document).unwrap_or_default();
            let output = parsed.as_object().and_then(|top| top.values().next());
            let text = |name| Some((name, output?.get(name)?.as_str()?.to_owned()));
            NAMES.into_iter().filter_map(text).collect()
        }
        Encoding::Xml => {
            let Ok(xml) = std::str::from_utf8(document) else { return Vec::new() };
            let text = |name| {
                // Base64 needs no more of XML than its angle brackets.
                let mut tags = xml.split('<').skip(1).filter_map(|piece| piece.split_once('>'));
                let local =
                    |tag: &str| tag.split_ascii_whitespace().next().and_then(|it| it.rsplit(':').next()) == Some(name);
                let (_, text) = tags.find(|(tag, _)| !tag.starts_with('/') && local(tag))?;
                Some((name, text.to_owned()))
            };
            NAMES.into_iter().filter_map(text).collect()
        }
    }
}

/// A size for people.
pub(super) fn octets(count: usize) -> String {
    if count == 1 { "1 octet".to_owned() } else { format!("{count} octets") }
}
