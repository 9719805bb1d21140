/** Many machines for a long time, on all accelerators, beside other load: a table on stdout, progress on stderr. */
import { MachineError } from '#core';
import { help, parseArguments } from './arguments.ts';
import { soak } from './soak.ts';
import { table } from './table.ts';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(given: readonly string[]): Promise<number> {
  const options = parseArguments(given);
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
  say(`seed ${options.seed}`);
  const summary = await soak(options, say);
  process.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : table(summary));
  return summary.failures.length > 0 ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  say(error.message);
  process.exitCode = 64;
}
