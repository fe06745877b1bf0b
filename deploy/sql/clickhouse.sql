-- oomtrace events in ClickHouse. All parts: clickhouse-client --multiquery < clickhouse.sql
-- The server reads events.ndjson below its user_files_path. From elsewhere, replace the line with file() by
-- FROM input('line String') ... FORMAT LineAsString, and pipe the file into the client.

-- name: table
CREATE TABLE IF NOT EXISTS oom_kills (
    event_id         String,                     -- the same however often an event is delivered
    time             Nullable(DateTime64(9, 'UTC')),
    hostname         LowCardinality(Nullable(String)),
    boot_id          Nullable(String),
    scope            LowCardinality(Nullable(String)),  -- memcg: a cgroup's limit; global: the node
    kill_kind        LowCardinality(Nullable(String)),  -- shared_mm: died with another victim, not counted by the kernel
    kill_index       Nullable(Int64),            -- 0: the first kill of its incident
    workload         LowCardinality(String),     -- namespace/container, else container, unit or cgroup
    pod              Nullable(String),
    image            LowCardinality(Nullable(String)),
    comm             LowCardinality(Nullable(String)),
    killed_us        Nullable(Int64),            -- since boot
    started_us       Nullable(Int64),            -- since boot; NULL from a log
    limit_bytes      Nullable(Int64),
    in_use_bytes     Nullable(Int64),            -- charged and asked for
    configured_bytes Nullable(Int64),            -- sum of the runtime's caps
    finding          LowCardinality(Nullable(String)),  -- what explains most
    event            String CODEC(ZSTD(3))       -- all of it
)
-- Rows with the same event_id become one when parts are merged; FINAL does so at once, when asking.
ENGINE = ReplacingMergeTree
ORDER BY event_id;

-- name: load
INSERT INTO oom_kills
SELECT
    JSONExtractString(line, 'event_id'),
    parseDateTime64BestEffortOrNull(JSONExtractString(line, 'timestamp'), 9, 'UTC'),
    JSONExtract(line, 'hostname', 'Nullable(String)'),
    JSONExtract(line, 'kernel', 'boot_id', 'Nullable(String)'),
    JSONExtract(line, 'incident', 'scope', 'Nullable(String)'),
    JSONExtract(line, 'incident', 'kill_kind', 'Nullable(String)'),
    JSONExtract(line, 'incident', 'kill_index', 'Nullable(Int64)'),
    COALESCE(
        JSONExtract(line, 'owner', 'namespace', 'Nullable(String)') || '/'
            || JSONExtract(line, 'owner', 'container_name', 'Nullable(String)'),
        JSONExtract(line, 'owner', 'container_name', 'Nullable(String)'),
        JSONExtract(line, 'owner', 'unit', 'Nullable(String)'),
        JSONExtract(line, 'victim', 'cgroup_path', 'Nullable(String)'), 'unknown'),
    JSONExtract(line, 'owner', 'pod_name', 'Nullable(String)'),
    JSONExtract(line, 'owner', 'image', 'Nullable(String)'),
    JSONExtract(line, 'victim', 'comm', 'Nullable(String)'),
    JSONExtract(line, 'since_boot_us', 'Nullable(Int64)'),
    JSONExtract(line, 'victim', 'start_since_boot_us', 'Nullable(Int64)'),
    JSONExtract(line, 'limit', 'limit_bytes', 'Nullable(Int64)'),
    JSONExtract(line, 'limit', 'usage_bytes', 'Nullable(Int64)')
        + bitShiftLeft(1, greatest(JSONExtractInt(line, 'trigger', 'order'), 0))
        * JSONExtractInt(line, 'kernel', 'page_size_bytes'),
    if(JSONHas(line, 'runtime'),
        JSONExtractInt(line, 'runtime', 'max_heap_bytes')
        + JSONExtractInt(line, 'runtime', 'max_direct_bytes')
        + JSONExtractInt(line, 'runtime', 'max_metaspace_bytes')
        + JSONExtractInt(line, 'runtime', 'max_data_bytes')
        + JSONExtractInt(line, 'runtime', 'soft_limit_bytes'), NULL),
    JSONExtract(line, 'findings', 1, 'code', 'Nullable(String)'),
    line
FROM file('events.ndjson', 'LineAsString', 'line String')
WHERE JSONExtractString(line, 'event') = 'oom_kill' AND JSONHas(line, 'event_id');

-- name: who_dies_most
SELECT workload, count() AS kills, uniqExact(hostname) AS hosts,
       min(time) AS first_kill, max(time) AS last_kill
FROM oom_kills FINAL
WHERE ifNull(kill_kind, '') != 'shared_mm'
GROUP BY workload
ORDER BY kills DESC, workload;

-- name: limits_too_small
-- A limit must be above needed_above_bytes; how much more would have been wanted later no event knows.
SELECT workload, max(oom_kills.limit_bytes) AS limit_bytes,
       greatest(ifNull(maxIf(in_use_bytes, in_use_bytes >= oom_kills.limit_bytes), 0),
                ifNull(maxIf(configured_bytes, configured_bytes > oom_kills.limit_bytes), 0)) AS needed_above_bytes,
       count() AS kills
FROM oom_kills FINAL
WHERE scope = 'memcg' AND oom_kills.limit_bytes IS NOT NULL
GROUP BY workload
ORDER BY kills DESC, workload;

-- name: restart_loops
-- At least three kills in a row, each victim started within ten minutes after the kill before.
WITH ordered AS (
    SELECT workload, hostname, boot_id, pod, assumeNotNull(killed_us) AS killed_us, started_us,
           lagInFrame(toNullable(assumeNotNull(killed_us))) OVER (
               PARTITION BY hostname, boot_id, workload, pod ORDER BY killed_us
               ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before_us
    FROM oom_kills FINAL
    WHERE kill_index = 0 AND started_us IS NOT NULL AND oom_kills.killed_us IS NOT NULL
), numbered AS (
    SELECT *, sum(if(ifNull(started_us BETWEEN before_us AND before_us + 600000000, false), 0, 1))
        OVER (PARTITION BY hostname, boot_id, workload, pod ORDER BY killed_us) AS run
    FROM ordered
), runs AS (
    SELECT workload, hostname, count() AS run_kills,
           intDiv(max(killed_us) - min(killed_us), 1000000) AS lasted_s,
           intDiv(sum(killed_us - started_us), count() * 1000000) AS ran_mean_s
    FROM numbered
    GROUP BY hostname, boot_id, workload, pod, run
    HAVING count() >= 3
)
SELECT workload, count() AS loops, sum(run_kills) AS kills, max(run_kills) AS longest,
       uniqExact(hostname) AS hosts
FROM runs
GROUP BY workload
ORDER BY kills DESC, workload;

-- name: node_or_container
SELECT ifNull(oom_kills.scope, 'unknown') AS scope, count() AS kills, uniqExact(hostname) AS hosts
FROM oom_kills FINAL
WHERE ifNull(kill_kind, '') != 'shared_mm'
GROUP BY scope
ORDER BY kills DESC, scope;

-- name: since_which_image
SELECT workload, image, min(time) AS first_kill, max(time) AS last_kill, count() AS kills
FROM oom_kills FINAL
WHERE image IS NOT NULL
GROUP BY workload, image
ORDER BY workload, first_kill;
