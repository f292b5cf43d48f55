//! Free TCP ports of this machine. Knows nothing of who will use them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// Whether nobody listens there.
pub fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

/// An address of this machine that nobody listens on. It stays free for others to bind by name: the port is left in
/// `TIME_WAIT`, so the system gives it to nobody who asks for just any port.
pub fn free() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let _client = TcpStream::connect(address)?;
    // The side that closes first is the one that waits, and only a waiting listener's side keeps its port.
    drop(listener.accept()?);
    Ok(address)
}
