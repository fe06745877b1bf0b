//! Which names are names of secrets. Pure, driven by the lists below.
//!
//! A name is split into words (`db.userPassword` is db, user, password) so that `--token` is a
//! secret and `--tokenizer` is not. Where a name holds a secret's word and an unknown one, it is
//! taken for a secret: a harmless value that is masked costs less than a password in a log.

use super::value::{
    is_number, is_opaque, is_place, is_plain, is_plain_word, is_switch, is_variable,
};
use super::words::{
    ABOUT, CODE_OWNERS, ID_OWNERS, KEY_OWNERS, OPEN_KEYS, PASSWORD_WORDS, SECRET_ENDINGS,
    SECRET_WORDS, SWITCHES, TEXT_TOKENS, WEAK_WORDS,
};

/// What a name promises about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameClass {
    /// The value is no secret.
    Innocent,
    /// The value is a secret whatever it looks like.
    Password,
    /// The value is a secret unless it is a place (a path, a URL, an ARN) or a switch.
    Secret,
    /// As [`NameClass::Secret`], but a method, a version or a short number is none either.
    Weak,
    /// The value is a secret if it looks made by a machine.
    Opaque,
    /// The value is a secret unless it is a path (`PWD` is a directory to a shell).
    UnlessPath,
    /// The value is a secret unless it is a number (`--tokens 4096`, ffmpeg's `-pass 1`).
    UnlessNumber,
}

impl NameClass {
    /// Whether `value` is a secret under a name of this class.
    pub(super) fn hides(self, value: &[u8]) -> bool {
        let value = unquoted(value);
        if self == Self::Innocent || value.is_empty() || is_variable(value) || is_switch(value) {
            return false;
        }
        match self {
            Self::Innocent => false,
            Self::Password => !value.starts_with(b"env:") && !value.starts_with(b"file:"),
            Self::Secret => {
                !(is_place(value) || is_plain_word(value) || (is_number(value) && value.len() < 4))
            }
            Self::Weak => {
                !(is_place(value) || is_plain(value) || (is_number(value) && value.len() < 4))
            }
            Self::Opaque => is_opaque(value),
            Self::UnlessPath => {
                !value.starts_with(b"/") && !value.starts_with(b"~") && value != b"."
            }
            Self::UnlessNumber => !is_number(value) && !is_place(value),
        }
    }
}

/// `value` without a pair of quotes around it.
fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        _ => value,
    }
}

/// Bytes of a name that are looked at, from its end.
const NAME_BYTES_MAX: usize = 128;

/// Classifies a name: leading dashes, a slash, and a leading `-D` (Java system property) do not
/// matter.
pub(super) fn classify(name: &[u8]) -> NameClass {
    let name = name
        .get(name.len().saturating_sub(NAME_BYTES_MAX)..)
        .unwrap_or_default();
    let name = match name.strip_prefix(b"-D") {
        Some(property) => property,
        None => strip_dashes(name),
    };
    let words = words(name);
    if !STEMS.iter().any(|stem| words.contains(stem)) {
        return NameClass::Innocent;
    }
    let words: Vec<&str> = words.split(' ').collect();
    // `token2`, `password_1`: a number at the end counts.
    let counted = words
        .last()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let words = if counted {
        words.get(..words.len() - 1).unwrap_or_default()
    } else {
        &words
    };
    let Some((last, before)) = words.split_last() else {
        return NameClass::Innocent;
    };
    let first = words.first().copied().unwrap_or_default();
    let is_switch = SWITCHES.contains(&first) && !before.is_empty();
    if !before.is_empty() && (is_switch || ABOUT.contains(last)) {
        return NameClass::Innocent;
    }
    let of_text = |word: &&str| {
        word.starts_with("token") && words.iter().any(|word| TEXT_TOKENS.contains(word))
    };
    if words.iter().any(of_text) && !words.contains(&"auth") && !words.contains(&"access") {
        return NameClass::Innocent;
    }
    if words.iter().any(|word| is_password_word(word)) {
        // The bare name is a shell's working directory.
        return match *last {
            "pwd" | "oldpwd" => NameClass::UnlessPath,
            _ => NameClass::Password,
        };
    }
    if words.iter().any(|word| is_secret_word(word))
        || pair(words, "key", KEY_OWNERS)
        || pair(words, "keys", KEY_OWNERS)
        || pair(words, "id", ID_OWNERS)
        || pair(words, "sid", &["connect"])
        || pair(words, "code", CODE_OWNERS)
    {
        return NameClass::Secret;
    }
    match *last {
        "pass" | "tokens" => NameClass::UnlessNumber,
        word if word.ends_with("pwd") => NameClass::UnlessPath,
        word if word.ends_with("pass")
            && PASS_OWNERS
                .iter()
                .any(|owner| word.strip_suffix("pass") == Some(owner)) =>
        {
            NameClass::Password
        }
        word if WEAK_WORDS.contains(&word) => NameClass::Weak,
        "key" | "keys" | "session" | "sig" | "signature"
            if !before.iter().any(|word| OPEN_KEYS.contains(word)) =>
        {
            NameClass::Opaque
        }
        _ => NameClass::Innocent,
    }
}

/// One of these is in every name of a secret; a test holds them against the lists.
#[rustfmt::skip]
const STEMS: &[&str] = &[
    "pas", "pw", "pswd", "secret", "token", "key", "cred", "auth", "cookie", "otp", "pin", "pat",
    "srf", "code", "dsn", "hmac", "jwt", "mnemonic", "psk", "sess", "sid", "bearer", "sig",
    "connectionstring", "contrasena", "userpass",
];

