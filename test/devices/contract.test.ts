import test from 'ava';
import fc from 'fast-check';
import {
  componentName,
  createDevice,
  type Device,
  type DeviceClass,
  MachineError,
  MemoryDisk,
  type OptionSchema,
  type SavedState,
} from '#core';
import * as exported from '#devices';
import { fullBoard } from './all-devices.ts';
import { type Full, type Poke, poke, pokes } from './pokes.ts';
import { TestBoard } from './support.ts';

/** Whether a guest can see such a thing. */
function isSane(action: Poke, seen: unknown): boolean {
  const isBelow = (limit: number): boolean =>
    Number.isInteger(seen) && (seen as number) >= 0 && (seen as number) < limit;
  if (action.kind === 'in') return isBelow(2 ** (8 * action.size));
  if (seen === undefined) return true;
  if (action.kind === 'rdmsr') return (seen as bigint) >= 0n && (seen as bigint) < 2n ** 64n;
  return action.kind !== 'take' || isBelow(0x100);
}

const settings = { numRuns: 60, seed: 2026, maxShrinks: 200 } as fc.Parameters<unknown>;

test('whatever a guest pokes, nothing throws and values fit their size', t => {
  fc.assert(
    fc.property(fc.array(pokes(fullBoard().board), { minLength: 50, maxLength: 300 }), actions => {
      const full = fullBoard();
      for (const action of actions) {
        if (!isSane(action, poke(full, action))) return false;
      }
      for (const device of Object.values(full.devices)) device.inspect();
      return true;
    }),
    settings,
  );
  t.pass();
});

test('a saved board goes on elsewhere exactly as it would have here', t => {
  const actions = pokes(fullBoard().board);
  fc.assert(
    fc.property(fc.array(actions, { maxLength: 120 }), fc.array(actions, { maxLength: 120 }), (before, after) => {
      const first = fullBoard();
      for (const action of before) poke(first, action);
      const second = fullBoard();
      moveTo(first, second);
      t.deepEqual(saveAll(second), saveAll(first));
      for (const action of after) t.deepEqual(poke(second, action), poke(first, action), JSON.stringify(action.kind));
    }),
    settings,
  );
});

test('reset is power-on, whatever happened before', t => {
  fc.assert(
    fc.property(
      fc.array(
        pokes(fullBoard().board).filter(action => action.kind !== 'type'),
        { maxLength: 120 },
      ),
      actions => {
        const full = fullBoard();
        const fresh = saveAll(full);
        for (const action of actions) if (action.kind !== 'wait') poke(full, action);
        for (const device of Object.values(full.devices)) device.reset();
        const again = saveAll(full);
        // The date and the memory of the clock are on a battery.
        t.deepEqual({ ...again, rtc: undefined }, { ...fresh, rtc: undefined });
      },
    ),
    { ...settings, numRuns: 30 },
  );
});

test('a state that is damaged or of another version is refused and changes nothing', t => {
  const { devices } = fullBoard();
  for (const [name, device] of Object.entries(devices)) {
    const state = device.save();
    if (Object.keys(state).length === 1) continue;
    const before = JSON.stringify(state);
    const [field] = Object.keys(state).filter(key => key !== 'version');
    const bad = { instanceOf: MachineError, code: 'bad-state' } as const;
    t.throws(() => device.restore({ ...state, version: 99 }), bad, name);
    t.throws(() => device.restore({ ...state, [field!]: 'nonsense' }), bad, name);
    t.is(JSON.stringify(device.save()), before);
  }
});

const strange = fc.oneof(
  fc.constantFrom(-1, 0.5, 256, 0x1_0000, 2 ** 31, 2 ** 40, 2 ** 53, -(2 ** 53), 1e300, -1e300, Number.NaN),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.nat({ max: 16 }),
);

/** The state with some of its numbers and texts changed: the `which`-th of those that a walk meets, to `what`. */
function damage(state: SavedState, changes: readonly { which: number; what: number }[]): SavedState {
  let at = 0;
  const change = (value: unknown, name?: string): unknown => {
    if (Array.isArray(value)) return value.map(each => change(each));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, change(field, key)]));
    if (typeof value === 'boolean' || value instanceof Uint8Array || name === 'version') return value;
    const place = at++;
    const other = changes.find(({ which }) => which % count === place)?.what;
    return other === undefined ? value : typeof value === 'string' ? String(other) : other;
  };
  let count = Number.POSITIVE_INFINITY;
  change(state);
  count = Math.max(1, at);
  at = 0;
  return change(state) as SavedState;
}

test('a state of the right form with any numbers is refused, or the device lives with it', t => {
  const names = Object.keys(fullBoard().devices) as (keyof Full['devices'])[];
  const changes = fc.array(fc.record({ which: fc.nat(), what: strange }), { minLength: 1, maxLength: 8 });
  const actions = fc.array(pokes(fullBoard().board), { minLength: 20, maxLength: 60 });
  let taken = 0;
  fc.assert(
    fc.property(fc.constantFrom(...names), changes, actions, actions, (name, list, before, after) => {
      const full = fullBoard();
      full.board.time.ticks = 1e9;
      before.forEach(action => {
        poke(full, action);
      });
      try {
        full.devices[name].restore(damage(full.devices[name].save(), list));
      } catch (error) {
        return error instanceof MachineError && error.code === 'bad-state';
      }
      taken++;
      full.devices[name].inspect();
      return after.every(action => isSane(action, poke(full, action))) && full.board.clock.nextDeadline > 0;
    }),
    { ...settings, numRuns: 600 },
  );
  t.true(taken > 50);
});

/** What no option can be, whatever its kind. */
const impossible = [null, {}, -1, Number.NaN, () => {}];
const needed = { slot: '00:09.0', disk: new MemoryDisk(new Uint8Array(512)) };

test('every option of every device refuses what it cannot be, by its path and with a remedy', t => {
  for (const type of Object.values(exported)) {
    if (!('options' in type)) continue;
    const schema = type.options as OptionSchema;
    const given = Object.fromEntries(Object.entries(needed).filter(([name]) => name in schema));
    for (const name of Object.keys(schema)) {
      for (const value of impossible) {
        const build = () =>
          createDevice(board().scope, 'it', type as DeviceClass, { ...given, [name]: value } as never);
        const error = t.throws(build, { instanceOf: MachineError, code: 'bad-option' }, `${type.name} ${name}`);
        t.is(error.path, `devices.it.${name}`);
        t.truthy(error.remedy);
      }
    }
  }
});

const board = () => new TestBoard().board;

test('every device class has a name and a schema', t => {
  for (const value of Object.values(exported)) {
    if (!('options' in value)) continue;
    t.regex(componentName(value) ?? '', /^device:[a-z0-9-]+$/);
  }
});

const saveAll = ({ devices }: Full) =>
  Object.fromEntries(Object.entries(devices).map(([name, device]) => [name, device.save()]));

function moveTo(first: Full, second: Full): void {
  second.board.time.ticks = first.board.time.ticks;
  const states = saveAll(first);
  second.board.board.wires.quietly(() => {
    for (const [name, device] of Object.entries<Device>(second.devices)) device.restore(states[name]);
  });
}
