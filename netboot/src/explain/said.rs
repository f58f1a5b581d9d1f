//! All that a configuration says about one client, and which of it counts.

use std::collections::BTreeMap;

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
    /// Which narrower place takes it away, if that is why it does not count.
    pub(crate) taken_by: Option<String>,
}

impl Said {
    pub(crate) fn item(&self) -> Item {
        let Self { code, name, value, from, .. } = self.clone();
        Item { code, name, value, from }
    }

    /// As something that is taken away, with who does it.
    pub(crate) fn taken(&self) -> Option<Item> {
        Some(Item { from: self.taken_by.clone()?, ..self.item() })
    }
}

/// Everything that applies, the narrowest first.
pub(crate) fn said(answer: &Answer<'_>, names: Names) -> Vec<Said> {
    // By name, what narrower places said of it: gave it, or took it away and nobody has missed it yet.
    let (mut all, mut before) = (Vec::new(), BTreeMap::<String, Option<String>>::new());
    for (origin, give) in answer.layers() {
        for (code, name, value, sending) in things(give, names) {
            let (counts, taken_by) = match before.insert(name.clone(), None) {
                None => (true, None),
                Some(taken_by) => (false, taken_by),
            };
            all.push(Said { code, name, value, from: origin.to_string(), sending, counts, taken_by });
        }
        let options = give.without.options().map(|code| names.of(code));
        for name in give.without.keys().map(str::to_owned).chain(options) {
            before.entry(name).or_insert_with(|| Some(origin.to_string()));
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
        always("pxe", give.pxe.as_ref().map(|_| "a boot menu".to_owned())),
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
