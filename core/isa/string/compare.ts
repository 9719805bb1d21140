/** CMPS and SCAS (SDM vol. 2). */
import { Segment } from '../../state/layout.ts';
import { flagsOfDifference } from '../flags.ts';
import { pointer, repeated, step, stringInstructions } from './repeat.ts';

export const CMPS = stringInstructions('cmps', 0xa6, 'repe', (cpu, width) =>
  repeated(cpu, () => {
    if (cpu.form.repeat !== 'none') cpu.bulk('cmps', width);
    const source = pointer(cpu, 6);
    const target = pointer(cpu, 7);
    const by = step(cpu, width);
    const left = cpu.memory('source', source.offset, width).read();
    const right = cpu.memory(Segment.es, target.offset, width).read();
    return () => {
      source.register.write(source.before.add(by));
      target.register.write(target.before.add(by));
      cpu.setFlags(flagsOfDifference(left, right, left.sub(right)));
      return left.eq(right);
    };
  }),
);

export const SCAS = stringInstructions('scas', 0xae, 'repe', (cpu, width) =>
  repeated(cpu, () => {
    if (cpu.form.repeat !== 'none') cpu.bulk('scas', width);
    const target = pointer(cpu, 7);
    const by = step(cpu, width);
    const left = cpu.register(0, width).read();
    const right = cpu.memory(Segment.es, target.offset, width).read();
    return () => {
      target.register.write(target.before.add(by));
      cpu.setFlags(flagsOfDifference(left, right, left.sub(right)));
      return left.eq(right);
    };
  }),
);
