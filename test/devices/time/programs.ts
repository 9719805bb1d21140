import fc from 'fast-check';
import type { Device } from '#core';
import { type Full, type Poke, poke } from '../pokes.ts';

/** What a guest does with its timers: a list of accesses, some of which depend on the moment. */
export type Step = (full: Full, now: number) => unknown;
export interface Program {
  readonly name: string;
  readonly step: Step;
}

const apic = 0xfee0_0000;
const ioapic = 0xfec0_0000;
const hpet = 0xfed0_0000;

/** Counts around the borders of what timers can do, and anything between them. */
const count = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 99, 100, 101, 999, 1000, 1001, 0xffff, 0x1_0000, 0xffff_fffe, 0xffff_ffff),
  fc.nat({ max: 5000 }),
  fc.nat({ max: 2_000_000 }),
  fc.nat({ max: 0xffff_ffff }),
);
const processor = fc.nat({ max: 1 });
const byte = fc.nat({ max: 255 });
const vector = fc.integer({ min: 16, max: 255 });

const named = (name: string, arbitrary: fc.Arbitrary<Step>): fc.Arbitrary<Program> =>
  arbitrary.map(step => ({ name, step }));

const store = (arbitrary: fc.Arbitrary<readonly [address: number, value: number, processor?: number]>) =>
  arbitrary.map(
    ([address, value, from]): Step =>
      ({ board }) =>
        board.store(address, value, from),
  );

const mode = fc.constantFrom(0, 0x2_0000, 0x4_0000, 0x6_0000);
const masked = fc.constantFrom(0, 0, 0, 0x1_0000);
const localApic = fc.oneof(
  named(
    'apic start',
    fc.tuple(mode, masked, vector, byte, count, processor).map(
      ([m, off, v, divide, initial, from]): Step =>
        ({ board }) => {
          board.store(apic + 0x320, m | off | v, from);
          board.store(apic + 0x3e0, divide, from);
          board.store(apic + 0x380, initial, from);
        },
    ),
  ),
  named(
    'apic entry',
    store(
      fc.tuple(mode, masked, vector, processor).map(([m, off, v, from]) => [apic + 0x320, m | off | v, from] as const),
    ),
  ),
  named('apic count', store(fc.tuple(count, processor).map(([value, from]) => [apic + 0x380, value, from] as const))),
  named('apic divide', store(fc.tuple(byte, processor).map(([value, from]) => [apic + 0x3e0, value, from] as const))),
  named(
    'apic spurious',
    store(fc.tuple(fc.constantFrom(0x1ff, 0x1ff, 0xff), processor).map(([v, from]) => [apic + 0xf0, v, from] as const)),
  ),
  named('apic end', store(processor.map(from => [apic + 0xb0, 0, from] as const))),
  named(
    'apic deadline',
    fc.tuple(fc.oneof(count, fc.integer({ min: -5000, max: 0 })), processor).map(
      ([ahead, from]): Step =>
        ({ board }, now) =>
          board.wrmsr(0x6e0, BigInt(Math.max(1, now + ahead)), from),
    ),
  ),
  named(
    'tsc',
    fc.tuple(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), processor).map(
      ([offset, from]): Step =>
        ({ board: { board } }) =>
          board.timestamps.changed(from, BigInt(offset)),
    ),
  ),
);

const interrupts = fc.oneof(
  named(
    'io-apic entry',
    fc
      .tuple(
        fc.integer({ min: 0, max: 23 }),
        vector,
        fc.constantFrom(0, 0x100, 0x400),
        fc.constantFrom(0, 0x8000),
        masked,
      )
      .map(
        ([pin, v, delivery, level, off]): Step =>
          ({ board }) => {
            board.store(ioapic, 0x10 + 2 * pin);
            board.store(ioapic + 0x10, v | delivery | level | off);
          },
      ),
  ),
  named(
    'take and end',
    processor.map(
      (from): Step =>
        full => {
          const taken = full.board.take(from);
          full.board.store(apic + 0xb0, 0, from);
          full.board.out(0x20, 0x20);
          full.board.out(0xa0, 0x20);
          return taken;
        },
    ),
  ),
);

const comparator = fc.nat({ max: 2 });
const hpetTimers = fc.oneof(
  named(
    'hpet start',
    fc.tuple(comparator, fc.constantFrom(0x44, 0x46, 0x4c, 0x4e), fc.integer({ min: 20, max: 23 }), count, count).map(
      ([index, flags, route, value, period]): Step =>
        ({ board }) => {
          const timer = hpet + 0x100 + 0x20 * index;
          board.store(timer, flags | (route << 9));
          board.store(timer + 8, (board.load(hpet + 0xf0) + value) >>> 0);
          board.store(timer + 8, period);
        },
    ),
  ),
  named('hpet', store(fc.constantFrom(0, 1, 1, 1, 1, 1, 3).map(value => [hpet + 0x10, value] as const))),
  named('hpet status', store(fc.nat({ max: 7 }).map(value => [hpet + 0x20, value] as const))),
  named('hpet counter', store(count.map(value => [hpet + 0xf0, value] as const))),
  named(
    'hpet timer',
    store(
      fc
        .tuple(comparator, fc.nat({ max: 0x7f }), fc.integer({ min: 20, max: 23 }))
        .map(([index, flags, route]) => [hpet + 0x100 + 0x20 * index, flags | (route << 9)] as const),
    ),
  ),
  named(
    'hpet comparator',
    fc.tuple(comparator, count, fc.boolean()).map(
      ([index, value, ahead]): Step =>
        ({ board }) => {
          const from = ahead ? board.load(hpet + 0xf0) : 0;
          board.store(hpet + 0x108 + 0x20 * index, (from + value) >>> 0);
        },
    ),
  ),
);

