#!/bin/sh
# Installs briefingbot as a service of systemd, or removes it. It may be run again
# and again: settings, secrets and the database are left as they are.
#
#   sudo ./install.sh [--binary FILE]   install, or update
#   sudo ./install.sh --uninstall       remove; settings and database stay
#   sudo ./install.sh --uninstall --purge   remove these as well
#
# --root DIR works on a folder in place of the machine, for an image or a trial.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
binary=./briefingbot root='' action=install purge=no

fail() { printf 'error: %s\nhint: %s\n' "$1" "$2" >&2; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --binary) [ $# -gt 1 ] || fail "--binary names no file" "name the program: --binary ./briefingbot"; binary=$2; shift ;;
    --root) [ $# -gt 1 ] || fail "--root names no folder" "name one: --root /mnt/image"; root=${2%/}; shift ;;
    --uninstall) action=uninstall ;;
    --purge) purge=yes ;;
    *) printf 'error: %s is not known\nhint: the head of this script says what is\n' "$1" >&2; exit 2 ;;
  esac
  shift
done

case $root in
  '' | /*) ;;
  *) root=$PWD/$root ;; # useradd takes no other
esac

[ "$(id -u)" = 0 ] || fail "only root can install a service" "run it with sudo"
[ "$purge" = no ] || [ "$action" = uninstall ] || fail "--purge goes with --uninstall" "add --uninstall to remove everything"

program=$root/usr/local/bin/briefingbot
unit=$root/etc/systemd/system/briefingbot.service
settings=$root/etc/briefingbot
state=$root/var/lib/briefingbot

# systemd is asked on a machine that it runs, and never about a folder.
running() { [ -z "$root" ] && [ -d /run/systemd/system ]; }
account() { command=$1; shift; "$command" ${root:+--prefix "$root"} "$@"; }
known() { grep -qs "^briefingbot:" "$root/etc/$1"; }

if [ "$action" = uninstall ]; then
  if running && [ -e "$unit" ]; then systemctl disable --now briefingbot.service; fi
  rm -f "$program" "$unit"
  if running; then systemctl daemon-reload; fi
  if [ "$purge" = yes ]; then
    rm -rf "$settings" "$state"
    if known passwd; then account userdel briefingbot; fi
    # Not everywhere does the group go with the user.
    if known group; then account groupdel briefingbot; fi
    echo "briefingbot is removed, with its settings and its database."
  else
    echo "briefingbot is removed. Settings are still in $settings, the database in $state: --uninstall --purge removes them."
  fi
  exit 0
fi

[ -f "$binary" ] || fail "there is no program at $binary" "build it as the project's README.md says, and name it with --binary"

if ! known group; then account groupadd --system briefingbot; fi
if ! known passwd; then
  account useradd --system --gid briefingbot --home-dir /var/lib/briefingbot --no-create-home --shell /usr/sbin/nologin briefingbot
fi
# By number: the names are those of the folder, and not of this machine.
uid=$(sed -n 's/^briefingbot:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/passwd")
gid=$(sed -n 's/^briefingbot:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/group")

install -d -m 0755 "$root/usr/local/bin" "$root/etc/systemd/system"
install -d -m 0750 -o 0 -g "$gid" "$settings"
install -d -m 0700 -o "$uid" -g "$gid" "$state"
# Beside it first: a program that runs cannot be written over.
install -m 0755 -o 0 -g 0 "$binary" "$program.new"
mv -f "$program.new" "$program"
install -m 0644 -o 0 -g 0 "$here/briefingbot.service" "$unit"
if [ ! -e "$settings/environment" ]; then
  install -m 0600 -o 0 -g 0 "$here/environment" "$settings/environment"
fi

if running; then
  systemctl daemon-reload
  # An update: on with the new program. A first start waits for its settings.
  systemctl try-restart briefingbot.service
fi
echo "briefingbot is installed: $program"
if ! grep -q '^[A-Z]' "$settings/environment"; then
  echo "Next: write your settings into $settings/environment, and then: systemctl enable --now briefingbot"
fi
