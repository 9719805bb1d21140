import test from 'ava';
import { data, executes } from '../../../../support/execute.ts';

// Expectations are the operation sections of SDM vol. 2, worked by hand.
test(
  'carries out of the top',
  executes,
  '01 d8',
  'add eax,ebx',
  { eax: 0xffff_ffff, ebx: 1 },
  { eax: 0, cf: 1, zf: 1, of: 0, pf: 1, af: 1, sf: 0 },
);
test(
  'overflows into the sign',
  executes,
  '00 c8',
  'add al,cl',
  { al: 0x7f, cl: 1 },
  { al: 0x80, cf: 0, of: 1, sf: 1, zf: 0, af: 1 },
);
test(
  '32-bit results clear the upper half',
  executes,
  '83 c0 ff',
  'add eax,0xffffffff',
  { rax: 0x1_0000_0001n },
  { rax: 0, zf: 1, cf: 1 },
);
test(
  '16-bit results do not',
  executes,
  '66 83 c0 ff',
  'add ax,0xffff',
  { rax: 0x1_0001_0001n },
  { rax: 0x1_0001_0000n, zf: 1 },
);
test('the high byte is its own register', executes, '00 e0', 'add al,ah', { rax: 0x0203 }, { rax: 0x0205, cf: 0 });
test('with REX it is SPL', executes, '40 00 e0', 'add al,spl', { rax: 1 }, { rax: 1, zf: 0 });
test(
  'counts the carry that came in',
  executes,
  '11 d8',
  'adc eax,ebx',
  { eax: 0xffff_fffe, ebx: 1, cf: 1 },
  { eax: 0, cf: 1, zf: 1, of: 0 },
);
test(
  'a carry of its own',
  executes,
  '11 d8',
  'adc eax,ebx',
  { eax: 0xffff_ffff, ebx: 0xffff_ffff, cf: 1 },
  { eax: 0xffff_ffff, cf: 1, zf: 0, sf: 1 },
);
test(
  'borrows',
  executes,
  '19 d8',
  'sbb eax,ebx',
  { eax: 0, ebx: 0, cf: 1 },
  { eax: 0xffff_ffff, cf: 1, sf: 1, af: 1, of: 0 },
);
test('compares without writing', executes, '39 d8', 'cmp eax,ebx', { eax: 5, ebx: 5 }, { zf: 1, cf: 0 });
test(
  'memory operand',
  executes,
  '83 2f 02',
  'sub DWORD PTR [rdi],0x2',
  { rdi: data, memory: { [data]: '01 00 00 00' } },
  { memory: { [data]: 'ff ff ff ff' }, cf: 1, sf: 1 },
);
test(
  'a page that is not there',
  executes,
  '83 2f 02',
  'sub DWORD PTR [rdi],0x2',
  { rdi: 0x5000_0000, cf: 1 },
  { fault: 14, cf: 1 },
);
test(
  'INC leaves CF',
  executes,
  'ff c0',
  'inc eax',
  { eax: 0x7fff_ffff, cf: 1 },
  { eax: 0x8000_0000, cf: 1, of: 1, sf: 1, af: 1 },
);
test(
  'DEC leaves CF',
  executes,
  '48 ff c8',
  'dec rax',
  { rax: 0 },
  { rax: 0xffff_ffff_ffff_ffffn, cf: 0, of: 0, sf: 1, af: 1 },
);
test('NEG of zero', executes, 'f7 d8', 'neg eax', { eax: 0, cf: 1 }, { eax: 0, cf: 0, zf: 1 });
test('NEG of the smallest', executes, 'f6 d8', 'neg al', { al: 0x80 }, { al: 0x80, cf: 1, of: 1 });
test(
  'logic clears CF and OF',
  executes,
  '31 c0',
  'xor eax,eax',
  { rax: -1n, cf: 1, of: 1 },
  { rax: 0, cf: 0, of: 0, zf: 1, pf: 1, sf: 0 },
);
test('NOT leaves flags', executes, '48 f7 d0', 'not rax', { rax: 0, cf: 1, zf: 1 }, { rax: -1n, cf: 1, zf: 1 });

test(
  'MUL fills two registers',
  executes,
  '48 f7 e3',
  'mul rbx',
  { rax: -1n, rbx: -1n },
  { rax: 1, rdx: 0xffff_ffff_ffff_fffen, cf: 1, of: 1 },
);
test(
  'MUL of bytes fills AX',
  executes,
  'f6 e3',
  'mul bl',
  { eax: 0xaaaa_0010, ebx: 0x10 },
  { eax: 0xaaaa_0100, cf: 1, of: 1 },
);
test('IMUL that fits', executes, '0f af c3', 'imul eax,ebx', { eax: -3, ebx: 7 }, { eax: -21, cf: 0, of: 0 });
test(
  'IMUL that does not',
  executes,
  '6b c3 7f',
  'imul eax,ebx,0x7f',
  { ebx: 0x4000_0000 },
  { eax: 0xc000_0000, cf: 1, of: 1 },
);

test('DIV', executes, 'f7 f3', 'div ebx', { eax: 7, edx: 1, ebx: 0x10 }, { eax: 0x1000_0000, edx: 7 });
test('DIV by zero', executes, 'f7 f3', 'div ebx', { eax: 7, edx: 0, ebx: 0 }, { fault: 0 });
test('DIV that overflows', executes, 'f7 f3', 'div ebx', { eax: 0, edx: 1, ebx: 1 }, { fault: 0 });
test(
  'DIV of 128 bits',
  executes,
  '48 f7 f3',
  'div rbx',
  { rax: 0, rdx: 1, rbx: 16 },
  { rax: 0x1000_0000_0000_0000n, rdx: 0 },
);
test('DIV of 128 bits that overflows', executes, '48 f7 f3', 'div rbx', { rax: 0, rdx: 16, rbx: 16 }, { fault: 0 });
test('IDIV truncates towards zero', executes, 'f7 fb', 'idiv ebx', { eax: -7, edx: -1, ebx: 2 }, { eax: -3, edx: -1 });
test(
  'IDIV of the smallest by -1',
  executes,
  '48 f7 fb',
  'idiv rbx',
  { rax: 1n << 63n, rdx: -1n, rbx: -1n },
  { fault: 0 },
);
test('IDIV of bytes: remainder in AH', executes, 'f6 fb', 'idiv bl', { ax: 0xfff9, bl: 2 }, { ax: 0xfffd });
test(
  'IDIV of 128 bits',
  executes,
  '48 f7 fb',
  'idiv rbx',
  { rax: 0, rdx: -1n, rbx: 16 },
  { rax: -(1n << 60n), rdx: 0 },
);

test('AAA', executes, '37', 'aaa', { mode: 32, eax: 0x000a }, { eax: 0x0100, cf: 1, af: 1 });
test('DAA', executes, '27', 'daa', { mode: 32, eax: 0xae, cf: 0, af: 0 }, { eax: 0x14, cf: 1, af: 1 });
test('DAS', executes, '2f', 'das', { mode: 32, eax: 0xee, cf: 0, af: 0 }, { eax: 0x88, cf: 1, af: 1 });
test('AAM', executes, 'd4 0a', 'aam 0xa', { mode: 32, eax: 79 }, { eax: 0x0709 });
test('AAM by zero', executes, 'd4 00', 'aam 0x0', { mode: 32, eax: 79 }, { fault: 0 });
test('AAD', executes, 'd5 0a', 'aad 0xa', { mode: 32, eax: 0x0709 }, { eax: 79 });
