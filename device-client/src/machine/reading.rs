//! Reading what a server answers, whatever it says it is (RFC 8040 §5.2, §7; CLI-26).

use conveyed_info::{
    BootstrappingData, DocumentError, Encoding, Unverified,
    rpc::{BootstrappingAnswer, RestconfError, YANG_DATA_JSON, YANG_DATA_XML},
};
use verdict::{ReasonCode, Refusal};

use super::Answer;

/// Longest part of a server's own words that is repeated in a detail.
const MAX_QUOTE: usize = 300;

/// As what a body is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) encoding: Encoding,
    /// What was passed over for it: a leniency is never silent.
    pub(super) leniency: Option<String>,
}

impl Answer {
    /// As what the body is to be read, when `asked` was asked for; none when it is neither JSON nor XML.
    pub(super) fn body_as(&self, asked: Encoding) -> Option<Body> {
        let declared = match self.media_type.as_deref() {
            Some(YANG_DATA_JSON) => Some(Encoding::Json),
            Some(YANG_DATA_XML) => Some(Encoding::Xml),
            _ => None,
        };
        let encoding = declared.or_else(|| Encoding::detect(&self.body))?;
        let leniency = match (declared, &self.media_type) {
            (Some(declared), _) if declared == asked => None,
            (Some(declared), _) => Some(format!("an answer in {declared}, where {asked} was asked for")),
            (None, Some(other)) => Some(format!("an answer of type {other}, read as {encoding}")),
            (None, None) => Some(format!("an answer without a type, read as {encoding}")),
        };
        Some(Body { encoding, leniency })
    }

    /// Whether a server that was spoken to in JSON may do better in XML: it says that it cannot read or write JSON
    /// (RFC 8040 §5.2), or calls the request broken in XML.
    pub(super) fn prefers_xml(&self) -> bool {
        let xml = || self.body_as(Encoding::Json).is_some_and(|body| body.encoding == Encoding::Xml);
        matches!(self.status, 406 | 415) || (self.status == 400 && xml())
    }
}

/// Reads bootstrapping data, which is not verified by that.
pub(super) fn bootstrapping_data(
    answer: &Answer,
    body: Option<&Body>,
) -> Result<BootstrappingAnswer<Unverified<BootstrappingData>>, Refusal> {
    let Some(body) = body else {
        let detail = format!("an answer of type {}", answer.media_type.as_deref().unwrap_or("unknown"));
        return Err(Refusal::new(ReasonCode::ServerAnswerInvalid, detail));
    };
    BootstrappingAnswer::decode(&answer.body, body.encoding).map_err(|error| {
        let reason = match &error {
            // RFC 8572 §7.3 (ART-23): the companions come together.
            DocumentError::MissingMember { path }
                if path.ends_with("ownership-voucher") || path.ends_with("owner-certificate") =>
            {
                ReasonCode::GroupingIllegal
            }
            _ => ReasonCode::ServerAnswerInvalid,
        };
        Refusal::new(reason, error.to_string())
    })
}

/// RFC 8040 §7: any status but 200 means that this server has nothing for the device (CLI-28).
pub(super) fn refusal_of_server(answer: &Answer, asked: Encoding) -> Refusal {
    let status = answer.status;
    let error = answer.body_as(asked).and_then(|body| RestconfError::decode(&answer.body, body.encoding));
    if let Some(error) = error {
        let reason = if status == 404 { ReasonCode::NothingForThisDevice } else { ReasonCode::ServerRefused };
        return Refusal::new(reason, format!("status {status}, {}: {}", error.tag.as_str(), quote(&error.message)));
    }
    let said = match std::str::from_utf8(&answer.body).map(quote) {
        Ok(said) if !said.is_empty() => format!(": {said}"),
        _ => String::new(),
    };
    match status {
        // CLI-27: where HTTP itself redirects, nobody vouches for the target.
        300..400 => Refusal::new(
            ReasonCode::ServerAnswerInvalid,
            format!("status {status}: redirects of HTTP are not followed"),
        ),
        404 => Refusal::new(ReasonCode::ServerAnswerInvalid, format!("status 404 without a RESTCONF error{said}")),
        400..500 => Refusal::new(ReasonCode::ServerRefused, format!("status {status}{said}")),
        _ => Refusal::new(ReasonCode::ServerAnswerInvalid, format!("status {status} without a RESTCONF error{said}")),
    }
}

