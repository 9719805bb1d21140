import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { features } from '../../../../core/processor/cpu/features.ts';
import { forms } from '../../../../core/processor/isa/forms.ts';
import { instructions } from '../../../../core/processor/isa/index.ts';
import { instruction } from '../../../../core/processor/isa/instruction.ts';
import type { Encoding } from '../../../../core/processor/isa/notation.ts';
import { OpcodeMap, opcodeMap } from '../../../../core/processor/isa/opcode-map.ts';

const nothing = (): void => {};
const make = (name: string, ...encodings: Encoding[]) => instruction(name, { encodings, semantics: nothing });

test('two rows for the same bytes are an error that names both', t => {
  t.throws(() => new OpcodeMap([make('one', ['01', 'Ev', 'Gv']), make('two', ['01', 'Ev', 'Gv'])]), {
    message: /one \[01 Ev Gv\] and two \[01 Ev Gv\] claim the same bytes/,
  });
  t.throws(() => new OpcodeMap([make('one', ['0f 01 /3', 'Ev']), make('two', ['0f 01 /3 reg', 'Ev'])]));
  t.throws(() => new OpcodeMap([make('one', ['01', 'Ev', 'Gv']), make('two', ['01'])]), { message: /ModRM/ });
});

test('rows that share bytes and nothing else are not', t => {
  t.notThrows(
    () => new OpcodeMap([make('one', ['01', 'Ev', { no64: true }]), make('two', ['01', 'Gv', 'Ev', { only64: true }])]),
  );
  t.notThrows(() => new OpcodeMap([make('one', ['0f 01 /3 mem', 'M']), make('two', ['0f 01 d8'], ['0f 01 /4', 'Ew'])]));
  t.notThrows(() => new OpcodeMap([make('one', ['np 0f 10', 'Vps', 'Wps']), make('two', ['66 0f 10', 'Vpd', 'Wpd'])]));
  t.notThrows(
    () => new OpcodeMap([make('one', ['98', { operandSize: 16 }]), make('two', ['98', { operandSize: 32 }])]),
  );
});

const misspelt = test.macro((t, encoding: Encoding, message: RegExp) => {
  t.throws(() => new OpcodeMap([make('wrong', encoding)]), { message });
});
test('an operand that is none', misspelt, ['01', 'Yv'], /"Yv" is not understood/);
test('a type that is none', misspelt, ['01', 'Ek'], /"Ek" is not understood/);
test('an opcode that is none', misspelt, ['zz', 'Ev'], /no opcode byte/);
test('two operands in one place', misspelt, ['01', 'Ev', 'Wdq'], /two operands in ModRM.rm/);

test('every feature that a row asks for is a CPUID bit, or a vendor', t => {
  t.deepEqual(
    opcodeMap().featureNames.filter(name => name !== '' && name !== 'intel' && name !== 'amd' && !(name in features)),
    [],
  );
});

test('forms are numbered and named apart', t => {
  t.true(forms().every((form, n) => form.id === n));
  t.is(new Set(forms().map(({ key }) => key)).size, forms().length);
  t.log(`${instructions.length} instructions, ${opcodeMap().rows.length} rows, ${forms().length} forms`);
});

test('every file of a family is in the list', t => {
  const root = new URL('../../../../core/processor/isa/', import.meta.url);
  const list = readFileSync(new URL('index.ts', root), 'utf8');
  for (const family of ['integer', 'control', 'stack', 'string', 'system', 'float', 'vector', 'virtual']) {
    for (const file of readdirSync(new URL(`${family}/`, root))) {
      const source = readFileSync(new URL(`${family}/${file}`, root), 'utf8');
      if (!/encodings|Instruction\b/.test(source)) continue;
      t.true(list.includes(`'./${family}/${file}'`), `${family}/${file}`);
    }
  }
});
