//! What a request's header says about its body must say one thing only: two readers that take it differently see two
//! requests (RFC 9112 §11.2).

use axum::http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
};

use super::Problem;

/// Refuses a header that can be read in two ways. What HTTP itself cannot read has been refused before.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get_all(CONTENT_TYPE).iter().nth(1).is_some() {
        // RFC 9110 §5.3: a field that is no list stands once.
        return Err(Problem::ambiguous("Content-Type stands twice"));
    }
    if headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some() {
        return Err(Problem::ambiguous("Content-Length stands twice"));
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter().peekable();
    if codings.peek().is_some() {
        // RFC 9112 §6.3: a message with both may be an attempt at smuggling.
        if headers.contains_key(CONTENT_LENGTH) {
            return Err(Problem::ambiguous("Content-Length and Transfer-Encoding exclude one another"));
        }
        // RFC 9112 §6.1: chunked, once, is the coding that everybody reads alike.
        let first = codings.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !first.trim().eq_ignore_ascii_case("chunked") || codings.next().is_some() {
            return Err(Problem::ambiguous("the only Transfer-Encoding is chunked, once"));
        }
    }
    Ok(())
}

/// RFC 9110 §8.4: a body comes as it is. To unpack it would let a few octets become many.
pub(super) fn check_content_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = headers.get_all(CONTENT_ENCODING).iter().all(|value| {
        value.to_str().is_ok_and(|value| value.split(',').all(|it| it.trim().eq_ignore_ascii_case("identity")))
    });
    if plain { Ok(()) } else { Err(Problem::unsupported_content_coding()) }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, StatusCode};

    use super::*;

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for good in [
            &[][..],
            &[(CONTENT_LENGTH, "2")],
            &[(TRANSFER_ENCODING, "chunked")],
            &[(TRANSFER_ENCODING, " Chunked "), (CONTENT_TYPE, "x")],
        ] {
            assert!(check(&headers(good)).is_ok(), "{good:?}");
        }
        for bad in [
            &[(CONTENT_TYPE, "a"), (CONTENT_TYPE, "a")][..],
            &[(CONTENT_LENGTH, "2"), (CONTENT_LENGTH, "2")],
            &[(CONTENT_LENGTH, "2"), (TRANSFER_ENCODING, "chunked")],
            &[(TRANSFER_ENCODING, "gzip, chunked")],
            &[(TRANSFER_ENCODING, "chunked, chunked")],
            &[(TRANSFER_ENCODING, "chunked"), (TRANSFER_ENCODING, "chunked")],
            &[(TRANSFER_ENCODING, "identity")],
        ] {
            assert_eq!(check(&headers(bad)).unwrap_err().status(), StatusCode::BAD_REQUEST, "{bad:?}");
        }
    }

    #[test]
    fn bodies_come_unpacked() {
        for good in [&[][..], &[(CONTENT_ENCODING, "identity")], &[(CONTENT_ENCODING, "Identity, identity")]] {
            assert!(check_content_coding(&headers(good)).is_ok(), "{good:?}");
        }
        for bad in ["gzip", "identity, br", "", "\u{fc}"] {
            let refused = check_content_coding(&headers(&[(CONTENT_ENCODING, bad)]));
            assert_eq!(refused.unwrap_err().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{bad}");
        }
    }
}
