//! What is undone, and what must stay as it is.

use super::*;

fn clean(lines: &[&str]) -> Vec<String> {
    let mut paste = Paste::default();
    lines
        .iter()
        .map(|line| {
            let line = paste.clean(line.as_bytes(), |text| {
                text.starts_with(b"[ ") || text.starts_with(b"Jun ")
            });
            String::from_utf8_lossy(&line).into_owned()
        })
        .collect()
}

#[test]
fn colours_of_dmesg_and_grep() {
    assert_eq!(
        clean(&[
            "\x1b[32m[ 1.000000] \x1b[0m\x1b[33mjava: \x1b[0mx",
            "Jun 1: \x1b[1mx\x1b[0m"
        ]),
        ["[ 1.000000] java: x", "Jun 1: x"]
    );
    let named = "\u{1b}[31mjava invoked oom-killer";
    assert_eq!(
        clean(&["Killed process 1 (a\x1b[31mb) total-vm:1kB", named])[0],
        "Killed process 1 (a\x1b[31mb) total-vm:1kB"
    );
}

#[test]
fn mark_up() {
    assert_eq!(
        clean(&[
            "<div>&nbsp; java invoked oom-killer: order=0</div>",
            "a &lt;TASK&gt; &amp;lt; <i>b</i>",
        ]),
        ["  java invoked oom-killer: order=0", "a <TASK> &lt; b"]
    );
    for plain in [
        "<TASK>",
        "<4>[ 1.0] x",
        "a &lt; b",
        "<b> invoked oom-killer: order=0",
    ] {
        assert_eq!(clean(&[plain]), [plain]);
    }
}

#[test]
fn unbreakable_blanks() {
    assert_eq!(
        clean(&["[\u{a0}\u{a0} pid\u{a0} ]\u{a0} uid", "a\u{a0}b"]),
        ["[   pid  ]  uid", "a\u{a0}b"]
    );
}

#[test]
fn quotation_marks() {
    assert_eq!(
        clean(&["> > Hello", "> > java invoked", "plain", "> [ 1.000000] x"]),
        ["Hello", "java invoked", "plain", "[ 1.000000] x"]
    );
    assert_eq!(
        clean(&["plain", "> x invoked oom-killer"])[1],
        "> x invoked oom-killer"
    );
}

#[test]
fn line_numbers() {
    assert_eq!(
        clean(&[
            "12:[ 1.000000] a",
            "13-[ 1.000000] b",
            "14-java invoked",
            "531 invoked oom"
        ]),
        [
            "[ 1.000000] a",
            "[ 1.000000] b",
            "java invoked",
            "531 invoked oom"
        ]
    );
    assert_eq!(
        clean(&["  7 [ 1.000000] a", "  8 java", "    9\tb"]),
        ["[ 1.000000] a", "java", "b"]
    );
    assert_eq!(clean(&["var/log/messages-1:7:Jun x"]), ["Jun x"]);
    assert_eq!(clean(&["dmesg.log:[ 1.0] x"]), ["[ 1.0] x"]);
}

#[test]
fn marks_of_pagers() {
    assert_eq!(clean(&["[ 1.000000] a   [7/972]"]), ["[ 1.000000] a   "]);
    assert_eq!(
        clean(&["Killed process 1 (x[1/2]"]),
        ["Killed process 1 (x[1/2]"]
    );
}
