//! Logs that went through editors, web pages and terminals.

use super::*;

#[test]
fn utf16_html_and_newest_first() {
    let plain: Vec<String> = expected()
        .iter()
        .map(|line| format!("[    4.108107] {line}\r\n"))
        .collect();
    let mut wide = vec![0xff, 0xfe];
    wide.extend(plain.concat().encode_utf16().flat_map(u16::to_le_bytes));
    check("utf-16", &read(&wide), &stamped(Line::default()));

    let html: String = plain
        .iter()
        .map(|line| {
            format!(
                "<div>&nbsp;{}</div>\n",
                line.trim_end().replace('<', "&lt;")
            )
        })
        .collect();
    check("html", &read(html.as_bytes()), &stamped(Line::default()));

    let reversed: String = plain.iter().rev().map(String::as_str).collect();
    check(
        "reversed",
        &read(reversed.as_bytes()),
        &stamped(Line::default()),
    );
}

#[test]
fn lines_broken_at_80_columns() {
    for prefix in ["", "[    4.108107] "] {
        let lines = carried(|_, record| {
            record
                .split('\n')
                .map(|line| {
                    let whole = format!("{prefix}{line}");
                    whole
                        .as_bytes()
                        .chunks(80)
                        .map(|piece| String::from_utf8_lossy(piece).into_owned())
                        .collect::<Vec<_>>()
                        .join("\n")
                })
                .collect::<Vec<_>>()
                .join("\n")
        });
        // How many blanks stood where a line was broken is lost.
        let squeezed = |texts: Vec<String>| -> Vec<String> {
            texts
                .iter()
                .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        };
        assert_eq!(squeezed(texts(&lines)), squeezed(expected()), "{prefix}");
    }
}
