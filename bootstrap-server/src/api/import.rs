//! Registering many devices in one request, streamed both ways: rows are made durable as they come, and the answer says
//! how far that is. Whoever is cut off sends the file again: rows that are on the list already are left alone.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::{Request, State},
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::{StreamExt, future::join_all, stream};
use operator_api::{ChangeQuery, ImportDone, ImportFault, ImportProgress, ImportUpdate, paths};
use tokio::sync::mpsc;
use verdict::{ReasonCode, Trace};

use super::{Api, change::Rehearsal, fault::Fault, guard::Caller, request::Parameters};
use crate::{
    audit::Event,
    domain::{Role, change::ChangeRefused},
    import::{self, Form, Importer, Row},
    store::{Batch, StoreError},
};

/// Rows that become durable together.
const ROWS: usize = 500;
/// Lines of the answer that may wait for whoever reads it. While they do, nothing more is read.
const LINES: usize = 64;
/// How long the answer may not be read, before the import ends where it is.
const PATIENCE: Duration = Duration::from_secs(30);

/// Register many devices
///
/// The body is CSV with a header line, a JSON array, or one JSON object a line; the answer comes while it is read, one
/// JSON object a line. A row that is not taken hurts no other. What a line of progress counts is durable. The answer has
/// to be read while the body is sent.
#[utoipa::path(post, path = paths::IMPORT, tag = "devices", params(ChangeQuery),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"),
        (Vec<operator_api::NewDevice> = "application/json"))),
    responses((status = 200, description = "How it goes, one update a line.", body = ImportUpdate,
        content_type = "application/x-ndjson")))]
pub(super) async fn import(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Parameters(query): Parameters<ChangeQuery>,
    request: Request,
) -> Result<Response, Fault> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = Form::of_media_type(media_type.unwrap_or_default())
        .ok_or_else(|| Fault::media_type("text/csv, application/x-ndjson or application/json"))?;
    let (lines, taken) = mpsc::channel(LINES);
    let import = Import {
        api,
        caller,
        rehearsal: Rehearsal::of(query),
        lines,
        waiting: Vec::new(),
        done: ImportDone { read: 0, registered: 0, unchanged: 0, faults: 0 },
    };
    tokio::spawn(import.run(Importer::new(form), request.into_body().into_data_stream()));
    let lines = stream::unfold(taken, |mut taken: mpsc::Receiver<Bytes>| async move {
        let line = taken.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(line), taken))
    });
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// One import under way.
struct Import {
    api: Arc<Api>,
    caller: Caller,
    rehearsal: Rehearsal,
    lines: mpsc::Sender<Bytes>,
    /// Rows that were read and are not durable yet.
    waiting: Vec<Row>,
    done: ImportDone,
}

/// The import cannot go on.
enum Halt {
    /// Nobody reads the answer any more.
    Unread,
    /// The database failed at this line.
    Database(u64),
    /// At this line the token opened nothing any more.
    Shut(u64),
}

impl Import {
    async fn run(mut self, importer: Importer, body: BodyDataStream) {
        let halted = match self.read(importer, body).await {
            Ok(()) => None,
            Err(Halt::Unread) => return,
            // Rows are committed side by side, and a commit that fails may have come through all the same.
            Err(Halt::Database(line)) => {
                Some((line, ReasonCode::DatabaseUnavailable, "rows from this line on may have been registered or not"))
            }
            Err(Halt::Shut(line)) => Some((line, ReasonCode::TokenInvalid, "nothing from this line on was taken")),
        };
        if let Some((line, reason, detail)) = halted {
            let fault = import::Fault { line, reason, detail: detail.to_owned() };
            if self.fault(fault).await.is_err() {
                return;
            }
        }
        let ImportDone { read, registered, unchanged, faults } = self.done;
        tracing::info!(user = %self.caller.user, read, registered, unchanged, faults, "devices imported");
        let done = ImportUpdate::Done(self.done.clone());
        let _read_or_not = self.say(&done).await;
    }

