/**
 * The VMX instructions (SDM vol. 3, chapter 31): #UD by mode, an exit in a guest, #GP by privilege, operands, then the operation
 * itself (operation.ts, world-switch.ts, invalidation.ts).
 */
import { intercepts } from '../../isa/intercepts.ts';
import { Access, Leave, Status } from '../../state/leave.ts';
import { Cr0, Flag, Vector } from '../../state/registers.ts';
import type { CpuCore, HelperImplementation } from '../core.ts';
import { VmxOutcome } from '../host-cpu.ts';
import { invalidateByPointer, invalidateByVpid } from './invalidation.ts';
import { InstructionError } from './reasons.ts';
import type { Vmx } from './vmx.ts';

const flagsOf = (outcome: VmxOutcome): number =>
  outcome === VmxOutcome.failInvalid ? Flag.cf : outcome === VmxOutcome.failValid ? Flag.zf : 0;

function finish(cpu: CpuCore, outcome: VmxOutcome): Status {
  cpu.state.arithmeticFlags = flagsOf(outcome);
  return cpu.transferred();
}

/** Protected mode, and in IA-32e mode 64-bit code. */
const modeSuits = (cpu: CpuCore): boolean => cpu.isProtected && (!cpu.isLong || cpu.is64);

/** For all but VMXON and VMCALL. */
function admit(cpu: CpuCore, id: number): Vmx {
  const vmx = cpu.virtualization as Vmx;
  if (!vmx.operation.active || !modeSuits(cpu)) cpu.raise(Vector.ud);
  if (cpu.state.guest !== 0) cpu.stop(vmx.intercepted(id));
  cpu.requireSupervisor();
  return vmx;
}

/** An operand of 8 or 16 bytes in memory; the first eight go to (cpu.low, cpu.high). `first`: number of the segment's argument. */
function readPointer(cpu: CpuCore, first: number, size: 8 | 16): void {
  const { memory, state } = cpu;
  const at = cpu.operand(
    state.argument(first),
    state.argument(first + 1),
    state.argumentHigh(first + 1),
    size,
    Access.read,
  );
  cpu.low = memory.read64(at.low, at.high, 0);
  cpu.high = memory.upper;
}

const vmxon: HelperImplementation = cpu => {
  const vmx = cpu.virtualization as Vmx;
  const { operation } = vmx;
  if (!operation.enabled || (cpu.state.cr0 & Cr0.pe) === 0 || !modeSuits(cpu)) cpu.raise(Vector.ud);
  if (cpu.state.guest !== 0) cpu.stop(vmx.intercepted(intercepts.vmxon));
  cpu.requireSupervisor();
  if (operation.active) return finish(cpu, operation.fail(InstructionError.vmxonInRoot));
  operation.checkVmxon();
  readPointer(cpu, 0, 8);
  return finish(cpu, operation.vmxon(cpu.low, cpu.high));
};

/** A guest may call from any mode. */
const vmcall: HelperImplementation = cpu => {
  const vmx = cpu.virtualization as Vmx;
  if (!vmx.operation.active) cpu.raise(Vector.ud);
  if (cpu.state.guest !== 0) cpu.stop(vmx.intercepted(intercepts.vmcall));
  if (!modeSuits(cpu)) cpu.raise(Vector.ud);
  cpu.requireSupervisor();
  return finish(cpu, vmx.operation.fail(InstructionError.vmcallInRoot));
};

const entering =
  (id: number, resume: boolean): HelperImplementation =>
  cpu => {
    const outcome = admit(cpu, id).world.request(resume);
    if (outcome !== VmxOutcome.succeed) return finish(cpu, outcome);
    cpu.state.arithmeticFlags = 0;
    return cpu.leaveAfter(Leave.world);
  };

const onPointer =
  (id: number, name: 'vmclear' | 'vmptrld'): HelperImplementation =>
  cpu => {
    const { operation } = admit(cpu, id);
    readPointer(cpu, 0, 8);
    return finish(cpu, operation[name](cpu.low, cpu.high));
  };

const vmptrst: HelperImplementation = cpu => {
  const { vmcs } = admit(cpu, intercepts.vmptrst).operation;
  const { memory, state } = cpu;
  const at = cpu.operand(state.argument(0), state.argument(1), state.argumentHigh(1), 8, Access.write);
  memory.write64(at.low, at.high, 0, vmcs.addressLow, vmcs.addressHigh);
  return finish(cpu, VmxOutcome.succeed);
};

/** Encodings have 32 bits. */
const encodingOf = (cpu: CpuCore): number => (cpu.state.argumentHigh(0) === 0 ? cpu.state.argument(0) : -1);

const vmread: HelperImplementation = cpu => {
  const { operation } = admit(cpu, intercepts.vmread);
  const outcome = operation.read(encodingOf(cpu));
  const { state } = cpu;
  if (outcome === VmxOutcome.succeed) state.setResult(0, operation.low, operation.high);
  state.setResult(1, flagsOf(outcome));
  return Status.done;
};

const vmwriteAdmitted: HelperImplementation = cpu => {
  admit(cpu, intercepts.vmwrite);
  return Status.done;
};

const vmwrite: HelperImplementation = cpu => {
  const { operation } = admit(cpu, intercepts.vmwrite);
  const { state } = cpu;
  return finish(cpu, operation.write(encodingOf(cpu), state.argument(1), state.argumentHigh(1)));
};

/** (type, segment, offset of a descriptor of two quadwords) */
const invalidating =
  (id: number, invalidate: typeof invalidateByPointer): HelperImplementation =>
  cpu => {
    const vmx = admit(cpu, id);
    const { memory, state } = cpu;
    readPointer(cpu, 1, 16);
    const { low, high } = cpu;
    const next = (cpu.address.low + 8) | 0;
    const nextHigh = cpu.is64 && next >>> 0 < 8 ? (cpu.address.high + 1) | 0 : cpu.address.high;
    cpu.low = memory.read64(next, nextHigh, 0);
    cpu.high = memory.upper;
    const type = state.argumentHigh(0) === 0 ? state.argument(0) : -1;
    const valid = invalidate(vmx, { type, low, high, secondLow: cpu.low, secondHigh: cpu.high });
    return finish(cpu, valid ? VmxOutcome.succeed : vmx.operation.fail(InstructionError.invalidation));
  };

export const vmxHelpers = {
  vmxon,
  vmcall,
  vmlaunch: entering(intercepts.vmlaunch, false),
  vmresume: entering(intercepts.vmresume, true),
  vmxoff: (cpu: CpuCore) => finish(cpu, admit(cpu, intercepts.vmxoff).operation.vmxoff()),
  vmptrld: onPointer(intercepts.vmptrld, 'vmptrld'),
  vmclear: onPointer(intercepts.vmclear, 'vmclear'),
  vmptrst,
  vmread,
  vmwriteAdmitted,
  vmwrite,
  invept: invalidating(intercepts.invept, invalidateByPointer),
  invvpid: invalidating(intercepts.invvpid, invalidateByVpid),
} as const satisfies Readonly<Record<string, HelperImplementation>>;
