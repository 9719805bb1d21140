import test from 'ava';
import { data, executes } from '../../../../support/execute.ts';

const source = data;
const target = data + 0x100;
const text = '61 62 63 64';

test(
  'MOVS forwards',
  executes,
  'a4',
  'movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]',
  { rsi: source, rdi: target, memory: { [source]: text } },
  { rsi: source + 1, rdi: target + 1, memory: { [target]: '61' } },
);
test(
  'MOVS backwards',
  executes,
  'a5',
  'movs DWORD PTR es:[rdi],DWORD PTR ds:[rsi]',
  { rsi: source, rdi: target, df: 1, memory: { [source]: text } },
  { rsi: source - 4, rdi: target - 4, memory: { [target]: text } },
);
test(
  'REP MOVS',
  executes,
  'f3 a4',
  'rep movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]',
  { rsi: source, rdi: target, rcx: 4, memory: { [source]: text } },
  { rsi: source + 4, rdi: target + 4, rcx: 0, memory: { [target]: text } },
);
test(
  'overlapping REP MOVS repeats',
  executes,
  'f3 a4',
  'rep movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]',
  { rsi: source, rdi: source + 1, rcx: 3, memory: { [source]: text } },
  { rsi: source + 3, rdi: source + 4, rcx: 0, memory: { [source]: '61 61 61 61' } },
);
test(
  'REP with nothing to do',
  executes,
  'f3 a4',
  'rep movs BYTE PTR es:[rdi],BYTE PTR ds:[rsi]',
  { rsi: 1, rdi: 2, rcx: 0 },
  {},
);
test(
  'REP STOS faults in its middle',
  executes,
  'f3 aa',
  'rep stos BYTE PTR es:[rdi],al',
  { al: 0x11, rdi: data + 0x1ffe, rcx: 4 },
  { fault: 14, rdi: data + 0x2000, rcx: 2, memory: { [data + 0x1ffe]: '11 11' } },
);
test(
  'LODS',
  executes,
  '48 ad',
  'lods rax,QWORD PTR ds:[rsi]',
  { rsi: source, memory: { [source]: text } },
  { rax: 0x6463_6261, rsi: source + 8 },
);
test(
  'REPNE SCAS finds',
  executes,
  'f2 ae',
  'repnz scas al,BYTE PTR es:[rdi]',
  { al: 0x63, rdi: source, rcx: 10, memory: { [source]: text } },
  { rdi: source + 3, rcx: 7, zf: 1 },
);
test(
  'REPE CMPS differs',
  executes,
  'f3 a6',
  'repz cmps BYTE PTR ds:[rsi],BYTE PTR es:[rdi]',
  { rsi: source, rdi: target, rcx: 4, memory: { [source]: text, [target]: '61 62 7f 64' } },
  { rsi: source + 3, rdi: target + 3, rcx: 1, zf: 0, cf: 1 },
);
test(
  '32-bit addresses',
  executes,
  '67 aa',
  'stos BYTE PTR es:[edi],al',
  { al: 5, rdi: 0x1_0000_0000n + BigInt(data) },
  { rdi: data + 1, memory: { [data]: '05' } },
);
