/** Shell scripts of the guests that boot: work whose results, or their checksums, are said on the console. */
import type { Configuration, Work } from '../configuration.ts';

const works: Readonly<Record<Work, string>> = {
  sums: `
for i in 1 2 3 4; do seq $i 7 20000 | md5sum; done
awk 'BEGIN { for (i = 1; i <= 200; i++) s += sin(i) * exp(i / 77); printf "%.15f\\n", s }'
seq 1 3000 | sha256sum; seq 1 4000 | gzip -c | md5sum`,
  forks: `
for i in 1 2 3 4 5 6; do (for k in 1 2 3 4 5; do echo $i $k $(seq $k 300 | md5sum) > /tmp/out-$i-$k; done) & done
wait
cat /tmp/out-* | sha256sum
i=0; while [ $i -lt 60 ]; do /bin/true; i=$((i+1)); done; echo forked $i`,
  dates: `
for i in 1 2 3 4; do date; cat /proc/uptime; usleep 30000; done
hwclock 2>&1; cat /proc/interrupts; grep -E 'ctxt|processes' /proc/stat`,
  disk: `
mke2fs -b 4096 -F /dev/vda >/dev/null && mount -t ext2 /dev/vda /mnt || echo no file system
for i in 1 2 3 4; do
  seq $i 7 30000 > /mnt/numbers$i; dd if=/mnt/numbers$i of=/mnt/copy$i bs=512 conv=fsync 2>/dev/null; sync
done
umount /mnt; mount -t ext2 /dev/vda /mnt; cat /mnt/copy* | sha256sum; umount /mnt
dd if=/dev/vda bs=64k 2>/dev/null | md5sum`,
};

export const workScript = ({ work, ending }: Configuration): string => `
nproc; cat /sys/devices/system/clocksource/clocksource0/current_clocksource; date
${works[work]}
echo "complaints: $(dmesg -r | grep -c '^<[0-4]>')"
echo the work is done
${ending === 'reboot' ? 'reboot -f' : ''}`;
