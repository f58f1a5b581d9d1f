//! What a server offers as an authority, beside what it does for devices in their onboarding.

pub(crate) mod est;
