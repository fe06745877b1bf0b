//! A daemon as a test plays it.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Instant;

use super::*;

/// Asks a daemon that gives this answer to one request; none: it keeps silent.
fn asked(answer: Option<&'static [u8]>) -> Result<Vec<u8>, Unanswered> {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let daemon = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET /containers/abc/json HTTP/1.0\r\n"));
        match answer {
            Some(answer) => stream.write_all(answer).unwrap_or_default(),
            // Until the other side has given up.
            None => drop(stream.read(&mut request)),
        }
    });
    let started = Instant::now();
    let now_ns = move || u64::try_from(started.elapsed().as_nanos()).unwrap();
    let result = Socket::new(Some(path)).ask("abc", &now_ns, WAIT_NS);
    daemon.join().unwrap();
    result
}

#[test]
fn answers_are_taken_apart() {
    let yes: &[u8] =
        b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"Name\":\"/web\"}";
    assert_eq!(asked(Some(yes)).unwrap(), b"{\"Name\":\"/web\"}");
    let no: &[u8] = b"HTTP/1.0 404 Not Found\r\n\r\n{}";
    assert_eq!(asked(Some(no)), Err(Unanswered::Unknown));
    for odd in [
        b"" as &[u8],
        b"HTTP",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.0 500 No\r\n\r\n{}",
    ] {
        let why = Unanswered::Because("answers with an error");
        assert_eq!(asked(Some(odd)), Err(why), "{}", odd.escape_ascii());
    }
}

#[test]
fn a_daemon_that_keeps_silent_is_left_alone() {
    let before = Instant::now();
    assert_eq!(asked(None), Err(Unanswered::Because("does not answer")));
    assert!(before.elapsed().as_nanos() >= u128::from(WAIT_NS));

    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut socket = Socket::new(Some(path));
    // The kernel takes the connection, and nobody ever answers; the clock runs 20 ms a look.
    let clock = Cell::new(0);
    let now_ns = || clock.replace(clock.get() + 20_000_000);
    assert_eq!(
        socket.ask("abc", &now_ns, WAIT_NS),
        Err(Unanswered::Because("does not answer"))
    );
    let asked_at = clock.get();
    let why = Unanswered::Because("did not answer a moment ago");
    assert_eq!(socket.ask("abc", &now_ns, WAIT_NS), Err(why));
    clock.set(asked_at + LEAVE_ALONE_NS);
    assert_eq!(
        socket.ask("abc", &now_ns, WAIT_NS),
        Err(Unanswered::Because("does not answer"))
    );
    drop(listener);
    clock.set(clock.get() + LEAVE_ALONE_NS);
    assert_eq!(
        socket.ask("abc", &now_ns, WAIT_NS),
        Err(Unanswered::Because("nobody listens"))
    );
}

#[test]
fn without_a_socket_nobody_is_asked() {
    assert_eq!(
        Socket::new(None).ask("abc", &|| 0, WAIT_NS),
        Err(Unanswered::Absent)
    );
    let absent = Socket::new(Some("/nonexistent/docker.sock".into())).ask("abc", &|| 0, WAIT_NS);
    assert_eq!(absent, Err(Unanswered::Absent));
}
