/** x87 loads and stores (core/processor/isa/float/transfer.ts). */
import { F80Constant, loadConstant } from '../../float/constants.ts';
import { FloatException } from '../../float/environment.ts';
import type { F80 } from '../../float/float80.ts';
import { X87Constant, X87Memory } from '../../isa/float/operations.ts';
import { state as layout } from '../../state/layout.ts';
import { Status } from '../../state/leave.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import {
  begin,
  beginAt,
  beginKeepingC1,
  isEmpty,
  load,
  overflow,
  pop,
  push,
  setDefaultNaN,
  settle,
  store,
  underflow,
} from './x87-stack.ts';

const slot = (n: number): number => layout.argument0.offset + n * 8;
const argument = (cpu: CpuCore, n: number): number => cpu.state.low(slot(n));
const place = (cpu: CpuCore, n: number): void =>
  beginAt(cpu, argument(cpu, n + 1), cpu.state.low(slot(n)), cpu.state.high(slot(n)));

/** Whether there is room for a push; if not, and the exception is masked, a NaN has been pushed. */
function hasRoom(cpu: CpuCore): boolean {
  if (isEmpty(cpu, -1)) return true;
  if (overflow(cpu)) push(cpu, setDefaultNaN(cpu.float.first));
  return false;
}

/** From the number's bits at a slot. False where an unmasked exception forbids the load. */
function converted(cpu: CpuCore, out: F80, kind: number, low: number, high: number): boolean {
  const { conversion } = cpu.float;
  switch (kind) {
    case X87Memory.single:
      return conversion.fromSingle(out, low);
    case X87Memory.double:
      return conversion.fromDouble(out, low, high);
    case X87Memory.int16:
      conversion.fromInt32(out, (low << 16) >> 16);
      return true;
    case X87Memory.int32:
      conversion.fromInt32(out, low);
      return true;
    default:
      conversion.fromInt64(out, low, high);
      return true;
  }
}

export function x87Load(cpu: CpuCore): Status {
  const { float, state } = cpu;
  place(cpu, 2);
  if (!hasRoom(cpu)) return Status.done;
  const loaded = converted(cpu, float.first, argument(cpu, 0), state.low(slot(1)), state.high(slot(1)));
  settle(cpu);
  if (loaded) push(cpu, float.first);
  return Status.done;
}

export function x87LoadExtended(cpu: CpuCore): Status {
  place(cpu, 2);
  if (hasRoom(cpu)) push(cpu, cpu.float.first.load(cpu.state.view, slot(0)));
  return Status.done;
}

export function x87LoadDecimal(cpu: CpuCore): Status {
  const { float, state } = cpu;
  place(cpu, 2);
  if (!hasRoom(cpu)) return Status.done;
  float.conversion.fromDecimal(float.first, state.low(slot(0)), state.high(slot(0)), state.get16(slot(1)));
  push(cpu, float.first);
  return Status.done;
}

export function x87LoadRegister(cpu: CpuCore): Status {
  const { first } = cpu.float;
  const index = argument(cpu, 0);
  begin(cpu);
  if (isEmpty(cpu, index)) {
    if (underflow(cpu)) push(cpu, setDefaultNaN(first));
  } else if (hasRoom(cpu)) push(cpu, load(cpu, first, index));
  return Status.done;
}

const romConstants = [
  undefined,
  F80Constant.Log2Ten,
  F80Constant.Log2E,
  F80Constant.Pi,
  F80Constant.LogTen2,
  F80Constant.Ln2,
] as const;

export function x87LoadConstant(cpu: CpuCore): Status {
  const { float } = cpu;
  const which = argument(cpu, 0);
  begin(cpu);
  if (!hasRoom(cpu)) return Status.done;
  const constant = romConstants[which];
  if (constant) loadConstant(float.first, constant, float.rounding);
  else if (which === X87Constant.one) float.first.set(0, 0x3fff, 0x8000_0000, 0);
  else float.first.set(0, 0, 0, 0);
  push(cpu, float.first);
  return Status.done;
}

const truncates = 8;

/** Into result0. */
function convertBack(cpu: CpuCore, kind: number): void {
  const { float, state } = cpu;
  const { conversion, first } = float;
  const word = layout.result0.offset;
  const mode = (kind & truncates) !== 0 ? 3 : float.rounding;
  switch (kind & 7) {
    case X87Memory.single:
      state.set64(word, conversion.toSingle(first), 0);
      return;
    case X87Memory.double:
      conversion.toDouble(first);
      break;
    case X87Memory.int16:
      state.set64(word, conversion.toInt16(first, mode), 0);
      return;
    case X87Memory.int32:
      state.set64(word, conversion.toInt32(first, mode), 0);
      return;
    default:
      conversion.toInt64(first, mode);
  }
  state.set64(word, float.lo, float.hi);
}

