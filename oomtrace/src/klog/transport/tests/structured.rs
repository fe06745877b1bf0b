//! JSON of many makers, and journald's export format.

use super::*;

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn json_of_journald() {
    let fields = |message: &str| {
        format!(
            "\"_TRANSPORT\":\"kernel\",\"_HOSTNAME\":\"db1\",\"__REALTIME_TIMESTAMP\":\"1716704260000000\",\
             \"_SOURCE_MONOTONIC_TIMESTAMP\":\"4108107\",\"SYSLOG_FACILITY\":\"0\",\"PRIORITY\":\"4\",\
             \"SYSLOG_IDENTIFIER\":\"kernel\",\"MESSAGE\":{message}"
        )
    };
    let wanted = Line {
        severity: Some(4),
        ..stamped(on_host())
    };
    let text = carried(|_, record| format!("{{{}}}", fields(&quoted(record))));
    check("text", &text, &wanted);
    let bytes = carried(|_, record| format!("{{{}}}", fields(&format!("{:?}", record.as_bytes()))));
    check("bytes", &bytes, &wanted);
    let pretty = carried(|_, record| {
        format!(
            "{{\n\t{}\n}}",
            fields(&quoted(record)).replace(",\"", ",\n\t\"")
        )
    });
    check("pretty", &pretty, &wanted);
}

