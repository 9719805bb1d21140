import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import test from 'ava';
import { type Case, mnemonicsOf } from './case.ts';
import { readCases, readRecording, recordings } from './cases.ts';
import { compare } from './compare.ts';
import { ByteReader, ByteWriter, readCase, writeCase } from './encoding.ts';
import { cleanFx, codeBase, flagBits, initialFx } from './machine.ts';

const all: Case[] = recordings.flatMap(({ path }) => [...readCases(path)]);
const counts = new Map<string, number>();
for (const { mnemonics } of all) for (const name of mnemonics) counts.set(name, (counts.get(name) ?? 0) + 1);

const words = (text: string): string[] => text.trim().split(/\s+/);

const covers = test.macro({
  exec(t, text: string, least: number) {
    const missing = words(text).filter(name => (counts.get(name) ?? 0) < least);
    t.deepEqual(missing, []);
  },
  title: (name = '') => `covered: ${name}`,
});

const suffixed = (stems: string, suffixes: string): string =>
  words(stems)
    .flatMap(stem => words(suffixes).map(suffix => stem + suffix))
    .join(' ');

const conditions = 'o no b ae e ne be a s ns p np l ge le g';

test('there are at least 20,000 cases in less than 6 MB', t => {
  t.true(all.length >= 20_000);
  t.is(
    all.length,
    recordings.map(({ path }) => readRecording(path).count).reduce((sum, count) => sum + count),
  );
  t.true(recordings.map(({ path }) => statSync(path).size).reduce((sum, size) => sum + size) < 6e6);
});

test('cases differ from one another', t => {
  const keys = new Set(
    all.map(({ bytes, before, memory }) => {
      const hash = createHash('sha1')
        .update(bytes)
        .update(new Uint8Array(before.gpr.buffer))
        .update(before.fx)
        .update(`${before.rflags}`);
      for (const patch of memory) hash.update(patch.bytes).update(`${patch.address}`);
      return hash.digest('latin1');
    }),
  );
  t.true(keys.size > all.length * 0.97);
});

test(
  'moves and flags',
  covers,
  'mov movabs movzx movsx movsxd lea xchg xadd cmpxchg cmpxchg8b cmpxchg16b bswap movbe xlat lahf sahf clc stc cmc cld std',
  20,
);
test(
  'arithmetic',
  covers,
  'add or adc sbb and sub xor cmp inc dec neg not test mul imul div idiv cbw cwde cdqe cwd cdq cqo',
  20,
);
test('shifts and bits', covers, 'shl shr sar rol ror rcl rcr shld shrd bt bts btr btc bsf bsr popcnt lzcnt tzcnt', 40);
test('conditions', covers, suffixed('set cmov j', conditions), 20);
test('control', covers, 'jmp call ret loop loope loopne jrcxz jecxz jcxz ud2 int3', 10);
test('stack', covers, 'push pushw pop pushfq pushfw popfq popfw enter leave', 15);
test('strings', covers, suffixed('movs stos lods scas cmps', 'b w d q'), 30);
test(
  'x87 data',
  covers,
  'fld fst fstp fild fist fistp fisttp fbld fbstp fxch fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz',
  20,
);
test(
  'x87 arithmetic',
  covers,
  `${suffixed('f', 'add sub subr mul div divr addp subp subrp mulp divp divrp iadd isub isubr imul idiv idivr')} fsqrt frndint fscale fxtract fprem fprem1 fabs fchs`,
  10,
);
test(
  'x87 comparison',
  covers,
  'fcom fcomp fcompp fucom fucomp fucompp fcomi fcomip fucomi fucomip ficom ficomp fxam ftst',
  20,
);
test(
  'x87 control',
  covers,
  `ffree fincstp fdecstp fnstsw fnstcw fldcw fnclex fninit fwait fnstenv fldenv fnsave frstor fxsave fxrstor ${suffixed('fcmov', 'b e be u nb ne nbe nu')}`,
  10,
);
test('x87 transcendental', covers, 'f2xm1 fyl2x fyl2xp1 fptan fpatan fsin fcos fsincos', 20);
test(
  'MMX',
  covers,
  `${suffixed('padd psub', 'b w d q sb sw usb usw')} ${suffixed('pcmpeq pcmpgt', 'b w d')} ${suffixed('psll psrl', 'w d q')} psraw psrad
  packsswb packssdw packuswb punpcklbw punpcklwd punpckldq punpckhbw punpckhwd punpckhdq punpcklqdq punpckhqdq pmullw pmulhw pmulhuw pmuludq pmaddwd
  pavgb pavgw pmaxub pmaxsw pminub pminsw psadbw pand pandn por pxor pshufw pshufd pshufhw pshuflw pslldq psrldq pinsrw pextrw pmovmskb
  movd movq movq2dq movdq2q movntq maskmovq maskmovdqu emms`,
  10,
);
test(
  'SSE arithmetic',
  covers,
  `${suffixed('add sub mul div min max sqrt cmp', 'ps pd ss sd')} ${suffixed('and andn or xor unpckl unpckh shuf addsub hadd hsub', 'ps pd')}
  rcpps rcpss rsqrtps rsqrtss comiss comisd ucomiss ucomisd`,
  10,
);
test(
  'SSE conversions',
  covers,
  `cvtps2pd cvtpd2ps cvtss2sd cvtsd2ss cvtdq2ps cvtps2dq cvttps2dq cvtdq2pd cvtpd2dq cvttpd2dq cvtss2si cvttss2si cvtsd2si cvttsd2si
  cvtsi2ss cvtsi2sd cvtpi2ps cvtpi2pd cvtps2pi cvttps2pi cvtpd2pi cvttpd2pi`,
  10,
);
test(
  'SSE moves',
  covers,
  `movaps movapd movdqa movups movupd movdqu movss movsd movlps movhps movlpd movhpd movhlps movlhps movntps movntpd movntdq movnti
  movmskps movmskpd movddup movsldup movshdup lddqu ldmxcsr stmxcsr`,
  10,
);
test('32-bit mode', covers, 'aaa aas daa das aam aad bound into arpl pusha pushaw popa popaw les lds', 10);

