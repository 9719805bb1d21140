/** The example plugin, loaded as a user's would be: from a file of its own, which imports the package by its name. */
import test from 'ava';
import { assemble, MachineError } from '#core';
import {
  type BootSource,
  build,
  decodeState,
  encodeState,
  type Machine,
  type Profile,
  Registry,
  use,
  validate,
} from '#machines';
import { loadPlugin } from '#plugins';

const dice = () => loadPlugin('dice', () => import('../../examples/dice/dice.ts'));

async function casino(): Promise<Profile> {
  const registry = new Registry();
  registry.add(await dice());
  return registry.profile('casino');
}

/** Rolls ten times, makes the die six-sided, rolls ten times more: A is 1. */
function roller(): BootSource {
  const { bytes } = assemble(
    32,
    `
      mov   ebx, 10
    first:
      call  roll
      dec   ebx
      jnz   first
      mov   dx, 0x2d0
      mov   al, 6
      out   dx, al
      mov   ebx, 10
    second:
      call  roll
      dec   ebx
      jnz   second
      mov   dx, 0xf4
      xor   eax, eax
      out   dx, al
    end:
      jmp   end
    roll:
      mov   dx, 0x2d0
      in    al, dx
      add   al, 64
      mov   dx, 0x3f8
      out   dx, al
      ret
    `,
    { origin: 0x10_0000 },
  );
  return { kind: 'raw', image: bytes, options: { address: 0x10_0000, mode: 'protected', stack: 0x9_0000 } };
}

test('the plugin brings a device and a machine, and the machine is sound', async t => {
  const { devices, profiles } = await dice();
  t.deepEqual([...devices.keys()], ['die']);
  t.deepEqual([...profiles.keys()], ['casino']);
  t.deepEqual(validate(await casino()), []);
});

test('a guest reads the die, on every accelerator alike', async t => {
  const profile = (await casino()).with({ memory: '2 MiB', boot: roller() });
  const rolled: string[] = [];
  for (const accelerator of ['software', 'nvmm-svm', 'nvmm-vmx']) {
    await using machine = await build(profile, { accelerator });
    t.is((await machine.run({ timeout: '1 s' })).kind, 'exit');
    rolled.push(machine.serial.text);
  }
  const [first] = rolled;
  t.deepEqual(rolled, [first, first, first]);
  t.regex(first!, /^[A-T]{10}[A-F]{10}$/);
  t.regex(first!, /[G-T]/, 'with twenty sides');
});

test('the machine comes with a guest that rolls the die, and switches itself off', async t => {
  await using machine = await build(await casino());
  t.is((await machine.run({ timeout: '1 s' })).kind, 'powerOff');
  const rolled = machine.serial.text.trimEnd().split('\n').map(Number);
  t.is(rolled.length, 10);
  t.true(rolled.every(each => each >= 1 && each <= 20));
  t.true(new Set(rolled).size > 1);
});

test('two dice of a machine that is restored elsewhere fall as they would have', async t => {
  const { Die } = await import('../../examples/dice/dice.ts');
  const two = (await casino()).with({ devices: { other: use(Die, { port: 0x2d1 }) } });
  await using machine = await build(two);
  const rolls = ({ devices }: Machine) =>
    Array.from({ length: 40 }, (_, n) => (devices.get(n & 1 ? 'die' : 'other') as InstanceType<typeof Die>).roll());
  const before = rolls(machine);
  const state = machine.save();
  const after = rolls(machine);
  t.notDeepEqual(after, before);
  await using target = await build(two);
  target.restore(decodeState(encodeState(state)));
  t.deepEqual(rolls(target), after);
  machine.restore(state);
  t.deepEqual(rolls(machine), after);
});

test('what the guest set is saved, restored and reset; a damaged state is refused', async t => {
  const { Die } = await import('../../examples/dice/dice.ts');
  await using machine = await build((await casino()).with({ memory: '2 MiB', boot: roller() }));
  const die = machine.device('die', Die);
  await machine.run({ timeout: '1 s' });
  const saved = die.save();
  t.deepEqual(die.inspect(), { sides: 6 });
  die.reset();
  t.deepEqual(die.inspect(), { sides: 20 });
  die.restore(saved);
  t.deepEqual(die.inspect(), { sides: 6 });
  t.throws(() => die.restore({ version: 1, sides: 1 }), { instanceOf: MachineError });
  t.deepEqual(die.inspect(), { sides: 6 });
});
