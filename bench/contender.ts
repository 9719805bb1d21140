/** What is compared: virt64's accelerators and engines, each in a process of its own, and QEMU's emulation. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command } from './observe.ts';

/** A computer to be run, in files. */
export interface Job {
  readonly machine: 'microvm' | 'pc';
  readonly memory: number;
  readonly kernel: string;
  readonly initrd?: string;
  readonly append?: string;
  /** Of the processor, besides those of its model. */
  readonly features?: readonly string[];
}

export interface Contender {
  readonly name: string;
  command(job: Job): Command;
}

const qemuProgram = 'qemu-system-x86_64';
const ours = fileURLToPath(new URL('./run-ours.ts', import.meta.url));

const files = ({ kernel, initrd, append }: Job, dashes: string): string[] => [
  `${dashes}kernel`,
  kernel,
  ...(initrd === undefined ? [] : [`${dashes}initrd`, initrd]),
  ...(append === undefined ? [] : [`${dashes}append`, append]),
];

export const virt64 = (accelerator: string, engine: string): Contender => ({
  name: `${accelerator} ${engine}`,
  command: job => ({
    program: process.execPath,
    arguments: [
      ...['--import', import.meta.resolve('tsx'), ours, '--machine', job.machine, '--memory', String(job.memory)],
      ...['--accel', accelerator, '--engine', engine],
      ...(job.features ? ['--features', job.features.join()] : []),
      ...files(job, '--'),
    ],
  }),
});

export const qemu: Contender = {
  name: 'qemu tcg',
  command: job => ({
    program: qemuProgram,
    arguments: [
      ...[
        '-machine',
        'pc',
        '-accel',
        'tcg',
        '-m',
        `${job.memory}b`,
        '-display',
        'none',
        '-monitor',
        'none',
        '-serial',
        'stdio',
      ],
      ...(job.features ? ['-cpu', 'max'] : []),
      ...['-nic', 'none', '-no-reboot', '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04'],
      ...files(job, '-'),
    ],
  }),
};

/** QEMU's own words, or undefined if it is not installed. */
export function qemuVersion(): string | undefined {
  const { status, stdout } = spawnSync(qemuProgram, ['--version'], { encoding: 'utf8' });
  return status === 0 ? /version (\S+)/.exec(stdout)?.[1] : undefined;
}
