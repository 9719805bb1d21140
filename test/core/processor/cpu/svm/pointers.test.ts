/** Physical addresses that a hypervisor gives, at the edges of memory and beyond: a fault, an exit, or an access to memory that is there. */
import test from 'ava';
import fc from 'fast-check';
import { HostFault } from '../../../../../core/processor/cpu/host-cpu.ts';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { Guest, Place } from './hypervisor.ts';

const hsavePa = 0xc001_0117;
const memory = 8 << 20;
const invalid = -1;

const address = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, memory, 2 ** 32, 2 ** 40, 2 ** 52), fc.integer({ min: -3, max: 3 }))
    .map(([edge, pages]) => Math.max(0, edge + pages * 4096)),
  fc.tuple(fc.constantFrom(memory, 2 ** 40), fc.integer({ min: -20, max: 20 })).map(([edge, bytes]) => edge + bytes),
  fc.nat({ max: 2 ** 45 }),
);

/** Bytes of linear memory below the guest's: blocks and code that no guest may reach. */
const below = (guest: Guest): string => Buffer.from(guest.host.linear.buffer, 0, 0x1000).toString('latin1');

/** True: it faulted. */
function faults(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (error instanceof HostFault) return true;
    throw error;
  }
}

const isPage = (physical: number): boolean => physical % 4096 === 0;

test('rAX of VMRUN, VMLOAD and VMSAVE', t => {
  const guest = new Guest().program('hlt');
  const { cpu, host } = guest;
  const before = below(guest);
  const scratch = host.memory.allocate(1);
  fc.assert(
    fc.property(address, fc.constantFrom('vmrun', 'vmload', 'vmsave'), (physical, name) => {
      // Memory that is somebody's is not ours to run.
      if (isPage(physical) && physical < memory && physical !== scratch) return;
      if (!faults(() => cpu[name](physical))) throw new Error(`${name} of ${physical.toString(16)} did not fault`);
    }),
    { numRuns: 400 },
  );
  t.true(faults(() => cpu.vmrun(scratch + 8)));
  cpu.clgi();
  cpu.vmrun(scratch);
  cpu.stgi();
  t.is(guest.read64(scratch + Control.exitCode), 0xffff_ffff_ffff_ffffn, 'a page of zeroes is no VMCB');
  t.is(below(guest), before);
});

test('VM_HSAVE_PA', t => {
  fc.assert(
    fc.property(address, physical => {
      const guest = new Guest().program('hlt');
      const isRefused = faults(() => guest.cpu.wrmsr(hsavePa, BigInt(physical)));
      if (isRefused !== (!isPage(physical) || physical >= 2 ** 40)) throw new Error('accepted what is no page');
      if (isRefused || physical < memory) return;
      // There is no memory to come back from.
      guest.cpu.vmrun(guest.vmcb);
      if (guest.processor.run(10).reason !== 'shutdown') throw new Error('came back from nowhere');
    }),
    { numRuns: 60 },
  );
  t.pass();
});

test('permission maps and nested tables', t => {
  const guest = new Guest().intercept(0x7b).intercept(0x7c).program('mov ecx, 0x10\nrdmsr\nin al, 0x80\nhlt');
  const before = below(guest);
  const pristine = { iopm: guest.iopm, msrpm: guest.msrpm, npt: guest.npt };
  const seen = new Set<number>();
  fc.assert(
    fc.property(address, address, fc.option(address), (iopm, msrpm, root) => {
      guest.set(Control.iopmBase, iopm);
      guest.set(Control.msrpmBase, msrpm);
      guest.set(Control.nestedRoot, root ?? pristine.npt);
      guest.set32(Control.tlbControl, 1);
      guest.set(Save.rip, Place.code);
      guest.cpu.armTimer(1000);
      seen.add(guest.run());
    }),
    { numRuns: 300 },
  );
  // Refused; a table outside of memory; a map outside of memory, which lets nothing pass.
  for (const code of [invalid, 0x400, 0x7c]) t.true(seen.has(code), `exit ${code.toString(16)}`);
  t.is(below(guest), before);
});
