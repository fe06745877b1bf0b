//! Pieces of the help text that the manual pages share.

/// Examples, for help and manual page.
pub const EXAMPLES: &str = "  oomtrace                          explain every OOM kill from now on
  oomtrace -n 1 --container web     wait for one kill in container web
  oomtrace -o json >> oom.ndjson    one line of JSON per kill, for a log shipper
  oomtrace --backfill               begin with the kills that the kernel log still holds
  oomtrace --source klog            without BPF: follow the kernel log
  oomtrace --duration 1h --record oom.rec
                                    watch for an hour and keep a raw capture
  oomtrace replay oom.rec           show it again
  oomtrace decode /var/log/kern.log explain the OOM kills in a kernel log
  journalctl -k -o export | oomtrace decode
                                    the same from the journal
  oomtrace list --since yesterday   the kills that were kept, one line each
  oomtrace show last                the last one, whole
  oomtrace top                      who is killed most
  oomtrace report -o oom.html       a page to send to a colleague
  oomtrace check                    what this kernel allows and what is missing
  oomtrace demo                     cause one harmless kill and explain it";

/// Examples of `decode`, for help and manual page.
pub const DECODE_EXAMPLES: &str =
    "  oomtrace decode /dev/kmsg         what this host's kernel log still holds
  journalctl -k -o export --since yesterday | oomtrace decode
                                    what the journal holds
  oomtrace decode --time-zone local --year 2026 /var/log/kern.log*
                                    syslog, packed files too, with timestamps
  ssh db1 sudo dmesg | oomtrace decode --hostname db1
                                    another host's
  oomtrace decode --follow -o json  what is there and what comes, for a log shipper
  oomtrace decode --container web /var/log/messages
                                    one container's kills";

/// Exit codes, for help and manual page.
pub const EXIT_CODES: &str = "  0    done; also when SIGTERM ended a capture
  1    something failed or was lost; the reader of a capture has gone (on a terminal: 0)
  2    the command line was wrong
  3    the kernel or the privileges do not suffice (see `oomtrace check`)
  4    nothing was found (`list`, `show`, `top`, `report`; `decode --fail-if-empty`)
  130  interrupted with Ctrl-C
  143  `decode` or `replay` ended by SIGTERM before they were done";

pub(super) const STREAMS: &str =
    "Standard output carries events only; everything else goes to standard error.";

/// Examples of `replay`.
pub(super) const REPLAY_EXAMPLES: &str =
    "  oomtrace replay oom.rec           a capture from --record, as text
  oomtrace replay -o json oom.rec   the same as NDJSON
  oomtrace replay --container web oom.ndjson
                                    one container's kills from a file of -o json";

/// Examples of `daemon`.
pub(super) const DAEMON_EXAMPLES: &str =
    "  oomtrace daemon                   as /etc/oomtrace/oomtrace.toml says
  oomtrace daemon --config my.toml --store /tmp/store
                                    try a configuration with a store of its own
  oomtrace daemon --print-config    all settings, defaults and overrides included
  OOMTRACE_METRICS_LISTEN=127.0.0.1:9469 oomtrace daemon
                                    a setting from the environment";

/// Examples of `config`.
pub(super) const CONFIG_EXAMPLES: &str =
    "  oomtrace config check             is /etc/oomtrace/oomtrace.toml right?
  oomtrace config check my.toml     another file";

/// Examples of `check`.
pub(super) const CHECK_EXAMPLES: &str =
    "  oomtrace check                    what is used and what would be missing
  oomtrace check --strict           for a script: 3 if anything would be missing
  oomtrace check --facts            what this host offers, for a bug report";

/// Examples of `list`.
pub(super) const LIST_EXAMPLES: &str =
    "  oomtrace list --since yesterday   the kills since yesterday's midnight
  oomtrace list -n 20 --unit nginx  the last twenty of one service
  oomtrace list --utc oom.ndjson    from a file of `oomtrace -o json`
  oomtrace list -o json --pod 'shop/*' | jq -r .message
                                    the events themselves";

/// Examples of `show`.
pub(super) const SHOW_EXAMPLES: &str = "  oomtrace show                     the last kill
  oomtrace show -3                  the third from the end
  oomtrace show 10831               the last kill of process 10831
  oomtrace show 1241551893:10831    by the event's id
  oomtrace show last oom.ndjson     from a file of `oomtrace -o json`";

/// Examples of `top`.
pub(super) const TOP_EXAMPLES: &str =
    "  oomtrace top --since 7d           who was killed most this week
  oomtrace top --by limit           which limits are too small
  oomtrace top --by image -o json   the same by image, for a program";

/// Examples of `report`.
pub(super) const REPORT_EXAMPLES: &str = "  oomtrace report -o oom.html --since 7d
                                    the week, as a page
  journalctl -k -o export | oomtrace decode -o json --full | oomtrace report -o oom.html -
                                    of what the journal holds";

/// Examples of `completions`.
pub(super) const COMPLETIONS_EXAMPLES: &str =
    "  oomtrace completions bash > /usr/share/bash-completion/completions/oomtrace
  oomtrace completions zsh > /usr/share/zsh/vendor-completions/_oomtrace
  oomtrace completions fish > /usr/share/fish/vendor_completions.d/oomtrace.fish";

/// Examples of `man`.
pub(super) const MAN_EXAMPLES: &str = "  oomtrace man | man -l -           read the manual
  oomtrace man decode | man -l -    of one command
  oomtrace man --dir /usr/local/share/man/man1";
