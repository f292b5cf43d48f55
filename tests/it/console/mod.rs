//! The console without a terminal: keys in, effects and pictures out.

mod action;
mod agents;
mod deciding;
mod deployment;
mod doubt;
mod drive;
mod frame;
mod frames;
mod gates;
mod history;
mod keys;
mod leaving;
mod paint;
mod rig;
mod steps;
mod widgets;
mod workflow;
mod workflows;
mod world;
