/**
 * nvmm_assist_mem(3): finishes the instruction of a MEMORY exit, with the `mem` callback for what is no RAM. NetBSD's has a decoder
 * and semantics of its own for a few opcodes; here it is the CPU's own rows, read by the evaluator, so every instruction that can
 * touch memory works, and a guest fault is injected instead of returned.
 */
import {
  type AssistMemory,
  amd,
  type CpuCore,
  Delivery,
  deliverEvent,
  detachedCore,
  helperImplementations,
  InstructionAssist,
  Leave,
  largestOperand,
  MachineFault,
  readOperand,
  writeOperand,
} from '#core';
import { ExitReason, Gpr, Intr, Msr, Seg, StateFlag } from '../abi.ts';
import { Errno } from '../errno.ts';
import { sharedFeatures } from '../shared-features.ts';
import { complete } from './complete.ts';
import { load, store } from './detached-state.ts';
import { accessGuest, type GuestFault, injectFault, translate } from './guest-access.ts';
import type { LibraryCalls, NvmmMachine, NvmmVcpu } from './handles.ts';

const longestInstruction = 15;

/** One detached CPU for each VCPU, kept. */
class Assistant implements AssistMemory {
  readonly core: CpuCore;
  readonly #assist: InstructionAssist;
  readonly #bytes = new Uint8Array(largestOperand);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly code = {
    length: 0,
    bytes: new Uint8Array(longestInstruction),
    at: (index: number): number => this.code.bytes[index],
  };

  constructor(
    private readonly lib: LibraryCalls,
    private readonly mach: NvmmMachine,
    private readonly vcpu: NvmmVcpu,
  ) {
    const { dialect, time } = lib.driver.host;
    this.core = detachedCore(amd({ dialect, also: sharedFeatures }), this, vcpu.cpuid, () => time.ticks);
    this.#assist = new InstructionAssist(this.core, this, helperImplementations);
  }

  perform() {
    return this.#assist.perform(this.code);
  }

  read(linear: bigint, bytes: number, _segment?: number, implicit = false): bigint {
    this.#access(linear, bytes, false, implicit);
    return readOperand(this.#view, bytes);
  }

  write(linear: bigint, bytes: number, value: bigint, _segment?: number, implicit = false): void {
    writeOperand(this.#view, bytes, value);
    this.#access(linear, bytes, true, implicit);
  }

  probeWrite(linear: bigint, bytes: number, _segment?: number, implicit = false): void {
    this.#probe(linear, bytes, true, implicit);
  }

  probeRead(linear: bigint, bytes: number, _segment?: number, implicit = false): void {
    this.#probe(linear, bytes, false, implicit);
  }

  #probe(linear: bigint, bytes: number, write: boolean, implicit: boolean): void {
    for (const at of [linear, BigInt.asUintN(64, linear + BigInt(bytes - 1))]) {
      const gpa = translate(this.lib, this.mach, this.vcpu, at, write, implicit);
      if (typeof gpa !== 'number') throw new MachineFault(gpa);
    }
  }

  #access(linear: bigint, bytes: number, write: boolean, implicit: boolean): void {
    const { lib, mach, vcpu } = this;
    const fault = accessGuest(lib, mach, vcpu, linear, this.#bytes.subarray(0, bytes), write, implicit);
    if (fault) throw new MachineFault(fault);
  }

  /** Instruction bytes: the exit's, or fetched. A fault where not even the first can be fetched. */
  fetch(): GuestFault | undefined {
    const { exit, state } = this.vcpu;
    if (exit.instLen > 0) {
      this.code.bytes.set(exit.instBytes.subarray(0, exit.instLen));
      this.code.length = exit.instLen;
      return undefined;
    }
    const long = (state.msrLow(Msr.efer) & (1 << 10)) !== 0 && (state.segmentAttributes(Seg.cs) & (1 << 9)) !== 0;
    const rip = state.gpr(Gpr.rip);
    const linear = long ? rip : BigInt.asUintN(32, rip + state.segment(Seg.cs).base);
    const here = Math.min(longestInstruction, 4096 - Number(linear & 0xfffn));
    const fault = accessGuest(this.lib, this.mach, this.vcpu, linear, this.code.bytes.subarray(0, here), false);
    if (fault) return fault;
    const rest = this.code.bytes.subarray(here);
    const more = rest.length > 0 && !accessGuest(this.lib, this.mach, this.vcpu, linear + BigInt(here), rest, false);
    this.code.length = more ? longestInstruction : here;
    return undefined;
  }
}

