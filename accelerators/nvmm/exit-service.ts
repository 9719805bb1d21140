/** Serves what a guest exits with, as QEMU's loop around nvmm_vcpu_run(3) does. */
import { guestCpuid, type HostCpu } from '#core';
import type { Exit } from '../exit.ts';
import type { ProcessorParts } from '../specification.ts';
import { Cr, EventType, ExitReason, Gpr, Prot, StateFlag } from './abi.ts';
import type { GuestVcpu } from './guest-vcpu.ts';
import { complete } from './libnvmm/complete.ts';
import { ProtectionViolation } from './violation.ts';
import { Vector } from './x86/exception.ts';

const found = { hva: 0, prot: 0 };

export interface ExitServiceParts extends Omit<ProcessorParts, 'time' | 'features'> {
  readonly guest: GuestVcpu;
  readonly cpu: HostCpu;
  /** The guest has set its time-stamp counter. */
  readonly timestampChanged: () => void;
}

export class ExitService {
  readonly #guest: GuestVcpu;
  /** Instructions that assists had completed at the last look. */
  #completed = 0;

  constructor(private readonly parts: ExitServiceParts) {
    this.#guest = parts.guest;
  }

  /** An exit that ends the run, or none. */
  handle(): Exit | undefined {
    try {
      return this.#serve();
    } catch (error) {
      // What an assist does has met a page that does not grant it.
      if (error instanceof ProtectionViolation) return error.exit;
      throw error;
    }
  }

  #serve(): Exit | undefined {
    const { lib, mach, vcpu } = this.#guest;
    const { exit } = vcpu;
    switch (exit.reason) {
      case ExitReason.none:
      case ExitReason.interruptReady:
      case ExitReason.nmiReady:
      case ExitReason.tprChanged:
        return undefined;
      case ExitReason.timestampChanged:
        this.parts.timestampChanged();
        return undefined;
      case ExitReason.io:
        if (lib.assistIo(mach, vcpu)) return this.#failed('port access', exit.port);
        return this.#account();
      case ExitReason.memory: {
        const violation = this.parts.memory.violation(exit.gpa, exit.prot);
        if (violation) return violation;
        if (exit.prot & Prot.execute && lib.gpaToHva(mach, exit.gpa, found)) return this.#failed('code', exit.gpa);
        if (lib.assistMem(mach, vcpu)) return this.#failed('memory access', exit.gpa);
        this.#account();
        // An event's delivery, finished there, may have come to a triple fault.
        return (exit.reason as number) === ExitReason.shutdown ? { reason: 'shutdown' } : undefined;
      }
      case ExitReason.numericError:
        if (lib.assistMem(mach, vcpu))
          return { reason: 'error', code: lib.errno, message: 'an x87 instruction could not be emulated' };
        return this.#account();
      case ExitReason.rdmsr:
        return this.#readMsr();
      case ExitReason.wrmsr: {
        const { board } = this.parts;
        const value = (BigInt(exit.valueHigh >>> 0) << 32n) | BigInt(exit.valueLow >>> 0);
        return board.msrs.write(this.#guest.index, exit.msr, value) ? this.#advance() : this.#fault(Vector.gp);
      }
      case ExitReason.cpuid:
        return this.#cpuid();
      case ExitReason.monitor:
      case ExitReason.mwait:
        return this.#fault(Vector.ud);
      case ExitReason.debug:
        return { reason: 'breakpoint', breakpoint: this.#guest.breakpoints[exit.breakpoint] };
      case ExitReason.halted:
        this.#guest.halted = true;
        return undefined;
      case ExitReason.pause:
        return { reason: 'pause' };
      case ExitReason.stopped:
        return { reason: 'cancelled' };
      case ExitReason.shutdown:
        return { reason: 'shutdown' };
      default:
        return { reason: 'error', code: exit.hwcode, message: `exit with hardware code 0x${exit.hwcode.toString(16)}` };
    }
  }

  #readMsr(): undefined {
    const { index, vcpu } = this.#guest;
    const value = this.parts.board.msrs.read(index, vcpu.exit.msr);
    if (value === undefined) return this.#fault(Vector.gp);
    vcpu.state.setGprPair(Gpr.rax, Number(BigInt.asIntN(32, value)), 0);
    vcpu.state.setGprPair(Gpr.rdx, Number(BigInt.asIntN(32, value >> 32n)), 0);
    return this.#advance();
  }

  #cpuid(): undefined {
    const { cpu, processors } = this.parts.specification;
    const guest = this.#guest;
    guest.getState(StateFlag.gprs | StateFlag.crs);
    const { state } = guest.vcpu;
    const leaf = state.gprLow(Gpr.rax) >>> 0;
    const result = guestCpuid(cpu, leaf, state.gprLow(Gpr.rcx) >>> 0, {
      processor: guest.index,
      processors,
      cr4: state.crLow(Cr.cr4),
      xcr0: state.crLow(Cr.xcr0),
    });
    state.setGprPair(Gpr.rax, result.eax, 0);
    state.setGprPair(Gpr.rbx, result.ebx, 0);
    state.setGprPair(Gpr.rcx, result.ecx, 0);
    state.setGprPair(Gpr.rdx, result.edx, 0);
    return this.#advance();
  }

  /** The instruction of an MSR or CPUID exit is done. */
  #advance(): undefined {
    const { lib, mach, vcpu } = this.#guest;
    this.#guest.getState(StateFlag.gprs);
    vcpu.state.setGprPair(Gpr.rip, vcpu.exit.npcLow, vcpu.exit.npcHigh);
    complete(lib, mach, vcpu);
    return this.#account();
  }

  /** The guest's time goes on by what the assist completed. */
  #account(): undefined {
    const guest = this.#guest;
    if (this.#completed !== guest.vcpu.completed) {
      this.#completed = guest.vcpu.completed;
      this.parts.cpu.accountInstruction();
    }
    // An assist may have injected a fault.
    guest.eventWaiting = guest.vcpu.comm.eventCommit;
    return undefined;
  }

  /** For the vectors without an error code, or with 0. */
  #fault(vector: number): undefined {
    this.#guest.inject(EventType.exception, vector, 0);
    return undefined;
  }

  #failed(what: string, where: number): Exit {
    return {
      reason: 'error',
      code: this.#guest.lib.errno,
      message: `${what} at 0x${where.toString(16)} could not be emulated`,
    };
  }
}
