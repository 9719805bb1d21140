/** --drive FILE[,ro]: raw images as virtio disks, from slot 00:04.0 on. */
import { MachineError } from '#core';
import { VirtioBlock } from '#devices';
import { type DeviceUse, use } from '#machines';
import { FileDisk } from './host/file-disk.ts';

const firstSlot = 4;
/** A bus has 32 slots. */
const most = 32 - firstSlot;

export async function driveDevices(drives: readonly string[]): Promise<Record<string, DeviceUse>> {
  if (drives.length > most) {
    throw new MachineError('bad-argument', `${drives.length} disks are too many`, {
      path: '--drive',
      remedy: `give at most ${most}`,
    });
  }
  const uses: Record<string, DeviceUse> = {};
  for (const [index, drive] of drives.entries()) {
    const slot = `00:${(firstSlot + index).toString(16).padStart(2, '0')}.0`;
    uses[`disk${index}`] = use(VirtioBlock, { slot, disk: await openDrive(drive) });
  }
  return uses;
}

async function openDrive(drive: string): Promise<FileDisk> {
  const readOnly = drive.endsWith(',ro');
  const path = readOnly ? drive.slice(0, -3) : drive;
  try {
    return await FileDisk.open(path, { readOnly });
  } catch (error) {
    const suffix = /,[^/]*$/.exec(path)?.[0];
    if (!(error instanceof MachineError) || error.code !== 'file-not-found' || suffix === undefined) throw error;
    throw new MachineError('bad-argument', `"${suffix.slice(1)}" says nothing about a disk`, {
      path: '--drive',
      remedy: 'give FILE, or FILE,ro for a disk that is only read',
    });
  }
}
