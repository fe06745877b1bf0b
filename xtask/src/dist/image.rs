//! The container image: the static binary alone, for both architectures, in one OCI layout.
//!
//! The archive also holds the `manifest.json` that `docker load` reads, so one file serves every
//! engine. The binary has the capabilities that tracing needs as permitted, not as effective ones: a
//! user other than root can trace where the engine grants them, and decode a log where it does not.

use anyhow::Result;
use serde_json::{Value, json};

use super::compile::Arch;
use super::content::Content;
use super::tree::{Tree, gzip};

/// Bits of CAP_DAC_READ_SEARCH, CAP_SYSLOG, CAP_PERFMON and CAP_BPF.
const CAPABILITIES: u64 = 1 << 2 | 1 << 34 | 1 << 38 | 1 << 39;

/// `VFS_CAP_REVISION_2`, without `VFS_CAP_FLAGS_EFFECTIVE`.
const CAPABILITY_FORMAT: u32 = 0x0200_0000;

/// Makes the archive of the image.
///
/// # Errors
/// Does not fail but for lack of memory.
pub fn image(content: &Content, binaries: &[(Arch, Vec<u8>)]) -> Result<Vec<u8>> {
    let created = super::timestamp(content.epoch)?;
    let mut blobs = Tree::default();
    let (mut manifests, mut loads) = (Vec::new(), Vec::new());
    for (arch, binary) in binaries {
        let mut root = Tree::default();
        root.add("oomtrace", 0o755, binary.clone());
        root.set_capability("oomtrace", capability());
        // Its own writable places, for the user that the image names.
        let tar = root.tar("", content.epoch)?;
        let layer = gzip(&tar)?;
        let config = json!({
            "created": created,
            "architecture": arch.debian,
            "os": "linux",
            "config": {
                "User": "65532:65532",
                "Entrypoint": ["/oomtrace"],
                "WorkingDir": "/",
                "Labels": labels(content),
            },
            "rootfs": { "type": "layers", "diff_ids": [digest(&tar)] },
            "history": [{ "created": created, "created_by": "oomtrace" }],
        });
        let config = serde_json::to_vec(&config)?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", &layer)],
            "annotations": labels(content),
        });
        let manifest = serde_json::to_vec(&manifest)?;
        let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
        if let Some(entry) = entry.as_object_mut() {
            let platform = json!({ "architecture": arch.debian, "os": "linux" });
            entry.insert("platform".to_owned(), platform);
        }
        manifests.push(entry);
        loads.push(json!({
            "Config": blob(&config),
            "RepoTags": [format!("oomtrace:{}-{}", content.version, arch.debian)],
            "Layers": [blob(&layer)],
        }));
        for bytes in [layer, config, manifest] {
            blobs.add(blob(&bytes), 0o644, bytes);
        }
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    let index = serde_json::to_vec(&index)?;
    let mut named = descriptor("application/vnd.oci.image.index.v1+json", &index);
    if let Some(named) = named.as_object_mut() {
        let name = json!({ "org.opencontainers.image.ref.name": content.version });
        named.insert("annotations".to_owned(), name);
    }
    blobs.add(blob(&index), 0o644, index);
    let outer = json!({ "schemaVersion": 2, "manifests": [named] });
    blobs.add("index.json", 0o644, serde_json::to_vec(&outer)?);
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    blobs.add("oci-layout", 0o644, serde_json::to_vec(&layout)?);
    blobs.add("manifest.json", 0o644, serde_json::to_vec(&loads)?);
    blobs.tar("", content.epoch)
}

fn labels(content: &Content) -> Value {
    json!({
        "org.opencontainers.image.title": "oomtrace",
        "org.opencontainers.image.description": "Explains every OOM kill on a Linux node",
        "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
        "org.opencontainers.image.version": content.version,
    })
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", super::sha256(bytes))
}

fn blob(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", super::sha256(bytes))
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() })
}

/// The extended attribute of a file with these capabilities permitted (`struct vfs_cap_data`).
fn capability() -> Vec<u8> {
    let [low, high] = [CAPABILITIES & 0xffff_ffff, CAPABILITIES >> 32];
    [CAPABILITY_FORMAT.into(), low, 0, high, 0]
        .iter()
        .flat_map(|word: &u64| word.to_le_bytes().into_iter().take(4))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_as_the_kernel_reads_them() {
        let value = capability();
        assert_eq!(value.len(), 20);
        // `setcap cap_dac_read_search,cap_syslog,cap_perfmon,cap_bpf=p` writes the same.
        let expected = [
            0, 0, 0, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0xc4, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(value, expected);
    }
}
