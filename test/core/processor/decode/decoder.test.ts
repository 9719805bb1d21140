import test from 'ava';
import { Decoded } from '../../../../core/processor/decode/decoded.ts';
import { allDecodeFeatures, decode, decodeFeatures } from '../../../../core/processor/decode/decoder.ts';
import { opcodeMap } from '../../../../core/processor/isa/opcode-map.ts';
import { gprOffset, Segment, state } from '../../../../core/processor/state/layout.ts';
import { CodeSize, modeOf } from '../../../../core/processor/state/mode.ts';
import type { Bits } from './recording.ts';
import { decodeBytes, fromHex, sourceOf } from './support.ts';

const none = state.zero.offset;

const reads = test.macro({
  exec(t, bits: Bits, bytes: string, text: string) {
    const { length, text: ours } = decodeBytes(bytes, bits);
    t.is(ours, text);
    t.is(length, fromHex(bytes).length);
  },
  title: (_, bits, bytes, text) => `${bits}: ${bytes} is ${text}`,
});

test(reads, 64, '48 01 d8', 'add rax,rbx');
test(reads, 64, '66 40 01 d8', 'add ax,bx');
test('REX counts only right before the opcode', reads, 64, '48 66 01 d8', 'add ax,bx');
test(reads, 64, '88 e0', 'mov al,ah');
test(reads, 64, '40 88 e0', 'mov al,spl');
test(reads, 64, '44 88 e0', 'mov al,r12b');
test(reads, 32, '88 e0', 'mov al,ah');
test(reads, 64, '90', 'nop');
test(reads, 64, '41 90', 'xchg r8d,eax');
test(reads, 64, '48 90', 'nop');
test('seen on hardware: F3 with REX.B exchanges', reads, 64, 'f3 49 90', 'xchg r8,rax');
test(reads, 64, 'f3 90', 'pause');
test('the last of F2 and F3 counts', reads, 64, 'f2 f3 0f bc c1', 'tzcnt eax,ecx');
test('F2 or F3 beats 66', reads, 64, '66 f3 0f b8 c1', 'popcnt ax,cx');
test('seen on hardware: F2 does not matter to BSF', reads, 64, 'f2 48 0f bc c1', 'bsf rax,rcx');
test(
  'FS stays when CS, DS, ES or SS follow (seen on hardware)',
  reads,
  64,
  '64 36 8b 00',
  'mov eax,DWORD PTR fs:[rax]',
);
test('the last override counts outside 64-bit mode', reads, 32, '64 36 8b 00', 'mov eax,DWORD PTR ss:[eax]');
test('66 does not shorten near branches, as on Intel', reads, 64, '66 e9 00 00 00 00', 'jmp 0x6');
test(reads, 32, '66 e9 00 00', 'jmp 0x4');
test(reads, 16, '66 e9 00 00 00 00', 'jmp 0x6');
test(reads, 32, 'c4 00', 'les eax,FWORD PTR [eax]');
test(reads, 64, '63 c3', 'movsxd eax,ebx');
test(reads, 32, '63 c3', 'arpl bx,ax');
test(reads, 64, '0f 20 00', 'mov rax,cr0');
test(reads, 64, 'c8 34 12 05', 'enter 0x1234,0x5');
test(reads, 32, '9a 78 56 34 12 cd ab', 'call 0xabcd:0x12345678');
test(reads, 64, '0f c7 08', 'cmpxchg8b QWORD PTR [rax]');
test(reads, 64, 'f2 0f c2 c1 06', 'cmpnlesd xmm0,xmm1');
test(reads, 64, '0f c2 c1 08', 'cmpps xmm0,xmm1,0x8');
test(reads, 64, '48 0f c7 08', 'cmpxchg16b XMMWORD PTR [rax]');

const faults = test.macro({
  exec(t, bits: Bits, bytes: string, fault: 6 | 13 = 6) {
    const { length, decoded } = decodeBytes(bytes, bits);
    t.is(length, -1);
    t.is(decoded.fault, fault);
    t.is(decoded.form, undefined);
  },
  title: (why, bits, bytes) => `${bits}: ${bytes} faults${why ? `: ${why}` : ''}`,
});

