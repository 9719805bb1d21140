/** Linux, taken from one accelerator to the next between two instructions while it runs: its consoles must not tell. */
import test, { type ExecutionContext } from 'ava';
import { MemoryDisk } from '../../core/index.ts';
import { VirtioBlock, VirtioConsole } from '../../devices/index.ts';
import {
  type BuildOptions,
  build,
  type Machine,
  type MachineState,
  microvm,
  type Profile,
  pc,
} from '../../machines/index.ts';
import { random } from '../kit/contract/random.ts';
import { guest } from '../support/linux-guest.ts';

type Place = Pick<BuildOptions, 'accelerator' | 'engine'>;

const svm: Place = { accelerator: 'nvmm-svm' };
const vmx: Place = { accelerator: 'nvmm-vmx' };
const software: Place = { accelerator: 'software' };
const compiled = (place: Place): Place => ({ ...place, engine: 'jit' });

/** A disk that notes when it is written: then a request is under way. */
class NotedDisk extends MemoryDisk {
  readonly moments: number[] = [];
  now = (): number => 0;

  override write(at: number, from: Uint8Array): Promise<void> {
    this.moments.push(this.now());
    return super.write(at, from);
  }
}

interface Journey {
  /** With whatever lies outside of a machine: everybody gets the same, the unmoved machine a world of its own. */
  readonly world: () => { readonly profile: Profile; readonly disk?: NotedDisk };
  readonly places: readonly Place[];
  /** The moves are between these two outputs. */
  readonly from?: RegExp;
  readonly to: RegExp;
  readonly moves: number;
  readonly seed: number;
  readonly onState?: (state: MachineState) => void;
}

/** Everything that a machine says, on the serial line and on a virtio console. */
function listen(machine: Machine, hear: (text: string) => void): Machine {
  const decode = (bytes: Uint8Array): void => hear(String.fromCharCode(...bytes));
  machine.serial.events.on('output', decode);
  if (machine.devices.has('hvc')) machine.device('hvc', VirtioConsole).events.on('output', decode);
  return machine;
}

async function journey(t: ExecutionContext, { world, places, from, to, moves, seed, onState }: Journey): Promise<void> {
  t.timeout(1_800_000);
  let expected = '';
  const own = world();
  const unmoved = listen(await build(own.profile, software), text => {
    expected += text;
  });
  if (own.disk) own.disk.now = () => unmoved.now;
  if (from) t.is((await unmoved.run({ until: from, timeout: '20 s' })).kind, 'until');
  const start = unmoved.now;
  t.is((await unmoved.run({ until: to, timeout: '20 s' })).kind, 'until');
  const length = unmoved.now - start;
  await unmoved[Symbol.asyncDispose]();

  let text = '';
  const shared = world();
  const machines: Machine[] = [];
  for (const place of places)
    machines.push(
      listen(await build(shared.profile, place), more => {
        text += more;
      }),
    );
  const next = random(seed);
  const points = Array.from({ length: moves }, () => start + Math.floor((next() / 2 ** 32) * length));
  const writes = own.disk?.moments ?? [];
  if (writes.length > 0)
    for (let n = 0; n < moves; n++) points[n] = n & 1 ? points[n] : writes[next() % writes.length] - 5_000;
  points.sort((a, b) => a - b);
  let current = machines[0];
  for (const [n, point] of points.entries()) {
    t.is((await current.run({ timeout: point - current.now })).kind, 'timeout');
    t.is(current.now, point);
    const target = machines[(n + 1) % machines.length];
    const state = current.save();
    target.restore(state);
    onState?.(state);
    t.is(target.now, point);
    t.true(expected.startsWith(text), `after move ${n} at ${point}`);
    current = target;
  }
  t.is((await current.run({ until: () => text.length >= expected.length, timeout: '5 s' })).kind, 'until');
  t.is(text, expected);
  t.true(!own.disk || Buffer.compare(own.disk.bytes, shared.disk!.bytes) === 0, 'the disk holds the same');
  for (const machine of machines) await machine[Symbol.asyncDispose]();
}

const commandLine = 'console=ttyS0 earlyprintk=serial,ttyS0,115200';

test.serial('a booting Linux moves between the accelerators', async t => {
  const boot = await guest();
  if (!boot) return t.pass('no fetched kernel here');
  const profile = microvm.with({ memory: '128 MiB', boot: { kind: 'kernel', ...boot, commandLine } });
  await journey(t, {
    world: () => ({ profile }),
    places: [svm, vmx, software],
    to: /virt64:~# /,
    moves: 20,
    seed: 64,
  });
});

test.serial(
  'a Linux that writes to a file system, draws random numbers and talks over virtio moves, compiled too',
  async t => {
    const boot = await guest({
      modules: ['virtio_pci', 'virtio_rng', 'virtio_blk', 'virtio_console'],
      script: `
      echo the moves begin
      mke2fs -F /dev/vda > /dev/null && mkdir -p /mnt && mount /dev/vda /mnt || echo failed
      for i in 1 2 3 4 5 6 7 8; do
        dd if=/dev/hwrng of=/mnt/random$i bs=256 count=4 2>/dev/null
        seq $i 77 30000 > /mnt/numbers$i
        dd if=/mnt/numbers$i of=/mnt/copy$i bs=512 conv=fsync 2>/dev/null
        sha256sum /mnt/random$i > /dev/hvc0
        sync
      done
      umount /mnt && mount /dev/vda /mnt && cat /mnt/* | sha256sum && umount /mnt
      grep virtio /proc/interrupts
      echo the moves are over
    `,
    });
    if (!boot) return t.pass('no fetched kernel here');
    let underWay = 0;
    await journey(t, {
      world: () => {
        const disk = new NotedDisk(new Uint8Array(4 * 2 ** 20));
        const devices = {
          disk: { type: VirtioBlock, options: { slot: '00:05.0', disk } },
          hvc: { type: VirtioConsole, options: { slot: '00:06.0' } },
        };
        const profile = pc.with({
          memory: '128 MiB',
          devices: devices as never,
          boot: { kind: 'kernel', ...boot, commandLine },
        });
        return { profile, disk };
      },
      places: [svm, compiled(vmx), software],
      from: /the moves begin/,
      to: /the moves are over/,
      moves: 30,
      seed: 1,
      onState: ({ devices }) => {
        if ((devices.disk as unknown as { model: { heads: number[] } }).model.heads.length > 0) underWay++;
      },
    });
    t.true(underWay >= 3, `${underWay} moves while a request was under way`);
  },
);

test.serial('a Linux on two processors moves, compiled too', async t => {
  const boot = await guest({
    script: `
      echo the moves begin
      nproc
      for i in 1 2 3 4 5 6; do (seq 1 4000 | sha256sum) & done
      wait
      echo the moves are over
    `,
  });
  if (!boot) return t.pass('no fetched kernel here');
  const profile = pc.with({ memory: '128 MiB', processors: 2, boot: { kind: 'kernel', ...boot, commandLine } });
  let both = 0;
  await journey(t, {
    world: () => ({ profile }),
    places: [software, svm, compiled(software), vmx],
    from: /the moves begin/,
    to: /the moves are over/,
    moves: 20,
    seed: 2,
    onState: ({ activity }) => {
      if (activity.every(each => each === 'running')) both++;
    },
  });
  t.true(both >= 3, `${both} moves while both processors ran`);
});
