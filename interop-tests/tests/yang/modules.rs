//! The published modules, laid bare as yanglint needs them, and one verdict of yanglint.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use conveyed_info::Encoding;
use interop_tests::peer::Peer;
use tempfile::TempDir;

/// A document of ours, and how yanglint is asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Conveyed information.
    Information,
    /// The voucher of RFC 8366.
    Voucher,
    /// The same, by the module of its successor.
    LaterVoucher,
    /// The voucher request of RFC 8995.
    VoucherRequest,
    /// Input of get-bootstrapping-data, RFC 9646 included.
    Request,
    /// Its output.
    Answer,
    /// Input of report-progress.
    Report,
    /// A body of errors. What `error-info` holds is data of any kind to the module.
    Errors,
    /// The API resource of RESTCONF.
    Api,
    /// The datastore resource of RESTCONF: all the data there is, the YANG library in both of its forms.
    Data,
    /// What stands in `error-info`.
    CsrRequest,
}

/// Where the published modules are.
pub(crate) fn published() -> Option<PathBuf> {
    env::var_os("SZTP_YANG_DIR").map(PathBuf::from)
}

/// yanglint, and the modules.
#[derive(Debug)]
pub(crate) struct Yang {
    yanglint: Peer,
    published: PathBuf,
    folder: TempDir,
}

impl Yang {
    /// Lays the templates bare, of which yanglint knows nothing: a `yang-data` or `structure` (RFC 8040 §8, RFC 8791)
    /// becomes plain data of its module. Nothing else changes, but for the type of `error-path`: an instance identifier is
    /// looked up in the data, and what it names is in the request.
    pub(crate) fn new(yanglint: Peer, published: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plain = |name: &str, changes: &[(&str, &str)]| {
            let mut text = fs::read_to_string(published.join(name)).unwrap();
            for (from, to) in changes {
                assert!(text.contains(from), "{name} is not the published module: no {from}");
                text = text.replacen(from, to, 1);
            }
            fs::write(folder.path().join(name), text).unwrap();
        };
        let template = "  rc:yang-data conveyed-information {\n";
        let text = fs::read_to_string(published.join(INFORMATION)).unwrap();
        let (_, body) = text.split_once(template).unwrap();
        let (body, _) = body.split_once("\n  }\n").unwrap();
        plain(INFORMATION, &[(&format!("{template}{body}\n  }}\n"), &format!("{body}\n"))]);
        let grouping = "uses voucher-artifact-grouping;";
        plain(VOUCHER, &[(&format!("rc:yang-data voucher-artifact {{\n    {grouping}\n  }}"), grouping)]);
        plain(LATER_VOUCHER, &[("sx:structure voucher {", "container voucher { presence \"a document\";")]);
        let grouping = "uses voucher-request-grouping;";
        let template = format!("rc:yang-data voucher-request-artifact {{\n    {grouping}\n  }}");
        plain(VOUCHER_REQUEST, &[(&template, grouping)]);
        plain(CSR, &[("sx:structure csr-request {", "container csr-request { presence \"a document\";")]);
        let errors = "uses errors { refine errors { config false; } }";
        let api = "uses restconf { refine restconf { config false; presence \"a document\"; } }";
        plain(
            RESTCONF,
            &[
                ("rc:yang-data yang-api {\n    uses restconf;\n  }", api),
                ("rc:yang-data yang-errors {\n    uses errors;\n  }", errors),
                ("leaf error-path {\n          type instance-identifier;", "leaf error-path {\n          type string;"),
            ],
        );
        Self { yanglint, published, folder }
    }

