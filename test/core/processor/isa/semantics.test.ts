/** The IR of representative forms, as snapshots: a change of semantics is a change of text. And rules that hold for all forms. */
import test from 'ava';
import type { Effect } from '../../../../core/processor/ir/effect.ts';
import { Folder } from '../../../../core/processor/ir/fold.ts';
import { printProgram } from '../../../../core/processor/ir/print.ts';
import type { Form } from '../../../../core/processor/isa/form.ts';
import { forms } from '../../../../core/processor/isa/forms.ts';
import { trace } from '../../../../core/processor/isa/trace.ts';

const representative = [
  ...['add r32,m32', 'adc m8,r8', 'sub r64,imm64', 'cmp m64,imm64', 'neg r16', 'inc m32', 'xor r32,r32', 'test r8,r8'],
  ...['mov r64,m64', 'mov m8,imm8', 'movzx r32,m8', 'lea r64,m', 'xchg m32,r32', 'cmpxchg r32,r32', 'cmpxchg16b m128'],
  ...['bswap r64', 'imul r64,m64,imm64', 'mul r8', 'div r64', 'idiv r32', 'shl r32,imm8', 'sar r8,cl', 'rcl r16,1'],
  ...['shld m64,r64,cl', 'bts m32,r32', 'bsf r32,r32', 'popcnt r64,r64', 'setle r8', 'cmova r32,m32', 'cbw operand=32'],
  ...['aaa', 'daa', 'xlat address=64 code=64', 'lahf', 'jmp rel64', 'jbe rel64', 'call r64 operand=64 stack=64'],
  ...[
    'ret imm16 operand=64 stack=64',
    'loope rel64 address=64',
    'iret operand=64',
    'int imm8',
    'bound r32,m amd',
    'bound r32,m intel',
  ],
  ...[
    'jmp m operand=64',
    'push r64 operand=64 stack=64',
    'pop m64 operand=64 stack=64',
    'pop sreg operand=32 stack=32',
  ],
  ...[
    'pushf operand=64 stack=64',
    'pushf operand=16 stack=16',
    'popf operand=64 stack=64',
    'leave operand=64 stack=64',
  ],
  ...['enter imm16,imm8 operand=64 stack=64', 'movsb address=64 code=64 rep', 'insb address=32 code=legacy rep'],
  ...['cmps operand=64 address=64 code=64 repne amd', 'stos operand=32 address=64 code=64'],
  ...['mov cr64,r64', 'mov sreg,r16', 'lgdt m operand=64 code=64', 'sgdt m code=legacy', 'swapgs', 'wrfsbase r64'],
  ...['lar r32,r32', 'arpl m16,r16', 'cli', 'sti', 'hlt', 'rdrand r32', 'out dx,r8', 'fxsave64 m', 'ldmxcsr m32'],
  ...[
    'cmps operand=64 address=64 code=64 repne intel',
    'movsb address=32 code=64 rep intel',
    'push sreg operand=32 stack=32 intel',
  ],
  ...[
    'fbstp m intel',
    'fistp m16 amd',
    'fistp m16 intel',
    'movq m64,mm64 intel',
    'maskmovq mm64,mm64 address=64 code=64 intel',
  ],
  ...['vmread m64,r64', 'vmrun address=64'],
];

test('representative forms', t => {
  for (const key of representative) {
    const form = forms().find(candidate => candidate.key === key);
    if (form) t.snapshot(printProgram(trace(form)), key);
    else t.fail(`there is no form ${key}`);
  }
});

test('every form can be traced, printed and folded', t => {
  for (const form of forms()) {
    const program = trace(form);
    t.notThrows(() => printProgram(new Folder().program(program)), form.key);
  }
});

/** When an MMX store faults, an Intel processor's TOP is zero already. */
const isEarly = ({ vendor, instruction: { unit } }: Form, effect: Effect): boolean =>
  vendor === 'intel' && unit === 'mmx' && effect.kind === 'set' && effect.value.operation === 'constant';

test('what may fault comes before what is written', t => {
  const writes = new Set(['set', 'flags']);
  const faults = new Set(['load', 'store', 'update', 'probe', 'raise']);
  for (const form of forms()) {
    let written = false;
    for (const effect of trace(form).effects) {
      if (effect.kind === 'finish') written = false;
      else if (writes.has(effect.kind)) written ||= !isEarly(form, effect);
      else if (written && faults.has(effect.kind)) t.fail(`${form.key}: ${effect.kind} after a write`);
    }
  }
  t.pass();
});

const transfers = new Set(['farJump', 'farCall', 'farReturn', 'iret', 'syscall', 'sysret', 'sysenter', 'sysexit']);

test('what jumps says which class of branch it is, conditional or not', t => {
  for (const form of forms()) {
    const { effects } = trace(form);
    const jump = effects.find(({ kind }) => kind === 'jump');
    const leads = jump !== undefined || effects.some(effect => effect.kind === 'call' && transfers.has(effect.helper));
    const { branch } = form.instruction;
    t.is(leads, branch !== undefined, form.key);
    if (jump && branch !== 'far') t.is('when' in jump && jump.when !== undefined, branch === 'conditional', form.key);
  }
});
