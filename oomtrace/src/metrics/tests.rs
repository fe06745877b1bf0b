use std::sync::Arc;

use super::server::respond;
use super::*;
use crate::model::fixture;
use crate::model::{Event, OomKill};

fn kill(change: impl FnOnce(&mut OomKill)) -> Event {
    let mut kill = fixture::founding();
    change(&mut kill);
    Event::OomKill(Box::new(kill))
}

fn named(name: &str) -> Event {
    kill(|kill| kill.owner.as_mut().unwrap().container_name = Some(name.to_owned()))
}

fn figures() -> Figures {
    let tally = Tally::new(2);
    for name in ["web", "web", "a\"b\\c\nd", "third", "fourth"] {
        tally.add(&named(name));
    }
    Figures {
        counts: tally.counts(),
        is_capturing: true,
        kernel_kills: Some(7),
        stored: 5,
        sinks: vec![SinkFigures {
            name: "file".to_owned(),
            queue: 3,
            delivered: 2,
            ..SinkFigures::default()
        }],
        ..Figures::default()
    }
}

#[test]
fn kills_are_counted_by_scope_and_owner() {
    let text = write(&figures(), Format::Prometheus);
    for line in [
        "# TYPE oomtrace_oom_kills_total counter",
        "oomtrace_oom_kills_total{scope=\"memcg\"} 5",
        "oomtrace_oom_kills_total{scope=\"global\"} 0",
        "oomtrace_owner_oom_kills_total{kind=\"container\",owner=\"web\"} 2",
        "oomtrace_owner_oom_kills_total{kind=\"container\",owner=\"a\\\"b\\\\c\\nd\"} 1",
        "oomtrace_owner_oom_kills_total{kind=\"other\",owner=\"other\"} 2",
        "oomtrace_kernel_oom_kills 7",
        "oomtrace_sink_queue_events{sink=\"file\"} 3",
        "oomtrace_sink_delivered_events_total{sink=\"file\"} 2",
        "oomtrace_capturing 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(!text.contains("last_success_timestamp_seconds{"), "{text}");
}

#[test]
fn openmetrics_has_exemplars_and_an_end() {
    let text = write(&figures(), Format::OpenMetrics);
    assert!(
        text.contains("# TYPE oomtrace_oom_kills counter\n"),
        "{text}"
    );
    assert!(
        text.contains("{scope=\"memcg\"} 5 # {event_id=\""),
        "{text}"
    );
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn before_the_first_kill_counts_are_zero() {
    let text = write(&Figures::default(), Format::Prometheus);
    assert!(
        text.contains("oomtrace_oom_kills_total{scope=\"memcg\"} 0\n"),
        "{text}"
    );
    assert!(
        !text.contains("kernel_oom_kills"),
        "unknown is absent: {text}"
    );
}

fn answer(head: &str) -> String {
    let source: Source = Arc::new(figures);
    String::from_utf8(respond(head.as_bytes(), &source, "healthy\n")).unwrap()
}

#[test]
fn requests_get_what_they_ask_for() {
    for (head, status, part) in [
        ("GET /metrics HTTP/1.1\r\n\r\n", 200, "version=0.0.4"),
        (
            "GET /metrics HTTP/1.1\r\naccept: application/openmetrics-text; version=1.0.0\r\n\r\n",
            200,
            "# EOF",
        ),
        ("GET /-/healthy HTTP/1.0\r\n\r\n", 200, "healthy"),
        ("GET /-/ready HTTP/1.1\r\n\r\n", 200, "ready"),
        ("GET / HTTP/1.1\r\n\r\n", 404, "/metrics"),
        ("POST /metrics HTTP/1.1\r\n\r\n", 405, "GET"),
        ("\u{1}\u{2}garbage\r\n\r\n", 400, "not HTTP"),
        ("\r\n\r\n", 400, "not HTTP"),
    ] {
        let text = answer(head);
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head}: {text}"
        );
        assert!(text.contains(part), "{head}: {text}");
    }
    let head = answer("HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn slow_clients_do_not_shut_out_others() {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let source: Source = Arc::new(figures);
    std::thread::spawn(move || serve(listener, source, "healthy\n".to_owned()));
    // More than there are places; each sends a bit and stays.
    let slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            let _ = stream.write_all(b"GET /me");
            stream
        })
        .collect();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let mut stream = TcpStream::connect(address).unwrap();
        let mut text = String::new();
        let asked = stream.write_all(b"GET /-/healthy HTTP/1.1\r\n\r\n");
        if asked.is_ok() && stream.read_to_string(&mut text).is_ok() && text.contains("healthy") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "nobody is let in");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    drop(slow);
}
