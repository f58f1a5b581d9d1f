//! Going on with the leases of another DHCP server, streamed both ways.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::BodyDataStream,
    extract::{Request, State},
    http::header,
    response::Response,
};
use futures_util::StreamExt;
use netboot::lease::{
    ClientKey, Lease, Written,
    dnsmasq::{LONGEST_LINE, Line, is_outdated, read_line},
};
use netboot::moment::Moment;
use operator_api::{
    ChangeQuery, DhcpLeaseImportQuery, DhcpLeaseOutdated, DhcpLeaseTaken, DhcpLeaseUpdate, DhcpLeasesDone, ImportFault,
    paths,
};
use pki::time::Timestamp;
use verdict::ReasonCode;

use super::{
    super::{
        Api,
        change::Rehearsal,
        fault::Fault,
        guard::Caller,
        request::Parameters,
        streamed::{Lines, Unread},
    },
    now, shown,
};
use crate::{
    audit::{Event, LeaseEvent},
    domain::Role,
    store::Batch,
};

/// Leases written together, after which progress is told. Whoever is given an address meanwhile waits for no more.
const TOGETHER: usize = 256;
/// Leases of whose clients the records are looked for at a time: all that is on record is gone through for it.
const LOOKED_UP: usize = 4096;

/// Take over the leases of another DHCP server
///
/// The body is the file in which dnsmasq keeps its leases; the answer comes while it is read, one JSON object a line. A lease whose address
/// another client has here is told and left out, and so is one of a client of which newer things are on record. What a line of progress counts as written is durable. Stop the other server first.
#[utoipa::path(post, path = paths::IMPORT_DHCP_LEASES, tag = "dhcp", params(DhcpLeaseImportQuery),
    request_body(content((String = "text/plain"))),
    responses((status = 200, description = "How it goes, one update a line.", body = DhcpLeaseUpdate,
        content_type = "application/x-ndjson")))]
pub(in crate::api) async fn import(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Parameters(query): Parameters<DhcpLeaseImportQuery>,
    request: Request,
) -> Result<Response, Fault> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let name = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !name.eq_ignore_ascii_case("text/plain") {
        return Err(Fault::media_type("text/plain"));
    }
    let as_of = query.as_of.as_deref().map(written_at).transpose()?.unwrap_or_else(now);
    let rehearsal = Rehearsal::of(ChangeQuery { dry_run: query.dry_run });
    let (lines, response) = Lines::answer();
    let done = DhcpLeasesDone::default();
    let import = Import { api, caller, rehearsal, lines, as_of, line: 0, waiting: Vec::new(), done };
    tokio::spawn(import.run(request.into_body().into_data_stream()));
    Ok(response)
}

/// When a file was written. One of the future was written now: nobody's clock is to make it newer than everything.
fn written_at(text: &str) -> Result<Moment, Fault> {
    let seconds = Timestamp::parse_rfc3339(text).and_then(|at| u64::try_from(at.unix()).ok());
    let at = seconds.ok_or_else(|| Fault::query("as-of: takes a time since 1970 such as 2026-01-31T12:00:00Z"))?;
    Ok(Moment(at).min(now()))
}

/// An import under way.
struct Import {
    api: Arc<Api>,
    caller: Caller,
    rehearsal: Rehearsal,
    lines: Lines,
    /// When the file was written.
    as_of: Moment,
    /// Lines read.
    line: u64,
    /// Leases that were read and are not written yet, with their lines.
    waiting: Vec<(u64, Lease)>,
    done: DhcpLeasesDone,
}

/// Why it does not go on.
enum Halt {
    /// Nobody reads the answer any more.
    Unread,
    /// For this reason.
    For(ReasonCode, String),
}

/// The database says no.
fn failed(error: &dyn std::fmt::Display) -> Halt {
    let detail = format!("{error}; leases from this line on may have been taken over or not");
    Halt::For(ReasonCode::DatabaseUnavailable, detail)
}

impl From<Unread> for Halt {
    fn from(_: Unread) -> Self {
        Self::Unread
    }
}

impl Import {
    async fn run(mut self, body: BodyDataStream) {
        match self.read(body).await {
            Ok(()) => {}
            Err(Halt::Unread) => return,
            Err(Halt::For(reason, detail)) => {
                let line = self.waiting.first().map_or(self.line, |(line, _)| *line);
                if self.fault(line, reason, detail).await.is_err() {
                    return;
                }
            }
        }
        let DhcpLeasesDone { read, written, taken, outdated, faults } = self.done;
        tracing::info!(user = %self.caller.user, read, written, taken, outdated, faults, "leases imported");
        let _read_or_not = self.lines.say(&DhcpLeaseUpdate::Done(self.done)).await;
    }

    async fn read(&mut self, mut body: BodyDataStream) -> Result<(), Halt> {
        let mut line = Vec::new();
        loop {
            let piece = match tokio::time::timeout(self.api.body_deadline, body.next()).await {
                Ok(Some(Ok(piece))) => piece,
                Ok(None) => break,
                Ok(Some(Err(_))) => return self.cut("the connection was cut in the middle of the file").await,
                Err(_) => return self.cut("the rest of the file did not come in time").await,
            };
            for octet in piece {
                match octet {
                    b'\n' => self.take(&std::mem::take(&mut line)).await?,
                    // What is too long is told to be so, and not held.
                    octet if line.len() <= LONGEST_LINE => line.push(octet),
                    _ => {}
                }
            }
        }
        if !line.is_empty() {
            self.take(&line).await?;
        }
        self.flush().await
    }

