//! The memory settings of the victim's own runtime, and what it said of itself.

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

use super::Bytes;

/// A language runtime or data store with a memory limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuntimeKind {
    /// A Java virtual machine.
    Jvm,
    /// Node.js.
    Node,
    /// Go.
    Go,
    /// Python.
    Python,
    /// .NET.
    Dotnet,
    /// `PostgreSQL`.
    Postgresql,
    /// Redis or Valkey.
    Redis,
    /// `MySQL` or `MariaDB`.
    Mysql,
}

/// The memory settings of the victim's own runtime.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Runtime {
    /// Which runtime.
    pub kind: RuntimeKind,
    /// What runs on it, where its command line says so: `elasticsearch`, `kafka`, …
    pub application: Option<String>,
    /// Heap cap it was given (`-Xmx`, `--max-old-space-size`, `DOTNET_GCHeapHardLimit`).
    pub max_heap_bytes: Option<Bytes>,
    /// Heap cap as a share of the memory it sees (`MaxRAMPercentage`,
    /// `DOTNET_GCHeapHardLimitPercent`).
    pub max_ram_percent: Option<f64>,
    /// Cap of direct buffers (`-XX:MaxDirectMemorySize`).
    pub max_direct_bytes: Option<Bytes>,
    /// Cap of class metadata (`-XX:MaxMetaspaceSize`).
    pub max_metaspace_bytes: Option<Bytes>,
    /// Stack of each thread (`-Xss`).
    pub thread_stack_bytes: Option<Bytes>,
    /// Goal of the collector for all memory of the runtime, not a cap (`GOMEMLIMIT`).
    pub soft_limit_bytes: Option<Bytes>,
    /// Growth of the heap between collections in percent (`GOGC`). Absent also where it is `off`.
    pub gc_percent: Option<u32>,
    /// What a data store may keep in memory (`--maxmemory`, `shared_buffers`,
    /// `--innodb-buffer-pool-size`).
    pub max_data_bytes: Option<Bytes>,
    /// What each sort or hash of a query may take (`work_mem`).
    pub work_mem_bytes: Option<Bytes>,
    /// Connections that a data store accepts (`max_connections`).
    pub max_connections: Option<u64>,
    /// What a JVM had counted itself.
    pub jvm: Option<JvmCounters>,
    /// The arguments and variables that the above were read from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub basis: Vec<String>,
}

impl Runtime {
    /// A runtime of which nothing more is known.
    #[must_use]
    pub const fn of(kind: RuntimeKind) -> Self {
        Self {
            kind,
            application: None,
            max_heap_bytes: None,
            max_ram_percent: None,
            max_direct_bytes: None,
            max_metaspace_bytes: None,
            thread_stack_bytes: None,
            soft_limit_bytes: None,
            gc_percent: None,
            max_data_bytes: None,
            work_mem_bytes: None,
            max_connections: None,
            jvm: None,
            basis: Vec::new(),
        }
    }
}

/// A JVM's own counters, from its `hsperfdata` file, which outlives SIGKILL. Figures of the heap
/// and the metaspace are those of the last garbage collection (of the start, before the first).
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JvmCounters {
    /// Heap that the JVM may reach at most. Source: sum of `sun.gc.generation.*.maxCapacity`.
    pub heap_max_bytes: Option<Bytes>,
    /// Heap that it had committed. Source: sum of `sun.gc.generation.*.capacity`.
    pub heap_capacity_bytes: Option<Bytes>,
    /// Heap in use. Source: sum of `sun.gc.generation.*.space.*.used`.
    pub heap_used_bytes: Option<Bytes>,
    /// Class metadata committed. Source: `sun.gc.metaspace.capacity`.
    pub metaspace_capacity_bytes: Option<Bytes>,
    /// Class metadata in use. Source: `sun.gc.metaspace.used`.
    pub metaspace_used_bytes: Option<Bytes>,
    /// Java threads alive. Source: `java.threads.live`.
    pub threads: Option<u64>,
    /// Garbage collections so far. Source: sum of `sun.gc.collector.*.invocations`.
    pub collections_total: Option<u64>,
}
