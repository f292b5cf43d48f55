//! Web addresses: which stay on this machine, and how one is shown.

use url::{Host, Url};

/// Whether nothing sent there leaves this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// An address as somebody wrote it, without the name and password it may hold. It need not be a valid one.
pub fn shown(written: &str) -> String {
    match written.rsplit_once('@') {
        Some((before, rest)) => {
            let scheme = before.split_once("://").map_or_else(String::new, |(scheme, _)| format!("{scheme}://"));
            format!("{scheme}…@{rest}")
        }
        None => written.to_owned(),
    }
}
