/** One measurement's process: builds a machine as options say, and is its serial port as QEMU with `-serial stdio` is. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type BootSource, build, microvm, pc } from '#machines';
import { withFeatures } from './with-features.ts';

const { values } = parseArgs({
  options: {
    machine: { type: 'string', default: 'microvm' },
    accel: { type: 'string', default: 'software' },
    engine: { type: 'string', default: 'interpreter' },
    memory: { type: 'string', default: '64 MiB' },
    kernel: { type: 'string' },
    initrd: { type: 'string' },
    append: { type: 'string' },
    features: { type: 'string' },
  },
});
const { machine: name, accel: accelerator, engine, memory, kernel = '', initrd, append, features } = values;

const boot: BootSource = {
  kind: 'kernel',
  kernel: readFileSync(kernel),
  ...(initrd === undefined ? {} : { initrd: readFileSync(initrd) }),
  ...(append === undefined ? {} : { commandLine: append }),
};
const profile = (name === 'pc' ? pc : microvm).with({
  memory,
  boot,
  clock: 'virtual',
  ...(features === undefined ? {} : { cpu: withFeatures(features.split(',')) }),
});
await using machine = await build(profile, { accelerator, engine: engine as 'interpreter' | 'jit' });
machine.serial.events.on('output', bytes => {
  // A copy: the console uses one buffer for all its bytes.
  process.stdout.write(bytes.slice());
});
const outcome = await machine.run();
if (outcome.kind === 'exit') {
  process.exitCode = outcome.code & 0xff;
} else {
  process.stderr.write(`the machine ended with ${JSON.stringify(outcome)}\n`);
  process.exitCode = 2;
}
