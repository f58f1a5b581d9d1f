//! Many vouchers in one request, streamed both ways. Each has its own result; one that is refused hurts no other, and one that
//! comes twice changes nothing, so that whoever is cut off sends the file again.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::header,
    response::Response,
};
use futures_util::future::join_all;
use operator_api::{
    BroughtVoucher as Line, ChangeQuery, ImportFault, VoucherOutcome, VoucherProgress, VoucherUpdate, VouchersDone,
    paths,
};
use verdict::{ReasonCode, Refusal, Trace};

use super::{
    super::{
        Api,
        change::Rehearsal,
        fault::Fault,
        guard::Caller,
        request::Parameters,
        streamed::{Lines, Piece, Rows, Unread},
    },
    list::now,
};
use crate::{
    audit::Event,
    domain::{
        Manufacturer, Role,
        vouching::{self, Receipt, Vouched},
    },
    import::{self, BroughtVoucher, Form, Importer, VoucherRow},
    store::{Batch, StoreError},
};

/// Vouchers that are verified and made durable together.
const TOGETHER: usize = 64;

/// Store many vouchers
///
/// The body is one JSON object a line; the answer comes while it is read, one JSON object a line: what became of each voucher,
/// and how far everything is durable. Vouchers that are there already are passed over, so that a file can be sent again.
#[utoipa::path(post, path = paths::IMPORT_VOUCHERS, tag = "vouchers", params(ChangeQuery),
    request_body(content = Line, content_type = "application/x-ndjson"),
    responses((status = 200, description = "What becomes of them, one a line.", body = VoucherUpdate,
        content_type = "application/x-ndjson")))]
pub(in crate::api) async fn import(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Parameters(query): Parameters<ChangeQuery>,
    request: Request,
) -> Result<Response, Fault> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if Form::of_media_type(media_type.unwrap_or_default()) != Some(Form::JsonLines) {
        return Err(Fault::media_type("application/x-ndjson"));
    }
    api.onboarding()?;
    let (lines, response) = Lines::answer();
    let rows = Rows::new(Importer::new(Form::JsonLines), request.into_body(), api.body_deadline);
    let rehearsal = Rehearsal::of(query);
    let import = Import { api, caller, rehearsal, lines, done: VouchersDone::default() };
    tokio::spawn(import.run(rows));
    Ok(response)
}

/// One import under way.
struct Import {
    api: Arc<Api>,
    caller: Caller,
    rehearsal: Rehearsal,
    lines: Lines,
    done: VouchersDone,
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
    async fn run(mut self, rows: Rows<BroughtVoucher>) {
        let halted = match self.read(rows).await {
            Ok(()) => None,
            Err(Halt::Unread) => return,
            Err(Halt::Database(line)) => {
                Some((line, ReasonCode::DatabaseUnavailable, "vouchers from this line on may have been stored or not"))
            }
            Err(Halt::Shut(line)) => Some((line, ReasonCode::TokenInvalid, "nothing from this line on was taken")),
        };
        if let Some((line, reason, detail)) = halted
            && self.fault(import::Fault { line, reason, detail: detail.to_owned() }).await.is_err()
        {
            return;
        }
        let VouchersDone { read, stored, known, refused, faults } = self.done;
        tracing::info!(user = %self.caller.user, read, stored, known, refused, faults, "vouchers imported");
        let _read_or_not = self.lines.say(&VoucherUpdate::Done(self.done)).await;
    }

    async fn read(&mut self, mut rows: Rows<BroughtVoucher>) -> Result<(), Halt> {
        let mut waiting = Vec::new();
        loop {
            match rows.next().await {
                Piece::End => return self.flush(&mut waiting).await,
                Piece::Cut(why) => {
                    self.flush(&mut waiting).await?;
                    let (reason, detail) = (ReasonCode::ImportUnreadable, why.to_owned());
                    self.fault(import::Fault { line: 0, reason, detail }).await?;
                }
                Piece::Rows(read) => {
                    for row in read {
                        self.done.read = self.done.read.saturating_add(1);
                        match row {
                            Ok(row) => waiting.push(row),
                            Err(fault) => self.fault(fault).await?,
                        }
                        if waiting.len() >= TOGETHER {
                            self.flush(&mut waiting).await?;
                        }
                    }
                }
            }
        }
    }

