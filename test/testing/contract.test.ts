/** The contract's suite as such: which cases there are, and that accelerators which do one thing wrong fail one of them. */
import test from 'ava';
import { guestModel } from 'virt64';
import {
  type Accelerator,
  type AcceleratorOptions,
  accelerators,
  type Features,
  MachineError,
  MapAccess,
  type ProcessorBoard,
  type VirtualMachine,
} from 'virt64/accelerators';
import { type Case, CheckError, contractCases } from 'virt64/testing';
import { bareBoard } from '../kit/contract/guest.ts';

const software = accelerators.find(({ name }) => name === 'software')!;

interface Change {
  readonly features?: Partial<Features>;
  readonly board?: (board: ProcessorBoard) => ProcessorBoard;
  readonly machine?: (machine: VirtualMachine) => void;
}

/** `software`, but for a change. */
const changed =
  ({ features = {}, board = same => same, machine: change = () => {} }: Change) =>
  (options: AcceleratorOptions): Accelerator => {
    const inner = software.create(options);
    return {
      name: 'changed',
      features: { ...inner.features, ...features },
      time: inner.time,
      createMachine(specification) {
        const machine = inner.createMachine(specification);
        const powerOn = machine.powerOn.bind(machine);
        machine.powerOn = given => {
          const processors = powerOn(board(given));
          change(machine);
          return processors;
        };
        return machine;
      },
      [Symbol.dispose]: () => inner[Symbol.dispose](),
    };
  };

const all = contractCases(changed({}));
const titlesOf = (cases: readonly Case[]): string[] => cases.map(({ name }) => name.replace(/^.*?: /, ''));

test('names are unique, and begin with the name of the accelerator or another', t => {
  const names = all.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
  t.true(names.every(name => name.startsWith('changed: ')));
  t.true(contractCases(changed({}), { name: 'mine' }).every(({ name }) => name.startsWith('mine: ')));
});

const lacking: readonly (readonly [features: Partial<Features>, gone: RegExp])[] = [
  [{ step: false }, /^step executes one instruction/],
  [{ codeBreakpoints: 0, dataBreakpoints: 0 }, /^breakpoints on data/],
  [{ protection: false }, /^protect refuses/],
  [{ dirtyPages: false }, /^tracking refuses/],
  [{ customCpuid: false }, /^CPUID is the specification's/],
  [{ unrestrictedGuest: false }, /^real mode, protected mode, long mode/],
  [{ completeState: false }, /^what is set is what is got/],
];

for (const [features, gone] of lacking)
  test(`no cases for what it cannot do: ${Object.keys(features)}`, t => {
    const titles = titlesOf(contractCases(changed({ features })));
    t.true(titlesOf(all).some(title => gone.test(title)));
    t.false(titles.some(title => gone.test(title)));
    t.true(titles.length < all.length);
    t.deepEqual(
      titles.filter(title => !titlesOf(all).includes(title)),
      [],
    );
  });

test('what features deny is refused by their names', t => {
  for (const { name, create } of accelerators) {
    const cpu = guestModel({ cpu: 'amd', processors: 1 });
    const accelerator = create({ memory: 2 ** 20, processors: 1, cpu });
    Object.assign(accelerator, {
      features: { ...accelerator.features, protection: false, dirtyPages: false, step: false },
    });
    const machine = accelerator.createMachine({ processors: 1, cpu });
    const block = machine.allocate(0x1000);
    machine.map(0, block, 0, 0x1000, MapAccess.all);
    const [processor] = machine.powerOn(bareBoard());
    const refused = (feature: string) => ({
      instanceOf: MachineError,
      code: 'unsupported',
      message: new RegExp(feature),
    });
    t.throws(() => machine.protect(0, 0x1000, MapAccess.read), refused('features.protection'), name);
    t.throws(() => machine.trackDirty(0, 0x1000, true), refused('features.dirtyPages'), name);
    t.throws(() => machine.dirtyPages(0, 0x1000), refused('features.dirtyPages'), name);
    t.throws(() => processor!.step(), refused('features.step'), name);
    t.notThrows(() => processor!.run(), name);
  }
});

test('an accelerator whose time is the host’s is refused', t => {
  t.throws(() => contractCases(changed({ features: { time: 'host' } })), {
    instanceOf: MachineError,
    code: 'unsupported',
    message: /the time of changed is the host's/,
  });
});

/** What is wrong, the case that finds it, and what it says. */
const mistakes: Readonly<Record<string, readonly [change: Change, title: RegExp, message: RegExp]>> = {
  'ports are read wrong': [
    {
      board: board => ({
        ...board,
        ports: {
          ...board.ports,
          read: (...of) => board.ports.read(...of) ^ 1,
          write: (...of) => board.ports.write(...of),
        },
      }),
    },
    /^IN and OUT of every size$/,
    /0x[0-9a-f]+\) is not \d+n/,
  ],
  'an MSR that nobody has reads as zero': [
    {
      board: board => ({
        ...board,
        msrs: { read: (...of) => board.msrs.read(...of) ?? 0n, write: (...of) => board.msrs.write(...of) },
      }),
    },
    /^the board's MSRs, and #GP/,
    /^rdmsr [0-9a-f]+: -1 is not 13/,
  ],
  'the state forgets CR2': [
    {
      machine: ({ processors }) => {
        for (const processor of processors) {
          const setState = processor.setState.bind(processor);
          processor.setState = state =>
            setState(state.controls ? { ...state, controls: { ...state.controls, cr2: 0n } } : state);
        }
      },
    },
    /^what is set is what is got$/,
    /^state \d+: .*controls\.cr2/,
  ],
  'a step executes two instructions': [
    {
      machine: ({ processors }) => {
        for (const processor of processors) {
          const step = processor.step.bind(processor);
          processor.step = options => {
            step(options);
            return step(options);
          };
        }
      },
    },
    /^step executes one instruction/,
    / is not /,
  ],
  'no page is ever dirty': [
    {
      machine: machine => {
        machine.dirtyPages = () => new Uint32Array();
      },
    },
    /^stores of every kind are noted/,
    /elements, expected/,
  ],
  'rights of pages are forgotten': [
    {
      machine: machine => {
        machine.protect = () => {};
      },
    },
    /^protect refuses/,
    /it should throw an error/,
  ],
};

for (const [what, [change, title, message]] of Object.entries(mistakes))
  test(`it is found that ${what}`, t => {
    const found = contractCases(changed(change)).filter(({ name }) => title.test(name.replace(/^.*?: /, '')));
    t.true(found.length > 0);
    const errors = found.map(each => {
      try {
        each.run();
      } catch (error) {
        return error;
      }
      return undefined;
    });
    const error = errors.find(each => each instanceof CheckError);
    t.true(error instanceof CheckError, String(errors.find(Boolean)));
    t.regex((error as CheckError).message, message);
  });
