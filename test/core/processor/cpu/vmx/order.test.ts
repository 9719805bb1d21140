/** What comes before an exit, and what an exit comes before (SDM vol. 3, section 26.1.1). */
import test, { type ExecutionContext } from 'ava';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';
import { Segment } from '../../../../../core/processor/state/layout.ts';
import { Leave } from '../../../../../core/processor/state/leave.ts';
import { Guest, Place } from './hypervisor.ts';

const exception = 0;
const invalidOpcode = 6;
const generalProtection = 13;
const pageFault = 14;
/** Linear addresses that the guest's tables do not map. */
const unmapped = 0x40_0000;

/** The reason, and for exceptions the vector. */
function outcome(guest: Guest): readonly [number, number?] {
  guest.set(Field.exceptionBitmap, 0xffff_ffff);
  const reason = guest.run();
  return reason === exception ? [reason, guest.get32(Field.exitInterruption) & 0xff] : [reason];
}

interface Case {
  readonly expected: readonly [number, number?];
  readonly bits?: 16 | 32 | 64;
  readonly prepare?: (guest: Guest) => void;
}
function comes(t: ExecutionContext, source: string, { expected, bits = 64, prepare }: Case) {
  const guest = new Guest({ bits }).program(`${source}\n hlt`);
  prepare?.(guest);
  t.deepEqual(outcome(guest), expected);
}

const user = (guest: Guest): void => {
  guest.segment('cs', 0x23, 0xa0fb, 0xffff_ffff, 0);
  guest.segment('ss', 0x1b, 0xc0f3, 0xffff_ffff, 0);
};

test('RSM is #UD outside of SMM', comes, 'rsm', { expected: [exception, invalidOpcode] });
test('VMWRITE exits before its operand is read', comes, `vmwrite rcx, [${unmapped}]`, { expected: [25] });
test('VMREAD exits before its operand is written', comes, `vmread [${unmapped}], rcx`, { expected: [23] });
test('VMPTRLD exits before its operand is read', comes, `vmptrld [${unmapped}]`, { expected: [21] });
test('INVEPT exits before its operand is read', comes, `invept rax, [${unmapped}]`, { expected: [50] });
test('INVPCID that is not enabled is #UD, with INVLPG exiting too', comes, 'invpcid rax, [0xc000]', {
  expected: [exception, invalidOpcode],
  prepare: guest => guest.control(Field.primaryControls, 1 << 9).secondary(1 << 12, false),
});
test('INVPCID that is not enabled is #UD for users too', comes, 'invpcid rax, [0xc000]', {
  expected: [exception, invalidOpcode],
  prepare: user,
});
test('INVPCID exits before its operand is read', comes, `invpcid rax, [${unmapped}]`, {
  expected: [58],
  prepare: guest => guest.control(Field.primaryControls, 1 << 9).secondary(1 << 12),
});
test('VMX instructions exit whatever the privilege', comes, 'vmlaunch', { expected: [20], prepare: user });
test('INVD at CPL 3 is #GP', comes, 'invd', { expected: [exception, generalProtection], prepare: user });
test('HLT at CPL 3 is #GP', comes, 'hlt', { expected: [exception, generalProtection], prepare: user });
test('MOV CR at CPL 3 is #GP', comes, 'mov rax, cr3', { expected: [exception, generalProtection], prepare: user });
test('RDMSR at CPL 3 is #GP', comes, 'rdmsr', { expected: [exception, generalProtection], prepare: user });
test('WRMSR of a wrong value exits', comes, 'mov ecx, 0xc0000080\n mov edx, -1\n wrmsr', { expected: [32] });
test('XSETBV without OSXSAVE is #UD', comes, 'xsetbv', { expected: [exception, invalidOpcode] });
test('XSETBV at CPL 3 is #GP', comes, 'xsetbv', {
  expected: [exception, generalProtection],
  prepare: guest => {
    user(guest);
    guest.set(Field.guestCr4, guest.get(Field.guestCr4) | 0x4_0000n);
  },
});
test('ports that the TSS does not allow are #GP', comes, 'in al, 0x80', {
  expected: [exception, generalProtection],
  prepare: guest => {
    user(guest);
    guest.control(Field.primaryControls, 1 << 24);
    // The bitmap begins beyond the segment.
    guest.write(guest.at(Place.tss + 0x66), [0xff, 0xff]);
  },
});
test('INS exits before its operand is looked at', comes, 'insb', {
  expected: [30],
  bits: 32,
  prepare: guest => {
    guest.control(Field.primaryControls, 1 << 24);
    guest.segment('es', 0, 0x1_0000, 0, 0);
  },
});
test('LGDT exits before its operand is read', comes, `lgdt [${unmapped}]`, {
  expected: [46],
  prepare: guest => guest.secondary(4),
});
test('LMSW reads its operand first: the exit tells it', comes, `lmsw [${unmapped}]`, {
  expected: [exception, pageFault],
  prepare: guest => guest.set(Field.cr0Mask, 0xf),
});
for (const name of ['monitor', 'mwait'] as const)
  test(
    `${name.toUpperCase()} exits before its operands are looked at`,
    comes,
    `mov eax, ${unmapped}\n mov ecx, 2\n ${name}`,
    {
      expected: [name === 'monitor' ? 39 : 36],
      prepare: guest => guest.control(Field.primaryControls, name === 'monitor' ? 1 << 29 : 1 << 10),
    },
  );
for (const name of ['monitor', 'mwait'] as const)
  test(`${name.toUpperCase()} that does not exit finds them`, comes, `mov eax, ${unmapped}\n mov ecx, 2\n ${name}`, {
    expected: [exception, generalProtection],
  });
test('MOV DR7 exits before its value is looked at', comes, 'mov rax, -1\n mov dr7, rax', {
  expected: [29],
  prepare: guest => guest.control(Field.primaryControls, 1 << 23),
});
test('MOV DR exits before general detection', comes, 'mov rax, dr7', {
  expected: [29],
  prepare: guest => guest.control(Field.primaryControls, 1 << 23).set(Field.guestDr7, 0x2400),
});
test('MOV DR4 with CR4.DE is #UD', comes, 'mov rax, dr4', {
  expected: [exception, invalidOpcode],
  prepare: guest => guest.control(Field.primaryControls, 1 << 23).set(Field.guestCr4, guest.get(Field.guestCr4) | 8n),
});

test('outside of VMX operation VMWRITE is #UD before its operand is read', t => {
  const guest = new Guest().program('hlt');
  const { processor } = guest;
  t.is(guest.run(), 12);
  guest.cpu.vmxoff();
  // The host's own code: linear addresses are physical ones, and none is this.
  const { bytes } = assemble(64, 'vmwrite rcx, [rax]');
  const { state } = processor;
  state.setSegment(Segment.idtr, 0, 0, 0, 0, 0);
  state.setGpr(0, 64, 0, 0x4000_0000);
  state.setRip(guest.at(Place.code), 0);
  guest.write(guest.at(Place.code), bytes);
  t.is(processor.execute(1), Leave.fault);
  t.is(state.faultVector, invalidOpcode);
});
