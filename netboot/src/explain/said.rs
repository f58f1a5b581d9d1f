//! All that a configuration says about one client, and which of it counts.

use std::collections::BTreeSet;

use super::Item;
use crate::policy::{Answer, Give, Sending};

/// How options are called and described in one IP version.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    pub(crate) name: fn(u16) -> Option<&'static str>,
    pub(crate) describe: fn(u16, &[u8]) -> String,
}

impl Names {
    /// What an option is called, whether it has a name or not.
    pub(crate) fn of(self, code: u16) -> String {
        (self.name)(code).map_or_else(|| format!("option {code}"), str::to_owned)
    }
}

/// One thing that is said in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// The option, where it is one.
    pub(crate) code: Option<u16>,
    /// What it is called: a key of `give`, or an option.
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) from: String,
    pub(crate) sending: Sending,
    /// Whether it counts: no narrower place says anything about it.
    pub(crate) counts: bool,
}

impl Said {
    pub(crate) fn item(&self) -> Item {
        let Self { code, name, value, from, .. } = self.clone();
        Item { code, name, value, from }
    }
}

/// Everything that applies, the narrowest first.
pub(crate) fn said(answer: &Answer<'_>, names: Names) -> Vec<Said> {
    let (mut all, mut before) = (Vec::new(), BTreeSet::new());
    for (origin, give) in answer.layers() {
        for (code, name, value, sending) in things(give, names) {
            let counts = before.insert(name.clone());
            all.push(Said { code, name, value, from: origin.to_string(), sending, counts });
        }
    }
    all
}

fn things(give: &Give, names: Names) -> Vec<(Option<u16>, String, String, Sending)> {
    let always = |name: &str, value: Option<String>| value.map(|value| (None, name.to_owned(), value, Sending::Always));
    let uris = give.uris.as_ref();
    let uris = uris.map(|uris| uris.as_slice().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let parameters = give.boot_parameters.as_ref();
    let parameters = parameters.map(|list| list.iter().map(|text| text.as_str()).collect::<Vec<_>>().join(" "));
    let keys = [
        always("answer", give.answer.map(|answer| answer.to_string())),
        always("lease-seconds", give.lease_seconds.map(|seconds| seconds.to_string())),
        always("preferred-seconds", give.preferred_seconds.map(|seconds| seconds.to_string())),
        always("next-server", give.next_server.map(|address| address.to_string())),
        always("server-name", give.server_name.as_ref().map(|text| text.as_str().to_owned())),
        always("boot-file", give.boot_file.as_ref().map(|text| text.as_str().to_owned())),
        always("boot-parameters", parameters),
        always("bootstrap-uris", uris),
        always("bootstrap-form", give.form.map(|form| form.as_str().to_owned())),
        always("bootstrap-send", give.bootstrap_send.map(|sending| sending.as_str().to_owned())),
    ];
    let options = give
        .options
        .iter()
        .map(|(code, given)| (Some(*code), names.of(*code), (names.describe)(*code, &given.value), given.sending));
    keys.into_iter().flatten().chain(options).collect()
}
