//! The boot server of PXE 2.1: what answers at port 4011.

use std::net::Ipv4Addr;

use super::{super::decide::Case, decide_boot};
use crate::{
    action::Action,
    dhcp4::{
        Datagram,
        machine::{Opened, open},
        request::Port,
    },
    moment::Moment,
    note::{Event, Note},
    policy::{Dhcp4Policy, Directory},
};

/// Tells firmware that has its address what to boot, and remembers nothing. It obeys the policy of the [`crate::dhcp4::Dhcp4Machine`] beside
/// it, whether that gives addresses or not.
#[derive(Clone, Debug)]
pub struct BootServer {
    policy: Dhcp4Policy,
}

impl BootServer {
    /// A boot server that obeys this policy.
    #[must_use]
    pub const fn new(policy: Dhcp4Policy) -> Self {
        Self { policy }
    }

    /// Takes one datagram. There is at most one reply, and always a note; no input makes it panic.
    #[must_use]
    pub fn on_datagram(&self, now: Moment, datagram: &Datagram<'_>, directory: &Directory) -> Vec<Action<Ipv4Addr>> {
        let Opened { request, client } = match open(datagram, Port::Boot, &self.policy) {
            Ok(opened) => opened,
            Err(note) => return vec![Action::Note(note)],
        };
        let note = |event| Note { source: datagram.source.into(), client: Some(client.clone()), event };
        let said = Case::new(now, &self.policy, &request, datagram, directory).and_then(|case| {
            let (reply, event) = decide_boot(&case, &self.policy)?;
            case.say(&self.policy, reply, event, note)
        });
        said.unwrap_or_else(|because| vec![Action::Note(note(Event::Ignored(because)))])
    }
}
