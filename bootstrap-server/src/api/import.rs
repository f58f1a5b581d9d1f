//! Registering many devices in one request, streamed both ways: rows are made durable as they come, and the answer says
//! how far that is. Whoever is cut off sends the file again: rows that are on the list already are left alone.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::header,
    response::Response,
};
use futures_util::future::join_all;
use operator_api::{
    DifferingMember, ImportDifference, ImportDone, ImportFault, ImportProgress, ImportQuery, ImportUpdate, paths,
};
use verdict::{ReasonCode, Trace};

use super::{
    Api,
    change::Rehearsal,
    fault::Fault,
    guard::Caller,
    request::Parameters,
    streamed::{Lines, Piece, Rows, Unread},
};
use crate::{
    audit::Event,
    domain::{Device, DeviceId, Role, change::ChangeRefused},
    import::{self, DeviceRow, Form, Importer, ListedDevice},
    store::{Batch, StoreError},
};

/// Rows after which progress is told. Until they are durable no more are read.
const ROWS: usize = 512;
/// Rows in one batch. The writer takes whole batches, as many as do not keep devices waiting.
const TOGETHER: usize = 32;

/// Register many devices
///
/// The body is CSV with a header line, a JSON array, or one JSON object a line; the answer comes while it is read, one
/// JSON object a line. A row that is not taken hurts no other. What a line of progress counts is durable. The answer has
/// to be read while the body is sent. A row about a device that is on the list already is told where it differs, and taken
/// over with `update`.
#[utoipa::path(post, path = paths::IMPORT, tag = "devices", params(ImportQuery),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"),
        (Vec<operator_api::NewDevice> = "application/json"))),
    responses((status = 200, description = "How it goes, one update a line.", body = ImportUpdate,
        content_type = "application/x-ndjson")))]
pub(super) async fn import(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Parameters(query): Parameters<ImportQuery>,
    request: Request,
) -> Result<Response, Fault> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = Form::of_media_type(media_type.unwrap_or_default())
        .ok_or_else(|| Fault::media_type("text/csv, application/x-ndjson or application/json"))?;
    let (lines, response) = Lines::answer();
    let rows = Rows::new(Importer::new(form), request.into_body(), api.body_deadline);
    let import = Import {
        api,
        caller,
        rehearsal: Rehearsal::of(operator_api::ChangeQuery { dry_run: query.dry_run }),
        existing: if query.update == Some(true) { Existing::Update } else { Existing::Leave },
        lines,
        waiting: Vec::new(),
        done: ImportDone { read: 0, registered: 0, unchanged: 0, updated: 0, different: 0, faults: 0 },
    };
    tokio::spawn(import.run(rows));
    Ok(response)
}

/// One import under way.
struct Import {
    api: Arc<Api>,
    caller: Caller,
    rehearsal: Rehearsal,
    existing: Existing,
    lines: Lines,
    /// Rows that were read and are not durable yet.
    waiting: Vec<DeviceRow>,
    done: ImportDone,
}

/// What becomes of devices that are on the list already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Existing {
    Leave,
    Update,
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

impl From<Unread> for Halt {
    fn from(_: Unread) -> Self {
        Self::Unread
    }
}

