//! Requests that wait until it is known whether a host uses an address.

use std::{collections::HashMap, net::IpAddr};

use super::{Engine, Machine, Origin};
use crate::{
    action::Probe,
    io::{Finding, ProbeOutcome, Probed},
};

/// Requests by the address that they wait for.
#[derive(Debug)]
pub(super) struct Asked<A>(HashMap<IpAddr, Vec<Waiting<A>>>);

type Waiting<A> = (Origin, Box<Probe<A>>);

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
    fn take(&mut self, address: IpAddr) -> Vec<Waiting<A>> {
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
            self.services.observer.probed(M::PROTOCOL, ProbeOutcome::NotAsked);
            // In a storm, or without the right to ask: RFC 2131 §3.1 says *should*, and the client looks for itself.
            self.found(origin, *probe, false);
        }
    }

    /// A probe has ended.
    pub(super) fn probed(&mut self, probed: Probed) {
        let outcome = match probed.finding {
            Finding::Free => ProbeOutcome::Free,
            Finding::InUse { .. } => ProbeOutcome::InUse,
        };
        self.services.observer.probed(M::PROTOCOL, outcome);
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn probe(address: Ipv4Addr, number: u8) -> (Origin, Box<Probe<Ipv4Addr>>) {
        let origin = Origin { source: "192.0.2.9:68".parse().unwrap(), to_many: true, interface: 1 };
        let probe = Probe { address, client: None, datagram: vec![number], reply: None, notes: Vec::new() };
        (origin, Box::new(probe))
    }

    /// A client that asks again and again while its address is looked for takes no memory, and gets few answers.
    #[test]
    fn requests_that_wait_for_one_probe_are_few() {
        let (busy, quiet) = (Ipv4Addr::new(192, 0, 2, 50), Ipv4Addr::new(192, 0, 2, 51));
        let mut asked = Asked::default();
        for number in 0..100 {
            let (origin, probe) = probe(busy, number);
            asked.put(busy.into(), origin, probe);
        }
        let (origin, one) = probe(quiet, 200);
        asked.put(quiet.into(), origin, one);
        let mut waited = |address: Ipv4Addr| -> Vec<u8> {
            asked.take(address.into()).into_iter().flat_map(|(_, probe)| probe.datagram).collect()
        };
        assert_eq!((waited(busy), waited(quiet)), (vec![0, 1, 2, 3], vec![200]));
        assert_eq!((waited(busy), waited(quiet)), (Vec::new(), Vec::new()), "nothing is left behind");
    }
}
