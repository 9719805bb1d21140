/** A process that uses a disk (or a lock file of the cache) until its input ends: `hold.ts disk|reader|cache FILE`. */
import { once } from 'node:events';
import { MachineError } from '#core';
import { withLock } from '../../../cli/fetch/lock.ts';
import { FileDisk } from '../../../cli/host/file-disk.ts';

const [kind, file] = process.argv.slice(2) as [string, string];

async function hold(): Promise<void> {
  process.stdout.write(`held by ${process.pid}\n`);
  process.stdin.resume();
  await once(process.stdin, 'end');
}

try {
  if (kind === 'cache') await withLock(file, hold, owner => process.stdout.write(`waits for ${owner}\n`));
  else {
    await using _disk = await FileDisk.open(file, { readOnly: kind === 'reader' });
    await hold();
  }
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  process.stdout.write(`refused: ${error.message}\n`);
}
