/** State: every component goes in and comes out, before and after running. */
import type { TestFn } from 'ava';
import * as fc from 'fast-check';
import { type CpuState, differences, stateComponents } from '../../../core/index.ts';
import { at, type Guest } from '../guest.ts';

const word64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const canonical = fc.bigInt({ min: -(2n ** 47n), max: 2n ** 47n - 1n }).map(value => BigInt.asUintN(64, value));
const word32 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });
const memoryTypes = fc
  .array(fc.constantFrom(0n, 1n, 4n, 5n, 6n, 7n), { minLength: 8, maxLength: 8 })
  .map(types => types.reduce<bigint>((sum, type) => (sum << 8n) | type, 0n));
/** Status flags, and AC and ID. */
const flags = word32.map(value => (value & 0x24_08d5n) | 2n);
const data = fc
  .record({
    selector: fc.constantFrom(0x10, 0x20, 0x2b),
    limit: fc.constantFrom(0xffff_ffff, 0xfff, 0xf_ffff),
    base: word32,
  })
  .map(({ selector, limit, base }) => ({
    selector,
    attributes: limit > 0xf_ffff ? 0xc93 : 0x493,
    limit,
    base,
  }));

/** An FXSAVE image of a processor that has not yet met a pending exception. */
const fpu = fc
  .record({ bytes: fc.uint8Array({ minLength: 512, maxLength: 512 }), mxcsr: fc.nat(0xffc0) })
  .map(({ bytes, mxcsr }) => {
    const image = bytes.slice();
    const view = new DataView(image.buffer);
    view.setUint16(0, (view.getUint16(0, true) & 0x0f00) | 0x37f, true);
    view.setUint16(2, view.getUint16(2, true) & 0x7f00, true);
    image[5] = 0;
    view.setUint16(6, view.getUint16(6, true) & 0x7ff, true);
    view.setUint32(24, mxcsr & 0xffc0, true);
    view.setUint32(28, 0xffff, true);
    for (let n = 0; n < 8; n++) image.fill(0, 32 + 16 * n + 10, 48 + 16 * n);
    image.fill(0, 416);
    return image;
  });

/** What a 64-bit guest at CPL 0 may hold, on top of `base`. */
const states = (base: CpuState): fc.Arbitrary<CpuState> =>
  fc.record({
    general: fc.record({
      registers: fc.array(word64, { minLength: 16, maxLength: 16 }),
      rip: fc.constant(BigInt(at.code)),
      rflags: flags,
    }),
    segments: fc.record({
      ...(Object.fromEntries(Object.entries(base.segments).map(([name, value]) => [name, fc.constant(value)])) as {
        [K in keyof CpuState['segments']]: fc.Arbitrary<CpuState['segments'][K]>;
      }),
      ds: data,
      es: data,
      fs: fc.tuple(data, canonical).map(([segment, address]) => ({ ...segment, base: address })),
      gs: fc.tuple(data, canonical).map(([segment, address]) => ({ ...segment, base: address })),
      gdtr: fc.record({ limit: fc.nat(0xffff), base: canonical }),
      idtr: fc.record({ limit: fc.nat(0xffff), base: canonical }),
    }),
    controls: fc.record({
      ...(Object.fromEntries(Object.entries(base.controls).map(([name, value]) => [name, fc.constant(value)])) as {
        [K in keyof CpuState['controls']]: fc.Arbitrary<bigint>;
      }),
      cr2: word64,
      cr8: fc.bigInt({ min: 0n, max: 15n }),
    }),
    debug: fc.record({
      dr0: canonical,
      dr1: canonical,
      dr2: canonical,
      dr3: canonical,
      dr6: fc.constantFrom(0xffff_0ff0n, 0xffff_4ff1n),
      dr7: fc.constantFrom(0x400n, 0xffff_0700n),
    }),
    msrs: fc.record({
      efer: fc.constant(base.msrs.efer),
      star: word64,
      lstar: canonical,
      cstar: canonical,
      sfmask: word32,
      kernelGsBase: canonical,
      sysenterCs: word32,
      sysenterEsp: canonical,
      sysenterEip: canonical,
      pat: memoryTypes,
      tsc: fc.bigInt({ min: 0n, max: 2n ** 63n }),
    }),
    interrupts: fc.record({ shadow: fc.boolean(), nmiBlocked: fc.boolean(), halted: fc.constant(false) }),
    fpu,
    vector: fc.uint8Array({ minLength: 256, maxLength: 256 }),
  });

