//! The whole machine, against scripted surroundings.

mod busy;
mod captured;
mod encrypted;
mod images;
mod moments;
mod names;
mod onboarding;
mod quirks;
mod redirects;
mod replays;
mod reports;
mod revocation;
mod sticks;
mod world;