#[test]
fn journalds_export_format() {
    let mut input = Vec::new();
    for record in REPORT {
        input.extend(b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1716704260000000\n_TRANSPORT=kernel\n");
        input.extend(b"_HOSTNAME=db1\n_SOURCE_MONOTONIC_TIMESTAMP=4108107\n");
        if record.contains('\n') {
            input.extend(b"MESSAGE\n");
            input.extend(u64::try_from(record.len()).unwrap().to_le_bytes());
        } else {
            input.extend(b"MESSAGE=");
        }
        input.extend(record.as_bytes());
        input.extend(b"\n\n");
    }
    check("export", &read(&input), &stamped(on_host()));
    // The last entry may lack its end.
    input.truncate(input.len() - 1);
    check("cut export", &read(&input), &stamped(on_host()));
}

#[test]
fn json_of_dmesg() {
    let mut input = "{\n   \"dmesg\": [\n      {\n".to_owned();
    for (number, record) in REPORT.iter().enumerate() {
        if number > 0 {
            input += "      },{\n";
        }
        let _ = write!(
            input,
            "         \"fac\": \"kern\",\n         \"pri\": \"warn\",\n         \"time\":     4.108107,\n         \"msg\": {}\n",
            quoted(record)
        );
    }
    input += "      }\n   ]\n}\n";
    let wanted = Line {
        severity: Some(4),
        ..stamped(kernel_said())
    };
    check("dmesg", &read(input.as_bytes()), &wanted);
    check(
        "numbers",
        &read(
            input
                .replace("\"fac\": \"kern\",", "")
                .replace("\"warn\"", "4")
                .as_bytes(),
        ),
        &Line {
            from_kernel: None,
            ..wanted
        },
    );
}

#[test]
fn json_of_containers_and_shippers() {
    let wanted = Line {
        realtime_ns: Some(REALTIME_NS),
        ..stamped(Line::default())
    };
    let each = |wrap: &dyn Fn(&str) -> String| {
        carried(|_, record| {
            record
                .split('\n')
                .map(|line| wrap(&format!("[    4.108107] {line}")))
                .collect::<Vec<_>>()
                .join("\n")
        })
    };
    let docker = |line: &str| {
        format!(
            "{{\"log\":{},\"stream\":\"stdout\",\"time\":\"2024-05-26T06:17:40Z\"}}",
            quoted(line)
        )
    };
    check(
        "docker",
        &each(&|line| docker(&format!("{line}\n"))),
        &wanted,
    );
    let halves = each(&|line| {
        let (first, second) = line.split_at(line.len() / 2);
        format!("{}\n{}", docker(first), docker(&format!("{second}\n")))
    });
    check("docker, cut", &halves, &wanted);
    let cri = each(&|line| {
        let (first, second) = line.split_at(line.len() / 2);
        let at = "2024-05-26T06:17:40Z stdout";
        format!("{at} P {first}\n{at} F {second}")
    });
    check("cri, cut", &cri, &wanted);
    let beat = each(&|line| {
        format!(
            "{{\"@timestamp\":\"2024-05-26T06:17:40.000Z\",\"host\":{{\"name\":\"db1\"}},\"message\":{}}}",
            quoted(&format!("May 26 06:17:40 db1 kernel: {line}"))
        )
    });
    check("filebeat", &beat, &stamped(on_host()));
}

/// A kill line, and the first line of its report.
const PAIR: [&str; 2] = [
    "web server invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=300",
    "Memory cgroup out of memory: Killed process 4821 (web server) total-vm:91340kB, anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:300",
];

/// Reads a text in which `{0}` and `{1}` stand for the two lines.
fn pair(form: &str) -> Vec<Line> {
    read(
        form.replace("{0}", PAIR[0])
            .replace("{1}", PAIR[1])
            .as_bytes(),
    )
}

#[test]
fn arrays_of_records_pretty_and_compact() {
    for form in [
        // gcloud logging read --format=json
        "[\n  {\n    \"jsonPayload\": {\n      \"MESSAGE\": \"{0}\",\n      \"_HOSTNAME\": \"n4\"\n    },\n    \"labels\": [ { \"a\": 1 } ],\n    \"timestamp\": \"2026-05-26T06:17:40.1Z\"\n  },\n  {\n    \"jsonPayload\": {\n      \"MESSAGE\": \"{1}\",\n      \"_HOSTNAME\": \"n4\"\n    },\n    \"timestamp\": \"2026-05-26T06:17:40.2Z\"\n  }\n]\n",
        "[{\"jsonPayload\":{\"MESSAGE\":\"{0}\",\"_HOSTNAME\":\"n4\"},\"timestamp\":\"2026-05-26T06:17:40.1Z\"},{\"jsonPayload\":{\"MESSAGE\":\"{1}\",\"_HOSTNAME\":\"n4\"},\"timestamp\":\"2026-05-26T06:17:40.2Z\"}]\n",
        // Loki's query API
        "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"result\":[{\"stream\":{\"host\":\"n4\",\"job\":\"kernel\"},\"values\":[[\"1779776260100000000\",\"{0}\"],[\"1779776260200000000\",\"{1}\"]]}],\"stats\":{}}}\n",
        // Elasticsearch
        "{\n \"hits\": {\n  \"hits\": [\n   { \"_source\": { \"message\": \"{0}\", \"host\": {\"name\":\"n4\"}, \"@timestamp\": \"2026-05-26T06:17:40.1Z\" } },\n   { \"_source\": { \"message\": \"{1}\", \"host\": {\"name\":\"n4\"}, \"@timestamp\": \"2026-05-26T06:17:40.2Z\" } }\n  ]\n }\n}\n",
    ] {
        let lines = pair(form);
        assert_eq!(texts(&lines), PAIR, "{form}");
        assert!(
            lines.iter().all(|line| line.host.as_deref() == Some(b"n4")),
            "{form}"
        );
    }
}

#[test]
fn events_of_kubernetes_as_json() {
    let lines = pair(
        "{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {\n            \"involvedObject\": {\n                \"kind\": \"Node\",\n                \"name\": \"n4\"\n            },\n            \"lastTimestamp\": \"2026-05-26T06:17:40Z\",\n            \"message\": \"{1}\",\n            \"metadata\": {\n                \"managedFields\": [\n                    {\n                        \"manager\": \"npd\"\n                    }\n                ]\n            },\n            \"reason\": \"OOMKilling\",\n            \"source\": {\n                \"component\": \"kernel-monitor\",\n                \"host\": \"n4\"\n            }\n        }\n    ],\n    \"kind\": \"List\"\n}\n",
    );
    assert_eq!(texts(&lines), PAIR[1..]);
    assert_eq!(lines[0].relayed_by.as_deref(), Some("kernel-monitor"));
    assert_eq!(lines[0].host.as_deref(), Some(&b"n4"[..]));
    assert_eq!(lines[0].realtime_ns, Some(1_779_776_260_000_000_000));
}

#[test]
fn the_verbose_form_of_the_journal() {
    let lines = pair(
        "Tue 2026-05-26 06:17:40.100000 UTC [s=0a;i=1a2;b=5f1c9a2e0123456789abcdef01234567;m=4ba1;t=61f;x=1]\n    _TRANSPORT=kernel\n    SYSLOG_IDENTIFIER=kernel\n    MESSAGE={0}\n    _HOSTNAME=n4\nTue 2026-05-26 06:17:40.200000 UTC [s=0a;i=1a3;b=5f1c9a2e0123456789abcdef01234567;m=4ba2;t=620;x=2]\n    _TRANSPORT=kernel\n    MESSAGE={1}\n    _HOSTNAME=n4\nTue 2026-05-26 06:17:41.200000 UTC [s=0a;i=1a4;b=5f1c9a2e0123456789abcdef01234567;m=4ba3;t=621;x=2]\n    _TRANSPORT=stdout\n    MESSAGE={1}\n    _HOSTNAME=n4\n",
    );
    assert_eq!(texts(&lines), PAIR);
    assert!(lines.iter().all(|line| line.from_kernel == Some(true)));
    assert_eq!(lines[1].host.as_deref(), Some(&b"n4"[..]));
}

#[test]
fn no_facility_severity_or_time_is_a_host() {
    for (form, host) in [
        // OpenWrt's and busybox's logread
        (
            "Sun May 24 06:17:40 2026 kern.warn kernel: [  81.000001] {0}\nSun May 24 06:17:40 2026 kern.err kernel: [  81.000002] {1}\n",
            None,
        ),
        (
            "May 24 06:17:40 kern.warn kernel: [  81.000001] {0}\nMay 24 06:17:40 kern.err kernel: [  81.000002] {1}\n",
            None,
        ),
        (
            "Sun May 24 06:17:40 2026 [1779603460.123] kern.warn kernel: [  81.000001] {0}\nSun May 24 06:17:40 2026 [1779603460.124] kern.err kernel: [  81.000002] {1}\n",
            None,
        ),
        (
            "20/05/26 06:17 kernel: {0}\n20/05/26 06:17 kernel: {1}\n",
            None,
        ),
        // journalctl -o short-monotonic --no-hostname
        (
            "[   81.000001] kernel: {0}\n[   81.000002] kernel: {1}\n",
            None,
        ),
        // A severity before the tag
        (
            "May 24 06:17:40 n4 warning kernel: {0}\nMay 24 06:17:40 n4 err kernel: {1}\n",
            Some("n4"),
        ),
        (
            "May 24 06:17:40 n4 [kern.warning] kernel: {0}\nMay 24 06:17:40 n4 [kern.err] kernel: {1}\n",
            Some("n4"),
        ),
        (
            "May 24 06:17:40 n4 kern WARNING kernel: {0}\nMay 24 06:17:40 n4 kern ERR kernel: {1}\n",
            Some("n4"),
        ),
        // aws logs tail: a stream's name before a whole line of syslog
        (
            "2026-05-24T06:17:40.123000+00:00 i-0abc123 May 24 06:17:40 n4 kernel: [   81.000001] {0}\n2026-05-24T06:17:40.123000+00:00 i-0abc123 May 24 06:17:40 n4 kernel: [   81.000002] {1}\n",
            Some("n4"),
        ),
        // Kernels of phones
        (
            "[   81.000001]  (2)[123:kworker/2:1]{0}\n[   81.000002]  (2)[123:kworker/2:1]{1}\n",
            None,
        ),
        (
            "<4>[   81.000001] [2:     kworker/2:1:  123] {0}\n<3>[   81.000002] [2:     kworker/2:1:  123] {1}\n",
            None,
        ),
        // Records run together
        ("[   81.000001] {0} [   81.000002] {1}\n", None),
        ("[   81.000001] {0}[   81.000002] {1}", None),
        // Tables
        (
            "\"_time\",host,\"_raw\"\n\"2026-05-24T06:17:40.000Z\",n4,\"{0}\"\n\"2026-05-24T06:17:40.001Z\",n4,\"{1}\"\n",
            Some("n4"),
        ),
        (
            "@timestamp,message\n\"May 24, 2026 @ 06:17:40.123\",\"[   81.000001] {0}\"\n\"May 24, 2026 @ 06:17:40.123\",\"[   81.000002] {1}\"\n",
            None,
        ),
        // Ansible
        (
            "        \"[   81.000001] {0}\",\n        \"[   81.000002] {1}\"\n    ]\n}\n",
            None,
        ),
        // EC2's console output
        (
            "{\n    \"InstanceId\": \"i-0\",\n    \"Output\": \"[   81.000001] {0}\\r\\n[   81.000002] {1}\\r\\n\",\n    \"Timestamp\": \"2026-05-24T06:17:40.000Z\"\n}\n",
            None,
        ),
    ] {
        let lines = pair(form);
        assert_eq!(texts(&lines), PAIR, "{form}");
        for line in &lines {
            assert_eq!(line.host.as_deref(), host.map(str::as_bytes), "{form}");
            assert_ne!(line.from_kernel, Some(false), "{form}");
        }
    }
}

#[test]
fn a_name_like_a_tag_stays_a_name() {
    let first = "kernel: x) y invoked oom-killer: gfp_mask=0xcc0, order=0, oom_score_adj=0";
    let log = format!("[   80.000001] something else\n[   81.000001] {first}\n");
    assert_eq!(texts(&read(log.as_bytes()))[1], first);
}

/// Splunk and Kibana put a whole report into one quoted field.
#[test]
fn a_quoted_field_with_line_ends_is_one_row() {
    let report = expected().join("\n").replace('"', "\"\"");
    let input = format!(
        "\"message\",\"@timestamp\",\"host.name\"\n\
         \"said \"\"a, b\"\":\n{report}\n\",\"2024-05-26T06:17:40.000Z\",web4\n\
         \"usb 1-1: new device\",\"2024-05-26T06:18:40.000Z\",web4\n"
    );
    let lines = read(input.as_bytes());
    let texts = texts(&lines);
    for wanted in expected() {
        assert!(texts.contains(&wanted), "{wanted}: {texts:#?}");
    }
    assert!(
        lines
            .iter()
            .all(|line| line.host.as_deref() == Some(b"web4"))
    );

    // What opens a quotation mark and never closes it is no row.
    let input = format!(
        "host,message\nh,\"never closed\n{}\n",
        expected().join("\n")
    );
    let texts = self::texts(&read(input.as_bytes()));
    assert_eq!(texts.last(), expected().last());
}

/// An export of a whole day on one line: most of it is not read.
#[test]
fn a_huge_array_on_one_line_is_read() {
    let record = |text: &str| {
        let text = quoted(text);
        format!("{{\"timestamp\":\"2024-05-26T06:17:40Z\",\"host\":\"web4\",\"message\":{text}}}")
    };
    let noise: Vec<String> = (0..12_000)
        .map(|number| {
            record(&format!(
                "usb 1-{number}: new high-speed device, nothing of note"
            ))
        })
        .collect();
    let noise = noise.join(",");
    let report: Vec<String> = expected().iter().map(|line| record(line)).collect();
    let report = report.join(",");
    let whole = [noise.as_str(), &report, &noise].join(",");
    assert!(noise.len() > 1 << 20);
    for input in [format!("[{whole}]"), format!("[{report},{whole}]\n")] {
        for step in [4096, input.len()] {
            let lines = read_with(TransportSettings::default(), input.as_bytes(), step);
            let texts = texts(&lines);
            for wanted in expected() {
                assert!(texts.contains(&wanted), "{wanted}");
            }
            assert!(
                lines
                    .iter()
                    .all(|line| line.host.as_deref() == Some(b"web4"))
            );
        }
    }
}
