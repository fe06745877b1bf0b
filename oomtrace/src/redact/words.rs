//! The words by which names are judged: data for [`super::name`] and `docs/secrets.md`.

/// Words that name a password: its value may look like anything, a path too.
#[rustfmt::skip]
pub(super) const PASSWORD_WORDS: &[&str] = &[
    "keypass", "passcode", "passphrase", "passwd", "password", "passwords", "passwort", "passwrd",
    "pswd", "pw", "pword", "pwd", "requirepass", "masterauth", "rootpw", "storepass", "userpw",
    "motdepasse", "contrasena",
];

/// Words that name another secret, which may as well be the place where it is kept.
#[rustfmt::skip]
pub(super) const SECRET_WORDS: &[&str] = &[
    "accesskey", "apikey", "apitoken", "appsecret", "authkey", "authtoken", "clientsecret",
    "connectionstring", "cred", "credential", "credentials", "creds", "dsn", "hmac", "jwt",
    "licensekey", "mnemonic", "passin", "passout", "privatekey", "privkey", "psk", "secret",
    "secretkey", "secrets", "seckey", "sessionid", "sharedkey", "signingkey", "sshpass", "token",
    "totp", "userpass", "userpwd", "jsessionid", "phpsessid", "sessid", "sastoken", "bearer",
    "presharedkey", "encryptionkey", "masterkey", "authorization",
];

/// Last words that often name something else: their value decides.
pub(super) const WEAK_WORDS: &[&str] = &[
    "auth", "cookie", "cookies", "otp", "csrf", "pat", "pin", "xsrf",
];

/// Ends of words that name a secret (`PGPASSWORD`, `authtoken`).
#[rustfmt::skip]
pub(super) const SECRET_ENDINGS: &[&str] = &[
    "apikey", "passphrase", "passwd", "password", "secret", "storepass", "token", "secretkey",
    "accesskey",
];

/// Words that make a following `key` a secret (`api-key`, `aws_access_key`).
#[rustfmt::skip]
pub(super) const KEY_OWNERS: &[&str] = &[
    "access", "account", "admin", "aes", "api", "app", "application", "auth", "bot", "cipher",
    "client", "consumer", "crypt", "crypto", "decryption", "deploy", "dkim", "enc", "encrypt",
    "encryption", "hmac", "ingest", "ingestion", "instrumentation", "integration", "jwt", "licence",
    "license", "master", "preshared", "priv", "private", "psk", "recovery", "root", "routing",
    "secret", "secure", "server", "service", "session", "shared", "sign", "signature", "signing",
    "ssh", "storage", "subscription", "symmetric", "token", "tsig", "unseal", "user", "vault",
    "webhook", "write", "wg", "wireguard", "activation", "product", "serial", "fernet", "cookie",
    "csrf", "wep", "wpa", "tunnel",
];

/// Words that make a following `id` a secret.
pub(super) const ID_OWNERS: &[&str] = &["session", "sess", "secret", "accesskey"];

/// Words that make a following `code` a secret.
#[rustfmt::skip]
pub(super) const CODE_OWNERS: &[&str] = &[
    "2fa", "access", "activation", "auth", "authorization", "device", "mfa", "otp", "recovery",
    "security", "totp", "verification",
];

/// Words that make a following `key` something that anybody may see.
#[rustfmt::skip]
pub(super) const OPEN_KEYS: &[&str] = &[
    "cache", "dedup", "foreign", "group", "map", "message", "object", "partition", "primary", "pub",
    "public", "row", "s3", "shard", "sort", "sorting", "order", "label", "metadata", "tag", "host",
    "known", "image", "config", "idempotency", "recv", "search", "fetch", "refresh", "edit",
    "default", "local", "trusted", "allowed", "list", "delete",
];

/// Last words that say that the value is about a secret, not a secret.
#[rustfmt::skip]
pub(super) const ABOUT: &[&str] = &[
    "algorithm", "alg", "algo", "arn", "audience", "authentication", "backend", "browser", "bucket",
    "budget", "cache", "charset", "class", "cmd", "helper", "command", "count", "curve", "dir",
    "directory", "domain", "driver", "duration", "embedding", "embeddings", "enabled", "encoding",
    "encryption", "history", "complexity", "hint", "endpoint", "engine", "env", "expiration",
    "expire", "expires", "expiry", "field", "file", "filename", "files", "filter", "format",
    "group", "hashing", "header", "host", "hosts", "id_token_hint", "index", "interval", "issuer",
    "keyring", "keystore", "label", "len", "length", "level", "lifetime", "limit", "list",
    "location", "lock", "manager", "max", "maxage", "method", "methods", "min", "mode", "model",
    "module", "mount", "name", "names", "ns", "namespace", "only", "operator", "path", "paths",
    "pattern", "per", "period", "plugin", "policy", "port", "prefix", "processor", "prompt",
    "proto", "protocol", "provider", "ratio", "rate", "realm", "refresh", "regex", "region",
    "registry", "required", "resource", "retries", "role", "rotation", "rounds", "samesite",
    "santa", "scheme", "scope", "seconds", "server", "service", "size", "socket", "source", "split",
    "splitter", "stdin", "store", "strategy", "strength", "suffix", "template", "threads",
    "timeout", "ttl", "type", "types", "uri", "url", "user", "username", "users", "validity",
    "validator", "version", "webhook", "weight", "volume",
];

/// First words of switches: their value, if they take any, is a yes or no.
#[rustfmt::skip]
pub(super) const SWITCHES: &[&str] = &[
    "allow", "ask", "check", "disable", "enable", "force", "generate", "has", "hide", "insecure",
    "is", "list", "no", "print", "prompt", "require", "rotate", "show", "skip", "use", "verify",
    "without", "with", "load", "save", "export", "detect", "scan",
];

/// Words beside `token` of programs that split text into tokens.
#[rustfmt::skip]
pub(super) const TEXT_TOKENS: &[&str] = &[
    "add", "audio", "batch", "batched", "bos", "budget", "cached", "cls", "completion", "context",
    "ctx", "decode", "draft", "drop", "dropout", "embedding", "merge", "merging", "level", "wise",
    "eos", "eot", "first", "fim", "generated", "ignore", "image", "input", "keep", "last", "llm",
    "mask", "max", "min", "model", "n", "new", "num", "output", "pad", "padding", "per", "predict",
    "prefill", "prompt", "sep", "skip", "special", "split", "stop", "think", "thinking", "total",
    "train", "unk", "vocab", "word",
];