    async fn cut(&mut self, why: &str) -> Result<(), Halt> {
        self.flush().await?;
        Err(Halt::For(ReasonCode::ImportUnreadable, why.to_owned()))
    }

    async fn take(&mut self, line: &[u8]) -> Result<(), Halt> {
        self.line = self.line.saturating_add(1);
        match read_line(&String::from_utf8_lossy(line), self.as_of) {
            // The server's own DUID is not taken over: clients find this one by its own.
            Ok(Line::Nothing | Line::ServerDuid(_)) => {}
            Ok(Line::Lease(lease)) => {
                self.done.read = self.done.read.saturating_add(1);
                self.waiting.push((self.line, lease));
            }
            Err(odd) => self.fault(self.line, ReasonCode::ImportRowInvalid, odd.to_string()).await?,
        }
        if self.waiting.len() >= LOOKED_UP { self.flush().await } else { Ok(()) }
    }

    /// Writes what waits, and says what became of it.
    async fn flush(&mut self) -> Result<(), Halt> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.go_on().await?;
        self.leave_outdated().await?;
        loop {
            self.write().await?;
            // What was left out is told, too, when nothing else is left.
            self.lines.say(&DhcpLeaseUpdate::Progress(self.done)).await?;
            if self.waiting.is_empty() {
                return Ok(());
            }
        }
    }

    /// Writes the first of what waits.
    async fn write(&mut self) -> Result<(), Halt> {
        let Some((first_line, _)) = self.waiting.first() else { return Ok(()) };
        self.go_on().await?;
        let leases: Vec<_> = self.waiting.iter().take(TOGETHER).map(|(_, lease)| lease.clone()).collect();
        let outcomes = match self.rehearsal {
            Rehearsal::Yes => self.rehearse(&leases).await.map_err(|error| failed(&error))?,
            Rehearsal::No => {
                let count = u64::try_from(leases.len()).unwrap_or(u64::MAX);
                let event = Event::Leases(LeaseEvent::Imported { leases: count, first_line: *first_line });
                let batch = Batch::from(event).by(self.caller.actor()).bulk();
                self.api.store.commit(batch).await.map_err(|error| failed(&error))?;
                self.api.leases.write(leases).await.map_err(|error| failed(&error))?
            }
        };
        let now = now();
        let written = self.waiting.len().min(TOGETHER);
        for ((line, _), outcome) in self.waiting.drain(..written).zip(outcomes) {
            match outcome {
                Written::Yes => self.done.written = self.done.written.saturating_add(1),
                Written::Taken(record) => {
                    self.done.taken = self.done.taken.saturating_add(1);
                    let taken = DhcpLeaseTaken { line, lease: shown(&record, now) };
                    self.lines.say(&DhcpLeaseUpdate::Taken(taken)).await?;
                }
            }
        }
        Ok(())
    }

    /// Goes on only as long as the caller may.
    async fn go_on(&self) -> Result<(), Halt> {
        match self.caller.may_still(self.api.store.as_ref(), Role::Operator).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Halt::For(ReasonCode::TokenInvalid, "nothing from this line on was taken".to_owned())),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Takes from what waits whatever is older than what is on record of the same client, here or on an earlier line, and tells of it.
    async fn leave_outdated(&mut self) -> Result<(), Halt> {
        let clients: Vec<_> = self.waiting.iter().map(|(_, lease)| lease.client.clone()).collect();
        let records = self.api.leases.leases_of_clients(&clients).await;
        let records = records.map_err(|error| failed(&error))?;
        let mut known: HashMap<ClientKey, Vec<Lease>> = HashMap::new();
        for record in records {
            known.entry(record.client.clone()).or_default().push(record);
        }
        let now = now();
        for (line, lease) in std::mem::take(&mut self.waiting) {
            let its = known.entry(lease.client.clone()).or_default();
            if let Some(newer) = its.iter().find(|record| is_outdated(&lease, record)) {
                self.done.outdated = self.done.outdated.saturating_add(1);
                let (address, lease) = (lease.address.to_string(), shown(newer, now));
                let outdated = DhcpLeaseOutdated { line, address, lease };
                self.lines.say(&DhcpLeaseUpdate::Outdated(outdated)).await?;
            } else {
                its.retain(|record| record.address != lease.address);
                its.push(lease.clone());
                self.waiting.push((line, lease));
            }
        }
        Ok(())
    }

    /// What writing these would come to, by what is on record now.
    async fn rehearse(&self, leases: &[Lease]) -> Result<Vec<Written>, crate::store::StoreError> {
        let addresses: Vec<_> = leases.iter().map(|lease| lease.address).collect();
        let records = self.api.leases.leases_of(&addresses).await?;
        let mut records: HashMap<_, _> = records.into_iter().map(|record| (record.address, record)).collect();
        let outcomes = leases.iter().map(|lease| match records.get(&lease.address) {
            Some(record) if !record.gives_way_to(lease) => Written::Taken(Box::new(record.clone())),
            _ => {
                records.insert(lease.address, lease.clone());
                Written::Yes
            }
        });
        Ok(outcomes.collect())
    }

    async fn fault(&mut self, line: u64, reason: ReasonCode, detail: String) -> Result<(), Halt> {
        self.done.faults = self.done.faults.saturating_add(1);
        let (reason, remedy) = (reason.to_string(), reason.remedy().to_owned());
        Ok(self.lines.say(&DhcpLeaseUpdate::Fault(ImportFault { line, reason, detail, remedy })).await?)
    }
}
