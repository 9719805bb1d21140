/** Whatever is in a VMCB, and whatever its guest does: no exception, no hang, nothing outside of its memory. */
import test from 'ava';
import fc from 'fast-check';
import { HostFault } from '../../../../../core/processor/cpu/host-cpu.ts';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { Guest, Place } from './hypervisor.ts';

const word = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, 0xffff_ffff_ffff_ffffn, 1n << 63n, 0x8000_0000n, 0xffff_f000n),
  fc.integer({ min: 0, max: 0xffff }).map(BigInt),
);
const field = fc.oneof(
  fc.constantFrom(...Object.values(Control), ...Object.values(Save)).map(offset => offset & ~7),
  fc.integer({ min: 0, max: 0xa0 }).map(n => n * 8),
);
/** Code that is worth running: system instructions among arbitrary bytes. */
const instruction = fc.oneof(
  fc.constantFrom(
    [0x0f, 0x01, 0xd8],
    [0x0f, 0x01, 0xd9],
    [0x0f, 0x01, 0xda],
    [0x0f, 0x01, 0xdb],
    [0x0f, 0x01, 0xdc],
    [0x0f, 0x01, 0xdd],
    [0x0f, 0x01, 0xdf],
    [0x0f, 0xa2],
    [0x0f, 0x30],
    [0x0f, 0x32],
    [0x0f, 0x22, 0xd8],
    [0x0f, 0x22, 0xc0],
    [0x0f, 0x22, 0xe0],
    [0xcd, 0x80],
    [0xcf],
    [0xfb],
    [0xf4],
    [0x6c],
    [0xe6, 0x80],
  ),
  fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 8 }),
);

const scenario = fc.record({
  bits: fc.constantFrom(16 as const, 32 as const, 64 as const),
  nested: fc.boolean(),
  changes: fc.array(fc.tuple(field, word), { maxLength: 12 }),
  code: fc.array(instruction, { maxLength: 8 }).map(parts => parts.flat()),
  interrupt: fc.boolean(),
});

/** Intercepts that keep a guest from waiting for ever: INTR (with a timer), HLT, SHUTDOWN, VMRUN, CLGI. */
const kept = [0x60, 0x78, 0x7f, 0x80, 0x85];

test('random VMCBs', t => {
  const guests = new Map<string, Guest>();
  fc.assert(
    fc.property(scenario, ({ bits, nested, changes, code, interrupt }) => {
      const key = `${bits}${nested}`;
      let guest = guests.get(key);
      if (!guest) {
        guest = new Guest(bits, nested);
        guests.set(key, guest);
      }
      const { cpu, host, processor, vmcb, ram } = guest;
      const { memory } = host;
      const pristine = memory.bytes.slice(memory.offset(vmcb), memory.offset(vmcb) + 4096);
      const outside = memory.allocate(1);
      memory.bytes.fill(0xa5, memory.offset(outside), memory.offset(outside) + 4096);
      guest.write(ram + Place.code, code);
      for (const [offset, value] of changes) guest.set(offset, value);
      for (const code of kept) guest.intercept(code);
      // The nested tables are the guest's fence; without them its memory is the host's.
      if (nested) {
        guest.set(Control.nestedControl, 1);
        guest.set(Control.nestedRoot, guest.npt);
      } else guest.set(Save.rip, 0xffff_ffff_ffffn);
      guest.set32(Control.virtualInterrupt, guest.get32(Control.virtualInterrupt) | (1 << 24));
      try {
        for (let n = 0; n < 2; n++) {
          cpu.armTimer(interrupt ? 20 : 300);
          guest.run();
        }
      } catch (error) {
        // A hypervisor that maps MMIO or lets a shutdown pass is the driver's bug.
        if (!(error instanceof Error && /shut down|no memory/.test(error.message))) {
          // Without nested paging a guest can write to the host's save area.
          if (nested || !(error instanceof HostFault)) throw error;
        }
        guests.delete(key);
      }
      if (processor.state.guest === 0)
        for (let n = 0; n < 4096; n += 64)
          if (nested && memory.bytes[memory.offset(outside) + n] !== 0xa5)
            throw new Error('a guest has left its memory');
      memory.free(outside, 1);
      guest.write(vmcb, pristine);
      if (processor.state.guest !== 0 || processor.activity !== 0) guests.delete(key);
    }),
    { numRuns: 600 },
  );
  t.pass();
});

test("random bytes in the host's save area", t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0x80, max: 0xd0 }), word), { maxLength: 20 }), changes => {
      const guest = new Guest();
      const { cpu, processor } = guest;
      // The guest overwrites it: an identity page leads there.
      const page = Number(cpu.rdmsr(0xc001_0117));
      guest.write64(guest.entry(0xe000), BigInt(page) | 7n);
      guest.program(
        changes
          .map(([at, value]) => `mov rax, ${value}\nmov rbx, ${0xe000 + at * 8}\nmov [rbx], rax`)
          .concat('hlt')
          .join('\n'),
      );
      guest.set(Save.rip, Place.code);
      cpu.clgi();
      cpu.vmrun(guest.vmcb);
      if (processor.state.guest !== 0) throw new Error('still in the guest');
      processor.run(100);
    }),
    { numRuns: 15 },
  );
  t.pass();
});
