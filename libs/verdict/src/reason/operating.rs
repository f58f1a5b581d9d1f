//! The operator API.

/// Gives its part of the table to the next in the row, behind what came before.
macro_rules! operating {
    ($next:ident $($rest:ident)*; $($before:tt)*) => {
        $next! {
            $($rest)*; $($before)*
            TokenMissing, "token-missing", "RFC 6750 §3",
                "The request carries no token",
                "Send `Authorization: Bearer SECRET`; `sztp` takes it from --token-file or SZTP_TOKEN_FILE.";
            TokenInvalid, "token-invalid", "RFC 6750 §3.1",
                "The token is not one of this server's, or was revoked",
                "Make a new one with `sztp token create`, and check which server the command talks to.";
            TokenExpired, "token-expired", "RFC 6750 §3.1",
                "The token has expired",
                "Make a new one with `sztp token create`.";
            TooManyFailures, "too-many-failures", "RFC 6585 §4",
                "Too many requests with wrong tokens came from this address",
                "Correct the token and wait a minute; a script with an old token may be trying on its own.";
            RoleInsufficient, "role-insufficient", "RFC 6750 §3.1",
                "The token's user may not do this",
                "Ask an admin for the role that the detail names, or to do it for you.";
            ResourceMissing, "resource-missing", "RFC 9110 §15.5.5",
                "There is no such resource",
                "Check the spelling; `sztp device list` and its sisters show what there is.";
            OnboardsNobody, "onboards-nobody", "RFC 8572 §7.3",
                "This server is an authority alone: it onboards no devices",
                "Ask the bootstrap server, or give this one a [device-listener] and an [owner] in sztp.toml.";
            MethodUnsupported, "method-unsupported", "RFC 9110 §15.5.6",
                "This resource does not support the method",
                "Use one of the methods in the Allow header; /v1/openapi.json describes them.";
            NotAcceptable, "not-acceptable", "RFC 9110 §15.5.7",
                "The answer exists in no media type that the request accepts",
                "Accept application/json, or the media type that /v1/openapi.json gives for the operation.";
            MediaTypeUnsupported, "media-type-unsupported", "RFC 9110 §15.5.16",
                "The body is of a media type that this operation does not take",
                "Send the media type that the detail names.";
            QueryInvalid, "query-invalid", "RFC 9110 §15.5.1",
                "A query parameter is unknown, repeated, or has a value that it cannot have",
                "Correct the parameter that the detail names; /v1/openapi.json lists those there are.";
            BodyInvalid, "body-invalid", "RFC 9110 §15.5.21",
                "The body is not what this operation takes",
                "Correct the member that the detail names; /v1/openapi.json describes the body.";
            HeaderInvalid, "header-invalid", "RFC 9110 §15.5.1",
                "A header field has a value that it cannot have",
                "Correct the header field that the detail names.";
            BodyTooLarge, "body-too-large", "RFC 9110 §15.5.14",
                "The body is larger than this operation takes",
                "Split the request; many devices go through `sztp device import`.";
            BodyTooSlow, "body-too-slow", "RFC 9110 §15.5.9",
                "The body did not arrive in time",
                "Send it again; if that happens often, look at the network between.";
            VersionChanged, "version-changed", "RFC 9110 §13.1.1",
                "The record was changed since it was last read",
                "Read it again, look at what changed, and decide again.";
            IdempotencyConflict, "idempotency-conflict", "RFC 9110 §9.2.2",
                "The idempotency key was used for another request",
                "Use a new key for each new request, and the same key only to send the same request again.";
            SecretShownBefore, "secret-shown-before", "RFC 9110 §9.2.2",
                "This request was carried out before, and its secret is shown only once",
                "If the first answer is lost, revoke what the detail names and make a new one with another idempotency key.";
            AlreadyThere, "already-there", "RFC 9110 §15.5.10",
                "What is to be made exists already",
                "Change the one that is there, or choose another name.";
            StillInUse, "still-in-use", "RFC 9110 §15.5.10",
                "It cannot be removed while others depend on it",
                "Change those first; the detail says how many there are.";
            StateForbids, "state-forbids", "RFC 9110 §15.5.10",
                "The device's state does not allow this",
                "Look at its state with `sztp explain`; the detail says what is missing.";
            ReferenceUnknown, "reference-unknown", "RFC 9110 §15.5.21",
                "The request names a manufacturer, profile or user that does not exist",
                "Correct the name, or add what it names first.";
            LastAdmin, "last-admin", "RFC 9110 §15.5.10",
                "Without this user nobody could administer the server",
                "Make another user admin first.";
            StreamsExhausted, "streams-exhausted", "RFC 9110 §15.6.4",
                "As many event streams are open as this server carries",
                "Close one, or try again later.";
            DatabaseUnavailable, "database-unavailable", "RFC 9110 §15.6.4",
                "The database cannot answer now",
                "Try again; if it stays so, look at the server's log, free disk space and the database itself.";
            NotAnOnboardingServer, "not-an-onboarding-server", "RFC 8572 §7.3",
                "This server sends devices to other servers and onboards none",
                "Give the device's profile `[[redirect]]` entries, or let this server onboard: `roles` in sztp.toml.";
            PolicyPending, "policy-pending", "RFC 8572 §9.10",
                "sztp.toml would let devices do more than was accepted, so what was accepted stays in force",
                "Look at the difference with `sztp policy show`; accept it with `sztp policy accept`, or change sztp.toml back.";
            WebhookFailing, "webhook-failing", "RFC 8572 Appendix C.3",
                "A receiver of events does not take them",
                "`sztp status` says what goes wrong; nothing is lost meanwhile, and it is told of everything once it answers.";
            ServerFailed, "server-failed", "RFC 9110 §15.6.1",
                "The server failed",
                "The server's log says why; report it if the log does not help.";
            LogBegunAnew, "log-begun-anew", "RFC 9110 §15.5.11",
                "What is referred to is a place in another audit log: the database was restored since, which begins a new one",
                "Read again what you hold, and follow the new log from its beginning (`after=0`), or from now on.";
            TooManyTokens, "too-many-tokens", "RFC 9110 §15.5.10",
                "The user has as many tokens as one user may have",
                "Revoke those that nobody uses any more: `sztp token list` shows them with their age.";
            TokenOutlivesMaker, "token-outlives-maker", "RFC 6750 §3.1",
                "A token may not be valid for longer than the one that makes it",
                "Ask for fewer days, or make it with a token that is valid for longer.";
        }
    };
}
