/** State: every component goes in and comes out, before and after running. */

import { type CpuState, differences, type SegmentState, stateComponents, type TableState } from '#core';
import type { AddCase } from '../../checks/case.ts';
import { type Draws, draws } from '../draws.ts';
import { at, type Guest } from '../guest.ts';

/** What a 64-bit guest at CPL 0 may hold, on top of `base`. */
function draw(base: CpuState, { word64, word32, canonical, below, pick }: Draws): CpuState {
  const data = (): SegmentState => {
    const limit = pick([0xffff_ffff, 0xfff, 0xf_ffff]);
    return { selector: pick([0x10, 0x20, 0x2b]), attributes: limit > 0xf_ffff ? 0xc93 : 0x493, limit, base: word32() };
  };
  const table = (): TableState => ({ limit: below(0x1_0000), base: canonical() });
  return {
    general: {
      registers: Array.from({ length: 16 }, word64),
      rip: BigInt(at.code),
      // Status flags, and AC and ID.
      rflags: (word32() & 0x24_08d5n) | 2n,
    },
    segments: {
      ...base.segments,
      ds: data(),
      es: data(),
      fs: { ...data(), base: canonical() },
      gs: { ...data(), base: canonical() },
      gdtr: table(),
      idtr: table(),
    },
    controls: { ...base.controls, cr2: word64(), cr8: BigInt(below(16)) },
    debug: {
      dr0: canonical(),
      dr1: canonical(),
      dr2: canonical(),
      dr3: canonical(),
      dr6: pick([0xffff_0ff0n, 0xffff_4ff1n]),
      dr7: pick([0x400n, 0xffff_0700n]),
    },
    msrs: {
      efer: base.msrs.efer,
      star: word64(),
      lstar: canonical(),
      cstar: canonical(),
      sfmask: word32(),
      kernelGsBase: canonical(),
      sysenterCs: word32(),
      sysenterEsp: canonical(),
      sysenterEip: canonical(),
      pat: Array.from({ length: 8 }, () => pick([0n, 1n, 4n, 5n, 6n, 7n])).reduce((sum, type) => (sum << 8n) | type),
      tsc: word64() >> 1n,
    },
    interrupts: { shadow: below(2) === 1, nmiBlocked: below(2) === 1, halted: false },
    fpu: drawFpu(below),
    vector: Uint8Array.from({ length: 256 }, () => below(256)),
  };
}

/** An FXSAVE image of a processor that has not yet met a pending exception. */
function drawFpu(below: Draws['below']): Uint8Array {
  const image = Uint8Array.from({ length: 512 }, () => below(256));
  const view = new DataView(image.buffer);
  view.setUint16(0, (view.getUint16(0, true) & 0x0f00) | 0x37f, true);
  view.setUint16(2, view.getUint16(2, true) & 0x7f00, true);
  image[5] = 0;
  view.setUint16(6, view.getUint16(6, true) & 0x7ff, true);
  view.setUint32(24, below(0x1_0000) & 0xffc0, true);
  view.setUint32(28, 0xffff, true);
  for (let n = 0; n < 8; n++) image.fill(0, 32 + 16 * n + 10, 48 + 16 * n);
  image.fill(0, 416);
  return image;
}

export function state(test: AddCase, guest: Guest): void {
  test('what is set is what is got', t => {
    const base = guest.reset().long('nop').state;
    const source = draws(1);
    for (let n = 0; n < 40; n++) {
      const given = draw(base, source);
      guest.processor.setState(given);
      t.deepEqual(differences(guest.state, given), [], `state ${n}`);
    }
  });

  test('what is set runs, and comes back but for what the instruction did', t => {
    const base = guest.reset().long('nop\n nop').state;
    const source = draws(2);
    for (let n = 0; n < 60; n++) {
      const given = draw(base, source);
      guest.processor.setState(given);
      t.deepEqual(guest.run(1), { reason: 'limit' });
      const expected: CpuState = {
        ...given,
        general: { ...given.general, rip: given.general.rip + 1n },
        msrs: { ...given.msrs, tsc: given.msrs.tsc + 1n },
        interrupts: { ...given.interrupts, shadow: false },
      };
      t.deepEqual(differences(guest.state, expected), [], `state ${n}`);
    }
  });

  test('components are set alone, and the others stay', t => {
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

  test('a component that is got alone is what it has become', t => {
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

  test('real and protected mode come back as they were', t => {
    for (const mode of ['real', 'protected'] as const) {
      const given = guest.reset()[mode]('nop', { rax: 5 }).state;
      t.is(guest.run(1).reason, 'limit');
      t.deepEqual(differences(guest.state, given).sort(), ['general.rip', 'msrs.tsc'], mode);
    }
  });

  test("the FPU is the guest's", t => {
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

  test('a state taken from one processor puts another where the first one was', t => {
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
