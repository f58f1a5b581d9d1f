//! What is read before an operation is called (RCF-06 to RCF-12, RCF-19, RCF-28).

use conveyed_info::{
    Encoding,
    rpc::{ApiResource, Roles},
};

use crate::{
    Talk, encoding, error,
    support::{self, Answer, DATA, REPORT, Site, connect, connector, exchange, request},
};

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

#[tokio::test]
async fn rcf_06_rcf_07_anybody_finds_the_root() {
    let site = Site::new();
    let server = site.start(&[]).await;
    let mut stream = connect(&server, &connector(None)).await.unwrap();
    let mut get =
        async |path: &str, headers: &str| exchange(&mut stream, &request("GET", path, headers, "")).await.unwrap();
    let xrd = "<?xml version='1.0' encoding='UTF-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\
               <Link rel='restconf' href='/restconf'/></XRD>\n";
    let jrd = r#"{"links":[{"rel":"restconf","href":"/restconf"}]}"#;
    let path = "/.well-known/host-meta";
    for accept in ["", "accept: application/xrd+xml\r\n", "accept: */*\r\n", "accept: application/yang-data+json\r\n"] {
        let answer = get(path, accept).await;
        assert_eq!((answer.status, text(&answer).as_str()), (200, xrd), "{accept}");
        assert!(answer.head.contains("content-type: application/xrd+xml"), "{}", answer.head);
        assert!(answer.head.contains("cache-control: "), "RCF-19: {}", answer.head);
    }
    for (path, accept) in [(path, "accept: application/json\r\n"), ("/.well-known/host-meta.json", "")] {
        let answer = get(path, accept).await;
        assert_eq!((answer.status, text(&answer).as_str()), (200, jrd), "{path}");
        assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    }
    server.stop().await;
}

#[tokio::test]
async fn rcf_08_rcf_09_rcf_10_rcf_11_every_resource_in_both_encodings_with_head_and_options() {
    let mut talk = Talk::new().await;
    for resource in ApiResource::ALL {
        let path = format!("/restconf{}", resource.path());
        for (accept, expected) in [
            ("", Encoding::Json),
            ("accept: application/yang-data+json\r\n", Encoding::Json),
            ("accept: application/yang-data+xml\r\n", Encoding::Xml),
        ] {
            let answer = talk.send(&request("GET", &path, accept, "")).await;
            assert_eq!((answer.status, encoding(&answer)), (200, expected), "{path}");
            assert_eq!(answer.body, resource.encode(Roles::default(), expected), "{path}");
            assert!(answer.head.contains("cache-control: no-store"), "RCF-19: {}", answer.head);
            // RCF-28: HEAD is GET without the body, field for field.
            let head = talk.head(&path, accept).await;
            let fields = |head: &str| {
                let mut lines: Vec<_> = head.trim_end().lines().filter(|line| !line.starts_with("date:")).collect();
                lines.sort_unstable();
                lines.join("\n")
            };
            assert_eq!(fields(&head), fields(&answer.head), "{path}");
        }
        let answer = talk.send(&request("OPTIONS", &path, "", "")).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}");
        assert!(answer.head.contains("allow: get, head, options"), "{}", answer.head);
        let answer = talk.send(&request("GET", &path, "accept: text/html\r\n", "")).await;
        assert_eq!(answer.status, 406, "{path}");
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer = talk.send(&request(method, &path, "accept: application/yang-data+xml\r\n", "")).await;
            assert_eq!((answer.status, error(&answer).tag.as_str()), (405, "operation-not-supported"), "{method}");
            assert_eq!(encoding(&answer), Encoding::Xml);
            assert!(answer.head.contains("allow: ") && answer.head.contains("get"), "{}", answer.head);
        }
    }
    talk.server.stop().await;
}

#[tokio::test]
async fn rcf_10_one_date_wherever_it_is_told() {
    let mut talk = Talk::new().await;
    let mut get = async |path: &str| talk.send(&request("GET", path, "", "")).await.json();
    let root = get("/restconf").await["ietf-restconf:restconf"]["yang-library-version"].clone();
    let leaf = get("/restconf/yang-library-version").await["ietf-restconf:yang-library-version"].clone();
    let library = get("/restconf/data/ietf-yang-library:yang-library").await;
    let modules = library["ietf-yang-library:yang-library"]["module-set"][0]["module"].clone();
    let listed = modules.as_array().unwrap().iter().find(|module| module["name"] == "ietf-yang-library").unwrap();
    assert!(root.is_string() && root == leaf && root == listed["revision"], "{root} {leaf} {listed}");
    talk.server.stop().await;
}

#[tokio::test]
async fn rcf_12_operations_take_post_and_say_so() {
    let mut talk = Talk::new().await;
    for path in [DATA, REPORT] {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let answer = talk.send(&request(method, path, "", "")).await;
            assert_eq!((answer.status, error(&answer).tag.as_str()), (405, "operation-not-supported"), "{method}");
            assert!(answer.head.contains("allow: post"), "{}", answer.head);
        }
        assert!(talk.head(path, "").await.starts_with("http/1.1 405"));
        let answer = talk.send(&request("OPTIONS", path, "", "")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("allow: post, options"), "{}", answer.head);
    }
    assert_eq!(talk.server.store().reports(&support::device_id("SN-1")).await.unwrap(), []);
    talk.server.stop().await;
}

/// RFC 8040 §4.8: what is not understood is refused, and `content` is for every server.
#[tokio::test]
async fn query_parameters_are_known_or_refused() {
    let mut talk = Talk::new().await;
    for (path, status) in [
        ("/restconf/data?content=all", 200),
        ("/restconf/data/ietf-yang-library:yang-library?content=nonconfig", 200),
        ("/restconf/data?content=config", 404),
        ("/restconf/data?content=some", 400),
        ("/restconf/data?content=all&content=all", 400),
        ("/restconf/data?depth=1", 400),
        ("/restconf?content=all", 400),
        ("/restconf/operations?x", 400),
    ] {
        let answer = talk.send(&request("GET", path, "", "")).await;
        assert_eq!(answer.status, status, "{path}");
        if status == 400 {
            assert_eq!(error(&answer).tag.as_str(), "invalid-value", "{path}");
        }
    }
    let answer = talk.send(&support::post(&format!("{DATA}?insert=first"), crate::EMPTY)).await;
    assert_eq!((answer.status, error(&answer).tag.as_str()), (400, "invalid-value"));
    talk.server.stop().await;
}
