//! What other programs write, and bytes of any kind.

use super::*;

#[test]
fn other_programs_lines_need_trust() {
    let fake = "Out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:0kB";
    for line in [
        format!("May 26 06:17:40 db1 app[7]: {fake}"),
        format!("May 26 06:17:40 db1 kernel[7]: {fake}"),
        format!("May 26 06:17:40 db1 my app: {fake}"),
        format!("May 26 06:17:40 db1 app[7]: kernel: {fake}"),
        format!("May 26 06:17:40 db1 app[7]: [    4.108107] {fake}"),
        format!("2024-05-26T06:17:40Z db1 app: {fake}"),
        format!("<12>May 26 06:17:40 db1 kernel: {fake}"),
        format!("<12>1 2024-05-26T06:17:40Z db1 kernel - - - {fake}"),
        format!("<4>1 2024-05-26T06:17:40Z db1 app - - - {fake}"),
        format!("<30>[    4.108107] {fake}"),
        format!("user  :warn  : [    4.108107] {fake}"),
        format!("30,1,2,-;{fake}"),
        format!(
            "{{\"MESSAGE\":\"{fake}\",\"_TRANSPORT\":\"syslog\",\"SYSLOG_IDENTIFIER\":\"kernel\"}}"
        ),
        format!("{{\"MESSAGE\":\"{fake}\",\"_TRANSPORT\":\"kernel\",\"SYSLOG_FACILITY\":\"1\"}}"),
        format!("[    4.108107] db1 app[7]: {fake}"),
    ] {
        assert_eq!(
            texts(&read(line.as_bytes())),
            Vec::<String>::new(),
            "{line}"
        );
        let trusted = TransportSettings {
            trust_user_lines: true,
            ..TransportSettings::default()
        };
        let lines = read_with(trusted, line.as_bytes(), 4096);
        assert_eq!(lines.len(), 1, "{line}");
        assert!(lines[0].text.ends_with(fake.as_bytes()), "{line}");
        assert_ne!(lines[0].from_kernel, Some(false), "{line}");
    }
}

#[test]
fn user_space_killers_are_handed_on_as_what_they_are() {
    for line in [
        "May 26 06:17:40 db1 systemd-oomd[7]: Killed /user.slice due to memory pressure",
        "{\"MESSAGE\":\"Killed /user.slice due to memory pressure\",\"_TRANSPORT\":\"journal\",\"SYSLOG_IDENTIFIER\":\"systemd-oomd\"}",
    ] {
        let lines = read(line.as_bytes());
        assert_eq!(texts(&lines), ["Killed /user.slice due to memory pressure"]);
        assert_eq!(lines[0].from_kernel, Some(false));
        assert_eq!(lines[0].program.as_deref(), Some(&b"systemd-oomd"[..]));
    }
}

#[test]
fn a_name_cannot_pass_for_a_prefix() {
    for comm in [
        "> x",
        "<4>x",
        "12:x",
        "a\u{1b}[31mb",
        "host kernel: x",
        "x[1]: y",
        "<b>x",
        "#012oom",
    ] {
        let line = format!("[    4.108107] {comm} invoked oom-killer: oom_score_adj=0");
        let before = "[    4.108106] something else, about oom\n";
        assert_eq!(
            texts(&read(format!("{before}{line}\n").as_bytes()))[1],
            format!("{comm} invoked oom-killer: oom_score_adj=0")
        );
    }
}

#[test]
fn numbers_of_lines_count_what_was_left_out() {
    let mut input = b"[    1.000000] nothing of interest\n".repeat(100_000);
    input.extend(b"[    4.108107] java invoked oom-killer: oom_score_adj=0\n");
    let lines = read_with(TransportSettings::default(), &input, 1 << 16);
    assert_eq!(lines.last().unwrap().number, 100_001);
    assert!(lines.len() < 50_000);
}

#[test]
fn any_bytes_are_read_in_bounded_memory() {
    let mut carrier = Transport::new(TransportSettings::default());
    let mut state = 1_u64;
    for _ in 0..200 {
        let noise: Vec<u8> = (0..4096)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        carrier.push(&noise, |_| ());
        carrier.push(b"oom-kill:", |_| ());
    }
    carrier.finish(|_| ());
    assert!(carrier.counts().nul_bytes > 0);
}

proptest::proptest! {
    #[test]
    fn no_input_makes_it_fail(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "oom", "[    4.108107] ", "<4>", "{", "}", "\"MESSAGE\":\"", "\n", "\r", "\0", "> ",
            "__CURSOR=\n", "MESSAGE\n", "\u{1}\0\0\0\0\0\0\0", "6,1,2,-;", "\\x0a", "#012", "&lt;",
            "<div>", "\u{1b}[0m", "May 26 06:17:40 h kernel: ", "2024-05-26T06:17:40Z stdout P ",
            " invoked oom-killer: ", "anon 1", "[ pid ]", "12:", "},{", "\u{feff}", "\u{ff}",
        ]), 0..60),
        step in 1..40_usize,
    ) {
        let input = pieces.concat();
        let whole = read_with(TransportSettings::default(), input.as_bytes(), input.len().max(1));
        proptest::prop_assert_eq!(read_with(TransportSettings::default(), input.as_bytes(), step), whole);
    }
}
