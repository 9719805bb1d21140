/** Physical addresses that a hypervisor gives, at the edges of memory and beyond: VMfail, an exit, an abort, or memory that is there. */
import test from 'ava';
import fc from 'fast-check';
import { VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Guest, Place } from './hypervisor.ts';

const memory = 8 << 20;

const address = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, memory, 2 ** 32, 2 ** 40, 2 ** 52), fc.integer({ min: -3, max: 3 }))
    .map(([edge, pages]) => Math.max(0, edge + pages * 4096)),
  fc.integer({ min: memory >> 12, max: 2 ** 28 - 1 }).map(page => page * 4096),
  fc.tuple(fc.constantFrom(memory, 2 ** 40), fc.integer({ min: -40, max: 40 })).map(([edge, bytes]) => edge + bytes),
  fc.nat({ max: 2 ** 45 }),
);
const below = (guest: Guest): string => Buffer.from(guest.host.linear.buffer, 0, 0x1000).toString('latin1');
const isPage = (physical: number): boolean => physical % 4096 === 0;

test('VMCLEAR and VMPTRLD', t => {
  const guest = new Guest();
  const { cpu } = guest;
  const before = below(guest);
  fc.assert(
    fc.property(address, physical => {
      const beyond = !isPage(physical) || physical >= 2 ** 40;
      if (!beyond && physical < memory) return;
      const failed = VmxOutcome.failValid;
      if (cpu.vmclear(physical) !== failed || guest.get32(Field.instructionError) !== 2)
        throw new Error(`VMCLEAR of ${physical.toString(16)}`);
      // Where there is no memory, there is no revision either.
      const error = beyond ? 9 : 11;
      if (cpu.vmptrld(physical) !== failed || guest.get32(Field.instructionError) !== error)
        throw new Error(`VMPTRLD of ${physical.toString(16)}`);
    }),
    { numRuns: 300 },
  );
  t.is(below(guest), before);
});

test('VMXON', t => {
  const guest = new Guest();
  const { cpu } = guest;
  cpu.vmxoff();
  fc.assert(
    fc.property(address, physical => {
      if (physical < memory && isPage(physical)) return;
      if (cpu.vmxon(physical) !== VmxOutcome.failInvalid) throw new Error(`VMXON of ${physical.toString(16)}`);
    }),
    { numRuns: 200 },
  );
  t.is(cpu.vmxon(guest.vmxon), VmxOutcome.succeed);
});

test('bitmaps, tables, areas and the link pointer', t => {
  const pointers = [
    Field.ioBitmapA,
    Field.ioBitmapB,
    Field.msrBitmap,
    Field.eptPointer,
    Field.entryMsrLoad,
    Field.linkPointer,
  ];
  const guest = new Guest().program('mov ecx, 0x10\n rdmsr\n in al, 0x80\n hlt');
  guest.control(Field.primaryControls, (1 << 25) | (1 << 28));
  const saved = pointers.map(field => guest.get(field));
  const before = below(guest);
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...pointers), address), { minLength: 1, maxLength: 2 }),
      fc.nat({ max: 600 }),
      (changes, count) => {
        pointers.forEach((field, n) => {
          guest.set(field, saved[n]);
        });
        guest.set(Field.entryMsrLoadCount, 0).set(Field.guestRip, Place.code);
        for (const [field, physical] of changes) {
          guest.set(field, field === Field.eptPointer ? BigInt(physical) | 0x1en : physical);
          if (field === Field.entryMsrLoad) guest.set(Field.entryMsrLoadCount, count);
        }
        guest.cpu.invept(2, 0n);
        const outcome = guest.enter();
        seen.add(outcome === VmxOutcome.succeed ? `${guest.reason}` : `error ${guest.get32(Field.instructionError)}`);
      },
    ),
    { numRuns: 1000 },
  );
  const failed = (reason: number) => `${0x8000_0000 + reason}`;
  // Controls; link pointer; MSR area; bitmap and tables where there is no memory.
  for (const each of ['error 7', failed(33), failed(34), '31', '49']) t.true(seen.has(each), each);
  t.is(below(guest), before);
});

test('areas of exits: a VMX abort, which shuts the processor down', t => {
  fc.assert(
    fc.property(
      fc.constantFrom(
        [Field.exitMsrStore, Field.exitMsrStoreCount] as const,
        [Field.exitMsrLoad, Field.exitMsrLoadCount] as const,
      ),
      fc.integer({ min: 0, max: 200 }),
      ([pointer, count], pages) => {
        const guest = new Guest().program('hlt');
        guest.set(pointer, memory + pages * 4096).set(count, 3);
        guest.enter();
        if (guest.processor.run(10).reason !== 'shutdown') throw new Error('the exit went well');
      },
    ),
    { numRuns: 30 },
  );
  t.pass();
});
