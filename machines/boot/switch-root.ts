/**
 * The part of init that goes on to a system on a disk, by the kernel's own parameters (Documentation/admin-guide/kernel-parameters.txt:
 * root, rootfstype, rootflags, rootdelay, rootwait, ro, rw, init). A controller may still be looking for its disks, so the root is
 * waited for. What cannot be mounted leaves the shell to find out why.
 *
 * The kernel gives its own init what it does not know itself: words are arguments, as is all after `--`, and `name=value` goes into the
 * environment. Both are handed on, for the init meant is that of the disk.
 */
export const switchRoot = `root= type= flags= access=ro init= delay= wait=
set -f
for word in $(cat /proc/cmdline); do
  case $word in
    --) break ;;
    root=*) root=\${word#*=} ;;
    rootfstype=*) type=\${word#*=} ;;
    rootflags=*) flags=,\${word#*=} ;;
    rootdelay=*) delay=\${word#*=} ;;
    rootwait|rootwait=*) wait=yes ;;
    init=*) init=\${word#*=} ;;
    ro|rw) access=$word ;;
  esac
done
set +f

# Bytes of a disk, in a format of hexdump: disk, offset, length, format.
field() {
  dd if="/dev/$1" bs=1 skip="$2" count="$3" 2>/dev/null | hexdump -v -e "$4"
}

# The PARTUUID of a partition, in lower case: disk, number. Linux makes it of the disk's signature where there is no GPT.
partition_id() {
  sector=$(cat "/sys/class/block/$1/queue/logical_block_size")
  if [ "$(dd if="/dev/$1" bs=1 skip="$sector" count=8 2>/dev/null)" = 'EFI PART' ]; then
    entries=$(field "$1" $((sector + 72)) 4 '1/4 "%u"')
    size=$(field "$1" $((sector + 84)) 4 '1/4 "%u"')
    field "$1" $((entries * sector + ($2 - 1) * size + 16)) 16 '1/4 "%08x-" 2/2 "%04x-" 2/1 "%02x" "-" 6/1 "%02x"'
  else
    printf '%s-%02x' "$(field "$1" 440 4 '1/4 "%08x"')" "$2"
  fi
}

# The device that is meant, if it is there yet.
find_root() {
  case $root in
    UUID=*|LABEL=*) findfs "$root" 2>/dev/null ;;
    PARTLABEL=*)
      for partition in /sys/class/block/*/partition; do
        grep -qsxF "PARTNAME=\${root#*=}" "\${partition%/*}/uevent" || continue
        echo "/dev/$(basename "\${partition%/*}")"
        break
      done ;;
    PARTUUID=*)
      id=$(echo "\${root#*=}" | tr A-F a-f)
      for partition in /sys/class/block/*/partition; do
        [ -e "$partition" ] || continue
        folder=$(readlink -f "\${partition%/*}")
        [ "$(partition_id "$(basename "\${folder%/*}")" "$(cat "$partition")")" = "$id" ] || continue
        echo "/dev/\${folder##*/}"
        break
      done ;;
    *) echo "$root" ;;
  esac
}

if [ -n "$root" ]; then
  [ -n "$delay" ] && sleep "$delay"
  try=0 device=
  until device=$(find_root); [ -b "$device" ]; do
    try=$((try + 1))
    [ -n "$wait" ] || [ "$try" -lt 50 ] || break
    sleep 0.1
  done
  if ! mount \${type:+-t} $type -o "$access$flags" "$device" /mnt; then
    echo "root=$root cannot be mounted"
  else
    found=
    for candidate in \${init:-/sbin/init /etc/init /bin/init /bin/sh}; do
      if [ -x "/mnt$candidate" ] || [ -L "/mnt$candidate" ]; then
        found=$candidate
        break
      fi
    done
    if [ -z "$found" ]; then
      echo "root=$root has no \${init:-/sbin/init}"
    else
      for folder in dev proc sys; do
        [ -d "/mnt/$folder" ] && mount -o move "/$folder" "/mnt/$folder"
      done
      exec env -u PATH HOME=/ /bin/switch_root /mnt "$found" "$@"
    fi
  fi
fi`;
