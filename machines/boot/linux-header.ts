/** The setup header of a Linux bzImage (Documentation/arch/x86/boot.rst), parsed and checked; nothing in it is trusted. */
import { MachineError } from '#core';

export interface LinuxHeader {
  /** Major in the high byte, minor in the low one: 0x020f is 2.15. */
  readonly version: number;
  /** "6.1.0-13-cloud-amd64 (debian-kernel@…) #1 SMP …", or empty. */
  readonly release: string;
  /** Header bytes, file offsets [0x1f1, headerEnd). */
  readonly headerEnd: number;
  readonly protectedModeStart: number;
  readonly initrdLimit: number;
  readonly commandLineSize: number;
  readonly preferredAddress: number;
  /** Linear memory needed from the load address until the kernel has read its memory map. */
  readonly initSize: number;
  /** The packed kernel proper, as a range of the file. */
  readonly payload: { readonly start: number; readonly end: number };
}

export const setupHeaderStart = 0x1f1;
const smallestFile = 0x290;
const largestHeaderEnd = 0x290;
const magic = 0x5372_6448;
const firstVersionWith64BitEntry = 0x020c;
const kernel64 = 1;

const refuse = (problem: string, remedy = 'use an uncorrupted x86-64 bzImage (Debian: /boot/vmlinuz-*)'): never => {
  throw new MachineError('bad-kernel', `the kernel image ${problem}`, { path: 'boot.kernel', remedy });
};

/** True if the bytes carry the Linux boot signature; says nothing about the rest. */
export const isLinux = (file: Uint8Array): boolean =>
  file.length >= 0x206 &&
  file[0x1fe] === 0x55 &&
  file[0x1ff] === 0xaa &&
  new DataView(file.buffer, file.byteOffset).getUint32(0x202, true) === magic;

export function parseLinuxHeader(file: Uint8Array): LinuxHeader {
  if (file.length < smallestFile) refuse(`is truncated: ${file.length} bytes do not even hold its header`);
  if (!isLinux(file)) refuse('is no Linux bzImage: the signature "HdrS" is missing');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const version = view.getUint16(0x206, true);
  const versionText = `${version >> 8}.${(version & 0xff).toString().padStart(2, '0')}`;
  if (version < firstVersionWith64BitEntry) {
    refuse(`speaks boot protocol ${versionText}; 2.12 is the first with a 64-bit entry`, 'use Linux 3.8 or newer');
  }
  if (!(view.getUint16(0x236, true) & kernel64)) {
    refuse('has no 64-bit entry point (XLF_KERNEL_64 is clear)', 'use a kernel built for x86-64');
  }
  const headerEnd = 0x202 + view.getUint8(0x201);
  if (headerEnd < 0x268 || headerEnd > largestHeaderEnd) refuse(`claims a header that ends at ${hex(headerEnd)}`);
  const protectedModeStart = ((view.getUint8(setupHeaderStart) || 4) + 1) * 512;
  const codeSize = view.getUint32(0x1f4, true) * 16;
  const available = file.length - protectedModeStart;
  // syssize counts 16-byte units, so a whole file may be up to 15 bytes shorter than it says.
  if (available <= 0x200 || available + 15 < codeSize) {
    refuse(`is truncated: ${Math.max(0, available)} of ${codeSize} bytes of code are there`);
  }
  const payloadStart = protectedModeStart + view.getUint32(0x248, true);
  return {
    version,
    release: releaseOf(file, view.getUint16(0x20e, true)),
    headerEnd,
    protectedModeStart,
    initrdLimit: view.getUint32(0x22c, true),
    commandLineSize: view.getUint32(0x238, true),
    preferredAddress: Number(view.getBigUint64(0x258, true)),
    initSize: view.getUint32(0x260, true),
    payload: { start: payloadStart, end: payloadStart + view.getUint32(0x24c, true) },
  };
}

function releaseOf(file: Uint8Array, offset: number): string {
  if (offset === 0) return '';
  const start = Math.min(offset + 0x200, file.length);
  const text = file.subarray(start, Math.min(start + 256, file.length));
  const end = text.indexOf(0);
  const ascii = end < 0 ? new Uint8Array(0) : text.subarray(0, end);
  return Array.from(ascii, byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?')).join('');
}

const hex = (value: number): string => `0x${value.toString(16)}`;
