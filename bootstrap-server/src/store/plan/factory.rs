//! The part of a plan that is about production orders.

use std::collections::{BTreeMap, BTreeSet};

use pki::{identity::SerialNumber, time::Timestamp};

use super::Situation;
use crate::{
    audit::FactoryEvent,
    domain::factory::{self, OrderName, ProductionOrder, ProductionUnit},
    store::StoreError,
};

/// What must be known of production orders before events about them can be planned.
#[derive(Debug, Default)]
pub(crate) struct FactoryNeeds {
    /// These orders.
    pub(crate) orders: BTreeSet<OrderName>,
    /// These units.
    pub(crate) units: BTreeSet<(OrderName, SerialNumber)>,
}

impl FactoryNeeds {
    /// Adds what `event` asks for.
    pub(super) fn extend(&mut self, event: &FactoryEvent) {
        let (order, unit) = match event {
            FactoryEvent::OrderMade { order, .. } => (order.name(), None),
            FactoryEvent::OrderClosed { order, .. } => (order, None),
            FactoryEvent::ReworkAllowed { order, serial_number, .. } => (order, Some(serial_number)),
            FactoryEvent::UnitEnrolled(enrolment) => (enrolment.order(), Some(enrolment.serial_number())),
        };
        self.orders.insert(order.clone());
        self.units.extend(unit.map(|serial_number| (order.clone(), serial_number.clone())));
    }
}

/// Orders and units: those that were loaded, or those that a planned group writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Production {
    /// Orders.
    pub(crate) orders: BTreeMap<OrderName, ProductionOrder>,
    /// Units.
    pub(crate) units: BTreeMap<(OrderName, SerialNumber), ProductionUnit>,
}

impl Production {
    /// Adds what came after.
    pub(super) fn merge(&mut self, later: Self) {
        self.orders.extend(later.orders);
        self.units.extend(later.units);
    }

    /// Makes the changes that `event` stands for, after those in `before`.
    pub(super) fn apply(
        &mut self,
        event: &FactoryEvent,
        before: &Self,
        situation: &Situation<'_>,
    ) -> Result<(), StoreError> {
        let known = [&*self, before, &situation.loaded.production];
        let order = |name: &OrderName| known.iter().find_map(|it| it.orders.get(name));
        let unit = |name: &OrderName, serial_number: &SerialNumber| {
            let key = (name.clone(), serial_number.clone());
            known.iter().find_map(|it| it.units.get(&key))
        };
        match event {
            FactoryEvent::OrderMade { order: new, units } => {
                factory::may_create(new.name(), order(new.name())).map_err(StoreError::Production)?;
                self.orders.insert(new.name().clone(), new.as_ref().clone());
                let units = units.iter().map(|it| ((new.name().clone(), it.serial_number.clone()), it.clone()));
                self.units.extend(units);
            }
            FactoryEvent::OrderClosed { order: name, document, because } => {
                let open = factory::may_close(name, *document, order(name)).map_err(StoreError::Production)?;
                self.orders.insert(name.clone(), open.close(because.clone()));
            }
            FactoryEvent::ReworkAllowed { order: name, serial_number, certificate, because } => {
                let found = unit(name, serial_number);
                let after = factory::may_rework((name, serial_number), because, order(name), found);
                let after = after.map_err(StoreError::Production)?;
                // The record says which certificate is to be followed by another one: that must be so.
                if after.certificate != *certificate {
                    return Err(StoreError::AnsweredBefore);
                }
                self.units.insert((name.clone(), serial_number.clone()), after);
            }
            FactoryEvent::UnitEnrolled(enrolment) => {
                let (name, serial_number) = (enrolment.order(), enrolment.serial_number());
                let now = Timestamp::from_unix(i64::try_from(situation.now.0 / 1000).unwrap_or(i64::MAX));
                let after = factory::may_enrol(enrolment, order(name), unit(name, serial_number), now);
                let after = after.map_err(StoreError::Production)?;
                self.units.insert((name.clone(), serial_number.clone()), after);
            }
        }
        Ok(())
    }
}
