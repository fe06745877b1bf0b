//! A receiver of alerts.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Takes whatever is posted, until the test ends.
#[derive(Debug)]
pub struct Webhook {
    port: u16,
    taken: Arc<Mutex<Vec<Value>>>,
}

impl Webhook {
    /// Listens on a port of its own.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
        let port = listener.local_addr().context("no address")?.port();
        let taken = Arc::<Mutex<Vec<Value>>>::default();
        let all = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                if let Some(body) = body(&mut stream) {
                    all.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(body);
                }
                // Who does not wait for the answer has been heard all the same.
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
        Ok(Self { port, taken })
    }

    /// Where to post to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The first alert of this name that has come.
    #[must_use]
    pub fn alert(&self, name: &str) -> Option<Value> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut alerts = taken
            .iter()
            .filter_map(|body| body.pointer("/alerts")?.as_array())
            .flatten();
        alerts
            .find(|alert| alert.pointer("/labels/alertname") == Some(&name.into()))
            .cloned()
    }
}

fn body(stream: &mut TcpStream) -> Option<Value> {
    let mut bytes = Vec::new();
    let mut block = [0; 8192];
    loop {
        let read = stream.read(&mut block).ok().filter(|read| *read > 0)?;
        bytes.extend(block.iter().take(read));
        let text = String::from_utf8_lossy(&bytes);
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && let Ok(value) = serde_json::from_str(body)
        {
            return Some(value);
        }
    }
}
