//! Where files are: the user's folders by the XDG rules, and what the process was started in.
//! The only part of configuration that looks at the process; everything else is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What configuration needs to know about the process it runs in.
#[derive(Clone)]
pub struct Surroundings {
    /// Environment variables that are text.
    pub variables: BTreeMap<String, String>,
    pub home: PathBuf,
    /// `$XDG_CONFIG_HOME`, or what the system has for it.
    pub config_home: PathBuf,
    /// `$XDG_STATE_HOME`, or what the system has for it.
    pub state_home: PathBuf,
    pub current_dir: PathBuf,
}

impl Surroundings {
    /// This process.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let home = dirs::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
            config_home: dirs::config_dir().unwrap_or_else(|| home.join(".config")),
            state_home: dirs::state_dir().or_else(dirs::data_local_dir).unwrap_or_else(|| home.join(".local/state")),
            current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            home,
        }
    }

    /// The value of a variable that is set to something.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Themes, keymaps and `gatewatch.toml`.
    pub fn config_dir(&self) -> PathBuf {
        self.config_home.join("gatewatch")
    }

    /// Logs, keys and the audit trail.
    pub fn state_dir(&self) -> PathBuf {
        self.state_home.join("gatewatch")
    }

    /// A path as somebody wrote it, made absolute: `~/` is home, a relative one starts at `base`.
    pub fn absolute(&self, written: &str, base: &Path) -> PathBuf {
        match written.strip_prefix("~/") {
            Some(rest) => self.home.join(rest),
            None if written == "~" => self.home.clone(),
            None => self.current_dir.join(base).join(written),
        }
    }
}
