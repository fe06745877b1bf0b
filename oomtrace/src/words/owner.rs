//! Owners and cgroups.

use crate::model::{LimitHit, OomKill, Owner, OwnerKind};

/// Hexadecimal digits of a container's id that are shown, as Docker shows it.
const SHORT_ID: usize = 12;

/// Whom the victim belongs to, or its cgroup.
#[must_use]
pub fn home(event: &OomKill) -> Option<String> {
    let path = event.victim.cgroup_path.as_deref();
    let by_owner = event.owner.as_ref().and_then(owner);
    by_owner.or_else(|| path.filter(|path| *path != "/").map(cgroup))
}

/// `container web`, `pod shop/web-1`, `service nginx`, …; `None` if the owner has no name at all.
#[must_use]
pub fn owner(owner: &Owner) -> Option<String> {
    match owner.kind {
        OwnerKind::Container => container(owner),
        OwnerKind::Pod => container(owner)
            .map(|container| match pod(owner) {
                Some(pod) if owner.pod_name.is_some() => format!("{container} of {pod}"),
                _ => container,
            })
            .or_else(|| pod(owner)),
        OwnerKind::Unit => owner.unit.as_deref().map(unit),
        OwnerKind::User => owner.unit.as_deref().map(|slice| match user_id(slice) {
            Some(uid) => format!("user {uid}"),
            None => unit(slice),
        }),
    }
}

fn container(owner: &Owner) -> Option<String> {
    if let Some(name) = &owner.container_name {
        return Some(format!("container {name}"));
    }
    let id = owner.container_id.as_deref()?;
    Some(format!("container {}", id.get(..SHORT_ID).unwrap_or(id)))
}

fn pod(owner: &Owner) -> Option<String> {
    match (&owner.namespace, &owner.pod_name, &owner.pod_uid) {
        (Some(namespace), Some(name), _) => Some(format!("pod {namespace}/{name}")),
        (None, Some(name), _) => Some(format!("pod {name}")),
        (_, None, Some(uid)) => Some(format!("pod {uid}")),
        (_, None, None) => None,
    }
}

fn unit(unit: &str) -> String {
    match unit.rsplit_once('.') {
        Some((name, kind @ ("service" | "scope" | "slice"))) => format!("{kind} {name}"),
        _ => format!("unit {unit}"),
    }
}

fn user_id(slice: &str) -> Option<&str> {
    slice.strip_prefix("user-")?.strip_suffix(".slice")
}

