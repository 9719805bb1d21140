/** What one register is at power-on, and which of its bits a guest can change. */
export interface RegisterForm {
  readonly value?: number;
  /** Bits that keep what is written. */
  readonly writable?: number;
  /** Bits that a one clears. */
  readonly clearable?: number;
}

/** 256 bytes of which every bit is fixed, writable or cleared by a one. Little-endian. */
export class ConfigurationSpace {
  readonly bytes = new Uint8Array(256);
  readonly #initial = new Uint8Array(256);
  readonly #writable = new Uint8Array(256);
  readonly #clearable = new Uint8Array(256);

  define(offset: number, size: number, { value = 0, writable = 0, clearable = 0 }: RegisterForm): void {
    for (let byte = 0; byte < size; byte++) {
      this.#initial[offset + byte] = value >>> (8 * byte);
      this.#writable[offset + byte] = writable >>> (8 * byte);
      this.#clearable[offset + byte] = clearable >>> (8 * byte);
      this.bytes[offset + byte] = value >>> (8 * byte);
    }
  }

  reset(): void {
    this.bytes.set(this.#initial);
  }

  /** Takes saved bytes; those that nobody can write stay as they are, whatever was saved. */
  load(saved: Uint8Array): void {
    for (let offset = 0; offset < 256; offset++) {
      const mask = this.#writable[offset];
      this.bytes[offset] = (this.#initial[offset] & ~mask) | (saved[offset] & mask);
    }
  }

  read(offset: number, size: number): number {
    let value = 0;
    for (let byte = 0; byte < size; byte++) value |= this.bytes[offset + byte] << (8 * byte);
    return value >>> 0;
  }

  /** What a guest writes. */
  write(offset: number, size: number, value: number): void {
    for (let byte = 0; byte < size; byte++) {
      const at = offset + byte;
      const written = (value >>> (8 * byte)) & 0xff;
      const mask = this.#writable[at];
      this.bytes[at] = ((this.bytes[at] & ~mask) | (written & mask)) & ~(written & this.#clearable[at]);
    }
  }

  /** What the function itself sets. */
  set(offset: number, size: number, value: number): void {
    for (let byte = 0; byte < size; byte++) this.bytes[offset + byte] = value >>> (8 * byte);
  }
}
