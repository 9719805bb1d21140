/**
 * The ava macro `executes`: bytes, their text, state before, state after, on every engine. Registers and memory that `after` does not
 * name must be as before; flags that it does not name are not looked at.
 */
import test, { type ExecutionContext } from 'ava';
import { Decoded } from '../../core/processor/decode/decoded.ts';
import { allDecodeFeatures, decode } from '../../core/processor/decode/decoder.ts';
import { disassemble } from '../../core/processor/decode/disassembler.ts';
import { CodeSize, mode64, modeOf } from '../../core/processor/state/mode.ts';
import { codeBase, flagBits, flagsFloor, initialFx, registerNames } from '../oracle/machine.ts';
import { engines } from './engines.ts';
import type { Task } from './user-machine.ts';

type Quantity = number | bigint;

export interface Situation {
  readonly [name: string]: Quantity | Readonly<Record<number, string>> | undefined;
  /** Hex bytes by address (data at 0x2000_0000, stack around 0x3000_0800). */
  readonly memory?: Readonly<Record<number, string>>;
  /** Before: 32 for 32-bit code. */
  readonly mode?: 32 | 64;
  /** After: the vector; without it nothing may fault. */
  readonly fault?: number;
  /** After: offset of RIP from the instruction; past it if not given. */
  readonly rip?: number;
}

export const data = 0x2000_0000;
export const stack = 0x3000_0800;

const special = new Set(['memory', 'mode', 'fault', 'rip', 'error', 'address']);

interface RegisterPart {
  readonly index: number;
  readonly shift: bigint;
  readonly width: number;
}

const legacy = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];

const partOf = (name: string): RegisterPart => {
  const numbered = /^r(\d+)([bwd]?)$/.exec(name);
  if (numbered) return { index: Number(numbered[1]), shift: 0n, width: { b: 8, w: 16, d: 32, '': 64 }[numbered[2]!]! };
  const high = ['ah', 'ch', 'dh', 'bh'].indexOf(name);
  if (high >= 0) return { index: high, shift: 8n, width: 8 };
  const low = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'].indexOf(name);
  if (low >= 0) return { index: low, shift: 0n, width: 8 };
  const index = legacy.indexOf(name.replace(/^[er]/, ''));
  if (index < 0) throw new Error(`${name} is no register`);
  return { index, shift: 0n, width: { r: 64, e: 32 }[name[0]] ?? 16 };
};

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.trim().split(/\s+/), byte => Number.parseInt(byte, 16));

/** Puts named parts into registers; a 32-bit part clears the upper half, as writing it does. */
const merge = (gpr: BigUint64Array, situation: Situation): BigUint64Array => {
  const merged = gpr.slice();
  for (const [name, value] of Object.entries(situation)) {
    if (special.has(name) || name in flagBits) continue;
    const { index, shift, width } = partOf(name);
    const part = BigInt.asUintN(width, BigInt(value as Quantity));
    const mask = width === 32 ? 0xffff_ffff_ffff_ffffn : ((1n << BigInt(width)) - 1n) << shift;
    merged[index] = (merged[index] & ~mask) | (part << shift);
  }
  return merged;
};

const flagsOf = (situation: Situation): number =>
  Object.entries(flagBits).reduce((flags, [name, bit]) => flags | (situation[name] ? bit : 0), flagsFloor);

const disassembled = (bytes: Uint8Array, mode: 32 | 64): string => {
  const decoded = new Decoded();
  const source = { length: bytes.length, at: (index: number) => bytes[index] };
  const length = decode(
    source,
    mode === 64 ? mode64 : modeOf(CodeSize.bits32, true, false, true),
    allDecodeFeatures,
    decoded,
  );
  if (length !== bytes.length) return `${length} bytes`;
  return disassemble(decoded, BigInt(codeBase));
};

function execute(t: ExecutionContext, hex: string, text: string, before: Situation, after: Situation): void {
  const bytes = fromHex(hex);
  const mode = before.mode ?? 64;
  t.is(disassembled(bytes, mode), text, 'disassembly');

  const gpr = new BigUint64Array(16);
  gpr[4] = BigInt(stack);
  const patches = (situation: Situation) =>
    Object.entries(situation.memory ?? {}).map(([address, content]) => ({
      address: Number(address),
      bytes: fromHex(content),
    }));
  const task: Task = {
    bytes,
    mode,
    before: { gpr: merge(gpr, before), rip: BigInt(codeBase), rflags: flagsOf(before), fx: initialFx() },
    memory: patches(before),
  };
  const expected = merge(task.before.gpr, after);
  for (const engine of engines) {
    const outcome = engine.run(task);
    const say = (what: string) => `${engine.name}: ${what}`;
    t.is(outcome.fault?.vector, after.fault, say('fault'));
    registerNames.forEach((name, i) => {
      if (mode === 64 || i < 8) t.is(outcome.after.gpr[i], expected[i], say(name));
    });
    const rip = after.rip ?? (after.fault === undefined ? bytes.length : 0);
    t.is(Number(outcome.after.rip) - codeBase, rip, say('rip'));
    for (const [name, bit] of Object.entries(flagBits)) {
      if (after[name] !== undefined) t.is(outcome.after.rflags & bit ? 1 : 0, Number(after[name]), say(name));
    }
    t.deepEqual(contents(task.memory, outcome.memoryAfter), contents(task.memory, patches(after)), say('memory'));
  }
}
export const executes = test.macro<[hex: string, text: string, before: Situation, after: Situation]>({
  exec: execute,
  title: (title, hex, text) => title ?? `${hex}: ${text}`,
});

type Patches = readonly { readonly address: number; readonly bytes: Uint8Array }[];

/** Bytes that differ from zero, later patches over earlier ones. */
const contents = (...layers: Patches[]): Record<string, number> => {
  const bytes = new Map<number, number>();
  for (const patch of layers.flat()) for (const [i, byte] of patch.bytes.entries()) bytes.set(patch.address + i, byte);
  const used = [...bytes].filter(([, byte]) => byte !== 0).sort(([a], [b]) => a - b);
  return Object.fromEntries(used.map(([address, byte]) => [address.toString(16), byte]));
};