    /// What yanglint says against a document; `Ok` when it is valid.
    pub(crate) fn validate(&self, kind: Kind, document: &[u8], encoding: Encoding) -> Result<(), String> {
        let document = match kind {
            Kind::Request => called(document, "input", "get-bootstrapping-data"),
            Kind::Answer => called(document, "output", "get-bootstrapping-data"),
            Kind::Report => called(document, "input", "report-progress"),
            Kind::Data => unwrapped(document, "ietf-restconf", "data"),
            _ => document.to_vec(),
        };
        let name = match encoding {
            Encoding::Json => "document.json",
            Encoding::Xml => "document.xml",
        };
        let run = tempfile::tempdir_in(self.folder.path()).unwrap();
        let file = run.path().join(name);
        fs::write(&file, document).unwrap();
        let mut arguments = vec!["-p".to_owned(), shown(&self.published)];
        let (is_plain, operation, modules) = match kind {
            Kind::Information => (true, None, &[INFORMATION][..]),
            Kind::Voucher => (true, None, &[VOUCHER][..]),
            Kind::LaterVoucher => (true, None, &[LATER_VOUCHER][..]),
            // The grouping is that of RFC 8366, of whose successor there is a copy beside it.
            Kind::VoucherRequest => (true, None, &[VOUCHER, VOUCHER_REQUEST][..]),
            Kind::Errors | Kind::Api => (true, None, &[RESTCONF][..]),
            Kind::Data => (false, None, &[LIBRARY, DATASTORES][..]),
            Kind::CsrRequest => (true, None, &[TYPES, CSR][..]),
            Kind::Request | Kind::Report => (false, Some("rpc"), &[SERVER, TYPES, CSR][..]),
            Kind::Answer => (false, Some("reply"), &[SERVER][..]),
        };
        if let Some(operation) = operation {
            arguments.extend(["-t".to_owned(), operation.to_owned()]);
        }
        for module in modules {
            let plain = self.folder.path().join(module);
            // Laid bare, it would demand a voucher too.
            let is_plain = is_plain && !(kind == Kind::VoucherRequest && *module == VOUCHER);
            let path = if is_plain && plain.exists() { plain } else { self.published.join(module) };
            arguments.push(shown(&path));
        }
        arguments.push(shown(&file));
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        self.yanglint.run(run.path(), &arguments).map(drop).map_err(|error| error.to_string())
    }
}

const INFORMATION: &str = "ietf-sztp-conveyed-info@2019-04-30.yang";
const VOUCHER: &str = "ietf-voucher@2018-05-09.yang";
const LATER_VOUCHER: &str = "ietf-voucher@2025-12-18.yang";
const VOUCHER_REQUEST: &str = "ietf-voucher-request@2021-05-20.yang";
const CSR: &str = "ietf-sztp-csr@2024-10-10.yang";
const TYPES: &str = "ietf-ztp-types@2024-10-10.yang";
const RESTCONF: &str = "ietf-restconf@2017-01-26.yang";
const LIBRARY: &str = "ietf-yang-library@2019-01-04.yang";
const DATASTORES: &str = "ietf-datastores@2018-02-14.yang";
const SERVER: &str = "ietf-sztp-bootstrap-server@2019-04-30.yang";

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A body under the name of its operation, as yanglint has it, in place of `input` or `output`.
fn called(body: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = str::from_utf8(body).unwrap();
    let json = format!("ietf-sztp-bootstrap-server:{from}\"");
    let renamed = if text.contains(&json) {
        text.replacen(&json, &format!("ietf-sztp-bootstrap-server:{to}\""), 1)
    } else {
        text.replacen(&format!("<{from} "), &format!("<{to} "), 1).replace(&format!("</{from}>"), &format!("</{to}>"))
    };
    renamed.into_bytes()
}

/// What stands in the only member of a document, as yanglint has data: its top-level nodes side by side.
fn unwrapped(document: &[u8], module: &str, name: &str) -> Vec<u8> {
    let text = str::from_utf8(document).unwrap();
    let json = text.strip_prefix(&format!("{{\"{module}:{name}\":")).and_then(|rest| rest.strip_suffix('}'));
    let xml = text.strip_suffix(&format!("</{name}>")).and_then(|rest| rest.split_once('>')).map(|(_, inner)| inner);
    json.or(xml).unwrap_or_else(|| panic!("no {name} in {text}")).as_bytes().to_vec()
}
