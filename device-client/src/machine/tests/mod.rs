//! The whole machine, against scripted surroundings.

mod busy;
mod captured;
mod encrypted;
mod images;
mod moments;
mod onboarding;
mod redirects;
mod replays;
mod reports;
mod sticks;
mod world;
