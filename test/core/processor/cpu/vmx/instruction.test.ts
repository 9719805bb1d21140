/** The VMX instructions as a program meets them: faults, flags, error numbers. A hypervisor in assembly runs a guest of its own. */
import test from 'ava';
import { VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { intel } from '../../../../../core/processor/cpu/models.ts';
import { revision } from '../../../../../core/processor/cpu/vmx/capabilities.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import type { Vmx } from '../../../../../core/processor/cpu/vmx/vmx.ts';
import { Computer, place } from '../../../../support/computer.ts';
import { Guest } from './hypervisor.ts';

const regions = { vmxon: 0x10_0000, first: 0x10_1000, second: 0x10_2000, wrong: 0x10_3000 } as const;
const vmxe = 0x2000;

function computer(): Computer {
  const m = new Computer(intel({ virtualization: true })).long();
  (m.cpu.virtualization as Vmx).operation.featureControl = 5;
  m.cpu.state.cr4 |= vmxe;
  for (const region of [regions.vmxon, regions.first, regions.second]) m.put64(region, revision);
  m.put64(regions.wrong, 0);
  for (const vector of [6, 13]) {
    m.gate(vector, place.handlers + vector * 16);
    m.load(64, `mov r15d, ${vector}\n hlt`, place.handlers + vector * 16);
  }
  return m;
}

const vmxon = `mov rax, ${regions.vmxon}\n push rax\n vmxon [rsp]\n`;
const pointer = (instruction: string, address: number | string) =>
  `mov rax, ${address}\n push rax\n ${instruction} [rsp]\n pop rax\n`;
const flags = 'pushfq\n pop rbx\n and ebx, 0x8d5\n';

/** CF, ZF or nothing, after a program that ends with an instruction of VMX. */
function ends(m: Computer, program: string): string {
  m.load(64, `stc\n ${program}\n ${flags}\n hlt`);
  m.run(1000);
  if (m.register('r15') !== 0n) return `fault ${m.register('r15')}`;
  const image = m.register('rbx');
  return image === 0n ? 'succeed' : image === 1n ? 'invalid' : image === 0x40n ? `error ${error(m)}` : `flags ${image}`;
}
function error(m: Computer): number {
  const { operation } = m.cpu.virtualization as Vmx;
  operation.read(Field.instructionError);
  return operation.low;
}

const cases: readonly (readonly [name: string, program: string, outcome: string, prepare?: (m: Computer) => void])[] = [
  ['VMXON', vmxon, 'succeed'],
  [
    'VMXON without CR4.VMXE',
    vmxon,
    'fault 6',
    m => {
      m.cpu.state.cr4 &= ~vmxe;
    },
  ],
  [
    'VMXON without CR0.NE',
    vmxon,
    'fault 13',
    m => {
      m.cpu.state.cr0 &= ~0x20;
    },
  ],
  [
    'VMXON not enabled by firmware',
    vmxon,
    'fault 13',
    m => {
      (m.cpu.virtualization as Vmx).operation.featureControl = 1;
    },
  ],
  ['VMXON not aligned', pointer('vmxon', regions.vmxon + 8), 'invalid'],
  ['VMXON beyond the physical width', pointer('vmxon', '0x100000000000'), 'invalid'],
  ['VMXON with a wrong revision', pointer('vmxon', regions.wrong), 'invalid'],
  ['VMXON twice', `${vmxon} ${vmxon}`, 'invalid'],
  ['VMXON twice, with a current VMCS', `${vmxon} ${pointer('vmptrld', regions.first)} ${vmxon}`, 'error 15'],
  ['VMXOFF', `${vmxon} vmxoff`, 'succeed'],
  ['VMXOFF outside of VMX operation', 'vmxoff', 'fault 6'],
  ['VMPTRLD outside of VMX operation', pointer('vmptrld', regions.first), 'fault 6'],
  ['VMCALL outside of VMX operation', 'vmcall', 'fault 6'],
  ['VMCALL in root operation', `${vmxon} vmcall`, 'invalid'],
  ['VMCALL in root operation, with a current VMCS', `${vmxon} ${pointer('vmptrld', regions.first)} vmcall`, 'error 1'],
  ['VMFUNC', `${vmxon} vmfunc`, 'fault 6'],
  ['VMCLEAR', `${vmxon} ${pointer('vmclear', regions.first)}`, 'succeed'],
  [
    'VMCLEAR of the VMXON region',
    `${vmxon} ${pointer('vmptrld', regions.first)} ${pointer('vmclear', regions.vmxon)}`,
    'error 3',
  ],
  [
    'VMCLEAR not aligned',
    `${vmxon} ${pointer('vmptrld', regions.first)} ${pointer('vmclear', regions.first + 1)}`,
    'error 2',
  ],
  ['VMCLEAR without memory', `${vmxon} ${pointer('vmclear', '0xff00000000')}`, 'invalid'],
  ['VMPTRLD', `${vmxon} ${pointer('vmptrld', regions.first)}`, 'succeed'],
  [
    'VMPTRLD not aligned',
    `${vmxon} ${pointer('vmptrld', regions.first)} ${pointer('vmptrld', regions.first + 16)}`,
    'error 9',
  ],
  [
    'VMPTRLD of the VMXON region',
    `${vmxon} ${pointer('vmptrld', regions.first)} ${pointer('vmptrld', regions.vmxon)}`,
    'error 10',
  ],
  [
    'VMPTRLD with a wrong revision',
    `${vmxon} ${pointer('vmptrld', regions.first)} ${pointer('vmptrld', regions.wrong)}`,
    'error 11',
  ],
  ['VMREAD without a VMCS', `${vmxon} mov eax, 0x6800\n vmread rdx, rax`, 'invalid'],
  ['VMWRITE without a VMCS', `${vmxon} mov eax, 0x6800\n vmwrite rax, rdx`, 'invalid'],
  [
    'VMREAD after VMCLEAR of the current VMCS',
    `${vmxon} ${pointer('vmptrld', regions.first)} ${pointer('vmclear', regions.first)} vmread rdx, rax`,
    'invalid',
  ],
  [
    'VMREAD of no field',
    `${vmxon} ${pointer('vmptrld', regions.first)} mov eax, 0x6802 + 0x1000\n vmread rdx, rax`,
    'error 12',
  ],
  [
    'VMREAD of the high half of a narrow field',
    `${vmxon} ${pointer('vmptrld', regions.first)} mov eax, 0x4001\n vmread rdx, rax`,
    'error 12',
  ],
  [
    'VMREAD with bits above 31',
    `${vmxon} ${pointer('vmptrld', regions.first)} mov rax, 0x100006800\n vmread rdx, rax`,
    'error 12',
  ],
  [
    'VMWRITE of a read-only field',
    `${vmxon} ${pointer('vmptrld', regions.first)} mov eax, 0x4402\n vmwrite rax, rdx`,
    'error 13',
  ],
  ['VMLAUNCH without a VMCS', `${vmxon} vmlaunch`, 'invalid'],
  [
    'VMRESUME of a VMCS that was not launched',
    `${vmxon} ${pointer('vmclear', regions.first)} ${pointer('vmptrld', regions.first)} vmresume`,
    'error 5',
  ],
  [
    'VMLAUNCH of an empty VMCS',
    `${vmxon} ${pointer('vmclear', regions.first)} ${pointer('vmptrld', regions.first)} vmlaunch`,
    'error 7',
  ],
  [
    'MOV SS before VMLAUNCH',
    `${vmxon} ${pointer('vmptrld', regions.first)} mov ecx, 0x10\n mov ss, ecx\n vmlaunch`,
    'error 26',
  ],
  ['CR4.VMXE in VMX operation', `${vmxon} mov rax, cr4\n and eax, ~0x2000\n mov cr4, rax`, 'fault 13'],
  ['CR0.NE in VMX operation', `${vmxon} mov rax, cr0\n and eax, ~0x20\n mov cr0, rax`, 'fault 13'],
  ['CR4.VMXE after VMXOFF', `${vmxon} vmxoff\n mov rax, cr4\n and eax, ~0x2000\n mov cr4, rax`, 'succeed'],
];
for (const [name, program, outcome, prepare] of cases)
  test(name, t => {
    const m = computer();
    prepare?.(m);
    t.is(ends(m, program), outcome);
  });

test('VMX instructions need privilege level 0', t => {
  const m = computer();
  m.gate(13, place.handlers + 13 * 16);
  m.load(64, `${vmxon} push 0x23\n push ${place.userStack}\n push 2\n push 0x2b\n push ${place.code + 0x200}\n iretq`);
  m.load(64, 'vmcall', place.code + 0x200);
  m.run(1000);
  t.is(m.register('r15'), 13n);
});

test('VMPTRST stores the pointer, all ones without one', t => {
  const m = computer();
  m.load(
    64,
    `${vmxon} vmptrst [${place.data}]\n ${pointer('vmptrld', regions.second)} vmptrst [${place.data + 8}]\n hlt`,
  );
  m.run(1000);
  t.is(m.get64(place.data), 0xffff_ffff_ffff_ffffn);
  t.is(m.get64(place.data + 8), BigInt(regions.second));
});

test('VMREAD and VMWRITE: widths and halves', t => {
  const guest = new Guest();
  const { cpu } = guest;
  t.is(cpu.vmwrite(Field.guestEs, 0x1234_5678, -1), VmxOutcome.succeed);
  t.is(guest.get(Field.guestEs), 0x5678n);
  t.is(cpu.vmwrite(Field.exceptionBitmap, -1, -1), VmxOutcome.succeed);
  t.is(guest.get(Field.exceptionBitmap), 0xffff_ffffn);
  t.is(cpu.vmwrite(Field.tscOffset, 1, 2), VmxOutcome.succeed);
  t.is(cpu.vmwrite(Field.tscOffset + 1, 3, 9), VmxOutcome.succeed);
  t.is(guest.get(Field.tscOffset), 0x3_0000_0001n);
  t.is(guest.get(Field.tscOffset + 1), 3n);
  t.is(cpu.vmwrite(Field.guestRsp, -1, 0x7fff), VmxOutcome.succeed);
  t.is(guest.get(Field.guestRsp), 0x7fff_ffff_ffffn);
  for (const field of Object.values(Field)) {
    cpu.vmread(field);
    t.is(cpu.vmreadOutcome, VmxOutcome.succeed);
  }
});

test('VMCLEAR ends the launched state; a VMCS keeps its contents while another is current', t => {
  const guest = new Guest().program('cpuid\n hlt');
  t.is(guest.run(), 10);
  t.is(guest.cpu.vmlaunch(), VmxOutcome.failValid);
  t.is(guest.get32(Field.instructionError), 4);
  t.is(guest.cpu.vmptrld(guest.region()), VmxOutcome.succeed);
  t.is(guest.cpu.vmptrld(guest.vmcs), VmxOutcome.succeed);
  guest.skip();
  t.is(guest.run(), 12);
  t.is(guest.cpu.vmclear(guest.vmcs), VmxOutcome.succeed);
  t.is(guest.cpu.vmptrld(guest.vmcs), VmxOutcome.succeed);
  t.is(guest.cpu.vmresume(), VmxOutcome.failValid);
  guest.launched = false;
  t.is(guest.run(), 12);
});

test('a hypervisor in assembly: VMWRITE, VMLAUNCH, exit to its RIP, VMREAD', t => {
  const m = computer();
  // The VMCS comes from a model of a guest; where things lie is this program's.
  const model = new Guest();
  const guestCode = place.code + 0x800;
  const exitCode = place.code + 0x400;
  const fields = Object.values(Field).filter(field => ((field >> 10) & 3) !== 1);
  const overrides = new Map<number, bigint>([
    [Field.hostCr3, BigInt(place.tables)],
    [Field.hostCr4, BigInt(m.cpu.state.cr4)],
    [Field.hostCr0, BigInt(m.cpu.state.cr0 >>> 0)],
    [Field.hostEfer, BigInt(m.cpu.state.efer)],
    [Field.hostTr, 0x30n],
    [Field.hostTrBase, BigInt(place.tss)],
    [Field.hostGdtrBase, BigInt(place.gdt)],
    [Field.hostIdtrBase, BigInt(place.idt)],
    [Field.hostRip, BigInt(exitCode)],
    [Field.hostRsp, BigInt(place.stack)],
    [Field.secondaryControls, 1n << 5n],
    [Field.guestCr3, BigInt(place.tables)],
    [Field.guestRip, BigInt(guestCode)],
    [Field.guestRsp, BigInt(place.userStack)],
    [Field.guestIdtrBase, BigInt(place.idt)],
    [Field.guestGdtrBase, BigInt(place.gdt)],
    [Field.guestCr0, 0x8000_0031n],
  ]);
  const writes = fields.map(
    field => `mov eax, ${field}\n mov rdx, ${overrides.get(field) ?? model.get(field)}\n vmwrite rax, rdx\n jbe bad`,
  );
  m.load(64, `jmp ${place.data + 0x8000}`);
  m.load(
    64,
    `${vmxon} ${pointer('vmclear', regions.first)} ${pointer('vmptrld', regions.first)}
    ${writes.join('\n')}
    vmlaunch
    bad: mov r15d, 99
    hlt`,
    place.data + 0x8000,
  );
  m.load(
    64,
    `mov eax, 0x4402\n vmread rbx, rax\n mov eax, 0x681e\n vmread rcx, rax\n inc r13d\n cmp r13d, 3\n je done
    add rcx, 3\n vmwrite rax, rcx\n vmresume\n done: vmxoff\n hlt`,
    exitCode,
  );
  m.load(64, 'vmcall\n vmcall\n inc r12\n hlt', guestCode);
  m.run(10_000);
  t.is(m.register('r15'), 0n);
  t.is(m.register('r13'), 3n);
  t.is(m.register('r12'), 1n);
  t.is(m.register('rbx'), 12n);
  t.is(m.cpu.state.guest, 0);
  t.false((m.cpu.virtualization as Vmx).operation.active);
});