test('faults of every kind that a user program meets', t => {
  const vectors = new Map<number, number>();
  for (const { fault } of all) if (fault) vectors.set(fault.vector, (vectors.get(fault.vector) ?? 0) + 1);
  // #DE #BP #OF #BR #UD #GP #PF #MF #XM
  for (const vector of [0, 3, 4, 5, 6, 13, 14, 16, 19])
    t.true((vectors.get(vector) ?? 0) >= 10, `vector ${vector}: ${vectors.get(vector)}`);
});

test('a run ends after its last byte, or inside it with a fault', t => {
  for (const { text, bytes, after, fault } of all) {
    const length = Number(after.rip) - codeBase;
    if (fault ? length < 0 || length > bytes.length : length !== bytes.length) t.fail(text);
  }
  t.pass();
});

/** The recorder against arithmetic done here: single ADD, SUB, XOR and IMUL between 64-bit registers. */
test('plain arithmetic came out as arithmetic does', t => {
  const operations: Record<string, (a: bigint, b: bigint) => bigint> = {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    xor: (a, b) => a ^ b,
    imul: (a, b) => a * b,
  };
  const names = 'rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');
  let checked = 0;
  for (const { text, before, after } of all) {
    const [, name, target, source] = /^(?:\{load\} )?(add|sub|xor|imul) (r\w+), (r\w+)$/.exec(text) ?? [];
    const [i, j] = [names.indexOf(target ?? ''), names.indexOf(source ?? '')];
    if (!name || i < 0 || j < 0) continue;
    const result = BigInt.asUintN(64, operations[name](before.gpr[i], before.gpr[j]));
    t.is(after.gpr[i], result, text);
    if (name !== 'imul') t.is((after.rflags & flagBits.zf) !== 0, result === 0n, text);
    checked++;
  }
  t.true(checked > 15, `${checked} checked`);
});

test('what is written is what is read', t => {
  for (const item of all.filter((_, i) => i % 97 === 0)) {
    const out = new ByteWriter();
    writeCase(out, item);
    const { vendor, ...stored } = item;
    t.deepEqual(readCase(new ByteReader(out.finish())), stored);
    t.truthy(vendor);
  }
});

test('a recorded outcome compares equal to itself, and any disturbance is seen', t => {
  const item = all.find(({ text }) => text.startsWith('add '))!;
  t.deepEqual(compare(item, item), []);
  const gpr = item.after.gpr.slice();
  gpr[3] ^= 1n << 40n;
  t.is(compare(item, { ...item, after: { ...item.after, gpr } }).length, 1);
  const rflags = item.after.rflags ^ flagBits.zf;
  t.is(compare(item, { ...item, after: { ...item.after, rflags } }).length, 1);
  const fx = item.after.fx.slice();
  fx[160] = fx[160] ^ 1;
  t.is(compare(item, { ...item, after: { ...item.after, fx } }).length, 1);
  t.is(
    compare(item, { ...item, memoryAfter: [...item.memoryAfter, { address: 0x2000_1ff0, bytes: Uint8Array.of(7) }] })
      .length,
    1,
  );
  t.is(compare(item, { ...item, fault: { vector: 14, error: 0, address: 0n } }).length, 1);
});

test('mnemonics are found behind labels and prefixes', t => {
  t.deepEqual(mnemonicsOf('1: inc ecx; addr32 loop 1b; lock add dword ptr [rax], 1; {load} mov eax, ecx; rep movsb'), [
    'inc',
    'loop',
    'add',
    'mov',
    'movsb',
  ]);
});

test('images are cleaned of what says nothing', t => {
  const image = new Uint8Array(512).fill(0xff);
  cleanFx(image);
  t.is(image[6], 0);
  t.is(image[31], 0);
  t.is(image[32 + 9], 0xff);
  t.is(image[32 + 10], 0);
  t.is(image[511], 0);
  t.is(initialFx()[0], 0x7f);
});
