/** BSF, BSR, TZCNT, LZCNT, POPCNT (SDM vol. 2). */
import { constant, no } from '../../ir/value.ts';
import { instruction } from '../instruction.ts';

/** A source of zero leaves the destination as it is, all 64 bits of it (APM vol. 3; Intel's processors too). */
export const BSF = instruction('bsf', {
  encodings: [['0f bc', 'Gv', 'Ev']],
  semantics(cpu, target, source) {
    const value = source!.read();
    target!.writeIf(value.ne(0), value.ctz());
    cpu.setFlags({ result: value, cf: no, of: no, af: no });
  },
});

export const BSR = instruction('bsr', {
  encodings: [['0f bd', 'Gv', 'Ev']],
  semantics(cpu, target, source) {
    const value = source!.read();
    target!.writeIf(value.ne(0), constant(value.width, value.width - 1).sub(value.clz()));
    cpu.setFlags({ result: value, cf: no, of: no, af: no });
  },
});

export const TZCNT = instruction('tzcnt', {
  encodings: [['f3 0f bc', 'Gv', 'Ev']],
  feature: 'bmi1',
  semantics(cpu, target, source) {
    const value = source!.read();
    const count = value.ctz();
    target!.write(count);
    cpu.setFlags({ result: count, cf: value.eq(0), of: no, af: no });
  },
});

export const LZCNT = instruction('lzcnt', {
  encodings: [['f3 0f bd', 'Gv', 'Ev']],
  feature: 'lzcnt',
  semantics(cpu, target, source) {
    const value = source!.read();
    const count = value.clz();
    target!.write(count);
    cpu.setFlags({ result: count, cf: value.eq(0), of: no, af: no });
  },
});

export const POPCNT = instruction('popcnt', {
  encodings: [['f3 0f b8', 'Gv', 'Ev']],
  feature: 'popcnt',
  semantics(cpu, target, source) {
    const value = source!.read();
    target!.write(value.popcnt());
    cpu.setFlags({ cf: no, pf: no, af: no, zf: value.eq(0), sf: no, of: no });
  },
});
