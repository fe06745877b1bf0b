use super::*;
use crate::model::Bytes;

const MIB: u64 = 1 << 20;

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn with_environ(comm: &str, args: &[&str], environ: &[&str]) -> Option<Runtime> {
    let start = Start {
        comm: Some(comm),
        exe: None,
        args: &words(args),
        environ: &words(environ),
    };
    of_process(&start, None)
}

fn runtime(comm: &str, args: &[&str]) -> Option<Runtime> {
    with_environ(comm, args, &[])
}

#[test]
fn jvm_options() {
    let jvm = runtime(
        "java",
        &[
            "/usr/lib/jvm/bin/java",
            "-Xmx64m",
            "-Xss512K",
            "-XX:MaxDirectMemorySize=1g",
            "-XX:MaxMetaspaceSize=96M",
            "-XX:MaxRAMPercentage=62.5",
            "-cp",
            "a.jar",
            "-Xmx128m",
            "Main",
            "-Xmx1t",
        ],
    )
    .unwrap();
    assert_eq!(jvm.kind, RuntimeKind::Jvm);
    assert_eq!(
        jvm.max_heap_bytes,
        Some(Bytes(128 * MIB)),
        "the last before Main"
    );
    assert_eq!(jvm.thread_stack_bytes, Some(Bytes(512 * 1024)));
    assert_eq!(jvm.max_direct_bytes, Some(Bytes(1024 * MIB)));
    assert_eq!(jvm.max_metaspace_bytes, Some(Bytes(96 * MIB)));
    assert_eq!(jvm.max_ram_percent, Some(62.5));
    assert_eq!(
        jvm.basis,
        [
            "-Xss512K",
            "-XX:MaxDirectMemorySize=1g",
            "-XX:MaxMetaspaceSize=96M",
            "-XX:MaxRAMPercentage=62.5",
            "-Xmx128m"
        ]
    );
}

#[test]
fn variables_stand_around_the_command_line() {
    let heap = |environ: &[&str]| {
        let jvm = with_environ("java", &["java", "-Xmx2m", "Main"], environ).unwrap();
        (jvm.max_heap_bytes.unwrap().0 / MIB, jvm.basis.join(" "))
    };
    assert_eq!(heap(&[]), (2, "-Xmx2m".to_owned()));
    let before = ["JAVA_TOOL_OPTIONS=-Xmx1m", "JDK_JAVA_OPTIONS=-Xmx4m -Da=b"];
    assert_eq!(heap(&before), (2, "-Xmx2m".to_owned()));
    let after = ["_JAVA_OPTIONS=-Xlog -Xmx8m", "JAVA_TOOL_OPTIONS=-Xmx1m"];
    assert_eq!(heap(&after), (8, "_JAVA_OPTIONS: -Xmx8m".to_owned()));

    let node = with_environ(
        "node",
        &["node", "a.js"],
        &["NODE_OPTIONS=--max-old-space-size=96"],
    );
    let node = node.unwrap();
    assert_eq!(node.max_heap_bytes, Some(Bytes(96 * MIB)));
    assert_eq!(node.basis, ["NODE_OPTIONS: --max-old-space-size=96"]);
}

#[test]
fn what_runs_on_a_jvm() {
    for (args, application) in [
        (
            &[
                "java",
                "-m",
                "org.elasticsearch.server/org.elasticsearch.bootstrap.Elasticsearch",
            ][..],
            Some("elasticsearch"),
        ),
        (&["java", "-Xmx1g", "kafka.Kafka", "x"], Some("kafka")),
        (&["java", "Main", "kafka.Kafka"], None),
        (&["java", "-jar", "kafka.Kafka"], None),
    ] {
        assert_eq!(
            runtime("java", args).unwrap().application.as_deref(),
            application,
            "{args:?}"
        );
    }
}

#[test]
fn which_runtime() {
    use RuntimeKind::{Dotnet, Jvm, Mysql, Node, Postgresql, Python, Redis};
    for (comm, args, kind) in [
        ("java", &[][..], Some(Jvm)),
        ("main", &["/opt/jdk/bin/java", "-jar", "a"], Some(Jvm)),
        ("java", &["./launcher", "x"], Some(Jvm)),
        ("jsvc", &["jsvc", "-Xmx1g", "-cp", "a", "M"], Some(Jvm)),
        ("sh", &["sh", "-c", "java -Xmx1g"], None),
        ("tar", &["tar", "-Xmx1g"], None),
        ("node", &["node", "a.js"], Some(Node)),
        ("python3", &["python3.12", "a.py"], Some(Python)),
        ("python3", &[], Some(Python)),
        ("pythonista", &["pythonista"], None),
        ("dotnet", &["/usr/bin/dotnet", "a.dll"], Some(Dotnet)),
        (
            "postgres",
            &["postgres: bob shop [local] idle"],
            Some(Postgresql),
        ),
        (
            "postgres",
            &["/usr/lib/postgresql/15/bin/postgres"],
            Some(Postgresql),
        ),
        ("redis-server", &["redis-server *:6379"], Some(Redis)),
        ("mariadbd", &["/usr/sbin/mariadbd"], Some(Mysql)),
        ("stress", &["stress"], None),
        ("", &[], None),
    ] {
        assert_eq!(runtime(comm, args).map(|r| r.kind), kind, "{comm} {args:?}");
    }
    assert_eq!(of_process(&Start::default(), None), None);
    let by_exe = Start {
        exe: Some("/usr/bin/python3.11"),
        ..Start::default()
    };
    assert_eq!(of_process(&by_exe, None).unwrap().kind, Python);
    let counters = JvmCounters::default();
    let embedded = of_process(&Start::default(), Some(&counters)).unwrap();
    assert_eq!(embedded.kind, Jvm);
}