test('LOCK with a register', faults, 64, 'f0 01 d8');
test('LOCK with a memory source', faults, 64, 'f0 03 00');
test('LOCK where it never fits', faults, 64, 'f0 39 00');
test('VEX.vvvv that is no operand', faults, 64, 'c5 c0 77 00 00 00 00 00 00 00 00 00 00 00 00');
test('VEX.vvvv that is no operand, in legacy modes', faults, 32, 'c5 c0 77 00 00 00 00 00 00 00 00 00 00 00 00');
test('a gather whose index is its mask', faults, 64, 'c4 e2 69 90 04 90 00 00 00 00 00 00 00 00 00');
test('a gather without an index', faults, 64, 'c4 e2 69 90 00 00 00 00 00 00 00 00 00 00 00');
test('EVEX', faults, 64, '62 f1 7c 48 58 c0 00 00 00 00 00 00 00 00 00');
test('EVEX in legacy modes', faults, 32, '62 f1 7c 48 58 c0 00 00 00 00 00 00 00 00 00');
test('XOP', faults, 64, '8f e8 78 c0 c0 00 00 00 00 00 00 00 00 00 00');
test('not in 64-bit mode', faults, 64, '60 00');
test('MOV to CS', faults, 64, '8e c8');
test('a segment register that does not exist', faults, 64, '8e f0');
test('CR1', faults, 64, '0f 20 c8');
test('DR8', faults, 64, '44 0f 21 c0');
test('16 bytes', faults, 64, `${'66 '.repeat(14)}01 d8`, 13);
test('prefixes without end', faults, 64, '66 '.repeat(15).trim(), 13);

test('15 bytes are the most', t => {
  t.is(decodeBytes(`${'66 '.repeat(13)}01 d8`).length, 15);
});

test('asks for more bytes where they end early', t => {
  for (const whole of [
    '48 01 d8',
    '48 8b 84 c8 78 56 34 12',
    '48 b8 01 02 03 04 05 06 07 08',
    'c8 34 12 05',
    '66 f3 0f b8 c1',
  ]) {
    const bytes = fromHex(whole);
    for (let length = 0; length < bytes.length; length++) t.is(decodeBytes(bytes.subarray(0, length)).length, 0, whole);
    t.is(decodeBytes(bytes).length, bytes.length);
  }
});

test('fills in addresses', t => {
  const { decoded } = decodeBytes('64 4a 8b 84 e9 f0 ff ff ff');
  t.is(decoded.base, gprOffset(1));
  t.is(decoded.index, gprOffset(13));
  t.is(decoded.scale, 3);
  t.is(decoded.displacementLow, -16);
  t.is(decoded.displacementHigh, -1);
  t.is(decoded.segment, Segment.fs);
  t.is(decoded.addressWidth, 64);
  t.false(decoded.ripRelative);
});

test('knows where the stack segment is meant', t => {
  const segment = (bytes: string, bits: Bits): number => decodeBytes(bytes, bits).decoded.segment;
  t.is(segment('8b 45 00', 32), Segment.ss);
  t.is(segment('8b 04 24', 32), Segment.ss);
  t.is(segment('8b 04 2d 00 00 00 00', 32), Segment.ds);
  t.is(segment('8b 46 00', 16), Segment.ss);
  t.is(segment('8b 06 00 00', 16), Segment.ds);
  t.is(segment('8b 02', 16), Segment.ss);
  t.is(segment('3e 8b 45 00', 32), Segment.ds);
});

test('absolute, RIP-relative and 16-bit addresses', t => {
  const absolute = decodeBytes('8b 04 25 00 00 00 80').decoded;
  t.deepEqual([absolute.base, absolute.index, absolute.displacementHigh], [none, none, -1]);
  const relative = decodeBytes('8b 05 10 00 00 00').decoded;
  t.deepEqual([relative.base, relative.ripRelative, relative.displacementLow], [none, true, 16]);
  const legacy = decodeBytes('8b 05 10 00 00 00', 32).decoded;
  t.deepEqual([legacy.base, legacy.ripRelative, legacy.displacementLow], [none, false, 16]);
  const narrow = decodeBytes('8b 40 fe', 16).decoded;
  t.deepEqual([narrow.base, narrow.index, narrow.displacementLow], [gprOffset(3), gprOffset(6), -2]);
});

