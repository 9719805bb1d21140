/** VEX-encoded instructions, every opcode of its maps under every W, L and pp, against iced-x86: same instructions, and nothing more. */
import test from 'ava';
import { Decoded } from '../../../../core/processor/decode/decoded.ts';
import { allDecodeFeatures, decode } from '../../../../core/processor/decode/decoder.ts';
import { agree, icedSees, implemented, type Seen, weSee } from './iced.ts';
import { type Bits, toHex } from './recording.ts';
import { decodeBytes, modes } from './support.ts';

const tail = [0x24, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
/** Registers, no base, SIB, RIP-relative, a base; those that opcode extensions tell apart come with each. */
const modrms = Array.from({ length: 256 }, (_, modrm) => modrm).filter(modrm =>
  modrm >= 0xc0 ? (modrm & 7) < 2 : modrm < 0x40 ? [0, 4, 5].includes(modrm & 7) : (modrm & 7) === 4,
);
const rxb: Readonly<Record<Bits, readonly number[]>> = { 16: [7], 32: [7, 6], 64: [7, 0, 5] };
const vvvvs = [15, 14, 9, 3];
const maps = [0, 1, 2, 3, 4];

function* prefixes(bits: Bits): Generator<readonly number[]> {
  for (const vvvv of vvvvs)
    for (let low = 0; low < 8; low++) {
      yield [0xc5, 0x80 | (vvvv << 3) | low];
      if (bits === 64) yield [0xc5, (vvvv << 3) | low];
      for (const map of maps)
        for (const w of [0, 0x80])
          for (const registers of rxb[bits]) yield [0xc4, (registers << 5) | map, w | (vvvv << 3) | low];
    }
}

/** In 32-bit code C5 with a register number above 7 in vvvv is LDS. */
const isVex = ([first, second]: readonly number[], bits: Bits): boolean =>
  bits === 64 || first !== 0xc5 || second! >= 0xc0;

const complaint = (ours: Seen | undefined, other: Seen | undefined): string | undefined => {
  if (!ours && (!other || !implemented(other))) return undefined;
  if (ours && other && agree(ours, other)) return undefined;
  // This form came with SSE4.1.
  if (!ours && /^VEX_Vpextrw_r\d+m16/.test(other!.code)) return undefined;
  const text = (seen: Seen | undefined) => (seen ? `${seen.length} ${seen.mnemonic} ${seen.operands}` : 'nothing');
  return `we see ${text(ours)}, iced ${text(other)}`;
};

const sweep = test.macro({
  exec(t, bits: Bits) {
    const bytes = new Uint8Array(15);
    const source = { length: 15, at: (index: number) => bytes[index] };
    const decoded = new Decoded();
    const rip = 0x1234n;
    const wrong: string[] = [];
    let instructions = 0;
    for (const prefix of prefixes(bits)) {
      if (!isVex(prefix, bits)) continue;
      for (let opcode = 0; opcode < 256; opcode++)
        for (const modrm of modrms) {
          bytes.set([...prefix, opcode, modrm, ...tail].slice(0, 15));
          const length = decode(source, modes[bits], allDecodeFeatures, decoded);
          const ours = length > 0 ? weSee(decoded, length, rip) : undefined;
          if (ours) instructions++;
          const why = complaint(ours, icedSees(bytes, bits, rip, 0));
          if (why) wrong.push(`${toHex(bytes)}: ${why}`);
        }
    }
    t.deepEqual(wrong.slice(0, 20), []);
    t.log(`${instructions} instructions`);
    t.true(instructions > 50_000);
  },
  title: (_, bits) => `${bits}-bit code: every VEX opcode as iced-x86 sees it`,
});

test(sweep, 32);
test(sweep, 64);

test('66, F2, F3, LOCK and REX before VEX are no instruction; 67 and segments are welcome', t => {
  for (const prefix of ['66', 'f2', 'f3', 'f0', '40', '48'])
    t.is(decodeBytes(`${prefix} c5 f8 58 c1`).length, -1, prefix);
  t.is(decodeBytes('c5 f8 58 c1').text, 'vaddps xmm0,xmm0,xmm1');
  t.is(decodeBytes('67 64 c5 fc 58 08').text, 'vaddps ymm1,ymm0,YMMWORD PTR fs:[eax]');
});

test('C4 and C5 are LES and LDS in real and virtual-8086 mode, whatever follows', t => {
  const real = 8;
  t.is(decodeBytes('c5 f8 58 c1', 16, { mode: modes[16] | real }).length, -1);
  t.is(decodeBytes('c5 f8 58 c1', 16).text, 'vaddps xmm0,xmm0,xmm1');
  t.is(decodeBytes('c5 06 34 12', 16, { mode: modes[16] | real }).text, 'lds ax,DWORD PTR ds:0x1234');
});
