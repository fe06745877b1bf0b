//! Names of pods by the directories in which the kubelet keeps their logs. They outlive the
//! container, and are there with any engine.

use std::path::Path;

use super::names::Names;

/// Entries of one directory that are looked at.
const ENTRIES_MAX: usize = 8192;

/// The pod of container `id`, by `containers/<pod>_<namespace>_<container>-<id>.log`, else the one
/// of this uid, by `pods/<namespace>_<pod>_<uid>`.
pub(super) fn find(logs: &Path, id: Option<&str>, uid: &str) -> Option<Names> {
    let container = || {
        let end = format!("-{}.log", id?);
        let (name, from) = entry(&logs.join("containers"), &end)?;
        let mut parts = name.splitn(3, '_');
        let (pod, namespace, container) = (parts.next()?, parts.next()?, parts.next()?);
        named(pod, namespace, Some(container), from)
    };
    let pod = || {
        let (name, from) = entry(&logs.join("pods"), &format!("_{uid}"))?;
        let (namespace, pod) = name.split_once('_')?;
        named(pod, namespace, None, from)
    };
    container().or_else(pod)
}

fn named(pod: &str, namespace: &str, container: Option<&str>, from: String) -> Option<Names> {
    let all = [Some(pod), Some(namespace), container];
    all.iter()
        .flatten()
        .all(|text| !text.is_empty())
        .then(|| Names {
            name: container.map(str::to_owned),
            pod_name: Some(pod.to_owned()),
            namespace: Some(namespace.to_owned()),
            from,
            ..Names::default()
        })
}

/// The entry that ends so, without that end, and its path.
fn entry(directory: &Path, end: &str) -> Option<(String, String)> {
    let entries = std::fs::read_dir(directory).ok()?;
    entries.take(ENTRIES_MAX).flatten().find_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?.strip_suffix(end)?;
        Some((name.to_owned(), entry.path().to_string_lossy().into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn pods_have_their_names_from_their_logs() {
        let root = tempfile::TempDir::new().unwrap();
        let id = "a".repeat(64);
        let uid = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(find(root.path(), Some(&id), uid), None);
        fs::create_dir_all(root.path().join(format!("pods/shop_web-1_{uid}"))).unwrap();
        fs::create_dir(root.path().join("containers")).unwrap();
        let pod = find(root.path(), Some(&id), uid).unwrap();
        assert_eq!(pod.pod_name.as_deref(), Some("web-1"));
        assert_eq!(pod.namespace.as_deref(), Some("shop"));
        assert_eq!(pod.name, None);
        assert!(pod.from.ends_with(uid));

        let log = root
            .path()
            .join(format!("containers/web-1_shop_app-{id}.log"));
        fs::write(&log, "").unwrap();
        let container = find(root.path(), Some(&id), uid).unwrap();
        assert_eq!(container.name.as_deref(), Some("app"));
        assert_eq!(container.pod_name.as_deref(), Some("web-1"));
        assert_eq!(container.from, log.to_string_lossy());
        assert_eq!(find(root.path(), None, "other"), None);
        // Names that are none.
        fs::rename(&log, root.path().join(format!("containers/_-{id}.log"))).unwrap();
        assert_eq!(find(root.path(), Some(&id), "other"), None);
    }
}