test('extends immediates to their operand', t => {
  const immediate = (bytes: string): number[] => {
    const { decoded } = decodeBytes(bytes);
    return [decoded.immediateLow, decoded.immediateHigh];
  };
  t.deepEqual(immediate('48 83 c0 ff'), [-1, -1]);
  t.deepEqual(immediate('83 c0 ff'), [-1, 0]);
  t.deepEqual(immediate('66 83 c0 ff'), [0xffff, 0]);
  t.deepEqual(immediate('04 ff'), [0xff, 0]);
  t.deepEqual(immediate('48 05 00 00 00 80'), [-0x8000_0000, -1]);
  t.deepEqual(immediate('05 00 00 00 80'), [-0x8000_0000, 0]);
  t.deepEqual(immediate('48 b8 01 00 00 00 00 00 00 80'), [1, -0x8000_0000]);
  t.deepEqual(immediate('eb fe'), [-2, -1]);
});

test('forms do not tell encodings apart', t => {
  const form = (bytes: string, bits: Bits = 64): string | undefined => decodeBytes(bytes, bits).decoded.form?.key;
  t.is(form('04 05'), 'add r8,imm8');
  t.is(form('80 c3 05'), 'add r8,imm8');
  t.is(form('04 05', 16), 'add r8,imm8');
  t.is(form('83 c0 05'), form('81 c0 05 00 00 00'));
  t.is(form('03 05 00 00 00 00'), 'add r32,m32');
  t.not(form('50', 64), form('50', 32));
  t.not(form('a4', 64), form('f3 a4', 64));
  t.is(form('f2 a4', 64), form('f3 a4', 64));
  t.not(form('f2 a6', 64), form('f3 a6', 64));
});

test('a feature that is off is no instruction, or the older one', t => {
  const without = (name: string): Uint8Array => decodeFeatures(opcodeMap().featureNames.filter(each => each !== name));
  t.is(decodeBytes('f3 0f b8 c1', 64, { features: without('popcnt') }).length, -1);
  t.is(decodeBytes('f3 0f bd c1', 64, { features: without('lzcnt') }).text, 'bsr eax,ecx');
  t.is(decodeBytes('f3 0f bc c1', 64, { features: without('bmi1') }).text, 'bsf eax,ecx');
});

test('0F 0D with a register: NOP on Intel, #UD on AMD (seen on both)', t => {
  const of = (vendor: string) => decodeFeatures([vendor]);
  t.is(decodeBytes('0f 0d c8', 64, { features: of('intel') }).text, 'nop eax,ecx');
  t.is(decodeBytes('0f 0d c8', 64, { features: of('amd') }).length, -1);
  t.is(decodeBytes('0f 0d 08', 64, { features: of('amd') }).length, 3);
});

test('real mode lacks what needs descriptors', t => {
  const real = modeOf(CodeSize.bits16, false, true, false);
  t.is(decodeBytes('0f 00 d8', 16, { mode: real }).length, -1);
  t.is(decodeBytes('0f 00 d8', 16).length, 3);
});

test('any bytes in any mode give a length up to 15, a fault, or a wish for more', t => {
  let seed = 4711;
  const next = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) | 0) >>> 16;
  const decoded = new Decoded();
  const noFeatures = new Uint8Array(allDecodeFeatures.length);
  const bytes = new Uint8Array(16);
  for (let n = 0; n < 60_000; n++) {
    for (let at = 0; at < 16; at++) bytes[at] = next();
    if (n & 1) bytes[0] = 0x0f;
    const size = 1 + (next() % 15);
    const mode = next() % 32;
    if ((mode & 3) === 3) continue;
    const source = sourceOf(bytes.subarray(0, size));
    const length = decode(source, mode, n & 2 ? allDecodeFeatures : noFeatures, decoded);
    if (length > 0) {
      t.true(length <= size && decoded.form !== undefined);
      if (decode(sourceOf(bytes.subarray(0, length - 1)), mode, allDecodeFeatures, decoded) > 0)
        t.fail('a prefix of an instruction is one');
    } else if (length < 0) t.true(decoded.fault === 6 || decoded.fault === 13);
    else t.true(size < 15);
  }
});