const pit = fc.oneof(
  named(
    'pit program',
    fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 7 }), fc.constantFrom(0, 0, 0, 1), fc.nat({ max: 0xffff })).map(
      ([channel, m, bcd, value]): Step =>
        ({ board }) => {
          board.out(0x43, (channel << 6) | 0x30 | (m << 1) | bcd);
          board.out(0x40 + channel, value & 0xff);
          board.out(0x40 + channel, value >> 8);
        },
    ),
  ),
  named(
    'pit',
    fc.tuple(fc.integer({ min: 0x40, max: 0x43 }), byte).map(
      ([port, value]): Step =>
        ({ board }) => {
          board.out(port, value);
        },
    ),
  ),
  named(
    'pit gate',
    byte.map(
      (value): Step =>
        ({ board }) => {
          board.out(0x61, value);
        },
    ),
  ),
);

const cmos = (index: number, value: fc.Arbitrary<number>): fc.Arbitrary<Program> =>
  named(
    `rtc ${index.toString(16)}`,
    value.map(
      (given): Step =>
        ({ board }) => {
          board.out(0x70, index);
          board.out(0x71, given);
        },
    ),
  );
const rtc = fc.oneof(
  cmos(
    0x0a,
    fc.nat({ max: 15 }).map(rate => 0x20 | rate),
  ),
  cmos(0x0b, byte),
  cmos(1, fc.constantFrom(0, 5, 0xff)),
  cmos(3, fc.constantFrom(0, 0xff)),
  cmos(5, fc.constantFrom(0, 0xff)),
  cmos(0, fc.nat({ max: 0x59 })),
  named(
    'rtc flags',
    fc.constant<Step>(({ board }) => {
      board.out(0x70, 0x0c);
      return board.in(0x71);
    }),
  ),
);

const others = fc.oneof(
  named(
    'acpi',
    fc.tuple(fc.constantFrom(0x600, 0x602), fc.constantFrom(0, 1, 0x101)).map(
      ([port, value]): Step =>
        ({ board }) => {
          board.out(port, value, 2);
        },
    ),
  ),
  named(
    'uart',
    fc.tuple(fc.constantFrom(0, 1, 2, 3, 4), byte).map(
      ([register, value]): Step =>
        ({ board }) => {
          board.out(0x3f8 + register, value);
        },
    ),
  ),
  named(
    'type',
    fc.string({ maxLength: 5 }).map(
      (text): Step =>
        ({ stream }) =>
          stream.type(text),
    ),
  ),
);

/** Timers run and interrupts arrive, so that what comes next has something to do with them. */
export const boot: Step = ({ board }) => {
  for (const from of [0, 1]) board.store(apic + 0xf0, 0x1ff, from);
  for (const [pin, v] of [2, 4, 8, 9, 20, 21, 22, 23].entries()) {
    board.store(ioapic, 0x10 + 2 * v);
    board.store(ioapic + 0x10, 0x30 + 8 * pin);
  }
  for (const [port, values] of [
    [0x20, [0x11, 0x20, 4, 1, 0]],
    [0xa0, [0x11, 0x28, 2, 1, 0]],
  ] as const) {
    values.forEach((value, index) => {
      board.out(port + Math.min(1, index), value);
    });
  }
  board.store(hpet + 0x10, 1);
  board.out(0x602, 1, 2);
};

/** Everything that a guest can read of the time, flags and interrupts. */
export const look: Step = ({ board }) => {
  const cells = Array.from({ length: 14 }, (_, index) => {
    board.out(0x70, index);
    return board.in(0x71);
  });
  const pages = [0, 1].map(from => Array.from({ length: 64 }, (_, index) => board.load(apic + 16 * index, from)));
  const timers = Array.from({ length: 0x60 }, (_, index) => board.load(hpet + 8 * index));
  const counts = [0x40, 0x41, 0x42, 0x61, 0x3fa, 0x3fd, 0x600].map(port => board.in(port));
  const deadlines = [0, 1].map(from => board.rdmsr(0x6e0, from));
  return { cells, pages, timers, counts, count: board.in(0x608, 4), deadlines };
};

/** Each device takes back what it has saved. */
const restore: Step = ({ board, devices }) => {
  board.board.wires.quietly(() => {
    for (const device of Object.values<Device>(devices)) device.restore(device.save());
  });
};

/** INIT takes back what came before it, so how many of them come counts: no wire may lead to one. */
const isTame = (action: Poke): boolean => !('page' in action && action.page === ioapic) && action.kind !== 'wait';

/** Accesses that a guest's timers are made of, with those of a guest that knows nothing. */
export const programs = (any: fc.Arbitrary<Poke>): fc.Arbitrary<Program> =>
  fc.oneof(
    { weight: 6, arbitrary: localApic },
    { weight: 2, arbitrary: interrupts },
    { weight: 3, arbitrary: hpetTimers },
    { weight: 3, arbitrary: pit },
    { weight: 3, arbitrary: rtc },
    { weight: 2, arbitrary: others },
    { weight: 2, arbitrary: fc.constant({ name: 'look', step: look }) },
    { weight: 1, arbitrary: fc.constant({ name: 'restore', step: restore }) },
    {
      weight: 1,
      arbitrary: any
        .filter(isTame)
        .map(action => ({ name: JSON.stringify(action, bigAsText), step: (full: Full) => poke(full, action) })),
    },
  );

const bigAsText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
