//! The whole machine, against scripted surroundings.

mod encrypted;
mod images;
mod onboarding;
mod redirects;
mod reports;
mod world;
