//! Which names are names of secrets. Pure, table-driven.
//!
//! A name is split into words (`db.userPassword` is db, user, password) so that `--token` is a
//! secret and `--tokenizer` is not. Where a name holds a secret's word and an unknown one, it is
//! taken for a secret: a harmless value that is masked costs less than a password in a log.

/// Words that name a secret wherever they stand.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "passcode",
    "passin",
    "passout",
    "storepass",
    "keypass",
    "secret",
    "token",
    "apikey",
    "authkey",
    "accesskey",
    "secretkey",
    "privatekey",
    "credential",
    "credentials",
    "creds",
];

/// Ends of words that name a secret (`PGPASSWORD`, `authtoken`).
const SECRET_ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "storepass",
];

/// Words that make a following `key` a secret (`api-key`, `aws_access_key`).
const KEY_OWNERS: &[&str] = &[
    "api",
    "access",
    "account",
    "auth",
    "client",
    "encryption",
    "master",
    "private",
    "secret",
    "shared",
    "signing",
    "storage",
];

/// Last words that say that the value is about a secret, not a secret.
const ABOUT: &[&str] = &[
    "algorithm",
    "audience",
    "bucket",
    "budget",
    "cache",
    "class",
    "count",
    "dir",
    "directory",
    "duration",
    "enabled",
    "endpoint",
    "env",
    "expiration",
    "expires",
    "expiry",
    "field",
    "file",
    "files",
    "format",
    "header",
    "host",
    "interval",
    "issuer",
    "len",
    "length",
    "lifetime",
    "limit",
    "location",
    "manager",
    "max",
    "min",
    "mode",
    "name",
    "names",
    "ns",
    "namespace",
    "path",
    "pattern",
    "period",
    "policy",
    "port",
    "prefix",
    "prompt",
    "provider",
    "regex",
    "region",
    "required",
    "rotation",
    "santa",
    "seconds",
    "size",
    "stdin",
    "store",
    "suffix",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "validity",
    "version",
    "webhook",
];

/// First words of switches: their value, if they take any, is a yes or no.
const SWITCHES: &[&str] = &[
    "allow", "ask", "disable", "enable", "generate", "has", "hide", "is", "no", "prompt",
    "require", "show", "skip", "use", "verify", "without",
];

/// What a name promises about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyClass {
    /// The value is no secret.
    Innocent,
    /// The value is a secret.
    Secret,
    /// The value is a secret unless it is a path (`PWD` is a directory to a shell).
    SecretUnlessPath,
    /// The value is a secret unless it is a number (`--tokens 4096`, ffmpeg's `-pass 1`).
    SecretUnlessNumber,
}

impl KeyClass {
    /// Whether `value` is a secret under a name of this class.
    pub(super) fn hides(self, value: &[u8]) -> bool {
        match self {
            Self::Innocent => false,
            Self::Secret => true,
            Self::SecretUnlessPath => !value.starts_with(b"/"),
            Self::SecretUnlessNumber => !value.iter().all(u8::is_ascii_digit),
        }
    }
}

/// Classifies a name: leading dashes and a leading `-D` (Java system property) do not matter.
pub(super) fn classify(key: &[u8]) -> KeyClass {
    let key = match key.strip_prefix(b"-D") {
        Some(property) => property,
        None => strip_dashes(key),
    };
    let words = words(key);
    let Some(last) = words.last().map(String::as_str) else {
        return KeyClass::Innocent;
    };
    let first = words.first().map_or("", String::as_str);
    if words.len() > 1 && (SWITCHES.contains(&first) || ABOUT.contains(&last)) {
        return KeyClass::Innocent;
    }
    if words.iter().any(|word| is_secret_word(word)) || has_secret_key(&words) {
        return KeyClass::Secret;
    }
    match last {
        "pass" | "tokens" => KeyClass::SecretUnlessNumber,
        word if word.ends_with("pwd") => KeyClass::SecretUnlessPath,
        _ => KeyClass::Innocent,
    }
}

/// `key` without the dashes of an option.
pub(super) fn strip_dashes(key: &[u8]) -> &[u8] {
    let dashes = key.iter().take_while(|&&byte| byte == b'-').count();
    key.get(dashes..).unwrap_or_default()
}

fn is_secret_word(word: &str) -> bool {
    SECRET_WORDS.contains(&word) || SECRET_ENDINGS.iter().any(|ending| word.ends_with(ending))
}

fn has_secret_key(words: &[String]) -> bool {
    words
        .iter()
        .zip(words.iter().skip(1))
        .any(|(owner, word)| word == "key" && KEY_OWNERS.contains(&owner.as_str()))
}

/// Splits at everything that is no letter or digit, and where a capital follows a small letter;
/// in small letters.
fn words(key: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut after_small = false;
    for &byte in key {
        let boundary = !byte.is_ascii_alphanumeric() || (after_small && byte.is_ascii_uppercase());
        if boundary && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if byte.is_ascii_alphanumeric() {
            word.push(char::from(byte.to_ascii_lowercase()));
        }
        after_small = byte.is_ascii_lowercase() || byte.is_ascii_digit();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

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
