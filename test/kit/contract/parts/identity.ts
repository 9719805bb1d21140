/** Who the guest is: CPUID, and MSRs. */

import { guestCpuid } from '#core';
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest } from '../guest.ts';

export function identity(test: AddCase, guest: Guest): void {
  const { machine } = guest;

  test("CPUID is the specification's, leaf by leaf", t => {
    const { cpu } = machine.specification;
    const leaves = [
      ...Array(0x20).keys(),
      0x4000_0000,
      0x4000_0001,
      0x4000_0010,
      ...Array.from({ length: 0x24 }, (_, n) => 0x8000_0000 + n),
      0x8fff_ffff,
      0xffff_ffff,
    ];
    guest.reset().long('cpuid\n hlt');
    for (const leaf of leaves) {
      for (const subleaf of [0, 1, 2, 0xff]) {
        guest.set({ rip: at.code, rax: BigInt(leaf) | (1n << 40n), rcx: subleaf });
        guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
        t.is(guest.run().reason, 'halt');
        const { cr4, xcr0 } = guest.state.controls;
        const expected = guestCpuid(cpu, leaf, subleaf, {
          processor: 0,
          processors: 1,
          cr4: Number(cr4),
          xcr0: Number(xcr0),
        });
        const seen = ['rax', 'rbx', 'rcx', 'rdx'].map(register => guest.register(register));
        t.deepEqual(
          seen,
          [expected.eax, expected.ebx, expected.ecx, expected.edx].map(each => BigInt(each >>> 0)),
          `${leaf.toString(16)} ${subleaf}`,
        );
      }
    }
  });

  test('CPUID.1 follows CR4.OSXSAVE', t => {
    guest
      .reset()
      .long(
        'mov eax, 1\n cpuid\n mov r8d, ecx\n mov rax, cr4\n or eax, 0x40000\n mov cr4, rax\n mov eax, 1\n cpuid\n hlt',
      );
    t.is(guest.run().reason, 'halt');
    const before = guest.register('r8') & 0x800_0000n;
    const after = guest.register('rcx') & 0x800_0000n;
    t.is(before, 0n);
    t.is(after, guest.vector === 13 ? 0n : 0x800_0000n);
  });

  test("the board's MSRs, and #GP for those that nobody has", t => {
    guest.reset().long('rdmsr\n wrmsr\n hlt', { rcx: 0x4b56_4d00, rax: -1n, rdx: -1n });
    guest.msr = index => (index === 0x4b56_4d00 ? 0x1122_3344_5566_7788n : undefined);
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, -1);
    t.is(guest.register('rax'), 0x5566_7788n);
    t.is(guest.register('rdx'), 0x1122_3344n);
    t.deepEqual(guest.log, [
      ['rdmsr', 0x4b56_4d00, 8, 0x1122_3344_5566_7788n],
      ['wrmsr', 0x4b56_4d00, 8, 0x1122_3344_5566_7788n],
    ]);
    for (const instruction of ['rdmsr', 'wrmsr']) {
      for (const index of [
        0x1b, 0x2ff, 0x1fff, 0x2000, 0xc000_0103, 0xc000_1fff, 0xc001_1fff, 0xc001_2000, 0xffff_ffff,
      ]) {
        guest.reset().long(`${instruction}\n hlt`, { rcx: index });
        t.is(guest.run().reason, 'halt');
        t.is(guest.vector, 13, `${instruction} ${index.toString(16)}`);
        t.is(guest.get64(at.stack - 48), 0n);
        t.is(guest.get64(at.stack - 40), BigInt(at.code));
      }
    }
  });

  test("the processor's own MSRs", t => {
    const registers = {
      3221225601: 0x1_2345_6789n,
      3221225602: 0xffff_8000_0000_1000n,
      3221225604: 0x4_7700n,
      3221225730: 0x1234n,
      372: 0x10n,
      373: 0x5000n,
      374: 0x6000n,
      631: 0x0007_0406_0005_0100n,
      3221225728: 0x9000n,
    };
    for (const [index, value] of Object.entries(registers)) {
      guest.reset().long('wrmsr\n xor eax, eax\n xor edx, edx\n rdmsr\n hlt', {
        rcx: Number(index),
        rax: value & 0xffff_ffffn,
        rdx: value >> 32n,
      });
      t.is(guest.run().reason, 'halt');
      t.is(guest.vector, -1, index);
      t.is((guest.register('rdx') << 32n) | guest.register('rax'), value, index);
      t.deepEqual(guest.log, []);
    }
    const refused: readonly (readonly [number, bigint])[] = [
      [0x277, 2n],
      [0xc000_0082, 0x8000_0000_0000n],
      [0xc000_0080, 0xd03n],
      [0xc000_0080, 1n << 32n],
      [0xc000_0080, 0x1d01n],
      [0xc000_0080, 0xc01n],
      [0xc000_0102, 0x8000_0000_0000n],
    ];
    for (const [index, value] of refused) {
      guest.reset().long('wrmsr\n hlt', { rcx: index, rax: value & 0xffff_ffffn, rdx: value >> 32n });
      t.is(guest.run().reason, 'halt');
      t.is(guest.vector, 13, `${index.toString(16)} ${value.toString(16)}`);
    }
    guest.reset().long('wrmsr\n rdmsr\n hlt', { rcx: 0xc000_0080, rax: 0x901 });
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), 0xd01n, "LMA is the processor's");
  });

  test("DEBUGCTL and branch records are the board's, and TF steps over instructions whatever it answers", t => {
    const step = 'pushfq\n or qword ptr [rsp], 0x100\n popfq\n nop\n stepped: nop\n jmp $';
    const symbols = guest.reset().load(64, `wrmsr\n ${step}`);
    guest.long(undefined, { rcx: 0x1d9, rax: 3 });
    guest.msr = () => 0n;
    t.is(guest.run().reason, 'halt');
    t.is(guest.vector, 1);
    t.is(guest.get64(at.stack - 40), symbols.get('stepped')!);
    t.deepEqual(guest.log, [['wrmsr', 0x1d9, 8, 3n]]);
    for (const index of [0x1c8, 0x1c9, 0x1d9, 0x1db, 0x1dc, 0x1dd, 0x1de, 0x345, 0x680, 0x6cf]) {
      guest.reset().long('rdmsr\n hlt', { rcx: index });
      guest.msr = () => 0x77n;
      t.is(guest.run().reason, 'halt');
      t.is(guest.register('rax'), 0x77n, index.toString(16));
    }
    t.false('branches' in guest.state.debug);
  });

  test("instructions that the guest's CPU does not have are #UD", t => {
    for (const instruction of [
      'vmmcall',
      'vmcall',
      'vmrun',
      'vmxoff',
      'stgi',
      'rdtscp',
      'monitor',
      'mwait',
      'invpcid rax, [rdi]',
      'ud2',
    ]) {
      guest.reset().long(`${instruction}\n hlt`, { rdi: at.data });
      t.is(guest.run().reason, 'halt');
      t.is(guest.vector, 6, instruction);
    }
  });
}
