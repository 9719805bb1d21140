/** What an engine's result may and may not differ in. */
import type { Case, Patch } from './case.ts';
import { fxOffsets, registerNames } from './machine.ts';

export type Outcome = Pick<Case, 'after' | 'memoryAfter' | 'fault'>;

/** Differences in words, empty if the outcome is as good as the recorded one. `ulps`: how far an x87 transcendental may be off. */
export const compare = (expected: Case, actual: Outcome, ulps = 1): string[] => {
  const differences: string[] = [];
  const differ = (what: string, want: bigint | number, got: bigint | number) =>
    differences.push(`${what}: expected 0x${want.toString(16)}, found 0x${got.toString(16)}`);

  compareFault(expected, actual, differ);
  if (expected.after.rip !== actual.after.rip) differ('rip', expected.after.rip, actual.after.rip);
  registerNames.forEach((name, i) => {
    const [want, got] = [expected.after.gpr[i], actual.after.gpr[i]];
    if (want !== got && !(expected.mode === 32 && i >= 8)) differ(name, want, got);
  });
  const mask = ~expected.undefinedFlags;
  const [flags, found] = [expected.after.rflags & mask, actual.after.rflags & mask];
  if (flags !== found) differ('rflags', flags, found);
  compareFx(expected, actual, BigInt(ulps), differ);
  compareMemory(expected, actual.memoryAfter, differ);
  return differences;
};

type Differ = (what: string, want: bigint | number, got: bigint | number) => void;

const compareFault = (expected: Case, actual: Outcome, differ: Differ): void => {
  const [want, got] = [expected.fault, actual.fault];
  if (want?.vector !== got?.vector) differ('vector', want?.vector ?? -1, got?.vector ?? -1);
  if (!want || !got) return;
  if (want.error !== got.error) differ('error code', want.error, got.error);
  if (want.address !== got.address) differ('cr2', want.address, got.address);
};

const compareFx = (expected: Case, actual: Outcome, ulps: bigint, differ: Differ): void => {
  const [want, got] = [expected.after.fx, actual.after.fx].map(fx => new DataView(fx.buffer, fx.byteOffset)) as [
    DataView,
    DataView,
  ];
  const word = (offset: number, name: string, mask = 0xffff) => {
    const [a, b] = [want.getUint16(offset, true) & mask, got.getUint16(offset, true) & mask];
    if (a !== b) differ(name, a, b);
  };
  word(fxOffsets.fcw, 'fcw');
  word(fxOffsets.fsw, 'fsw', ~expected.undefinedStatus & 0xffff);
  word(fxOffsets.ftw, 'ftw', 0xff);
  word(fxOffsets.mxcsr, 'mxcsr');
  const top = (want.getUint16(fxOffsets.fsw, true) >> 11) & 7;
  const tags = want.getUint16(fxOffsets.ftw, true);
  for (let i = 0; i < 8; i++) {
    // What an empty register still holds is nobody's business.
    if (!(tags & (1 << ((top + i) & 7)))) continue;
    const at = fxOffsets.st + i * 16;
    const [a, b] = [extended(want, at), extended(got, at)];
    if (a !== b && !closeExtended(a, b, expected, ulps)) differ(`st${i}`, a, b);
  }
  for (let i = 0; i < 16; i++)
    for (const [name, start] of [
      ['xmm', fxOffsets.xmm],
      ['upper ymm', fxOffsets.ymmHigh],
    ] as const)
      for (let part = 0; part < 16; part += 8) {
        const at = start + i * 16 + part;
        const [a, b] = [want.getBigUint64(at, true), got.getBigUint64(at, true)];
        if (a !== b && !closePair(want, got, at, expected)) differ(`${name}${i}[${part / 8}]`, a, b);
      }
};

const extended = (view: DataView, at: number): bigint =>
  view.getBigUint64(at, true) | (BigInt(view.getUint16(at + 8, true)) << 64n);

const closeExtended = (a: bigint, b: bigint, { precision }: Case, ulps: bigint): boolean => {
  if (precision === 'implementation') return true;
  if (precision !== 'ulp' || a >> 79n !== b >> 79n) return false;
  // Neighbours differ by one as integers too, except where the exponent changes and the significand starts again.
  const linear = (value: bigint) => (((value >> 64n) & 0x7fffn) << 63n) + (value & 0x7fff_ffff_ffff_ffffn);
  const distance = linear(a) - linear(b);
  return distance >= -ulps && distance <= ulps;
};

/** Two singles that estimate the same reciprocal: 1.5 × 2^−12 off at most, each. How Intel's processors do it is known. */
const closePair = (want: DataView, got: DataView, at: number, { precision, vendor }: Case): boolean => {
  if (precision === 'implementation') return true;
  if (precision !== 'estimate' || vendor === 'intel') return false;
  return [at, at + 4].every(place => {
    const [a, b] = [want.getFloat32(place, true), got.getFloat32(place, true)];
    if (want.getUint32(place, true) === got.getUint32(place, true)) return true;
    return Math.abs(a - b) <= Math.abs(a) * 3 * 2 ** -12;
  });
};

/** Both sides as bytes that differ from memory before; an engine may report more runs, or bytes rewritten unchanged. */
const compareMemory = (expected: Case, actual: readonly Patch[], differ: Differ): void => {
  const before = bytesOf(expected.memory);
  const want = bytesOf(expected.memoryAfter);
  const got = bytesOf(actual);
  for (const { address, length } of expected.ignored) {
    for (let i = 0; i < length; i++) for (const bytes of [want, got]) bytes.delete(address + i);
  }
  for (const address of new Set([...want.keys(), ...got.keys()])) {
    const then = before.get(address) ?? 0;
    const [a, b] = [want.get(address) ?? then, got.get(address) ?? then];
    if (a !== b) differ(`[0x${address.toString(16)}]`, a, b);
  }
};

const bytesOf = (patches: readonly Patch[]): Map<number, number> => {
  const bytes = new Map<number, number>();
  for (const patch of patches) for (const [i, byte] of patch.bytes.entries()) bytes.set(patch.address + i, byte);
  return bytes;
};
