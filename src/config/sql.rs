//! `[sql]`: the Postgres wire.

use std::net::{Ipv4Addr, SocketAddr};

use super::reader::settings;

settings! {
    /// The Postgres wire. A non-loopback address needs a certificate in `[tls]`.
    Sql {
        /// Address and port; port 0 takes a free one.
        addr: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 5433));
    }
}
