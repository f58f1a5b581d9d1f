//! Finding and counting devices, by index.

use std::time::Duration;

use audit_log::UnixMillis;
use sqlx::{Any, AnyPool, any::AnyArguments, query::Query};

use super::{
    decode::{corrupt, number, value},
    encode::millis,
    statement::bound,
    table::Value,
};
use crate::{
    domain::{Deadlines, DeviceId},
    store::{Census, DeviceFilter, Page, StoreError, Stuck},
};

/// Every state's name, and how long a device may stay in it.
fn states(deadlines: &Deadlines) -> [(&'static str, Option<Duration>); 10] {
    [
        ("registered", Some(deadlines.first_contact)),
        ("vouched", Some(deadlines.first_contact)),
        ("held", Some(deadlines.held)),
        ("seen", Some(deadlines.seen)),
        ("redirected", Some(deadlines.redirected)),
        ("onboarding", Some(deadlines.progress)),
        ("bootstrapped", None),
        ("failed", Some(deadlines.failed)),
        ("refused", None),
        ("retired", None),
    ]
}

/// A device in this state that has not moved since before this time is stuck.
fn limits(now: UnixMillis, deadlines: &Deadlines) -> impl Iterator<Item = (&'static str, UnixMillis)> {
    states(deadlines).into_iter().filter_map(move |(state, deadline)| {
        let deadline = u64::try_from(deadline?.as_millis()).unwrap_or(u64::MAX);
        Some((state, UnixMillis(now.0.saturating_sub(deadline))))
    })
}

/// The conditions of a statement and their values, numbered as they come.
#[derive(Default)]
struct Conditions {
    text: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Takes a value, and gives its number.
    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn equal(&mut self, column: &str, text: Option<&str>) {
        if let Some(text) = text {
            let number = self.value(text);
            self.text.push(format!("{column} = {number}"));
        }
    }

    fn stuck(&mut self, Stuck { now, deadlines }: &Stuck) {
        let either: Vec<_> = limits(*now, deadlines)
            .map(|(state, since)| {
                let since = self.value(millis(since));
                format!("(state = '{state}' AND since < {since})")
            })
            .collect();
        self.text.push(format!("({})", either.join(" OR ")));
    }
}

/// The statement that reads a page of devices.
pub(super) fn page(filter: &DeviceFilter, page: &Page<DeviceId>) -> Query<'static, Any, AnyArguments> {
    let mut conditions = Conditions::default();
    conditions.equal("manufacturer", filter.manufacturer.as_ref().map(|name| name.as_str()));
    conditions.equal("state", filter.state.as_deref());
    conditions.equal("profile", filter.profile.as_ref().map(|name| name.as_str()));
    conditions.equal("rack", filter.rack.as_deref());
    conditions.equal("host", filter.host.as_deref());
    if let Some(prefix) = &filter.serial_prefix {
        // Sorted by octets, everything with the prefix stands between it and it with the last character of all.
        let first = conditions.value(prefix.as_str());
        let last = conditions.value(format!("{prefix}\u{10ffff}"));
        conditions.text.push(format!("serial_number >= {first} AND serial_number < {last}"));
    }
    if filter.alarmed.is_some() {
        conditions.text.push("alarm IS NOT NULL".to_owned());
    }
    if let Some(stuck) = &filter.stuck {
        conditions.stuck(stuck);
    }
    if let Some(after) = &page.after {
        let maker = conditions.value(after.manufacturer.as_str());
        let serial = conditions.value(after.serial_number.as_str());
        conditions.text.push(format!("(manufacturer, serial_number) > ({maker}, {serial})"));
    }
    let limit = conditions.value(i64::from(page.limit));
    let Conditions { text, values } = conditions;
    let all = if text.is_empty() { String::new() } else { format!("WHERE {} ", text.join(" AND ")) };
    bound(format!("SELECT * FROM device {all}ORDER BY manufacturer, serial_number LIMIT {limit}"), values)
}

/// Counts devices by state. Each part of the statement is answered by an index alone.
pub(super) async fn census(pool: &AnyPool, now: UnixMillis, deadlines: &Deadlines) -> Result<Vec<Census>, StoreError> {
    let mut conditions = Conditions::default();
    let mut parts = vec![
        "SELECT 'devices' AS what, state, COUNT(*) AS number FROM device GROUP BY state".to_owned(),
        "SELECT 'alarmed', state, COUNT(*) FROM device WHERE alarm IS NOT NULL GROUP BY state".to_owned(),
    ];
    for (state, since) in limits(now, deadlines) {
        let since = conditions.value(millis(since));
        parts.push(format!(
            "SELECT 'stuck', '{state}', COUNT(*) FROM device WHERE state = '{state}' AND since < {since}"
        ));
    }
    let rows = bound(parts.join(" UNION ALL "), conditions.values).fetch_all(pool).await?;
    let mut census: Vec<_> =
        states(deadlines).map(|(state, _)| Census { state, devices: 0, stuck: 0, alarmed: 0 }).into();
    for row in rows {
        let state: &str = value(&row, "state")?;
        let line = census.iter_mut().find(|line| line.state == state).ok_or_else(|| corrupt("a device's state"))?;
        let count = number(&row, "number")?;
        match value::<&str>(&row, "what")? {
            "devices" => line.devices = count,
            "alarmed" => line.alarmed = count,
            _ => line.stuck = count,
        }
    }
    census.retain(|line| line.devices > 0);
    Ok(census)
}
