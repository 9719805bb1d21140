/** IN, OUT, INS, OUTS: permission (SDM vol. 1, section 19.5), intercepts, then the ports in place or an exit. */
import { Segment } from '../../state/layout.ts';
import { Access, Leave, Status } from '../../state/leave.ts';
import { Attribute, Flag, Gpr, Vector } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { SystemType } from '../descriptor.ts';

function checkPermission(cpu: CpuCore, port: number, size: number): void {
  const { state } = cpu;
  if (!cpu.isVirtual8086 && (!cpu.isProtected || cpu.cpl <= cpu.iopl)) return;
  const attributes = state.attributes(Segment.tr);
  const type = attributes & Attribute.type & ~2;
  const limit = state.limit(Segment.tr);
  if ((attributes & Attribute.present) === 0 || type !== SystemType.tss32 || limit < 0x67) cpu.raise(Vector.gp, 0);
  const map = readTask(cpu, 0x66);
  const at = map + (port >> 3);
  // The byte after the last one is read too: a limit of one byte more is asked for.
  if (at + 1 > limit) cpu.raise(Vector.gp, 0);
  const bits = readTask(cpu, at) >> (port & 7);
  if ((bits & ((1 << size) - 1)) !== 0) cpu.raise(Vector.gp, 0);
}

function readTask(cpu: CpuCore, offset: number): number {
  const { memory, state } = cpu;
  const base = state.baseLow(Segment.tr);
  const low = (base + offset) | 0;
  const carry = low >>> 0 < base >>> 0 ? 1 : 0;
  return memory.read16(low, cpu.isLong ? (state.baseHigh(Segment.tr) + carry) | 0 : 0, Access.implicit);
}

function prepare(cpu: CpuCore, port: number, width: number, input: boolean, immediate: boolean): 1 | 2 | 4 {
  const access = cpu.port;
  const size = (width >> 3) as 1 | 2 | 4;
  checkPermission(cpu, port, size);
  access.port = port;
  access.size = size;
  access.input = input;
  access.immediate = immediate;
  access.string = false;
  access.repeat = false;
  return size;
}

/** 0, or the vector of the fault that the memory operand makes once no hypervisor has taken the instruction. */
function prepareString(
  cpu: CpuCore,
  input: boolean,
  segment: number,
  addressWidth: 16 | 32 | 64,
  repeat: boolean,
): number {
  const access = cpu.port;
  access.string = true;
  access.repeat = repeat;
  access.addressWidth = addressWidth;
  access.segment = segment;
  const register = input ? Gpr.rdi : Gpr.rsi;
  const low = cpu.state.gprLow(register);
  const offset = addressWidth === 16 ? low & 0xffff : low;
  const high = addressWidth === 64 ? cpu.state.gprHigh(register) : 0;
  const { address } = cpu;
  const vector = address.form(cpu.state, segment, offset, high, access.size, input ? Access.write : Access.read);
  access.linearLow = address.low;
  access.linearHigh = address.high;
  return vector;
}

/** True: a hypervisor or the machine's owner performs the access (exit); else somebody is there who does it in place. */
function passedOn(cpu: CpuCore): boolean {
  const { port, state, surroundings, virtualization } = cpu;
  if (state.guest !== 0 && virtualization?.portIntercepted(port)) state.leave = Leave.vmexit;
  else if (!surroundings.ports) state.leave = Leave.io;
  else return false;
  return true;
}

/** After the access: breakpoints on the port. */
function performed(cpu: CpuCore): Status {
  cpu.translation.portAccessed(cpu.port.port, cpu.port.size);
  return Status.done;
}

export const checkPort: HelperImplementation = cpu => {
  checkPermission(cpu, cpu.state.gprLow(Gpr.rdx) & 0xffff, cpu.state.argument(0) >> 3);
  return Status.done;
};

export const portIn: HelperImplementation = cpu => {
  const { state } = cpu;
  const port = state.argument(0) & 0xffff;
  const size = prepare(cpu, port, state.argument(1), true, state.argument(2) !== 0);
  if (passedOn(cpu)) return Status.exit;
  state.setResult(0, cpu.surroundings.ports?.read(port, size) ?? -1);
  return performed(cpu);
};

export const portOut: HelperImplementation = cpu => {
  const { state } = cpu;
  const port = state.argument(0) & 0xffff;
  const value = state.argument(2);
  const size = prepare(cpu, port, state.argument(1), false, state.argument(3) !== 0);
  if (passedOn(cpu)) return Status.exit;
  cpu.surroundings.ports?.write(port, size, value >>> 0);
  return performed(cpu);
};

export const portInString: HelperImplementation = cpu => {
  const { memory, state } = cpu;
  const port = state.gprLow(Gpr.rdx) & 0xffff;
  const addressWidth = state.argument(1) as 16 | 32 | 64;
  const repeat = state.argument(2) !== 0;
  const size = prepare(cpu, port, state.argument(0), true, false);
  const wrong = prepareString(cpu, true, Segment.es, addressWidth, repeat);
  if (passedOn(cpu)) return Status.exit;
  if (wrong !== 0) cpu.raise(wrong, 0);
  const { linearLow, linearHigh } = cpu.port;
  memory.probeWrite(linearLow, linearHigh, size, 0);
  const value = cpu.surroundings.ports?.read(port, size) ?? -1;
  if (size === 1) memory.write8(linearLow, linearHigh, 0, value);
  else if (size === 2) memory.write16(linearLow, linearHigh, 0, value);
  else memory.write32(linearLow, linearHigh, 0, value);
  step(cpu, Gpr.rdi, size, addressWidth, repeat);
  return performed(cpu);
};

export const portOutString: HelperImplementation = cpu => {
  const { memory, state } = cpu;
  const port = state.gprLow(Gpr.rdx) & 0xffff;
  const addressWidth = state.argument(1) as 16 | 32 | 64;
  const repeat = state.argument(2) !== 0;
  const size = prepare(cpu, port, state.argument(0), false, false);
  const wrong = prepareString(cpu, false, state.argument(3), addressWidth, repeat);
  if (passedOn(cpu)) return Status.exit;
  if (wrong !== 0) cpu.raise(wrong, 0);
  const { linearLow, linearHigh } = cpu.port;
  const value =
    size === 1
      ? memory.read8(linearLow, linearHigh, 0)
      : size === 2
        ? memory.read16(linearLow, linearHigh, 0)
        : memory.read32(linearLow, linearHigh, 0);
  cpu.surroundings.ports?.write(port, size, value >>> 0);
  step(cpu, Gpr.rsi, size, addressWidth, repeat);
  return performed(cpu);
};

/** Moves the index register by an element, and counts. */
function step(cpu: CpuCore, register: number, size: number, width: 16 | 32 | 64, repeat: boolean): void {
  add(cpu, register, (cpu.state.systemFlags & Flag.df) !== 0 ? -size : size, width);
  if (repeat) add(cpu, Gpr.rcx, -1, width);
}

function add({ state }: CpuCore, register: number, amount: number, width: 16 | 32 | 64): void {
  const before = state.gprLow(register);
  const low = (before + amount) | 0;
  const carry = amount < 0 ? (low >>> 0 > before >>> 0 ? -1 : 0) : low >>> 0 < before >>> 0 ? 1 : 0;
  state.setGpr(register, width, low, (state.gprHigh(register) + carry) | 0);
}
