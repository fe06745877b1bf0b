//! Messages to the service manager (sd_notify), and its watchdog.

use std::env;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tokio::runtime::Runtime;

/// Tells the service manager, where there is one: `READY=1`, `STATUS=…`, `STOPPING=1`.
pub(super) fn notify(state: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let address = match name.as_bytes() {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest),
        _ => SocketAddr::from_pathname(&name),
    };
    let sent = address.and_then(|address| {
        let socket = UnixDatagram::unbound()?;
        socket.send_to_addr(state.as_bytes(), &address)
    });
    if let Err(error) = sent {
        log::warn!("cannot notify the service manager: {error}");
    }
}

/// Feeds the watchdog from the event loop, as long as that turns, if the service manager asks for it.
pub(super) fn feed_watchdog(runtime: &Runtime) {
    let microseconds = env::var("WATCHDOG_USEC")
        .ok()
        .and_then(|text| text.parse().ok());
    let is_other = env::var("WATCHDOG_PID").is_ok_and(|pid| pid != std::process::id().to_string());
    let Some(microseconds) = microseconds.filter(|_| !is_other) else {
        return;
    };
    let half = Duration::from_micros(microseconds) / 2;
    runtime.spawn(async move {
        loop {
            notify("WATCHDOG=1");
            tokio::time::sleep(half.max(Duration::from_millis(100))).await;
        }
    });
}
