#!/bin/sh
# Removes what install.sh has installed: the files on its list, and nothing else. The configuration
# and the stored events stay unless --purge is given.
set -eu

prefix=
destdir=
purge=no

fail() {
	echo "uninstall.sh: $*" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--destdir)
		[ $# -ge 2 ] || fail "--destdir needs a directory"
		destdir=${2%/}
		shift 2
		;;
	--prefix)
		[ $# -ge 2 ] || fail "--prefix needs a directory"
		prefix=${2%/}
		shift 2
		;;
	--purge)
		purge=yes
		shift
		;;
	*)
		echo "Usage: uninstall.sh [--prefix DIR] [--destdir DIR] [--purge]" >&2
		[ "$1" = --help ] || [ "$1" = -h ] || exit 2
		exit 0
		;;
	esac
done

# Installed as PREFIX/share/oomtrace/uninstall.sh.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ -n "$prefix" ]; then
	state=$destdir$prefix/share/oomtrace
elif [ -f "$here/installed" ]; then
	state=$here
else
	state=$destdir/usr/local/share/oomtrace
fi
list=$state/installed
[ -f "$list" ] || fail "$list is not there: nothing to remove (--prefix DIR if it was installed elsewhere)"

if [ -z "$destdir" ] && [ -d /run/systemd/system ] &&
	[ -e /etc/systemd/system/oomtrace.service ]; then
	systemctl disable --now oomtrace || true
fi
if [ -z "$destdir" ] && [ -x /etc/init.d/oomtrace ] && [ -x /sbin/openrc-run ]; then
	rc-service oomtrace stop || true
	rc-update del oomtrace || true
fi

while IFS= read -r path; do
	case $path in
	/etc/oomtrace/*)
		if [ "$purge" = no ]; then
			echo "kept $destdir$path (--purge removes it)"
			continue
		fi
		;;
	esac
	rm -f "$destdir$path"
	# Its directory goes with the last file, and only then.
	rmdir "$destdir$(dirname "$path")" 2>/dev/null || true
done <"$list"
rm -f "$list"
rmdir "$state" 2>/dev/null || true
if [ "$purge" = yes ]; then
	# With DynamicUser= the first two are links to the third and fourth.
	for directory in /var/lib/oomtrace /var/log/oomtrace /var/lib/private/oomtrace /var/log/private/oomtrace; do
		rm -rf "$destdir$directory"
	done
else
	[ -e "$destdir/var/lib/oomtrace" ] && echo "kept $destdir/var/lib/oomtrace (--purge removes it)"
fi
if [ -z "$destdir" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
echo "removed oomtrace"
