/** What a machine says of itself, and that the guest never notices who asked. */
import test from 'ava';
import { assemble } from '#core';
import { type BootSource, build, microvm } from '#machines';

const raw = (source: string, mode: 'real' | 'protected' | 'long', bits: 16 | 32 | 64): BootSource => ({
  kind: 'raw',
  image: assemble(bits, source, { origin: 0x7c00 }).bytes,
  options: { mode },
});
const small = microvm.with({ memory: '4 MiB' });
const accelerators = ['software', 'nvmm-svm', 'nvmm-vmx'];

for (const accelerator of accelerators) {
  test(`${accelerator}: a loop, in each mode`, async t => {
    for (const [mode, bits] of [
      ['real', 16],
      ['protected', 32],
      ['long', 64],
    ] as const) {
      const boot = raw('nop\n here:\n jmp here', mode, bits);
      await using machine = await build(small.with({ boot, processors: 2 }), { accelerator });
      t.deepEqual(await machine.run({ timeout: '1ms' }), { kind: 'timeout' });
      const [first, processor, other, ...rest] = machine.status();
      t.is(first, `microvm on ${accelerator}: stopped at 1.000 ms of guest time`);
      t.regex(processor!, new RegExp(`^processor 0: running at [0-9a-f]{4}:0*7c01, ${bits}-bit.*, CPL 0, IF 0$`));
      t.is(other, 'processor 1: waits for a start-up signal (SIPI)');
      t.true(rest.includes('console com1: 0 characters so far'));
    }
  });

  test(`${accelerator}: a processor that nothing can wake`, async t => {
    const boot = raw('cli\n hlt', 'protected', 32);
    await using machine = await build(small.with({ boot }), { accelerator });
    t.deepEqual(await machine.run(), { kind: 'halted' });
    t.regex(machine.status()[1], /has halted at .*:00007c02, 32-bit, CPL 0, IF 0; no interrupt can wake it/);
  });

  test(`${accelerator}: however often somebody looks, the guest does the same`, async t => {
    // Periodic interrupts of the PIT by way of the PIC: each prints a digit of the time-stamp counter.
    const source = `
      mov al, 0x11
      out 0x20, al
      mov al, 0x20
      out 0x21, al
      mov al, 4
      out 0x21, al
      mov al, 1
      out 0x21, al
      mov al, 0xfe
      out 0x21, al
      mov word ptr [0x80], offset tick
      mov word ptr [0x82], 0
      mov al, 0x34
      out 0x43, al
      mov al, 0x80
      out 0x40, al
      mov al, 4
      out 0x40, al
      mov dx, 0x3f8
      sti
    wait:
      hlt
      mov cx, 3000
    busy:
      loop busy
      jmp wait
    tick:
      rdtsc
      mov dx, 0x3f8
      and al, 15
      add al, 65
      out dx, al
      mov al, 0x20
      out 0x20, al
      iret`.replace('offset tick', 'tick');
    const run = async (often: boolean): Promise<string> => {
      await using machine = await build(small.with({ boot: raw(source, 'real', 16) }), { accelerator });
      let ended = false;
      const running = machine.run({ timeout: '400ms' }).finally(() => {
        ended = true;
      });
      while (often && !ended) {
        t.true(machine.status().length >= 4);
        await new Promise(resolve => setImmediate(resolve));
      }
      await running;
      for (let part = 0; part < 20; part++) {
        if (often) machine.status();
        await machine.run({ timeout: 777_777 });
      }
      return `${machine.serial.text} ${machine.now}`;
    };
    const alone = await run(false);
    t.true(alone.length > 300, alone);
    t.is(await run(true), alone);
  });
}
