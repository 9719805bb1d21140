/** Loads a Linux bzImage for its 64-bit entry (Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"). */
import { type GuestMemory, MachineError } from '#core';
import type { Loaded, Placement } from './boot-state.ts';
import { encodeCommandLine } from './command-line.ts';
import { enterLongMode, gdtSize, identityMapSize } from './entry.ts';
import { type LinuxHeader, parseLinuxHeader } from './linux-header.ts';
import { loadUnpacked } from './linux-payload.ts';
import { memoryMap as defaultMemoryMap, type MemoryRange } from './memory-map.ts';
import { place, placeHigh } from './placement.ts';
import { memoryMapCapacity, zeroPage, zeroPageSize } from './zero-page.ts';

export interface LinuxOptions {
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array;
  readonly commandLine?: string;
  /** Default: all RAM regions, with the legacy hole of a PC. */
  readonly memoryMap?: readonly MemoryRange[];
  /** Guest-physical address of ACPI's RSDP, 0 if the machine has none. */
  readonly acpiRsdp?: number;
  /** Ranges that the loader must leave alone, such as ACPI tables. */
  readonly occupied?: readonly Placement[];
  /** Entropy that the kernel credits at boot; the same seed gives the same random numbers. */
  readonly randomSeed?: Uint8Array;
  /**
   * Who unpacks the kernel. `guest`, the default, is the boot protocol to the letter. `host` saves the guest that work, and with it
   * the choice of a random address; it needs a kernel packed with LZ4, and any other is left to the guest.
   */
  readonly unpack?: 'guest' | 'host';
}

export interface LoadedLinux extends Loaded {
  readonly header: LinuxHeader;
}

/** First choices, all below 640 KiB, as other loaders use them. */
const preferred = { gdt: 0x2000, zeroPage: 0x7000, pageTables: 0x9000, commandLine: 0x2_0000, randomSeed: 0x3_0000 };
const entryOffset = 0x200;
const highestAddress = 2 ** 32;
const megabyte = 0x10_0000;
const seedSetupData = 9;
const setupDataHeader = 16;

export function loadLinux(memory: GuestMemory, options: LinuxOptions): LoadedLinux {
  const header = parseLinuxHeader(options.kernel);
  const placements: Placement[] = [];
  const put = (placement: Placement, bytes: Uint8Array): number => {
    memory.write(placement.base, bytes);
    placements.push(placement);
    return placement.base;
  };
  const find = (at: number, name: string, size: number, alignment = 16): Placement =>
    place(memory, [...(options.occupied ?? []), ...placements], at, { name, size, alignment });

  const kernelRange = placeKernel(memory, header, options);
  placements.push(kernelRange);
  const unpacked = options.unpack === 'host' ? loadUnpacked(memory, options.kernel, header) : undefined;
  if (unpacked === undefined) memory.write(kernelRange.base, options.kernel.subarray(header.protectedModeStart));
  const commandLine = encodeCommandLine(options.commandLine ?? '', header.commandLineSize);
  const gdt = find(preferred.gdt, 'GDT', gdtSize);
  placements.push(gdt);
  const pageTables = find(preferred.pageTables, 'page tables', identityMapSize, 0x1000);
  placements.push(pageTables);
  const zeroPageRange = find(preferred.zeroPage, 'zero page', zeroPageSize, 0x1000);
  placements.push(zeroPageRange);
  const commandLineAt = put(find(preferred.commandLine, 'command line', commandLine.length), commandLine);
  const seed = options.randomSeed ? seedNode(options.randomSeed) : undefined;
  const setupData = seed ? put(find(preferred.randomSeed, 'random seed', seed.length), seed) : 0;
  const initrd = placeInitrd(memory, header, options, placements);
  if (initrd.size > 0) put(initrd, options.initrd!);

  const page = zeroPage({
    file: options.kernel,
    headerEnd: header.headerEnd,
    loadAddress: kernelRange.base,
    memoryMap: checkedMap(options.memoryMap ?? defaultMemoryMap(memory.regions)),
    commandLine: commandLineAt,
    initrd,
    acpiRsdp: options.acpiRsdp ?? 0,
    setupData,
  });
  memory.write(zeroPageRange.base, page);
  const state = enterLongMode(memory, {
    rip: unpacked ?? kernelRange.base + entryOffset,
    registers: { rsi: zeroPageRange.base },
    gdt: gdt.base,
    pageTables: pageTables.base,
  });
  return { state, placements, header };
}

/** A relocatable kernel moves itself up to its preferred address anyway, so every kernel is put there at once. */
function placeKernel(memory: GuestMemory, header: LinuxHeader, { kernel, occupied = [] }: LinuxOptions): Placement {
  const base = header.preferredAddress;
  const size = Math.max(header.initSize, kernel.length - header.protectedModeStart);
  if (base < megabyte || base % 0x1000 !== 0 || base + size > highestAddress) {
    throw new MachineError('bad-kernel', `the kernel asks for the impossible load address 0x${base.toString(16)}`, {
      path: 'boot.kernel',
      remedy: 'use an uncorrupted x86-64 bzImage',
    });
  }
  const range = { name: 'kernel', base, size };
  const collides = occupied.some(other => other.base < base + size && base < other.base + other.size);
  if (collides || !memory.contains(base, size)) {
    const need = Math.ceil((base + size) / megabyte);
    throw new MachineError('does-not-fit', `the kernel needs RAM up to ${need} MiB to unpack itself`, {
      path: 'memory',
      remedy: `give the machine at least ${need} MiB of memory, and more for its initrd`,
    });
  }
  return range;
}

function placeInitrd(
  memory: GuestMemory,
  header: LinuxHeader,
  { initrd, occupied = [] }: LinuxOptions,
  placements: readonly Placement[],
): Placement {
  const size = initrd?.length ?? 0;
  if (size === 0) return { name: 'initrd', base: 0, size: 0 };
  const below = Math.min(header.initrdLimit + 1, highestAddress);
  const wanted = { name: 'initrd', size, below, above: megabyte };
  const found = placeHigh(memory, [...occupied, ...placements], wanted);
  if (found) return found;
  throw new MachineError(
    'bad-initrd',
    `the initrd (${size} bytes) does not fit below 0x${below.toString(16)}, where this kernel can read it, beside the kernel`,
    { path: 'boot.initrd', remedy: 'use a smaller initrd or give the machine more memory' },
  );
}

function checkedMap(map: readonly MemoryRange[]): readonly MemoryRange[] {
  if (map.length <= memoryMapCapacity) return map;
  throw new MachineError('bad-profile', `the memory map has ${map.length} ranges; Linux takes ${memoryMapCapacity}`, {
    path: 'memory',
    remedy: 'use fewer, larger memory regions',
  });
}

/** struct setup_data {u64 next; u32 type; u32 length; …} with type SETUP_RNG_SEED; the kernel wipes it after use. */
function seedNode(seed: Uint8Array): Uint8Array {
  const node = new Uint8Array(setupDataHeader + seed.length);
  const view = new DataView(node.buffer);
  view.setUint32(8, seedSetupData, true);
  view.setUint32(12, seed.length, true);
  node.set(seed, setupDataHeader);
  return node;
}
