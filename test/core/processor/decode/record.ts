/**
 * Writes objdump.br anew: for each row a few encodings in each mode, with prefixes and addressing forms in turn, as GNU objdump
 * reads them. Run: npx tsx test/core/processor/decode/record.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { opcodeMap } from '../../../../core/processor/isa/opcode-map.ts';
import { escapes, type Row, Space, vexSpaces } from '../../../../core/processor/isa/row.ts';
import { type Bits, recordingFile, toHex } from './recording.ts';

const slot = 32;
const slotsAtOnce = 1024;
const machines: Readonly<Record<Bits, readonly string[]>> = {
  16: ['-m', 'i386', '-M', 'intel,i8086'],
  32: ['-m', 'i386', '-M', 'intel'],
  64: ['-m', 'i386:x86-64', '-M', 'intel,intel64'],
};

const tail = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf1, 0x21, 0x43];
const negativeTail = [0xf0, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff];
const prefixes: Readonly<Record<Bits, readonly (readonly number[])[]>> = {
  16: [[], [0x66], [0x67], [0x66, 0x67], [0x64], [0x2e]],
  32: [[], [0x66], [0x67], [0x66, 0x67], [0x65], [0x36]],
  64: [[], [0x66], [0x67], [0x48], [0x4d], [0x64, 0x41], [0x44], [0x40], [0x4a]],
};
/** mod and rm, with SIB where rm asks for one. */
const addressing: readonly (readonly [mod: number, rm: number, sib: number])[] = [
  [3, 1, 0],
  [0, 0, 0],
  [1, 4, 0x4c],
  [3, 6, 0],
  [0, 5, 0],
  [2, 3, 0],
  [0, 4, 0x25],
  [1, 5, 0],
  [0, 4, 0x8d],
  [0, 6, 0],
  [2, 4, 0x24],
  [0, 4, 0xfe],
];

const prefixClasses: Readonly<Record<string, number>> = { 66: 1, f3: 2, f2: 3 };

/** Both lengths of the prefix, both vector widths and all registers come by turns. */
function* vexEncodings(row: Row, bits: Bits, turn: number): Generator<number[]> {
  const uses = (methods: RegExp): boolean => row.operands.some(({ method }) => methods.test(method));
  const indexed = uses(/^X$/);
  const usable = addressing.filter(([mod, rm]) => (mod === 3 ? row.register : row.memory) && (!indexed || rm === 4));
  for (let n = 0; n < 7; n++) {
    const at = turn + n;
    const registers = bits === 64 ? (at * 3) & 7 : 7;
    const vvvv = uses(/^[HB]$/) ? ~at & (bits === 64 ? 15 : 7) & 15 : 15;
    const l = row.l === 'both' ? n & 1 : row.l === 1 ? 1 : 0;
    const w = row.options.w ?? (bits === 64 && uses(/^[GEBR]$/) ? n & 1 : 0);
    const last = ((bits === 64 ? vvvv : vvvv | 8) << 3) | (l << 2) | (prefixClasses[row.prefix] ?? 0);
    const short = row.space === Space.vexOf && w === 0 && (registers & 3) === 3;
    const bytes = short
      ? [0xc5, ((registers & 4) << 5) | last]
      : [0xc4, (registers << 5) | (row.space - vexSpaces), (w << 7) | last];
    if (bits === 16 && indexed) bytes.unshift(0x67);
    bytes.push(row.byte);
    if (row.hasModrm) {
      const [mod, rm, sib] = usable[(turn + n * 5) % usable.length];
      bytes.push((mod << 6) | ((row.reg >= 0 ? row.reg : at & 7) << 3) | rm);
      if (mod !== 3 && rm === 4 && (bits !== 16 || indexed)) bytes.push(sib);
    }
    bytes.push(...(n & 1 ? negativeTail : tail));
    yield bytes.slice(0, 15);
  }
}

