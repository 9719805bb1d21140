/** VM-exit information fields (SDM vol. 3, section 28.2): filled where an exit is decided upon, before the world is switched. */
import { state as layout } from '../../state/layout.ts';
import type { Cpu } from '../cpu.ts';
import { EventType } from '../virtualization.ts';
import { Field } from './fields.ts';
import { InformationFormat, InstructionInformation } from './information.ts';
import { exitFormats, exitIdentities, exitReasons } from './intercepts.ts';
import { Interruption, Reason } from './reasons.ts';
import type { Vmcs } from './vmcs.ts';

export class ExitRecord {
  /** An exit is recorded and awaits the world switch. */
  pending = false;
  reason = 0;
  /** RFLAGS.RF of the saved image. */
  resume = false;
  /** The instruction's length is to be taken when RIP has come back to it (task switches move it). */
  lengthLater = false;
  readonly #information: InstructionInformation;

  constructor(
    private readonly cpu: Cpu,
    private readonly vmcs: Vmcs,
  ) {
    this.#information = new InstructionInformation(cpu);
  }

  /** An exit between instructions, or one whose further fields the caller fills. Always true. */
  record(reason: number, low = 0, high = 0): true {
    const { vmcs } = this;
    this.pending = true;
    this.reason = reason;
    this.resume = false;
    this.lengthLater = false;
    vmcs.set(Field.exitReason, reason);
    vmcs.set(Field.exitQualification, low, high);
    vmcs.set(Field.exitInterruption, 0);
    vmcs.set(Field.vectoringInfo, 0);
    return true;
  }

  /** An instruction exits. */
  instruction(reason: number, low = 0, high = 0): true {
    this.record(reason, low, high);
    this.length();
    return true;
  }

  length(): void {
    const { state } = this.cpu;
    this.vmcs.set(Field.exitInstructionLength, (state.low(layout.nextRip.offset) - state.ripLow) & 0xf);
  }

  /** An instruction exits by its id (core/processor/isa/intercepts.ts). */
  intercepted(id: number): true {
    const reason = exitReasons[id];
    this.instruction(reason, reason === Reason.mwait && this.cpu.monitor.armed ? 1 : 0);
    const format = exitFormats[id];
    if (format !== InformationFormat.none) this.describe(format, exitIdentities[id]);
    return true;
  }

  describe(format: number, identity = 0): void {
    const information = this.#information;
    information.describe(format, identity);
    this.vmcs.set(Field.exitInstructionInfo, information.word);
    if (format !== InformationFormat.random)
      this.vmcs.set(Field.exitQualification, information.displacementLow, information.displacementHigh);
  }

  /** `error`: -1 for none. */
  interruption(vector: number, type: number, error: number): void {
    const { vmcs } = this;
    const hasError = error !== -1;
    vmcs.set(
      Field.exitInterruption,
      vector | (type << 8) | (hasError ? Interruption.errorValid : 0) | Interruption.valid,
    );
    if (hasError) vmcs.set(Field.exitErrorCode, error);
  }

  /** An IRET faults that has unblocked NMIs (section 28.2.3): a field has a bit for that. */
  unblocking(field: number): void {
    const { cpu, vmcs } = this;
    if (cpu.nmiUnblocking) vmcs.set(field, vmcs.low(field) | Interruption.nmiUnblocking, vmcs.high(field));
    cpu.nmiUnblocking = false;
  }

  /** The exit happens while an event is being delivered. */
  vectoring(): void {
    const { cpu, vmcs } = this;
    const { type, vector, error, length } = cpu.delivering;
    if (type < 0) return;
    const hasError = error >= 0;
    vmcs.set(Field.vectoringInfo, vector | (type << 8) | (hasError ? Interruption.errorValid : 0) | Interruption.valid);
    if (hasError) vmcs.set(Field.vectoringErrorCode, error);
    if (type >= EventType.software) vmcs.set(Field.exitInstructionLength, length);
  }
}
