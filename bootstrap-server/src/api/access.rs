//! Who may do what: every operation, in one table. What is not in it cannot be reached.

use axum::http::Method;
use operator_api::paths;

use crate::domain::Role;

/// Who may use an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody, without a token.
    Anybody,
    /// Whoever has at least this role. Some operations narrow it further, down to what is one's own.
    Role(Role),
}

/// What an operation answers with, when it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// One JSON document, or nothing.
    Json,
    /// One JSON document a line.
    JsonLines,
    /// Server-sent events.
    Events,
    /// OpenMetrics text.
    Metrics,
    /// Octets that mean something to whoever asked for them.
    Octets,
}

impl Gives {
    /// The media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLines => "application/x-ndjson",
            Self::Events => "text/event-stream",
            Self::Metrics => "application/openmetrics-text",
            Self::Octets => "application/octet-stream",
        }
    }
}

/// An operation: a method on a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    /// The method; GET stands for HEAD too.
    pub(super) method: Method,
    /// The path, as `operator_api::paths` has it.
    pub(super) path: &'static str,
    /// Who may use it.
    pub(super) access: Access,
    /// What it answers with.
    pub(super) gives: Gives,
}

/// Which operation a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// This one.
    For(&'static Operation),
    /// None: the path has only these methods.
    Only(Vec<&'static Method>),
}

/// Finds the operation of a path that exists.
pub(super) fn asked(method: &Method, path: &str) -> Asked {
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let of_path = || OPERATIONS.iter().filter(|operation| operation.path == path);
    of_path()
        .find(|operation| operation.method == *wanted)
        .map_or_else(|| Asked::Only(of_path().map(|operation| &operation.method).collect()), Asked::For)
}

const fn operation(method: Method, path: &'static str, access: Access, gives: Gives) -> Operation {
    Operation { method, path, access, gives }
}

const ANYBODY: Access = Access::Anybody;
const VIEWER: Access = Access::Role(Role::Viewer);
const OPERATOR: Access = Access::Role(Role::Operator);
const ADMIN: Access = Access::Role(Role::Admin);

/// Every operation.
pub(super) static OPERATIONS: &[Operation] = &[
    operation(Method::GET, paths::STATUS, VIEWER, Gives::Json),
    operation(Method::GET, paths::POLICIES, VIEWER, Gives::Json),
    operation(Method::POST, paths::ACCEPT_POLICIES, ADMIN, Gives::Json),
    operation(Method::GET, paths::DEVICES, VIEWER, Gives::Json),
    operation(Method::POST, paths::DEVICES, OPERATOR, Gives::Json),
    operation(Method::GET, paths::DEVICE, VIEWER, Gives::Json),
    operation(Method::PATCH, paths::DEVICE, OPERATOR, Gives::Json),
    operation(Method::POST, paths::APPROVE, OPERATOR, Gives::Json),
    operation(Method::POST, paths::RETIRE, OPERATOR, Gives::Json),
    operation(Method::POST, paths::REPROVISION, OPERATOR, Gives::Json),
    operation(Method::POST, paths::CLEAR_ALARM, OPERATOR, Gives::Json),
    operation(Method::POST, paths::ERASE, ADMIN, Gives::Json),
    operation(Method::POST, paths::ACTIVATION_CODE, OPERATOR, Gives::Json),
    operation(Method::GET, paths::REPORTS, VIEWER, Gives::Json),
    operation(Method::GET, paths::STORY, VIEWER, Gives::Json),
    operation(Method::POST, paths::IMPORT, OPERATOR, Gives::JsonLines),
    operation(Method::GET, paths::MANUFACTURERS, VIEWER, Gives::Json),
    operation(Method::GET, paths::MANUFACTURER, VIEWER, Gives::Json),
    operation(Method::PUT, paths::MANUFACTURER, ADMIN, Gives::Json),
    operation(Method::PUT, paths::REVOCATION_LISTS, ADMIN, Gives::Json),
    operation(Method::GET, paths::PROFILES, VIEWER, Gives::Json),
    operation(Method::GET, paths::PROFILE, OPERATOR, Gives::Json),
    operation(Method::PUT, paths::PROFILE, OPERATOR, Gives::Json),
    operation(Method::DELETE, paths::PROFILE, OPERATOR, Gives::Json),
    operation(Method::GET, paths::VOUCHERS, VIEWER, Gives::Json),
    operation(Method::POST, paths::VOUCHERS, OPERATOR, Gives::Json),
    operation(Method::POST, paths::IMPORT_VOUCHERS, OPERATOR, Gives::JsonLines),
    operation(Method::POST, paths::RENEW_VOUCHERS, OPERATOR, Gives::JsonLines),
    operation(Method::POST, paths::COVERAGE, VIEWER, Gives::JsonLines),
    operation(Method::GET, paths::PRODUCTION_ORDERS, VIEWER, Gives::Json),
    operation(Method::POST, paths::PRODUCTION_ORDERS, OPERATOR, Gives::Json),
    operation(Method::GET, paths::PRODUCTION_ORDER, VIEWER, Gives::Json),
    operation(Method::POST, paths::CLOSE_PRODUCTION_ORDER, OPERATOR, Gives::Json),
    operation(Method::GET, paths::PRODUCTION_UNITS, VIEWER, Gives::Json),
    operation(Method::POST, paths::REWORK, OPERATOR, Gives::Json),
    operation(Method::GET, paths::DHCP_LEASES, VIEWER, Gives::Json),
    operation(Method::POST, paths::RELEASE_DHCP_LEASE, OPERATOR, Gives::Json),
    operation(Method::POST, paths::IMPORT_DHCP_LEASES, OPERATOR, Gives::JsonLines),
    operation(Method::GET, paths::AUTHORITIES, VIEWER, Gives::Json),
    operation(Method::GET, paths::CERTIFICATES, VIEWER, Gives::Json),
    operation(Method::POST, paths::CERTIFICATES, OPERATOR, Gives::Json),
    operation(Method::GET, paths::CERTIFICATE, VIEWER, Gives::Json),
    operation(Method::POST, paths::REVOKE_CERTIFICATE, OPERATOR, Gives::Json),
    operation(Method::POST, paths::IMPORT_CERTIFICATES, OPERATOR, Gives::JsonLines),
    operation(Method::GET, paths::EXPLAIN_DHCP, VIEWER, Gives::Json),
    operation(Method::GET, paths::USERS, ADMIN, Gives::Json),
    operation(Method::GET, paths::USER, ADMIN, Gives::Json),
    operation(Method::PUT, paths::USER, ADMIN, Gives::Json),
    operation(Method::DELETE, paths::USER, ADMIN, Gives::Json),
    operation(Method::GET, paths::TOKENS, VIEWER, Gives::Json),
    operation(Method::POST, paths::TOKENS, VIEWER, Gives::Json),
    operation(Method::DELETE, paths::TOKEN, VIEWER, Gives::Json),
    operation(Method::GET, paths::RECORDS, VIEWER, Gives::Json),
    operation(Method::GET, paths::CHECKPOINT, VIEWER, Gives::Json),
    operation(Method::GET, paths::EVENTS, VIEWER, Gives::Events),
    operation(Method::POST, paths::BACKUP, ADMIN, Gives::Octets),
    operation(Method::GET, paths::METRICS, VIEWER, Gives::Metrics),
    operation(Method::GET, paths::OPENAPI, ANYBODY, Gives::Json),
    operation(Method::GET, paths::HEALTH, ANYBODY, Gives::Json),
    operation(Method::GET, paths::READY, ANYBODY, Gives::Json),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_stands_in_the_table_once() {
        for (index, one) in OPERATIONS.iter().enumerate() {
            let same = |other: &&Operation| other.path == one.path && other.method == one.method;
            assert_eq!(OPERATIONS.iter().position(|other| same(&other)), Some(index), "{} {}", one.method, one.path);
        }
    }

    #[test]
    fn what_is_not_in_the_table_cannot_be_reached() {
        assert_eq!(asked(&Method::DELETE, paths::USERS), Asked::Only(vec![&Method::GET]));
        assert_eq!(asked(&Method::GET, "/v1/elsewhere"), Asked::Only(Vec::new()));
        let Asked::For(operation) = asked(&Method::HEAD, paths::STATUS) else { panic!("HEAD is GET") };
        assert_eq!(operation.access, VIEWER);
    }

    #[test]
    fn nothing_that_changes_anything_is_open_to_viewers_but_tokens() {
        // A delivery list is compared, and comes as a body.
        let changing = |operation: &&Operation| operation.method != Method::GET && operation.path != paths::COVERAGE;
        for operation in OPERATIONS.iter().filter(changing) {
            let own = [paths::TOKENS, paths::TOKEN].contains(&operation.path);
            assert_eq!(operation.access == VIEWER, own, "{} {}", operation.method, operation.path);
            assert_ne!(operation.access, Access::Anybody, "{} {}", operation.method, operation.path);
        }
    }
}
