//! `[http]`: the REST door.

use std::net::{Ipv4Addr, SocketAddr};

use super::reader::settings;

settings! {
    /// The REST door. A non-loopback address needs `[tls]`.
    Http {
        /// Address and port; port 0 takes a free one.
        addr: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        /// How long running requests may take to end when the server stops, in seconds.
        shutdown_timeout_s: u32 = 30;
    }
}