/// What comes before `pass` in one word.
#[rustfmt::skip]
const PASS_OWNERS: &[&str] = &[
    "admin", "db", "user", "my", "root", "smtp", "mail", "ldap", "bind", "proxy", "http", "ftp",
    "require", "enc",
];

/// Whether `last` may be the name of a parameter that signs a URL.
pub(super) fn signs_url(name: &[u8]) -> bool {
    #[rustfmt::skip]
const NAMES: &[&str] = &[
    "accesstoken", "apikey", "appkey", "auth", "authkey", "code", "hash", "hdnea", "hdnts", "hmac",
    "key", "pass", "pw", "policy", "sas", "sessid", "session", "sid", "sig", "sign", "signature",
    "st", "subscription-key", "ticket", "x-amz-signature", "x-amz-credential",
    "x-amz-security-token", "x-goog-signature", "x-goog-credential", "x-oss-signature",
    "x-cos-signature", "q-signature", "__token__", "verify", "s", "wstoken", "secure", "md5",
];
    NAMES
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        || name.to_ascii_lowercase().ends_with(b"signature")
}

/// `name` without the dashes or the slash of an option.
pub(super) fn strip_dashes(name: &[u8]) -> &[u8] {
    let dashes = name.iter().take_while(|&&byte| byte == b'-').count();
    match name {
        [b'/', rest @ ..] => rest,
        _ => name.get(dashes..).unwrap_or_default(),
    }
}

fn is_password_word(word: &str) -> bool {
    PASSWORD_WORDS.contains(&word)
        || ["passwd", "password", "passphrase", "storepass", "pw"]
            .iter()
            .any(|end| word.ends_with(end))
}

fn is_secret_word(word: &str) -> bool {
    SECRET_WORDS.contains(&word) || SECRET_ENDINGS.iter().any(|ending| word.ends_with(ending))
}

fn pair(words: &[&str], second: &str, owners: &[&str]) -> bool {
    words
        .iter()
        .zip(words.iter().skip(1))
        .any(|(owner, word)| *word == second && owners.contains(owner))
}

/// The words of `name` in small letters, separated by blanks: it is split at everything that is no
/// letter or digit, and where a capital follows a small letter. A piece in mixed case without an order
/// (`PassWord`, `pAssword`) that is a secret's word as a whole stays whole.
fn words(name: &[u8]) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    let pieces = name.split(|byte| !byte.is_ascii_alphanumeric());
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        let start = words.len();
        let mut after_small = false;
        for &byte in piece {
            if after_small && byte.is_ascii_uppercase() {
                words.push(' ');
            }
            words.push(char::from(byte.to_ascii_lowercase()));
            after_small = byte.is_ascii_lowercase() || byte.is_ascii_digit();
        }
        if words.get(start..).is_some_and(|split| split.contains(' ')) {
            let joined: String = piece
                .iter()
                .map(|b| char::from(b.to_ascii_lowercase()))
                .collect();
            if PASSWORD_WORDS.contains(&joined.as_str()) || SECRET_WORDS.contains(&joined.as_str())
            {
                words.truncate(start);
                words.push_str(&joined);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_word_has_a_stem() {
        for word in [PASSWORD_WORDS, SECRET_WORDS, WEAK_WORDS, SECRET_ENDINGS].concat() {
            assert!(STEMS.iter().any(|stem| word.contains(stem)), "{word}");
        }
    }

    #[test]
    fn names_of_secrets() {
        for key in [
            "--password",
            "-password",
            "--db-password",
            "PGPASSWORD",
            "MYSQL_PWD",
            "DB_PASS",
            "--pass",
            "-Ddb.password",
            "-Dpassword",
            "-Djavax.net.ssl.trustStorePassword",
            "--token",
            "GITHUB_TOKEN",
            "TOKEN_GITHUB",
            "--auth-token",
            "--client-secret",
            "SECRET_KEY_BASE",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
            "--api-key",
            "--apiKey",
            "X_API_KEY",
            "AccountKey",
            "--passphrase",
            "--credentials",
            "authtoken",
            "-storepass",
        ] {
            assert!(
                classify(key.as_bytes()).hides(b"hunter2"),
                "{key} names a secret"
            );
        }
    }

    #[test]
    fn names_of_harmless_things() {
        for key in [
            "",
            "-",
            "--",
            "-Xmx128m",
            "--tokenizer",
            "--max-tokens-per-request",
            "--token-file",
            "--password-file",
            "--secret-santa",
            "--token-ttl",
            "--no-password",
            "--password-stdin",
            "--pass-through",
            "--bypass",
            "--compass",
            "--key",
            "--keyboard",
            "--monkey",
            "--secretary",
            "--author",
            "-XX:MaxRAMPercentage",
            "PATH",
        ] {
            assert!(
                !classify(key.as_bytes()).hides(b"value"),
                "{key} names no secret"
            );
        }
    }

    #[test]
    fn the_value_decides_where_the_name_is_ambiguous() {
        assert!(!classify(b"PWD").hides(b"/root"));
        assert!(!classify(b"OLDPWD").hides(b"/root"));
        assert!(classify(b"DB_PWD").hides(b"hunter2"));
        assert!(!classify(b"--max-tokens").hides(b"4096"));
        assert!(classify(b"API_TOKENS").hides(b"a,b"));
        assert!(!classify(b"-pass").hides(b"1"));
    }
}
