//! Whom a cgroup belongs to, from its path alone. Pure, table-driven, read from right to left:
//! the innermost container wins, then the innermost unit. A path that matches nothing has no
//! owner; a container's id alone, below a parent that says nothing, is no match either (the
//! engine that knows the id may say so: `enrich::owner`).
//!
//! Who may make cgroups can name one like a container's; the path itself, which the kernel gives,
//! is always beside the owner in an event.

mod ids;
mod pod;

use self::ids::{has_groups, is_number, is_small_hex, is_uuid};
pub use self::ids::{is_container_id, is_name};
use self::pod::{pod_uid, qos_class};
use crate::model::{Owner, OwnerKind};

/// What a container is called in its path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// 64 hexadecimal digits in small letters.
    Hex,
    /// A hexadecimal id in small letters that somebody may have shortened: where nothing else can be.
    ShortHex,
    /// A task of ECS on Fargate: 32 hexadecimal digits, a dash, digits.
    FargateTask,
    /// A UUID, or Garden's shorter form of one.
    Uuid,
    /// `<UUID of the allocation>.<task>`.
    Allocation,
    /// A name that somebody gave.
    Name,
}

/// A kind of directory that is a container's own.
struct Rule {
    /// The directories above it, the nearest last. `^` is the top (or another container), `*` any
    /// one, `@pod` a pod's, `@task` an ECS task's.
    above: &'static [&'static str],
    /// What precedes the id.
    prefix: &'static str,
    form: Form,
    runtime: Option<&'static str>,
}

const fn rule(
    above: &'static [&'static str],
    prefix: &'static str,
    form: Form,
    runtime: &'static str,
) -> Rule {
    Rule {
        above,
        prefix,
        form,
        runtime: Some(runtime),
    }
}

const fn nameless(above: &'static [&'static str], form: Form) -> Rule {
    Rule {
        above,
        prefix: "",
        form,
        runtime: None,
    }
}

/// The layouts. `libpod-conmon-` and `crio-conmon-` (an engine's helper beside the container) and
/// `lxc.monitor.` match nothing, by the forms.
const RULES: &[Rule] = &[
    rule(&[], "docker-", Form::Hex, "docker"),
    rule(&[], "libpod-payload-", Form::Hex, "podman"),
    rule(&[], "libpod-", Form::Hex, "podman"),
    rule(&[], "cri-containerd-", Form::Hex, "containerd"),
    rule(&[], "nerdctl-", Form::Hex, "containerd"),
    rule(&[], "crio-", Form::Hex, "cri-o"),
    rule(&["docker"], "", Form::Hex, "docker"),
    nameless(&["@pod"], Form::ShortHex),
    nameless(&["ecs", "@task"], Form::Hex),
    nameless(&["ecs", "@task"], Form::FargateTask),
    // containerd's own namespaces; others are known by containerd's state only.
    rule(&["^", "default"], "", Form::Hex, "containerd"),
    rule(&["^", "k8s.io"], "", Form::Hex, "containerd"),
    rule(&[], "lxc.payload.", Form::Name, "lxc"),
    rule(&["lxc.payload"], "", Form::Name, "lxc"),
    rule(&["lxc"], "", Form::Name, "lxc"),
    rule(
        &["nomad.slice", "share.slice"],
        "",
        Form::Allocation,
        "nomad",
    ),
    rule(
        &["nomad.slice", "reserve.slice"],
        "",
        Form::Allocation,
        "nomad",
    ),
    rule(&["nomad"], "", Form::Allocation, "nomad"),
    rule(&["nomad", "share"], "", Form::Allocation, "nomad"),
    rule(&["nomad", "reserve"], "", Form::Allocation, "nomad"),
    rule(&["garden"], "", Form::Uuid, "garden"),
    rule(&["garden", "good"], "", Form::Uuid, "garden"),
    rule(&["garden", "bad"], "", Form::Uuid, "garden"),
    rule(&["mesos"], "", Form::Uuid, "mesos"),
];

/// The services of Talos that are not below `/podruntime`.
const TALOS: &[&str] = &[
    "apid",
    "auditd",
    "dashboard",
    "machined",
    "runtime",
    "syslogd",
    "trustd",
    "udevd",
];

