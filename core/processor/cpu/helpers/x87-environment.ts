/** x87 control words and environments in memory (SDM vol. 1, section 8.1.10). */
import { classify, F80Class } from '../../float/classify.ts';
import { state as layout, x87Offset } from '../../state/layout.ts';
import { Access, Status } from '../../state/leave.ts';
import type { CpuCore } from '../core.ts';
import { rotate, StatusBit, summarize } from './x87-stack.ts';

const slot = (n: number): number => layout.argument0.offset + n * 8;
const argument = (cpu: CpuCore, n: number): number => cpu.state.low(slot(n));

/** Control bits that exist; bit 6 reads as one. */
const controlMask = 0x1f7f;
const alwaysSet = 0x40;
const initialControl = 0x37f;

export function x87Initialize(cpu: CpuCore): Status {
  const { state } = cpu;
  state.set16(layout.fcw.offset, initialControl);
  state.set16(layout.fsw.offset, 0);
  state.set8(layout.x87Top.offset, 0);
  state.set8(layout.x87Tags.offset, 0);
  state.set16(layout.x87Opcode.offset, 0);
  state.set64(layout.x87Ip.offset, 0, 0);
  state.set64(layout.x87Dp.offset, 0, 0);
  state.set16(layout.x87Cs.offset, 0);
  state.set16(layout.x87Ds.offset, 0);
  cpu.unitsChanged();
  return Status.done;
}

export function x87ClearExceptions(cpu: CpuCore): Status {
  const { state } = cpu;
  const cleared = StatusBit.exceptions | StatusBit.stackFault | StatusBit.summary;
  state.set16(layout.fsw.offset, state.get16(layout.fsw.offset) & ~cleared);
  cpu.unitsChanged();
  return Status.done;
}

function setControl(cpu: CpuCore, value: number): void {
  cpu.state.set16(layout.fcw.offset, (value & controlMask) | alwaysSet);
  summarize(cpu);
}

export function x87LoadControl(cpu: CpuCore): Status {
  setControl(cpu, argument(cpu, 0));
  return Status.done;
}

/** The two bits of the full tag word: 0 valid, 1 zero, 2 special, 3 empty. */
function fullTags({ state, float }: CpuCore): number {
  let word = 0;
  for (let register = 0; register < 8; register++) {
    let tag = 3;
    if ((state.get8(layout.x87Tags.offset) & (1 << register)) !== 0) {
      const found = classify(float.first.load(state.view, x87Offset(register))) & ~StatusBit.c1;
      tag = found === F80Class.Normal ? 0 : found === F80Class.Zero ? 1 : 2;
    }
    word |= tag << (register * 2);
  }
  return word;
}

/** Real and virtual-8086 mode store pointers as linear addresses, protected mode as selectors and offsets. */
function pointers(cpu: CpuCore, wide: boolean): readonly number[] {
  const { state } = cpu;
  const opcode = state.get16(layout.x87Opcode.offset) & 0x7ff;
  const [ip, dp] = [state.low(layout.x87Ip.offset), state.low(layout.x87Dp.offset)];
  const [cs, ds] = [state.get16(layout.x87Cs.offset), state.get16(layout.x87Ds.offset)];
  if (cpu.isProtected) return wide ? [ip, cs | (opcode << 16), dp, ds | 0xffff_0000] : [ip, cs, dp, ds];
  const [code, data] = [(cs << 4) + ip, (ds << 4) + dp];
  if (wide)
    return [
      (code & 0xffff) | 0xffff_0000,
      ((code >>> 16) << 12) | opcode,
      (data & 0xffff) | 0xffff_0000,
      (data >>> 16) << 12,
    ];
  return [code, ((code >>> 4) & 0xf000) | opcode, data, (data >>> 4) & 0xf000];
}

/** Linear addresses of successive fields. Outside of 64-bit mode they wrap at 4 GiB. */
class Cursor {
  #low: number;
  #high: number;

  constructor(
    readonly cpu: CpuCore,
    size: number,
    access: number,
  ) {
    const { state } = cpu;
    const at = cpu.operand(argument(cpu, 0), state.low(slot(1)), state.high(slot(1)), size, access);
    this.#low = at.low;
    this.#high = at.high;
    if (access === Access.write) cpu.memory.probeWrite(at.low, at.high, size, 0);
    else cpu.memory.probeRead(at.low, at.high, size, 0);
  }