export function state(test: TestFn, guest: Guest): void {
  const { name } = guest;

  test(`${name}: what is set is what is got`, t => {
    const base = guest.reset().long('nop').state;
    fc.assert(
      fc.property(states(base), given => {
        guest.processor.setState(given);
        t.deepEqual(differences(guest.state, given), []);
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  test(`${name}: what is set runs, and comes back but for what the instruction did`, t => {
    const base = guest.reset().long('nop\n nop').state;
    fc.assert(
      fc.property(states(base), given => {
        guest.processor.setState(given);
        t.deepEqual(guest.run(1), { reason: 'limit' });
        const after = guest.state;
        const expected: CpuState = {
          ...given,
          general: { ...given.general, rip: given.general.rip + 1n },
          msrs: { ...given.msrs, tsc: given.msrs.tsc + 1n },
          interrupts: { ...given.interrupts, shadow: false },
        };
        t.deepEqual(differences(after, expected), []);
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  test(`${name}: components are set alone, and the others stay`, t => {
    guest.reset().long('nop\n nop\n nop', { rbx: 77 });
    guest.run(1);
    const before = guest.state;
    guest.processor.setState({ controls: { ...before.controls, cr2: 0x1234n } });
    t.deepEqual(differences(guest.state, before), ['controls.cr2']);
    guest.processor.setState({ debug: { ...before.debug, dr1: 0x55n } });
    guest.run(1);
    t.deepEqual(differences(guest.state, before).sort(), ['controls.cr2', 'debug.dr1', 'general.rip', 'msrs.tsc']);
    t.deepEqual(Object.keys(guest.processor.getState('fpu', 'debug')).sort(), ['debug', 'fpu']);
  });

  test(`${name}: a component that is got alone is what it has become`, t => {
    const source = `mov cr2, rax
      mov dr1, rbx
      mov dr6, rdi
      mov cr8, rsi
      fld1
      movq xmm0, rax
      mov ecx, 0xc0000081
      wrmsr
      mov ecx, 0xc0000102
      wrmsr
      mov ecx, 0x175
      wrmsr
      mov ss, ebp`;
    const registers = { rax: 0x1234, rbx: 0x4567, rdi: 0xffff_0ff1n, rsi: 5, rdx: 0x7, rbp: 0x10 };
    for (const component of stateComponents) {
      guest.reset().long(`${source}\n nop`, registers);
      t.deepEqual(guest.run(13), { reason: 'limit' });
      const alone = guest.processor.getState(component);
      t.deepEqual(alone[component], guest.state[component], component);
      const { controls, debug, msrs, interrupts } = guest.state;
      t.is(controls.cr2, 0x1234n);
      t.is(controls.cr8, 5n);
      t.is(debug.dr1, 0x4567n);
      t.is(msrs.star, 0x7_0000_1234n);
      t.is(msrs.kernelGsBase, 0x7_0000_1234n);
      t.true(interrupts.shadow);
    }
  });

  test(`${name}: real and protected mode come back as they were`, t => {
    for (const mode of ['real', 'protected'] as const) {
      const given = guest.reset()[mode]('nop', { rax: 5 }).state;
      t.is(guest.run(1).reason, 'limit');
      t.deepEqual(differences(guest.state, given).sort(), ['general.rip', 'msrs.tsc'], mode);
    }
  });

  test(`${name}: the FPU is the guest's`, t => {
    guest.reset().long('fninit\n fldpi\n movaps xmm3, [0x20000]\n hlt');
    guest.put(at.data, 1, 2, 3, 4);
    t.is(guest.run().reason, 'halt');
    const { fpu: image } = guest.state;
    const view = new DataView(image.buffer, image.byteOffset);
    t.is(view.getUint16(0, true), 0x37f);
    t.is(view.getBigUint64(32, true), 0xc90f_daa2_2168_c235n);
    t.is(view.getUint16(40, true), 0x4000);
    t.is(image[4], 0x80);
    t.deepEqual(
      [0, 4, 8, 12].map(n => view.getUint32(160 + 48 + n, true)),
      [1, 2, 3, 4],
    );
  });

  test(`${name}: a state taken from one processor puts another where the first one was`, t => {
    guest.reset().long('mov ecx, 1000\n again: add rax, rcx\n imul rax, rax, 3\n loop again\n hlt', { rax: 1 });
    t.is(guest.run(1111).reason, 'limit');
    const taken = guest.state;
    t.is(guest.run().reason, 'halt');
    const end = guest.register('rax');
    guest.processor.init();
    guest.processor.setState(taken);
    t.deepEqual(differences(guest.state, taken), []);
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), end);
  });
}
