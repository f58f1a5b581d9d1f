//! A delivery list, compared with what is in stock: streamed both ways, and nothing is changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    http::header,
    response::Response,
};
use operator_api::{
    CoverageDone, CoverageProblem, CoverageQuery, CoverageUpdate, CoveredDevice, ImportFault, ProblemCount, paths,
};
use pki::{certificate::Certificate, digest::Digest, identity::SerialNumber, time::Timestamp};
use verdict::{ReasonCode, Trace};

use super::{
    super::{
        Api,
        fault::Fault,
        request::Parameters,
        streamed::{Lines, Piece, Rows, Unread},
    },
    list::{moment, now},
};
use crate::{
    domain::{
        DeviceId, ManufacturerName,
        vouching::{self, Awaited, Coverage, Problem, Yardstick},
    },
    import::{self, Delivered, DeliveredRow, Form, Importer},
    store::{Page, Stock, StockListed, StoreError, VoucherFilter},
};

/// Rows that are looked up together.
const TOGETHER: usize = 256;

/// Compare a delivery list with the vouchers in stock
///
/// The body is CSV with a header line, a JSON array, or one JSON object a line; of its columns `serial-number` is needed,
/// `manufacturer` and `model` are read, and others are passed over. The answer comes while it is read, one JSON object a
/// line: how each device stands, and what is to be done. Nothing is changed.
#[utoipa::path(post, path = paths::COVERAGE, tag = "vouchers", params(CoverageQuery),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"), (Vec<Object> = "application/json"))),
    responses((status = 200, description = "How the devices stand, one a line.", body = CoverageUpdate,
        content_type = "application/x-ndjson")))]
pub(in crate::api) async fn coverage(
    State(api): State<Arc<Api>>,
    Parameters(query): Parameters<CoverageQuery>,
    request: Request,
) -> Result<Response, Fault> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = Form::of_media_type(media_type.unwrap_or_default())
        .ok_or_else(|| Fault::media_type("text/csv, application/x-ndjson or application/json"))?;
    let until = query.until.as_deref().map(|text| moment("until", text)).transpose()?;
    let manufacturer = query.manufacturer.map(ManufacturerName::new).transpose();
    let manufacturer = manufacturer.map_err(|error| Fault::query(format!("manufacturer: {error}")))?;
    let known = api.store.manufacturers().await?;
    let fetcher = api.onboarding.as_ref().map(|onboarding| &onboarding.service.fetcher);
    let renewing = known.iter().filter(|it| fetcher.is_some_and(|fetcher| fetcher.serves(it)));
    let renewing = renewing.map(|it| it.name.clone()).collect();
    let manufacturers: Vec<_> = known.into_iter().map(|it| it.name).collect();
    if let Some(name) = manufacturer.as_ref().filter(|name| !manufacturers.contains(name)) {
        return Err(Fault::query(format!("manufacturer: there is no {name}")));
    }
    let (lines, response) = Lines::answer();
    let deadline = api.body_deadline;
    let now = now();
    let comparison = Comparison {
        api,
        now,
        until: until.unwrap_or(now),
        manufacturer,
        manufacturers,
        renewing,
        pins_owner: HashMap::new(),
        lines,
        done: CoverageDone::default(),
        counts: BTreeMap::new(),
    };
    tokio::spawn(comparison.run(Rows::new(Importer::new(form), request.into_body(), deadline)));
    Ok(response)
}

/// One comparison under way.
struct Comparison {
    api: Arc<Api>,
    now: Timestamp,
    until: Timestamp,
    manufacturer: Option<ManufacturerName>,
    manufacturers: Vec<ManufacturerName>,
    /// Those of them that can be asked for vouchers.
    renewing: BTreeSet<ManufacturerName>,
    /// Whether the owner's certificate chains to the certificate with this digest.
    pins_owner: HashMap<Digest, bool>,
    lines: Lines,
    done: CoverageDone,
    counts: BTreeMap<ReasonCode, u64>,
}

