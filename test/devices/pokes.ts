import fc from 'fast-check';
import type { fullBoard } from './all-devices.ts';
import type { TestBoard } from './support.ts';

export type Full = ReturnType<typeof fullBoard>;

/** The ports, addresses and MSRs that somebody on the board answers, with a few that nobody does. */
export const pokes = (board: TestBoard) => {
  const ports = board.board.ports.owners.flatMap(({ base, length }) =>
    Array.from({ length }, (_, index) => base + index),
  );
  const size = fc.constantFrom(1, 2, 4) as fc.Arbitrary<1 | 2 | 4>;
  const value = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.nat({ max: 0xffff_ffff }));
  const port = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...ports) },
    { weight: 1, arbitrary: fc.nat({ max: 0xffff }) },
  );
  const page = fc.constantFrom(0xfee0_0000, 0xfec0_0000, 0xfed0_0000);
  const offset = fc.oneof(
    fc.nat({ max: 0x2f }).map(index => index * 8),
    fc.nat({ max: 0x3f }).map(index => index * 16),
    fc.nat({ max: 0xfff }),
  );
  const processor = fc.nat({ max: 2 });
  const msr = fc.oneof(fc.integer({ min: 0x800, max: 0x83f }), fc.constantFrom(0x1b, 0x6e0, 0x10));
  const base = fc.constantFrom(0xfee0_0900n, 0xfee0_0d00n, 0xfee0_0c00n, 0xfee0_0100n);
  return fc.oneof(
    fc.record({ kind: fc.constant('out' as const), port, size, value }),
    fc.record({ kind: fc.constant('in' as const), port, size }),
    fc.record({ kind: fc.constant('store' as const), page, offset, size, value, processor }),
    fc.record({ kind: fc.constant('load' as const), page, offset, size, processor }),
    fc.record({
      kind: fc.constant('wrmsr' as const),
      msr,
      value: fc.oneof(base, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), value.map(BigInt)),
      processor,
    }),
    fc.record({ kind: fc.constant('rdmsr' as const), msr, processor }),
    fc.record({ kind: fc.constant('wait' as const), time: fc.nat({ max: 100_000 }) }),
    fc.record({ kind: fc.constant('take' as const), processor: fc.nat({ max: 1 }) }),
    fc.record({ kind: fc.constant('type' as const), text: fc.string({ maxLength: 20 }) }),
  );
};

export type Poke = ReturnType<typeof pokes> extends fc.Arbitrary<infer P> ? P : never;

const view = new DataView(new ArrayBuffer(8));

/** Answers what a guest would see. */
export function poke({ board, stream }: Full, action: Poke): unknown {
  const { ports, mmio, msrs } = board.board;
  switch (action.kind) {
    case 'out':
      return ports.write(action.port, action.size, action.value);
    case 'in':
      return ports.read(action.port, action.size);
    case 'store':
      view.setUint32(0, action.value);
      return mmio.write(action.page + action.offset, action.size, view, action.processor);
    case 'load':
      view.setBigUint64(0, 0n);
      mmio.read(action.page + action.offset, action.size, view, action.processor);
      return view.getBigUint64(0, true);
    case 'wrmsr':
      return msrs.write(action.processor, action.msr, action.value);
    case 'rdmsr':
      return msrs.read(action.processor, action.msr);
    case 'wait':
      return board.advance(action.time);
    case 'take':
      return board.take(action.processor);
    case 'type':
      return stream.type(action.text);
  }
}