/// The names in a path.
#[must_use]
pub fn components(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

/// The owner of the cgroup at `path` (from the root of its hierarchy); `None` if nothing in the
/// path says so.
#[must_use]
pub fn from_path(path: &str) -> Option<Owner> {
    let components = components(path);
    for at in (0..components.len()).rev() {
        let above = components.get(..at).unwrap_or_default();
        let name = components.get(at).copied().unwrap_or_default();
        if let Some(found) = container(name, above) {
            return Some(inside_and_outside(found, &components, at));
        }
    }
    if let Some(uid) = pod_uid(&components) {
        let mut pod = Owner::of(OwnerKind::Pod);
        pod.pod_uid = Some(uid);
        pod.pod_qos_class = qos_class(&components);
        return Some(pod);
    }
    talos(&components).or_else(|| unit_or_user(&components))
}

/// Adds what the path says around the container whose own directory is component `at`.
#[must_use]
pub fn inside_and_outside(mut owner: Owner, components: &[&str], at: usize) -> Owner {
    let outside = components.get(..at).unwrap_or_default();
    let inside = components.get(at + 1..).unwrap_or_default();
    // containerd without systemd's slices puts the pod into the container's own component.
    let up_to = components.get(..=at).unwrap_or_default();
    owner.pod_uid = pod_uid(up_to);
    if owner.pod_uid.is_some() {
        owner.kind = OwnerKind::Pod;
        owner.pod_qos_class = qos_class(up_to);
    }
    owner.unit = inside.iter().rev().find_map(|name| unit(name)).or_else(|| {
        // `--cgroups=split` puts a container below the unit that started it.
        unit(outside.last()?).filter(|unit| unit.ends_with(".service"))
    });
    owner
}

/// The container whose own directory is `name`, below the directories `above`.
fn container(name: &str, above: &[&str]) -> Option<Owner> {
    let plain = name.strip_suffix(".scope").unwrap_or(name);
    let found = RULES.iter().find_map(|rule| {
        // A name may end in anything.
        let name = if rule.form == Form::Name { name } else { plain };
        let id = name.strip_prefix(rule.prefix)?;
        (rule.form.fits(id) && is_below(above, rule.above))
            .then(|| with(rule.form, rule.runtime, id))
    });
    found
        .or_else(|| sliceless(plain))
        .or_else(|| nspawn(name, above))
}

fn with(form: Form, runtime: Option<&str>, id: &str) -> Owner {
    let mut found = Owner::of(OwnerKind::Container);
    found.engine = runtime.map(str::to_owned);
    match (form, id.split_once('.')) {
        (Form::Name, _) => found.container_name = Some(id.to_owned()),
        (Form::Allocation, Some((allocation, task))) => {
            found.container_id = Some(allocation.to_owned());
            found.container_name = Some(task.to_owned());
        }
        _ => found.container_id = Some(id.to_owned()),
    }
    found
}

/// containerd configured to use systemd's names without systemd: `x.slice:cri-containerd:<id>`.
fn sliceless(name: &str) -> Option<Owner> {
    let mut parts = name.rsplit(':');
    let (id, prefix, _) = (parts.next()?, parts.next()?, parts.next()?);
    let rule = RULES
        .iter()
        .find(|rule| rule.prefix.strip_suffix('-') == Some(prefix) && rule.form.fits(id))?;
    Some(with(rule.form, rule.runtime, id))
}

/// What systemd-nspawn runs: `machine.slice/systemd-nspawn@<name>.service/payload`.
fn nspawn(name: &str, above: &[&str]) -> Option<Owner> {
    let unit = match above {
        [.., "machine.slice", unit] if name == "payload" => unit,
        _ => return None,
    };
    let machine = unit
        .strip_prefix("systemd-nspawn@")
        .and_then(|rest| rest.strip_suffix(".service"))
        .or_else(|| unit.strip_prefix("machine-")?.strip_suffix(".scope"))
        .and_then(unescape)?;
    Some(with(Form::Name, Some("systemd-nspawn"), &machine))
}

/// Whether the last of `components` are those of `pattern`.
fn is_below(components: &[&str], pattern: &[&str]) -> bool {
    let mut rest = components;
    for wanted in pattern.iter().rev() {
        if *wanted == "^" {
            return rest.last().is_none_or(|name| ends_in_id(name));
        }
        let Some((last, before)) = rest.split_last() else {
            return false;
        };
        let fits = match *wanted {
            "*" => true,
            "@pod" => pod_uid(&[*last]).is_some(),
            "@task" => is_small_hex(last, 32) || is_uuid(last),
            wanted => *last == wanted,
        };
        if !fits {
            return false;
        }
        rest = before;
    }
    true
}

impl Form {
    fn fits(self, id: &str) -> bool {
        match self {
            Self::Hex => is_container_id(id),
            Self::ShortHex => (4..=64).any(|digits| is_small_hex(id, digits)),
            Self::FargateTask => id
                .split_once('-')
                .is_some_and(|(task, number)| is_small_hex(task, 32) && is_number(number)),
            Self::Uuid => is_uuid(id) || has_groups(id, &[8, 4, 4, 4, 4]),
            Self::Allocation => id
                .split_once('.')
                .is_some_and(|(allocation, task)| is_uuid(allocation) && is_name(task)),
            Self::Name => is_name(id),
        }
    }
}

/// Whether these components are the cgroup at `path`, as seen from the top or from inside another
/// container.
#[must_use]
pub fn leads_to(components: &[&str], path: &str) -> bool {
    let wanted = self::components(path);
    !wanted.is_empty()
        && components
            .strip_suffix(wanted.as_slice())
            .is_some_and(|rest| rest.last().is_none_or(|name| ends_in_id(name)))
}

fn ends_in_id(name: &str) -> bool {
    let plain = name.strip_suffix(".scope").unwrap_or(name);
    plain.rsplit(['-', ':']).next().is_some_and(is_container_id)
}

/// A systemd unit that runs processes.
fn unit(name: &str) -> Option<String> {
    has_kind(name, &["service", "scope"]).then(|| name.to_owned())
}

/// A unit's name of one of these kinds, in the letters that systemd allows.
fn has_kind(name: &str, kinds: &[&str]) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.' | b'\\' | b'@')
    };
    name.rsplit_once('.')
        .is_some_and(|(stem, kind)| !stem.is_empty() && kinds.contains(&kind))
        && name.len() <= 255
        && name.bytes().all(allowed)
}

