/** MSRs from outside: what RDMSR and WRMSR at CPL 0 would do, of the processor's registers and of the board's. */

import { MachineError } from '#core';
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest } from '../guest.ts';
import { random } from '../random.ts';

const timestampCounter = 0x10;
const kernelGsBase = 0xc000_0102;

const span = (first: number, count: number): number[] => Array.from({ length: count }, (_, n) => first + n);
const next = random(77);
/** Where processors have registers, and anywhere. */
const indices = [
  ...span(0, 0x30),
  ...span(0x80, 0x10),
  ...span(0x100, 0x10),
  ...span(0x170, 0x10),
  ...span(0x198, 0x10),
  ...span(0x1d8, 8),
  ...span(0x200, 0x10),
  ...span(0x250, 0x10),
  ...span(0x26c, 0x10),
  ...span(0x2f8, 8),
  ...span(0x340, 8),
  ...span(0x400, 8),
  ...span(0x480, 0x14),
  ...span(0x800, 0x10),
  ...span(0xda0, 2),
  ...span(0x4000_0000, 4),
  ...span(0xc000_0080, 0x10),
  ...span(0xc000_0100, 0x10),
  ...span(0xc001_0000, 0x20),
  ...span(0xc001_0050, 8),
  ...span(0xc001_0110, 8),
  ...span(0xc001_1018, 0x18),
  ...span(0xffff_fff8, 8),
  ...Array.from({ length: 30 }, () => next()),
];

const values = [
  0n,
  1n,
  0x500n,
  0x1234_5678n,
  0x7_0406_0007_0406n,
  0x7_0406_0007_0206n,
  0x8000_0000_0000n,
  0xffff_8000_0000_1000n,
  0x1_0000_0000n,
  0xffff_ffff_ffff_ffffn,
];

/** The board has every fifth register. */
const onBoard = (index: number): bigint | undefined => (index % 5 === 0 ? BigInt(index) * 0x1_0000_0001n : undefined);

export function msrs(test: AddCase, guest: Guest): void {
  const { processor } = guest;

  const enter = (code: string, index: number, value = 0n): boolean => {
    guest.load(64, `${code}\n hlt`);
    guest.set({ rip: at.code, rcx: index, rax: value & 0xffff_ffffn, rdx: value >> 32n, rsp: at.stack });
    processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
    guest.log = [];
    guest.run(20);
    return guest.vector !== 13;
  };
  /** By the guest: undefined after #GP. */
  const rdmsr = (index: number): bigint | undefined =>
    enter('rdmsr', index) ? (guest.register('rdx') << 32n) | guest.register('rax') : undefined;
  const wrmsr = (index: number, value: bigint): boolean => enter('wrmsr', index, value);
  const long = (): void => {
    guest.reset().long();
    guest.msr = onBoard;
    const { msrs, segments } = guest.state;
    processor.setState({
      msrs: { ...msrs, star: 0x23_0008_0000_0000n, lstar: 0xffff_8000_0000_1234n, kernelGsBase: 0x7777n },
      segments: { ...segments, fs: { ...segments.fs, base: 0x1_2345_6789n } },
    });
  };

  test('getMsr reads what RDMSR does, of hundreds of registers', t => {
    long();
    let faults = 0;
    for (const index of indices) {
      if (index === timestampCounter) continue;
      const expected = rdmsr(index);
      const log = [...guest.log];
      guest.log = [];
      const before = processor.getState('general', 'segments', 'controls', 'interrupts');
      t.is(processor.getMsr(index), expected, index.toString(16));
      t.deepEqual(guest.log, log, index.toString(16));
      t.deepEqual(processor.getState('general', 'segments', 'controls', 'interrupts'), before);
      if (expected === undefined) faults++;
    }
    t.true(faults > 100 && faults < indices.length - 50, `${faults} of ${indices.length}`);
  });

  test('setMsr does what WRMSR does, and refuses what it does', t => {
    long();
    const written = indices.filter((index, n) => index !== timestampCounter && (index >= 0xc000_0080 || n % 4 === 0));
    const outcomes = new Set<boolean>();
    for (const index of [...new Set([0x174, 0x175, 0x176, 0x277, 0x1a0, 0x8b, ...written])]) {
      const before = processor.getMsr(index);
      const again = (): void => {
        if (before !== undefined) processor.setMsr(index, before);
      };
      for (const value of values) {
        // A VMCS has 32 bits of SYSENTER_CS.
        if (index === 0x174 && value >= 1n << 32n) continue;
        const what = `${index.toString(16)} = ${value.toString(16)}`;
        const accepted = wrmsr(index, value);
        const log = [...guest.log];
        const expected = processor.getMsr(index);
        again();
        guest.log = [];
        t.is(processor.setMsr(index, value), accepted, what);
        t.deepEqual(guest.log, log, what);
        t.is(processor.getMsr(index), expected, what);
        again();
        outcomes.add(accepted);
      }
    }
    t.is(outcomes.size, 2);
  });

  test('what setMsr has set the guest finds, in the state and when it runs', t => {
    long();
    t.true(processor.setMsr(kernelGsBase, 0xffff_ffff_8000_0000n));
    t.is(processor.getState('msrs').msrs.kernelGsBase, 0xffff_ffff_8000_0000n);
    t.true(processor.setMsr(0xc000_0100, 0x5_0000n));
    t.is(processor.getState('segments').segments.fs.base, 0x5_0000n);
    guest.put(0x5_0010, 0x99);
    t.true(enter('mov ebx, fs:[0x10]\n rdmsr', kernelGsBase));
    t.deepEqual([guest.register('rbx'), guest.register('rdx')], [0x99n, 0xffff_ffffn]);
  });

  test('the time-stamp counter is read and set, and the board hears of it', t => {
    long();
    const heard: number[] = [];
    guest.timestampChanged = index => heard.push(index);
    t.true(processor.setMsr(timestampCounter, 0x1234_0000_0000n));
    t.deepEqual(heard, [0]);
    const now = processor.getMsr(timestampCounter)!;
    t.true(now >= 0x1234_0000_0000n && now < 0x1234_1000_0000n);
    const later = rdmsr(timestampCounter)!;
    t.true(later >= now && later < 0x1234_1000_0000n);
    t.deepEqual(guest.log, []);
  });

  test('getMsr and setMsr refuse what is no register or no value', t => {
    const badCall = { instanceOf: MachineError, code: 'bad-call' };
    for (const index of [-1, 2 ** 32, 1.5, Number.NaN]) {
      t.throws(() => processor.getMsr(index), badCall);
      t.throws(() => processor.setMsr(index, 0n), badCall);
    }
    for (const value of [-1n, 1n << 64n]) t.throws(() => processor.setMsr(kernelGsBase, value), badCall);
    t.throws(() => processor.setMsr(kernelGsBase, 5 as never), badCall);
  });
}
