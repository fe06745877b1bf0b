# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_oomtrace_global_optspecs
    string join \n n/count= duration= backfill source= tracepoints-only record= redact= no-cmdline hostname= docker-root= docker-socket= containerd-state= storage-root= cgroup= container= pod= unit= comm= o/output= json long full bytes v/verbose q/quiet color= h/help V/version
end

function __fish_oomtrace_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_oomtrace_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_oomtrace_using_subcommand
    set -l cmd (__fish_oomtrace_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c oomtrace -n "__fish_oomtrace_needs_command" -s n -l count -d 'Stop after this many kills were shown' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l duration -d 'Stop after this long: 30s, 5m, 1h, 1h30m' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l source -d 'Where kills are seen: by a BPF probe, or in the kernel log' -r -f -a "bpf\t'The BPF probe; where it cannot be loaded, end with 3'
klog\t'/dev/kmsg, followed: no BPF, fewer facts (`missing` names them)'
auto\t'The BPF probe if it can be loaded, else /dev/kmsg'"
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l record -d 'Also keep the raw capture in FILE, for `oomtrace replay`' -r -F
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l redact -d 'Also mask what fits this in command lines; `*` and `?` are wildcards; repeat for more' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l hostname -d 'Name of this host in the events [default: the kernel\'s]' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l docker-root -d 'Docker\'s data directory [default: /var/lib/docker]' -r -F
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l docker-socket -d 'Socket of Docker\'s daemon, asked where its files say nothing [default: /run/docker.sock]' -r -F
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l containerd-state -d 'containerd\'s state directory [default: /run/containerd, and those of k3s, k0s, MicroK8s]' -r -F
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l storage-root -d 'Storage of Podman and CRI-O [default: /var/lib/containers/storage and /run/containers/storage]' -r -F
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l cgroup -d 'Only kills in (or by the limit of) this cgroup and those below it' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l container -d 'Only kills in the container of this name or id (or its first digits)' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l pod -d 'Only kills in this Kubernetes pod: NAME, NAMESPACE/NAME or uid' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l unit -d 'Only kills in this systemd unit: nginx.service, or nginx' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l comm -d 'Only kills of processes of this name (the kernel keeps 15 bytes)' -r
complete -c oomtrace -n "__fish_oomtrace_needs_command" -s o -l output -d 'Text for people, one short line per kill, or one line of JSON per event' -r -f -a "text\t'For people'
oneline\t'One line a kill: time, victim, whose limit, limit, what filled it, `!` if there is advice, and which time it is'
json\t'NDJSON: one object per line'"
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l backfill -d 'Start with the kills that the kernel log still holds, then go on live; each kill once'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l tracepoints-only -d 'Put hooks on tracepoints only, none on the kernel\'s own functions'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l no-cmdline -d 'Show the program only, none of its arguments; in --record, too'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l json -d 'The same as `-o json`'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l long -d 'Everything that is known in the text, instead of a dozen lines per kill; -v implies it'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l full -d 'Never trim a line of JSON (else to 7,680 bytes; `truncated` names what was trimmed)'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -l bytes -d 'Exact bytes in the text instead of KiB, MiB and GiB'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -s V -l version -d 'Print version'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "trace" -d 'Explain OOM kills as they happen (the default command)'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "decode" -d 'Explain the OOM kills in a kernel log: dmesg, journal, syslog, of this host or another'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "daemon" -d 'Keep events in a store and deliver them: files, syslog, journal, HTTP, OpenTelemetry, metrics'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "config" -d 'Check the daemon\'s configuration'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "replay" -d 'Show a recorded capture (or NDJSON) again, in any output'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "list" -d 'List the kills that were kept, one line each, the newest last'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "show" -d 'Show one of the kills that were kept: the full report'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "top" -d 'Show who is killed most, restart loops, and which limits are too small'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "report" -d 'Write one HTML page about the kills that were kept, to send to a colleague'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "check" -d 'Show what this kernel offers, what would be missing and how to get it'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "demo" -d 'Cause one real OOM kill in a small throw-away cgroup, show it, and clean up'
complete -c oomtrace -n "__fish_oomtrace_needs_command" -f -a "schema" -d 'Print the JSON Schema of the events'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -s n -l count -d 'Stop after this many kills were shown' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l duration -d 'Stop after this long: 30s, 5m, 1h, 1h30m' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l source -d 'Where kills are seen: by a BPF probe, or in the kernel log' -r -f -a "bpf\t'The BPF probe; where it cannot be loaded, end with 3'
klog\t'/dev/kmsg, followed: no BPF, fewer facts (`missing` names them)'
auto\t'The BPF probe if it can be loaded, else /dev/kmsg'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l record -d 'Also keep the raw capture in FILE, for `oomtrace replay`' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l redact -d 'Also mask what fits this in command lines; `*` and `?` are wildcards; repeat for more' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l hostname -d 'Name of this host in the events [default: the kernel\'s]' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l docker-root -d 'Docker\'s data directory [default: /var/lib/docker]' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l docker-socket -d 'Socket of Docker\'s daemon, asked where its files say nothing [default: /run/docker.sock]' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l containerd-state -d 'containerd\'s state directory [default: /run/containerd, and those of k3s, k0s, MicroK8s]' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l storage-root -d 'Storage of Podman and CRI-O [default: /var/lib/containers/storage and /run/containers/storage]' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l cgroup -d 'Only kills in (or by the limit of) this cgroup and those below it' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l container -d 'Only kills in the container of this name or id (or its first digits)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l pod -d 'Only kills in this Kubernetes pod: NAME, NAMESPACE/NAME or uid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l unit -d 'Only kills in this systemd unit: nginx.service, or nginx' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l comm -d 'Only kills of processes of this name (the kernel keeps 15 bytes)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -s o -l output -d 'Text for people, one short line per kill, or one line of JSON per event' -r -f -a "text\t'For people'
oneline\t'One line a kill: time, victim, whose limit, limit, what filled it, `!` if there is advice, and which time it is'
json\t'NDJSON: one object per line'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l backfill -d 'Start with the kills that the kernel log still holds, then go on live; each kill once'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l tracepoints-only -d 'Put hooks on tracepoints only, none on the kernel\'s own functions'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l no-cmdline -d 'Show the program only, none of its arguments; in --record, too'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l json -d 'The same as `-o json`'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l long -d 'Everything that is known in the text, instead of a dozen lines per kill; -v implies it'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l full -d 'Never trim a line of JSON (else to 7,680 bytes; `truncated` names what was trimmed)'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -l bytes -d 'Exact bytes in the text instead of KiB, MiB and GiB'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -s n -l count -d 'Stop after this many kills were shown' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l hostname -d 'Name of the host in the events, where the log does not name it' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l year -d 'Year of the first date in a log whose dates have none (classic syslog)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l time-zone -d 'Time zone of a log whose times show none: local, UTC, +02:00 or Europe/Berlin' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l since -d 'Only events from this time on: 2026-05-23, "2026-05-23 06:17", RFC 3339, today, yesterday, 2h (two hours ago) or @SECONDS' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l until -d 'Only events up to this time, written like --since' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l cgroup -d 'Only kills in (or by the limit of) this cgroup and those below it' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l container -d 'Only kills in the container of this name or id (or its first digits)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l pod -d 'Only kills in this Kubernetes pod: NAME, NAMESPACE/NAME or uid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l unit -d 'Only kills in this systemd unit: nginx.service, or nginx' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l comm -d 'Only kills of processes of this name (the kernel keeps 15 bytes)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -s o -l output -d 'Text for people, one short line per kill, or one line of JSON per event' -r -f -a "text\t'For people'
oneline\t'One line a kill: time, victim, whose limit, limit, what filled it, `!` if there is advice, and which time it is'
json\t'NDJSON: one object per line'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -s f -l follow -d 'Wait for more: on /dev/kmsg, or on files that grow or are rotated'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l trust-user-lines -d 'Believe reports that another program than the kernel has written into the log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l fail-if-empty -d 'End with 4 if no event was shown'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l json -d 'The same as `-o json`'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l long -d 'Everything that is known in the text, instead of a dozen lines per kill; -v implies it'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l full -d 'Never trim a line of JSON (else to 7,680 bytes; `truncated` names what was trimmed)'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -l bytes -d 'Exact bytes in the text instead of KiB, MiB and GiB'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand decode" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand daemon" -l config -d 'The configuration [default: /etc/oomtrace/oomtrace.toml; without one, events are only stored]' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand daemon" -l store -d 'Directory of the store, in place of the one that the configuration names' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand daemon" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand daemon" -l print-config -d 'Print the configuration with all its defaults and overrides, and end'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand daemon" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand daemon" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand daemon" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand config; and not __fish_seen_subcommand_from check" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand config; and not __fish_seen_subcommand_from check" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand config; and not __fish_seen_subcommand_from check" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand config; and not __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand config; and not __fish_seen_subcommand_from check" -f -a "check" -d 'Say whether it can be used; ends with 2 and names line and key if not'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand config; and __fish_seen_subcommand_from check" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand config; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l redact -d 'Also mask what fits this in command lines' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l cgroup -d 'Only kills in (or by the limit of) this cgroup and those below it' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l container -d 'Only kills in the container of this name or id (or its first digits)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l pod -d 'Only kills in this Kubernetes pod: NAME, NAMESPACE/NAME or uid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l unit -d 'Only kills in this systemd unit: nginx.service, or nginx' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l comm -d 'Only kills of processes of this name (the kernel keeps 15 bytes)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -s o -l output -d 'Text for people, one short line per kill, or one line of JSON per event' -r -f -a "text\t'For people'
oneline\t'One line a kill: time, victim, whose limit, limit, what filled it, `!` if there is advice, and which time it is'
json\t'NDJSON: one object per line'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l no-cmdline -d 'Show the program only, none of its arguments'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l json -d 'The same as `-o json`'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l long -d 'Everything that is known in the text, instead of a dozen lines per kill; -v implies it'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l full -d 'Never trim a line of JSON (else to 7,680 bytes; `truncated` names what was trimmed)'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -l bytes -d 'Exact bytes in the text instead of KiB, MiB and GiB'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -s n -l count -l limit -d 'Only the last N lines' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -s o -l output -d 'One line a kill, or the events themselves, whole, as NDJSON' -r -f -a "text\t'For people'
json\t'One JSON object, or one a line'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l since -d 'Only events from this time on: 2026-05-23, "2026-05-23 06:17", RFC 3339, today, yesterday, 2h (two hours ago) or @SECONDS; in local time where it names no zone' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l until -d 'Only events up to this time' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l cgroup -d 'Only kills in (or by the limit of) this cgroup and those below it' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l container -d 'Only kills in the container of this name or id (or its first digits)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l pod -d 'Only kills in this Kubernetes pod: NAME, NAMESPACE/NAME or uid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l unit -d 'Only kills in this systemd unit: nginx.service, or nginx' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l comm -d 'Only kills of processes of this name (the kernel keeps 15 bytes)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -l utc -d 'Show times in UTC instead of how long ago they were'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l since -d 'Only events from this time on: 2026-05-23, "2026-05-23 06:17", RFC 3339, today, yesterday, 2h (two hours ago) or @SECONDS; in local time where it names no zone' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l until -d 'Only events up to this time' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l cgroup -d 'Only kills in (or by the limit of) this cgroup and those below it' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l container -d 'Only kills in the container of this name or id (or its first digits)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l pod -d 'Only kills in this Kubernetes pod: NAME, NAMESPACE/NAME or uid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l unit -d 'Only kills in this systemd unit: nginx.service, or nginx' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l comm -d 'Only kills of processes of this name (the kernel keeps 15 bytes)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -s o -l output -d 'Text for people, one short line per kill, or one line of JSON per event' -r -f -a "text\t'For people'
oneline\t'One line a kill: time, victim, whose limit, limit, what filled it, `!` if there is advice, and which time it is'
json\t'NDJSON: one object per line'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l utc -d 'Show times in UTC instead of local time'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l json -d 'The same as `-o json`'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l long -d 'Everything that is known in the text, instead of a dozen lines per kill; -v implies it'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l full -d 'Never trim a line of JSON (else to 7,680 bytes; `truncated` names what was trimmed)'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -l bytes -d 'Exact bytes in the text instead of KiB, MiB and GiB'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l by -d 'What to count by' -r -f -a "owner\t'Container, pod, unit or user that the victim belonged to, else its cgroup'
image\t'The container\'s image'
unit\t'The systemd unit'
limit\t'Whose limit it was'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -s n -l count -d 'Show so many' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -s o -l output -d 'Text for people, or one line of JSON each' -r -f -a "text\t'For people'
json\t'One JSON object, or one a line'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l since -d 'Only events from this time on: 2026-05-23, "2026-05-23 06:17", RFC 3339, today, yesterday, 2h (two hours ago) or @SECONDS; in local time where it names no zone' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l until -d 'Only events up to this time' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l cgroup -d 'Only kills in (or by the limit of) this cgroup and those below it' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l container -d 'Only kills in the container of this name or id (or its first digits)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l pod -d 'Only kills in this Kubernetes pod: NAME, NAMESPACE/NAME or uid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l unit -d 'Only kills in this systemd unit: nginx.service, or nginx' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l comm -d 'Only kills of processes of this name (the kernel keeps 15 bytes)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -l utc -d 'Show times in UTC instead of how long ago they were'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -s o -l output -d 'Where to write the page; an existing file is replaced [default: standard output]' -r -F
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -l since -d 'Only events from this time on: 2026-05-23, "2026-05-23 06:17", RFC 3339, today, yesterday, 2h (two hours ago) or @SECONDS; in local time where it names no zone' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -l until -d 'Only events up to this time' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -l cgroup -d 'Only kills in (or by the limit of) this cgroup and those below it' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -l container -d 'Only kills in the container of this name or id (or its first digits)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -l pod -d 'Only kills in this Kubernetes pod: NAME, NAMESPACE/NAME or uid' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -l unit -d 'Only kills in this systemd unit: nginx.service, or nginx' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -l comm -d 'Only kills of processes of this name (the kernel keeps 15 bytes)' -r
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -s o -l output -d 'Text for people, or one JSON object' -r -f -a "text\t'For people'
json\t'One JSON object, or one a line'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -l strict -d 'End with 3 also if it can trace but some facts would be missing'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -l facts -d 'List what this host offers, one fact a line, and try nothing; good in a bug report'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -s o -l output -d 'Text for people, one short line per kill, or one line of JSON per event' -r -f -a "text\t'For people'
oneline\t'One line a kill: time, victim, whose limit, limit, what filled it, `!` if there is advice, and which time it is'
json\t'NDJSON: one object per line'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -l json -d 'The same as `-o json`'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -l long -d 'Everything that is known in the text, instead of a dozen lines per kill; -v implies it'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -l full -d 'Never trim a line of JSON (else to 7,680 bytes; `truncated` names what was trimmed)'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -l bytes -d 'Exact bytes in the text instead of KiB, MiB and GiB'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand schema" -l color -d 'When to use colour; `auto` heeds NO_COLOR, CLICOLOR and CLICOLOR_FORCE' -r -f -a "auto\t'On a terminal, unless the environment says otherwise'
always\t'Always'
never\t'Never'"
complete -c oomtrace -n "__fish_oomtrace_using_subcommand schema" -s v -l verbose -d 'Show more: whole paths, progress; twice: the probe\'s diagnostics; thrice: the verifier\'s log'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand schema" -s q -l quiet -d 'No messages on standard error, except for errors'
complete -c oomtrace -n "__fish_oomtrace_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
