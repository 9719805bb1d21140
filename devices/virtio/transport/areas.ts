import type { MmioHandler, MmioSize } from '#core';

/** Registers of one page of a BAR. Accesses lie within the page; values are unsigned. */
export interface Area {
  read(offset: number, size: 1 | 2 | 4): number;
  write(offset: number, size: 1 | 2 | 4, value: number): void;
}

export const areaSize = 0x1000;

/** Puts areas side by side, a page each. Eight bytes are two accesses of four; what spans two pages goes nowhere. */
export class Areas implements MmioHandler {
  constructor(
    readonly name: string,
    private readonly areas: readonly Area[],
  ) {}

  get size(): number {
    return this.areas.length * areaSize;
  }

  readValue(offset: number, size: 1 | 2 | 4): number {
    const at = offset & (areaSize - 1);
    if (at + size > areaSize) return 0xffff_ffff;
    return this.areas[Math.floor(offset / areaSize)]?.read(at, size) ?? 0xffff_ffff;
  }

  writeValue(offset: number, size: 1 | 2 | 4, value: number): void {
    const at = offset & (areaSize - 1);
    if (at + size <= areaSize) this.areas[Math.floor(offset / areaSize)]?.write(at, size, value);
  }

  read(offset: number, size: MmioSize, result: DataView): void {
    if (size === 1) result.setUint8(0, this.readValue(offset, 1));
    else if (size === 2) result.setUint16(0, this.readValue(offset, 2), true);
    else {
      result.setUint32(0, this.readValue(offset, 4), true);
      if (size === 8) result.setUint32(4, this.readValue(offset + 4, 4), true);
    }
  }

  write(offset: number, size: MmioSize, value: DataView): void {
    if (size === 1) this.writeValue(offset, 1, value.getUint8(0));
    else if (size === 2) this.writeValue(offset, 2, value.getUint16(0, true));
    else {
      const high = value.getUint32(4, true);
      this.writeValue(offset, 4, value.getUint32(0, true));
      if (size === 8) this.writeValue(offset + 4, 4, high);
    }
  }
}
