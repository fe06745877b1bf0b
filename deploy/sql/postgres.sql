-- oomtrace events in PostgreSQL (12 or newer). All parts: psql -v ON_ERROR_STOP=1 -f postgres.sql
-- The file events.ndjson is what a sink of `type = "file"` writes, or `zcat -f events-*` of a store.

-- name: table
CREATE TABLE IF NOT EXISTS oom_kills (
    event_id        text PRIMARY KEY,     -- the same however often an event is delivered
    time            timestamptz,
    hostname        text,
    boot_id         text,
    scope           text,                 -- memcg: a cgroup's limit; global: the node
    kill_kind       text,                 -- shared_mm: died with another victim, not counted by the kernel
    kill_index      bigint,               -- 0: the first kill of its incident
    workload        text,                 -- namespace/container, else container, unit or cgroup
    pod             text,
    image           text,
    comm            text,
    killed_us       bigint,               -- since boot
    started_us      bigint,               -- since boot; NULL from a log
    limit_bytes     bigint,
    in_use_bytes    bigint,               -- charged and asked for
    configured_bytes bigint,              -- sum of the runtime's caps
    finding         text,                 -- what explains most
    event           jsonb                 -- all of it
);

-- name: load
CREATE TEMP TABLE IF NOT EXISTS oom_lines (line text);
TRUNCATE oom_lines;
-- Two bytes that no line of NDJSON holds, so that a line stays one field.
\copy oom_lines from 'events.ndjson' with (format csv, quote e'\x01', delimiter e'\x02')
INSERT INTO oom_kills
SELECT
    e->>'event_id',
    (e->>'timestamp')::timestamptz,
    e->>'hostname',
    e#>>'{kernel,boot_id}',
    e#>>'{incident,scope}',
    e#>>'{incident,kill_kind}',
    (e#>>'{incident,kill_index}')::bigint,
    COALESCE(
        (e#>>'{owner,namespace}') || '/' || (e#>>'{owner,container_name}'),
        e#>>'{owner,container_name}', e#>>'{owner,unit}', e#>>'{victim,cgroup_path}', 'unknown'),
    e#>>'{owner,pod_name}',
    e#>>'{owner,image}',
    e#>>'{victim,comm}',
    (e->>'since_boot_us')::bigint,
    (e#>>'{victim,start_since_boot_us}')::bigint,
    (e#>>'{limit,limit_bytes}')::bigint,
    (e#>>'{limit,usage_bytes}')::bigint
        + (1 << greatest(COALESCE((e#>>'{trigger,order}')::integer, 0), 0))
        * COALESCE((e#>>'{kernel,page_size_bytes}')::bigint, 0),
    CASE WHEN e ? 'runtime' THEN
        COALESCE((e#>>'{runtime,max_heap_bytes}')::bigint, 0)
        + COALESCE((e#>>'{runtime,max_direct_bytes}')::bigint, 0)
        + COALESCE((e#>>'{runtime,max_metaspace_bytes}')::bigint, 0)
        + COALESCE((e#>>'{runtime,max_data_bytes}')::bigint, 0)
        + COALESCE((e#>>'{runtime,soft_limit_bytes}')::bigint, 0) END,
    e#>>'{findings,0,code}',
    e
-- OFFSET 0 keeps the line from being parsed again for each column.
FROM (SELECT line::jsonb AS e FROM oom_lines OFFSET 0) AS events
WHERE e->>'event' = 'oom_kill' AND e ? 'event_id'
ON CONFLICT (event_id) DO NOTHING;

-- name: who_dies_most
SELECT workload, count(*) AS kills, count(DISTINCT hostname) AS hosts,
       min(time) AS first_kill, max(time) AS last_kill
FROM oom_kills
WHERE kill_kind IS DISTINCT FROM 'shared_mm'
GROUP BY workload
ORDER BY kills DESC, workload;

-- name: limits_too_small
-- A limit must be above needed_above_bytes; how much more would have been wanted later no event knows.
SELECT workload, max(limit_bytes) AS limit_bytes,
       greatest(max(CASE WHEN in_use_bytes >= limit_bytes THEN in_use_bytes END),
                max(CASE WHEN configured_bytes > limit_bytes THEN configured_bytes END)) AS needed_above_bytes,
       count(*) AS kills
FROM oom_kills
WHERE scope = 'memcg' AND limit_bytes IS NOT NULL
GROUP BY workload
ORDER BY kills DESC, workload;

-- name: restart_loops
-- At least three kills in a row, each victim started within ten minutes after the kill before.
WITH ordered AS (
    SELECT *, lag(killed_us) OVER w AS before_us
    FROM oom_kills
    WHERE kill_index = 0 AND started_us IS NOT NULL
    WINDOW w AS (PARTITION BY hostname, boot_id, workload, pod ORDER BY killed_us)
), numbered AS (
    SELECT *, sum(CASE WHEN started_us BETWEEN before_us AND before_us + 600000000 THEN 0 ELSE 1 END)
        OVER (PARTITION BY hostname, boot_id, workload, pod ORDER BY killed_us) AS run
    FROM ordered
), runs AS (
    SELECT workload, hostname, count(*) AS kills,
           (max(killed_us) - min(killed_us)) / 1000000 AS lasted_s,
           sum(killed_us - started_us) / count(*) / 1000000 AS ran_mean_s
    FROM numbered
    GROUP BY hostname, boot_id, workload, pod, run
    HAVING count(*) >= 3
)
SELECT workload, count(*) AS loops, sum(kills) AS kills, max(kills) AS longest,
       count(DISTINCT hostname) AS hosts
FROM runs
GROUP BY workload
ORDER BY kills DESC, workload;

-- name: node_or_container
SELECT COALESCE(scope, 'unknown') AS scope, count(*) AS kills, count(DISTINCT hostname) AS hosts
FROM oom_kills
WHERE kill_kind IS DISTINCT FROM 'shared_mm'
GROUP BY 1
ORDER BY kills DESC, scope;

-- name: since_which_image
SELECT workload, image, min(time) AS first_kill, max(time) AS last_kill, count(*) AS kills
FROM oom_kills
WHERE image IS NOT NULL
GROUP BY workload, image
ORDER BY workload, first_kill;
