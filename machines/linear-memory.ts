/** Guest memory as programs of one processor address it: by linear address, through the page tables as they are now. RAM only: devices are not read. */
import type { VirtualMachine } from '#accelerators';
import { type GuestMemory, pageSize } from '#core';

export class LinearMemory {
  constructor(
    private readonly virtual: Pick<VirtualMachine, 'processors'>,
    private readonly memory: GuestMemory,
  ) {}

  /** As many bytes as there are from `address` on, `length` at most. Protection is not asked; nothing of the guest changes. */
  read(processor: number, address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const done = this.#pieces(processor, address, length, (gpa, from, to) =>
      this.memory.read(gpa, bytes.subarray(from, to)),
    );
    return bytes.subarray(0, done);
  }

  /** How many bytes were written: all of them, up to the first page that is not there. Pages may be read-only. */
  write(processor: number, address: bigint, bytes: Uint8Array): number {
    return this.#pieces(processor, address, bytes.length, (gpa, from, to) =>
      this.memory.write(gpa, bytes.subarray(from, to)),
    );
  }

  /** Page by page, while `each` succeeds. */
  #pieces(
    processor: number,
    address: bigint,
    length: number,
    each: (gpa: number, from: number, to: number) => boolean,
  ): number {
    const cpu = this.virtual.processors[processor];
    let done = 0;
    while (done < length) {
      const linear = BigInt.asUintN(64, address + BigInt(done));
      const count = Math.min(length - done, pageSize - Number(linear & BigInt(pageSize - 1)));
      const place = cpu.translate(linear);
      if (!place || !each(place.gpa, done, done + count)) break;
      done += count;
    }
    return done;
  }
}
