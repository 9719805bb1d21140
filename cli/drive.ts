/** --drive FILE[,ro] or file=FILE,readonly=on: raw images as virtio disks, from slot 00:04.0 on. */
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
  if (drive.startsWith('file=')) return openFile(byKeys(drive));
  const plain = plainFile(drive);
  try {
    return await openFile(plain);
  } catch (error) {
    const suffix = /,[^/]*$/.exec(plain.path)?.[0];
    if (!(error instanceof MachineError) || error.code !== 'file-not-found' || suffix === undefined) throw error;
    throw strange(suffix.slice(1));
  }
}

const openFile = ({ path, readOnly }: Drive): Promise<FileDisk> => FileDisk.open(path, { readOnly });

interface Drive {
  readonly path: string;
  readonly readOnly: boolean;
}

const plainFile = (drive: string): Drive =>
  drive.endsWith(',ro') ? { path: drive.slice(0, -3), readOnly: true } : { path: drive, readOnly: false };

/** QEMU's way: keys, of which only these mean something here; a comma in a name is doubled. */
function byKeys(drive: string): Drive {
  const [file, ...parts] = drive.split(/(?<!,),(?!,)/).map(part => part.replaceAll(',,', ','));
  const known = ['readonly=on', 'readonly=off', 'format=raw', 'if=virtio'];
  for (const part of parts) if (!known.includes(part)) throw strange(part);
  return { path: file!.slice('file='.length), readOnly: parts.includes('readonly=on') };
}

const strange = (part: string): MachineError =>
  new MachineError('bad-argument', `"${part}" says nothing about a disk`, {
    path: '--drive',
    remedy:
      'give FILE, or FILE,ro for a disk that is only read; QEMU’s file=FILE,readonly=on,format=raw,if=virtio will do, too',
  });
