/** Loads an image without any format at an address and enters it in the mode the user names: boot sectors, test programs, payloads. */
import { type GuestMemory, MachineError } from '#core';
import type { BootMode, Loaded, Placement } from './boot-state.ts';
import { enterLongMode, enterProtectedMode, enterRealMode, gdtSize, identityMapSize } from './entry.ts';
import { overlaps, place } from './placement.ts';

export interface RawOptions {
  readonly image: Uint8Array;
  /** Where the first byte goes; default 0x7c00, where a BIOS puts boot sectors. */
  readonly address?: number;
  readonly mode?: BootMode;
  /** Default: the first byte. */
  readonly entry?: number;
  readonly stack?: number;
  readonly occupied?: readonly Placement[];
}

const bootSector = 0x7c00;
const preferred = { gdt: 0x2000, pageTables: 0x9000 };
const defaultStack = { real: 0x7000, protected: 0x8_0000, long: 0x8_0000 } as const;
const realModeEnd = 0x10_0000;

export function loadRaw(memory: GuestMemory, options: RawOptions): Loaded {
  const { image, address = bootSector, mode = 'real', entry = address, occupied = [] } = options;
  const refuse = (path: string, problem: string, remedy: string): never => {
    throw new MachineError('bad-image', `the raw image ${problem}`, { path: `boot.${path}`, remedy });
  };
  const range: Placement = { name: 'image', base: address, size: image.length };
  if (image.length === 0) refuse('image', 'is empty', 'name a file with something in it');
  if (!Number.isSafeInteger(address) || address < 0 || !memory.contains(address, image.length)) {
    const remedy = 'choose an address inside RAM or give the machine more memory';
    refuse('options.address', `does not fit at 0x${address.toString(16)}`, remedy);
  }
  const other = occupied.find(candidate => overlaps(candidate, range));
  if (other) refuse('options.address', `overlaps the ${other.name}`, 'choose another address');
  const limit = mode === 'real' ? realModeEnd : 2 ** 32;
  if (!Number.isInteger(entry) || entry < 0 || entry >= limit) {
    refuse(
      'options.entry',
      `cannot be entered at 0x${entry.toString(16)} in ${mode} mode`,
      'choose another entry or mode',
    );
  }
  memory.write(address, image);

  const placements = [range];
  const registers = { rsp: options.stack ?? defaultStack[mode] };
  if (mode === 'real') {
    const segment = entry < 0x1_0000 ? 0 : entry >>> 4;
    return { state: enterRealMode({ rip: entry - segment * 16, segment, registers }), placements };
  }
  const find = (at: number, name: string, size: number, alignment: number): number => {
    const placement = place(memory, [...occupied, ...placements], at, { name, size, alignment });
    placements.push(placement);
    return placement.base;
  };
  const gdt = find(preferred.gdt, 'GDT', gdtSize, 16);
  if (mode === 'protected') return { state: enterProtectedMode(memory, { rip: entry, registers, gdt }), placements };
  const pageTables = find(preferred.pageTables, 'page tables', identityMapSize, 0x1000);
  return { state: enterLongMode(memory, { rip: entry, registers, gdt, pageTables }), placements };
}
