//! Which variables of an environment are kept: those that set memory limits of runtimes. Nothing
//! else of an environment, no name and no value, goes any further than [`known_variables`].

/// The variables, with what they are read for.
pub const JVM: [&str; 3] = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"];
pub const NODE: &str = "NODE_OPTIONS";
pub const GO_LIMIT: &str = "GOMEMLIMIT";
pub const GO_PERCENT: &str = "GOGC";
pub const DOTNET_LIMIT: [&str; 2] = ["DOTNET_GCHeapHardLimit", "COMPlus_GCHeapHardLimit"];
pub const DOTNET_PERCENT: [&str; 2] = [
    "DOTNET_GCHeapHardLimitPercent",
    "COMPlus_GCHeapHardLimitPercent",
];

/// The known variables of an environment: `NAME=value` as it is there, each once (the last one
/// of a name, as `getenv` may find either, is not told apart). `cut`: more of it followed than is in
/// `environ`, so its last entry may not be whole and is left out.
pub fn known_variables(environ: &[u8], cut: bool) -> impl Iterator<Item = &[u8]> {
    let whole = match (cut, memchr::memrchr(0, environ)) {
        (false, _) => environ,
        (true, Some(end)) => environ.get(..end).unwrap_or_default(),
        (true, None) => &[],
    };
    whole
        .split(|byte| *byte == 0)
        .filter(|entry| is_known(entry))
}

/// Whether a variable's value is a list of options, as on a command line.
pub fn holds_options(name: &[u8]) -> bool {
    let is = |known: &str| known.as_bytes() == name;
    is(NODE) || JVM.into_iter().any(is)
}

fn is_known(entry: &[u8]) -> bool {
    let Some(equals) = memchr::memchr(b'=', entry) else {
        return false;
    };
    let name = entry.get(..equals).unwrap_or_default();
    let is = |known: &str| known.as_bytes() == name;
    [NODE, GO_LIMIT, GO_PERCENT]
        .into_iter()
        .chain(JVM)
        .chain(DOTNET_LIMIT)
        .chain(DOTNET_PERCENT)
        .any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(environ: &[u8], cut: bool) -> Vec<String> {
        known_variables(environ, cut)
            .map(|entry| String::from_utf8_lossy(entry).into_owned())
            .collect()
    }

    #[test]
    fn only_known_names_are_kept() {
        let environ = b"PATH=/bin\0GOMEMLIMIT=1GiB\0SECRET=GOGC=1\0\0GOGC\0XGOGC=1\0GOGCX=2\0\
                        gogc=3\0NODE_OPTIONS=\0=GOGC\0GOGC=50\0";
        assert_eq!(
            kept(environ, false),
            ["GOMEMLIMIT=1GiB", "NODE_OPTIONS=", "GOGC=50"]
        );
    }

    #[test]
    fn what_may_be_cut_is_not_kept() {
        assert_eq!(kept(b"GOGC=1\0GOMEMLIMIT=1", true), ["GOGC=1"]);
        assert_eq!(kept(b"GOMEMLIMIT=1", true), [""; 0]);
        assert_eq!(kept(b"GOMEMLIMIT=1", false), ["GOMEMLIMIT=1"]);
        assert_eq!(kept(b"", true), [""; 0]);
    }
}
