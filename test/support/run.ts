/**
 * `npm test`, after the checks: the guest that whole boots use is fetched (some of them skip themselves where there is none), ava
 * runs, and the last line has its counts. Arguments are ava's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MachineError } from '#core';
import { fetchGuest } from '../../cli/fetch/guest.ts';
import { Progress } from '../../cli/progress.ts';
import { countsOf } from './counts.ts';
import { missingTools, packages } from './tools.ts';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function prepareGuest(): Promise<void> {
  using progress = new Progress();
  try {
    const { versions } = await fetchGuest({
      onProgress: step => progress.step(step),
      onAdvance: percent => progress.advance(percent),
    });
    progress.step(`guest for whole boots: Linux ${versions.kernelRelease}`);
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    progress.step(`no guest for whole boots: ${error.message}`);
  }
}

/** Its words go on as they come. Ctrl-C is ava's: it says how far it has come. */
async function runAva(args: readonly string[]): Promise<{ status: number; output: string }> {
  const ava = fileURLToPath(new URL('./cli.js', import.meta.resolve('ava')));
  const colour = process.stdout.isTTY ? ['--color'] : [];
  const child = spawn(process.execPath, [ava, ...colour, ...args], { stdio: ['inherit', 'pipe', 'inherit'] });
  process.on('SIGINT', () => {});
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    process.stdout.write(text);
    output += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status: status ?? 1, output };
}

await prepareGuest();
const { status, output } = await runAva(process.argv.slice(2));
const missing = missingTools();
if (missing.length > 0) {
  const names = [...new Set(missing.map(tool => packages[tool]))].join(', ');
  say(`Tests that need ${missing.join(', ')} were skipped. npm run setup:test-tools installs ${names}.`);
}
console.log(countsOf(output, status));
process.exitCode = status;
