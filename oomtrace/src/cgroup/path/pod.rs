//! The pod in a path: its uid, and the quality of service class that the kubelet's directories show.

use super::ids::{is_small_hex, is_uuid};
use crate::model::QosClass;

/// The innermost pod's uid: `pod<uid>`, or `…-pod<uid with underscores>.slice`. A UUID, or the
/// hash of a static pod's configuration.
pub(super) fn pod_uid(components: &[&str]) -> Option<String> {
    components.iter().rev().find_map(|name| {
        let name = name.split(':').next()?;
        let uid = match name.strip_suffix(".slice") {
            Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
            None => name.strip_prefix("pod")?.to_owned(),
        };
        (is_uuid(&uid) || is_small_hex(&uid, 32)).then_some(uid)
    })
}

/// The class of the pod in these components: pods of the guaranteed class are directly below the
/// kubelet's own directory. `None` where that directory is not above the pod.
pub(super) fn qos_class(components: &[&str]) -> Option<QosClass> {
    let mut found = None;
    for name in components {
        if pod_uid(&[name]).is_some() {
            break;
        }
        let name = name.strip_suffix(".slice").unwrap_or(name);
        let (parent, class) = name.rsplit_once('-').unwrap_or((name, name));
        let is_below = found.is_some() || is_kubelets(parent);
        found = match class {
            "burstable" if is_below => Some(QosClass::Burstable),
            "besteffort" if is_below => Some(QosClass::BestEffort),
            _ if is_kubelets(name) => Some(QosClass::Guaranteed),
            _ => found,
        };
    }
    found
}

/// `kubepods`, or `kubelet-kubepods` where the kubelet has a root of its own.
fn is_kubelets(name: &str) -> bool {
    name == "kubepods" || name.ends_with("-kubepods")
}
