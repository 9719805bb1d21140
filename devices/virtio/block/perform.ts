import { type BlockBackend, BlockError } from '#core';
import { BlockStatus, largestZeroes, RequestType, sectorSize, serialLength, zeroesLength } from './layout.ts';
import { type BlockRequest, dataLength } from './request.ts';

export interface Medium {
  readonly disk: BlockBackend;
  readonly readOnly: boolean;
  readonly serial: string;
}

/** How a driver wants it: one that cannot flush must find each write on the medium when it ends (5.2.6.2). */
export interface DrivenMedium extends Medium {
  readonly writesThrough: boolean;
}

/** What of a request is to be done now. */
export interface Piece {
  /** Where in the request's data. */
  readonly offset: number;
  readonly length: number;
  /** What the driver gives: as much of what is to be written, or the parameters. */
  readonly given: Uint8Array;
  readonly isLast: boolean;
}

export interface Answer {
  readonly status: number;
  readonly data: Uint8Array;
}

const nothing = new Uint8Array(0);
const failed: Answer = { status: BlockStatus.ioError, data: nothing };
const done: Answer = { status: BlockStatus.ok, data: nothing };

type Action = (medium: DrivenMedium, request: BlockRequest, piece: Piece) => Promise<Answer>;

const actions: Readonly<Record<number, Action>> = {
  [RequestType.read]: async ({ disk }, request, { offset, length }) => {
    const at = place(disk, request.sector, dataLength(request));
    if (at === undefined) return failed;
    const data = new Uint8Array(length);
    await disk.read(at + offset, data);
    return { status: BlockStatus.ok, data };
  },

  [RequestType.write]: async ({ disk, readOnly, writesThrough }, request, { offset, given, isLast }) => {
    const at = place(disk, request.sector, dataLength(request));
    if (at === undefined || readOnly) return failed;
    await disk.write(at + offset, given);
    if (isLast && writesThrough) await disk.flush();
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

  [RequestType.writeZeroes]: async ({ disk, readOnly, writesThrough }, _request, { given }) => {
    if (given.length !== zeroesLength || readOnly) return failed;
    const view = new DataView(given.buffer, given.byteOffset);
    const sectors = view.getUint32(8, true);
    const at = place(disk, view.getBigUint64(0, true), sectors * sectorSize);
    if (at === undefined || sectors > largestZeroes) return failed;
    await disk.write(at, new Uint8Array(sectors * sectorSize));
    if (writesThrough) await disk.flush();
    return done;
  },
};

/** What the disk refuses, the guest learns from a status byte. Our own mistakes still throw. */
export async function perform(medium: DrivenMedium, request: BlockRequest, piece: Piece): Promise<Answer> {
  const action = actions[request.type];
  if (!action) return { status: BlockStatus.unsupported, data: nothing };
  try {
    return await action(medium, request, piece);
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
