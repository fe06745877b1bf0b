//! Secrets that are known by their shape, wherever they occur.

use std::ops::Range;
use std::sync::LazyLock;

use super::work::until;

/// Beginnings of keys, with the least number of key characters that must follow.
#[rustfmt::skip]
pub(super) const SHAPES: &[(&str, usize)] = &[
    ("AKIA", 12), ("ASIA", 12), ("ABIA", 12), ("ACCA", 12), ("AIza", 30), ("ya29.", 20),
    ("GOCSPX-", 20), ("1//0", 20), ("ghp_", 20), ("gho_", 20), ("ghu_", 20), ("ghs_", 20),
    ("ghr_", 20), ("github_pat_", 20), ("glpat-", 16), ("gldt-", 16), ("glrt-", 16), ("glptt-", 16),
    ("glcbt-", 16), ("glsoat-", 16), ("glft-", 16), ("gloas-", 16), ("glagent-", 16),
    ("GR1348941", 16), ("xoxb-", 10), ("xoxp-", 10), ("xoxa-", 10), ("xoxs-", 10), ("xoxr-", 10),
    ("xoxe-", 10), ("xoxe.", 10), ("xoxc-", 10), ("xoxd-", 10), ("xapp-", 10), ("sk_live_", 10),
    ("sk_test_", 10), ("rk_live_", 10), ("rk_test_", 10), ("pk_live_", 10), ("whsec_", 16),
    ("sk-", 20), ("sk-ant-", 20), ("sk-proj-", 20), ("sq0csp-", 20), ("sq0atp-", 20), ("EAAA", 56),
    ("access_token$production$", 16), ("shpat_", 20), ("shpca_", 20), ("shppa_", 20),
    ("shpss_", 20), ("npm_", 30), ("pypi-", 40), ("rubygems_", 30), ("oy2", 40), ("cio", 32),
    ("SWMTKN-", 20), ("dckr_pat_", 16), ("dckr_oat_", 16), ("dp.pt.", 20), ("dp.st.", 20),
    ("dp.ct.", 20), ("hvs.", 20), ("hvb.", 20), ("hvr.", 20), ("s.", 24), ("b.AAAAA", 20),
    ("atlasv1.", 20), ("hf_", 20), ("api_org_", 20), ("r8_", 30), ("gsk_", 30), ("pplx-", 30),
    ("xai-", 30), ("tvly-", 20), ("nvapi-", 30), ("lsv2_", 30), ("SG.", 20), ("key-", 32),
    ("SK", 32), ("AC", 32), ("xkeysib-", 30), ("re_", 24), ("pscale_tkn_", 20), ("pscale_pw_", 20),
    ("dop_v1_", 30), ("doo_v1_", 30), ("dor_v1_", 30), ("FlyV1", 0), ("fo1_", 20), ("fm2_", 20),
    ("AGE-SECRET-KEY-1", 20), ("AGE-SECRET-KEY-", 20), ("glsa_", 20), ("glc_", 20), ("eyJ", 16),
    ("lin_api_", 20), ("secret_", 32), ("ntn_", 30), ("figd_", 20), ("PMAK-", 20), ("NRAK-", 16),
    ("NRII-", 16), ("sntrys_", 20), ("sntryu_", 20), ("phc_", 20), ("phx_", 20), ("tskey-", 16),
    ("ops_eyJ", 16), ("A3-", 26), ("ATATT3", 20), ("ATCTT3", 20), ("ATBB", 24), ("dapi", 32),
    ("dose", 32), ("vercel_", 20), ("rnd_", 24), ("CFPAT-", 30), ("shippo_live_", 20),
    ("shippo_test_", 20), ("duffel_live_", 20), ("EZAK", 40), ("EZTK", 40), ("t1.9eue", 20),
    ("AQVN", 30), ("LTAI", 12), ("AKID", 28), ("pat-na1-", 20), ("pul-", 30), ("bkua_", 20),
    ("bkpt_", 20), ("ubt_", 20), ("CCIPAT_", 20), ("dG9rOg", 20), ("sbp_", 20), ("sb_secret_", 16),
    ("_9j", 60), ("nfp_", 20), ("ngrok_", 20), ("xoxo-", 10), ("tfp_", 30), ("SCRAM-SHA-256$", 16),
    ("Atza|", 20), ("amzn.mws.", 20), ("sshpriv_", 20), ("PRIVATE-", 40), ("FlyV1-", 20),
    ("v1.0-", 100), ("ion_", 30), ("jfrog_", 20), ("AKC", 60), ("cmVmdGtu", 40), ("eyJhbGciOi", 10),
    ("pnu_", 20), ("pat_", 24), ("mlsn.", 24), ("hsp_", 20), ("ABSK", 60), ("nsec1", 40),
    ("xprv", 60), ("$2a$", 30), ("$2b$", 30), ("$2y$", 30), ("$6$", 20), ("$5$", 20), ("$y$", 20),
    ("$argon2", 20), ("$1$", 16), ("{SSHA}", 16),
];

