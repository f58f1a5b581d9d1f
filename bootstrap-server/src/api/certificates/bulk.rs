//! Many requests for certificates at once, streamed both ways. Each has its own result; a request that comes twice gets the same
//! certificate, so that whoever is cut off sends the file again.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::header,
    response::Response,
};
use operator_api::{CertificateUpdate, CertificatesDone, ImportFault, NewCertificate, paths};
use verdict::{ReasonCode, Trace};

use super::super::{
    Api,
    fault::Fault,
    guard::Caller,
    request::{NoParameters, Parameters},
    streamed::{Lines, Piece, Rows, Unread},
};
use crate::{
    authority::outcome,
    domain::Role,
    import::{self, Form, Importer, OrderRow, OrderedCertificate},
};

/// Requests that are answered together.
const TOGETHER: usize = 512;

/// Issue many certificates
///
/// The body is one JSON object a line; the answer comes while it is read, one JSON object a line: what became of each request. What
/// an answer says is durable.
#[utoipa::path(post, path = paths::IMPORT_CERTIFICATES, tag = "certificates",
    request_body(content = NewCertificate, content_type = "application/x-ndjson"),
    responses((status = 200, description = "What becomes of them, one a line.", body = CertificateUpdate,
        content_type = "application/x-ndjson")))]
pub(in crate::api) async fn import(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    request: Request,
) -> Result<Response, Fault> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if Form::of_media_type(media_type.unwrap_or_default()) != Some(Form::JsonLines) {
        return Err(Fault::media_type("application/x-ndjson"));
    }
    let rows = Rows::new(Importer::new(Form::JsonLines), request.into_body(), api.body_deadline);
    let (lines, response) = Lines::answer();
    tokio::spawn(Bulk { api, caller, lines, done: CertificatesDone::default() }.run(rows));
    Ok(response)
}

/// Requests under way.
struct Bulk {
    api: Arc<Api>,
    caller: Caller,
    lines: Lines,
    done: CertificatesDone,
}

/// It cannot go on.
enum Halt {
    /// Nobody reads the answer any more.
    Unread,
    /// At this line, for this reason.
    At(u64, ReasonCode, &'static str),
}

impl From<Unread> for Halt {
    fn from(_: Unread) -> Self {
        Self::Unread
    }
}

impl Bulk {
    async fn run(mut self, rows: Rows<OrderedCertificate>) {
        match self.read(rows).await {
            Ok(()) => {}
            Err(Halt::Unread) => return,
            Err(Halt::At(line, reason, detail)) => {
                let fault = import::Fault { line, reason, detail: detail.to_owned() };
                if self.fault(fault).await.is_err() {
                    return;
                }
            }
        }
        let CertificatesDone { read, issued, known, refused, faults } = self.done;
        tracing::info!(user = %self.caller.user, read, issued, known, refused, faults, "certificates issued in bulk");
        let _read_or_not = self.lines.say(&CertificateUpdate::Done(self.done)).await;
    }

    async fn read(&mut self, mut rows: Rows<OrderedCertificate>) -> Result<(), Halt> {
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

    /// Answers what waits.
    async fn flush(&mut self, waiting: &mut Vec<OrderRow>) -> Result<(), Halt> {
        const DATABASE: &str = "requests from this line on may have been answered or not";
        let rows = std::mem::take(waiting);
        let Some(first) = rows.first().map(|row| row.line) else { return Ok(()) };
        match self.caller.may_still(self.api.store.as_ref(), Role::Operator).await {
            Ok(true) => {}
            Ok(false) => {
                return Err(Halt::At(first, ReasonCode::TokenInvalid, "nothing from this line on was taken"));
            }
            Err(_) => return Err(Halt::At(first, ReasonCode::DatabaseUnavailable, DATABASE)),
        }
        let said: Vec<_> = rows.iter().map(|row| (row.line, row.wanted.serial_number.clone())).collect();
        let wanted = rows.into_iter().map(|row| row.wanted).collect();
        let answers = self.api.desk.issue_all(wanted, &self.caller.actor()).await;
        for ((line, serial_number), answer) in said.into_iter().zip(answers) {
            if let Err(refused) = &answer
                && !refused.is_lasting()
            {
                tracing::error!(error = %refused, "certificates are not issued any further");
                return Err(Halt::At(line, refused.reason(), DATABASE));
            }
            let outcome = outcome(line, serial_number, answer);
            self.done.count(&outcome);
            self.lines.say(&CertificateUpdate::Certificate(Box::new(outcome))).await?;
        }
        Ok(())
    }

    async fn fault(&mut self, fault: import::Fault) -> Result<(), Halt> {
        self.done.faults = self.done.faults.saturating_add(1);
        let import::Fault { line, reason, detail } = fault;
        let (reason, remedy) = (reason.to_string(), reason.remedy().to_owned());
        let fault = ImportFault { line, reason, detail: Trace::readable(&detail), remedy };
        Ok(self.lines.say(&CertificateUpdate::Fault(fault)).await?)
    }
}
