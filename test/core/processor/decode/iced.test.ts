import test from 'ava';
import { Decoded } from '../../../../core/processor/decode/decoded.ts';
import { allDecodeFeatures, decode } from '../../../../core/processor/decode/decoder.ts';
import { opcodeMap } from '../../../../core/processor/isa/opcode-map.ts';
import { agree, icedSees, implemented, weSee } from './iced.ts';
import { type Bits, toHex } from './recording.ts';
import { modes } from './support.ts';

const prefixes = [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x48, 0x41, 0x44, 0x42, 0x4f];
const addresses: Readonly<Record<Bits, bigint>> = { 16: 0x1234n, 32: 0x1234_5678n, 64: 0x1_2345_6789n };

/** Bytes that are an instruction more often than noise is. */
class RandomBytes {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0;
    return (this.#state >>> 8) & 0xff_ffff;
  }
  fill(bytes: Uint8Array): void {
    let at = 0;
    while ((this.next() & 3) === 0 && at < 4) bytes[at++] = prefixes[this.next() & 15];
    const kind = this.next() % 10;
    if (kind > 5) bytes[at++] = 0x0f;
    if (kind === 9) bytes[at++] = this.next() & 1 ? 0x38 : 0x3a;
    for (; at < bytes.length; at++) bytes[at] = this.next();
  }
}

const agrees = test.macro({
  exec(t, bits: Bits, seed: number, count: number) {
    const random = new RandomBytes(seed);
    const bytes = new Uint8Array(15);
    const source = { length: 15, at: (index: number) => bytes[index] };
    const decoded = new Decoded();
    const wrong = new Set<string>();
    let both = 0;
    for (let n = 0; n < count && wrong.size < 20; n++) {
      random.fill(bytes);
      const length = decode(source, modes[bits], allDecodeFeatures, decoded);
      const other = icedSees(bytes, bits, addresses[bits], 0);
      const ours = length > 0 ? weSee(decoded, length, addresses[bits]) : undefined;
      if (!ours && !other) continue;
      if (!ours) {
        if (implemented(other!)) wrong.add(`${toHex(bytes)}: iced sees ${other!.code}, we nothing`);
        continue;
      }
      both++;
      if (!other) wrong.add(`${toHex(bytes)}: we see ${ours.code}, iced nothing`);
      else if (!agree(ours, other)) {
        wrong.add(
          `${toHex(bytes)}: ${ours.length} ${ours.mnemonic} ${ours.operands}, iced ${other.length} ${other.mnemonic} ${other.operands} (${other.code})`,
        );
      }
    }
    t.deepEqual([...wrong], []);
    t.true(both > count / 8);
  },
  title: (_, bits) => `agrees with iced-x86 about random bytes in ${bits}-bit code`,
});

test(agrees, 16, 11, 60_000);
test(agrees, 32, 12, 60_000);
test(agrees, 64, 13, 120_000);

test('every row has been given a name', t => {
  t.true(opcodeMap().rows.every(row => row.instruction.name !== ''));
});
