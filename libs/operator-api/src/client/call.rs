//! One request, as a value.

use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, IF_MATCH},
};
use serde::Serialize;

use super::{ClientError, Intent, ServerUrl};
use crate::Problem;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What a request carries.
pub(super) type RequestBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// A request to be sent, once or again.
pub(super) struct Call {
    method: Method,
    pub(super) path: String,
    query: Vec<(&'static str, String)>,
    accept: HeaderValue,
    content: Content,
    extra: Vec<(HeaderName, HeaderValue)>,
}

enum Content {
    Nothing,
    Json(Bytes),
    /// Can be sent once.
    Stream(HeaderValue, Mutex<Option<RequestBody>>),
}

impl Call {
    pub(super) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    /// A change; one that cannot be recognised when it comes twice is given a key.
    pub(super) fn change(method: Method, path: String, intent: Intent) -> Result<Self, ClientError> {
        let needs_key = matches!(method, Method::POST | Method::PATCH);
        let call = Self::new(method, path).intending(intent);
        if needs_key { call.with(IDEMPOTENCY_KEY, &random_key()?) } else { Ok(call) }
    }

    /// A change whose answer is shown once: the server must not keep it for repetitions.
    pub(super) fn secret(path: String, intent: Intent) -> Self {
        Self::new(Method::POST, path).intending(intent)
    }

    fn new(method: Method, path: String) -> Self {
        Self { method, path, query: Vec::new(), accept: JSON, content: Content::Nothing, extra: Vec::new() }
    }

    fn intending(self, intent: Intent) -> Self {
        match intent {
            Intent::Make => self,
            Intent::Rehearse => self.query("dry-run", Some("true".to_owned())),
        }
    }

    pub(super) fn query(mut self, name: &'static str, value: Option<String>) -> Self {
        self.query.extend(value.map(|value| (name, value)));
        self
    }

    pub(super) fn json(mut self, content: &impl Serialize) -> Self {
        // The types of this crate are maps of texts and numbers, which JSON can always hold.
        self.content = Content::Json(serde_json::to_vec(content).unwrap_or_default().into());
        self
    }

    pub(super) fn stream(mut self, media_type: &'static str, body: RequestBody) -> Self {
        self.content = Content::Stream(HeaderValue::from_static(media_type), Mutex::new(Some(body)));
        self
    }

    pub(super) fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = HeaderValue::from_static(media_type);
        self
    }

    /// Fails on the server when the record has another version.
    pub(super) fn if_version(self, version: &str) -> Result<Self, ClientError> {
        self.with(IF_MATCH, &format!("\"{version}\""))
    }

    /// Goes on behind the event with this id.
    pub(super) fn behind(self, id: &str) -> Result<Self, ClientError> {
        self.with(LAST_EVENT_ID, id)
    }

    fn with(mut self, name: HeaderName, value: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::try_from(value).map_err(hyper::http::Error::from)?;
        self.extra.push((name, value));
        Ok(self)
    }

    /// Whether sending it a second time changes nothing more than sending it once.
    pub(super) fn may_be_repeated(&self) -> bool {
        match self.content {
            Content::Stream(..) => false,
            Content::Nothing | Content::Json(_) => {
                self.method.is_idempotent() || self.extra.iter().any(|(name, _)| *name == IDEMPOTENCY_KEY)
            }
        }
    }

    /// The request itself.
    pub(super) fn request(
        &self,
        server: &ServerUrl,
        authorization: &HeaderValue,
    ) -> Result<Request<RequestBody>, ClientError> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(format!("{server}{}{}", self.path, query_string(&self.query)))
            .header(HOST, server.authority())
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, &self.accept)
            .header(ACCEPT, Problem::MEDIA_TYPE);
        for (name, value) in &self.extra {
            request = request.header(name, value);
        }
        let whole = |octets: Bytes| Full::new(octets).map_err(|never| match never {}).boxed_unsync();
        Ok(match &self.content {
            Content::Nothing => request.body(whole(Bytes::new()))?,
            Content::Json(octets) => request.header(CONTENT_TYPE, JSON).body(whole(octets.clone()))?,
            Content::Stream(media_type, body) => {
                let body = body.lock().ok().and_then(|mut body| body.take());
                request.header(CONTENT_TYPE, media_type).body(body.unwrap_or_else(|| whole(Bytes::new())))?
            }
        })
    }
}

/// Puts values into the braces of one of [`crate::paths`].
pub(super) fn fill(path: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), &encode(value)))
}

fn query_string(query: &[(&str, String)]) -> String {
    let pairs = query.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    let text = pairs.collect::<Vec<_>>().join("&");
    if text.is_empty() { text } else { format!("?{text}") }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    encoded
}

fn random_key() -> Result<String, ClientError> {
    let mut octets = [0; 16];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random.fill(&mut octets).map_err(|error| ClientError::TlsSetup(error.into()))?;
    Ok(octets.iter().map(|octet| format!("{octet:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(call: &Call) -> String {
        let server = "sztp.example.net".parse().unwrap();
        call.request(&server, &HeaderValue::from_static("Bearer x")).unwrap().uri().to_string()
    }

    #[test]
    fn names_in_paths_and_queries_are_percent_encoded() {
        let path = fill(crate::paths::APPROVE, &[("manufacturer", "maker"), ("serial-number", "A/1 ü{manufacturer}")]);
        assert_eq!(path, "/v1/devices/maker/A%2F1%20%C3%BC%7Bmanufacturer%7D/approve");
        let call = Call::get(crate::paths::DEVICES.to_owned())
            .query("serial-number", Some("a&b=c+d".to_owned()))
            .query("rack", None)
            .query("limit", Some("5".to_owned()));
        assert_eq!(uri(&call), "https://sztp.example.net:8444/v1/devices?serial-number=a%26b%3Dc%2Bd&limit=5");
    }

    #[test]
    fn a_dot_segment_stays_one_segment() {
        // RFC 3986 §6.2.2.3: nobody may take a serial number for a way up.
        let path = fill(crate::paths::DEVICE, &[("manufacturer", "m"), ("serial-number", "../users")]);
        assert_eq!(path, "/v1/devices/m/..%2Fusers");
    }

    #[test]
    fn only_what_can_be_recognised_is_sent_twice() {
        let change = |method| Call::change(method, "/v1/devices".to_owned(), Intent::Make).unwrap();
        assert!(change(Method::POST).may_be_repeated() && change(Method::PUT).may_be_repeated());
        assert!(!Call::secret("/v1/tokens".to_owned(), Intent::Make).may_be_repeated());
        let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync();
        assert!(!change(Method::POST).stream("text/csv", body).may_be_repeated());
    }

    #[test]
    fn a_rehearsal_is_asked_for_in_the_query() {
        let call = Call::change(Method::DELETE, "/v1/users/a".to_owned(), Intent::Rehearse).unwrap();
        assert!(uri(&call).ends_with("/v1/users/a?dry-run=true"));
    }
}
