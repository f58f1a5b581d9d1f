//! Every attempt of these tests is captured and replayed: the same decisions come out, to the last one, and each is a line as
//! `specs/trace.schema.json` has it.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use pki::{certificate::Certificate, time::Clock};
use verdict::Refusal;

use crate::{
    Outcome, Record, Server,
    capture::{CaptureWriter, Changes, End, replay},
    env::{self, Environment, sim::Simulation},
    machine::{
        Answer, Discovery, Download, Downloaded, Event, Fetch, Machine, Moment, Pause, Policy, Request, Situation,
        SourceIndex, Step, Work,
    },
};

#[path = "../../../tests/schema/mod.rs"]
mod schema;

struct Captured<'a> {
    world: &'a mut Simulation,
    capture: CaptureWriter<Vec<u8>>,
}

/// Runs the machine in this world, and again on the capture of that.
pub(super) fn drive(
    machine: Machine,
    policy: &Policy,
    situation: &Situation,
    world: &mut Simulation,
) -> (Outcome, Vec<u8>) {
    let before = world.records.len();
    let mut capture = CaptureWriter::begin(Vec::new(), policy).unwrap();
    capture.attempt(situation).unwrap();
    let mut captured = Captured { world, capture };
    let outcome = env::drive(machine, &mut captured);
    let bytes = captured.capture.into_inner();
    let changes = Changes { decryption_key: policy.decryption_key.clone(), ..Changes::default() };
    let mut records = Vec::new();
    let replayed = replay(bytes.as_slice(), &changes, &mut |record| records.push(record.clone())).unwrap();
    assert_eq!(replayed.end, End::Same);
    assert_eq!(records, &world.records[before..]);
    let schema = schema::of_traces();
    records.iter().for_each(|record| schema::check(&schema, &serde_json::to_value(record).unwrap()));
    (outcome, bytes)
}

impl Environment for Captured<'_> {
    fn clock(&self) -> Clock {
        self.world.clock()
    }

    fn monotonic(&self) -> Duration {
        self.world.monotonic()
    }

    fn discover(&mut self, source: SourceIndex) -> Result<Discovery, Refusal> {
        self.world.discover(source)
    }

    fn resolve(&mut self, server: &Server) -> Result<Vec<IpAddr>, Refusal> {
        self.world.resolve(server)
    }

    fn connect(&mut self, server: &Server, address: SocketAddr) -> Result<Vec<Certificate>, Refusal> {
        self.world.connect(server, address)
    }

    fn send(&mut self, request: &Request) -> Result<Answer, Refusal> {
        self.world.send(request)
    }

    fn wait(&mut self, pause: Pause) {
        self.world.wait(pause);
    }

    fn fetch(&mut self, fetch: &Fetch) -> Result<Vec<u8>, Refusal> {
        self.world.fetch(fetch)
    }

    fn download(&mut self, download: &Download) -> Result<Downloaded, Refusal> {
        self.world.download(download)
    }

    fn work(&mut self, work: Work) -> Result<Event, Refusal> {
        self.world.work(work)
    }

    fn trace(&mut self, record: &Record) {
        self.world.trace(record);
    }

    fn told(&mut self, now: Moment, event: Option<&Event>) {
        self.capture.told(now, event).unwrap();
    }

    fn decided(&mut self, step: &Step) {
        self.capture.decided(step).unwrap();
    }
}
