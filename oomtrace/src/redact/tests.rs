//! What is masked and what is not.

use proptest::prelude::*;

use super::page::{cases, fault, page};
use super::redactor::ROUNDS_MAX;
use super::table::CLIENTS;
use super::*;
use crate::model::MaskRule;

fn masked(argv: &[u8]) -> Vec<u8> {
    Redactor::default().mask(argv, false).argv
}

#[test]
fn every_line_of_the_table_is_masked_right() {
    let cases = cases();
    let secrets = cases.iter().filter(|case| !case.secrets.is_empty()).count();
    assert!(
        secrets >= 200 && cases.len() - secrets >= 100,
        "{secrets} of {}",
        cases.len()
    );
    let faults: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(format!("{}\n    {}", case.text, fault(case)?)))
        .collect();
    assert!(
        faults.is_empty(),
        "{} wrong:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn the_page_says_what_the_tests_found() {
    let page = page();
    assert!(page.contains("Leaked: 0 of "), "{page}");
    assert!(page.contains("Masked for nothing: 0 of "), "{page}");
}

#[test]
fn works_on_any_bytes() {
    let masked = masked(b"\xff\xfe\0--password=\xff\xff\0\xff\0");
    assert_eq!(masked, b"\xff\xfe\0--password=***\0\xff\0");
}

#[test]
fn the_work_grows_with_the_length_alone() {
    const ROUND_MAX: usize = 80;
    for piece in [
        "password=",
        ",password=",
        " password='",
        "\"password\":\"",
        "x://u:",
        "://",
        "AKIA",
        "'",
        "\\",
        "Bearer ",
        "a-",
        "-p ",
        "mysql ",
        "Authorization:",
        "--token ",
        ":",
        "=",
        "PRIVATE KEY-----",
        "token:/",
        "token=/",
        "token='/\\'",
        "https://hooks.x/",
        "&sig=",
        "?s=",
        "$",
        "a@tcp(",
        "<token>/",
        "token = /",
        "password: ",
    ] {
        let argv = piece.repeat(32_768 / piece.len());
        work::take();
        let masked = Redactor::default().mask(argv.as_bytes(), true).argv;
        let looked_at = work::take();
        assert!(
            looked_at <= argv.len() * ROUND_MAX * ROUNDS_MAX,
            "{piece:?}: {looked_at}"
        );
        assert!(masked.len() <= argv.len() * 3);
    }
}

#[test]
fn every_row_of_programs_hides_its_options() {
    for client in CLIENTS {
        assert!(client.secrets.split(' ').count() <= 16, "{}", client.names);
        for program in client.names.split(' ') {
            for option in client
                .secrets
                .split(' ')
                .filter(|entry| entry.starts_with('-') && !entry.contains('>'))
            {
                let (option, value) = match option.trim_end_matches('!') {
                    name if name.ends_with([':', '%', ',']) => (
                        &name[..name.len() - 1],
                        format!("me{}Hunter2x", &name[name.len() - 1..]),
                    ),
                    name => (name, "Hunter2x".to_owned()),
                };
                let attached = if (option.len() == 2 && client.takes.is_some())
                    || client.secrets.contains(&format!("{option}!"))
                {
                    ""
                } else {
                    "="
                };
                let line = masked(format!("{program}\0{option}{attached}{value}").as_bytes());
                let line = String::from_utf8(line).unwrap();
                assert!(!line.contains("Hunter2x"), "{line:?}");
                if !client.secrets.contains(&format!("{option}!")) {
                    let line = String::from_utf8(masked(
                        format!("{program}\0{option}\0{value}").as_bytes(),
                    ))
                    .unwrap();
                    assert!(!line.contains("Hunter2x"), "{line:?}");
                }
            }
        }
    }
}

#[test]
fn the_program_alone_is_shown_if_asked() {
    let redactor = Redactor::default().program_only(true);
    let masked = redactor.mask(b"/usr/bin/java\0-Xmx1g\0x", false);
    assert_eq!(masked.argv, b"/usr/bin/java");
    assert_eq!(masked.rules, [MaskRule::NoCmdline].into());
    assert_eq!(
        redactor.mask(b"postgres: me db\0", false).argv,
        b"postgres:"
    );
    assert_eq!(redactor.mask(b"java\0", false).rules, [].into());
}

#[test]
fn the_rules_that_masked_are_named() {
    let rules = |argv: &[u8]| {
        Redactor::default()
            .mask(argv, false)
            .rules
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(b"db\0--password\0hunter2"), [MaskRule::Name]);
    assert_eq!(rules(b"mysql\0-phunter2"), [MaskRule::Client]);
    assert_eq!(rules(b"x\0http://u:hunter2@h/"), [MaskRule::Url]);
    assert_eq!(rules(b"x\0-v"), []);
    assert_eq!(
        MaskRule::from_bits(MaskRule::to_bits(&MaskRule::ALL)),
        MaskRule::ALL
    );
}

/// Pieces of which command lines with secrets are made.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            &b"--password"[..],
            b"=",
            b":",
            b"://",
            b"@",
            b"/",
            b"\0",
            b" ",
            b"\"",
            b"'",
            b"\\",
            b"&",
            b",",
            b";",
            b"mysql",
            b"-p",
            b"curl",
            b"-u",
            b"docker",
            b"login",
            b"Authorization: ",
            b"Bearer ",
            b"token",
            b"AKIAIOSFODNN7EXAMPLE",
            b"-----BEGIN PRIVATE KEY-----",
            b"-----END",
            b"***",
            b"-D",
            b"PWD",
            b"{",
            b"}",
        ])
        .prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..8),
    ]
}

proptest! {
    #[test]
    fn masking_keeps_the_count_and_is_idempotent(
        pieces in prop::collection::vec(piece(), 0..24),
        cut in any::<bool>(),
    ) {
        let argv = pieces.concat();
        let redactor = Redactor::default();
        let once = redactor.mask(&argv, cut).argv;
        let nul = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == 0).count();
        prop_assert_eq!(nul(&argv), nul(&once));
        prop_assert_eq!(&redactor.mask(&once, cut).argv, &once);
    }

    #[test]
    fn the_value_of_a_secret_is_never_left(secret in "[!-~]{4,40}", other in "[a-z ]{0,20}") {
        // A value that is part of the text around it would be found there.
        // A variable holds no secret itself.
        prop_assume!(!secret.starts_with(['$', '%', '{']));
        prop_assume!(!secret.starts_with("--") && !"--password=|PGPASSWORD=|***".contains(&secret));
        for argv in [
            format!("x\0--password={secret}\0--{other}"),
            format!("x\0--password\0{secret}"),
            format!("x\0PGPASSWORD={secret}"),
        ] {
            let masked = masked(argv.as_bytes());
            prop_assert!(
                memchr::memmem::find(&masked, secret.as_bytes()).is_none() || other.contains(&secret),
                "{:?}", String::from_utf8_lossy(&masked)
            );
        }
    }
}
