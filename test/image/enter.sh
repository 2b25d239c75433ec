#!/bin/sh
# enter.sh ROOT ro|rw [SOURCE TARGET ro|rw]… -- COMMAND…
# In a mount namespace of its own (`unshare --mount`): makes a folder the root, on top of this machine's /usr as the base
# image, with other folders mounted in it, and becomes the command. The mounts go when the last process in them has gone.
set -eu
root=$1 access=$2
shift 2
mount --bind "$root" "$root"
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" "$root/usr"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
for link in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do ln -s "/proc/self/${link#*:}" "$root/dev/${link%:*}"; done
mount -o remount,bind,ro "$root/dev"
[ "$access" = rw ] || mount -o remount,bind,ro "$root"
while [ "$1" != -- ]; do
  mount --bind "$1" "$root$2"
  [ "$3" = rw ] || mount -o remount,bind,ro "$root$2"
  shift 3
done
shift
exec chroot "$root" "$@"
