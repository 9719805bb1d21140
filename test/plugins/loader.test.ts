import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ComponentName, Device, device, type ErrorCode, integer, MachineError, Options, observer, port } from '#core';
import { pc, Registry, use } from '#machines';
import { classify, loadPlugin } from '#plugins';
import { registryWith } from '../../cli/import-plugin.ts';

abstract class Idle extends Device {
  reset(): void {}
  save() {
    return { version: 1 };
  }
  restore(): void {}
  inspect() {
    return {};
  }
}

@device('lamp')
class Lamp extends Idle {
  static readonly options = { port: port().or(0x300) };
}

@device('no-options')
class NoOptions extends Idle {}

@device('half')
class Half extends Idle {
  static readonly options = {};
}
Object.defineProperty(Half.prototype, 'inspect', { value: undefined });

@device('null-options')
class NullOptions extends Idle {
  static readonly options = null;
}

@device('no-device')
class NoDevice {
  static readonly options = {};
}

const lit = pc.with({ devices: { lamp: use(Lamp, {}) } }, 'lit');
const accelerator = { name: 'abacus', description: 'slow', create: () => undefined };

test('exports are sorted by what they are; the rest is the module’s own affair', t => {
  const found = classify('lamp', {
    Lamp,
    lit,
    accelerator,
    default: lit,
    version: '1',
    helper: () => 1,
    nothing: null,
    nameless: { ...accelerator, name: '' },
    builder: { name: 'builder', with: () => undefined },
  });
  t.deepEqual([...found.devices], [['lamp', Lamp]]);
  t.deepEqual([...found.profiles], [['lit', lit]]);
  t.deepEqual([...found.accelerators], [['abacus', accelerator]]);
});

const refused = test.macro((t, exports: Record<string, unknown>, code: ErrorCode, pattern: RegExp) => {
  const error = t.throws(() => classify('./plugin.ts', exports), { instanceOf: MachineError })!;
  t.is(error.code, code);
  t.regex(error.message, pattern);
  t.truthy(error.remedy);
});

const profileWith = (devices: unknown) => ({ wrong: { ...pc, name: 'wrong', devices } });

test('nothing usable', refused, { answer: 42 }, 'bad-plugin', /exports no device, profile, accelerator or observer/);
test('a device without options', refused, { NoOptions }, 'bad-plugin', /NoOptions has no options/);
test('a device that lacks a method', refused, { Half }, 'bad-plugin', /Half has no inspect\(\)/);
test('a device whose options are null', refused, { NullOptions }, 'bad-plugin', /NullOptions has no options/);
test('a device that is none', refused, { NoDevice }, 'bad-plugin', /NoDevice is no Device/);
test('two of one name', refused, { lit, other: lit.with({}, 'lit') }, 'overlap', /two profiles called lit/);
test('devices that are no list of devices', refused, profileWith(null), 'bad-plugin', /profile wrong.*devices/);
test('a device that says not what it is', refused, profileWith({ x: {} }), 'bad-plugin', /devices\.x/);
test('a use without options', refused, profileWith({ x: { type: Lamp } }), 'bad-plugin', /devices\.x/);
test(
  'a device of a foreign class',
  refused,
  profileWith({ x: { type: Map, options: {} } }),
  'bad-plugin',
  /devices\.x/,
);

test('what throws while it is loaded or looked at is the plugin’s fault', async t => {
  const lookedAt = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('hands off');
      },
    },
  );
  const trap = {
    name: 'trap',
    get with(): never {
      throw new Error('sprung');
    },
  };
  for (const load of [
    () => Promise.reject(new SyntaxError('unexpected token')),
    () => Promise.reject('just a text'),
    async () => lookedAt,
    async () => ({ trap }),
  ]) {
    const error = await t.throwsAsync(loadPlugin('bad', load), { instanceOf: MachineError });
    t.is(error?.code, 'bad-plugin');
  }
});

test('a name that is taken is refused, and then nothing of the plugin is added', t => {
  const registry = new Registry();
  const error = t.throws(() => registry.add(classify('lamp', { Lamp, pc: lit.with({}, 'pc') })), {
    instanceOf: MachineError,
  });
  t.is(error?.code, 'overlap');
  t.false(registry.devices.has('lamp'));
  t.is(registry.profile('pc'), pc);
});

test('a misspelt name is answered with the nearest', t => {
  const error = t.throws(() => new Registry().profile('micorvm'), { instanceOf: MachineError })!;
  t.is(error.code, 'unknown-component');
  t.regex(error.remedy!, /did you mean microvm\?/);
});

test('files of all kinds, as the command line loads them', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-plugin-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const good = file('good.mjs', `export const abacus = { name: 'abacus', description: 'slow', create() {} };`);
  t.true((await registryWith([good, good])).accelerators.has('abacus'));
  for (const [name, content, pattern] of [
    ['syntax.mjs', 'export const = 1', /syntax\.mjs cannot be loaded/],
    ['throws.mjs', 'throw new Error("boom")', /boom/],
    ['throws-nothing.mjs', 'throw undefined', /cannot be loaded/],
    ['imports.mjs', 'import "./nowhere.mjs"', /nowhere\.mjs/],
    ['empty.mjs', '', /exports no device/],
    ['data.json', '{"name": "x"}', /cannot be loaded|exports no/],
    ['binary.mjs', '\0\x01\x02', /cannot be loaded/],
  ] as const) {
    const error = await t.throwsAsync(registryWith([file(name, content)]), { instanceOf: MachineError });
    t.is(error?.code, 'bad-plugin', name);
    t.regex(error!.message, pattern);
  }
  t.is(
    (await t.throwsAsync(registryWith([join(folder, 'none.ts')]), { instanceOf: MachineError }))?.code,
    'file-not-found',
  );
});

@observer('watcher')
class Watcher {
  static readonly options = { limit: integer(0, 9).or(4) };
  readonly limit: number;
  readonly name: string;
  constructor(@Options { limit }: { limit: number }, @ComponentName name: string) {
    this.limit = limit;
    this.name = name;
  }
  port(): void {}
}

class Plain {
  static readonly observer = 'plain';
  reset(): void {}
}

class Broken {
  static readonly observer = 'broken';
  constructor() {
    throw new Error('no luck');
  }
}

test('observers are classes with a name, decorated or not; each machine has its own', t => {
  const found = classify('looks', { Watcher, Plain, again: Plain });
  t.deepEqual(
    [...found.observers],
    [
      ['watcher', Watcher],
      ['plain', Plain],
    ],
  );
  const registry = new Registry();
  t.deepEqual(registry.createObservers(), []);
  registry.add(found);
  const [watcher, plain] = registry.createObservers();
  t.like(watcher, { limit: 4, name: 'watcher' });
  t.true(plain instanceof Plain);
  t.not(registry.createObservers()[1], plain);
  t.throws(() => registry.add(found), { code: 'overlap', message: /an? observer called watcher/ });
  registry.add(classify('broken', { Broken }));
  t.throws(() => registry.createObservers(), {
    code: 'bad-observer',
    message: /observer broken cannot be built: no luck/,
  });
});
