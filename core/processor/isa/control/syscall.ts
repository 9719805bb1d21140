/** SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM vol. 2; APM vol. 3 for SYSCALL outside 64-bit mode). */
import { constant, no, type Value, yes } from '../../ir/value.ts';
import { Attribute, Efer, Gpr, systemFlags } from '../../state/registers.ts';
import { arithmeticFlags, flagsFromImage } from '../flags.ts';
import { instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';
import { delicateFlags, enterPrivilege, flatSegment, privilege } from './privilege.ts';

const present = Attribute.segment | Attribute.present | Attribute.accessed | Attribute.granular;
const code = present | Attribute.code | Attribute.readable | Attribute.long;
const data = present | Attribute.writable | Attribute.big;

/** SYSCALL or SYSRET is not enabled, or events and traps have a say: the helper's. */
const delicate = (cpu: Tracer): Value =>
  cpu
    .state('efer')
    .read()
    .and(Efer.sce)
    .eq(0)
    .or(cpu.state('eventPending').read().ne(0))
    .or(cpu.state('flagSystem').read().and(delicateFlags).ne(0));

/** The helper has compatibility and legacy mode, and whatever is unusual in 64-bit mode. */
export const SYSCALL = instruction('syscall', {
  encodings: [['0f 05']],
  varies: ['code'],
  feature: 'syscall',
  branch: 'far',
  semantics(cpu) {
    if (!cpu.is64) {
      cpu.call('syscall');
      return;
    }
    const unusual = delicate(cpu);
    cpu.callIf(unusual, 'syscall');
    cpu.finish(unusual);
    const flags = cpu.state('flagSystem').read().or(arithmeticFlags(cpu)).or(2);
    const left = flags.and(cpu.state('sfmask').read().truncate(32).not());
    const selector = cpu.state('star').read().shr(32).and(0xfffc);
    const target = cpu.state('lstar').read();
    const supervisor = privilege(cpu, no);
    cpu.register(Gpr.rcx, 64).write(cpu.nextRip);
    cpu.register(11, 64).write(flags.zeroExtend(64));
    cpu.state('flagSystem').write(left.and(systemFlags));
    enterPrivilege(cpu, supervisor, flatSegment(selector, code), flatSegment(selector.add(8).and(0xffff), data));
    cpu.setFlags(flagsFromImage(left));
    cpu.jump(target);
  },
});

/** Of RFLAGS; RF and VM are not restored. */
const restorable = 0x3c_7fd5;
/** To CPL 3. */
const user = Attribute.dpl;

export const SYSRET = instruction('sysret', {
  encodings: [['0f 07']],
  varies: ['operand'],
  mnemonics: { 16: 'sysretd', 32: 'sysretd', 64: 'sysretq' },
  feature: 'syscall',
  branch: 'far',
  semantics(cpu) {
    const width = constant(32, cpu.operandWidth);
    if (cpu.operandWidth !== 64) {
      cpu.call('sysret', width);
      return;
    }
    const target = cpu.register(Gpr.rcx, 64).read();
    const image = cpu.register(11, 64).read().truncate(32).and(restorable);
    const canonical = target.sar(47).add(1).leU(1);
    const unusual = delicate(cpu)
      .or(cpu.state('cpl').read().ne(0))
      .or(canonical.eq(0))
      .or(image.and(delicateFlags).ne(0));
    cpu.callIf(unusual, 'sysret', width);
    cpu.finish(unusual);
    const selector = cpu.state('star').read().shr(48);
    const codeSelector = selector.add(16).or(3).and(0xffff);
    const stackSelector = selector.add(8).or(3).and(0xffff);
    const outer = privilege(cpu, yes);
    cpu.state('flagSystem').write(image.and(systemFlags));
    enterPrivilege(cpu, outer, flatSegment(codeSelector, code | user), flatSegment(stackSelector, data | user));
    cpu.setFlags(flagsFromImage(image));
    cpu.jump(target);
  },
});

export const SYSENTER = instruction('sysenter', {
  encodings: [['0f 34']],
  feature: 'sep',
  branch: 'far',
  semantics(cpu) {
    cpu.call('sysenter');
  },
});

export const SYSEXIT = instruction('sysexit', {
  encodings: [['0f 35']],
  varies: ['operand'],
  mnemonics: { 16: 'sysexitd', 32: 'sysexitd', 64: 'sysexitq' },
  feature: 'sep',
  branch: 'far',
  semantics(cpu) {
    cpu.call('sysexit', constant(32, cpu.operandWidth));
  },
});
