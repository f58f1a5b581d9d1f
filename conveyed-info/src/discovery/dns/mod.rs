//! Bootstrapping data and bootstrap servers from DNS (RFC 8572 §4.2).
//!
//! 1. [`QueryPlan::new`] says what to ask, in the order of the RFC: TXT records under the device's serial number, then SRV
//!    records for every device; multicast before unicast.
//! 2. TXT records carry the artifacts themselves: [`bootstrapping_data`] reads them, [`publish`] makes them.
//! 3. SRV records name bootstrap servers: [`redirect`] orders them into a redirect without trust anchors.
//!
//! Records come as RDATA (RFC 1035 §3.3, RFC 2782); to take a DNS message apart is not done here.
//!
//! ```
//! use conveyed_info::discovery::dns::{Name, QueryPlan, RecordType, SrvRecord, Transport, redirect};
//! use pki::identity::SerialNumber;
//!
//! let plan = QueryPlan::new(&SerialNumber::new("SN-0001")?, &["example.net".parse::<Name>()?]);
//! let names: Vec<String> = plan.queries.iter().map(|query| query.name.to_string()).collect();
//! assert_eq!(
//!     names,
//!     ["SN-0001._sztp.local.", "SN-0001._sztp.example.net.", "_sztp._tcp.local.", "_sztp._tcp.example.net."]
//! );
//! assert_eq!((plan.queries[0].transport, plan.queries[0].record_type), (Transport::Multicast, RecordType::Txt));
//!
//! let record = SrvRecord { priority: 0, weight: 0, port: 443, target: "sztp1.example.net".parse()? };
//! let found = redirect(&[SrvRecord::from_rdata(&record.rdata())?], &[])?;
//! assert_eq!(found.redirect.servers()[0].address, "sztp1.example.net");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod name;
mod order;
mod publish;
mod query;
mod srv;
mod txt;

pub use error::{DnsDataError, RecordError};
pub use name::{Name, NameError};
pub use order::{IgnoredTarget, IgnoredTargetBecause, NoServers, SrvRedirect, redirect};
pub use publish::{Publication, publish};
pub use query::{NotAsked, NotAskedBecause, Query, QueryPlan, RecordType, Transport};
pub use srv::SrvRecord;
pub use txt::{TxtRecord, bootstrapping_data};
