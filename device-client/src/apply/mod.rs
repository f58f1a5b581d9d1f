//! Applying onboarding information to a real device: images, scripts, configurations.

pub mod configuration;
pub mod image;
mod image_signature;
mod merge_patch;
mod redact;
pub mod script;
pub mod staged;
pub mod workshop;
