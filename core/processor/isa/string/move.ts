/** MOVS, STOS, LODS (SDM vol. 2). The source segment can be overridden, ES cannot. */
import { Segment } from '../../state/layout.ts';
import { pointer, repeated, step, stringInstructions } from './repeat.ts';

export const MOVS = stringInstructions('movs', 0xa4, 'rep', (cpu, width) =>
  repeated(cpu, [6, 7], () => {
    if (cpu.form.repeat !== 'none') cpu.bulk('movs', width);
    const source = pointer(cpu, 6);
    const target = pointer(cpu, 7);
    const by = step(cpu, width);
    const value = cpu.memory('source', source.offset, width).read();
    cpu.memory(Segment.es, target.offset, width).write(value);
    return {
      advance() {
        source.register.write(source.before.add(by));
        target.register.write(target.before.add(by));
      },
    };
  }),
);

export const STOS = stringInstructions('stos', 0xaa, 'rep', (cpu, width) =>
  repeated(cpu, [7], () => {
    if (cpu.form.repeat !== 'none') cpu.bulk('stos', width);
    const target = pointer(cpu, 7);
    const by = step(cpu, width);
    cpu.memory(Segment.es, target.offset, width).write(cpu.register(0, width).read());
    return { advance: () => target.register.write(target.before.add(by)) };
  }),
);

export const LODS = stringInstructions('lods', 0xac, 'rep', (cpu, width) =>
  repeated(cpu, [], () => {
    const source = pointer(cpu, 6);
    const by = step(cpu, width);
    const value = cpu.memory('source', source.offset, width).read();
    return {
      advance() {
        cpu.register(0, width).write(value);
        source.register.write(source.before.add(by));
      },
    };
  }),
);
