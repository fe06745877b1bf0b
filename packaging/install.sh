#!/bin/sh
# Installs oomtrace from the unpacked archive that this script lies in. It fetches nothing, starts
# nothing and keeps a configuration that is already there. `uninstall.sh` takes it all away again.
set -eu

prefix=/usr/local
destdir=
services=yes

usage() {
	cat <<'END'
Usage: install.sh [--prefix DIR] [--destdir DIR] [--no-service]

  --prefix DIR    where programs go [/usr/local]
  --destdir DIR   install below DIR, for a package or an image
  --no-service    no systemd unit, no OpenRC script, no configuration
END
}

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--prefix | --destdir)
		[ $# -ge 2 ] || fail "$1 needs a directory"
		case $2 in
		/*) ;;
		*) fail "$1 needs an absolute path, not $2" ;;
		esac
		if [ "$1" = --prefix ]; then prefix=${2%/}; else destdir=${2%/}; fi
		shift 2
		;;
	--no-service)
		services=no
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
done

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
[ -f SHA256SUMS ] || fail "no SHA256SUMS beside this script: unpack the whole archive"
sha256sum --check --status SHA256SUMS 2>/dev/null ||
	sha256sum -c -s SHA256SUMS 2>/dev/null ||
	fail "a file is not what SHA256SUMS says; unpack the archive again: sha256sum -c SHA256SUMS"

# What was installed, one absolute path a line; uninstall.sh reads it.
state=$destdir$prefix/share/oomtrace
list=$state/installed
mkdir -p "$state" || fail "cannot write to $state: run it as root, or choose another --prefix"
before=$here/before.$$
own=$here/own.$$
trap 'rm -f "$before" "$own"' EXIT
if [ -f "$list" ]; then cp "$list" "$before"; else : >"$before"; fi
: >"$list"

# put MODE FILE TARGET: installs FILE as TARGET.
put() {
	mkdir -p "$destdir$(dirname "$3")"
	# Beside it first: a program that runs is replaced, not overwritten.
	cp "$2" "$destdir$3.new"
	chmod "$1" "$destdir$3.new"
	mv -f "$destdir$3.new" "$destdir$3"
	echo "$3" >>"$list"
}

put 755 oomtrace "$prefix/bin/oomtrace"
for page in man/*.1; do
	put 644 "$page" "$prefix/share/man/man1/${page#man/}"
done
put 644 completions/oomtrace.bash "$prefix/share/bash-completion/completions/oomtrace"
put 644 completions/_oomtrace "$prefix/share/zsh/site-functions/_oomtrace"
put 644 completions/oomtrace.fish "$prefix/share/fish/vendor_completions.d/oomtrace.fish"
put 755 uninstall.sh "$prefix/share/oomtrace/uninstall.sh"

if [ "$services" = yes ]; then
	config=/etc/oomtrace/oomtrace.toml
	if [ -e "$destdir$config" ]; then
		echo "kept $destdir$config"
		# Ours only if an earlier run has put it there.
		if grep -qxF "$config" "$before"; then echo "$config" >>"$list"; fi
	else
		put 644 oomtrace.toml "$config"
	fi
	if [ -d /run/systemd/system ] || [ -n "$destdir" ]; then
		sed "s|/usr/bin/oomtrace|$prefix/bin/oomtrace|" systemd/oomtrace.service >"$own"
		put 644 "$own" /etc/systemd/system/oomtrace.service
		put 644 systemd/oomtrace.catalog /usr/lib/systemd/catalog/oomtrace.catalog
		if [ -z "$destdir" ]; then journalctl --update-catalog || true; fi
	fi
	if [ -x /sbin/openrc-run ] || [ -n "$destdir" ]; then
		sed "s|/usr/bin/oomtrace|$prefix/bin/oomtrace|" openrc/oomtrace >"$own"
		put 755 "$own" /etc/init.d/oomtrace
	fi
fi

# What an earlier version had and this one has not.
while IFS= read -r path; do
	grep -qxF "$path" "$list" || rm -f "$destdir$path"
done <"$before"

echo "installed $destdir$prefix/bin/oomtrace"
echo "  try it:     sudo $prefix/bin/oomtrace demo"
if [ -e "$destdir/etc/systemd/system/oomtrace.service" ]; then
	echo "  daemon:     sudo systemctl daemon-reload && sudo systemctl enable --now oomtrace"
fi
if [ -e "$destdir/etc/init.d/oomtrace" ]; then
	echo "  OpenRC:     rc-update add oomtrace && rc-service oomtrace start"
fi
echo "  remove it:  sudo $prefix/share/oomtrace/uninstall.sh"
