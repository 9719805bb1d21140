/** INS and OUTS (SDM vol. 2). Permission (asked for a count of zero too), intercepts and the transfer itself are the helpers'. There is no 64-bit form. */
import { constant, type Width } from '../../ir/value.ts';
import type { Tracer } from '../tracer.ts';
import { stringInstructions } from './repeat.ts';

const transfer = (cpu: Tracer, width: Width, call: (...facts: ReturnType<typeof constant>[]) => void): void => {
  const repeats = cpu.form.repeat !== 'none';
  const facts = [Math.min(width, 32), cpu.addressWidth, repeats ? 1 : 0].map(fact => constant(32, fact));
  if (!repeats) {
    call(...facts);
    return;
  }
  const counter = cpu.register(1, cpu.addressWidth);
  const count = counter.read();
  cpu.callIf(count.eq(0), 'checkPort', facts[0]);
  if (cpu.form.vendor === 'intel') counter.writeIf(count.eq(0), count);
  cpu.finish(count.eq(0));
  call(...facts);
  cpu.again(count.ne(1));
};

export const INS = stringInstructions('ins', 0x6c, 'rep', (cpu, width) =>
  transfer(cpu, width, (...facts) => cpu.call('portInString', ...facts)),
);

export const OUTS = stringInstructions('outs', 0x6e, 'rep', (cpu, width) =>
  transfer(cpu, width, (...facts) => cpu.call('portOutString', ...facts, cpu.sourceSegment)),
);
