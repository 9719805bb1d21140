import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { MemoryDisk } from '#core';
import { VirtioBlock } from '#devices';
import { PciBench } from '../pci/support.ts';
import { buffers, place, request, Type, writeHeader } from './block-requests.ts';
import { Driver, features, type Guest } from './driver.ts';
import { QemuGuest, qemuIsHere } from './qemu-guest.ts';

const slot = 4;
const sectors = 64;
const serial = 'virt64-0001';
const contents = () => Uint8Array.from({ length: sectors * 512 }, (_, at) => (at * 7 + (at >> 9)) & 0xff);

const bytesAt = ({ memory }: Guest, at: number, length: number): number[] =>
  Array.from({ length }, (_, index) => memory.read8(at + index));

/** One driver's story, from probing to the last request; everything that it can see. */
async function story(guest: Guest): Promise<Record<string, unknown>> {
  const driver = new Driver(guest, slot);
  const seen: Record<string, unknown> = {
    identity: [guest.read(slot, 0x00), guest.read(slot, 0x08, 1), guest.read(slot, 0x0a, 2), guest.read(slot, 0x2c)],
    pin: guest.read(slot, 0x3d, 1),
    structures: Object.keys(driver.structures),
    queues: driver.readCommon('numQueues', 2),
    features: [5, 6, 9, 28, 29, 32].map(bit => driver.offers(bit)),
    capacity: guest.load(driver.structures[4].at, 8),
    blockSize: guest.load(driver.structures[4].at + 20),
    statusBefore: driver.status,
  };
  const [queue] = driver.start([features.version1, 9]);
  seen.running = driver.status;
  seen.read = await request(queue!, Type.read, 3);
  seen.data = bytesAt(guest, place.data, 512);
  seen.interrupt = [guest.read(slot, 0x06, 2) & 8, driver.interruptStatus(), driver.interruptStatus()];
  guest.memory.fill(place.data, 1024, 0x5c);
  seen.write = await request(queue!, Type.write, 10, 1024);
  seen.flush = await request(queue!, Type.flush, 0, 0);
  seen.getId = await request(queue!, Type.getId, 0, 20);
  // QEMU leaves what follows the NUL as it was; we pad with NULs, as the specification has it.
  seen.serial = bytesAt(guest, place.data, serial.length + 1);
  seen.beyond = [
    await request(queue!, Type.read, sectors),
    await request(queue!, Type.read, sectors - 1, 1024),
    await request(queue!, Type.write, 2n ** 50n),
  ];
  seen.unknown = await request(queue!, 77, 0);
  seen.heads = queue!.used().map(({ head }) => head);

  const [indirect] = driver.start([features.version1, features.indirect, features.eventIndex]);
  writeHeader(guest, Type.read, 10);
  buffers(Type.read, 512).forEach((buffer, index) => {
    indirect!.describe(index, buffer, index < 2 ? index + 1 : undefined, 0, 0x3_0000);
  });
  indirect!.describe(0, { at: 0x3_0000, length: 48 }, undefined, 4);
  indirect!.offer(0);
  driver.notify(0);
  await guest.advance(1_000_000, () => guest.memory.read16(indirect!.device + 2) === 1);
  seen.indirect = [bytesAt(guest, place.data, 4), indirect!.used(), indirect!.notificationEvent];

  for (const [name, misuse] of Object.entries(misuses)) {
    const [broken] = driver.start();
    misuse(broken!);
    driver.notify(0);
    await guest.advance(1_000_000, () => (driver.status & 0x40) !== 0);
    // QEMU sets the bit for queues too.
    seen[name] = [driver.status, broken!.used(), driver.interruptStatus() & 2];
  }
  driver.status = 0;
  seen.after = [driver.status, driver.interruptStatus()];
  return seen;
}

const misuses: Record<string, (queue: ReturnType<Driver['start']>[number]) => void> = {
  noHeader: queue => queue.offer(queue.chain([{ at: place.status, length: 1, writable: true }])),
  noStatus: queue => queue.offer(queue.chain([{ at: place.header, length: 16 }])),
  badHead: queue => queue.offer(queue.size),
  loop: queue => {
    queue.describe(0, { at: place.header, length: 16 }, 1);
    queue.describe(1, { at: place.header, length: 16 }, 0);
    queue.offer(0);
  },
  wrongOrder: queue =>
    queue.offer(
      queue.chain([
        { at: place.status, length: 1, writable: true },
        { at: place.header, length: 16 },
      ]),
    ),
  tooMany: queue => queue.owner.bench.memory.write16(queue.driver + 2, queue.size + 1),
};

(qemuIsHere() ? test : test.skip)("the same driver sees the same on QEMU's virtio-blk-pci", async t => {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-qtest-'));
  const image = join(folder, 'disk.img');
  writeFileSync(image, contents());
  const qemu = new QemuGuest(folder, [
    ...['-drive', `if=none,id=disk,format=raw,file=${image}`],
    ...['-device', `virtio-blk-pci,drive=disk,addr=${slot}.0,disable-legacy=on,serial=${serial},num-queues=1`],
  ]);
  t.teardown(() => {
    qemu.close();
    rmSync(folder, { recursive: true });
  });
  // No firmware has run there: BAR 1 holds MSI-X, BARs 4 and 5 the structures.
  qemu.write(slot, 0x14, 0xe010_0000);
  qemu.write(slot, 0x20, 0xe000_0000);
  qemu.write(slot, 0x24, 0);
  qemu.write(slot, 0x04, 2, 2);

  const bench = new PciBench();
  const disk = new MemoryDisk(contents());
  bench.add('disk', VirtioBlock, { slot: `00:0${slot}.0`, disk, serial });
  bench.powerOn();

  t.deepEqual(await story(bench), await story(qemu));
  t.true(readFileSync(image).equals(disk.bytes));
});
