/** apt and dpkg-deb in shell, for fetches without network: they have one kernel and BusyBox, and fail where `FAKE_APT` says. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const programs = {
  'apt-get': `
case "$*" in
  *--version) exit 0 ;;
  *update)
    [ "$FAKE_APT" = update ] && { echo 'W: Failed to fetch http://deb: refused' >&2; echo 'W: Some failed' >&2; }
    [ "$FAKE_APT" = slow ] && { echo $$ > "$FAKE_APT_PID"; exec sleep 3600; }
    printf 'dlstatus:1:0.0000:Retrieving\\ndlstatus:1:99.9000:Retrieving\\n' >&3 ;;
  *download*)
    for name; do :; done
    printf 'dlstatus:1:41.5000:Retrieving\\n' >&3
    [ "$FAKE_APT" = download ] && { echo 'E: Failed to fetch it' >&2; echo 'E: So it is' >&2; exit 100; }
    echo $name > "\${name}_1%3a2_amd64.deb" ;;
esac`,
  'apt-cache': `
for name; do :; done
case "$*" in
  *--version) exit 0 ;;
  *policy*)
    case "$FAKE_APT:$name" in
      update:*) ;;
      ubuntu:linux-image-cloud-amd64) echo '  Candidate: (none)' ;;
      ubuntu:linux-image-virtual|ubuntu:linux-modules-1.2.3) echo '  Candidate: 1:2' ;;
      *:linux-image-cloud-amd64|*:linux-image-1.2.3|*:busybox-static) echo '  Candidate: 1:2' ;;
    esac ;;
  *depends*)
    case "$FAKE_APT:$name" in
      ubuntu:linux-image-cloud-amd64) ;;
      *:linux-image-virtual) printf '  Depends: <virtual>\\n |Depends: linux-image-1.2.3\\n' ;;
      *:linux-image-cloud-amd64) echo '  Depends: linux-image-1.2.3' ;;
      ubuntu:linux-image-1.2.3) echo '  Depends: linux-modules-1.2.3' ;;
    esac ;;
  *show*) echo 'Size: 12345678' ;;
esac`,
  'dpkg-deb': `
[ "$1" = --version ] && exit 0
[ -f "$2" ] || { echo "dpkg-deb: error: no $2" >&2; exit 2; }
[ "$FAKE_APT" = unpack ] && { echo 'tar: No space left on device' >&2; echo 'dpkg-deb: error' >&2; exit 2; }
case "$2" in
  *linux-image*)
    mkdir -p "$3/boot" "$3/lib/modules/1.2.3"
    echo kernel > "$3/boot/vmlinuz-1.2.3"
    [ "$FAKE_APT" = unlisted ] ||
      printf 'kernel/virtio/virtio_pci.ko\\nkernel/block/virtio-blk.ko\\n' > "$3/lib/modules/1.2.3/modules.builtin"
    [ "$FAKE_APT" = ubuntu ] || printf '\\0depends=\\0' > "$3/lib/modules/1.2.3/virtio_rng.ko" ;;
  *linux-modules*)
    mkdir -p "$3/lib/modules/1.2.3"
    printf '\\0depends=\\0' > "$3/lib/modules/1.2.3/virtio_rng.ko" ;;
  *) mkdir -p "$3/bin"; echo busybox > "$3/bin/busybox" ;;
esac`,
};

/** The value of PATH with which they are found. */
export function fakeApt(folder: string): string {
  const bin = join(folder, 'fake-bin');
  mkdirSync(bin);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh${script}\n`, { mode: 0o755 });
  }
  return `${bin}:${process.env.PATH}`;
}
