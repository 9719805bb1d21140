/** One life of the program that writes records: from its start until it is killed, told to end, or done. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { guestPaths } from '../../../cli/fetch/cache.ts';
import { guest } from '../../../cli/fetch/initrd.ts';
import { sayFlushed } from '../guest/records.ts';
import type { RecordsEnd, RecordsUnit } from '../unit.ts';
import type { WriterTask } from './writer.ts';

export interface Life {
  readonly log: string;
  /** How many records it reported as flushed: 0 to this less 1. */
  readonly flushed: number;
  readonly status: number | null;
  readonly failures: readonly string[];
}

/** The first SIGTERM may ask the guest to switch itself off, the second does not ask. */
const patience = 30_000;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export async function live(unit: RecordsUnit, image: string, script: string, end?: RecordsEnd): Promise<Life> {
  const child = await start(unit, image, script);
  const failures: string[] = [];
  const closed = once(child, 'close');
  let log = '';
  let flushed = 0;
  let ending: Promise<void> | undefined;
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (log += text));
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    log += text;
    flushed = [...log.matchAll(sayFlushed)].length;
    if (end && flushed >= end.after) ending ??= finish(child, end, failures);
  });
  const [status] = (await closed) as [number | null];
  await ending;
  return { log, flushed, status, failures };
}

async function start(unit: RecordsUnit, image: string, script: string): Promise<ChildProcess> {
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const { place, clock, processors, program } = unit;
  if (program !== 'command-line') {
    const task: WriterTask = { place, clock, processors, program, image, script };
    return spawn(process.execPath, ['--import=tsx', here('writer.ts'), JSON.stringify(task)], { stdio: [...stdio] });
  }
  const { initrd } = await guest({ modules: ['virtio_pci', 'virtio_blk'], script });
  const path = `${image}.initrd`;
  await writeFile(path, initrd);
  const options = ['--accel', place.accelerator, '--engine', place.engine, '--clock', clock, '--smp', `${processors}`];
  const guestOptions = ['--mem', '128M', '--kernel', guestPaths().kernel, '--initrd', path, '--append', 'panic=-1'];
  const command = [here('../../../cli/bin.js'), 'run', '-q', '--drive', image];
  const child = spawn(process.execPath, [...command, ...options, ...guestOptions], { stdio: [...stdio] });
  child.once('close', () => void rm(path, { force: true }));
  return child;
}

async function finish(child: ChildProcess, { signal, delay }: RecordsEnd, failures: string[]): Promise<void> {
  await sleep(delay);
  const over = (): boolean => child.exitCode !== null || child.signalCode !== null;
  child.kill(signal);
  if (signal === 'SIGKILL') return;
  for (const next of ['SIGTERM', 'SIGKILL'] as const) {
    for (let waited = 0; waited < patience && !over(); waited += 100) await sleep(100);
    if (over()) return;
    if (next === 'SIGKILL') failures.push('two SIGTERMs did not end the program');
    child.kill(next);
  }
}
