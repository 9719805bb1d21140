/** x87 control: control and status words, environment, waiting (SDM vol. 1, section 8.3.12). */
import { constant, type Value } from '../../ir/value.ts';
import { Cr0, Vector } from '../../state/registers.ts';
import { type Instruction, instruction } from '../instruction.ts';
import type { Tracer } from '../tracer.ts';

const nothing = (): void => {};

export const FNOP = instruction('fnop', { encodings: [['d9 d0']], unit: 'x87', semantics: nothing });

/** Left over from the 8087 and 80287, and ignored since. */
export const relics: readonly Instruction[] = [
  instruction('fneni', { encodings: [['db e0']], unit: 'x87-no-wait', semantics: nothing }),
  instruction('fndisi', { encodings: [['db e1']], unit: 'x87-no-wait', semantics: nothing }),
  instruction('fnsetpm', { encodings: [['db e4']], unit: 'x87-no-wait', semantics: nothing }),
];

/** Looks at CR0.MP, not at EM. With CR0.NE clear a pending exception is the interrupt controller's affair: IGNNE# is asserted here. */
export const FWAIT = instruction('fwait', {
  encodings: [['9b']],
  semantics(cpu) {
    const cr0 = cpu.state('cr0').read();
    cpu.raise(Vector.nm, cr0.and(Cr0.mp | Cr0.ts).eq(Cr0.mp | Cr0.ts));
    cpu.raise(Vector.mf, cpu.state('fsw').read().bit(7).and(cr0.bit(5)));
  },
});

export const FNINIT = instruction('fninit', {
  encodings: [['db e3']],
  unit: 'x87-no-wait',
  semantics(cpu) {
    cpu.call('x87Initialize');
  },
});

export const FNCLEX = instruction('fnclex', {
  encodings: [['db e2']],
  unit: 'x87-no-wait',
  semantics(cpu) {
    const status = cpu.state('fsw').read();
    const pending = status.bit(7);
    cpu.callIf(pending, 'x87ClearExceptions');
    cpu.finish(pending);
    cpu.state('fsw').write(status.and(~0x7f));
  },
});

export const FLDCW = instruction('fldcw', {
  encodings: [['d9 /5', 'Mw']],
  unit: 'x87',
  semantics(cpu, source) {
    const control = source.read();
    const status = cpu.state('fsw').read();
    // Nothing is pending, and nothing becomes so.
    const pending = status.bit(7).or(status.and(control.not()).and(0x3f).ne(0));
    cpu.callIf(pending, 'x87LoadControl', control);
    cpu.finish(pending);
    cpu.state('fcw').write(control.and(0x1f7f).or(0x40));
  },
});

export const FNSTCW = instruction('fnstcw', {
  encodings: [['d9 /7', 'Mw']],
  unit: 'x87-no-wait',
  semantics(cpu, target) {
    target.write(cpu.state('fcw').read());
  },
});

const statusWord = (cpu: Tracer): Value => {
  const top = cpu.state('x87Top').read().zeroExtend(16);
  return cpu.state('fsw').read().or(top.shl(11));
};

export const FNSTSW = instruction('fnstsw', {
  encodings: [
    ['dd /7', 'Mw'],
    ['df e0', 'AX'],
  ],
  unit: 'x87-no-wait',
  semantics(cpu, target) {
    target.write(statusWord(cpu));
  },
});

const image = (
  name: string,
  opcode: string,
  unit: 'x87' | 'x87-no-wait',
  helper: 'x87StoreEnvironment' | 'x87LoadEnvironment',
  whole: 0 | 1,
): Instruction =>
  instruction(name, {
    encodings: [[opcode, 'M']],
    unit,
    varies: ['operand'],
    semantics(cpu, place) {
      const width = constant(32, cpu.operandWidth === 16 ? 16 : 32);
      cpu.call(helper, place.segment(), place.offset(), width, constant(32, whole));
    },
  });

export const FNSTENV = image('fnstenv', 'd9 /6', 'x87-no-wait', 'x87StoreEnvironment', 0);
export const FNSAVE = image('fnsave', 'dd /6', 'x87-no-wait', 'x87StoreEnvironment', 1);
export const FLDENV = image('fldenv', 'd9 /4', 'x87', 'x87LoadEnvironment', 0);
export const FRSTOR = image('frstor', 'dd /4', 'x87', 'x87LoadEnvironment', 1);
