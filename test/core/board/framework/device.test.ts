import test from 'ava';
import { componentName } from '../../../../core/board/framework/component.ts';
import { createDevice, Device, device } from '../../../../core/board/framework/device.ts';
import { MachineError } from '../../../../core/board/framework/error.ts';
import {
  bytes,
  ComponentName,
  choice,
  integer,
  Options,
  type OptionsOf,
  port,
  wire,
} from '../../../../core/board/framework/options.ts';
import type { SavedState } from '../../../../core/board/framework/saved-state.ts';
import { Scope } from '../../../../core/board/framework/scope.ts';
import { service } from '../../../../core/board/framework/service.ts';

interface Bell {
  ring(): string;
}
const Bell = service<Bell>('Bell');

@device('door')
class Door extends Device {
  static readonly options = {
    port: port().or(0x80),
    irq: wire(),
    size: bytes().or(1024),
    pins: integer(1, 24).or(24),
    mode: choice('open', 'shut').optional(),
  };

  constructor(
    @Options readonly given: OptionsOf<typeof Door.options>,
    @Bell readonly bell: Bell,
    @ComponentName readonly name: string,
  ) {
    super();
  }

  reset(): void {}
  save(): SavedState {
    return { version: 1 };
  }
  restore(): void {}
  inspect() {
    return {};
  }
}

const scope = () => new Scope().provide(Bell, { ring: () => 'ding' });

test('a device gets its options, its name and its services', t => {
  const door = createDevice(scope(), 'front', Door, { irq: 'pic@3', size: '2 MiB' });
  t.is(door.name, 'front');
  t.is(door.bell.ring(), 'ding');
  t.deepEqual(door.given, { port: 0x80, irq: 'pic@3', size: 2 * 1024 * 1024, pins: 24, mode: undefined });
});

test('a missing service is named', t => {
  const error = t.throws(() => createDevice(new Scope(), 'front', Door, { irq: 'pic@3' }), {
    instanceOf: MachineError,
  });
  t.is(error.code, 'missing-service');
  t.regex(error.message, /device:door needs Bell/);
});

const rejects = test.macro((t, given: object, path: string) => {
  const error = t.throws(() => createDevice(scope(), 'front', Door, given as { irq: string }), {
    instanceOf: MachineError,
  });
  t.is(error.code, 'bad-option');
  t.is(error.path, path);
  t.truthy(error.remedy);
});

test('rejects a pin without a controller', rejects, { irq: '3' }, 'devices.front.irq');
test('rejects a missing wire', rejects, {}, 'devices.front.irq');
test('rejects an unknown option', rejects, { irq: 'pic@3', prot: 1 }, 'devices.front.prot');
test('rejects a port beyond the last', rejects, { irq: 'pic@3', port: 0x10000 }, 'devices.front.port');
test('rejects a fraction', rejects, { irq: 'pic@3', pins: 1.5 }, 'devices.front.pins');
test('rejects a unit that is none', rejects, { irq: 'pic@3', size: '5 XB' }, 'devices.front.size');
test('rejects what is not among the choices', rejects, { irq: 'pic@3', mode: 'ajar' }, 'devices.front.mode');

@device('trapdoor')
class Trapdoor extends Door {
  static override readonly options = {} as never;
  constructor() {
    super(undefined as never, undefined as never, '');
    throw new TypeError('no hinges');
  }
}

test('what a constructor throws by mistake is blamed on its device', t => {
  const error = t.throws(() => createDevice(scope(), 'floor', Trapdoor, {}), { instanceOf: MachineError });
  t.is(error.code, 'bad-device');
  t.is(error.path, 'devices.floor');
  t.regex(error.message, /trapdoor.*no hinges/);
  t.true(error.cause instanceof TypeError);
});

/** As plain JavaScript has it: no decorators, no types. */
class Gate extends Device {
  static readonly device: string = 'gate';
  static readonly options = { irq: wire() };
  static readonly services = [Bell, Options, ComponentName];

  readonly bell: Bell;
  readonly given: OptionsOf<typeof Gate.options>;
  readonly name: string;

  constructor(bell: Bell, given: OptionsOf<typeof Gate.options>, name: string) {
    super();
    this.bell = bell;
    this.given = given;
    this.name = name;
  }

  reset(): void {}
  save(): SavedState {
    return { version: 1 };
  }
  restore(): void {}
  inspect() {
    return {};
  }
}

test('a device without decorators gets what its services list says, in that order', t => {
  t.is(componentName(Gate), 'device:gate');
  const gate = createDevice(scope(), 'back', Gate, { irq: 'pic@3' });
  t.is(gate.name, 'back');
  t.is(gate.bell.ring(), 'ding');
  t.deepEqual(gate.given, { irq: 'pic@3' });
  const error = t.throws(() => createDevice(new Scope(), 'back', Gate, { irq: 'pic@3' }), { instanceOf: MachineError });
  t.is(error.code, 'missing-service');
  t.regex(error.message, /device:gate needs Bell/);
});

test('a subclass is no component of the same name', t => {
  class Wicket extends Gate {}
  t.is(componentName(Wicket), undefined);
});

class WrongListed extends Gate {
  static override readonly device = 'wrong-listed';
  static override readonly services = [Bell, Options, 'name'] as never;
}
class Unlisted extends Device {
  static readonly device: string = 'unlisted';
  static readonly options = {};

  constructor(readonly first: unknown) {
    super();
  }
  reset(): void {}
  save(): SavedState {
    return { version: 1 };
  }
  restore(): void {}
  inspect() {
    return {};
  }
}
@device('half-decorated')
class HalfDecorated extends Unlisted {
  constructor(@Bell bell: Bell, undecorated: string) {
    super([bell, undecorated]);
  }
}

for (const [type, parameter, given] of [
  [WrongListed, 3, { irq: 'pic@3' }],
  [Unlisted, 1, {}],
  [HalfDecorated, 2, {}],
] as const) {
  test(`a parameter that names no service is an error: ${type.name}`, t => {
    const error = t.throws(() => createDevice(scope(), 'back', type as never, given as never), {
      instanceOf: MachineError,
    });
    t.is(error.code, 'missing-service');
    t.true(error.message.includes(`parameter ${parameter} of device:`), error.message);
    t.regex(error.remedy ?? '', /static services/);
  });
}