const assistants = new WeakMap<NvmmVcpu, Assistant>();
function assistantOf(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu): Assistant {
  let assistant = assistants.get(vcpu);
  if (!assistant) assistants.set(vcpu, (assistant = new Assistant(lib, mach, vcpu)));
  return assistant;
}

/** x87, MMX and SSE state, and AVX's, only moves for instructions that use it: the flags of both. */
const unitsOf = (bytes: Uint8Array, length: number): number => {
  let at = 0;
  while (at < length - 1 && isPrefix(bytes[at])) at++;
  const opcode = bytes[at];
  if (opcode === 0xc4 || opcode === 0xc5) return StateFlag.fpu | StateFlag.vector;
  if (opcode !== 0x0f) return opcode >= 0xd8 && opcode <= 0xdf ? StateFlag.fpu : 0;
  const second = bytes[at + 1];
  return !(second >= 0x80 && second < 0xc2) || second === 0xae ? StateFlag.fpu : 0;
};
const prefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
const isPrefix = (byte: number): boolean => (byte & 0xf0) === 0x40 || prefixes.includes(byte);

export function assistMem(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu): Errno {
  if (lib.vcpuGetState(mach, vcpu, StateFlag.gprs | StateFlag.segs | StateFlag.crs | StateFlag.msrs))
    return Errno.EFAULT;
  const assistant = assistantOf(lib, mach, vcpu);
  if (vcpu.exit.state.eventPending) return finishDelivery(lib, mach, vcpu, assistant.core);
  const fetchFault = assistant.fetch();
  if (fetchFault) return injectFault(lib, mach, vcpu, fetchFault);
  const { core, code } = assistant;
  const units = unitsOf(code.bytes, code.length);
  if (units && lib.vcpuGetState(mach, vcpu, units)) return Errno.EFAULT;
  load(core, vcpu.comm, units);
  core.nmiBlocked = vcpu.exit.state.nmiWindow;

  const outcome = assistant.perform();
  if (vcpu.exit.state.nmiWindow && !core.nmiBlocked) openNmis(lib, mach, vcpu);
  if (typeof outcome === 'object') return injectFault(lib, mach, vcpu, outcome.fault);
  if (outcome === 'exit' || (outcome === 'left' && core.state.leave !== Leave.events)) return Errno.ENODEV;
  lib.vcpuSetState(mach, vcpu, store(core, vcpu.comm, units));
  if (outcome !== 'again') complete(lib, mach, vcpu, core.state.interruptShadow !== 0);
  return Errno.OK;
}

/** It was IRET, whose stack or whose tables are no RAM. */
function openNmis(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu): void {
  const { exit, state } = vcpu;
  lib.vcpuGetState(mach, vcpu, StateFlag.intr);
  state.intr &= ~Intr.nmiWindowExiting;
  lib.vcpuSetState(mach, vcpu, StateFlag.intr);
  exit.state.nmiWindow = false;
}

/**
 * The access was the processor's own, in the middle of an event's delivery: the stack or a table lies where there is no RAM. The delivery
 * is done here, from its beginning; a triple fault becomes a SHUTDOWN exit.
 */
function finishDelivery(lib: LibraryCalls, mach: NvmmMachine, vcpu: NvmmVcpu, core: CpuCore): Errno {
  const { comm, exit, state } = vcpu;
  if (lib.vcpuGetState(mach, vcpu, StateFlag.intr)) return Errno.EFAULT;
  load(core, comm, 0);
  const { eventType, eventVector, eventError } = exit;
  if (deliverEvent(core, eventVector, eventType, eventError) !== Delivery.delivered) {
    exit.reason = ExitReason.shutdown;
    return Errno.OK;
  }
  // Nothing is pending any more, and no shadow outlives a delivery.
  state.intr = state.intr & ~(Intr.eventPending | Intr.shadow);
  exit.state.eventPending = false;
  exit.state.interruptShadow = false;
  lib.vcpuSetState(mach, vcpu, store(core, comm, 0) | StateFlag.intr);
  exit.state.rflags = state.gprLow(Gpr.rflags);
  return Errno.OK;
}
