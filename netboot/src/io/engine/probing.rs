//! Requests that wait until it is known whether a host uses an address.

use std::{collections::HashMap, net::IpAddr};

use super::{Engine, Machine, Origin};
use crate::{
    action::Probe,
    io::{Finding, Probed},
};

/// Requests by the address that they wait for.
#[derive(Debug)]
pub(super) struct Asked<A>(HashMap<IpAddr, Vec<(Origin, Box<Probe<A>>)>>);

impl<A> Default for Asked<A> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<A> Asked<A> {
    /// Most requests that wait for the same address to be found free.
    const MOST: usize = 4;

    /// A request waits. Whoever asks again and again before the answer is there has asked already.
    fn put(&mut self, address: IpAddr, origin: Origin, probe: Box<Probe<A>>) {
        let waiting = self.0.entry(address).or_default();
        if waiting.len() < Self::MOST {
            waiting.push((origin, probe));
        }
    }

    /// The answer is there.
    fn take(&mut self, address: IpAddr) -> Vec<(Origin, Box<Probe<A>>)> {
        self.0.remove(&address).unwrap_or_default()
    }
}

impl<M: Machine> Engine<M> {
    /// Finds out whether a host uses an address.
    pub(super) fn probe(&mut self, origin: Origin, probe: Box<Probe<M::Address>>) {
        let address: IpAddr = probe.address.into();
        let asked = match (&mut self.prober, address) {
            (Some(prober), IpAddr::V4(address)) => prober.ask(address).is_ok(),
            _ => false,
        };
        if asked {
            self.probing.put(address, origin, probe);
        } else {
            // In a storm, or without the right to ask: RFC 2131 §3.1 says *should*, and the client looks for itself.
            self.found(origin, *probe, false);
        }
    }

    /// A probe has ended.
    pub(super) fn probed(&mut self, probed: Probed) {
        for (origin, probe) in self.probing.take(probed.address.into()) {
            let in_use = match probed.finding {
                Finding::Free => false,
                // The client itself, from before.
                Finding::InUse { hardware, .. } => hardware.is_none() || hardware != probe.client,
            };
            self.found(origin, *probe, in_use);
        }
    }

    fn found(&mut self, origin: Origin, probe: Probe<M::Address>, in_use: bool) {
        let now = self.now;
        let actions = self.ask_machine(origin, &[], |machine, heard, directory| {
            machine.on_probed(now, probe, heard, in_use, directory)
        });
        self.perform(origin, actions);
    }
}
