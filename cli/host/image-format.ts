/** What a file is by its first bytes, where that is no raw disk: a guest would see the wrapping as its disk, and destroy it. */
import { existsSync } from 'node:fs';

export interface Format {
  readonly name: string;
  /** A command that makes a raw image of it, in a file that is not there yet. */
  readonly remedy: (path: string) => string;
}

/** In a shell. */
export const quoted = (path: string): string => {
  const safe = path.startsWith('-') ? `./${path}` : path;
  return /^[\w./:@%+=,-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
};

/** Beside the file; nothing that is there is overwritten by what we advise. */
export function newFileBeside(path: string, suffix = '.raw'): string {
  for (let count = 1; ; count++) {
    const name = `${path}${count === 1 ? '' : `.${count}`}${suffix}`;
    if (!existsSync(name)) return quoted(name);
  }
}

const convert = (path: string): string => `convert it: qemu-img convert -O raw ${quoted(path)} ${newFileBeside(path)}`;
const unpack =
  (program: string) =>
  (path: string): string =>
    `unpack it: ${program} ${quoted(path)} > ${newFileBeside(path)}`;

const formats: readonly (readonly [signature: string, name: string, remedy: Format['remedy']])[] = [
  ['QFI\xfb', 'a qcow2 image', convert],
  ['QED\0', 'a qed image', convert],
  ['KDMV', 'a vmdk image', convert],
  ['COWD', 'a vmdk image', convert],
  ['# Disk DescriptorFile', 'the description of a vmdk image', convert],
  ['vhdx', 'a vhdx image', convert],
  ['conectix', 'a vhd image', convert],
  ['<<< ', 'a vdi image', convert],
  ['\x1f\x8b\x08', 'compressed by gzip', unpack('gzip -dc')],
  ['\xfd7zXZ\0', 'compressed by xz', unpack('xz -dc')],
  ['\x28\xb5\x2f\xfd', 'compressed by zstd', unpack('zstd -dc')],
  ['BZh', 'compressed by bzip2', unpack('bzip2 -dc')],
  ['\x04\x22\x4d\x18', 'compressed by lz4', unpack('lz4 -dc')],
  ['PK\x03\x04', 'a zip archive', unpack('unzip -p')],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive', unpack('7z e -so')],
];

/** How many of the first bytes `formatOf` and `mayBeDisk` want to see. */
export const headLength = 0x8800;

export function formatOf(head: Buffer): Format | undefined {
  const text = head.toString('latin1', 0, 32);
  const found = formats.find(([signature]) => text.startsWith(signature));
  return found && { name: found[1], remedy: found[2] };
}

/** Boot sector, GPT, ext2 to ext4, XFS, squashfs, ISO 9660, swap. */
const marks: readonly (readonly [at: number, text: string])[] = [
  [510, '\x55\xaa'],
  [512, 'EFI PART'],
  [1080, '\x53\xef'],
  [0, 'XFSB'],
  [0, 'hsqs'],
  [0x8001, 'CD001'],
  [4086, 'SWAPSPACE2'],
];

/** Whether there are signs of a disk or a file system. */
export const mayBeDisk = (head: Buffer): boolean =>
  marks.some(([at, text]) => head.toString('latin1', at, at + text.length) === text);
