import test from 'ava';
import { data, executes } from '../../../../support/execute.ts';

test('MOV', executes, '48 c7 c0 ff ff ff ff', 'mov rax,0xffffffffffffffff', {}, { rax: -1n });
test(
  'MOV of 64 bits',
  executes,
  '48 b8 88 77 66 55 44 33 22 11',
  'mov rax,0x1122334455667788',
  {},
  { rax: 0x1122_3344_5566_7788n },
);
test('MOVSX', executes, '48 0f be c3', 'movsx rax,bl', { ebx: 0x80 }, { rax: -128 });
test('MOVSXD', executes, '48 63 c3', 'movsxd rax,ebx', { ebx: 0x8000_0000 }, { rax: -0x8000_0000 });
test('MOVZX of AH', executes, '0f b6 c4', 'movzx eax,ah', { rax: 0xffff_ffff_1234_5678n }, { rax: 0x56 });
test(
  'LEA is no access',
  executes,
  '48 8d 44 8b 10',
  'lea rax,[rbx+rcx*4+0x10]',
  { rbx: 0x1000, rcx: 2 },
  { rax: 0x1018 },
);
test(
  'LEA of 32-bit addresses wraps',
  executes,
  '67 48 8d 04 1b',
  'lea rax,[ebx+ebx*1]',
  { rbx: 0x1_8000_0001n },
  { rax: 2 },
);
test('BSWAP', executes, '48 0f c8', 'bswap rax', { rax: 0x0102_0304_0506_0708n }, { rax: 0x0807_0605_0403_0201n });
test(
  'MOVBE',
  executes,
  '0f 38 f0 07',
  'movbe eax,DWORD PTR [rdi]',
  { rdi: data, memory: { [data]: '11 22 33 44' } },
  { eax: 0x1122_3344 },
);
test('XCHG with itself', executes, '87 c0', 'xchg eax,eax', { rax: 0x1_0000_0002n }, { rax: 2 });
test('NOP does nothing at all', executes, '90', 'nop', { rax: 0x1_0000_0002n }, {});
test('XADD', executes, '0f c1 d8', 'xadd eax,ebx', { eax: 1, ebx: 2 }, { eax: 3, ebx: 1, zf: 0 });
test('XADD of one register', executes, '0f c1 c0', 'xadd eax,eax', { eax: 21 }, { eax: 42 });
test(
  'CMPXCHG that succeeds',
  executes,
  '0f b1 1f',
  'cmpxchg DWORD PTR [rdi],ebx',
  { rdi: data, rax: 0x9_0000_0001n, ebx: 2, memory: { [data]: '01' } },
  { zf: 1, memory: { [data]: '02' } },
);
test(
  'CMPXCHG that fails',
  executes,
  '0f b1 1f',
  'cmpxchg DWORD PTR [rdi],ebx',
  { rdi: data, rax: 0x9_0000_0003n, ebx: 2, memory: { [data]: '01' } },
  { zf: 0, rax: 1 },
);
test(
  'CMPXCHG8B',
  executes,
  '0f c7 0f',
  'cmpxchg8b QWORD PTR [rdi]',
  { rdi: data, eax: 1, edx: 2, ebx: 3, ecx: 4, memory: { [data]: '01 00 00 00 02' } },
  { zf: 1, memory: { [data]: '03 00 00 00 04' } },
);
test(
  'CMPXCHG16B wants alignment',
  executes,
  '48 0f c7 0f',
  'cmpxchg16b XMMWORD PTR [rdi]',
  { rdi: data + 8 },
  { fault: 13 },
);
test('CDQE', executes, '48 98', 'cdqe', { rax: 0x8000_0000 }, { rax: -0x8000_0000 });
test('CWD', executes, '66 99', 'cwd', { eax: 0x8000, rdx: 0x1_0000_0000n }, { rdx: 0x1_0000_ffffn });
test(
  'CMOV that does not move clears the upper half',
  executes,
  '0f 44 c3',
  'cmove eax,ebx',
  { rax: 0x1_0000_0007n, ebx: 9, zf: 0 },
  { rax: 7 },
);
test('SETcc', executes, '0f 9c c4', 'setl ah', { sf: 1, of: 0 }, { ah: 1 });
test('LAHF', executes, '9f', 'lahf', { cf: 1, zf: 1, sf: 1 }, { ah: 0xc3 });
test(
  'SAHF leaves OF',
  executes,
  '9e',
  'sahf',
  { ah: 0x15, of: 1, zf: 1 },
  { cf: 1, pf: 1, af: 1, zf: 0, sf: 0, of: 1 },
);
test(
  'XLAT',
  executes,
  'd7',
  'xlat BYTE PTR ds:[rbx]',
  { rbx: data, al: 3, memory: { [data + 3]: '77' } },
  { al: 0x77 },
);
