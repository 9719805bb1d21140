/** Linux, taken from one accelerator to the next between two instructions while it boots: its console must not tell. */
import test from 'ava';
import { busyboxInitramfs } from '../../machines/boot/busybox-initramfs.ts';
import { build, type Machine, microvm } from '../../machines/index.ts';
import { fetchedGuest } from '../support/kernel.ts';
import { names } from './guest.ts';
import { random } from './random.ts';

const moves = 20;
const shell = /virt64:~# /;

test.serial('a booting Linux moves between the accelerators', async t => {
  t.timeout(150_000);
  const guest = fetchedGuest();
  if (!guest) return t.pass('no fetched kernel here');
  const profile = microvm.with({
    memory: '128 MiB',
    boot: {
      kind: 'kernel',
      kernel: guest.kernel,
      initrd: busyboxInitramfs(guest.busybox),
      commandLine: 'console=ttyS0 earlyprintk=serial,ttyS0,115200',
    },
  });
  const machines: Machine[] = [];
  let text = '';
  for (const accelerator of names) {
    const machine = await build(profile, { accelerator });
    machine.serial.events.on('output', bytes => {
      text += String.fromCharCode(...bytes);
    });
    machines.push(machine);
  }
  const unmoved = await build(profile, { accelerator: 'software' });
  const end = await unmoved.run({ until: shell, timeout: '20 s' });
  t.is(end.kind, 'until');
  const expected = unmoved.serial.text;
  const length = unmoved.now;
  await unmoved[Symbol.asyncDispose]();

  const next = random(64);
  const points = Array.from({ length: moves }, () => Math.floor((next() / 2 ** 32) * length)).sort((a, b) => a - b);
  let current = machines[0]!;
  for (const [n, point] of points.entries()) {
    const outcome = await current.run({ timeout: point - current.now });
    t.is(outcome.kind, 'timeout');
    t.is(current.now, point);
    const target = machines[(n + 1) % machines.length]!;
    target.restore(current.save());
    t.is(target.now, point);
    t.true(expected.startsWith(text), `after move ${n} at ${point}`);
    current = target;
  }
  t.is((await current.run({ until: () => text.length >= expected.length, timeout: '5 s' })).kind, 'until');
  t.is(text, expected);
  for (const machine of machines) await machine[Symbol.asyncDispose]();
});
