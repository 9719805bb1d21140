import test from 'ava';
import { data, executes } from '../../../../support/execute.ts';

const middle = data + 0x1000;
test('BT of a register is modulo its width', executes, '0f a3 d8', 'bt eax,ebx', { eax: 2, ebx: 33 }, { cf: 1 });
test(
  'bit strings reach backwards',
  executes,
  '0f ab 1f',
  'bts DWORD PTR [rdi],ebx',
  { rdi: middle, ebx: -1, memory: { [middle - 4]: '00 00 00 40' } },
  { cf: 0, memory: { [middle - 4]: '00 00 00 c0' } },
);
test(
  'bit strings reach forwards',
  executes,
  '48 0f b3 1f',
  'btr QWORD PTR [rdi],rbx',
  { rdi: data, rbx: 129, memory: { [data + 16]: '03' } },
  { cf: 1, memory: { [data + 16]: '01' } },
);
test(
  'immediate bit offsets do not',
  executes,
  '0f ba 3f 21',
  'btc DWORD PTR [rdi],0x21',
  { rdi: data },
  { cf: 0, memory: { [data]: '02' } },
);
test('BSF', executes, '0f bc c3', 'bsf eax,ebx', { ebx: 0x50 }, { eax: 4, zf: 0 });
test('BSF of zero leaves all 64 bits', executes, '0f bc c3', 'bsf eax,ebx', { rax: -1n, ebx: 0 }, { rax: -1n, zf: 1 });
test('BSR', executes, '48 0f bd c3', 'bsr rax,rbx', { rbx: 1n << 40n }, { rax: 40, zf: 0 });
test('LZCNT of zero', executes, 'f3 0f bd c3', 'lzcnt eax,ebx', { ebx: 0 }, { eax: 32, cf: 1, zf: 0 });
test('TZCNT', executes, 'f3 0f bc c3', 'tzcnt eax,ebx', { ebx: 1 }, { eax: 0, cf: 0, zf: 1 });
test(
  'POPCNT',
  executes,
  'f3 48 0f b8 c3',
  'popcnt rax,rbx',
  { rbx: -1n, cf: 1, of: 1 },
  { rax: 64, cf: 0, of: 0, zf: 0, sf: 0, pf: 0, af: 0 },
);
