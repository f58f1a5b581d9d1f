//! `sztp voucher issue`: vouchers of the MASA whose folder this is.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

use authority::{
    Validity,
    masa::{LineName, Person},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bootstrap_server::{
    authority::masa::{Found, Order, OrderFault, Ordered},
    domain::Actor,
};
use conveyed_info::{discovery::removable_storage::folder_name, voucher::Nonce};
use indicatif::{ProgressBar, ProgressStyle};
use pki::{identity::SerialNumber, time::Timestamp};

use crate::{
    commands::{
        Failure,
        artifact::{moment, verify::serial_number},
        masa::folder::{Folder, FolderArgs, Line, person, serial_numbers, this_person},
    },
    files::{self, Secrecy},
    output,
};

/// How many vouchers become durable at once.
const CHUNK: usize = 512;

/// Arguments of `sztp voucher issue`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    folder: FolderArgs,
    /// The device
    #[arg(long, value_name = "SERIAL", value_parser = serial_number, required_unless_present = "list")]
    serial_number: Option<SerialNumber>,
    /// A file with a serial number on each line: a voucher for each, in the folder --out
    #[arg(long = "serial-numbers", value_name = "FILE", conflicts_with_all = ["serial_number", "nonce", "idevid"])]
    list: Option<PathBuf>,
    /// The certificate that speaks for the owner, PEM or DER
    #[arg(long, value_name = "CERT")]
    pinned_domain_cert: PathBuf,
    /// For the one request that sent this nonce
    #[arg(long, value_name = "BASE64", value_parser = nonce, conflicts_with_all = ["expires_on", "never_expires"])]
    nonce: Option<Nonce>,
    /// Until this moment; 90 days where nothing is said. Never beyond the certificate's expiry
    #[arg(long, value_name = "RFC3339", value_parser = moment, conflicts_with = "never_expires")]
    expires_on: Option<Timestamp>,
    /// For ever. Such a voucher can never be called back
    #[arg(long)]
    never_expires: bool,
    /// The product line, where several have such a device
    #[arg(long, value_parser = line)]
    line: Option<LineName>,
    /// The device's IDevID certificate, where its serial number alone does not name it and it is not on record
    #[arg(long, value_name = "CERT")]
    idevid: Option<PathBuf>,
    /// Who wants it, where that is not whoever is logged in
    #[arg(long, value_parser = person)]
    person: Option<Person>,
    /// Where the voucher goes; with a list, the folder
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

const EXAMPLES: &str = "Examples:
  sztp voucher issue --masa maker --serial-number SN-0001 --pinned-domain-cert owner.pem --out SN-0001.vcj
  sztp voucher issue --masa maker --serial-number SN-0001 --pinned-domain-cert owner.pem --nonce Zm9yIG9uZSByZXF1ZXN0 \\
      --out SN-0001.vcj
  sztp voucher issue --masa maker --serial-numbers delivery.txt --pinned-domain-cert owner.pem --out vouchers

Each voucher is on record before it is written. The same order gives the same vouchers again, so that whatever was interrupted, or
lost, is had by giving it again. A device that is on record gets vouchers for its owner alone. Exit codes: 0 all issued, 3 refused,
1 some of a list not.";

fn nonce(text: &str) -> Result<Nonce, String> {
    let octets = BASE64_STANDARD.decode(text).ok().and_then(Nonce::for_voucher);
    octets.ok_or_else(|| "a nonce is 8 to 32 octets in base64".to_owned())
}

fn line(text: &str) -> Result<LineName, String> {
    LineName::new(text).map_err(|error| error.to_string())
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    // One thread signs while another makes durable.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let order = order(args)?;
        let folder = args.folder.open().await?;
        match (&args.list, &args.serial_number) {
            (Some(list), _) => many(args, list, folder, order).await,
            (None, Some(serial)) => {
                let done = one(args, serial, &folder, &order).await;
                folder.store.close().await;
                done
            }
            (None, None) => Err(Failure::Usage("give --serial-number or --serial-numbers")),
        }
    })
}

fn order(args: &Args) -> Result<Order, Failure> {
    let first = |path: &Path| -> Result<_, Failure> {
        let mut chain = files::read_certificates(path)?.into_iter();
        chain.next().ok_or(Failure::Usage("the file holds no certificate"))
    };
    let validity = match (&args.nonce, args.never_expires) {
        (Some(nonce), _) => Validity::Nonce(nonce.clone()),
        (None, true) => Validity::Unlimited,
        (None, false) => Validity::Until(args.expires_on),
    };
    let person = match &args.person {
        Some(person) => person.clone(),
        None => this_person().map_err(|_| Failure::Usage("say who wants it with --person"))?,
    };
    Ok(Order {
        pinned: first(&args.pinned_domain_cert)?,
        validity,
        line: args.line.clone(),
        idevid: args.idevid.as_deref().map(first).transpose()?,
        person,
        by: Actor::Console,
    })
}

