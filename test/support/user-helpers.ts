/** Helpers as a user program on a flat machine meets them, on BigInts: enough for the recorded cases. */
import { MachineFault } from '../../core/processor/evaluator/evaluate.ts';
import { composeFlags } from '../../core/processor/ir/flag-state.ts';
import type { HelperName } from '../../core/processor/ir/helpers.ts';
import { gprOffset, Segment, segmentBase, segmentSelector, state } from '../../core/processor/state/layout.ts';
import { floatUserHelpers } from './float-helpers.ts';
import type { UserMachine } from './user-machine.ts';

type Answer = ReturnType<UserMachine['call']>;
type UserHelper = (machine: UserMachine, inputs: readonly bigint[]) => { status: 0 | 2; results: readonly bigint[] };

const done: Answer & { status: 0 } = { status: 0, results: [] };
const raise = (vector: number, error = -1): never => {
  throw new MachineFault({ vector, error });
};

const divide = (machine: UserMachine, quotient: bigint, remainder: bigint) => {
  machine.set(gprOffset(0), 64, BigInt.asUintN(64, quotient));
  machine.set(gprOffset(2), 64, BigInt.asUintN(64, remainder));
  return done;
};

/** Null and the user's own selectors load; everything else faults. */
const loadSegment = (machine: UserMachine, segment: number, selector: bigint): void => {
  if (segment === Segment.cs) raise(6);
  const isNull = selector < 4n;
  if (!(isNull && segment !== Segment.ss) && selector !== 0x2bn) raise(13, Number(selector & ~3n));
  machine.block.set(segmentSelector(segment), selector);
};

const stackPointer = gprOffset(4);

export const userHelpers: Partial<Record<HelperName, UserHelper>> = {
  ...floatUserHelpers,

  divideUnsigned(machine, [low, high, divisor]) {
    const dividend = (high! << 64n) | low!;
    const quotient = dividend / divisor!;
    if (quotient >> 64n) raise(0);
    return divide(machine, quotient, dividend % divisor!);
  },

  divideSigned(machine, [low, high, divisor]) {
    const dividend = BigInt.asIntN(128, (high! << 64n) | low!);
    const by = BigInt.asIntN(64, divisor!);
    const quotient = dividend / by;
    if (BigInt.asIntN(64, quotient) !== quotient) raise(0);
    return divide(machine, quotient, dividend % by);
  },

  popf(machine, [value, width, stack]) {
    const changeable = 0x24_4500n & ((1n << width!) - 1n);
    const system = machine.block.get(state.flagSystem);
    machine.block.set(state.flagSystem, (system & ~changeable) | (value! & changeable));
    const bit = (position: bigint) => (value! >> position) & 1n;
    const flags = { cf: bit(0n), pf: bit(2n), af: bit(4n), zf: bit(6n), sf: bit(7n), of: bit(11n) };
    const after = composeFlags({ result: 0n, bits: 0n }, undefined, flags);
    machine.block.set(state.flagResult, after.result);
    machine.block.set(state.flagBits, after.bits);
    const pointer = machine.get(stackPointer, Number(stack));
    machine.set(stackPointer, Number(stack), BigInt.asUintN(Number(stack), pointer + width! / 8n));
    return done;
  },

  enterNested(machine, [size, level, width, stack]) {
    const bytes = Number(width) / 8;
    const cut = (value: bigint) => BigInt.asUintN(Number(stack), value);
    let pointer = machine.get(stackPointer, Number(stack));
    const push = (value: bigint) => {
      pointer = cut(pointer - BigInt(bytes));
      machine.write(pointer, bytes, value, Segment.ss);
    };
    let frame = machine.get(gprOffset(5), Number(stack));
    push(machine.get(gprOffset(5), Number(width)));
    const newFrame = pointer;
    for (let i = 1n; i < level!; i++) {
      frame = cut(frame - BigInt(bytes));
      push(machine.read(frame, bytes, Segment.ss));
    }
    push(newFrame);
    pointer = cut(pointer - size!);
    machine.probeWrite(pointer, bytes, Segment.ss);
    machine.set(gprOffset(5), Number(width), BigInt.asUintN(Number(width), newFrame));
    machine.set(stackPointer, Number(stack), pointer);
    return done;
  },

  /** INT3 and INTO are traps: RIP is past them. */
  softwareInterrupt(machine, [vector, type]) {
    if (type === 4n) raise(13, Number(vector! * 8n + 2n));
    machine.block.set(state.rip, machine.block.get(state.nextRip));
    return raise(Number(vector));
  },

  maskedStore(machine, [segment, offset, value, mask, size]) {
    const linear = machine.block.get(segmentBase(Number(segment))) + offset!;
    machine.probeWrite(linear, Number(size), Number(segment));
    for (let byte = 0n; byte < size!; byte++)
      if ((mask! >> byte) & 1n) machine.write(linear + byte, 1, (value! >> (byte * 8n)) & 0xffn, Number(segment));
    return done;
  },

  moveToSegment(machine, [segment, selector]) {
    loadSegment(machine, Number(segment), selector!);
    return done;
  },

  popSegment(machine, [segment, selector, bytes, stack]) {
    loadSegment(machine, Number(segment), selector!);
    const pointer = machine.get(stackPointer, Number(stack));
    machine.set(stackPointer, Number(stack), BigInt.asUintN(Number(stack), pointer + bytes!));
    return done;
  },

  loadFarPointer(machine, [segment, selector, destination, offset, width]) {
    loadSegment(machine, Number(segment), selector!);
    machine.set(Number(destination), width === 32n ? 64 : Number(width), offset!);
    return done;
  },

  // IOPL is 0 and no port is permitted.
  checkPort: () => raise(13, 0),
  portIn: () => raise(13, 0),
  portOut: () => raise(13, 0),
  portInString: () => raise(13, 0),
  portOutString: () => raise(13, 0),
  cli: () => raise(13, 0),
  sti: () => raise(13, 0),
  invpcid: () => raise(13, 0),
};
