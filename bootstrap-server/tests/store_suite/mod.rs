//! What every database must do, told once. `suite!` makes a test of each function here, for one kind of database.
//!
//! Shared with interop-tests, which runs it on PostgreSQL.
#![allow(dead_code, missing_docs, unreachable_pub, unused_imports, reason = "each program uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test that cannot go on fails")]

mod devices;
mod erasing;
mod kill;
mod leases;
mod ledger;
mod log;
mod masa;
mod operators;
mod transfer;
mod writing;

pub use devices::*;
pub use erasing::*;
pub use kill::*;
pub use leases::*;
pub use ledger::*;
pub use log::*;
pub use masa::*;
pub use operators::*;
pub use transfer::*;
pub use writing::*;

use std::{collections::BTreeSet, sync::Arc};

use audit_log::{LogIndex, UnixMillis};
use bootstrap_server::{
    audit::{CheckpointKey, Event},
    domain::{Departures, DeviceId, Particulars},
    store::{Batch, Location, SqlStore, Store},
};
use conveyed_info::rpc::ProgressType;

use crate::support::{Site, device_id, profile};

/// A place for databases of one kind.
pub struct Home {
    pub site: Site,
    pub location: Location,
    pub key: Arc<CheckpointKey>,
    /// Another empty place of the same kind.
    pub another: Location,
    /// Runs a statement behind the store's back, on the database at a location.
    pub execute: fn(&Location, &str),
}

impl Home {
    pub fn new(site: Site, location: Location, another: Location, execute: fn(&Location, &str)) -> Self {
        let key = site.config().checkpoint_key;
        Self { site, location, key, another, execute }
    }

    pub async fn open(&self) -> SqlStore {
        SqlStore::create(&self.location, Arc::clone(&self.key)).await.unwrap()
    }

    /// A store with the manufacturer, the profile and these devices with vouchers: two leaves, and two for each device.
    pub async fn with(&self, serials: &[&str]) -> SqlStore {
        let store = self.open().await;
        self.site.register(&store, serials).await;
        store
    }
}

pub fn registered(serial: &str, particulars: Particulars) -> Event {
    Event::DeviceRegistered { device: device_id(serial), profile: profile().name, particulars: Box::new(particulars) }
}

pub fn reported(device: DeviceId, message: &str) -> Event {
    Event::ProgressReported {
        device,
        source: [127, 0, 0, 1].into(),
        report: ProgressType::Informational,
        message: Some(message.to_owned()),
        keys: Vec::new(),
        departures: Departures::default(),
    }
}

pub fn said(message: &str) -> Batch {
    Batch::from(reported(device_id("SN-1"), message))
}

/// Every message in the log: reports are read back as far as people need them.
pub async fn messages(store: &dyn Store) -> BTreeSet<String> {
    let records = store.records(START, u32::MAX).await.unwrap();
    let bodies = records.into_iter().filter_map(|record| record.opening).map(|(_, body)| body);
    let bodies = bodies.map(|body| serde_json::from_slice::<serde_json::Value>(&body).unwrap());
    bodies.filter_map(|body| body["message"].as_str().map(str::to_owned)).collect()
}

pub const START: LogIndex = LogIndex(0);

pub fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixMillis(u64::try_from(since.as_millis()).unwrap())
}

#[macro_export]
macro_rules! suite {
    ($home:expr) => {
        $crate::suite!($home;
            a_change_and_its_leaf_are_there_together_after_reopening
            a_batch_that_fails_leaves_nothing_and_hurts_nobody_else
            leaves_are_numbered_without_gaps_whoever_writes
            a_rehearsal_says_the_same_and_changes_nothing
            a_record_that_changed_meanwhile_is_not_overwritten
            imports_give_way
            growth_is_told
            what_a_database_cannot_store_is_replaced_and_harms_nobody
            a_proof_is_kept_without_a_leaf
            many_rows_are_written_in_pieces
            devices_are_found_by_each_filter
            devices_come_in_pages
            a_census_counts_by_state_deadline_and_alarm
            a_thousand_profiles_may_have_deadlines_of_their_own
            the_database_and_the_rule_agree_on_who_is_stuck
            one_serial_number_of_two_makers
            reports_come_back_with_their_keys
            the_latest_of_many_reports_come_back
            a_record_is_found_by_its_device
            users_come_and_go_with_their_tokens
            a_token_is_found_by_its_digest
            a_profile_goes_when_nobody_has_it
            an_answer_is_kept_with_its_change
            answers_are_kept_for_a_day
            a_snapshot_shows_nothing_of_what_comes_later
            sec_21_every_way_to_rewrite_the_log_is_found_out
            sec_22_a_forgotten_device_leaves_a_log_that_verifies_and_names_it_nowhere
            sec_22_a_device_that_is_being_onboarded_is_not_forgotten
            sec_22_records_that_two_erase_at_once_are_counted_once
            sec_22_what_was_interrupted_is_found_and_finished
            sec_22_what_was_interrupted_is_finished_although_the_device_is_back
            sec_22_what_is_older_than_the_owner_wants_goes_and_nothing_else
            sec_22_archived_logs_forget_too
            leases_come_back_as_they_were
            leases_are_found_by_their_clients
            an_address_is_its_clients_until_the_lease_ends
            the_database_and_the_rule_agree_on_who_has_an_address
            whoever_follows_leases_misses_none
            what_ended_long_ago_is_forgotten_in_steps
            leases_are_part_of_a_backup
            neither_leases_nor_batches_suffer_for_the_other
            a_certificate_that_was_issued_is_found_by_all_it_is_known_by
            a_request_is_answered_once_however_often_it_comes
            a_second_certificate_needs_a_reason
            a_key_is_one_device
            est_05_a_renewal_goes_on_from_a_certificate_of_the_same_holder_that_still_holds
            what_is_revoked_stays_so_and_is_listed
            sec_22_a_forgotten_device_keeps_no_certificate_and_what_was_revoked_is_listed_still
            mas_09_whatever_a_masa_does_is_on_record_and_comes_back
            a_transfer_and_a_voucher_cannot_pass_each_other
            mas_06_one_nonce_is_answered_once_however_many_servers_are_asked
            vch_09_a_serial_number_is_taken_twice_only_when_vouchers_can_tell
            a_claim_takes_two_persons
            owners_that_could_not_be_told_apart_are_refused
            a_log_is_not_continued_when_its_end_is_damaged
            a_log_is_not_continued_by_another_key
            a_newer_schema_is_refused
            what_was_exported_comes_back_in_a_new_log
            an_import_needs_an_empty_database
            an_import_that_is_not_whole_leaves_nothing
            a_restored_log_admits_what_it_lost
        );
    };
    ($home:expr; $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let home = $home;
                store_suite::$name(&home).await;
            }
        )*
    };
}
