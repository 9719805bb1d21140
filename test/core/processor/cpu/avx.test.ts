/** What AVX asks of the operating system, and its state in XSAVE areas (SDM vol. 1, sections 13.4 to 13.12 and 14.2 to 14.3; vol. 2, section 2.4). */
import test from 'ava';
import { amd } from '../../../../core/processor/cpu/models.ts';
import { state as layout, xmmOffset, ymmHighOffset } from '../../../../core/processor/state/layout.ts';
import { Cr0, Cr4 } from '../../../../core/processor/state/registers.ts';
import { Computer, place } from '../../../support/computer.ts';

const model = amd({ also: ['avx', 'avx2', 'fma', 'f16c', 'bmi1', 'bmi2', 'xsaveopt', 'xsavec', 'xgetbv1'] });
const { data } = place;
const vectors = [6, 7, 13];

/** In 64-bit mode, with handlers that leave the vector in RSI. */
function computer(): Computer {
  const m = new Computer(model).long();
  for (const vector of vectors) {
    const handler = place.handlers + vector * 16;
    m.gate(vector, handler);
    m.load(64, `mov esi, ${vector}\n hlt`, handler);
  }
  return m;
}

/** The exception that a program ends with; 0 for none. */
function run(m: Computer, source: string): number {
  m.load(64, `${source}\n hlt`);
  m.cpu.state.setRip(place.code, 0);
  m.cpu.halted = false;
  m.cpu.state.setGpr(6, 64, 0, 0);
  m.run();
  return Number(m.register('rsi'));
}

const enable = (m: Computer, xcr0 = 7): void => {
  m.cpu.state.cr4 |= Cr4.osxsave;
  m.cpu.state.set64(layout.xcr0.offset, xcr0, 0);
  m.cpu.derive();
};

const add = 'vaddps ymm0, ymm1, ymm2';

test('AVX wants CR4.OSXSAVE and XCR0 with SSE and AVX, before it looks at CR0.TS', t => {
  const m = computer();
  t.is(run(m, add), 6, 'nothing enabled');
  enable(m, 3);
  t.is(run(m, add), 6, 'XCR0 without AVX');
  enable(m);
  t.is(run(m, add), 0);
  m.cpu.state.cr0 |= Cr0.ts;
  m.cpu.derive();
  t.is(run(m, add), 7, 'CR0.TS');
  enable(m, 3);
  t.is(run(m, add), 6, 'both');
});

test('CR0.EM and CR4.OSFXSR matter to SSE alone', t => {
  const m = computer();
  enable(m);
  m.cpu.state.cr0 |= Cr0.em;
  m.cpu.state.cr4 &= ~Cr4.osfxsr;
  m.cpu.derive();
  t.is(run(m, 'addps xmm0, xmm1'), 6);
  t.is(run(m, add), 0);
});

test('BMI asks for nothing', t => {
  const m = computer();
  m.cpu.state.cr0 |= Cr0.ts;
  m.cpu.derive();
  t.is(run(m, 'mov eax, 0xff\n mov ecx, 0xf0\n andn edx, ecx, eax'), 0);
  t.is(m.register('rdx'), 0xfn);
});

test('XCR0: x87 always, AVX not without SSE, nothing that does not exist', t => {
  const m = computer();
  m.cpu.state.cr4 |= Cr4.osxsave;
  m.cpu.derive();
  for (const [value, vector] of [
    [7, 0],
    [3, 0],
    [1, 0],
    [0, 13],
    [2, 13],
    [5, 13],
    [15, 13],
  ] as const)
    t.is(run(m, `mov eax, ${value}\n xor ecx, ecx\n xor edx, edx\n xsetbv`), vector, String(value));
});

test('XSETBV itself makes AVX available, and unavailable', t => {
  const m = computer();
  m.cpu.state.cr4 |= Cr4.osxsave;
  m.cpu.derive();
  const set = (value: number) => `mov eax, ${value}\n xor ecx, ecx\n xor edx, edx\n xsetbv\n`;
  t.is(run(m, set(7) + add), 0);
  t.is(run(m, set(3) + add), 6);
});

const fill = (m: Computer): void => {
  for (let n = 0; n < 16; n++)
    for (let byte = 0; byte < 16; byte++) {
      m.cpu.state.set8(xmmOffset(n) + byte, n + 1);
      m.cpu.state.set8(ymmHighOffset(n) + byte, 0x80 + n);
    }
};
const upper = (m: Computer, n: number): number => m.cpu.state.get8(ymmHighOffset(n) + 15);
const lower = (m: Computer, n: number): number => m.cpu.state.get8(xmmOffset(n) + 15);
const byteAt = (m: Computer, at: number): number => m.view.getUint8(data + at);
const mask = (value: number) => `mov eax, ${value}\n xor edx, edx\n`;

