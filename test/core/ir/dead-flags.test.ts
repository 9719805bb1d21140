import test from 'ava';
import { deadFlags, FlagPart, flagUse, withoutFlags } from '../../../core/ir/dead-flags.ts';
import type { Program } from '../../../core/ir/effect.ts';
import { forms } from '../../../core/isa/forms.ts';
import { trace } from '../../../core/isa/trace.ts';

const program = (key: string): Program => trace(forms.find(form => form.key === key)!);
const dead = (...keys: string[]): number[] => deadFlags(keys.map(key => flagUse(program(key))));
const { all, cf, af, of, result } = FlagPart;

test('an addition after an addition', t => {
  t.deepEqual(dead('add r32,r32', 'add r32,r32'), [all, 0]);
});

test('a carry that is used', t => {
  t.deepEqual(dead('add r32,r32', 'adc r32,r32'), [result | af | of, 0]);
});

test('INC keeps CF', t => {
  t.deepEqual(dead('add r32,r32', 'inc r32'), [result | af | of, 0]);
});

test('a branch on ZF', t => {
  t.deepEqual(dead('cmp r32,r32', 'je rel64', 'xor r32,r32'), [cf | af | of, 0, 0]);
});

test('what may fault shows all flags', t => {
  t.deepEqual(dead('add r32,r32', 'mov r32,m32', 'add r32,r32'), [0, 0, 0]);
  const uses = ['add r32,r32', 'mov r32,m32', 'add r32,r32'].map(key => flagUse(program(key)));
  t.deepEqual(deadFlags(uses, { exactOnAbort: false }), [all, 0, 0]);
});

test('a shift by CL may leave flags alone', t => {
  t.deepEqual(dead('add r32,r32', 'shl r32,cl'), [0, 0]);
  t.deepEqual(dead('shl r32,cl', 'add r32,r32'), [all, 0]);
});

test('ZF alone keeps SF and PF', t => {
  t.is(flagUse(program('cmpxchg8b m64')).reads & result, result);
});

test('what is dead is dropped', t => {
  const add = program('add r32,r32');
  t.false(withoutFlags(add, all).effects.some(({ kind }) => kind === 'flags'));
  const flags = withoutFlags(add, cf | of).effects.find(effect => effect.kind === 'flags');
  t.deepEqual(Object.keys(flags!.kind === 'flags' ? flags!.flags : {}).sort(), ['af', 'result']);
});
