/** The IR of representative forms, as snapshots: a change of semantics is a change of text. And rules that hold for all forms. */
import test from 'ava';
import { Folder } from '../../../core/ir/fold.ts';
import { printProgram } from '../../../core/ir/print.ts';
import { forms } from '../../../core/isa/forms.ts';
import { trace } from '../../../core/isa/trace.ts';

const representative = [
  /^add r32,m32/,
  /^adc m8,r8/,
  /^sub r64,imm64/,
  /^cmp m64,imm64/,
  /^neg r16/,
  /^inc m32/,
  /^xor r32,r32/,
  /^test r8,r8/,
  /^mov r64,m64/,
  /^mov m8,imm8/,
  /^movzx r32,m8/,
  /^lea r64/,
  /^xchg m32,r32/,
  /^cmpxchg r32,r32/,
  /^cmpxchg16b/,
  /^bswap r64/,
  /^imul r64,m64,imm64/,
  /^mul r8/,
  /^div r64/,
  /^idiv r32/,
  /^shl r32,imm8/,
  /^sar r8,cl/,
  /^rcl r16,1/,
  /^shld m64,r64,cl/,
  /^bts m32,r32/,
  /^bsf r32,r32/,
  /^popcnt r64/,
  /^setle r8/,
  /^cmova r32,m32/,
  /^cbw/,
  /^aaa/,
  /^daa/,
  /^xlat/,
  /^lahf/,
  /^jmp rel64/,
  /^jbe rel64/,
  /^call r64.*64/,
  /^ret .*64/,
  /^loope/,
  /^iret/,
  /^int imm8/,
  /^bound r32/,
  /^jmp m0/,
  /^push r64.*64/,
  /^pop m64.*64/,
  /^pop sreg.*64/,
  /^pushf.*64.*64/,
  /^popf.*64.*64/,
  /^enter.*64.*64/,
  /^leave.*64.*64/,
  /^movsb.*64.*rep\b/,
  /^cmps.*64.*64.*repne/,
  /^stos.*32.*none/,
  /^ins .*rep\b/,
  /^mov cr64,r64/,
  /^mov sreg,r16/,
  /^lgdt.*64/,
  /^sgdt/,
  /^swapgs/,
  /^wrfsbase r64/,
  /^lar r32,r/,
  /^cli/,
  /^sti/,
  /^hlt/,
  /^rdrand r32/,
  /^out dx,r8/,
  /^fxsave /,
  /^ldmxcsr/,
  /^vmread m64/,
  /^vmrun/,
];

test('representative forms', t => {
  for (const pattern of representative) {
    const form = forms.find(({ key }) => pattern.test(key));
    if (form) t.snapshot(printProgram(trace(form)), form.key);
    else t.log(`no form ${pattern}`);
  }
});

test('every form can be traced, printed and folded', t => {
  for (const form of forms) {
    const program = trace(form);
    t.notThrows(() => printProgram(new Folder().program(program)), form.key);
  }
});

test('what may fault comes before what is written', t => {
  const writes = new Set(['set', 'flags']);
  const faults = new Set(['load', 'store', 'update', 'probe', 'raise']);
  for (const form of forms) {
    let written = false;
    for (const effect of trace(form).effects) {
      if (effect.kind === 'finish') written = false;
      else if (writes.has(effect.kind)) written = true;
      else if (written && faults.has(effect.kind)) t.fail(`${form.key}: ${effect.kind} after a write`);
    }
  }
  t.pass();
});
