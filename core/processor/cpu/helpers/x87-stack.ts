/** The x87 register stack, its status word and its exceptions (SDM vol. 1, sections 8.1, 8.4 and 8.5). */
import { FloatException } from '../../float/environment.ts';
import type { F80 } from '../../float/float80.ts';
import { state as layout, Segment, x87Offset } from '../../state/layout.ts';
import type { CpuCore } from '../core.ts';

export const StatusBit = {
  exceptions: 0x3f,
  stackFault: 0x40,
  /** ES and B, which is the same. */
  summary: 0x8080,
  c0: 0x100,
  c1: 0x200,
  c2: 0x400,
  c3: 0x4000,
} as const;

const fsw = layout.fsw.offset;
const fcw = layout.fcw.offset;
const top = layout.x87Top.offset;
const tags = layout.x87Tags.offset;

/** C1 is 0 unless something says otherwise; the other codes stay. */
export function begin(cpu: CpuCore): void {
  beginKeepingC1(cpu);
  cpu.state.set16(fsw, cpu.state.get16(fsw) & ~StatusBit.c1);
}

export function beginKeepingC1(cpu: CpuCore): void {
  const { state } = cpu;
  cpu.float.useControlWord(state.get16(fcw));
  state.copy64(layout.x87Ip.offset, layout.rip.offset);
  state.set16(layout.x87Cs.offset, state.selector(Segment.cs));
}

/** As `begin`, for an instruction with a memory operand, whose place goes to the data pointer. */
export function beginAt(cpu: CpuCore, segment: number, low: number, high: number): void {
  const { state } = cpu;
  begin(cpu);
  state.set64(layout.x87Dp.offset, low, high);
  state.set16(layout.x87Ds.offset, state.selector(segment));
}

const physical = (cpu: CpuCore, index: number): number => (cpu.state.get8(top) + index) & 7;

export const isEmpty = (cpu: CpuCore, index: number): boolean =>
  (cpu.state.get8(tags) & (1 << physical(cpu, index))) === 0;

export function load(cpu: CpuCore, out: F80, index: number): F80 {
  return out.load(cpu.state.view, x87Offset(physical(cpu, index)));
}

/** Writes ST(i), which is not empty then. */
export function store(cpu: CpuCore, index: number, value: F80): void {
  const { state } = cpu;
  const register = physical(cpu, index);
  value.store(state.view, x87Offset(register));
  state.set8(tags, state.get8(tags) | (1 << register));
}

export function free(cpu: CpuCore, index: number): void {
  const { state } = cpu;
  state.set8(tags, state.get8(tags) & ~(1 << physical(cpu, index)));
}

export function rotate(cpu: CpuCore, by: number): void {
  const { state } = cpu;
  state.set8(top, (state.get8(top) + by) & 7);
}

export function pop(cpu: CpuCore): void {
  free(cpu, 0);
  rotate(cpu, 1);
}

/** The place is known to be empty. */
export function push(cpu: CpuCore, value: F80): void {
  rotate(cpu, -1);
  store(cpu, 0, value);
}

export const setDefaultNaN = (out: F80): F80 => out.set(1, 0x7fff, 0xc000_0000, 0);

/** C3, C2 and C0. */
export function setCodes(cpu: CpuCore, codes: number): void {
  const { state } = cpu;
  const all = StatusBit.c3 | StatusBit.c2 | StatusBit.c0;
  state.set16(fsw, (state.get16(fsw) & ~all) | (codes & all));
}

export function setC1(cpu: CpuCore): void {
  const { state } = cpu;
  state.set16(fsw, state.get16(fsw) | StatusBit.c1);
}

/** The latest operation of the unit goes into the status word; unmasked exceptions become pending. */
export function settle(cpu: CpuCore): void {
  const { float } = cpu;
  signal(cpu, float.raised);
  if (float.roundedUp) setC1(cpu);
}

/** Exceptions (and the stack fault) into the status word. */
export function signal(cpu: CpuCore, raised: number): void {
  if (raised === 0) return;
  const { state, float } = cpu;
  const pending = (raised & ~float.masks & StatusBit.exceptions) !== 0;
  state.set16(fsw, state.get16(fsw) | raised | (pending ? StatusBit.summary : 0));
  if (!pending) return;
  cpu.unitsChanged();
  recordOpcode(cpu);
}

/** ES and B follow from flags and masks wherever either is written. */
export function summarize(cpu: CpuCore): void {
  const { state } = cpu;
  const status = state.get16(fsw) & ~StatusBit.summary;
  const pending = (status & ~state.get16(fcw) & StatusBit.exceptions) !== 0;
  state.set16(fsw, pending ? status | StatusBit.summary : status);
  cpu.unitsChanged();
}

/** A register that should hold something does not. True where the masked response is wanted. */
export function underflow(cpu: CpuCore): boolean {
  cpu.state.set16(fsw, cpu.state.get16(fsw) & ~StatusBit.c1);
  return stackFault(cpu);
}

/** A register that is to be pushed into is not empty: C1 tells this from the other. */
export function overflow(cpu: CpuCore): boolean {
  setC1(cpu);
  return stackFault(cpu);
}

function stackFault(cpu: CpuCore): boolean {
  signal(cpu, FloatException.Invalid | StatusBit.stackFault);
  return (cpu.float.masks & FloatException.Invalid) !== 0;
}

const isPrefix = (byte: number): boolean =>
  byte === 0x66 || byte === 0x67 || (byte & 0xfe) === 0xf2 || (byte & 0xe7) === 0x26 || (byte & 0xfe) === 0x64;

/** Low three bits of the opcode and ModRM, from the instruction itself: as processors with the compatibility mode off, on exceptions only. */
function recordOpcode(cpu: CpuCore): void {
  const { state } = cpu;
  try {
    let at = 0;
    const next = (): number => {
      const offset = state.low(layout.rip.offset) + at++;
      const low = cpu.is64 ? offset | 0 : (offset + state.baseLow(Segment.cs)) | 0;
      return cpu.memory.read8(low, cpu.is64 ? state.high(layout.rip.offset) : 0, 0);
    };
    let byte = next();
    while (at < 15 && (isPrefix(byte) || (cpu.is64 && (byte & 0xf0) === 0x40))) byte = next();
    state.set16(layout.x87Opcode.offset, ((byte & 7) << 8) | next());
  } catch (error) {
    if (error !== cpu.fault) throw error;
  }
}
