import { type BlockBackend, BlockError } from '#core';
import { BlockStatus, largestZeroes, RequestType, sectorSize, serialLength, zeroesLength } from './layout.ts';
import type { BlockRequest } from './request.ts';

export interface Medium {
  readonly disk: BlockBackend;
  readonly readOnly: boolean;
  readonly serial: string;
}

export interface Answer {
  readonly status: number;
  readonly data: Uint8Array;
}

const nothing = new Uint8Array(0);
const failed: Answer = { status: BlockStatus.ioError, data: nothing };
const done: Answer = { status: BlockStatus.ok, data: nothing };

type Action = (medium: Medium, request: BlockRequest) => Promise<Answer>;

const actions: Readonly<Record<number, Action>> = {
  [RequestType.read]: async ({ disk }, { sector, room }) => {
    const at = place(disk, sector, room);
    if (at === undefined) return failed;
    const data = new Uint8Array(room);
    await disk.read(at, data);
    return { status: BlockStatus.ok, data };
  },

  [RequestType.write]: async ({ disk, readOnly }, { sector, data }) => {
    const at = place(disk, sector, data.length);
    if (at === undefined || readOnly) return failed;
    await disk.write(at, data);
    return done;
  },

  [RequestType.flush]: async ({ disk }) => {
    await disk.flush();
    return done;
  },

  [RequestType.getId]: async ({ serial }) => {
    const data = new Uint8Array(serialLength);
    data.set(new TextEncoder().encode(serial).subarray(0, serialLength));
    return { status: BlockStatus.ok, data };
  },

  [RequestType.writeZeroes]: async ({ disk, readOnly }, { data }) => {
    if (data.length !== zeroesLength || readOnly) return failed;
    const view = new DataView(data.buffer, data.byteOffset);
    const sectors = view.getUint32(8, true);
    const at = place(disk, view.getBigUint64(0, true), sectors * sectorSize);
    if (at === undefined || sectors > largestZeroes) return failed;
    await disk.write(at, new Uint8Array(sectors * sectorSize));
    return done;
  },
};

/** What the disk refuses, the guest learns from a status byte. Our own mistakes still throw. */
export async function perform(medium: Medium, request: BlockRequest): Promise<Answer> {
  const action = actions[request.type];
  if (!action) return { status: BlockStatus.unsupported, data: nothing };
  try {
    return await action(medium, request);
  } catch (error) {
    if (error instanceof BlockError) return failed;
    throw error;
  }
}

/** Where on the disk, in bytes; undefined if any of it is outside or no whole sector. */
function place(disk: BlockBackend, sector: bigint, length: number): number | undefined {
  const at = Number(sector) * sectorSize;
  return length % sectorSize === 0 && at + length <= disk.size ? at : undefined;
}
