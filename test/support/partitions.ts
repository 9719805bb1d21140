/** Disks with partition tables, as sfdisk makes them. */
import { crc32 } from 'node:zlib';

const sector = 512;
const entrySize = 128;
const entries = 128;
const linuxType = '0fc63daf-8483-4772-8e79-3d69d8477de4';

export interface Partition {
  readonly first: number;
  readonly last: number;
  /** GPT only. */
  readonly id?: string;
  readonly label?: string;
}

/** The first three groups are numbers in the disk's byte order, the others are bytes. */
function guid(text: string): Uint8Array {
  const bytes = Uint8Array.from(text.replaceAll('-', '').match(/../g)!, pair => Number.parseInt(pair, 16));
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/** MBR entries: type, first sector and count are all that Linux reads. `signature` identifies the disk. */
export function writeMbr(disk: Uint8Array, signature: number, partitions: readonly Partition[], type = 0x83): void {
  const view = new DataView(disk.buffer, disk.byteOffset);
  view.setUint32(440, signature, true);
  for (const [index, { first, last }] of partitions.entries()) {
    const at = 446 + 16 * index;
    view.setUint8(at + 4, type);
    view.setUint32(at + 8, first, true);
    view.setUint32(at + 12, last - first + 1, true);
  }
  view.setUint16(510, 0xaa55, true);
}

/** UEFI 2.10 §5.3: a protective MBR, and header and entries at both ends. Unnamed entries of the array stay empty. */
export function writeGpt(disk: Uint8Array, diskId: string, partitions: Readonly<Record<number, Partition>>): void {
  const last = disk.length / sector - 1;
  writeMbr(disk, 0, [{ first: 1, last }], 0xee);
  const array = new Uint8Array(entrySize * entries);
  for (const [number, { first, last: end, id = linuxType, label = '' }] of Object.entries(partitions)) {
    const entry = array.subarray((Number(number) - 1) * entrySize, Number(number) * entrySize);
    const view = new DataView(entry.buffer, entry.byteOffset);
    entry.set(guid(linuxType));
    entry.set(guid(id), 16);
    view.setBigUint64(32, BigInt(first), true);
    view.setBigUint64(40, BigInt(end), true);
    for (const [index, character] of [...label].entries())
      view.setUint16(56 + 2 * index, character.charCodeAt(0), true);
  }
  const arraySectors = array.length / sector;
  const put = (at: number, other: number, arrayAt: number): void => {
    const header = new Uint8Array(92);
    const view = new DataView(header.buffer);
    header.set(new TextEncoder().encode('EFI PART'));
    view.setUint32(8, 0x1_0000, true);
    view.setUint32(12, header.length, true);
    const places = [at, other, 2 + arraySectors, last - arraySectors - 1];
    for (const [index, place] of places.entries()) view.setBigUint64(24 + 8 * index, BigInt(place), true);
    header.set(guid(diskId), 56);
    view.setBigUint64(72, BigInt(arrayAt), true);
    view.setUint32(80, entries, true);
    view.setUint32(84, entrySize, true);
    view.setUint32(88, crc32(array), true);
    view.setUint32(16, crc32(header), true);
    disk.set(array, arrayAt * sector);
    disk.set(header, at * sector);
  };
  put(1, last, 2);
  put(last, 1, last - arraySectors);
}
