/** The ava macro that replays a recording on an engine. */
import test from 'ava';
import { instructions } from '../../core/isa/index.ts';
import { readCases, type recordings } from '../oracle/cases.ts';
import { compare } from '../oracle/compare.ts';
import type { Engine } from './evaluator.ts';

const known = new Set(instructions.map(({ name }) => name));
/** Groups whose instructions are in the table; FNOP is among the hints of the integer recording, and the x87's. */
const ready: Readonly<Record<string, boolean>> = {
  integer: true,
  legacy: true,
  float: known.has('fadd'),
  extended: known.has('fadd'),
  vector: known.has('addps'),
};

export const replay = test.macro<[recording: (typeof recordings)[number], engine: Engine]>(
  (t, { name, path }, engine) => {
    if (!ready[name]) return t.pass();
    const wrong: string[] = [];
    let count = 0;
    for (const item of readCases(path)) {
      if (!known.has('fnop') && item.mnemonics.includes('fnop')) continue;
      count++;
      const differences = compare(item, engine.run(item));
      if (differences.length > 0) wrong.push(`${item.text}: ${differences.join('; ')}`);
    }
    t.true(count >= 2500);
    t.deepEqual(wrong.slice(0, 10), []);
  },
);