    async fn read(&mut self, mut importer: Importer, mut body: BodyDataStream) -> Result<(), Halt> {
        let deadline = self.api.body_deadline;
        loop {
            // The deadline is for each piece: a long file takes as long as it takes, and one that stops coming ends.
            let cut = match tokio::time::timeout(deadline, body.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(octets))) => {
                    self.take(importer.feed(&octets)).await?;
                    continue;
                }
                Ok(Some(Err(_))) => "the connection was cut in the middle of the file",
                Err(_) => "the rest of the file did not come in time",
            };
            self.flush().await?;
            let fault = import::Fault { line: 0, reason: ReasonCode::ImportUnreadable, detail: cut.to_owned() };
            return self.fault(fault).await;
        }
        self.take(importer.finish()).await?;
        self.flush().await
    }

    async fn take(&mut self, rows: Vec<Result<Row, import::Fault>>) -> Result<(), Halt> {
        for row in rows {
            self.done.read = self.done.read.saturating_add(1);
            match row {
                Ok(row) => self.waiting.push(row),
                Err(fault) => self.fault(fault).await?,
            }
            if self.waiting.len() >= ROWS {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Makes durable what waits, and says so.
    async fn flush(&mut self) -> Result<(), Halt> {
        let rows = std::mem::take(&mut self.waiting);
        let Some(first) = rows.first() else { return Ok(()) };
        let line = first.line;
        match self.caller.may_still(self.api.store.as_ref(), Role::Operator).await {
            Ok(true) => {}
            Ok(false) => return Err(Halt::Shut(line)),
            Err(_) => return Err(Halt::Database(line)),
        }
        match self.register(&rows).await {
            Ok(()) => {
                let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
                self.done.registered = self.done.registered.saturating_add(count);
            }
            Err(error) if lasting(&error) => self.one_by_one(rows).await?,
            Err(error) => {
                tracing::error!(%error, "an import ends: the database failed");
                return Err(Halt::Database(line));
            }
        }
        let progress = ImportProgress { read: self.done.read, registered: self.done.registered };
        self.say(&ImportUpdate::Progress(progress)).await
    }

    /// Rows of which some cannot be registered: each on its own, all at once, so that they share their commits.
    async fn one_by_one(&mut self, rows: Vec<Row>) -> Result<(), Halt> {
        let outcomes = join_all(rows.iter().map(|row| self.register(std::slice::from_ref(row)))).await;
        for (row, outcome) in rows.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => self.done.registered = self.done.registered.saturating_add(1),
                Err(error) if !lasting(&error) => return Err(Halt::Database(row.line)),
                Err(error) => match self.listed(&row, &error).await {
                    Listed::Same => self.done.unchanged = self.done.unchanged.saturating_add(1),
                    Listed::Otherwise(detail) => {
                        let fault = import::Fault { line: row.line, reason: ReasonCode::AlreadyThere, detail };
                        self.fault(fault).await?;
                    }
                    Listed::Not => {
                        let (line, fault) = (row.line, Fault::naming(error));
                        let detail = fault.detail_text().to_owned();
                        self.fault(import::Fault { line, reason: fault.reason(), detail }).await?;
                    }
                },
            }
        }
        Ok(())
    }

    /// How a row that was refused stands on the list.
    async fn listed(&self, row: &Row, error: &StoreError) -> Listed {
        let is_listed = matches!(
            error,
            StoreError::DeviceExists(_) | StoreError::Refused { refused: ChangeRefused::AlreadyListed, .. }
        );
        if !is_listed {
            return Listed::Not;
        }
        match self.api.store.dossier(&row.device).await.ok().and_then(|dossier| dossier.device) {
            Some(device) if device.profile.as_ref() == Some(&row.profile) => Listed::Same,
            Some(device) => {
                let profile = device.profile.map_or_else(|| "none".to_owned(), |name| name.to_string());
                Listed::Otherwise(format!("{} is on the list already, with profile {profile}", row.device))
            }
            None => Listed::Not,
        }
    }

    async fn register(&self, rows: &[Row]) -> Result<(), StoreError> {
        let mut events = rows.iter().map(|row| Event::DeviceRegistered {
            device: row.device.clone(),
            profile: row.profile.clone(),
            particulars: Box::new(row.particulars.clone()),
        });
        let Some(first) = events.next() else { return Ok(()) };
        let batch = events.fold(Batch::from(first), Batch::and).by(self.caller.actor()).bulk();
        match self.rehearsal {
            Rehearsal::Yes => self.api.store.rehearse(batch).await,
            Rehearsal::No => self.api.store.commit(batch).await.map(|_| ()),
        }
    }

    async fn fault(&mut self, fault: import::Fault) -> Result<(), Halt> {
        self.done.faults = self.done.faults.saturating_add(1);
        let import::Fault { line, reason, detail } = fault;
        let (reason, remedy) = (reason.to_string(), reason.remedy().to_owned());
        self.say(&ImportUpdate::Fault(ImportFault { line, reason, detail: Trace::readable(&detail), remedy })).await
    }

    async fn say(&self, update: &ImportUpdate) -> Result<(), Halt> {
        let mut line = super::answer::written(update);
        line.push(b'\n');
        match tokio::time::timeout(PATIENCE, self.lines.send(Bytes::from(line))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Halt::Unread),
        }
    }
}

enum Listed {
    Same,
    Otherwise(String),
    Not,
}

/// Whether an error is about what was to be registered, and not about the database.
const fn lasting(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::DeviceExists(_)
            | StoreError::Refused { .. }
            | StoreError::NoProfile(_)
            | StoreError::NoManufacturer(_)
    )
}