    /// Verifies what waits, makes it durable, and says so.
    async fn flush(&mut self, waiting: &mut Vec<VoucherRow>) -> Result<(), Halt> {
        let rows = std::mem::take(waiting);
        let Some(first) = rows.first().map(|row| row.line) else { return Ok(()) };
        match self.caller.may_still(self.api.store.as_ref(), Role::Operator).await {
            Ok(true) => {}
            Ok(false) => return Err(Halt::Shut(first)),
            Err(_) => return Err(Halt::Database(first)),
        }
        // Manufacturers may be added while a long file is sent.
        let manufacturers = self.api.store.manufacturers().await.map_err(|_| Halt::Database(first))?;
        let judged = self.judge(rows, manufacturers).await.ok_or(Halt::Database(first))?;
        let outcomes = join_all(judged.iter().map(|(row, judged)| self.store(row, judged))).await;
        for ((row, judged), stored) in judged.iter().zip(outcomes) {
            let outcome = match (judged, stored) {
                (Err(refusal), _) => {
                    self.done.refused = self.done.refused.saturating_add(1);
                    refused(row, refusal.reason, &refusal.detail)
                }
                (Ok(vouched), Ok(())) => {
                    self.done.stored = self.done.stored.saturating_add(1);
                    taken(row, vouched, "stored")
                }
                (Ok(vouched), Err(StoreError::VoucherExists(_))) => {
                    self.done.known = self.done.known.saturating_add(1);
                    taken(row, vouched, "known")
                }
                (Ok(_), Err(error)) if is_lasting(&error) => {
                    self.done.refused = self.done.refused.saturating_add(1);
                    let fault = Fault::naming(error);
                    refused(row, fault.reason(), fault.detail_text())
                }
                (Ok(_), Err(error)) => {
                    tracing::error!(%error, "an import of vouchers ends: the database failed");
                    return Err(Halt::Database(first));
                }
            };
            self.lines.say(&VoucherUpdate::Voucher(outcome)).await?;
        }
        let progress = VoucherProgress { read: self.done.read, stored: self.done.stored };
        Ok(self.lines.say(&VoucherUpdate::Progress(progress)).await?)
    }

    /// Verifies vouchers where no device waits for it.
    async fn judge(
        &self,
        rows: Vec<VoucherRow>,
        manufacturers: Vec<Manufacturer>,
    ) -> Option<Vec<(VoucherRow, Result<Vouched, Refusal>)>> {
        let api = Arc::clone(&self.api);
        let judging = tokio::task::spawn_blocking(move || {
            let owner = api.onboarding.as_ref().map(|onboarding| onboarding.service.owner.chain()).unwrap_or_default();
            let now = now();
            let judged = rows.into_iter().map(|row| {
                let manufacturer = row.manufacturer.as_ref();
                let receipt = Receipt { manufacturers: &manufacturers, manufacturer, serial_number: None, owner, now };
                let vouched = vouching::judge(&row.artifact, &receipt);
                (row, vouched)
            });
            judged.collect()
        });
        judging.await.ok()
    }

    /// Each in a batch of its own, all at once: they share their commits, and none can take another with it.
    async fn store(&self, row: &VoucherRow, judged: &Result<Vouched, Refusal>) -> Result<(), StoreError> {
        let Ok(vouched) = judged else { return Ok(()) };
        let event = Event::VoucherStored { device: vouched.device.clone(), voucher: row.artifact.clone() };
        let batch = Batch::from(event).by(self.caller.actor()).bulk();
        match self.rehearsal {
            Rehearsal::Yes => self.api.store.rehearse(batch).await,
            Rehearsal::No => self.api.store.commit(batch).await.map(|_| ()),
        }
    }

    async fn fault(&mut self, fault: import::Fault) -> Result<(), Halt> {
        self.done.faults = self.done.faults.saturating_add(1);
        let import::Fault { line, reason, detail } = fault;
        let (reason, remedy) = (reason.to_string(), reason.remedy().to_owned());
        let fault = ImportFault { line, reason, detail: Trace::readable(&detail), remedy };
        Ok(self.lines.say(&VoucherUpdate::Fault(fault)).await?)
    }
}

/// Whether an error is about what was to be stored, and not about the database.
const fn is_lasting(error: &StoreError) -> bool {
    matches!(error, StoreError::VouchersFull(_) | StoreError::NoManufacturer(_) | StoreError::Refused { .. })
}

fn taken(row: &VoucherRow, vouched: &Vouched, outcome: &str) -> VoucherOutcome {
    VoucherOutcome {
        line: row.line,
        name: row.name.clone(),
        outcome: outcome.to_owned(),
        manufacturer: Some(vouched.device.manufacturer.to_string()),
        serial_number: Some(vouched.device.serial_number.to_string()),
        expires_on: super::expires_on(&vouched.voucher),
        sha256: row.artifact.sha256().to_string(),
        reason: None,
        detail: None,
        remedy: None,
    }
}

fn refused(row: &VoucherRow, reason: ReasonCode, detail: &str) -> VoucherOutcome {
    // What it says of itself helps to find it; nothing of that is verified.
    let claimed = vouching::contents(&row.artifact);
    VoucherOutcome {
        line: row.line,
        name: row.name.clone(),
        outcome: "refused".to_owned(),
        manufacturer: row.manufacturer.as_ref().map(ToString::to_string),
        serial_number: claimed.as_ref().map(|voucher| voucher.serial_number.to_string()),
        expires_on: claimed.as_ref().and_then(super::expires_on),
        sha256: row.artifact.sha256().to_string(),
        reason: Some(reason.to_string()),
        detail: Some(Trace::readable(detail)),
        remedy: Some(reason.remedy().to_owned()),
    }
}
