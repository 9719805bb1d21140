/** The state of a CPU as data: complete, and the same again after a round trip into another CPU. */

import test from 'ava';
import fc from 'fast-check';
import { type CpuState, stateComponents } from '../../../../core/processor/state/cpu-state.ts';
import { arithmeticFlags, Flag } from '../../../../core/processor/state/registers.ts';
import { differences } from '../../../../core/processor/state/snapshot.ts';
import { StateBlock } from '../../../../core/processor/state/state-block.ts';
import { Computer, place } from '../../../support/computer.ts';

test('RFLAGS: every combination of the arithmetic flags survives the lazy form', t => {
  const state = StateBlock.detached();
  const bits = [Flag.cf, Flag.pf, Flag.af, Flag.zf, Flag.sf, Flag.of];
  for (let set = 0; set < 64; set++) {
    const flags = bits.reduce((sum, bit, n) => ((set >> n) & 1 ? sum | bit : sum), 0);
    state.flags = flags | Flag.if;
    t.is(state.flags, flags | Flag.if | Flag.fixed);
    t.is(state.arithmeticFlags, flags);
    t.is(state.flags & ~arithmeticFlags, Flag.if | Flag.fixed);
  }
});

const program = `mov rax, 0x123456789abcdef0
  mov r15, rsp
  fld1
  cvtsi2sd xmm3, rax
  cmp rax, r15
  loop: inc rbx
  push rbx
  pop rcx
  add [0x20000], rcx
  cmp rbx, 50
  jne loop
  hlt`;

test('a running program moves to another CPU between any two instructions', t => {
  const whole = new Computer().long();
  whole.load(64, program);
  whole.run();
  const expected = whole.cpu.getState();
  for (const steps of [1, 3, 6, 50, 123, 299]) {
    const from = new Computer().long();
    from.load(64, program);
    from.cpu.run(steps);
    const to = new Computer().long();
    to.host.memory.bytes.set(
      from.host.memory.bytes.subarray(from.host.memory.base, from.host.memory.base + 0x40000),
      to.host.memory.base,
    );
    const state = from.cpu.getState();
    to.cpu.setState(state);
    t.deepEqual(differences(to.cpu.getState(), state), []);
    t.deepEqual(to.run(), { reason: 'halt' });
    const { msrs, ...moved } = to.cpu.getState();
    t.deepEqual(differences({ ...moved, msrs: expected.msrs } as CpuState, expected), [], `after ${steps}`);
    t.is(to.get64(place.data), whole.get64(place.data));
  }
});

test('setting one component leaves the others alone', t => {
  const m = new Computer().long();
  const before = m.cpu.getState();
  const other = new Computer().cpu.getState();
  for (const component of stateComponents) {
    m.cpu.setState(before);
    m.cpu.setState({ [component]: other[component] });
    const changed = differences(m.cpu.getState(), before).map(path => path.split('.')[0].split('[')[0]);
    t.deepEqual(
      [...new Set(changed)].filter(name => name !== component && name !== 'msrs'),
      [],
      component,
    );
  }
});

test('differences name what differs', t => {
  const { cpu } = new Computer().long();
  const before = cpu.getState();
  t.deepEqual(differences(before, { ...before, controls: { ...before.controls, cr2: 1n } }), ['controls.cr2']);
  const fpu = before.fpu.slice();
  fpu[200] ^= 1;
  t.deepEqual(differences(before, { ...before, fpu }), ['fpu[200]']);
});

test('any general registers and flags round-trip', t => {
  const { cpu } = new Computer().long();
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 17, maxLength: 17 }),
      fc.nat(0x3f_ffff),
      (values, flags) => {
        const rflags = BigInt((flags & 0x3c_7fd5) | 2);
        cpu.setState({ general: { registers: values.slice(0, 16), rip: values[16], rflags } });
        const { general } = cpu.getState(['general']);
        return (
          general.rip === values[16] &&
          general.rflags === rflags &&
          general.registers.every((value, n) => value === values[n])
        );
      },
    ),
    { numRuns: 100 },
  );
  t.pass();
});
