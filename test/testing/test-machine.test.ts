/** The kit's guests and machine, on every accelerator. */
import test from 'ava';
import { microvm, use } from 'virt64';
import { accelerators } from 'virt64/accelerators';
import { IsaSerial, MemoryDisk, VirtioBlock } from 'virt64/devices';
import { bootCode, guests, testMachine } from 'virt64/testing';

const outcomes = [
  [guests.halt, { kind: 'halted' }],
  [guests.spin, { kind: 'timeout' }],
  [guests.fault, { kind: 'tripleFault', processor: 0 }],
  [guests.exit(200), { kind: 'exit', code: 200 }],
] as const;

for (const { name: accelerator } of accelerators)
  for (const mode of ['real', 'protected', 'long'] as const)
    test(`${accelerator}: guests in ${mode} mode`, async t => {
      for (const [code, outcome] of outcomes) {
        if (mode === 'real' && code === guests.fault) continue;
        await using machine = await testMachine({ code: guests.print('hé') + code, mode, accelerator });
        t.deepEqual(await machine.run({ timeout: '1 ms' }), outcome, code);
        t.is(machine.serial.text, 'hé');
        t.is(machine.accelerator, accelerator);
      }
    });

test('a device of its own, on another profile', async t => {
  const com2 = use(IsaSerial, { port: 0x2f8, irq: 'isa@3' });
  await using machine = await testMachine({
    profile: microvm,
    devices: { com2 },
    code: `mov dx, 0x2ff\n mov al, 0x5a\n out dx, al\n xor eax, eax\n in al, dx\n out 0xf4, al`,
  });
  // The debug exit of microvm is QEMU's.
  t.deepEqual(await machine.run({ timeout: '1 ms' }), { kind: 'exit', code: 2 * 0x5a + 1 });
});

test('machine code is taken as it is, and COM1 is a port as any', async t => {
  const boot = bootCode(guests.print('serial', 0x3f8) + guests.halt);
  if (boot.kind !== 'raw') return t.fail();
  await using machine = await testMachine({ profile: microvm, code: boot.image });
  t.deepEqual(await machine.run({ timeout: '1 ms' }), { kind: 'halted' });
  t.is(machine.serial.text, 'serial');
});

test('the machine has what any device is connected to', async t => {
  const disk = use(VirtioBlock, { slot: '00:04.0', disk: new MemoryDisk(new Uint8Array(512)) });
  const com2 = use(IsaSerial, { port: 0x2f8, irq: 'isa@3' });
  const code = `mov dx, 0xcf8
    mov eax, 0x80002000
    out dx, eax
    mov dx, 0xcfc
    in eax, dx
    shr eax, 16
    out 0xf4, al
    ${guests.halt}`;
  await using machine = await testMachine({ devices: { disk, com2 }, code });
  t.deepEqual(await machine.run({ timeout: '1 ms' }), { kind: 'exit', code: 0x42 });
});
