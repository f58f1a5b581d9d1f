//! What keeps a client from being answered, with the remedy.

use super::{Hindrance, Question, name_of};
use crate::note::{Event, Ignored};

impl Hindrance {
    /// Why nothing would be answered. `table` is what the server's table is called in the configuration.
    pub(crate) fn of(ignored: &Ignored, question: &Question, table: &str) -> Self {
        let client = name_of(question);
        let own = |remedy: String| (format!("no answer: {ignored}"), remedy);
        let (what, remedy) = match ignored {
            Ignored::Stranger => own(format!(
                "register the device with its address or UUID (sztp device add … --mac {client}), or say `strangers = \"serve\"` in [{table}]"
            )),
            Ignored::Silenced(origin) => own(format!(
                "take `answer = false` out of what {origin} gives, or say `answer = true` in a narrower place"
            )),
            Ignored::NoSubnet => own(format!("add a [[{table}.subnet]] with the network that the client is in")),
            Ignored::OtherNetwork { relay: Some(relay) } => own(format!(
                "add a [[{table}.subnet]] that {relay} is in, or name it in `relays` of the subnet that it relays for"
            )),
            Ignored::OtherNetwork { relay: None } => own(format!(
                "say which network it is in with --subnet or --relay; if it is one of none, add a [[{table}.subnet]] for it"
            )),
            Ignored::NotFirmware => own(
                "this server only tells boot firmware what to boot: say --vendor-class PXEClient … if it is such, or let the server give addresses (`mode = \"server\"`)"
                    .to_owned(),
            ),
            Ignored::NothingToBoot => own("say `boot-file` in a class that it belongs to, or in what everybody gets".to_owned()),
            Ignored::ReplyTooLong => own("give it fewer or shorter options".to_owned()),
            other => match other.reason() {
                Some(reason) => own(reason.remedy().to_owned()),
                None => own("ask about a client as it is: this is no request that a server answers".to_owned()),
            },
        };
        Self { what, reason: ignored.reason(), remedy }
    }

    /// What would be left out of a reply that is longer than the client takes.
    pub(crate) fn shortened(event: &Event) -> Option<Self> {
        let Event::Shortened { uris_left_out, options_left_out } = event else { return None };
        let options: Vec<_> = options_left_out.iter().map(ToString::to_string).collect();
        let options =
            if options.is_empty() { String::new() } else { format!(" and the options {}", options.join(", ")) };
        Some(Self {
            what: format!("the reply is too long: {uris_left_out} bootstrap URIs{options} would be left out"),
            reason: None,
            remedy: "give it fewer or shorter options".to_owned(),
        })
    }
}
