/** Boots Debian's kernel with a script in its initramfs, to the end. */
import { build, type Outcome, type Profile } from '#machines';
import { guest } from '../../cli/fetch/initrd.ts';

export interface LinuxRun {
  readonly outcome: Outcome;
  readonly log: string;
  /** Guest time, nanoseconds. */
  readonly time: number;
}

export interface LinuxOptions {
  readonly engine?: 'interpreter' | 'jit';
  /** For the kernel's command line. */
  readonly append?: string;
  /** Guest time. */
  readonly timeout?: string;
}

export async function bootLinux(
  profile: Profile,
  accelerator: string,
  script: string,
  { engine = 'interpreter', append = '', timeout = '20 s' }: LinuxOptions = {},
): Promise<LinuxRun> {
  const { kernel, initrd } = await guest({ modules: ['virtio_pci', 'virtio_rng'], script });
  const commandLine = `console=ttyS0 panic=-1 ${append}`.trim();
  const machine = profile.with({ boot: { kind: 'kernel', kernel, initrd, commandLine } });
  await using running = await build(machine, { accelerator, engine });
  const outcome = await running.run({ timeout });
  return { outcome, log: running.serial.text, time: running.now };
}
