import test from 'ava';
import { opcodeMap } from '../../../../core/processor/isa/opcode-map.ts';
import { type Recorded, readRecording, toHex } from './recording.ts';
import { normalize } from './spelling.ts';
import { decodeBytes } from './support.ts';

const recorded = readRecording();

/** Where objdump is the one that is wrong or does not look. */
const excused: readonly { readonly why: string; readonly is: (entry: Recorded, ours: string) => boolean }[] = [
  {
    why: 'fences ignore ModRM.rm (SDM vol. 2, MFENCE and SFENCE); objdump knows rm 0 only',
    is: ({ text }, ours) => text === '(bad)' && /^[ms]fence$/.test(ours),
  },
  {
    why: 'an operand-size prefix on instructions that have no use for it is ignored',
    is: ({ text, bytes }, ours) => text === '(bad)' && bytes.includes(0x66) && /^(wbinvd|vmmcall)$/.test(ours),
  },
  {
    why: 'bounds-checking instructions are hints where MPX is absent, whatever their operands',
    is: ({ text }, ours) => text === '(bad)' && ours.startsWith('nop '),
  },
  {
    why: 'objdump takes 66 for the mark of an XMM register, though F2 or F3 is there too',
    is: ({ text }, ours) =>
      /movq2dq|movdq2q/.test(text) && ours.replaceAll('xmm', 'mm') === normalize(text).replaceAll('xmm', 'mm'),
  },
  {
    why: 'objdump does not know the second encodings of FCOM, FCOMP, FXCH and FSTP, which iced-x86 does',
    is: ({ text }, ours) => text === '(bad)' && /^(fcomp?|fxch|fstp|fstpnce) st/.test(ours),
  },
  { why: 'objdump does not know SALC', is: ({ text }, ours) => text === '(bad)' && ours === 'salc' },
  { why: 'there are six segment registers', is: ({ text }, ours) => text.includes('?') && ours === '' },
  {
    why: 'MONITOR and MWAIT stand alone, which iced-x86 knows',
    is: ({ text, bytes }, ours) => ours === '' && /\bm(onitor|wait)\b/.test(text) && bytes.includes(0x66),
  },
  { why: 'objdump does not check LOCK', is: ({ text }, ours) => / ?lock /.test(` ${text}`) && ours === '' },
  {
    why: 'objdump names control and debug registers that do not exist',
    is: ({ text }, ours) => /\b[cd]r\d/.test(text) && ours === '',
  },
  {
    why: 'MOV to CS is no instruction',
    is: ({ text }, ours) => /mov cs,/.test(text.replace(/\s+/g, ' ')) && ours === '',
  },
  {
    why: 'F3 with REX.B before 90 exchanges (seen on hardware)',
    is: ({ text }, ours) => text.includes('pause') && ours.startsWith('xchg r8'),
  },
  {
    why: 'RDFSBASE and its kin have no 16-bit form',
    is: ({ text }, ours) =>
      /[rd]d?[fg]sbase \w\w$/.test(text) && ours.startsWith(text.split(' ').find(word => /base/.test(word))!),
  },
];

test('decodes lengths and names operands as objdump does, for every row in every mode', t => {
  const wrong: string[] = [];
  for (const entry of recorded) {
    const { bytes, bits, address, text } = entry;
    const padded = new Uint8Array(15).fill(0x90);
    padded.set(bytes);
    const ours = decodeBytes(padded, bits, { rip: BigInt(address) });
    const agrees =
      text === '(bad)' ? ours.length < 0 : ours.length === bytes.length && normalize(ours.text) === normalize(text);
    if (!agrees && !excused.some(({ is }) => is(entry, ours.text))) {
      wrong.push(
        `${bits} ${toHex(bytes)}: objdump "${normalize(text)}", ours "${normalize(ours.text)}" (${ours.length})`,
      );
    }
  }
  t.deepEqual(wrong.slice(0, 20), []);
  t.true(recorded.length > 5000);
});

test('the recording covers the rows', t => {
  const seen = new Set<string>();
  for (const { bytes, bits } of recorded) {
    const padded = new Uint8Array(15).fill(0x90);
    padded.set(bytes);
    const { length, decoded } = decodeBytes(padded, bits);
    if (length > 0) seen.add(opcodeMap().variants[decoded.variant]!.row.text);
  }
  const missing = opcodeMap()
    .rows.map(({ text }) => text)
    .filter(text => !seen.has(text));
  t.log(
    `${missing.length} rows without a recording (npx tsx test/core/processor/decode/record.ts): ${missing.slice(0, 8).join('; ')}`,
  );
  t.true(seen.size > 400);
});
