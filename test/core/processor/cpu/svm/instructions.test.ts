/** SVM instructions as a program on the bare processor executes them. */
import test from 'ava';
import { createHost } from '../../../../../core/processor/cpu/host.ts';
import { HostFault } from '../../../../../core/processor/cpu/host-cpu.ts';
import { amd } from '../../../../../core/processor/cpu/models.ts';
import { Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';
import { state as layout, Segment } from '../../../../../core/processor/state/layout.ts';
import { Guest } from './hypervisor.ts';

const vmCr = 0xc001_0114;
const hostSave = 0xc001_0117;
const efer = 0xc000_0080;

const faults = (vector: number) => ({ instanceOf: HostFault, message: new RegExp(`fault ${vector}\\(`) });

test('#UD without EFER.SVME', t => {
  const { cpus } = createHost({ model: amd({ virtualization: true }), memory: 1 << 20, codeArena: 1 << 20 });
  const cpu = cpus[0];
  t.throws(() => cpu.vmrun(0x1000), faults(6));
  t.throws(() => cpu.vmload(0x1000), faults(6));
  t.throws(() => cpu.vmsave(0x1000), faults(6));
  t.throws(() => cpu.stgi(), faults(6));
  t.throws(() => cpu.clgi(), faults(6));
  t.throws(() => cpu.invlpga(0, 0, 1), faults(6));
});

test('without SVM there is no SVME', t => {
  const { cpus } = createHost({ model: amd(), memory: 1 << 20, codeArena: 1 << 20 });
  t.throws(() => cpus[0].wrmsr(efer, 0x1d01n), faults(13));
  t.throws(() => cpus[0].vmrun(0x1000), faults(6));
});

test('#GP for what is no VMCB address', t => {
  const { cpu } = new Guest();
  for (const address of [0x1234, 2 ** 40, 2 ** 32]) {
    t.throws(() => cpu.vmrun(address), faults(13));
    t.throws(() => cpu.vmload(address), faults(13));
    t.throws(() => cpu.vmsave(address), faults(13));
  }
});

test('VM_CR: reserved bits, SVMDIS, LOCK', t => {
  const { cpu } = new Guest();
  t.throws(() => cpu.wrmsr(vmCr, 0x20n), faults(13));
  t.throws(() => cpu.wrmsr(vmCr, 1n << 32n), faults(13));
  t.throws(() => cpu.wrmsr(vmCr, 0x10n), faults(13), 'SVME is set');
  cpu.wrmsr(efer, cpu.rdmsr(efer) & ~0x1000n);
  cpu.wrmsr(vmCr, 0x18n);
  t.is(cpu.rdmsr(vmCr), 0x18n);
  t.throws(() => cpu.wrmsr(efer, cpu.rdmsr(efer) | 0x1000n), faults(13));
  cpu.wrmsr(vmCr, 2n);
  t.is(cpu.rdmsr(vmCr), 0x1an);
});

test('VM_HSAVE_PA is a page of physical memory', t => {
  const { cpu } = new Guest();
  t.throws(() => cpu.wrmsr(hostSave, 0x1001n), faults(13));
  t.throws(() => cpu.wrmsr(hostSave, 1n << 40n), faults(13));
  cpu.wrmsr(hostSave, 0xff_ffff_f000n);
  t.is(cpu.rdmsr(hostSave), 0xff_ffff_f000n);
});

/** A guest with everything but HLT and SHUTDOWN let through is as good as a bare machine: it faults by its own rules. */
const inGuest: readonly (readonly [source: string, vector: number, cpl: number])[] = [
  ['vmrun', 13, 3],
  ['vmload', 13, 3],
  ['stgi', 13, 3],
  ['invlpga', 13, 3],
  ['skinit', 6, 0],
  ['vmmcall', 6, 0],
  ['vmmcall', 6, 3],
];
for (const [source, vector, cpl] of inGuest)
  test(`${source} at CPL ${cpl} is fault ${vector}, before any intercept`, t => {
    const guest = new Guest()
      .intercept(0x81, false)
      .intercept(0x40 + vector)
      .program(source);
    if (cpl === 3) {
      guest.set8(Save.cpl, 3);
      guest.write64(guest.at(0x1000), guest.read64(guest.at(0x1000)) | 4n);
    }
    t.is(guest.run(), 0x40 + vector);
  });

test('vmmcall exits at CPL 3', t => {
  const guest = new Guest().program('vmmcall');
  guest.set8(Save.cpl, 3);
  t.is(guest.run(), 0x81);
});

/** A hypervisor's loop, once. */
function bare({ vmcb }: Guest, origin: number): { program: Uint8Array } {
  const source = `
    cli
    clgi
    mov eax, ${vmcb}
    vmload
    vmrun
    vmsave
    stgi
    mov ebx, 0x99
    hlt`;
  return { program: assemble(64, source, { origin }).bytes };
}

test('a program on the bare processor runs a guest', t => {
  const guest = new Guest(64).program('add eax, 5\nhlt');
  const { cpu, host, processor } = guest;
  const page = host.memory.allocate(1);
  const { program } = bare(guest, page);
  guest.write(page, program);
  guest.set(Save.rax, 37);
  const { state } = processor;
  cpu.clgi();
  state.setRip(page, 0);
  processor.stopsAtVmExit = false;
  t.is(processor.run(1000).reason, 'halt');
  t.is(Number(guest.exitCode), 0x78);
  t.is(guest.get(Save.rax), 42n);
  // RAX of the host is the VMCB still, and RBX has been set after the exit.
  t.is(state.gprLow(0), guest.vmcb);
  t.is(state.gprLow(3), 0x99);
});

test('while GIF is clear breakpoints are met in vain', t => {
  const guest = new Guest(64).program('hlt');
  const { cpu, host, processor } = guest;
  const page = host.memory.allocate(1);
  const before = assemble(64, 'clgi', { origin: page }).bytes.length;
  guest.write(page, assemble(64, 'clgi\n nop\n mov ebx, 1\n stgi\n nop\n hlt', { origin: page }).bytes);
  cpu.stgi();
  const { state } = processor;
  state.set64(layout.dr0.offset, page + before, 0);
  state.set64(layout.dr1.offset, page + before + 1 + 5 + 3, 0);
  state.set64(layout.dr7.offset, 0x40f, 0);
  state.setSegment(Segment.idtr, 0, 0, 0, 0, 0);
  state.setGpr(3, 32, 0, 0);
  processor.derive();
  state.setRip(page, 0);
  processor.stopsAtVmExit = false;
  // Without an IDT a #DB is the end.
  t.is(processor.run(1000).reason, 'shutdown');
  t.is(state.gprLow(3), 1, 'the first was passed over');
  t.is(state.ripLow, page + before + 1 + 5 + 3, 'the second was not');
});
