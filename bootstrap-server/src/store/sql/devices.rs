//! Finding and counting devices, by index.

use std::time::Duration;

use audit_log::UnixMillis;
use sqlx::{Any, AnyPool, any::AnyArguments, query::Query};

use super::{
    conditions::Conditions,
    decode::{corrupt, device_id, number, value},
    encode::millis,
    statement::bound,
};
use crate::{
    domain::{Deadlines, DeviceId, Patience, ProfileName, waiting::CLOCK_TOLERANCE},
    store::{Census, DeviceFilter, Page, StoreError, Strays, Stuck},
};

/// The states in which a device waits, with its deadline in each; those of onboarding depend on its profile.
const fn waits(deadlines: &Deadlines) -> [(&'static str, Duration); 6] {
    [
        ("registered", deadlines.first_contact),
        ("vouched", deadlines.first_contact),
        ("held", deadlines.held),
        ("seen", deadlines.seen),
        ("redirected", deadlines.redirected),
        ("failed", deadlines.failed),
    ]
}

/// Every state's name.
const STATES: [&str; 11] = [
    "registered",
    "vouched",
    "held",
    "seen",
    "redirected",
    "referred",
    "onboarding",
    "bootstrapped",
    "failed",
    "refused",
    "retired",
];

/// Profiles whose devices have deadlines of their own.
pub(super) async fn patience(pool: &AnyPool) -> Result<Vec<(ProfileName, Patience)>, StoreError> {
    let profiles = super::read::profiles(pool).await?;
    let own = profiles.into_iter().map(|profile| (profile.name, profile.patience));
    Ok(own.filter(|(_, patience)| *patience != Patience::default()).collect())
}

impl Conditions {
    /// For each state in which a device waits, the condition that one is stuck in it: what `domain::stuck` says, in SQL.
    fn stuck(
        &mut self,
        Stuck { now, deadlines }: &Stuck,
        own: &[(ProfileName, Patience)],
    ) -> Vec<(&'static str, String)> {
        let ago = |deadline: Duration| millis(UnixMillis(now.0.saturating_sub(length(deadline))));
        let future = self.value(millis(UnixMillis(now.0.saturating_add(length(CLOCK_TOLERANCE)))));
        let mut stuck: Vec<_> = waits(deadlines)
            .map(|(state, deadline)| {
                let since = self.value(ago(deadline));
                (state, format!("state = '{state}' AND (since < {since} OR since > {future})"))
            })
            .into();
        let mut onboarding = |conditions: &mut Self, which: &str, deadlines: &Deadlines| {
            let (silent, overdue) =
                (conditions.value(ago(deadlines.progress)), conditions.value(ago(deadlines.attempt)));
            // The clock is doubted only where silence is what ends first.
            let (progress, attempt) = (signed(deadlines.progress), signed(deadlines.attempt));
            let longer = conditions.value(attempt.saturating_sub(progress));
            let condition = format!(
                "state = 'onboarding'{which} AND (since < {silent} OR attempt_since < {overdue} OR \
                 (since > {future} AND (attempt_since IS NULL OR attempt_since + {longer} >= since)))"
            );
            stuck.push(("onboarding", condition));
        };
        let names: Vec<_> = own.iter().map(|(name, _)| self.value(name.as_str())).collect();
        let others = if names.is_empty() {
            String::new()
        } else {
            format!(" AND (profile IS NULL OR profile NOT IN ({}))", names.join(", "))
        };
        onboarding(self, &others, deadlines);
        // Few deadlines are shared by many profiles, as a rule.
        let mut alike: Vec<(Patience, Vec<&str>)> = Vec::new();
        for ((_, patience), name) in own.iter().zip(&names) {
            match alike.iter_mut().find(|(known, _)| known == patience) {
                Some((_, names)) => names.push(name),
                None => alike.push((*patience, vec![name])),
            }
        }
        for (patience, names) in alike {
            onboarding(self, &format!(" AND profile IN ({})", names.join(", ")), &deadlines.with(patience));
        }
        if stuck.len() > MOST_PARTS {
            let onboarding: Vec<_> = stuck.extract_if(.., |(state, _)| *state == "onboarding").collect();
            let onboarding: Vec<_> = onboarding.into_iter().map(|(_, condition)| condition).collect();
            stuck.push(("onboarding", any_of(&onboarding)));
        }
        stuck
    }
}

/// Conditions that are answered by an index each; more of them are one that is not. SQLite takes 500 parts of a statement.
const MOST_PARTS: usize = 100;

/// The condition that one of these holds, nested as little as can be: SQLite takes 1000 levels.
fn any_of(conditions: &[String]) -> String {
    match conditions {
        [] => "1 = 0".to_owned(),
        [one] => format!("({one})"),
        many => {
            let (first, second) = many.split_at(many.len() / 2);
            format!("({} OR {})", any_of(first), any_of(second))
        }
    }
}

fn length(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn signed(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The statement that reads a page of devices.
pub(super) fn page(
    filter: &DeviceFilter,
    own: &[(ProfileName, Patience)],
    page: &Page<DeviceId>,
) -> Query<'static, Any, AnyArguments> {
    let mut conditions = Conditions::default();
    conditions.equal("manufacturer", filter.manufacturer.as_ref().map(|name| name.as_str()));
    conditions.equal("state", filter.state.as_deref());
    conditions.equal("profile", filter.profile.as_ref().map(|name| name.as_str()));
    conditions.equal("rack", filter.rack.as_deref());
    conditions.equal("host", filter.host.as_deref());
    conditions.equal("uuid", filter.uuid.map(|uuid| uuid.to_string()).as_deref());
    conditions.equal("serial_number", filter.serial_number.as_ref().map(|number| number.as_str()));
    conditions.prefix("serial_number", filter.serial_prefix.as_deref());
    if filter.alarmed.is_some() {
        conditions.holds("alarm IS NOT NULL".to_owned());
    }
    if let Some(stuck) = &filter.stuck {
        let each: Vec<_> = conditions.stuck(stuck, own).into_iter().map(|(_, condition)| condition).collect();
        conditions.holds(any_of(&each));
    }
    if let Some(after) = &page.after {
        let maker = conditions.value(after.manufacturer.as_str());
        let serial = conditions.value(after.serial_number.as_str());
        conditions.holds(format!("(manufacturer, serial_number) > ({maker}, {serial})"));
    }
    let limit = conditions.value(i64::from(page.limit));
    let (all, values) = conditions.all();
    bound(format!("SELECT * FROM device {all}ORDER BY manufacturer, serial_number LIMIT {limit}"), values)
}

/// Devices in the log and on no list. Reads the index of records alone, as many devices as the page has.
pub(super) async fn strays(pool: &AnyPool, page: &Page<DeviceId>) -> Result<Strays, StoreError> {
    let mut conditions = Conditions::default();
    if let Some(after) = &page.after {
        let maker = conditions.value(after.manufacturer.as_str());
        let serial = conditions.value(after.serial_number.as_str());
        conditions.holds(format!("(manufacturer, serial_number) > ({maker}, {serial})"));
    }
    let limit = conditions.value(i64::from(page.limit));
    let (all, values) = conditions.all();
    let known = |table: &str| {
        format!(
            "EXISTS (SELECT 1 FROM {table} WHERE {table}.manufacturer = named.manufacturer AND \
             {table}.serial_number = named.serial_number)"
        )
    };
    let statement = format!(
        "SELECT named.manufacturer AS manufacturer, named.serial_number AS serial_number,
                CASE WHEN {} OR {} THEN 1 ELSE 0 END AS known
         FROM (SELECT DISTINCT manufacturer, serial_number FROM device_event {all}
               ORDER BY manufacturer, serial_number LIMIT {limit}) AS named
         ORDER BY named.manufacturer, named.serial_number",
        known("device"),
        known("voucher")
    );
    let rows = bound(statement, values).fetch_all(pool).await?;
    let whole = u32::try_from(rows.len()).is_ok_and(|read| read >= page.limit);
    let next = rows.last().filter(|_| whole).map(device_id).transpose()?;
    let mut devices = Vec::new();
    for row in &rows {
        if number(row, "known")? == 0 {
            devices.push(device_id(row)?);
        }
    }
    Ok(Strays { devices, next })
}

/// Counts devices by state. Each part of the statement is answered by an index alone.
pub(super) async fn census(pool: &AnyPool, now: UnixMillis, deadlines: &Deadlines) -> Result<Vec<Census>, StoreError> {
    let mut conditions = Conditions::default();
    let mut parts = vec![
        "SELECT 'devices' AS what, state, COUNT(*) AS number FROM device GROUP BY state".to_owned(),
        "SELECT 'alarmed', state, COUNT(*) FROM device WHERE alarm IS NOT NULL GROUP BY state".to_owned(),
    ];
    for (state, condition) in conditions.stuck(&Stuck { now, deadlines: *deadlines }, &patience(pool).await?) {
        parts.push(format!("SELECT 'stuck', '{state}', COUNT(*) FROM device WHERE {condition}"));
    }
    let rows = bound(parts.join(" UNION ALL "), conditions.into_values()).fetch_all(pool).await?;
    let mut census: Vec<_> = STATES.map(|state| Census { state, devices: 0, stuck: 0, alarmed: 0 }).into();
    for row in rows {
        let state: &str = value(&row, "state")?;
        let line = census.iter_mut().find(|line| line.state == state).ok_or_else(|| corrupt("a device's state"))?;
        let count = number(&row, "number")?;
        match value::<&str>(&row, "what")? {
            "devices" => line.devices = count,
            "alarmed" => line.alarmed = count,
            _ => line.stuck = line.stuck.saturating_add(count),
        }
    }
    census.retain(|line| line.devices > 0);
    Ok(census)
}
