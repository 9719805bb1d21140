/** Each logical processor has a current VMCS and VMX operation of its own (SDM vol. 3, section 25.1). */
import test from 'ava';
import { createHost } from '../../../../../core/processor/cpu/host.ts';
import { HostFault, VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { intel } from '../../../../../core/processor/cpu/models.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';

test('two processors: VMX operation, current VMCS, launch state', t => {
  const host = createHost({
    model: intel({ virtualization: true, processors: 2 }),
    processors: 2,
    memory: 4 << 20,
    codeArena: 4 << 20,
  });
  const { memory } = host;
  const [first, second] = host.cpus as [(typeof host.cpus)[number], (typeof host.cpus)[number]];
  const region = (): number => {
    const page = memory.allocate(1);
    memory.words[memory.offset(page) >> 2] = Number(first.rdmsr(0x480) & 0x7fff_ffffn);
    return page;
  };
  const enable = (cpu: typeof first, at: number): void => {
    cpu.wrmsr(0x3a, 5n);
    cpu.writeControl(4, cpu.readControl(4) | 0x2000n);
    t.is(cpu.vmxon(at), VmxOutcome.succeed);
  };
  const [a, b] = [region(), region()];
  enable(first, region());
  t.throws(() => second.vmclear(a), { instanceOf: HostFault }, 'the other one is not in VMX operation');
  enable(second, region());
  for (const page of [a, b]) t.is(first.vmclear(page), VmxOutcome.succeed);
  t.is(first.vmptrld(a), VmxOutcome.succeed);
  t.is(second.vmwrite(Field.guestRip, 1, 0), VmxOutcome.failInvalid, 'the other one has no current VMCS');
  t.is(second.vmptrld(b), VmxOutcome.succeed);
  first.vmwrite(Field.guestRip, 0x1111, 0);
  second.vmwrite(Field.guestRip, 0x2222, 0);
  t.is(first.vmread(Field.guestRip), 0x1111);
  t.is(second.vmread(Field.guestRip), 0x2222);
  // A VMCS moves from one to the other by way of memory.
  t.is(first.vmclear(a), VmxOutcome.succeed);
  t.is(first.vmwrite(Field.guestRip, 3, 0), VmxOutcome.failInvalid);
  t.is(second.vmptrld(a), VmxOutcome.succeed);
  t.is(second.vmread(Field.guestRip), 0x1111);
  // An error is written to the VMCS of the processor that made it.
  t.is(second.vmwrite(0x4400, 1, 0), VmxOutcome.failValid);
  t.is(second.vmread(Field.instructionError), 13);
  first.vmxoff();
  t.is(second.vmread(Field.guestRip), 0x1111, 'VMXOFF is one processor’s');
});
