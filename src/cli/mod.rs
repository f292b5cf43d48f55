//! Headless commands: the console's operations without a screen.