/** Encodings of a row in one mode; `turn` shifts the lists so that neighbours differ. */
function* encodings(row: Row, bits: Bits, turn: number): Generator<number[]> {
  if (bits === 64 ? row.options.no64 : row.options.only64) return;
  if (row.vex) {
    yield* vexEncodings(row, bits, turn);
    return;
  }
  const mandatory = { 66: [0x66], f3: [0xf3], f2: [0xf2] }[row.prefix as string] ?? [];
  const repeats = row.instruction.repeats ? [[0xf3], [0xf2], []] : [[]];
  const count = row.modrm >= 0 ? 2 : 7;
  for (let n = 0; n < count; n++) {
    const before = prefixes[bits][(turn + n) % prefixes[bits].length];
    const isRex = (byte: number): boolean => bits === 64 && byte >= 0x40 && byte < 0x50;
    if (row.prefix === 'none' && before.includes(0x66)) continue;
    const bytes = [
      ...before.filter(byte => !isRex(byte)),
      ...repeats[n % repeats.length],
      ...mandatory,
      ...before.filter(isRex),
      ...escapes[row.space],
      row.byte + (row.plusRegister ? (turn + n) & 7 : 0),
    ];
    if (row.modrm >= 0) bytes.push(row.modrm);
    else if (row.hasModrm) {
      const usable = addressing.filter(([mod]) => row.forcesRegister || (mod === 3 ? row.register : row.memory));
      const [mod, rm, sib] = usable[(turn + n * 5) % usable.length];
      bytes.push((mod << 6) | ((row.reg >= 0 ? row.reg : (turn + n) & 7) << 3) | rm);
      const narrow = bits === 16 ? !before.includes(0x67) : bits === 32 && before.includes(0x67);
      if (mod !== 3 && rm === 4 && !narrow) bytes.push(sib);
    }
    bytes.push(...(n & 1 ? negativeTail : tail));
    yield bytes.slice(0, 15);
    if (row.instruction.lockable && n === 1) yield [0xf0, ...bytes].slice(0, 15);
  }
}

function dump(bits: Bits, list: readonly (readonly number[])[], folder: string): string[] {
  const image = new Uint8Array(list.length * slot).fill(0x90);
  list.forEach((bytes, n) => {
    image.set(bytes, n * slot);
  });
  const file = join(folder, 'image');
  writeFileSync(file, image);
  const output = execFileSync('objdump', ['-D', '-b', 'binary', ...machines[bits], '--insn-width=16', file], {
    maxBuffer: 1 << 28,
  }).toString();
  const lines: string[] = [];
  for (const line of output.split('\n')) {
    const [, address, hex, text] = /^\s*([0-9a-f]+):\t([0-9a-f ]+)\t(.*)$/.exec(line) ?? [];
    if (address === undefined) continue;
    const at = Number.parseInt(address, 16);
    if (at % slot !== 0) continue;
    // Prefixes before FWAIT, which objdump shows on a line of their own.
    if (/^([fg]s )?rex(\.\w+)?\s*$/.test(text!)) continue;
    const bad = text!.includes('(bad)');
    const bytes = bad ? toHex(Uint8Array.from(list[at / slot])) : hex!.replaceAll(' ', '');
    const plain = text!
      .replace(/\s*#.*/, '')
      .replace(/\s+/g, ' ')
      .trim();
    lines.push(`${bits} ${at} ${bytes} ${bad ? '(bad)' : plain}`);
  }
  return lines;
}

try {
  execFileSync('objdump', ['--version']);
} catch {
  console.error('objdump is not here: install GNU binutils to record its view again');
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'objdump-'));
const lines: string[] = [];
try {
  for (const bits of [16, 32, 64] as const) {
    const all = opcodeMap().rows.flatMap((row, turn) => [...encodings(row, bits, turn)]);
    for (let at = 0; at < all.length; at += slotsAtOnce)
      lines.push(...dump(bits, all.slice(at, at + slotsAtOnce), folder));
  }
} finally {
  rmSync(folder, { recursive: true });
}
const unique = [...new Map(lines.map(line => [line.replace(/^(\d+) \d+/, '$1'), line])).values()];
writeFileSync(recordingFile, brotliCompressSync(`${unique.join('\n')}\n`));
console.log(`${unique.length} instructions recorded`);
