/** Every opcode under every combination of prefixes that could mean something, against iced-x86: same instructions, and nothing more. */
import test from 'ava';
import { Decoded } from '../../../../core/processor/decode/decoded.ts';
import { allDecodeFeatures, decode } from '../../../../core/processor/decode/decoder.ts';
import { agree, icedSees, implemented, type Seen, weSee } from './iced.ts';
import { type Bits, toHex } from './recording.ts';
import { modes } from './support.ts';

const spaces = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const legacyPrefixes = [[], [0x66], [0xf3], [0xf2], [0x66, 0xf3], [0xf2, 0x66], [0xf0], [0x67], [0xf0, 0x66], [0x65]];
const rexes: Readonly<Record<Bits, number[][]>> = { 16: [[]], 32: [[]], 64: [[], [0x48], [0x45], [0x40]] };
const tail = [0x24, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb];
/** mod 0 to 2: no base, SIB, RIP-relative, a base; mod 3: all registers of each extension that the opcode map tells apart. */
const modrms = Array.from({ length: 256 }, (_, modrm) => modrm).filter(
  modrm => modrm >= 0xc0 || (modrm < 0x40 ? [0, 4, 5].includes(modrm & 7) : (modrm & 7) === 4),
);

const excused: readonly {
  readonly why: string;
  readonly is: (ours: Seen | undefined, other: Seen | undefined) => boolean;
}[] = [
  {
    why: 'hints of shadow stacks are NOPs where there are none',
    is: (ours, other) => ours?.mnemonic === 'nop' && /^rdssp/.test(other?.mnemonic ?? ''),
  },
  {
    why: 'VMGEXIT is VMMCALL to a guest that is not encrypted',
    is: (ours, other) => ours?.mnemonic === 'vmmcall' && other?.mnemonic === 'vmgexit',
  },
  {
    why: 'F3 with REX.B before 90 exchanges (seen on hardware)',
    is: (ours, other) => ours?.mnemonic === 'xchg' && other?.mnemonic === 'pause',
  },
  { why: 'this PEXTRW is SSE4.1', is: (ours, other) => !ours && /^Pextrw_r\d+m16/.test(other!.code) },
];

const complaint = (ours: Seen | undefined, other: Seen | undefined): string | undefined => {
  if (!ours && (!other || !implemented(other))) return undefined;
  if (ours && other && agree(ours, other)) return undefined;
  if (excused.some(({ is }) => is(ours, other))) return undefined;
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
    for (const prefix of legacyPrefixes)
      for (const rex of rexes[bits])
        for (const space of spaces)
          for (let opcode = 0; opcode < 256; opcode++) {
            const head = [...prefix, ...rex, ...space, opcode];
            for (const modrm of modrms) {
              bytes.set([...head, modrm, ...tail].slice(0, 15));
              const length = decode(source, modes[bits], allDecodeFeatures, decoded);
              const ours = length > 0 ? weSee(decoded, length, rip) : undefined;
              if (ours) instructions++;
              const why = complaint(ours, icedSees(bytes, bits, rip, 0));
              if (why) wrong.push(`${toHex(bytes)}: ${why}`);
            }
          }
    t.deepEqual(wrong.slice(0, 20), []);
    t.true(instructions > 300_000);
    t.log(`${instructions} instructions`);
  },
  title: (_, bits) => `${bits}-bit code: every opcode and prefix as iced-x86 sees it`,
});

test(sweep, 16);
test(sweep, 32);
test(sweep, 64);
