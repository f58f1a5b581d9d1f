//! `sztp factory order`.

use std::process::ExitCode;

use clap::Subcommand;
use operator_api::{Because, ProductionQuery};

use super::{
    super::{
        Failure,
        change::{ChangeArgs, block_on},
    },
    create,
};
use crate::{
    output,
    server::ServerArgs,
    show::{Column, FormArgs, Listing, column, one},
};

/// Orders and units asked for at a time: the most that a server gives.
const PAGE: u32 = 1000;

/// Subcommands of `sztp factory order`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a production order from a list of units
    Create(Box<create::Args>),
    /// List production orders
    #[command(after_help = "Examples:\n  sztp factory order list\n  sztp factory order list --output json")]
    List(ListArgs),
    /// Show a production order, or its units
    Show(ShowArgs),
    /// Close a production order: nothing is issued under it any more
    Close(CloseArgs),
    /// Allow one more certificate for a unit, whose board was changed, say
    Rework(ReworkArgs),
}

/// Arguments of `sztp factory order list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Arguments of `sztp factory order show`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sztp factory order show week-12\n  sztp factory order show week-12 --units --output csv"
)]
pub(crate) struct ShowArgs {
    /// Which
    order: String,
    /// Its units: which have their certificate, and from which station
    #[arg(long)]
    units: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Arguments of `sztp factory order close`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sztp factory order close week-12 --because 'all units are built'")]
pub(crate) struct CloseArgs {
    /// Which
    order: String,
    /// Why: it stands in the audit log
    #[arg(long, value_name = "WHY")]
    because: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `sztp factory order rework`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sztp factory order rework week-12 SN-0007 --because 'board changed, ticket 4711'")]
pub(crate) struct ReworkArgs {
    /// Which order
    order: String,
    /// Which unit
    #[arg(value_name = "SERIAL")]
    serial_number: String,
    /// Why: it stands in the audit log
    #[arg(long, value_name = "WHY")]
    because: String,
    #[command(flatten)]
    change: ChangeArgs,
}

const ORDERS: &[Column] = &[
    column("name", "/name"),
    column("authority", "/authority"),
    column("profile", "/profile"),
    column("model", "/model"),
    column("stations", "/stations"),
    column("expires", "/expires"),
    column("units", "/units"),
    column("certified", "/certified"),
    column("closed", "/closed"),
];

const UNITS: &[Column] = &[
    column("serial-number", "/serial-number"),
    column("certificate", "/certificate"),
    column("station", "/station"),
    column("rework", "/rework"),
    column("endorsement-key", "/endorsement-key"),
];

pub(super) fn run(command: &Command) -> Result<ExitCode, Failure> {
    block_on(async {
        match command {
            Command::Create(args) => {
                let order = args.order()?;
                let client = args.change.server.client()?;
                let made = client.create_production_order(&order, args.change.intent()).await?;
                let done = format!("production order {} with {} units", order.name, order.units.len());
                args.change.tell(&done, ORDERS, made.as_ref());
            }
            Command::List(args) => list(args).await?,
            Command::Show(args) if args.units => units(args).await?,
            Command::Show(args) => {
                one(args.form.form, ORDERS, &args.server.client()?.production_order(&args.order).await?);
            }
            Command::Close(args) => {
                let because = Because { reason: args.because.clone() };
                let client = args.change.server.client()?;
                let closed = client.close_production_order(&args.order, &because, args.change.intent()).await?;
                let done = if closed.is_some() { "closed" } else { "close" };
                args.change.tell(&format!("{done} production order {}", args.order), ORDERS, closed.as_ref());
            }
            Command::Rework(args) => {
                let because = Because { reason: args.because.clone() };
                let client = args.change.server.client()?;
                let unit = (args.order.as_str(), args.serial_number.as_str());
                let allowed = client.allow_rework(unit, &because, args.change.intent()).await?;
                let done = format!("one more certificate for {} under {}", args.serial_number, args.order);
                args.change.tell(&done, UNITS, allowed.as_ref());
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let client = args.server.client()?;
    let mut wanted = ProductionQuery { after: None, limit: Some(PAGE) };
    let mut listing = Listing::new(args.form.form, ORDERS);
    loop {
        let page = client.production_orders(&wanted).await?;
        output::text(&listing.page(&page.orders));
        wanted.after = page.next;
        if wanted.after.is_none() || output::is_unread() {
            break;
        }
    }
    output::text(&listing.end());
    Ok(())
}

async fn units(args: &ShowArgs) -> Result<(), Failure> {
    let client = args.server.client()?;
    let mut wanted = ProductionQuery { after: None, limit: Some(PAGE) };
    let mut listing = Listing::new(args.form.form, UNITS);
    loop {
        let page = client.production_units(&args.order, &wanted).await?;
        output::text(&listing.page(&page.units));
        wanted.after = page.next;
        if wanted.after.is_none() || output::is_unread() {
            break;
        }
    }
    output::text(&listing.end());
    Ok(())
}
