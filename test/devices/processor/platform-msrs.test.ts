import test from 'ava';
import { PlatformMsrs } from '#devices';
import { TestBoard } from '../support.ts';

/** As libnvmm's driver answers them (NetBSD, nvmm_x86_svm.c and nvmm_x86_vmx.c). */
test('reads give what every processor of the brand says, writes are forgotten, others fault', t => {
  const board = new TestBoard();
  board.add('msrs', PlatformMsrs, {});
  const values = [
    [0x17, 0n],
    [0x8b, 0n],
    [0x1a0, 0x1801n],
    [0xc001_0010, 0n],
    [0xc001_0015, 0x100_0000n],
    [0xc001_001f, 0x40_0000_0000_0000n],
    [0xc001_0055, 0n],
    [0xc001_1021, 0n],
    [0xc001_1029, 0n],
  ] as const;
  for (const [index, value] of values) {
    t.true(board.wrmsr(index, 0x55n));
    t.is(board.rdmsr(index), value, index.toString(16));
  }
  t.is(board.rdmsr(0x19), undefined);
  t.false(board.wrmsr(0xc001_0030, 0n));
});
