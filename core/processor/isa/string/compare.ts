/** CMPS and SCAS (SDM vol. 2). */
import type { Value } from '../../ir/value.ts';
import { Segment } from '../../state/layout.ts';
import { flagsOfDifference } from '../flags.ts';
import { type Comparison, pointer, repeated, step, stringInstructions } from './repeat.ts';

const comparisonOf = (left: Value, right: Value): Comparison => ({
  equal: left.eq(right),
  flags: flagsOfDifference(left, right, left.sub(right)),
});

export const CMPS = stringInstructions('cmps', 0xa6, 'repe', (cpu, width) =>
  repeated(cpu, [], () => {
    if (cpu.form.repeat !== 'none') cpu.bulk('cmps', width);
    const source = pointer(cpu, 6);
    const target = pointer(cpu, 7);
    const by = step(cpu, width);
    const left = cpu.memory('source', source.offset, width).read();
    const right = cpu.memory(Segment.es, target.offset, width).read();
    const advance = (): void => {
      source.register.write(source.before.add(by));
      target.register.write(target.before.add(by));
    };
    return { advance, comparison: comparisonOf(left, right) };
  }),
);

export const SCAS = stringInstructions('scas', 0xae, 'repe', (cpu, width) =>
  repeated(cpu, [], () => {
    if (cpu.form.repeat !== 'none') cpu.bulk('scas', width);
    const target = pointer(cpu, 7);
    const by = step(cpu, width);
    const left = cpu.register(0, width).read();
    const right = cpu.memory(Segment.es, target.offset, width).read();
    const advance = (): void => target.register.write(target.before.add(by));
    return { advance, comparison: comparisonOf(left, right) };
  }),
);