/// The comparison cannot go on.
enum Halt {
    Unread,
    Database,
}

impl From<Unread> for Halt {
    fn from(_: Unread) -> Self {
        Self::Unread
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a comparison ends: the database failed");
        Self::Database
    }
}

impl Comparison {
    async fn run(mut self, rows: Rows<Delivered>) {
        match self.read(rows).await {
            Ok(()) => {}
            Err(Halt::Unread) => return,
            Err(Halt::Database) => {
                let detail = "the rest of the list was not looked at".to_owned();
                let fault = import::Fault { line: 0, reason: ReasonCode::DatabaseUnavailable, detail };
                if self.fault(fault).await.is_err() {
                    return;
                }
            }
        }
        let counts = self.counts.iter().map(|(reason, devices)| ProblemCount {
            reason: reason.to_string(),
            summary: reason.summary().to_owned(),
            remedy: reason.remedy().to_owned(),
            devices: *devices,
        });
        self.done.problems = counts.collect();
        self.done.problems.sort_by_key(|problem| std::cmp::Reverse(problem.devices));
        let _read_or_not = self.lines.say(&CoverageUpdate::Done(self.done)).await;
    }

    async fn read(&mut self, mut rows: Rows<Delivered>) -> Result<(), Halt> {
        loop {
            match rows.next().await {
                Piece::End => return Ok(()),
                Piece::Cut(why) => {
                    let (reason, detail) = (ReasonCode::ImportUnreadable, why.to_owned());
                    self.fault(import::Fault { line: 0, reason, detail }).await?;
                }
                Piece::Rows(read) => {
                    self.done.read = self.done.read.saturating_add(count(read.len()));
                    let mut good = Vec::with_capacity(read.len());
                    for row in read {
                        match row {
                            Ok(row) => good.push(row),
                            Err(fault) => self.fault(fault).await?,
                        }
                    }
                    for together in good.chunks(TOGETHER) {
                        self.measure(together).await?;
                    }
                }
            }
        }
    }

