/** --drive FILE[,ro] or file=FILE,readonly=on: raw images as virtio disks, from slot 00:04.0 on. */
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { MachineError } from '#core';
import { VirtioBlock } from '#devices';
import { type DeviceUse, use } from '#machines';
import { complain } from './complaint.ts';
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
  try {
    await refuseSameFiles(drives.map(parse));
    for (const [index, drive] of drives.entries()) {
      const slot = `00:${(firstSlot + index).toString(16).padStart(2, '0')}.0`;
      uses[`disk${index}`] = use(VirtioBlock, { slot, disk: await openDrive(drive) });
    }
  } catch (error) {
    await closeDrives();
    throw error;
  }
  return uses;
}

const opened: FileDisk[] = [];

/**
 * Flushes and closes the disks that the command line named: on every way out. It may be called more than once. What fails is said like
 * any failure of a disk. After `limit` milliseconds it no longer waits, for those who have no time.
 */
export async function closeDrives(limit = Number.POSITIVE_INFINITY): Promise<void> {
  const closed = Promise.allSettled(opened.map(disk => disk.close()));
  if (limit === Number.POSITIVE_INFINITY) {
    await closed;
    return;
  }
  const over = new AbortController();
  await Promise.race([closed, delay(limit, undefined, { signal: over.signal }).catch(() => undefined)]);
  over.abort();
}

/** Whether the host failed to read, write or flush one of them. */
export const haveDrivesFailed = (): boolean => opened.some(({ failure }) => failure !== undefined);

/** A disk twice is two caches of one disk: the guest would destroy it. Nobody destroys what is only read. */
async function refuseSameFiles(drives: readonly Drive[]): Promise<void> {
  const seen = new Map<string, Drive>();
  for (const drive of drives) {
    // What cannot be looked at cannot be opened: that error comes later.
    const status = await stat(drive.path, { bigint: true }).catch(() => undefined);
    if (!status) continue;
    const file = `${status.dev}:${status.ino}`;
    const other = seen.get(file);
    seen.set(file, other?.readOnly === false ? other : drive);
    if (!other || (other.readOnly && drive.readOnly)) continue;
    const what =
      other.path === drive.path ? `${drive.path} is given twice` : `${other.path} and ${drive.path} are one file`;
    throw new MachineError('bad-argument', what, {
      path: '--drive',
      remedy: 'give it once, or each time with ,ro to be read only',
    });
  }
}

async function openDrive(drive: string): Promise<FileDisk> {
  const { path, readOnly } = parse(drive);
  try {
    const disk = await FileDisk.open(path, { readOnly, onFailure: complain });
    opened.push(disk);
    return disk;
  } catch (error) {
    const suffix = /,[^/]*$/.exec(path)?.[0];
    if (drive.startsWith('file=') || suffix === undefined) throw error;
    if (!(error instanceof MachineError) || error.code !== 'file-not-found') throw error;
    throw strange(suffix.slice(1));
  }
}

const parse = (drive: string): Drive => (drive.startsWith('file=') ? byKeys(drive) : plainFile(drive));

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