const indefiniteHigh: Readonly<Record<number, number>> = {
  [X87Memory.double]: 0xfff8_0000 | 0,
  [X87Memory.int64]: 0x8000_0000 | 0,
};
const indefiniteLow: Readonly<Record<number, number>> = {
  [X87Memory.single]: 0xffc0_0000 | 0,
  [X87Memory.int16]: 0x8000,
  [X87Memory.int32]: 0x8000_0000 | 0,
};

/** A store of ST(0): how its number is converted, into result0 and result1. */
interface Store {
  /** Of what is in `float.first`. */
  convert(cpu: CpuCore): void;
  /** Of an empty register. */
  indefinite(cpu: CpuCore): void;
  /** The argument from which the place in memory is given. */
  readonly place: number;
  pops(cpu: CpuCore): boolean;
}

const upper = layout.result1.offset;
const refusal = 0x10000;

/** True where an unmasked exception keeps the number back. The unit is as before. */
function convertTop(cpu: CpuCore, { convert, indefinite }: Store): boolean {
  const { float, state } = cpu;
  float.useControlWord(state.get16(layout.fcw.offset));
  float.begin();
  state.set64(upper, 0, 0);
  if (isEmpty(cpu, 0)) indefinite(cpu);
  else {
    load(cpu, float.first, 0);
    convert(cpu);
  }
  const refused = isEmpty(cpu, 0) ? (float.masks & FloatException.Invalid) === 0 : float.suppressed;
  if (refused) state.set64(upper, refusal, 0);
  return refused;
}

/** What the latest conversion leaves in the unit. */
function concludeStore(cpu: CpuCore, store: Store, refused: boolean): void {
  place(cpu, store.place);
  if (isEmpty(cpu, 0)) underflow(cpu);
  else settle(cpu);
  if (!refused && store.pops(cpu)) pop(cpu);
}

const storing =
  (store: Store): HelperImplementation =>
  cpu => {
    concludeStore(cpu, store, convertTop(cpu, store));
    return Status.done;
  };

const preparing =
  (store: Store): HelperImplementation =>
  cpu => {
    if (convertTop(cpu, store)) concludeStore(cpu, store, true);
    return Status.done;
  };

const number: Store = {
  place: 2,
  convert: cpu => convertBack(cpu, argument(cpu, 0)),
  indefinite(cpu) {
    const kind = argument(cpu, 0) & 7;
    cpu.state.set64(layout.result0.offset, indefiniteLow[kind] ?? 0, indefiniteHigh[kind] ?? 0);
  },
  pops: cpu => argument(cpu, 1) !== 0,
};
export const x87Store = storing(number);
export const x87PrepareStore = preparing(number);

function storeExtended({ state, float }: CpuCore): void {
  const { sign, exponent, hi, lo } = float.first;
  state.set64(layout.result0.offset, lo, hi);
  state.set64(upper, (sign << 15) | exponent, 0);
}

const extended: Store = {
  place: 0,
  convert: storeExtended,
  indefinite(cpu) {
    setDefaultNaN(cpu.float.first);
    storeExtended(cpu);
  },
  pops: () => true,
};
export const x87StoreExtended = storing(extended);
export const x87PrepareStoreExtended = preparing(extended);

const decimal: Store = {
  place: 0,
  convert({ state, float }) {
    state.set64(upper, float.conversion.toDecimal(float.first), 0);
    state.set64(layout.result0.offset, float.lo, float.hi);
  },
  indefinite({ state }) {
    state.set64(layout.result0.offset, 0, 0xc000_0000 | 0);
    state.set64(upper, 0xffff, 0);
  },
  pops: () => true,
};
export const x87StoreDecimal = storing(decimal);
export const x87PrepareStoreDecimal = preparing(decimal);

export function x87StoreRegister(cpu: CpuCore): Status {
  const { first } = cpu.float;
  begin(cpu);
  if (!isEmpty(cpu, 0)) load(cpu, first, 0);
  else if (underflow(cpu)) setDefaultNaN(first);
  else return Status.done;
  store(cpu, argument(cpu, 0), first);
  if (argument(cpu, 1) !== 0) pop(cpu);
  return Status.done;
}

export function x87Move(cpu: CpuCore): Status {
  const { first } = cpu.float;
  const index = argument(cpu, 0);
  beginKeepingC1(cpu);
  if (isEmpty(cpu, 0) || isEmpty(cpu, index)) {
    if (underflow(cpu)) store(cpu, 0, setDefaultNaN(first));
  } else if (argument(cpu, 1) !== 0) store(cpu, 0, load(cpu, first, index));
  return Status.done;
}

export function x87Exchange(cpu: CpuCore): Status {
  const { first, second } = cpu.float;
  const index = argument(cpu, 0);
  begin(cpu);
  load(cpu, first, 0);
  load(cpu, second, index);
  const [firstEmpty, secondEmpty] = [isEmpty(cpu, 0), isEmpty(cpu, index)];
  if (firstEmpty || secondEmpty) {
    if (!underflow(cpu)) return Status.done;
    if (firstEmpty) setDefaultNaN(first);
    if (secondEmpty) setDefaultNaN(second);
  }
  store(cpu, 0, second);
  store(cpu, index, first);
  return Status.done;
}
