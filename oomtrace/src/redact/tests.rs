//! What is masked and what is not.

use proptest::prelude::*;

use super::*;

fn mask(args: &[&str]) -> String {
    let argv = args.join("\0");
    String::from_utf8(Redactor::default().mask(argv.as_bytes()))
        .unwrap()
        .replace('\0', "|")
}

#[test]
fn masks_secrets_and_keeps_the_structure() {
    for (args, expected) in [
        (
            &["db", "--password=hunter2", "-v"][..],
            "db|--password=***|-v",
        ),
        (
            &["db", "--password", "hunter2", "-v"],
            "db|--password|***|-v",
        ),
        (&["db", "--password=my pass phrase"], "db|--password=***"),
        (&["db", "--password", "-hunter2"], "db|--password|***"),
        (
            &["db", "--password", "--verbose"],
            "db|--password|--verbose",
        ),
        (&["db", "--password="], "db|--password="),
        (&["db", "--api-key", "k", "x"], "db|--api-key|***|x"),
        (
            &["env", "PGPASSWORD=hunter2", "psql"],
            "env|PGPASSWORD=***|psql",
        ),
        (
            &[
                "docker",
                "run",
                "-e",
                "DB_PASSWORD=a=b",
                "--env=TOKEN=c",
                "img",
            ],
            "docker|run|-e|DB_PASSWORD=***|--env=TOKEN=***|img",
        ),
        (
            &["java", "-Ddb.password=hunter2", "-Xmx128m", "-jar", "a.jar"],
            "java|-Ddb.password=***|-Xmx128m|-jar|a.jar",
        ),
        (&["mysql", "-phunter2", "-uroot"], "mysql|-p***|-uroot"),
        (&["/usr/bin/mysql", "-p", "db"], "/usr/bin/mysql|-p|db"),
        (&["sudo", "mysqldump", "-phunter2"], "sudo|mysqldump|-p***"),
        (
            &["sshpass", "-p", "hunter2", "ssh", "h"],
            "sshpass|-p|***|ssh|h",
        ),
        (&["redis-cli", "-a", "hunter2"], "redis-cli|-a|***"),
        (&["curl", "-u", "me:hunter2", "x"], "curl|-u|me:***|x"),
        (&["curl", "--user=me:hunter2"], "curl|--user=me:***"),
        (
            &["docker", "login", "-u", "me", "-p", "hunter2"],
            "docker|login|-u|me|-p|***",
        ),
        (
            &["curl", "-H", "Authorization: Bearer abc.def", "u"],
            "curl|-H|Authorization: Bearer ***|u",
        ),
        (
            &["curl", "-H", "authorization:Basic abc"],
            "curl|-H|authorization:Basic ***",
        ),
        (&["curl", "-HX-Api-Key:abc"], "curl|-HX-Api-Key:***"),
        (&["x", "Bearer abcdefgh"], "x|Bearer ***"),
        (
            &["psql", "postgres://u:hunter2@h:5432/db?x=1"],
            "psql|postgres://u:***@h:5432/db?x=1",
        ),
        (&["x", "http://u:p@ss@h/p"], "x|http://u:***@h/p"),
        (&["x", "amqp://u:pa/ss@h/v"], "x|amqp://u:***@h/v"),
        (
            &["x", "redis://:hunter2@h:6379/0"],
            "x|redis://:***@h:6379/0",
        ),
        (
            &["x", "jdbc:mysql://h/db?user=a&password=hunter2&ssl=1"],
            "x|jdbc:mysql://h/db?user=a&password=***&ssl=1",
        ),
        (
            &["x", "Server=h;Password=hunter2;Timeout=3"],
            "x|Server=h;Password=***;Timeout=3",
        ),
        (
            &["x", "host=h password=hunter2 port=1"],
            "x|host=h password=*** port=1",
        ),
        (
            &["helm", "--set", "a=1,auth.password=hunter2,b=2"],
            "helm|--set|a=1,auth.password=***,b=2",
        ),
        (
            &["x", r#"{"user":"a","password":"hun\"ter2","n":1}"#],
            r#"x|{"user":"a","password":"***","n":1}"#,
        ),
        (
            &["x", r#"{"pin":{"secret": 12345},"n":1}"#],
            r#"x|{"pin":{"secret": ***},"n":1}"#,
        ),
        (
            &[
                "sh",
                "-c",
                "export DB_PASSWORD='a b'; mysql -phunter2 --token t0ken db",
            ],
            "sh|-c|export DB_PASSWORD='***'; mysql -p*** --token *** db",
        ),
        (
            &["sh", "-c", "don't mysql -phunter2"],
            "sh|-c|don't mysql -p***",
        ),
        (&["x", "AKIAIOSFODNN7EXAMPLE"], "x|***"),
        (&["x", "--id=AKIAIOSFODNN7EXAMPLE,b"], "x|--id=***,b"),
        (&["x", "ghp_abcdefghijklmnopqrst0123456789"], "x|***"),
        (
            &[
                "x",
                "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
            ],
            "x|-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
        ),
        (
            &["openssl", "-passin", "pass:hunter2"],
            "openssl|-passin|***",
        ),
    ] {
        assert_eq!(mask(args), expected);
    }
}

#[test]
fn leaves_harmless_arguments_alone() {
    for args in [
        &[
            "java",
            "-Xmx128m",
            "-XX:MaxRAMPercentage=75.0",
            "-jar",
            "/srv/a.jar",
        ][..],
        &["x", "--tokenizer=fast", "--tokenizer", "fast"],
        &["x", "--secret-santa=bob", "--secret-santa", "bob"],
        &[
            "x",
            "--password-file=/run/secrets/db",
            "--token-file",
            "/run/t",
        ],
        &["x", "--no-password", "name"],
        &["docker", "login", "--password-stdin", "registry"],
        &["x", "--max-tokens=4096", "--max-tokens", "4096"],
        &[
            "docker",
            "run",
            "-p",
            "80:80",
            "-u",
            "1000:1000",
            "-v",
            "secret:/run/x",
        ],
        &["ssh", "-p", "22", "host"],
        &[
            "x",
            "http://h:8080/a@b",
            "http://[::1]:80/x",
            "https://h/p?a=b",
        ],
        &["x", "PWD=/root", "PATH=/bin:/usr/bin", "LANG=C"],
        &["x", "keyboard", "--key=/etc/tls.key", "token", "secret"],
        &["ffmpeg", "-pass", "1", "-i", "a.mkv"],
        &["x", "git@host:repo.git", "user@host"],
        &["python3", "-c", "import token; print(token.tok_name)"],
        &["x", "-p"],
        &["mysql", "-p", "--database=x"],
    ] {
        assert_eq!(mask(args), args.join("|"));
    }
}

#[test]
fn works_on_any_bytes() {
    let masked = Redactor::default().mask(b"\xff\xfe\0--password=\xff\xff\0\xff\0");
    assert_eq!(masked, b"\xff\xfe\0--password=***\0\xff\0");
}

#[test]
fn hostile_command_lines_take_no_long_time() {
    let started = std::time::Instant::now();
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
    ] {
        let argv = piece.repeat(4096 / piece.len());
        let masked = Redactor::default().mask_cut(argv.as_bytes(), true);
        assert!(masked.len() <= argv.len() * 3);
    }
    // Unoptimised and on a busy machine; a scan that is cubic would take minutes.
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
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
    fn arguments_keep_their_number_and_masking_twice_is_masking_once(
        pieces in prop::collection::vec(piece(), 0..24),
        cut in any::<bool>(),
    ) {
        let argv = pieces.concat();
        let redactor = Redactor::default();
        let once = redactor.mask_cut(&argv, cut);
        let nul = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == 0).count();
        prop_assert_eq!(nul(&argv), nul(&once));
        prop_assert_eq!(&redactor.mask_cut(&once, cut), &once);
    }

    #[test]
    fn the_value_of_a_secret_is_never_left(secret in "[!-~]{4,40}", other in "[a-z ]{0,20}") {
        // A value that is part of the text around it would be found there.
        prop_assume!(!secret.starts_with("--") && !"--password=|PGPASSWORD=|***".contains(&secret));
        for argv in [
            format!("x\0--password={secret}\0--{other}"),
            format!("x\0--password\0{secret}"),
            format!("x\0PGPASSWORD={secret}"),
        ] {
            let masked = Redactor::default().mask(argv.as_bytes());
            prop_assert!(
                memchr::memmem::find(&masked, secret.as_bytes()).is_none() || other.contains(&secret),
                "{:?}", String::from_utf8_lossy(&masked)
            );
        }
    }
}
