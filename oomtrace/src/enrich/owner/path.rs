//! Whom a cgroup belongs to, from its path alone. Pure, table-driven, read from right to left:
//! the innermost container wins, then the innermost unit. A path that matches nothing has no
//! owner.
//!
//! Who may make cgroups can name one like a container's; the path itself, which the kernel gives,
//! always stands beside the owner in an event.

use crate::model::{Owner, OwnerKind};

/// Beginnings of a container's own directory, behind which its id stands.
const CONTAINER_PREFIXES: &[(&str, &str)] = &[
    ("docker-", "docker"),
    ("libpod-payload-", "podman"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
];

/// Parents below which a bare id is a container of this runtime.
const CONTAINER_PARENTS: &[(&str, &str)] = &[
    ("docker", "docker"),
    ("libpod_parent", "podman"),
    ("machine.slice", "podman"),
];

/// Beginnings of an LXC container's own directory, behind which its name stands.
const LXC_PREFIXES: &[&str] = &["lxc.payload."];

/// An empty owner of some kind.
fn owner(kind: OwnerKind) -> Owner {
    Owner {
        kind,
        runtime: None,
        container_id: None,
        container_name: None,
        image: None,
        namespace: None,
        pod_name: None,
        pod_uid: None,
        unit: None,
        names_from: None,
    }
}

/// The owner of the cgroup at `path` (from the root of its hierarchy); `None` if nothing in the
/// path says so.
#[must_use]
pub fn from_path(path: &str) -> Option<Owner> {
    let components: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let found = components
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, name)| Some((at, container(name, parent(&components, at))?)));
    if let Some((at, mut owner)) = found {
        let outside = components.get(..=at).unwrap_or_default();
        let inside = components.get(at + 1..).unwrap_or_default();
        owner.pod_uid = pod_uid(outside);
        if owner.pod_uid.is_some() {
            owner.kind = OwnerKind::Pod;
        }
        owner.unit = inside
            .iter()
            .rev()
            .find_map(|name| unit(name))
            // `--cgroups=split` puts a container below the unit that started it.
            .or_else(|| unit(parent(&components, at)?).filter(|unit| unit.ends_with(".service")));
        return Some(owner);
    }
    if let Some(uid) = pod_uid(&components) {
        let mut pod = owner(OwnerKind::Pod);
        pod.pod_uid = Some(uid);
        return Some(pod);
    }
    unit_or_user(&components)
}

fn parent<'a>(components: &[&'a str], at: usize) -> Option<&'a str> {
    components.get(at.checked_sub(1)?).copied()
}

/// The container whose own directory is `name`.
fn container(name: &str, parent: Option<&str>) -> Option<Owner> {
    let plain = name.strip_suffix(".scope").unwrap_or(name);
    let with_id = |runtime: Option<&str>, id: &str| {
        let mut found = owner(OwnerKind::Container);
        found.runtime = runtime.map(str::to_owned);
        found.container_id = Some(id.to_owned());
        found
    };
    // Prefixes such as `crio-conmon-` leave something that is no id, and match nothing.
    for (prefix, runtime) in CONTAINER_PREFIXES {
        if let Some(id) = plain.strip_prefix(prefix).filter(|id| is_container_id(id)) {
            return Some(with_id(Some(runtime), id));
        }
    }
    // containerd told to use systemd's names without systemd: `x.slice:cri-containerd:<id>`.
    let mut parts = plain.rsplit(':');
    if let (Some(id), Some(prefix), Some(_)) = (parts.next(), parts.next(), parts.next())
        && is_container_id(id)
    {
        let runtime = CONTAINER_PREFIXES
            .iter()
            .find(|(known, _)| known.strip_suffix('-') == Some(prefix))
            .map(|(_, runtime)| *runtime);
        return Some(with_id(runtime, id));
    }
    if is_container_id(name) {
        let runtime = CONTAINER_PARENTS
            .iter()
            .find(|(known, _)| Some(*known) == parent)
            .map(|(_, runtime)| *runtime);
        return Some(with_id(runtime, name));
    }
    let lxc_name = LXC_PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .or_else(|| (parent == Some("lxc")).then_some(name))
        .filter(|name| !name.is_empty())?;
    let mut found = owner(OwnerKind::Container);
    found.runtime = Some("lxc".to_owned());
    found.container_name = Some(lxc_name.to_owned());
    Some(found)
}

/// 64 hexadecimal digits in small letters.
pub(super) fn is_container_id(text: &str) -> bool {
    text.len() == 64 && is_small_hex(text)
}

fn is_small_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The innermost pod's uid: `pod<uid>`, or `…-pod<uid with underscores>.slice`.
fn pod_uid(components: &[&str]) -> Option<String> {
    components.iter().rev().find_map(|name| {
        let name = name.split(':').next()?;
        let uid = match name.strip_suffix(".slice") {
            Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
            None => name.strip_prefix("pod")?.to_owned(),
        };
        is_pod_uid(&uid).then_some(uid)
    })
}

/// A UUID, or the hash of a static pod's configuration.
fn is_pod_uid(uid: &str) -> bool {
    let groups: Vec<&str> = uid.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    groups.iter().all(|group| is_small_hex(group))
        && (lengths == [8, 4, 4, 4, 12] || lengths == [32])
}

/// A systemd unit that runs processes.
fn unit(name: &str) -> Option<String> {
    ["service", "scope"]
        .iter()
        .any(|kind| {
            name.rsplit_once('.')
                .is_some_and(|(stem, suffix)| suffix == *kind && !stem.is_empty())
        })
        .then(|| name.to_owned())
}

