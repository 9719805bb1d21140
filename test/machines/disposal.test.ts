/** A machine that is disposed of leaves nothing unflushed, whatever becomes of one of its disks. */
import test from 'ava';
import { BlockError, MemoryDisk } from '#core';
import { VirtioBlock } from '#devices';
import { build, pc, use } from '#machines';

class CountingDisk extends MemoryDisk {
  flushed = 0;

  constructor(private readonly isBad = false) {
    super(new Uint8Array(512));
  }

  override async flush(): Promise<void> {
    this.flushed++;
    if (this.isBad) throw new BlockError('the medium has failed');
  }
}

const machineWith = (...disks: CountingDisk[]) =>
  build(
    pc.with({
      devices: Object.fromEntries(
        disks.map((disk, index) => [`disk${index}`, use(VirtioBlock, { slot: `00:0${4 + index}.0`, disk })]),
      ),
    }),
    { accelerator: 'software' },
  );

test('disks are flushed when their machine is disposed of, once', async t => {
  const disks = [new CountingDisk(), new CountingDisk()];
  const machine = await machineWith(...disks);
  t.deepEqual(
    disks.map(({ flushed }) => flushed),
    [0, 0],
  );
  await machine[Symbol.asyncDispose]();
  await machine[Symbol.asyncDispose]();
  t.deepEqual(
    disks.map(({ flushed }) => flushed),
    [1, 1],
  );
});

test('one that fails is told, and the others are flushed all the same', async t => {
  const disks = [new CountingDisk(true), new CountingDisk()];
  const machine = await machineWith(...disks);
  await t.throwsAsync(machine[Symbol.asyncDispose](), { instanceOf: BlockError });
  t.is(disks[1].flushed, 1);
  await t.throwsAsync(machine.run(), { message: /disposed/ });
});
