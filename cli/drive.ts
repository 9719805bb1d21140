/** --drive FILE[,ro]: raw images as virtio disks, from slot 00:04.0 on. */
import { VirtioBlock } from '#devices';
import { type DeviceUse, use } from '#machines';
import { FileDisk } from './host/file-disk.ts';

const firstSlot = 4;

export async function driveDevices(drives: readonly string[]): Promise<Record<string, DeviceUse>> {
  const uses: Record<string, DeviceUse> = {};
  for (const [index, drive] of drives.entries()) {
    const readOnly = drive.endsWith(',ro');
    const path = readOnly ? drive.slice(0, -3) : drive;
    const disk = await FileDisk.open(path, { readOnly });
    uses[`disk${index}`] = use(VirtioBlock, { slot: `00:${(firstSlot + index).toString(16).padStart(2, '0')}.0`, disk });
  }
  return uses;
}
