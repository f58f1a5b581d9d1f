//! The whole machine, against scripted surroundings.

mod busy;
mod encrypted;
mod images;
mod moments;
mod onboarding;
mod redirects;
mod reports;
mod sticks;
mod world;
