//! A network that can be cut: a proxy of our own before every broker.
//!
//! Invariants: the brokers announce the proxy's ports on that listener, so all of a client's connections pass
//! through it; while it is cut, bytes go nowhere and connections stay open, as with a pulled cable.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::broker::Cluster;
use crate::support::pause;

/// The proxy of all brokers.
pub struct Cut {
    /// Where clients connect.
    pub addresses: String,
    is_cut: Arc<AtomicBool>,
}

impl Cut {
    /// Listens before every broker.
    pub fn before(cluster: &Cluster) -> Self {
        let is_cut = Arc::new(AtomicBool::new(false));
        let mut addresses = Vec::new();
        for port in cluster.proxied_ports() {
            let listener = TcpListener::bind(("127.0.0.1", port + 1)).expect("the proxy's port");
            addresses.push(format!("127.0.0.1:{}", port + 1));
            let is_cut = Arc::clone(&is_cut);
            std::thread::spawn(move || {
                for client in listener.incoming().flatten() {
                    let Ok(broker) = TcpStream::connect(("127.0.0.1", port)) else {
                        continue;
                    };
                    pipe(&client, &broker, &is_cut);
                    pipe(&broker, &client, &is_cut);
                }
            });
        }
        Self {
            addresses: addresses.join(","),
            is_cut,
        }
    }

    /// Nothing passes for so long.
    pub fn during(&self, wait: Duration) {
        self.is_cut.store(true, Ordering::SeqCst);
        pause(wait);
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

fn pipe(from: &TcpStream, to: &TcpStream, is_cut: &Arc<AtomicBool>) {
    let (mut from, mut to) = (
        from.try_clone().expect("a stream"),
        to.try_clone().expect("a stream"),
    );
    let is_cut = Arc::clone(is_cut);
    std::thread::spawn(move || {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let count = match from.read(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            };
            let mut was_cut = false;
            while is_cut.load(Ordering::SeqCst) {
                was_cut = true;
                pause(Duration::from_millis(50));
            }
            // What was on the wire is gone: the connection breaks when it is used again.
            if was_cut
                || to
                    .write_all(bytes.get(..count).unwrap_or_default())
                    .is_err()
            {
                break;
            }
        }
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
    });
}
