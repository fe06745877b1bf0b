//! What a value looks like: a secret, or something that merely follows a secret's name.

/// Bytes of a value that are looked at to judge it.
pub(super) const JUDGED_BYTES_MAX: usize = 256;

/// Values that no secret has: switches, methods, places to read the secret from.
#[rustfmt::skip]
const PLAIN: &[&str] = &[
    "-", "*", "any", "app", "application", "auto", "basic", "bearer", "default", "digest",
    "disabled", "enabled", "env", "false", "gssapi", "ident", "jwt", "kerberos", "latest", "ldap",
    "login", "main", "md5", "mtls", "negotiate", "never", "no", "none", "ntlm", "null", "oauth",
    "oauth2", "off", "oidc", "on", "optional", "pam", "peer", "plain", "prompt", "reject",
    "required", "ro", "rw", "saml", "scram-sha-1", "scram-sha-256", "scram-sha-512", "simple",
    "sha256", "sha512", "stdin", "strict", "tls", "token", "true", "trust", "unset", "yes", "z",
];

const SWITCH: &[&str] = &["false", "no", "none", "null", "off", "on", "true", "yes"];

/// Endings of file names in which secrets are kept.
#[rustfmt::skip]
const FILE_ENDINGS: &[&str] = &[
    ".cer", ".conf", ".crt", ".csv", ".der", ".env", ".gpg", ".ini", ".jks", ".json", ".key",
    ".keytab", ".p12", ".pem", ".pfx", ".properties", ".pub", ".py", ".sh", ".toml", ".txt", ".xml",
    ".yaml", ".yml",
];

/// Beginnings of a reference to a secret that is kept elsewhere.
#[rustfmt::skip]
const REFERENCES: &[&str] = &[
    "arn:", "awskms:", "azurekms:", "env:", "fd:", "id=", "name=", "sha256:", "sha512:", "source=",
    "src=", "type=", "file:", "gcpkms:", "http://", "https://", "kms:", "keychain:", "keyring:",
    "op://", "pkcs11:", "projects/", "ref+", "secretsmanager:", "sm://", "ssm:", "unix:", "urn:",
    "vault:",
];

fn is_one_of(value: &[u8], list: &[&str]) -> bool {
    list.iter()
        .any(|known| value.eq_ignore_ascii_case(known.as_bytes()))
}

pub(super) fn is_plain_word(value: &[u8]) -> bool {
    is_one_of(value, PLAIN)
}

pub(super) fn is_plain(value: &[u8]) -> bool {
    is_one_of(value, PLAIN) || is_version(value)
}

pub(super) fn is_switch(value: &[u8]) -> bool {
    is_one_of(value, SWITCH)
}

pub(super) fn is_number(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-'))
}

/// `8080`, `v1.2.3`, `17-alpine`.
fn is_version(value: &[u8]) -> bool {
    if value.len() > 5 && value.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let value = value.strip_prefix(b"v").unwrap_or(value);
    let digits = value
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
        .count();
    let rest = value.get(digits..).unwrap_or_default();
    digits > 0
        && (rest.is_empty()
            || (value.contains(&b'.') || rest.starts_with(b"-"))
                && rest.len() <= 12
                && rest
                    .iter()
                    .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'.')))
}

/// The value of a variable, which is not here: `$NAME`, `${NAME}`, `$(NAME)`, `%NAME%`, `{{ name }}`.
pub(super) fn is_variable(value: &[u8]) -> bool {
    let name = |name: &[u8]| {
        !name.is_empty()
            && name
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b' '))
    };
    let between = |open: &[u8], close: &[u8]| {
        value
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
            .is_some_and(name)
    };
    between(b"${", b"}")
        || between(b"$(", b")")
        || between(b"%", b"%")
        || between(b"{{", b"}}")
        || value.strip_prefix(b"$").is_some_and(|rest| {
            rest.first()
                .is_some_and(|b| b.is_ascii_uppercase() || *b == b'_')
                && rest
                    .iter()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
        })
}

/// A path, a file's name, or a reference to where the secret is kept.
pub(super) fn is_place(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    if REFERENCES
        .iter()
        .any(|start| lower.starts_with(start.as_bytes()))
    {
        return true;
    }
    let value = value.strip_prefix(b"@").unwrap_or(value);
    let relative = [&b"./"[..], b"../", b"~/"]
        .iter()
        .find_map(|start| value.strip_prefix(*start));
    let windows = value
        .get(1..3)
        .is_some_and(|rest| matches!(rest, b":\\" | b":/"));
    let path = value
        .strip_prefix(b"/")
        .or(relative)
        .or(windows.then_some(value));
    if let Some(path) = path {
        let parts = path.split(|byte| matches!(byte, b'/' | b'\\'));
        return path
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b" _-./\\:,%$@{}*".contains(b))
            && parts.clone().any(|part| !part.is_empty())
            && !parts.clone().any(is_mixed);
    }
    let word = |b: &u8| b.is_ascii_alphanumeric() || b"_-./".contains(b);
    FILE_ENDINGS
        .iter()
        .any(|end| lower.ends_with(end.as_bytes()))
        && value.iter().all(word)
}

/// Capitals, small letters and digits in disorder, as encoders make them and people do not.
fn is_mixed(value: &[u8]) -> bool {
    let count = |is: fn(&u8) -> bool| value.iter().filter(|byte| is(byte)).count();
    value.len() >= 14
        && count(u8::is_ascii_uppercase) > 1
        && count(u8::is_ascii_lowercase) > 1
        && count(u8::is_ascii_digit) > 1
        && !value.contains(&b'.')
}

/// Whether `value` looks made by a machine to be guessed by nobody: at least 16 characters of a
/// usual encoding, letters and digits in disorder.
pub(super) fn is_opaque(value: &[u8]) -> bool {
    let usual = |b: &u8| b.is_ascii_alphanumeric() || b"_-+/=.~%".contains(b);
    if value.len() < 16 || !value.iter().all(usual) || is_place(value) {
        return false;
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .count();
    let upper = value
        .iter()
        .filter(|byte| byte.is_ascii_uppercase())
        .count();
    let changes = value
        .windows(2)
        .filter(|pair| match pair {
            [a, b] => {
                a.is_ascii_digit() != b.is_ascii_digit()
                    && b.is_ascii_alphanumeric()
                    && a.is_ascii_alphanumeric()
            }
            _ => false,
        })
        .count();
    (digits >= 2 && letters >= 2 && changes >= 3)
        || (digits >= 1 && upper >= 3 && letters > upper + 2 && changes >= 2)
}
