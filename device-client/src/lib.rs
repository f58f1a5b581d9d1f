//! The device: finds bootstrapping data, verifies it, applies it, reports