/// A cgroup by its path alone.
fn cgroup(path: &str) -> String {
    if path == "/" {
        return "the root cgroup".to_owned();
    }
    // A container that is not the victim's own: of an outer level.
    let last = path.rsplit('/').next().unwrap_or(path);
    let id = last
        .strip_suffix(".scope")
        .unwrap_or(last)
        .rsplit('-')
        .next()
        .filter(|id| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match id {
        Some(id) => format!("container {}", id.get(..SHORT_ID).unwrap_or(id)),
        None => format!("cgroup {path}"),
    }
}

/// Whose limit it was.
#[must_use]
pub fn limit_owner(event: &OomKill, limit: &LimitHit) -> String {
    let Some(path) = limit.cgroup_path.as_deref() else {
        return "a memory cgroup".to_owned();
    };
    cgroup_owner(event, path)
}

/// Whose cgroup is at `path`: what the victim belongs to, or the cgroup itself.
#[must_use]
pub fn cgroup_owner(event: &OomKill, path: &str) -> String {
    let by_owner = event.owner.as_ref().and_then(|owner| owner_at(owner, path));
    by_owner.unwrap_or_else(|| cgroup(path))
}

/// The part of the victim's owner (container, pod, unit) whose own cgroup is at `path`; `None`
/// for a cgroup inside or outside of it.
fn owner_at(owner_of_victim: &Owner, path: &str) -> Option<String> {
    let mut components = path.rsplit('/');
    let last = components.next()?;
    let holds_id = |name: &str| {
        owner_of_victim
            .container_id
            .as_deref()
            // A shortened id may be part of another name.
            .is_some_and(|id| name == id || id.len() >= SHORT_ID && name.contains(id))
    };
    // CRI-O and podman put the container's processes into a child of its own directory.
    let is_container =
        holds_id(last) || (last == "container" && components.next().is_some_and(holds_id));
    if is_container {
        return owner(owner_of_victim);
    }
    if let Some(uid) = owner_of_victim.pod_uid.as_deref()
        && (last.contains(uid) || last.contains(&uid.replace('-', "_")))
    {
        return pod(owner_of_victim);
    }
    if owner_of_victim.container_id.is_none()
        && let Some(name) = &owner_of_victim.container_name
        && last.strip_prefix("lxc.payload.").unwrap_or(last) == name
    {
        return container(owner_of_victim);
    }
    (owner_of_victim.unit.as_deref() == Some(last))
        .then(|| match owner_of_victim.kind {
            OwnerKind::User => owner(owner_of_victim),
            _ => Some(unit(last)),
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::bare;

    const ID: &str = "8e24aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";
    const UID: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn pod_container() -> Owner {
        Owner {
            container_id: Some(ID.to_owned()),
            container_name: Some("app".to_owned()),
            namespace: Some("shop".to_owned()),
            pod_name: Some("web-1".to_owned()),
            pod_uid: Some(UID.to_owned()),
            ..Owner::of(OwnerKind::Pod)
        }
    }

    fn limit_words(owner: Option<Owner>, path: &str) -> String {
        let mut event = bare();
        event.owner = owner;
        let limit = LimitHit {
            cgroup_path: Some(path.to_owned()),
            ..LimitHit::default()
        };
        limit_owner(&event, &limit)
    }

    #[test]
    fn whose_limit() {
        let pod_slice = format!(
            "/kubepods.slice/kubepods-pod{}.slice",
            UID.replace('-', "_")
        );
        let unit = |name: &str| Owner {
            unit: Some(name.to_owned()),
            ..Owner::of(OwnerKind::Unit)
        };
        let container = Owner {
            container_id: Some(ID.to_owned()),
            ..Owner::of(OwnerKind::Container)
        };
        let named = Owner {
            container_name: Some("web".to_owned()),
            ..container.clone()
        };
        for (owner, path, words) in [
            (
                Some(named.clone()),
                format!("/docker/{ID}"),
                "container web",
            ),
            (
                Some(named.clone()),
                format!("/machine.slice/libpod-{ID}.scope/container"),
                "container web",
            ),
            (
                Some(container),
                format!("/docker/{ID}"),
                "container 8e24aabbccdd",
            ),
            (Some(named), "/docker".to_owned(), "cgroup /docker"),
            (
                None,
                format!("/system.slice/docker-{ID}.scope"),
                "container 8e24aabbccdd",
            ),
            (
                Some(pod_container()),
                format!("{pod_slice}/cri-containerd-{ID}.scope"),
                "container app of pod shop/web-1",
            ),
            (Some(pod_container()), pod_slice.clone(), "pod shop/web-1"),
            (
                Some(pod_container()),
                "/kubepods.slice".to_owned(),
                "cgroup /kubepods.slice",
            ),
            (
                Some(unit("web.service")),
                "/system.slice/web.service".to_owned(),
                "service web",
            ),
            (
                Some(unit("web.service")),
                "/system.slice".to_owned(),
                "cgroup /system.slice",
            ),
            (None, "/a/b".to_owned(), "cgroup /a/b"),
            (None, "/".to_owned(), "the root cgroup"),
        ] {
            assert_eq!(limit_words(owner, &path), words, "{path}");
        }
        let event = bare();
        assert_eq!(limit_owner(&event, &LimitHit::default()), "a memory cgroup");
    }

    #[test]
    fn owners() {
        assert_eq!(
            owner(&pod_container()).unwrap(),
            "container app of pod shop/web-1"
        );
        let user = Owner {
            unit: Some("user-1000.slice".to_owned()),
            ..Owner::of(OwnerKind::User)
        };
        assert_eq!(owner(&user).unwrap(), "user 1000");
        assert_eq!(owner(&Owner::of(OwnerKind::Container)), None);
        assert_eq!(owner(&Owner::of(OwnerKind::Pod)), None);
    }
}
