/** What the architecture's manuals fix is written down once: `#core` has bits of registers, vectors and the page size, and others take them from there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { hasErrorCode } from '#core';
import { files, root } from './support/imports.ts';

const homes = [
  'core/processor/state/registers.ts',
  'core/processor/state/lazy-flags.ts',
  'core/processor/memory/page.ts',
];
const sources = ['core', 'devices', 'accelerators', 'machines', 'plugins', 'cli']
  .flatMap(files)
  .filter(file => !homes.includes(file));

/** A constant by such a name, or with such a value, is a second home of a truth. */
const second =
  /\bconst (Cr0|Cr4|Efer|Dr6|Dr7|Rflags|Vector|pageSize|withErrorCode|evenParity|(trap|resume|direction)Flag|mathFault|flagPosition) = (?!1 << Vector|Object|\[\n)[^;]*[\d{]/;

test('no table of registers, vectors or pages is written down a second time', t => {
  const wrong = sources.flatMap(file => {
    const found = second.exec(readFileSync(join(root, file), 'utf8'));
    return found ? [`${file}: ${found[1]}`] : [];
  });
  t.deepEqual(wrong, []);
});

test('the vectors that have an error code', t => {
  // SDM vol. 3, section 27.2.1.3: #DF, #TS, #NP, #SS, #GP, #PF and #AC, of a processor without CET.
  const expected = [8, 10, 11, 12, 13, 14, 17];
  t.deepEqual(Array.from({ length: 256 }, (_, vector) => vector).filter(hasErrorCode), expected);
});
