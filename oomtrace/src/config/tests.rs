use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const WHOLE: &str = r#"
[capture]
source = "klog"
backfill = false
hostname = "n1"
cmdline = false
redact = ["tenant=*"]
tracepoints_only = true
names.docker_roots = ["/srv/docker"]
names.docker_socket = "/srv/docker.sock"
names.containerd_states = ["/run/a", "/run/b"]
names.storage_roots = ["/srv/storage"]

[store]                       # history, spool and state
path = "/var/lib/oomtrace"
max_size = "256MiB"
max_age = "30d"
sync = false

[metrics]
listen = "127.0.0.1:9469"
textfile = "/var/lib/node_exporter/oomtrace.prom"
owners_max = 50

[privileges]
drop_capabilities = false
seccomp = false
landlock = false

[[sink]]
type = "file"
path = "/var/log/oomtrace/oom.ndjson"
max_size = "10MiB"
max_age = "1d"
keep = 5

[[sink]]
type = "http"
url = "http://127.0.0.1:8080/ingest"
events = ["oom_kill", "gap"]
fields.exclude = ["victim.cmdline"]
timeout = "5s"

[[sink]]
type = "otlp"
url = "http://127.0.0.1:4318/v1/logs"
gzip = false

[[sink]]
type = "syslog"
address = "unixgram:/dev/log"
max_line_bytes = 7680

[[sink]]
type = "journald"

[[sink]]
type = "syslog"
address = "tcp:log\"host:514"
where.container = ["web-*"]

[[sink]]
type = "stdout"
name = "out"
"#;

fn refused(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn a_whole_configuration_is_read() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(config.capture.source, Source::Klog);
    assert_eq!(config.store.max_bytes, 256 << 20);
    assert_eq!(config.store.max_age, Duration::from_secs(30 * 86_400));
    assert_eq!(
        config.metrics.listen,
        Some("127.0.0.1:9469".parse().unwrap())
    );
    let names: Vec<&str> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "file", "http", "otlp", "syslog", "journald", "syslog-2", "out"
        ]
    );
    assert_eq!(
        config.sinks[0].kind,
        Kind::File {
            path: PathBuf::from("/var/log/oomtrace/oom.ndjson"),
            max_bytes: Some(10 << 20),
            max_age: Some(Duration::from_secs(86_400)),
            keep: 5,
        }
    );
    assert_eq!(config.sinks[1].exclude, ["victim.cmdline"]);
    assert_eq!(config.sinks[5].filter.container, ["web-*"]);
}

#[test]
fn a_kubernetes_sink_has_a_proxy_by_default() {
    let kind = |text: &str| {
        let sink = format!("[[sink]]\ntype = \"kubernetes\"\n{text}");
        let config = parse(&sink).unwrap();
        assert_eq!(parse(&print(&config)).unwrap(), config);
        config.sinks[0].kind.clone()
    };
    let Kind::Kubernetes {
        url,
        token_file,
        timeout,
    } = kind("")
    else {
        panic!("no such sink");
    };
    assert_eq!(url.authority, "127.0.0.1:8001");
    assert_eq!((token_file, timeout), (None, Duration::from_secs(10)));
    let Kind::Kubernetes {
        url, token_file, ..
    } = kind("url = \"http://localhost:9/proxy\"\ntoken_file = \"/run/token\"")
    else {
        panic!("no such sink");
    };
    assert_eq!(url.path, "/proxy");
    assert_eq!(token_file, Some(PathBuf::from("/run/token")));
    let text = refused("[[sink]]\ntype = \"kubernetes\"\nurl = \"https://10.0.0.1/\"");
    assert!(text.contains("TLS"), "{text}");
}

#[test]
fn nothing_is_needed() {
    assert_eq!(parse("").unwrap(), Config::default());
}

#[test]
fn what_is_printed_reads_back_the_same() {
    for text in ["", WHOLE] {
        let config = parse(text).unwrap();
        assert_eq!(parse(&print(&config)).unwrap(), config);
    }
}

#[test]
fn unknown_keys_are_refused_with_a_suggestion() {
    for (text, expected) in [
        (
            "[store]\nmax_sise = \"1GiB\"",
            "line 2: unknown key `store.max_sise`; did you mean `max_size`?",
        ),
        (
            "[stor]\npath = \"/x\"",
            "line 1: unknown key `stor`; did you mean `store`?",
        ),
        (
            "\n[[sink]]\ntype = \"stdout\"\npath = \"/x\"",
            "line 4: unknown key `sink.path`; known are: type, name, events, where, fields, \
             max_line_bytes",
        ),
        (
            "[[sink]]\ntype = \"stdout\"\nwhere.contianer = [\"a\"]",
            "line 3: unknown key `sink.where.contianer`; did you mean `container`?",
        ),
    ] {
        assert_eq!(refused(text), expected);
    }
}

#[test]
fn wrong_values_are_named_with_their_line() {
    for (text, line, part) in [
        ("[store]\npath = 7", 2, "`store.path` must be text"),
        ("[store]\npath = \"x\"", 2, "absolute"),
        ("[store]\nmax_size = \"12\"", 2, "size such as"),
        ("[store]\nmax_size = \"1KiB\"", 2, "at least 256KiB"),
        ("[store]\nmax_size = \"99999999999TiB\"", 2, "size such as"),
        ("[store]\nmax_age = \"0s\"", 2, "time such as"),
        ("[metrics]\nlisten = \"9469\"", 2, "address and a port"),
        ("[metrics]\nowners_max = -1", 2, "from 0 to 10000"),
        ("[capture]\nsource = \"x\"", 2, "\"bpf\""),
        ("[capture]\nredact = [1]", 2, "list of texts"),
        ("\n[[sink]]\nname = \"a\"", 2, "needs a `type`"),
        ("[sink]\ntype = \"stdout\"", 1, "[[sink]]"),
        ("[[sink]]\ntype = \"kafka\"", 2, "\"stdout\""),
        ("[[sink]]\ntype = \"file\"", 2, "needs a `path`"),
        ("[[sink]]\ntype = \"http\"", 2, "needs a `url`"),
        ("[[sink]]\ntype = \"http\"\nurl = \"https://a/\"", 3, "TLS"),
        (
            "[[sink]]\ntype = \"http\"\nurl = \"http://a b/\"",
            3,
            "http://",
        ),
        (
            "[[sink]]\ntype = \"http\"\nurl = \"http://a\\r\\nX: y/\"",
            3,
            "http://",
        ),
        (
            "[[sink]]\ntype = \"syslog\"\naddress = \"udp:a\"",
            3,
            "unixgram:",
        ),
        (
            "[[sink]]\ntype = \"stdout\"\nevents = [\"kill\"]",
            3,
            "oom_kill",
        ),
        ("[[sink]]\ntype = \"stdout\"\nname = \"a/b\"", 3, "letters"),
        (
            "[[sink]]\ntype = \"stdout\"\nmax_line_bytes = 10",
            3,
            "4096",
        ),
        (
            "[[sink]]\ntype = \"stdout\"\nname = \"a\"\n[[sink]]\ntype = \"stdout\"\nname = \"a\"",
            6,
            "another sink",
        ),
        ("[store\n", 1, ""),
        ("a = 1\na = 2", 2, "duplicate"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.what.contains(part), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn any_bracketed_text_is_read_or_refused(text in "[\\[\\]a-z.=\"'{}\n #0-9,_-]{0,80}") {
        let _ = parse(&text);
    }
}
