import type { BytePortHandler, PortHandler, PortSize } from './ports.ts';

/** Puts a device of byte registers behind accesses of any width. */
export class BytePorts implements PortHandler {
  readonly name: string;

  constructor(private readonly handler: BytePortHandler) {
    this.name = handler.name;
  }

  read(port: number, size: PortSize): number {
    const { handler } = this;
    if (size === 1) return handler.read8 ? handler.read8(port) & 0xff : 0xff;
    if (size === 2) {
      if (handler.read16) return handler.read16(port);
      return this.read(port, 1) | (this.read(port + 1, 1) << 8);
    }
    if (handler.read32) return handler.read32(port);
    return this.read(port, 2) | (this.read(port + 2, 2) << 16);
  }

  write(port: number, size: PortSize, value: number): void {
    const { handler } = this;
    if (size === 1) handler.write8?.(port, value & 0xff);
    else if (size === 2 && handler.write16) handler.write16(port, value & 0xffff);
    else if (size === 4 && handler.write32) handler.write32(port, value >>> 0);
    else {
      const half = (size / 2) as PortSize;
      this.write(port, half, value);
      this.write(port + half, half, value >>> (half * 8));
    }
  }
}
