/** A region → one function (cpu, budget, entry) → Status: state.rip and state.budget say where it stopped. */

import type { Program } from '../ir/effect.ts';
import { type Helper, helpers } from '../ir/helpers.ts';
import type { Value } from '../ir/value.ts';
import { valuesOf } from '../ir/visit.ts';
import type { Form } from '../isa/form.ts';
import { programOf } from '../isa/programs.ts';
import { state } from '../state/layout.ts';
import { FunctionBuilder, type Label } from '../wasm/function.ts';
import { lower } from '../wasm/lower.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { BlockTarget, type RegionLocals } from './block-target.ts';
import { writeChain } from './chain.ts';
import { type Block, branchOf, type Region } from './region.ts';
import { isGeneral, RegisterFile } from './register-file.ts';

/** Return sites that a RET in the region is compared with. */
const expectedReturns = 4;

export function translate(region: Region, module: ModuleBuilder): FunctionBuilder {
  const f = new FunctionBuilder(['i32', 'i32', 'i32'], ['i32']);
  const next = 2;
  const locals: RegionLocals = {
    cpu: 0,
    left: 1,
    codeBase: f.local('i64'),
    context: f.local('i64'),
    flagResult: f.local('i64'),
    flagBits: f.local('i32'),
    status: f.local('i32'),
    rip: f.local('i64'),
  };
  const { cpu, left, codeBase, rip, status } = locals;
  const { blocks } = region;
  const { used, written } = registersOf(blocks);
  const registers = new RegisterFile(f, cpu, used, written);

  f.get(cpu).memory('i64.load', state.codeBase.offset).set(codeBase);
  f.get(cpu).memory('i64.load32_u', state.context.offset).set(locals.context);
  f.get(cpu).memory('i64.load', state.flagResult.offset).set(locals.flagResult);
  f.get(cpu).memory('i32.load', state.flagBits.offset).set(locals.flagBits);
  registers.loadAll();

  const exit = f.block();
  const top = f.loop();
  const labels: Label[] = [];
  for (let index = blocks.length - 1; index >= 0; index--) labels[index] = f.block();
  if (blocks.length > 1) f.get(next).brTable(labels.slice(0, -1), labels.at(-1)!);

  let current = 0;
  const goTo = (offset: number): void => {
    const index = blocks.findIndex(block => block.offset === offset);
    if (index < 0) {
      f.get(codeBase).i64(offset).op('i64.add').set(rip);
      target.leave();
    } else if (index > current) f.br(labels[index]);
    else {
      if (blocks.length > 1) f.i32(index).set(next);
      f.br(top);
    }
  };
  const goToRip = (isReturn: boolean): void => {
    if (isReturn)
      for (const site of region.returnSites.slice(0, expectedReturns)) {
        f.get(rip).get(codeBase).i64(site).op('i64.add').op('i64.eq').if();
        goTo(site);
        f.end();
      }
    target.leave();
  };
  const target = new BlockTarget(f, module, locals, registers, { exit, goTo, goToRip });

  blocks.forEach((block, index) => {
    current = index;
    f.end();
    const count = block.instructions.length;
    f.get(left).i32(count).op('i32.lt_s').if(undefined, 'unlikely');
    f.get(codeBase).i64(block.offset).op('i64.add').set(rip);
    target.leave();
    f.end();
    f.get(left).i32(count).op('i32.sub').set(left);
    block.instructions.forEach((instruction, position) => {
      const program = programOf(instruction.form);
      target.begin(instruction, count - position, needsFlagsSettled(instruction.form, program));
      lower(program, target);
    });
    const last = block.instructions.at(-1)!;
    const branch = branchOf(last);
    if (branch && !branch.conditional) return;
    target.flags.settle();
    if (blocks[index + 1]?.offset !== block.end) goTo(block.end);
  });
  f.end();
  f.op('unreachable').end();

  registers.storeAll();
  f.get(cpu).get(locals.flagResult).memory('i64.store', state.flagResult.offset);
  f.get(cpu).get(locals.flagBits).memory('i32.store', state.flagBits.offset);
  f.get(cpu).get(rip).memory('i64.store', state.rip.offset);
  f.get(cpu).get(left).memory('i32.store', state.budget.offset);
  f.get(status).op('i32.eqz').if();
  writeChain(f, module.type(['i32', 'i32', 'i32'], ['i32']), locals);
  f.end();
  f.get(status);
  return f;
}

/** Where an instruction may end early or where a helper sees or changes flags, they are computed before it. */
const settling: boolean[] = [];
function needsFlagsSettled({ id }: Form, { effects }: Program): boolean {
  settling[id] ??= effects.some(
    effect =>
      effect.kind === 'finish' ||
      (effect.kind === 'call' && (!effect.when || (helpers[effect.helper] as Helper).flags === true)),
  );
  return settling[id];
}

/** What of the register file a form reads and writes, by operand and by place in the state block. */
interface FormRegisters {
  readonly operands: readonly number[];
  readonly offsets: readonly number[];
  readonly writtenOperands: readonly number[];
  readonly writtenOffsets: readonly number[];
  readonly memory: boolean;
}

const formRegisters: FormRegisters[] = [];

function registersOfForm(form: Form): FormRegisters {
  const known = formRegisters[form.id];
  if (known) return known;
  const operands = new Set<number>();
  const offsets = new Set<number>();
  const writtenOperands = new Set<number>();
  const writtenOffsets = new Set<number>();
  const seen = new Set<Value>();
  const visit = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    if (value.operation === 'register') operands.add(value.detail as number);
    if (value.operation === 'state') offsets.add(value.detail as number);
    value.inputs.forEach(visit);
  };
  for (const effect of programOf(form).effects) {
    valuesOf(effect).forEach(visit);
    if (effect.kind !== 'set') continue;
    if (effect.place.kind === 'state') writtenOffsets.add(effect.place.offset);
    else if (effect.place.kind === 'register') writtenOperands.add(effect.place.operand);
  }
  const memory = form.operands.some(({ kind }) => kind === 'memory');
  const registers: FormRegisters = {
    operands: [...operands],
    offsets: [...offsets],
    writtenOperands: [...writtenOperands],
    writtenOffsets: [...writtenOffsets],
    memory,
  };
  formRegisters[form.id] = registers;
  return registers;
}

function registersOf(blocks: readonly Block[]): { used: Set<number>; written: Set<number> } {
  const used = new Set<number>();
  const written = new Set<number>();
  const add = (to: Set<number>, offset: number): void => {
    if (isGeneral(offset)) to.add(offset >> 3);
  };
  for (const { instructions } of blocks)
    for (const { form, base, index, slots } of instructions) {
      const registers = registersOfForm(form);
      const slot = (operand: number): number => slots[form.operands[operand].slot];
      for (const operand of registers.operands) add(used, slot(operand));
      for (const offset of registers.offsets) add(used, offset);
      for (const operand of registers.writtenOperands) add(written, slot(operand));
      for (const offset of registers.writtenOffsets) add(written, offset);
      if (!registers.memory) continue;
      add(used, base);
      add(used, index);
    }
  for (const register of written) used.add(register);
  return { used, written };
}