static BY_FIRST: LazyLock<Vec<Vec<(&str, usize)>>> = LazyLock::new(|| {
    let mut by_first = vec![Vec::new(); 256];
    for shape in SHAPES {
        let first = shape.0.bytes().next().map(usize::from);
        if let Some(list) = first.and_then(|first| by_first.get_mut(first)) {
            list.push(*shape);
        }
    }
    by_first
});

pub(super) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// Adds the keys in `arg`. `cut`: the argument's end is not known.
pub(super) fn scan(arg: &[u8], cut: bool, found: &mut Vec<Range<usize>>) {
    let mut at = 0;
    let mut inside = false;
    while let Some(&byte) = arg.get(at) {
        if !inside
            && let Some(end) = BY_FIRST
                .get(usize::from(byte))
                .into_iter()
                .flatten()
                .find_map(|shape| matches(arg, at, *shape, cut))
        {
            found.push(at..end);
            at = end;
            continue;
        }
        inside = byte.is_ascii_alphanumeric();
        at += 1;
    }
    numbered_tokens(arg, found);
}

fn matches(arg: &[u8], at: usize, (beginning, least): (&str, usize), cut: bool) -> Option<usize> {
    let body = arg.get(at..)?.strip_prefix(beginning.as_bytes())?;
    let is_hash = beginning.starts_with(['$', '{']);
    let len = until(body, |byte| {
        !(is_key_byte(byte) || (is_hash && b"$/+=,".contains(&byte)) || matches!(byte, b'+' | b'='))
    });
    let end = at + beginning.len() + len;
    let word = body.get(..len)?;
    let unfinished = cut && end == arg.len() && beginning.len() > 2;
    if unfinished {
        return Some(end);
    }
    if len < least {
        return None;
    }
    // Short beginnings are those of words, too: then what follows must be a jumble.
    let jumble = word.iter().any(u8::is_ascii_digit) && word.iter().any(u8::is_ascii_alphabetic);
    let hex = || word.iter().take(32).all(u8::is_ascii_hexdigit);
    match beginning {
        "SK" | "AC" | "dapi" | "dose" | "key-" => (hex() && jumble).then_some(end),
        "AKIA" | "ASIA" | "ABIA" | "ACCA" => word
            .iter()
            .take(12)
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            .then_some(end),
        "s." | "sk-" | "pat_" | "secret_" | "cio" | "oy2" | "re_" | "EAAA" | "rnd_" | "pul-"
        | "ion_" | "PRIVATE-" | "v1.0-" | "_9j" | "A3-" | "hf_" | "fo1_" | "AKC" | "AQVN"
        | "ngrok_" | "vercel_" | "jfrog_" | "SG." | "xai-" => (jumble
            && !word
                .iter()
                .filter(|b| **b == b'-')
                .nth(6)
                .is_some_and(|_| true))
        .then_some(end),
        _ => Some(end),
    }
}

/// `123456789:AA…`, a Telegram bot's token: a number, a colon, 30 or more key characters.
fn numbered_tokens(arg: &[u8], found: &mut Vec<Range<usize>>) {
    const BODY_MIN: usize = 30;
    for colon in memchr::memchr_iter(b':', arg) {
        let digits = arg
            .get(..colon)
            .unwrap_or_default()
            .iter()
            .rev()
            .take(16)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let body = arg.get(colon + 1..).unwrap_or_default();
        let len = until(
            body.get(..body.len().min(128)).unwrap_or_default(),
            |byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
        );
        let mixed = body.get(..len).is_some_and(|body| {
            body.iter().any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase)
        });
        if (6..16).contains(&digits) && len >= BODY_MIN && mixed {
            found.push(colon + 1..colon + 1 + len);
        }
    }
}

/// A private key in PEM form: everything between its first and its last line.
pub(super) fn private_keys(arg: &[u8], found: &mut Vec<Range<usize>>) {
    const HEADS: [&[u8]; 3] = [
        b"PRIVATE KEY-----",
        b"PRIVATE KEY BLOCK-----",
        b"PuTTY-User-Key-File",
    ];
    for head in HEADS {
        if let Some(at) = memchr::memmem::find(arg, head) {
            let start = at + head.len();
            let body = arg.get(start..).unwrap_or_default();
            // From the first head to the last end: there is nothing else of interest between two keys.
            let len = memchr::memmem::rfind(body, b"-----END").unwrap_or(body.len());
            if len > 0 {
                found.push(start..start + len);
            }
        }
    }
}