/// A machine's name as it was before systemd escaped it: `\x2d` is a dash.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split("\\x");
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let code = u8::from_str_radix(part.get(..2)?, 16).ok()?;
        plain.push(char::from(code));
        plain.push_str(part.get(2..)?);
    }
    is_name(&plain).then_some(plain)
}

fn talos(components: &[&str]) -> Option<Owner> {
    let service = match components {
        ["podruntime", service, ..] if is_name(service) => service,
        ["system", service, ..] if TALOS.contains(service) => service,
        _ => return None,
    };
    let mut found = Owner::of(OwnerKind::Unit);
    found.unit = Some((*service).to_owned());
    Some(found)
}

fn unit_or_user(components: &[&str]) -> Option<Owner> {
    let user = components.iter().rev().find(|name| {
        name.strip_prefix("user-")
            .and_then(|rest| rest.strip_suffix(".slice"))
            .is_some_and(is_number)
    });
    let found = components.iter().rev().find_map(|name| unit(name));
    let is_login = |unit: &str| unit.starts_with("session-") || unit.starts_with("user@");
    // The user's manager has an `init.scope` of its own.
    let belongs_to_user = |unit: &str| is_login(unit) || (unit == "init.scope" && user.is_some());
    let (kind, name) = match (found, user) {
        (Some(found), _) if !belongs_to_user(&found) => (OwnerKind::Unit, found),
        (_, Some(slice)) => (OwnerKind::User, (*slice).to_owned()),
        (Some(found), None) => (OwnerKind::User, found),
        // Where only slices have a cgroup of their own (cgroup v1 without accounting per unit).
        (None, None) => {
            let last = components
                .last()
                .filter(|name| has_kind(name, &["slice"]))?;
            (OwnerKind::Unit, (*last).to_owned())
        }
    };
    let mut found = Owner::of(kind);
    found.unit = Some(name);
    Some(found)
}

#[cfg(test)]
mod tests;
