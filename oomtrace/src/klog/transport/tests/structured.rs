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
