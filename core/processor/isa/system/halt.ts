/** HLT, PAUSE, MONITOR, MWAIT, CLI, STI, RSM (SDM vol. 2). */
import { Flag, Vector } from '../../state/registers.ts';
import { delicateFlags } from '../control/privilege.ts';
import { instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';

export const HLT = instruction('hlt', {
  encodings: [['f4']],
  privileged: true,
  intercept: 'hlt',
  semantics(cpu) {
    cpu.call('halt');
  },
});

/** Whoever runs several CPUs in turn may want to hear of it: one that spins waits for another. */
export const PAUSE = instruction('pause', {
  encodings: [['f3 90']],
  intercept: 'pause',
  semantics(cpu) {
    cpu.callIf(cpu.state('leavesAtPause').read().ne(0), 'pause');
  },
});

/** Users get #UD, not #GP. The helpers know what a hypervisor is asked before and after. */
const supervisorOnly = (cpu: Tracer): void => cpu.raise(Vector.ud, cpu.state('cpl').read().ne(0));

export const MONITOR = instruction('monitor', {
  encodings: [['np 0f 01 c8']],
  varies: ['address'],
  feature: 'monitor',
  semantics(cpu) {
    supervisorOnly(cpu);
    cpu.call('monitor', cpu.sourceSegment, cpu.register(0, cpu.addressWidth).read().zeroExtend(64));
  },
});

export const MWAIT = instruction('mwait', {
  encodings: [['np 0f 01 c9']],
  feature: 'monitor',
  semantics(cpu) {
    supervisorOnly(cpu);
    cpu.call('mwait');
  },
});

/** Whether CPL > IOPL: virtual-8086 mode and PVI have rules of their own then. */
const unprivileged = (cpu: Tracer) => {
  const iopl = cpu.state('flagSystem').read().shr(12).and(3);
  return iopl.ltU(cpu.state('cpl').read());
};

export const CLI = instruction('cli', {
  encodings: [['fa']],
  semantics(cpu) {
    const special = unprivileged(cpu);
    cpu.callIf(special, 'cli');
    cpu.finish(special);
    cpu.state('flagSystem').update(flags => flags.and(~Flag.if));
  },
});

/**
 * Where IF is set already there is neither a shadow nor anything to do. Nor is there one to be seen where no event waits, no trap follows,
 * no hypervisor looks and the next instruction is executed before events are looked for again.
 */
export const STI = instruction('sti', {
  encodings: [['fb']],
  semantics(cpu) {
    const flags = cpu.state('flagSystem').read();
    const enabled = flags.and(Flag.if).ne(0);
    const shadowed = cpu
      .state('eventPending')
      .read()
      .or(cpu.state('guest').read())
      .or(flags.and(delicateFlags))
      .ne(0)
      .or(cpu.state('budget').read().ltS(2));
    const special = unprivileged(cpu).or(enabled.eq(0).and(shadowed));
    cpu.callIf(special, 'sti');
    cpu.finish(special);
    cpu.state('flagSystem').write(flags.or(Flag.if));
  },
});

/** There is no system management mode to return from. */
export const RSM = instruction('rsm', {
  encodings: [['0f aa']],
  intercept: 'rsm',
  semantics: cpu => cpu.raise(Vector.ud),
});
