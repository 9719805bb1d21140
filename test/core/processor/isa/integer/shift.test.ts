import test from 'ava';
import { executes } from '../../../../support/execute.ts';

test(
  'SHL by one: OF is the change of sign',
  executes,
  'd1 e0',
  'shl eax,1',
  { eax: 0x4000_0000 },
  { eax: 0x8000_0000, cf: 0, of: 1, sf: 1 },
);
test('SHL: CF is the last bit out', executes, 'c1 e0 04', 'shl eax,0x4', { eax: 0x1000_0001 }, { eax: 0x10, cf: 1 });
test(
  'a count of zero leaves all flags',
  executes,
  'c1 e0 20',
  'shl eax,0x20',
  { rax: 0x1_0000_0001n, cf: 1, zf: 1, of: 1 },
  { rax: 1, cf: 1, zf: 1, of: 1 },
);
test(
  'counts of 64-bit operands have six bits',
  executes,
  '48 d3 e0',
  'shl rax,cl',
  { rax: 1, cl: 0x7f },
  { rax: 1n << 63n, sf: 1 },
);
test('bytes shift by up to 31', executes, 'd2 e8', 'shr al,cl', { al: 0xff, cl: 9 }, { al: 0, cf: 0, zf: 1 });
test('SHR by one: OF is the old sign', executes, 'd0 e8', 'shr al,1', { al: 0x81 }, { al: 0x40, cf: 1, of: 1 });
test('SAR keeps the sign', executes, 'd2 f8', 'sar al,cl', { al: 0x80, cl: 31 }, { al: 0xff, cf: 1, sf: 1 });
test(
  'ROL by the width sets CF all the same',
  executes,
  'c0 c0 08',
  'rol al,0x8',
  { al: 0x01, cf: 0 },
  { al: 0x01, cf: 1 },
);
test('ROR', executes, 'd1 c8', 'ror eax,1', { eax: 1, zf: 1 }, { eax: 0x8000_0000, cf: 1, of: 1, zf: 1 });
test('RCL goes through CF', executes, 'd0 d0', 'rcl al,1', { al: 0x80, cf: 0 }, { al: 0, cf: 1, of: 1 });
test(
  'RCL of a byte by nine changes nothing',
  executes,
  'c0 d0 09',
  'rcl al,0x9',
  { al: 0x5a, cf: 1 },
  { al: 0x5a, cf: 1 },
);
test('RCR of 64 bits', executes, '48 c1 d8 02', 'rcr rax,0x2', { rax: 0b110, cf: 1 }, { rax: (1n << 62n) | 1n, cf: 1 });
test(
  'SHLD',
  executes,
  '0f a4 d8 08',
  'shld eax,ebx,0x8',
  { eax: 0x1234_5678, ebx: 0xaabb_ccdd },
  { eax: 0x3456_78aa, cf: 0 },
);
test(
  'SHRD',
  executes,
  '48 0f ac d8 04',
  'shrd rax,rbx,0x4',
  { rax: 0x18, rbx: 0xf },
  { rax: 0xf000_0000_0000_0001n, cf: 1, sf: 1 },
);
