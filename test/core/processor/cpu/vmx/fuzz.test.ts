/** Whatever a VMCS, its tables and its guest contain: no exception, no hang, no write outside of physical memory. */
import test from 'ava';
import fc from 'fast-check';
import { VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import { Guest, Place } from './hypervisor.ts';

const writable = Object.values(Field).filter(field => ((field >> 10) & 3) !== 1);
const interesting = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.nat({ max: 63 }).map(bit => 1n << BigInt(bit)),
  fc.constantFrom(0n, 0xffff_ffffn, (1n << 64n) - 1n, 0x8000_0000n, 0x1000n, 0x8000n, 0x20_0000n, 0xc0_0000n),
);
const changes = fc.array(fc.tuple(fc.constantFrom(...writable), interesting, fc.boolean()), { maxLength: 4 });

/** Enters and gives the guest a few thousand instructions; then INIT, which gets it out of every state but one. */
function attempt(guest: Guest): void {
  const { processor, vmx } = guest;
  guest.cpu.readControl(0);
  if (vmx.world.request(guest.launched) !== VmxOutcome.succeed) return;
  vmx.switchWorld();
  for (let n = 0; n < 4 && processor.state.guest !== 0; n++) {
    const { reason } = processor.run(500);
    if (reason === 'io') processor.completeInstruction();
    if (reason === 'msr' || reason === 'mmio') processor.injectFault(13, 0);
  }
  if (processor.state.guest === 0) return;
  processor.signalInit();
  processor.signalStartup(1);
  processor.run(10);
}

function lowMemory(guest: Guest): string {
  return Buffer.from(guest.host.linear.buffer, 0, 0x1_0000).toString('latin1');
}

const guests = new Map<number, Guest>();
/** One host for many guests: making one takes longer than running one. */
function fresh(bits: 16 | 32 | 64): Guest {
  const guest = guests.get(bits) ?? new Guest({ bits });
  guests.set(bits, guest);
  return guest;
}

test('changed fields', t => {
  for (const bits of [16, 32, 64] as const) {
    const guest = fresh(bits).program('cpuid');
    const saved = writable.map(field => guest.get(field));
    const before = lowMemory(guest);
    fc.assert(
      fc.property(changes, list => {
        guest.cpu.vmclear(guest.vmcs);
        guest.cpu.vmptrld(guest.vmcs);
        writable.forEach((field, n) => {
          guest.set(field, saved[n]);
        });
        for (const [field, value, flip] of list) guest.set(field, flip ? guest.get(field) ^ value : value);
        attempt(guest);
        revive(guest);
      }),
      { numRuns: 300 },
    );
    t.is(lowMemory(guest), before);
  }
});

/** After a shutdown or a lost guest: a processor in VMX operation again. */
function revive(guest: Guest): void {
  const { processor, vmx } = guest;
  processor.activity = 0;
  processor.initPending = false;
  processor.state.guest = 0;
  processor.mmu.space = 0;
  processor.mmu.paging.nested = undefined;
  vmx.operation.active = true;
  const { state } = processor;
  state.cr0 = 0x8005_0033 | 0;
  state.cr4 = 0x26a0;
  state.efer = 0xd01;
  state.setSegment(1, 8, 0xa9b, -1, 0, 0);
  state.cpl = 0;
  state.interruptShadow = 0;
  processor.derive();
}

test('a region of noise', t => {
  const guest = new Guest().program('hlt');
  const before = lowMemory(guest);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 2048 }), fc.nat({ max: 2000 }), (noise, at) => {
      guest.write(guest.vmcs + 16 + at, noise);
      attempt(guest);
      revive(guest);
      t.is(guest.cpu.vmclear(guest.vmcs), VmxOutcome.succeed);
      t.is(guest.cpu.vmptrld(guest.vmcs), VmxOutcome.succeed);
    }),
    { numRuns: 150 },
  );
  t.is(lowMemory(guest), before);
});

test('random code under random extended page tables', t => {
  const guest = new Guest();
  const saved = writable.map(field => guest.get(field));
  const entries = fc.array(fc.tuple(fc.nat({ max: 2047 }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })), {
    maxLength: 6,
  });
  const before = lowMemory(guest);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 200 }), entries, fc.integer(), (code, table, controls) => {
      guest.cpu.vmclear(guest.vmcs);
      guest.cpu.vmptrld(guest.vmcs);
      writable.forEach((field, n) => {
        guest.set(field, saved[n]);
      });
      guest.write(guest.at(Place.code), code);
      const kept = table.map(([at]) => guest.read64(guest.ept + at * 8));
      // Addresses stay inside of the guest, so that the host is still there afterwards.
      for (const [at, value] of table)
        guest.write64(
          guest.ept + at * 8,
          (value & 0xfffn) | (value & (0xfffn << 52n)) | (BigInt(guest.ram) + (value & 0x1f_f000n)),
        );
      guest.control(Field.primaryControls, controls & 0x0300_9e80);
      attempt(guest);
      table.map(([at], n) => guest.write64(guest.ept + at * 8, kept[n]));
      guest.cpu.invept(2, 0n);
      revive(guest);
    }),
    { numRuns: 200 },
  );
  t.is(lowMemory(guest), before);
});
