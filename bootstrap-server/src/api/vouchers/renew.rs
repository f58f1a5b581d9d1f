//! Vouchers that are asked for at the manufacturers of their devices, and kept like those that somebody brings.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::header,
    response::Response,
};
use futures_util::future::join_all;
use operator_api::{ChangeQuery, VoucherUpdate, paths};
use verdict::{ReasonCode, Refusal};

use super::{
    super::{
        Api,
        change::Rehearsal,
        fault::Fault,
        guard::Caller,
        request::Parameters,
        streamed::{Piece, Rows},
    },
    import::{Halt, Import},
};
use crate::{
    domain::{DeviceId, Manufacturer, ManufacturerName, vouching::Wanted},
    import::{self, Delivered, DeliveredRow, Form, Importer, VoucherRow},
};

/// Devices whose manufacturers are asked at once: they are to be asked, and not to be stormed.
const AT_ONCE: usize = 8;

/// Renew vouchers
///
/// The body is a list of devices: CSV with a header line, a JSON array, or one JSON object a line, with the members
/// `manufacturer` and `serial-number`. The manufacturer of each is asked for a voucher without a nonce, which is verified and
/// kept beside those that are there. The answer comes meanwhile, one JSON object a line.
#[utoipa::path(post, path = paths::RENEW_VOUCHERS, tag = "vouchers", params(ChangeQuery),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"), (Vec<Object> = "application/json"))),
    responses((status = 200, description = "What becomes of them, one a line.", body = VoucherUpdate,
        content_type = "application/x-ndjson")))]
pub(in crate::api) async fn renew(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Parameters(query): Parameters<ChangeQuery>,
    request: Request,
) -> Result<Response, Fault> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = Form::of_media_type(media_type.unwrap_or_default())
        .ok_or_else(|| Fault::media_type("text/csv, application/x-ndjson or application/json"))?;
    api.onboarding()?;
    let manufacturers = api.store.manufacturers().await?;
    let rows = Rows::new(Importer::new(form), request.into_body(), api.body_deadline);
    let (import, response) = Import::new(api, caller, Rehearsal::of(query));
    tokio::spawn(async move {
        let mut import = import;
        let ended = read(&mut import, rows, &manufacturers).await;
        import.end(ended).await;
    });
    Ok(response)
}

async fn read(import: &mut Import, mut rows: Rows<Delivered>, manufacturers: &[Manufacturer]) -> Result<(), Halt> {
    loop {
        match rows.next().await {
            Piece::End => return Ok(()),
            Piece::Cut(why) => {
                let (reason, detail) = (ReasonCode::ImportUnreadable, why.to_owned());
                import.fault(import::Fault { line: 0, reason, detail }).await?;
            }
            Piece::Rows(read) => {
                let mut good = Vec::with_capacity(read.len());
                for row in read {
                    import.count_read();
                    match row {
                        Ok(row) => good.push(row),
                        Err(fault) => import.fault(fault).await?,
                    }
                }
                for together in good.chunks(AT_ONCE) {
                    let fetched = join_all(together.iter().map(|row| fetch(import.api(), manufacturers, row))).await;
                    let mut waiting = Vec::with_capacity(fetched.len());
                    for fetched in fetched {
                        match fetched {
                            Ok(row) => waiting.push(row),
                            Err(fault) => import.fault(fault).await?,
                        }
                    }
                    import.flush(&mut waiting).await?;
                }
            }
        }
    }
}

/// Asks for the voucher of one device.
async fn fetch(api: &Api, manufacturers: &[Manufacturer], row: &DeliveredRow) -> Result<VoucherRow, import::Fault> {
    let line = row.line;
    let wrong = |reason, detail| import::Fault { line, reason, detail };
    let named = row.manufacturer.clone().map(ManufacturerName::new);
    let manufacturer = match named {
        Some(Ok(name)) => name,
        Some(Err(error)) => return Err(wrong(ReasonCode::ImportRowInvalid, format!("manufacturer: {error}"))),
        None => return Err(wrong(ReasonCode::ImportRowInvalid, "manufacturer: is missing".to_owned())),
    };
    let device = DeviceId { manufacturer: manufacturer.clone(), serial_number: row.serial_number.clone() };
    let name = device.to_string();
    let onboarding =
        api.onboarding().map_err(|_| wrong(ReasonCode::NotAnOnboardingServer, "nobody is onboarded".to_owned()))?;
    let wanted = Wanted { device, nonce: None, idevid: None };
    match onboarding.service.fetcher.ask(manufacturers, &wanted).await {
        Ok(artifact) => Ok(VoucherRow { line, name: Some(name), manufacturer: Some(manufacturer), artifact }),
        Err(Refusal { reason, detail, .. }) => Err(wrong(reason, format!("{name}: {detail}"))),
    }
}
