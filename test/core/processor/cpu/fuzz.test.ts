/** Nothing that a guest does throws into the host, hangs it, or touches memory that is not the guest's. */

import test from 'ava';
import fc from 'fast-check';
import { callHelper } from '../../../../core/processor/cpu/core.ts';
import { helperImplementations } from '../../../../core/processor/cpu/helpers/index.ts';
import { amd, intel } from '../../../../core/processor/cpu/models.ts';
import { systemHelpers } from '../../../../core/processor/ir/helper-rows/system.ts';
import type { HelperName } from '../../../../core/processor/ir/helpers.ts';
import { state as layout, Segment } from '../../../../core/processor/state/layout.ts';
import { Computer, place } from '../../../support/computer.ts';

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const runs = { numRuns: 60 };

/** Bytes before the RAM that no guest may change: constants. */
function guarded(m: Computer): () => boolean {
  const bytes = m.host.memory.bytes.subarray(0, 0x1_0000);
  return () => bytes.every(byte => byte === 0);
}

const systems = [new Computer(amd({ virtualization: true })), new Computer(intel({ virtualization: true }))];

test('any bytes as a program, in every mode', t => {
  for (const m of systems) {
    const intact = guarded(m);
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 64 }),
        fc.constantFrom('long', 'protected32', 'real'),
        (code, mode) => {
          m.cpu.powerOn();
          m[mode as 'long' | 'protected32' | 'real']();
          for (const vector of [6, 13, 14]) if (mode === 'long') m.gate(vector, place.code);
          m.host.memory.bytes.set(code, m.host.memory.offset(place.code));
          m.host.memory.written(place.code, code.length);
          for (let exits = 0; exits < 5; exits++) {
            const { reason } = m.run(200);
            if (reason === 'io' || reason === 'msr') m.cpu.completeInstruction();
            else if (reason === 'mmio') m.cpu.injectFault(13, 0);
            else break;
          }
          return intact();
        },
      ),
      runs,
    );
  }
  t.pass();
});

test('any page tables, descriptor tables and segments', t => {
  const [m] = systems;
  const intact = guarded(m);
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 64, maxLength: 64 }),
      fc.array(word, { minLength: 24, maxLength: 24 }),
      (tables, registers) => {
        m.cpu.powerOn();
        m.long();
        tables.forEach((value, n) => {
          const at = [place.gdt, place.idt, place.tss, place.tables + 0x3000][n & 3] + (n >> 2) * 4;
          m.view.setInt32(at, value, true);
        });
        const { state } = m.cpu;
        for (let segment = 0; segment < 10; segment++) {
          if (segment === Segment.cs) continue;
          state.setSegment(
            segment,
            registers[segment],
            registers[segment + 1] >>> 3,
            registers[segment + 2],
            registers[segment + 3],
            registers[segment + 4] >> 20,
          );
        }
        m.cpu.derive();
        m.cpu.translation.flushAll();
        m.load(
          64,
          'push rax\n mov ecx, 0x2b\n mov ds, ecx\n int 3\n iretq\n retfq\n mov eax, [0x20]\n sidt [0x40]\n lsl eax, ecx\n int 0x20',
        );
        m.run(50);
        return intact();
      },
    ),
    runs,
  );
  t.pass();
});

const names = Object.keys(systemHelpers) as HelperName[];

test('any system helper with any arguments and registers ends with a status', t => {
  for (const m of systems) {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom('long', 'protected32', 'real'),
        fc.array(word, { minLength: 12, maxLength: 12 }),
        fc.array(word, { minLength: 8, maxLength: 8 }),
        fc.nat(3),
        (name: HelperName, mode, inputs, registers, cpl) => {
          m.cpu.powerOn();
          m[mode as 'long' | 'protected32' | 'real']();
          const { state } = m.cpu;
          if (mode !== 'real') state.cpl = cpl;
          inputs.forEach((value, n) => {
            // Small numbers name segments, registers and widths.
            const choice = value & 1 ? value : [0, 3, 16, 32, 64, 4, 8, 1][(value >>> 1) & 7];
            state.set32(layout.argument0.offset + n * 4, n & 1 ? value >> 28 : choice);
          });
          registers.forEach((value, n) => {
            if (n !== 4) state.setGpr(n, 32, value, 0);
          });
          m.cpu.translation.refresh();
          const status = callHelper(m.cpu, helperImplementations[name]);
          return status >= 0 && status <= 4;
        },
      ),
      { numRuns: 1500 },
    );
  }
  t.pass();
});