test('XSAVE puts upper halves behind the header, XRSTOR brings them back', t => {
  const m = computer();
  enable(m);
  fill(m);
  t.is(run(m, `${mask(7)} xsave64 [${data}]\n vzeroall`), 0);
  t.is(m.get64(data + 512), 7n);
  for (let n = 0; n < 16; n++) {
    t.is(byteAt(m, 576 + n * 16), 0x80 + n);
    t.is(byteAt(m, 160 + n * 16), n + 1);
    t.is(upper(m, n), 0);
  }
  t.is(run(m, `${mask(4)} xrstor64 [${data}]`), 0);
  t.deepEqual([upper(m, 3), lower(m, 3)], [0x83, 0], 'what is not asked for stays');
  t.is(run(m, `${mask(7)} xrstor64 [${data}]`), 0);
  t.deepEqual([upper(m, 15), lower(m, 15)], [0x8f, 16]);
});

test('XRSTOR of a component that the area does not have makes it zero', t => {
  const m = computer();
  enable(m);
  fill(m);
  run(m, `${mask(7)} xsave64 [${data}]`);
  m.put64(data + 512, 3);
  t.is(run(m, `${mask(7)} xrstor64 [${data}]`), 0);
  t.deepEqual([upper(m, 5), lower(m, 5)], [0, 6]);
  // MXCSR goes with AVX in the standard format, so reserved bits of it are refused.
  m.view.setUint32(data + 24, 0x10000, true);
  t.is(run(m, `${mask(4)} xrstor64 [${data}]`), 13);
});

test('XSAVE touches no more of memory than what is asked for', t => {
  const m = computer();
  enable(m);
  fill(m);
  t.is(run(m, `${mask(3)} xsave64 [${data}]`), 0);
  t.is(byteAt(m, 576), 0);
  t.is(m.get64(data + 512), 3n);
});

test('XSAVEC has a compacted header, and leaves out what is initial', t => {
  const m = computer();
  enable(m);
  fill(m);
  t.is(run(m, `${mask(7)} xsavec64 [${data}]`), 0);
  t.is(m.get64(data + 520), (1n << 63n) | 7n);
  t.is(Number(m.get64(data + 512)) & 6, 6);
  t.is(byteAt(m, 576 + 16), 0x81);
  t.is(run(m, `vzeroall\n ${mask(7)} xrstor64 [${data}]`), 0);
  t.deepEqual([upper(m, 9), lower(m, 9)], [0x89, 10]);
  t.is(run(m, `vzeroupper\n ${mask(7)} xsavec64 [${data}]`), 0);
  t.is(Number(m.get64(data + 512)) & 6, 2);
  t.is(byteAt(m, 576 + 16), 0x81, 'not written');
  // Bits of XCOMP_BV that XCR0 does not have.
  m.put64(data + 520, 15, 0x8000_0000 | 0);
  t.is(run(m, `${mask(7)} xrstor64 [${data}]`), 13);
});

test('CPUID tells the size of the area as XCR0 has it, and where AVX lies', t => {
  const m = computer();
  const ask = (subleaf: number) => {
    t.is(run(m, `mov eax, 0xd\n mov ecx, ${subleaf}\n cpuid`), 0);
    return (['rax', 'rbx', 'rcx'] as const).map(name => Number(m.register(name)));
  };
  enable(m, 3);
  t.deepEqual(ask(0), [7, 576, 832]);
  enable(m);
  t.deepEqual(ask(0), [7, 832, 832]);
  t.deepEqual(ask(2), [256, 576, 0]);
  t.deepEqual(ask(1).slice(0, 2), [7, 832]);
});

test('the upper half stays under SSE, and goes under VEX', t => {
  const m = computer();
  enable(m);
  fill(m);
  run(m, 'paddb xmm0, xmm1\n vpaddb xmm2, xmm2, xmm1\n vmovd xmm3, eax\n movd xmm4, eax');
  t.deepEqual(
    [0, 2, 3, 4].map(n => upper(m, n)),
    [0x80, 0, 0, 0x84],
  );
});

test('XGETBV tells which components are in use', t => {
  const m = computer();
  enable(m);
  const inUse = (source: string) => {
    t.is(run(m, `${source}\n mov ecx, 1\n xgetbv`), 0);
    return Number(m.register('rax')) & 6;
  };
  t.is(inUse('vzeroall'), 0);
  t.is(inUse('vpcmpeqd xmm1, xmm1, xmm1'), 2);
  t.is(inUse('vpcmpeqd ymm1, ymm1, ymm1'), 6);
  t.is(inUse('vzeroupper'), 2);
  t.is(run(m, 'mov ecx, 2\n xgetbv'), 13);
});