fn unit_or_user(components: &[&str]) -> Option<Owner> {
    let user = components
        .iter()
        .rev()
        .find(|name| name.starts_with("user-") && name.ends_with(".slice"));
    let found = components.iter().rev().find_map(|name| unit(name));
    let is_login = |unit: &str| unit.starts_with("session-") || unit.starts_with("user@");
    // The user's manager has an `init.scope` of its own.
    let belongs_to_user = |unit: &str| is_login(unit) || (unit == "init.scope" && user.is_some());
    match (found, user) {
        (Some(found), _) if !belongs_to_user(&found) => {
            let mut unit = owner(OwnerKind::Unit);
            unit.unit = Some(found);
            Some(unit)
        }
        (found, user) => {
            let mut login = owner(OwnerKind::User);
            login.unit = Some(user.map(|&slice| slice.to_owned()).or(found)?);
            Some(login)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8e24aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
    const NODE: &str = "1111aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
    const UID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    /// kind, runtime, container id, pod uid, unit; `-` for absent.
    fn summary(path: &str) -> String {
        let Some(owner) = from_path(path) else {
            return "none".to_owned();
        };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        format!(
            "{:?} {} {} {} {}",
            owner.kind,
            or_dash(owner.runtime),
            or_dash(owner.container_id)
                .replace(ID, "ID")
                .replace(NODE, "NODE"),
            or_dash(owner.pod_uid).replace(UID, "UID"),
            or_dash(owner.unit)
        )
    }

    #[test]
    fn owners_of_paths() {
        for (path, expected) in [
            ("/docker/ID", "Container docker ID - -"),
            ("/docker/ID/nested/deep", "Container docker ID - -"),
            ("/my-parent/ID", "Container - ID - -"),
            ("/system.slice/docker-ID.scope", "Container docker ID - -"),
            (
                "/custom.slice/docker-ID.scope/init",
                "Container docker ID - -",
            ),
            (
                "/system.slice/docker-ID.scope/system.slice/web.service",
                "Container docker ID - web.service",
            ),
            (
                "/machine.slice/libpod-ID.scope/container",
                "Container podman ID - -",
            ),
            ("/libpod_parent/libpod-ID", "Container podman ID - -"),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
                "Container podman ID - -",
            ),
            (
                "/system.slice/web.service/libpod-payload-ID",
                "Container podman ID - web.service",
            ),
            ("/kubepods/burstable/podUID/ID", "Pod - ID UID -"),
            ("/kubepods/podUID/crio-ID", "Pod cri-o ID UID -"),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUSC.slice/cri-containerd-ID.scope",
                "Pod containerd ID UID -",
            ),
            (
                "/kubepods.slice/kubepods-podUSC.slice/crio-ID.scope/container",
                "Pod cri-o ID UID -",
            ),
            (
                "/kubepods.slice/kubepods-podUSC.slice/crio-conmon-ID.scope",
                "Pod - - UID -",
            ),
            ("/kubepods.slice/kubepods-podUSC.slice", "Pod - - UID -"),
            (
                "/system.slice/containerd.service/kubepods-burstable-podUSC.slice:cri-containerd:ID",
                "Pod containerd ID UID containerd.service",
            ),
            (
                "/system.slice/docker-NODE.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podUSC.slice/cri-containerd-ID.scope",
                "Pod containerd ID UID -",
            ),
            (
                "/machine.slice/libpod-conmon-ID.scope",
                "Unit - - - libpod-conmon-ID.scope",
            ),
            (
                "/lxc.payload.web/init.scope",
                "Container lxc - - init.scope",
            ),
            ("/lxc/web", "Container lxc - - -"),
            ("/system.slice/nginx.service", "Unit - - - nginx.service"),
            (
                "/system.slice/system-postgresql.slice/postgresql@15-main.service",
                "Unit - - - postgresql@15-main.service",
            ),
            ("/init.scope", "Unit - - - init.scope"),
            (
                "/user.slice/user-1000.slice/session-3.scope",
                "User - - - user-1000.slice",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/init.scope",
                "User - - - user-1000.slice",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox.scope",
                "Unit - - - app-firefox.scope",
            ),
            ("/", "none"),
            ("", "none"),
            ("/a/b", "none"),
            ("/system.slice/tmp.mount", "none"),
            ("/docker/8e24", "none"),
            ("/docker/IDf", "none"),
            ("/kubepods/podfoo", "none"),
            ("/.service", "none"),
        ] {
            let path = path
                .replace("USC", &UID.replace('-', "_"))
                .replace("UID", UID)
                .replace("ID", ID)
                .replace("NODE", NODE);
            let expected = expected.replace("libpod-conmon-ID", &format!("libpod-conmon-{ID}"));
            assert_eq!(summary(&path), expected, "{path}");
        }
    }

    #[test]
    fn a_static_pods_uid_is_a_hash() {
        let hash = "0123456789abcdef0123456789abcdef";
        let owner = from_path(&format!("/kubepods/burstable/pod{hash}/{ID}")).unwrap();
        assert_eq!(owner.pod_uid.as_deref(), Some(hash));
    }

    proptest::proptest! {
        #[test]
        fn any_path_is_survived(path in "\\PC*") {
            let owner = from_path(&path);
            if let Some(id) = owner.and_then(|owner| owner.container_id) {
                proptest::prop_assert!(is_container_id(&id));
            }
        }
    }
}
