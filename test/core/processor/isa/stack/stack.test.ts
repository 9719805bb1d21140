import test from 'ava';
import { data, executes, stack } from '../../../../support/execute.ts';

test('PUSH', executes, '50', 'push rax', { rax: 0x1122 }, { rsp: stack - 8, memory: { [stack - 8]: '22 11' } });
test(
  'PUSH rSP pushes it as it was',
  executes,
  '54',
  'push rsp',
  {},
  { rsp: stack - 8, memory: { [stack - 8]: '00 08 00 30' } },
);
test(
  'PUSH of 16 bits',
  executes,
  '66 50',
  'push ax',
  { rax: 0x11_2233 },
  { rsp: stack - 2, memory: { [stack - 2]: '33 22' } },
);
test(
  'PUSH imm8 is sign-extended',
  executes,
  '6a ff',
  'push 0xffffffffffffffff',
  {},
  { rsp: stack - 8, memory: { [stack - 8]: 'ff ff ff ff ff ff ff ff' } },
);
test('POP rSP', executes, '5c', 'pop rsp', { memory: { [stack]: '34 12' } }, { rsp: 0x1234 });
test(
  'POP to an address based on rSP',
  executes,
  '8f 04 24',
  'pop QWORD PTR [rsp]',
  { memory: { [stack]: '34 12' } },
  { rsp: stack + 8, memory: { [stack + 8]: '34 12' } },
);
test('POP that cannot write', executes, '8f 00', 'pop QWORD PTR [rax]', { rax: 0x5000_0000 }, { fault: 14 });
test('PUSH that cannot write', executes, '50', 'push rax', { rsp: data }, { fault: 14 });
test('a stack that is not canonical', executes, '50', 'push rax', { rsp: 1n << 60n }, { fault: 12 });
test(
  'PUSHA',
  executes,
  '60',
  'pushad',
  { mode: 32, eax: 1, ecx: 2, edx: 3, ebx: 4, ebp: 5, esi: 6, edi: 7 },
  {
    esp: stack - 32,
    memory: {
      [stack - 32]: '07 00 00 00 06 00 00 00 05 00 00 00 00 08 00 30 04 00 00 00 03 00 00 00 02 00 00 00 01',
    },
  },
);
test(
  'POPA skips ESP',
  executes,
  '61',
  'popad',
  {
    mode: 32,
    memory: { [stack]: '07 00 00 00 06 00 00 00 05 00 00 00 ff ff ff ff 04 00 00 00 03 00 00 00 02 00 00 00 01' },
  },
  { esp: stack + 32, eax: 1, ecx: 2, edx: 3, ebx: 4, ebp: 5, esi: 6, edi: 7 },
);
test('PUSHF', executes, '9c', 'pushfq', { cf: 1, zf: 1, df: 1 }, { rsp: stack - 8, memory: { [stack - 8]: '43 06' } });
test(
  'POPF of arithmetic flags',
  executes,
  '9d',
  'popfq',
  { memory: { [stack]: 'd5 0e' } },
  { rsp: stack + 8, cf: 1, pf: 1, af: 1, zf: 1, sf: 1, df: 1, of: 1 },
);
test(
  'ENTER',
  executes,
  'c8 20 00 00',
  'enter 0x20,0x0',
  { rbp: 7 },
  { rsp: stack - 40, rbp: stack - 8, memory: { [stack - 8]: '07' } },
);
test(
  'LEAVE',
  executes,
  'c9',
  'leave',
  { rbp: stack + 16, memory: { [stack + 16]: '09' } },
  { rsp: stack + 24, rbp: 9 },
);