/// A server's own words, bounded.
fn quote(text: &str) -> String {
    let text: String = text.chars().filter(|it| !it.is_control() || *it == '\n').take(MAX_QUOTE).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, media_type: Option<&str>, body: &str) -> Answer {
        let media_type = media_type.map(str::to_owned);
        Answer { status, media_type, retry_after: None, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn cli_26_a_body_is_what_its_type_says_and_else_what_it_looks_like() {
        let read = |media_type, body: &str| answer(200, media_type, body).body_as(Encoding::Json);
        assert_eq!(read(Some(YANG_DATA_JSON), "{}"), Some(Body { encoding: Encoding::Json, leniency: None }));
        for (media_type, body, encoding) in [
            (Some(YANG_DATA_XML), "<a/>", Encoding::Xml),
            (Some("application/xml"), "<a/>", Encoding::Xml),
            (Some("application/json"), " {}", Encoding::Json),
            (Some("text/plain"), "{}", Encoding::Json),
            (Some("text/plain"), "\n<a/>", Encoding::Xml),
            (None, "{}", Encoding::Json),
        ] {
            let body = read(media_type, body).unwrap();
            assert_eq!(body.encoding, encoding, "{media_type:?}");
            assert!(body.leniency.is_some(), "{media_type:?}: a leniency is never silent");
        }
        assert_eq!(read(Some("text/plain"), "nothing for you"), None);
        assert_eq!(read(None, ""), None);
    }

    #[test]
    fn cli_26_errors_in_every_dress_are_understood() {
        let xml = "<errors xmlns='urn:ietf:params:xml:ns:yang:ietf-restconf'><error><error-type>application</error-type>\
            <error-tag>access-denied</error-tag><error-message>go away</error-message></error></errors>";
        let wrapped = format!("<content-data>{xml}</content-data>");
        let json = r#"{"ietf-restconf:errors":{"error":[{"error-type":"application","error-tag":"access-denied","error-message":"go away"}]}}"#;
        for (media_type, body) in [
            (Some(YANG_DATA_JSON), json),
            (Some("application/json"), json),
            (None, json),
            (Some(YANG_DATA_XML), xml),
            (Some("text/xml"), &wrapped),
            (Some(YANG_DATA_XML), &wrapped),
        ] {
            let refusal = refusal_of_server(&answer(401, media_type, body), Encoding::Json);
            assert_eq!(refusal.reason, ReasonCode::ServerRefused, "{media_type:?}");
            assert_eq!(refusal.detail, "status 401, access-denied: go away", "{media_type:?}");
            let refusal = refusal_of_server(&answer(404, media_type, body), Encoding::Json);
            assert_eq!(refusal.reason, ReasonCode::NothingForThisDevice, "{media_type:?}");
        }
    }

    #[test]
    fn errors_in_plain_text_are_quoted_and_bounded() {
        let refusal = refusal_of_server(&answer(401, Some("text/plain"), "who are you?\n"), Encoding::Json);
        assert_eq!((refusal.reason, refusal.detail.as_str()), (ReasonCode::ServerRefused, "status 401: who are you?"));
        let refusal = refusal_of_server(&answer(500, Some("text/html"), &"x".repeat(100_000)), Encoding::Json);
        assert_eq!(refusal.reason, ReasonCode::ServerAnswerInvalid);
        assert!(refusal.detail.len() < 400);
        let refusal = refusal_of_server(&answer(307, None, ""), Encoding::Json);
        assert!(refusal.detail.contains("not followed"), "{}", refusal.detail);
    }

    #[test]
    fn cli_26_xml_is_tried_when_json_is_what_the_server_objects_to() {
        assert!(answer(406, None, "").prefers_xml() && answer(415, Some("text/plain"), "no").prefers_xml());
        assert!(answer(400, Some(YANG_DATA_XML), "<errors/>").prefers_xml());
        assert!(!answer(400, Some(YANG_DATA_JSON), "{}").prefers_xml());
        assert!(!answer(404, Some(YANG_DATA_XML), "<errors/>").prefers_xml());
        assert!(!answer(200, Some(YANG_DATA_XML), "<output/>").prefers_xml());
    }
}