#[test]
fn node_heap() {
    for (args, mib) in [
        (&["node", "--max-old-space-size=192", "a.js"][..], Some(192)),
        (&["node", "--max_old_space_size=192", "a.js"], Some(192)),
        (&["node", "--max-old-space-size", "192", "a.js"], Some(192)),
        (
            &["node", "-r", "x", "--max-old-space-size=192", "a.js"],
            Some(192),
        ),
        (&["node", "a.js", "--max-old-space-size=192"], None),
        (&["node", "--max-old-space-size=lots"], None),
        (&["node", "--max-old-space-size"], None),
    ] {
        let heap = runtime("node", args).unwrap().max_heap_bytes;
        assert_eq!(heap, mib.map(|mib: u64| Bytes(mib * MIB)), "{args:?}");
    }
}

#[test]
fn go_and_dotnet_by_their_variables() {
    let go = |environ: &[&str]| with_environ("app", &["/app"], environ);
    assert_eq!(go(&[]), None);
    let told = go(&["GOMEMLIMIT=900MiB", "GOGC=off"]).unwrap();
    assert_eq!(told.kind, RuntimeKind::Go);
    assert_eq!(told.soft_limit_bytes, Some(Bytes(900 * MIB)));
    assert_eq!(told.gc_percent, None);
    assert_eq!(told.basis, ["GOMEMLIMIT=900MiB"]);
    for (value, bytes) in [
        ("1000", Some(1000)),
        ("1KiB", Some(1024)),
        ("1KB", None),
        ("off", None),
    ] {
        let told = go(&[&format!("GOMEMLIMIT={value}")]).unwrap();
        assert_eq!(told.soft_limit_bytes, bytes.map(Bytes), "{value}");
    }
    let net = with_environ(
        "app",
        &["/app"],
        &[
            "COMPlus_GCHeapHardLimit=1000",
            "DOTNET_GCHeapHardLimit=0xC800000",
            "DOTNET_GCHeapHardLimitPercent=4B",
        ],
    )
    .unwrap();
    assert_eq!(net.kind, RuntimeKind::Dotnet);
    assert_eq!(net.max_heap_bytes, Some(Bytes(200 * MIB)));
    assert_eq!(net.max_ram_percent, Some(75.0));
}

#[test]
fn data_stores() {
    for (comm, args, bytes) in [
        (
            "postgres",
            &["postgres", "-D", "/d", "-c", "shared_buffers=128MB"][..],
            128 * MIB,
        ),
        (
            "postgres",
            &["postgres", "-cshared_buffers=1GB"],
            1024 * MIB,
        ),
        ("postgres", &["postgres", "--shared-buffers=16kB"], 16 << 10),
        ("postgres", &["postgres", "-B", "16384"], 128 * MIB),
        (
            "redis-server",
            &["redis-server", "--maxmemory", "100mb"],
            100 * MIB,
        ),
        (
            "redis-server",
            &["redis-server", "--maxmemory", "100M"],
            100_000_000,
        ),
        (
            "redis-server",
            &["redis-server", "--maxmemory", "4096"],
            4096,
        ),
        (
            "mysqld",
            &["mysqld", "--innodb_buffer_pool_size=1G"],
            1024 * MIB,
        ),
    ] {
        let told = runtime(comm, args).unwrap();
        assert_eq!(told.max_data_bytes, Some(Bytes(bytes)), "{args:?}");
        assert_eq!(told.basis.len(), 1, "{args:?}");
    }
    let args = "postgres -c work_mem=8MB -c max_connections=60 --work-mem=64 -c shared_buffers=1GB";
    let args: Vec<&str> = args.split(' ').collect();
    let found = runtime("postgres", &args).unwrap();
    assert_eq!(found.work_mem_bytes, Some(Bytes(64 << 10)));
    assert_eq!(found.max_connections, Some(60));
    let basis = [
        "-c max_connections=60",
        "--work-mem=64",
        "-c shared_buffers=1GB",
    ];
    assert_eq!(found.basis, basis);
    for args in [
        &["postgres", "-c"][..],
        &["postgres", "-c", "work_mem=4MB"],
        &["postgres", "-c", "shared_buffers=lots"],
        &["postgres", "é=1", "-B"],
    ] {
        assert_eq!(runtime("postgres", args).unwrap().max_data_bytes, None);
    }
}