    async fn measure(&mut self, rows: &[DeliveredRow]) -> Result<(), Halt> {
        let exact = self.stock(rows.iter().map(|row| row.serial_number.clone()).collect()).await?;
        // Only what nothing is known of may be written otherwise.
        let unknown = rows.iter().filter(|row| !exact.contains_key(&row.serial_number));
        let alike: BTreeMap<_, _> =
            unknown.map(|row| (row.serial_number.clone(), vouching::spellings(&row.serial_number))).collect();
        let near = self.stock(alike.values().flatten().cloned().collect()).await?;
        let policies = self.api.policies.now();
        for row in rows {
            let named = row.manufacturer.as_deref().map(|text| self.maker(text));
            let manufacturer = match &named {
                Some(Some(name)) => Some(name),
                _ => self.manufacturer.as_ref(),
            };
            let near_of = alike.get(&row.serial_number).into_iter().flatten().filter_map(|form| near.get(form));
            let near_of: Vec<Stock> = near_of.flatten().cloned().collect();
            let awaited = Awaited {
                serial_number: &row.serial_number,
                manufacturer,
                exact: exact.get(&row.serial_number).map(Vec::as_slice).unwrap_or_default(),
                alike: &near_of,
            };
            let pins_owner = |digest: &Digest| self.pins_owner.get(digest).copied().unwrap_or_default();
            let renews = |name: &ManufacturerName| self.renewing.contains(name);
            let yardstick = Yardstick {
                now: self.now,
                until: self.until,
                policies: &policies,
                pins_owner: &pins_owner,
                renews: &renews,
            };
            let coverage = vouching::measure(&awaited, &yardstick);
            let listed = coverage.device.as_ref().and_then(|device| {
                awaited.exact.iter().find(|stock| stock.device == *device).and_then(|stock| stock.listed.as_ref())
            });
            let device = shown(row, &coverage, listed);
            self.tell(coverage, device).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, coverage: Coverage, device: CoveredDevice) -> Result<(), Halt> {
        for problem in &coverage.problems {
            let count = self.counts.entry(problem.reason).or_default();
            *count = count.saturating_add(1);
        }
        self.done.ready = self.done.ready.saturating_add(u64::from(device.ready));
        self.lines.say(&CoverageUpdate::Device(device)).await?;
        Ok(())
    }

    /// What is in stock under these serial numbers; learns of each certificate that is pinned whether it is the owner's.
    async fn stock(&mut self, serials: BTreeSet<SerialNumber>) -> Result<BTreeMap<SerialNumber, Vec<Stock>>, Halt> {
        let mut of = BTreeMap::<SerialNumber, Vec<Stock>>::new();
        for stock in self.api.store.stock(&serials).await? {
            for pinned in stock.vouchers.iter().filter_map(|voucher| voucher.pinned) {
                self.learn(pinned, &stock.device).await?;
            }
            of.entry(stock.device.serial_number.clone()).or_default().push(stock);
        }
        Ok(of)
    }

    /// RFC 8572 §5.4 step 2a, once for each certificate that is pinned: as a voucher of this device has it.
    async fn learn(&mut self, pinned: Digest, device: &DeviceId) -> Result<(), Halt> {
        if self.pins_owner.contains_key(&pinned) {
            return Ok(());
        }
        let owner: &[Certificate] =
            self.api.onboarding.as_ref().map(|onboarding| onboarding.service.owner.chain()).unwrap_or_default();
        let filter = VoucherFilter {
            manufacturer: Some(device.manufacturer.clone()),
            serial_number: Some(device.serial_number.clone()),
            pins: Some(pinned),
            ..VoucherFilter::default()
        };
        let found = self.api.store.vouchers(&filter, Page { after: None, limit: 1 }).await?;
        let voucher = found.first().and_then(|voucher| vouching::contents(&voucher.artifact));
        let pins = voucher.is_some_and(|voucher| vouching::pins(&voucher, owner, self.now));
        self.pins_owner.insert(pinned, pins);
        Ok(())
    }

    /// The manufacturer that a list means, whose writing of names is not this server's.
    fn maker(&self, text: &str) -> Option<ManufacturerName> {
        let letters =
            |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let exact = self.manufacturers.iter().find(|name| name.as_str() == text);
        exact.or_else(|| self.manufacturers.iter().find(|name| letters(name.as_str()) == letters(text))).cloned()
    }

    async fn fault(&mut self, fault: import::Fault) -> Result<(), Halt> {
        self.done.faults = self.done.faults.saturating_add(1);
        let import::Fault { line, reason, detail } = fault;
        let (reason, remedy) = (reason.to_string(), reason.remedy().to_owned());
        let fault = ImportFault { line, reason, detail: Trace::readable(&detail), remedy };
        Ok(self.lines.say(&CoverageUpdate::Fault(fault)).await?)
    }
}

fn shown(row: &DeliveredRow, coverage: &Coverage, listed: Option<&StockListed>) -> CoveredDevice {
    let problem = |Problem { reason, detail, fix }: &Problem| CoverageProblem {
        reason: reason.to_string(),
        detail: Trace::readable(detail),
        fix: Trace::readable(fix),
    };
    CoveredDevice {
        line: row.line,
        serial_number: row.serial_number.to_string(),
        manufacturer: coverage.device.as_ref().map(|device| device.manufacturer.to_string()),
        ready: coverage.problems.is_empty(),
        problems: coverage.problems.iter().map(problem).collect(),
        registered: listed.is_some(),
        state: listed.map(|listed| listed.state.as_str().to_owned()),
        profile: listed.and_then(|listed| listed.profile.as_ref()).map(ToString::to_string),
        expires_on: coverage.expires_on.map(|at| at.to_string()),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