  #advance(bytes: number): void {
    const low = (this.#low + bytes) | 0;
    if (low >>> 0 < this.#low >>> 0 && this.cpu.is64) this.#high = (this.#high + 1) | 0;
    this.#low = low;
  }

  write(bytes: 2 | 4, value: number): void {
    if (bytes === 2) this.cpu.memory.write16(this.#low, this.#high, 0, value & 0xffff);
    else this.cpu.memory.write32(this.#low, this.#high, 0, value | 0);
    this.#advance(bytes);
  }
  read(bytes: 2 | 4): number {
    const { memory } = this.cpu;
    const value = bytes === 2 ? memory.read16(this.#low, this.#high, 0) : memory.read32(this.#low, this.#high, 0);
    this.#advance(bytes);
    return value;
  }
}

const sizeOf = (wide: boolean, whole: boolean): number => (wide ? 28 : 14) + (whole ? 80 : 0);

export function x87StoreEnvironment(cpu: CpuCore): Status {
  const { state } = cpu;
  const wide = argument(cpu, 2) === 32;
  const whole = argument(cpu, 3) !== 0;
  const bytes = wide ? 4 : 2;
  const top = state.get8(layout.x87Top.offset);
  const at = new Cursor(cpu, sizeOf(wide, whole), Access.write);
  const reserved = 0xffff_0000;
  at.write(bytes, state.get16(layout.fcw.offset) | reserved);
  at.write(bytes, state.get16(layout.fsw.offset) | (top << 11) | reserved);
  at.write(bytes, fullTags(cpu) | reserved);
  for (const pointer of pointers(cpu, wide)) at.write(bytes, pointer);
  if (whole) {
    for (let index = 0; index < 8; index++) {
      const register = x87Offset((top + index) & 7);
      at.write(4, state.low(register));
      at.write(4, state.high(register));
      at.write(2, state.get16(register + 8));
    }
    return x87Initialize(cpu);
  }
  state.set16(layout.fcw.offset, state.get16(layout.fcw.offset) | StatusBit.exceptions);
  summarize(cpu);
  return Status.done;
}

function setPointers(cpu: CpuCore, wide: boolean, fields: readonly number[]): void {
  const { state } = cpu;
  const [first, second, third, fourth] = fields;
  if (cpu.isProtected) {
    state.set64(layout.x87Ip.offset, first, 0);
    state.set16(layout.x87Cs.offset, second & 0xffff);
    state.set64(layout.x87Dp.offset, third, 0);
    state.set16(layout.x87Ds.offset, fourth & 0xffff);
    if (wide) state.set16(layout.x87Opcode.offset, (second >>> 16) & 0x7ff);
    return;
  }
  const upper = (field: number): number => (wide ? ((field >>> 12) & 0xffff) << 16 : (field & 0xf000) << 4);
  state.set64(layout.x87Ip.offset, (first & 0xffff) | upper(second), 0);
  state.set64(layout.x87Dp.offset, (third & 0xffff) | upper(fourth), 0);
  state.set16(layout.x87Cs.offset, 0);
  state.set16(layout.x87Ds.offset, 0);
  state.set16(layout.x87Opcode.offset, second & 0x7ff);
}

export function x87LoadEnvironment(cpu: CpuCore): Status {
  const { state } = cpu;
  const wide = argument(cpu, 2) === 32;
  const whole = argument(cpu, 3) !== 0;
  const bytes = wide ? 4 : 2;
  const at = new Cursor(cpu, sizeOf(wide, whole), Access.read);
  const control = at.read(bytes);
  const status = at.read(bytes);
  const tagWord = at.read(bytes);
  const fields = [at.read(bytes), at.read(bytes), at.read(bytes), at.read(bytes)];
  state.set8(layout.x87Top.offset, 0);
  rotate(cpu, status >> 11);
  state.set16(layout.fsw.offset, status & ~0x3800);
  let tags = 0;
  for (let register = 0; register < 8; register++) if (((tagWord >> (register * 2)) & 3) !== 3) tags |= 1 << register;
  state.set8(layout.x87Tags.offset, tags);
  setPointers(cpu, wide, fields);
  setControl(cpu, control);
  if (whole) {
    const top = state.get8(layout.x87Top.offset);
    for (let index = 0; index < 8; index++) {
      const register = x87Offset((top + index) & 7);
      state.set64(register, at.read(4), at.read(4));
      state.set16(register + 8, at.read(2));
    }
  }
  return Status.done;
}
