//! `[admin]`: the port for Prometheus.

use std::net::{Ipv4Addr, SocketAddr};

use super::reader::settings;

settings! {
    /// The port for Prometheus (`/metrics`). A non-loopback address needs `[tls]`.
    Admin {
        /// Address and port; port 0 takes a free one.
        addr: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 9090));
    }
}
