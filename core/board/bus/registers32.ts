import type { MmioHandler, MmioSize } from './mmio.ts';

/** A device of aligned 32-bit registers; offsets are multiples of four, values unsigned. */
export interface Registers32 {
  readonly name: string;
  read(offset: number, processor: number): number;
  write(offset: number, value: number, processor: number): void;
}

/**
 * Puts 32-bit registers behind accesses of any width: a narrow read takes its lane, a narrow write is a write of the whole
 * register with zeros beside it, a wide access is several.
 */
export const registers32 = (registers: Registers32): MmioHandler => ({
  name: registers.name,

  read(offset: number, size: MmioSize, result: DataView, processor: number): void {
    if ((offset & 3) === 0 && size >= 4) {
      result.setUint32(0, registers.read(offset, processor), true);
      if (size === 8) result.setUint32(4, registers.read(offset + 4, processor), true);
      return;
    }
    for (let byte = 0; byte < size; ) {
      const at = offset + byte;
      const word = registers.read(at & ~3, processor);
      do result.setUint8(byte, word >>> (8 * ((offset + byte) & 3)));
      while (++byte < size && (offset + byte) & 3);
    }
  },

  write(offset: number, size: MmioSize, value: DataView, processor: number): void {
    if ((offset & 3) === 0 && size >= 4) {
      registers.write(offset, value.getUint32(0, true), processor);
      if (size === 8) registers.write(offset + 4, value.getUint32(4, true), processor);
      return;
    }
    for (let byte = 0; byte < size; ) {
      const at = offset + byte;
      let word = 0;
      do word |= value.getUint8(byte) << (8 * ((offset + byte) & 3));
      while (++byte < size && (offset + byte) & 3);
      registers.write(at & ~3, word >>> 0, processor);
    }
  },
});
