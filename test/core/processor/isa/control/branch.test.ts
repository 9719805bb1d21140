import test from 'ava';
import { data, executes, stack } from '../../../../support/execute.ts';

test('JMP', executes, 'eb 10', 'jmp 0x10000012', {}, { rip: 0x12 });
test('Jcc taken', executes, '74 70', 'je 0x10000072', { zf: 1 }, { rip: 0x72 });
test('Jcc not taken', executes, '74 70', 'je 0x10000072', { zf: 0 }, {});
test('JLE looks at three flags', executes, '7e 70', 'jle 0x10000072', { zf: 0, sf: 1, of: 0 }, { rip: 0x72 });
test(
  'CALL',
  executes,
  'e8 10 00 00 00',
  'call 0x10000015',
  {},
  { rip: 0x15, rsp: stack - 8, memory: { [stack - 8]: '05 00 00 10' } },
);
test(
  'CALL through the stack pointer',
  executes,
  'ff 14 24',
  'call QWORD PTR [rsp]',
  { memory: { [stack]: '40 00 00 10' } },
  { rip: 0x40, rsp: stack - 8, memory: { [stack - 8]: '03 00 00 10' } },
);
test('RET', executes, 'c2 10 00', 'ret 0x10', { memory: { [stack]: '40 00 00 10' } }, { rip: 0x40, rsp: stack + 24 });
test('LOOP', executes, 'e2 70', 'loop 0x10000072', { rcx: 2 }, { rcx: 1, rip: 0x72 });
test('LOOP ends', executes, 'e2 70', 'loop 0x10000072', { rcx: 1 }, { rcx: 0 });
test(
  'LOOP from zero wraps',
  executes,
  '67 e2 70',
  'loop 0x10000073',
  { rcx: 0x1_0000_0000n },
  { rcx: 0xffff_ffff, rip: 0x73 },
);
test('LOOPNE', executes, 'e0 70', 'loopne 0x10000072', { rcx: 2, zf: 1 }, { rcx: 1 });
test('JECXZ', executes, '67 e3 70', 'jecxz 0x10000073', { rcx: 1n << 32n }, { rip: 0x73 });
test('INT3 is a trap', executes, 'cc', 'int3', {}, { fault: 3, rip: 1 });
test('UD2', executes, '0f 0b', 'ud2', {}, { fault: 6 });
test(
  'BOUND within',
  executes,
  '62 07',
  'bound eax,QWORD PTR [edi]',
  { mode: 32, edi: data, eax: 5, memory: { [data]: '01 00 00 00 05' } },
  {},
);
test(
  'BOUND beyond',
  executes,
  '62 07',
  'bound eax,QWORD PTR [edi]',
  { mode: 32, edi: data, eax: 6, memory: { [data]: '01 00 00 00 05' } },
  { fault: 5 },
);
test('INTO', executes, 'ce', 'into', { mode: 32, of: 1 }, { fault: 4, rip: 1 });
test('HLT is privileged', executes, 'f4', 'hlt', {}, { fault: 13 });
