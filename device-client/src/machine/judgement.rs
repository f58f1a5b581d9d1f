//! Whether the server that answered is the one that was meant (RFC 8572 §5.3, §5.5).

use pki::{
    certificate::Certificate,
    path::{self, Purpose},
    server_name,
    time::Clock,
};
use verdict::{Input, ReasonCode, Refusal, Trace};

use super::{Policy, entry::Entry};

const PATH: &str = "server-certificate-path";
const NAME: &str = "server-certificate-name";
const SECTION: &str = "RFC 8572 §5.5";

/// What a connection is worth. RFC 8572 calls it the trust-state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The server is authenticated: its unsigned data counts, and it gets reports.
    Trusted,
    /// Nobody knows who this is: only signed data and redirects count, and nothing is told (CLI-21, CLI-54).
    Provisional,
}

impl Trust {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Provisional => "provisional",
        }
    }
}

#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) trust: Trust,
    pub(super) trace: Trace,
}

/// Judges the chain that a server showed.
pub(super) fn judge(chain: &[Certificate], entry: &Entry, policy: &Policy, clock: Clock) -> Result<Judgement, Refusal> {
    let host = entry.server.host();
    if let Some(anchor) = &entry.anchor {
        // RFC 8572 §6.3 (ART-33): under the lowest CA of the given chain, not merely under its root.
        let anchors: Vec<_> = anchor.lowest().cloned().into_iter().collect();
        return authenticate(chain, host, &anchors, clock).map(|trace| Judgement { trust: Trust::Trusted, trace });
    }
    let Some(factory) = policy.well_known.iter().find(|it| it.server == entry.server) else {
        // RFC 8572 §5.5 (CLI-44): no anchor for this server, so the connection is provisional.
        let mut trace = Trace::new();
        trace.skipped(PATH, SECTION, "no anchor is known for this server: the connection is provisional");
        return Ok(Judgement { trust: Trust::Provisional, trace });
    };
    // RFC 8572 §5.3 (CLI-07): trusted when path and name validate to a pre-configured anchor. A well-known server that
    // does not validate may still give signed data, like anybody else.
    match authenticate(chain, host, &factory.anchors, clock) {
        Ok(trace) => Ok(Judgement { trust: Trust::Trusted, trace }),
        Err(refusal) => {
            let mut trace = Trace::new();
            trace.skipped(PATH, SECTION, format!("not validated ({}), the connection is provisional", refusal.detail));
            Ok(Judgement { trust: Trust::Provisional, trace })
        }
    }
}

fn authenticate(chain: &[Certificate], host: &str, anchors: &[Certificate], clock: Clock) -> Result<Trace, Refusal> {
    let mut trace = Trace::new();
    let Some((server, intermediates)) = chain.split_first() else {
        return Err(trace.refused(PATH, ReasonCode::ServerUntrusted, &[], "the server showed no certificate"));
    };
    let inputs = [Input { name: "server-certificate", sha256: server.sha256() }];
    let strictness = path::Policy::new(clock, Purpose::TlsServer);
    match path::validate(server, intermediates, anchors, &strictness) {
        Ok(_) => trace.passed_with(PATH, SECTION, &inputs, clock.to_string()),
        Err(error) => {
            let reason = error.reason().unwrap_or(ReasonCode::ServerUntrusted);
            return Err(trace.refused(PATH, reason, &inputs, error.to_string()));
        }
    }
    // RFC 8572 §5.5 with RFC 6125: against the name or address of the entry, never against what DNS says.
    if let Err(error) = server_name::verify(server, host) {
        return Err(trace.refused(NAME, ReasonCode::ServerNameMismatch, &inputs, error.to_string()));
    }
    trace.passed_with(NAME, SECTION, &inputs, host);
    Ok(trace)
}
