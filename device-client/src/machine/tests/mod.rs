//! The whole machine, against scripted surroundings.

mod images;
mod onboarding;
mod redirects;
mod reports;
mod world;