async fn one(args: &Args, serial: &SerialNumber, folder: &Folder, order: &Order) -> Result<ExitCode, Failure> {
    files::check_output(&args.out, &[&args.pinned_domain_cert])?;
    let now = Timestamp::from_system(SystemTime::now());
    let mut ordered = folder.office.issue_all(&folder.store, std::slice::from_ref(serial), order, now).await;
    match ordered.pop().map(|it| it.outcome) {
        Some(Ok((voucher, found))) => {
            files::write(&args.out, voucher.der(), Secrecy::Public)?;
            let how = if found == Found::Again { ", the same as before" } else { "" };
            output::line(&format!("{}: a voucher for {serial}{how}", args.out.display()));
            Ok(ExitCode::SUCCESS)
        }
        Some(Err(fault)) => Err(fault.into()),
        None => Ok(ExitCode::FAILURE),
    }
}

async fn many(args: &Args, list: &Path, folder: Folder, order: Order) -> Result<ExitCode, Failure> {
    let wrap = |source| Failure::File { path: args.out.clone(), source };
    std::fs::create_dir_all(&args.out).map_err(wrap)?;
    let (mut wrong, mut serials) = (0_u64, Vec::new());
    for Line { number: line, read: row } in serial_numbers(list)? {
        match row {
            Ok(serial) => serials.push(serial),
            Err(why) => {
                wrong = wrong.saturating_add(1);
                output::error(&format!("{}:{line}: {why}", list.display()));
            }
        }
    }
    // A serial number that stands twice gets its voucher once.
    let mut seen = std::collections::HashSet::new();
    let twice = serials.len();
    serials.retain(|serial| seen.insert(serial.clone()));
    let twice = twice.saturating_sub(serials.len());
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(u64::try_from(serials.len()).unwrap_or(u64::MAX))
    } else {
        ProgressBar::hidden()
    };
    let template = "{wide_bar} {pos}/{len}  {per_sec}  {eta}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let now = Timestamp::from_system(SystemTime::now());
    let (folder, order) = (std::sync::Arc::new(folder), std::sync::Arc::new(order));
    let mut counts = Counts::default();
    let mut under_way = tokio::task::JoinSet::new();
    let mut failure = None;
    for piece in serials.chunks(CHUNK) {
        let (piece, folder, order) = (piece.to_vec(), std::sync::Arc::clone(&folder), std::sync::Arc::clone(&order));
        under_way.spawn(async move { folder.office.issue_all(&folder.store, &piece, &order, now).await });
        if under_way.len() >= 2
            && let Some(Ok(ordered)) = under_way.join_next().await
            && let Err(error) = counts.take(ordered, &args.out, &bar)
        {
            failure = Some(error);
            break;
        }
    }
    while let Some(Ok(ordered)) = under_way.join_next().await {
        if let Err(error) = counts.take(ordered, &args.out, &bar) {
            failure.get_or_insert(error);
        }
    }
    bar.finish_and_clear();
    if let Some(folder) = std::sync::Arc::into_inner(folder) {
        folder.store.close().await;
    }
    if let Some(failure) = failure {
        output::error("Nothing is lost: give the same order again.");
        return Err(failure);
    }
    wrong = wrong.saturating_add(counts.refused);
    output::line(&format!(
        "{} issued, {} issued before, {twice} twice in the list, {wrong} not issued: {}",
        counts.made,
        counts.again,
        args.out.display()
    ));
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What became of a list.
#[derive(Debug, Default)]
struct Counts {
    made: u64,
    again: u64,
    refused: u64,
}

impl Counts {
    /// Writes the vouchers of a piece. A file that is there already is left as it is when it is the same.
    fn take(&mut self, ordered: Vec<Ordered>, out: &Path, bar: &ProgressBar) -> Result<(), Failure> {
        for Ordered { serial_number, outcome } in ordered {
            bar.inc(1);
            match outcome {
                Ok((voucher, found)) => {
                    let path = out.join(format!("{}.vcj", folder_name(&serial_number)));
                    if found == Found::Made || std::fs::read(&path).ok().as_deref() != Some(voucher.der()) {
                        files::write(&path, voucher.der(), Secrecy::Public)?;
                    }
                    match found {
                        Found::Made => self.made = self.made.saturating_add(1),
                        Found::Again => self.again = self.again.saturating_add(1),
                    }
                }
                Err(fault) => {
                    self.refused = self.refused.saturating_add(1);
                    bar.suspend(|| output::error(&format!("{serial_number}: {fault}")));
                    if let OrderFault::Store(error) = fault {
                        return Err(error.into());
                    }
                }
            }
        }
        Ok(())
    }
}
