/** What firmware says of the machine to people (SMBIOS 2.8, DSP0134): `dmidecode` in a guest, and Linux's line "DMI:". */
import { type CpuModel, type GuestMemory, lookUpLeaf } from '#core';
import { concatenate } from '../acpi/aml.ts';
import { setChecksum, text } from '../acpi/table.ts';
import type { Placement } from '../boot/boot-state.ts';
import { putTables } from '../boot/placement.ts';
import { type RamRange, ramRanges } from '../memory.ts';
import { structure } from './structure.ts';

export interface SmbiosOptions {
  /** The machine's name. */
  readonly product: string;
  readonly processors: number;
  readonly cpu: CpuModel;
  /** Bytes of RAM. */
  readonly memory: number;
}

/** The BIOS area, where guests look for the entry point at each multiple of 16. */
const defaultPlace = 0xf_0000;
const entrySize = 31;
const tablesOffset = 32;

const maker = 'virt64';
const version = '1';
const other = 1;
const unknown = 2;
const safe = 3;
const noHandle = 0xffff;
const noError = 0xfffe;
/** By the type in the high byte; those of which there may be several count from theirs on. */
const handle = {
  bios: 0,
  system: 0x100,
  chassis: 0x300,
  processor: 0x400,
  array: 0x1000,
  memory: 0x1100,
  mapped: 0x1300,
  boot: 0x2000,
  end: 0x7f00,
} as const;

/** 6.1, 7.1: no BIOS that does anything, and a virtual machine. */
const bios = (): Uint8Array =>
  structure(0, handle.bios, 24, ({ view, text: put }) => {
    put(4, maker);
    put(5, version);
    view.setUint16(6, 0xf000, true);
    put(8, '01/01/2026');
    const characteristicsNotSupported = 1 << 3;
    const virtualMachine = 1 << 4;
    view.setUint32(10, characteristicsNotSupported, true);
    view.setUint8(19, virtualMachine);
    view.setUint8(20, Number(version));
    for (const at of [22, 23]) view.setUint8(at, 0xff);
  });

const system = (product: string): Uint8Array =>
  structure(1, handle.system, 27, ({ view, text: put }) => {
    put(4, maker);
    put(5, product);
    put(6, version);
    const powerSwitch = 6;
    view.setUint8(24, powerSwitch);
  });

const chassis = (): Uint8Array =>
  structure(3, handle.chassis, 22, ({ view, text: put }) => {
    put(4, maker);
    view.setUint8(5, other);
    put(6, version);
    for (const at of [9, 10, 11]) view.setUint8(at, safe);
    view.setUint8(12, unknown);
  });

const characters = (...words: readonly number[]): string =>
  new TextDecoder().decode(new Uint8Array(Int32Array.from(words).buffer)).replace(/\0+$/, '');

/** As CPUID names it; its clock is the time-stamp counter's. */
function processor(cpu: CpuModel, index: number): Uint8Array {
  const { ebx, ecx, edx } = lookUpLeaf(cpu, 0, 0);
  const identity = lookUpLeaf(cpu, 1, 0);
  const name = [2, 3, 4].map(n => lookUpLeaf(cpu, 0x8000_0000 + n, 0));
  return structure(4, handle.processor + index, 42, ({ view, text: put }) => {
    const [central, enabled, megahertz] = [3, 0x41, 1000];
    put(4, `CPU ${index}`);
    view.setUint8(5, central);
    view.setUint8(6, other);
    put(7, characters(ebx, edx, ecx));
    view.setInt32(8, identity.eax, true);
    view.setInt32(12, identity.edx, true);
    put(16, characters(...name.flatMap(leaf => [leaf.eax, leaf.ebx, leaf.ecx, leaf.edx])));
    view.setUint16(20, megahertz, true);
    view.setUint16(22, megahertz, true);
    view.setUint8(24, enabled);
    view.setUint8(25, other);
    for (const cache of [26, 28, 30]) view.setUint16(cache, noHandle, true);
    for (const count of [35, 36, 37]) view.setUint8(count, 1);
    view.setUint16(38, unknown, true);
    view.setUint16(40, other, true);
  });
}

const kibibytes = (bytes: number): number => bytes / 2 ** 10;

const memoryArray = (memory: number): Uint8Array =>
  structure(16, handle.array, 23, ({ view }) => {
    const [systemMemory, noCorrection] = [3, 3];
    view.setUint8(4, other);
    view.setUint8(5, systemMemory);
    view.setUint8(6, noCorrection);
    view.setUint32(7, kibibytes(memory), true);
    view.setUint16(11, noError, true);
    view.setUint16(13, 1, true);
  });

/** Its size is in whole MiB, or in KiB with bit 15 set. */
function memoryDevice(memory: number): Uint8Array {
  const [inKibibytes, dimm, ram] = [0x8000, 9, 7];
  const isSmall = memory % 2 ** 20 !== 0 && kibibytes(memory) < inKibibytes;
  return structure(17, handle.memory, 40, ({ view, text: put }) => {
    view.setUint16(4, handle.array, true);
    view.setUint16(6, noError, true);
    view.setUint16(8, noHandle, true);
    view.setUint16(10, noHandle, true);
    view.setUint16(12, isSmall ? inKibibytes | kibibytes(memory) : memory / 2 ** 20, true);
    view.setUint8(14, dimm);
    put(16, 'DIMM 0');
    view.setUint8(18, ram);
    view.setUint16(19, 1 << other, true);
    put(23, maker);
  });
}

const mapped = ({ base, size }: RamRange, index: number): Uint8Array =>
  structure(19, handle.mapped + index, 31, ({ view }) => {
    view.setUint32(4, kibibytes(base), true);
    view.setUint32(8, kibibytes(base + size) - 1, true);
    view.setUint16(12, handle.array, true);
    view.setUint8(14, 1);
  });

/** The entry point (5.2.1) and the structures behind it. */
export function smbiosImage(base: number, { product, processors, cpu, memory }: SmbiosOptions): Uint8Array {
  const structures = [
    bios(),
    system(product),
    chassis(),
    ...Array.from({ length: processors }, (_, index) => processor(cpu, index)),
    memoryArray(memory),
    memoryDevice(memory),
    ...ramRanges(memory).map(mapped),
    structure(32, handle.boot, 11),
    structure(127, handle.end, 4),
  ];
  const tables = concatenate(...structures);
  const image = new Uint8Array(tablesOffset + tables.length);
  const view = new DataView(image.buffer);
  image.set(text('_SM_'), 0);
  view.setUint8(5, entrySize);
  view.setUint8(6, 2);
  view.setUint8(7, 8);
  view.setUint16(8, Math.max(...structures.map(({ length }) => length)), true);
  image.set(text('_DMI_'), 16);
  view.setUint16(22, tables.length, true);
  view.setUint32(24, base + tablesOffset, true);
  view.setUint16(28, structures.length, true);
  view.setUint8(30, 0x28);
  setChecksum(image, 21, 16, entrySize);
  setChecksum(image, 4, 0, entrySize);
  image.set(tables, tablesOffset);
  return image;
}

export const writeSmbios = (memory: GuestMemory, options: SmbiosOptions, base = defaultPlace): Placement =>
  putTables(memory, 'SMBIOS tables', base, smbiosImage(base, options));
