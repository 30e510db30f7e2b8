# For tests/it/server.rs: a server of its own, as far as a namespace can be one. Its /etc, /var/lib, /run, /usr/local/bin and
# network are its own and gone at the end; `sudo`, `systemctl` and `journalctl` do what the documents need of them, by the unit
# that the documents write. $1: a script; $2: the binary; $3: an empty directory.
set -eu
script=$1 binary=$2 room=$3
ip link set lo up
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$room"
mkdir "$room/etc" "$room/work" "$room/bin" "$room/backup" "$room/backup-keys" "$room/home"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$room/etc,workdir=$room/work" /etc
for place in /var/lib /run /usr/local/bin; do mount -t tmpfs -o mode=755 none "$place"; done
install -m 755 "$binary" /usr/local/bin/tamis
: >/run/journal

cat >"$room/bin/sudo" <<'SUDO'
#!/bin/bash
if [ "$1" = -u ]; then user=$2; shift 2; exec setpriv --reuid "$user" --regid "$user" --clear-groups "$@"; fi
exec "$@"
SUDO

cat >"$room/bin/systemctl" <<'SYSTEMCTL'
#!/bin/bash
set -eu
unit=/etc/systemd/system/tamis.service log=/run/journal pid=/run/tamis.pid
of() { sed -n "s/^$1=//p" "$unit"; }
stop() { kill "$(cat $pid)"; while kill -0 "$(cat $pid)" 2>/dev/null; do sleep 0.05; done; rm $pid; }
start() {
  install -d -m "$(of RuntimeDirectoryMode)" -o "$(of User)" -g "$(of Group)" "/run/$(of RuntimeDirectory)"
  for name in $(of StateDirectory); do
    install -d -m "$(of StateDirectoryMode)" -o "$(of User)" -g "$(of Group)" "/var/lib/$name"
  done
  install -d -m 500 -o "$(of User)" /run/credentials/tamis.service
  for credential in $(of LoadCredential); do
    install -m 400 -o "$(of User)" "${credential#*:}" "/run/credentials/tamis.service/${credential%%:*}"
  done
  started=$(grep -c process.started $log 2>/dev/null || true)
  # Graph is the sandbox's: there is no other network here.
  TAMIS__META__GRAPH_URL=http://127.0.0.1:9180 CREDENTIALS_DIRECTORY=/run/credentials/tamis.service setsid setpriv --reuid "$(of User)" --regid "$(of Group)" --clear-groups \
    $(of ExecStart) >>$log 2>&1 </dev/null &
  echo $! >$pid
  for _ in $(seq 600); do [ "$(grep -c process.started $log)" -gt "${started:-0}" ] && return; sleep 0.05; done
  cat $log >&2; exit 1
}
case "$1" in
  enable) [ "$2" = --now ] && start ;;
  start) start ;;
  stop) stop ;;
  restart) stop; start ;;
  reload) kill -HUP "$(cat $pid)" ;;
esac
SYSTEMCTL

# Whoever follows a journal sees what is there, and goes.
printf '#!/bin/bash\ncat /run/journal\n' >"$room/bin/journalctl"
# The next version is this one.
printf '#!/bin/bash\necho "$@"\n' >"$room/bin/apt-get"
chmod 755 "$room"/bin/*
export PATH="$room/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" HOME="$room/home" XDG_RUNTIME_DIR="$room/home"
cd "$room/home"
ROOM=$room exec bash -euo pipefail "$script"
