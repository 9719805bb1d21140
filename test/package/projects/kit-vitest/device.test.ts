import { use } from 'virt64';
import { IsaSerial } from 'virt64/devices';
import { DeviceBoard, guests, testMachine } from 'virt64/testing';
import { expect, test } from 'vitest';

test('a byte that arrives raises the interrupt until it is read', () => {
  const board = new DeviceBoard();
  const com2 = board.add('com2', IsaSerial, { port: 0x2f8, irq: 'isa@3' });
  board.out(0x2fc, 8); // the interrupt's gate
  board.out(0x2f9, 1); // when a byte has arrived
  com2.input(Uint8Array.of(65));
  expect(board.pin('isa@3').level).toBe(true);
  expect(board.in(0x2f8)).toBe(65);
  expect(board.pin('isa@3').level).toBe(false);
});

test('a guest finds the device', async () => {
  await using machine = await testMachine({
    devices: { com2: use(IsaSerial, { port: 0x2f8, irq: 'isa@3' }) },
    code: `mov dx, 0x2ff
      mov al, 0x5a
      out dx, al
      in al, dx
      out 0xf4, al
      ${guests.halt}`,
  });
  expect(await machine.run({ timeout: '1 s' })).toEqual({ kind: 'exit', code: 0x5a });
});
