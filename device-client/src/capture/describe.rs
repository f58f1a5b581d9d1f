//! What a machine wants done, in one line: two actions that differ in what matters have different lines.

use conveyed_info::Encoding;
use verdict::Trace;

use crate::machine::{Action, Download, Fetch, Pause, Request, Work};

/// The line. It holds nothing of what a report says, nor of scripts and configurations.
pub(super) fn describe(action: &Action) -> String {
    let line = match action {
        Action::Discover(source) => format!("discover {}", source.0),
        Action::Resolve(server) => format!("resolve {server}"),
        Action::Connect { server, address } => format!("connect {server} at {address}"),
        Action::Send(Request::HostMeta) => "send host-meta".to_owned(),
        Action::Send(Request::BootstrappingData { api, input }) => {
            format!(
                "send {} {} get-bootstrapping-data {}",
                api.root,
                api.media_type(),
                String::from_utf8_lossy(&input.encode(Encoding::Json))
            )
        }
        Action::Fetch(Fetch { place, addresses }) => format!("fetch {} at {addresses:?}", place.uri()),
        Action::Send(Request::Progress { api, report }) => {
            format!("send {} {} report-progress {}", api.root, api.media_type(), report.progress_type)
        }
        Action::Wait(Pause::About(pause)) => format!("wait about {} ms", pause.as_millis()),
        Action::Wait(Pause::AtLeast(pause)) => format!("wait at least {} ms", pause.as_millis()),
        Action::Download(Download { from, expected }) => {
            let expected = expected.map_or_else(|| "anything".to_owned(), |digest| digest.to_string());
            format!("download {from} expecting {expected}")
        }
        Action::Work(Work::InstallImage(image)) => format!("install-image {}", image.sha256),
        Action::Work(Work::Remember(fact)) => format!("remember {fact:?}"),
        Action::Work(Work::WriteDone(completion)) => format!("write-done {} {}", completion.place, completion.document),
        Action::Work(_) => action.name().to_owned(),
        Action::Finish(outcome) => {
            let reason = outcome.reason.map(|reason| format!(" {reason}")).unwrap_or_default();
            format!("finish {:?}{reason}", outcome.state)
        }
    };
    Trace::readable(&line)
}