impl Import {
    async fn run(mut self, rows: Rows<ListedDevice>) {
        let halted = match self.read(rows).await {
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
        let ImportDone { read, registered, unchanged, updated, different, faults } = self.done;
        let user = &self.caller.user;
        tracing::info!(%user, read, registered, unchanged, updated, different, faults, "devices imported");
        let done = ImportUpdate::Done(self.done);
        let _read_or_not = self.say(&done).await;
    }

    async fn read(&mut self, mut rows: Rows<ListedDevice>) -> Result<(), Halt> {
        loop {
            match rows.next().await {
                Piece::End => return self.flush().await,
                Piece::Rows(rows) => self.take(rows).await?,
                Piece::Cut(why) => {
                    self.flush().await?;
                    let (reason, detail) = (ReasonCode::ImportUnreadable, why.to_owned());
                    self.fault(import::Fault { line: 0, reason, detail }).await?;
                }
            }
        }
    }

    async fn take(&mut self, rows: Vec<Result<DeviceRow, import::Fault>>) -> Result<(), Halt> {
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
        let outcomes = join_all(rows.chunks(TOGETHER).map(|together| self.register(together))).await;
        let mut apart = Vec::new();
        for (together, outcome) in rows.chunks(TOGETHER).zip(outcomes) {
            match outcome {
                Ok(()) => self.done.registered = self.done.registered.saturating_add(count(together.len())),
                Err(error) if lasting(&error) => apart.extend_from_slice(together),
                Err(error) => {
                    tracing::error!(%error, "an import ends: the database failed");
                    return Err(Halt::Database(line));
                }
            }
        }
        self.one_by_one(apart).await?;
        let progress = ImportProgress { read: self.done.read, registered: self.done.registered };
        self.say(&ImportUpdate::Progress(progress)).await
    }

    /// Rows of which some cannot be registered: each on its own, all at once, so that they share their commits.
    async fn one_by_one(&mut self, rows: Vec<DeviceRow>) -> Result<(), Halt> {
        let outcomes = join_all(rows.iter().map(|row| self.register(std::slice::from_ref(row)))).await;
        let mut listed = Vec::new();
        for (row, outcome) in rows.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => self.done.registered = self.done.registered.saturating_add(1),
                Err(error) if !lasting(&error) => return Err(Halt::Database(row.line)),
                Err(error) => match self.listed(&row, &error).await {
                    Some(device) => listed.push((row, device)),
                    None => self.refused(&row, error).await?,
                },
            }
        }
        self.compare(listed).await
    }

    /// Rows about devices that are on the list already: what they say otherwise is told, and taken over if it is to be.
    async fn compare(&mut self, listed: Vec<(DeviceRow, Device)>) -> Result<(), Halt> {
        let mut differing = Vec::new();
        for (row, device) in listed {
            let differences = row.differences(&device);
            if differences.is_empty() {
                self.done.unchanged = self.done.unchanged.saturating_add(1);
                continue;
            }
            let line = row.line;
            let DeviceId { manufacturer, serial_number } = &row.device;
            self.say(&ImportUpdate::Difference(ImportDifference {
                line,
                manufacturer: manufacturer.to_string(),
                serial_number: serial_number.to_string(),
                members: differences.into_iter().map(shown).collect(),
            }))
            .await?;
            differing.push((row, device));
        }
        if self.existing == Existing::Leave {
            self.done.different = self.done.different.saturating_add(count(differing.len()));
            return Ok(());
        }
        // All at once, so that they share their commits.
        let outcomes = join_all(differing.iter().map(|(row, device)| self.update(row, device))).await;
        for ((row, _), outcome) in differing.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => self.done.updated = self.done.updated.saturating_add(1),
                Err(error) if lasting(&error) => self.refused(&row, error).await?,
                Err(_) => return Err(Halt::Database(row.line)),
            }
        }
        Ok(())
    }

    async fn refused(&mut self, row: &DeviceRow, error: StoreError) -> Result<(), Halt> {
        let fault = Fault::naming(error);
        // In JSON many rows may stand on one line.
        let device = row.device.to_string();
        let detail = match fault.detail_text() {
            text if text.contains(&device) => text.to_owned(),
            text => format!("{device}: {text}"),
        };
        self.fault(import::Fault { line: row.line, reason: fault.reason(), detail }).await
    }

    /// The device of a row that was refused because it is on the list already.
    async fn listed(&self, row: &DeviceRow, error: &StoreError) -> Option<Device> {
        let is_listed = matches!(
            error,
            StoreError::DeviceExists(_) | StoreError::Refused { refused: ChangeRefused::AlreadyListed, .. }
        );
        if !is_listed {
            return None;
        }
        self.api.store.dossier(&row.device).await.ok()?.device
    }

    /// Changes a device to what its row says, unless somebody else has changed it meanwhile.
    async fn update(&self, row: &DeviceRow, device: &Device) -> Result<(), StoreError> {
        let event = Event::DeviceChanged {
            device: row.device.clone(),
            profile: Some(&row.profile).filter(|profile| device.profile.as_ref() != Some(profile)).cloned(),
            particulars: Box::new(row.over(device.particulars.clone())),
        };
        self.carry_out(Batch::from(event).expecting(row.device.clone(), device.version)).await
    }

    async fn register(&self, rows: &[DeviceRow]) -> Result<(), StoreError> {
        let mut events = rows.iter().map(|row| Event::DeviceRegistered {
            device: row.device.clone(),
            profile: row.profile.clone(),
            particulars: Box::new(row.particulars.clone()),
        });
        let Some(first) = events.next() else { return Ok(()) };
        self.carry_out(events.fold(Batch::from(first), Batch::and)).await
    }

    async fn carry_out(&self, batch: Batch) -> Result<(), StoreError> {
        let batch = batch.by(self.caller.actor()).bulk();
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
        Ok(self.lines.say(update).await?)
    }
}

fn shown(difference: import::Difference) -> DifferingMember {
    let import::Difference { column, listed, row } = difference;
    DifferingMember { name: column.to_owned(), listed, row }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Whether an error is about what was to be registered, and not about the database.
const fn lasting(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::DeviceExists(_)
            | StoreError::Refused { .. }
            | StoreError::NoProfile(_)
            | StoreError::NoManufacturer(_)
            | StoreError::Changed(_)
    )
}
