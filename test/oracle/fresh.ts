/**
 * Fresh random cases without end: `npx tsx test/oracle/fresh.ts [seed] [cases] [group …]`.
 * They are recorded here and now and handed to the engines of test/support/engines.ts; without that module they are only recorded.
 */
import { existsSync } from 'node:fs';
import type { Case } from './case.ts';
import { groups, snippets } from './groups.ts';
import { Random } from './random.ts';
import { NativeProcessor, record } from './toolchain.ts';

/** What test/support/engines.ts exports as `oracleEngines`: by name, a function that returns what was wrong, in words; nothing if all was right. */
export type Check = (item: Case) => readonly string[];
export type Engines = Readonly<Record<string, Check>>;

const batchSize = 500;
const shown = 50;

const loadEngines = async (): Promise<Engines> => {
  const path = new URL('../support/engines.ts', import.meta.url);
  if (!existsSync(path)) return {};
  const module: { oracleEngines?: Engines } = await import(path.href);
  return module.oracleEngines ?? {};
};

export interface FreshOptions {
  readonly seed: number;
  /** After how many cases to stop. */
  readonly limit?: number;
  readonly groups?: readonly string[];
}

/** Records batches, a group after the other, until the limit is reached. */
export function* freshCases({ seed, limit = Infinity, groups: wanted = [] }: FreshOptions): Generator<readonly Case[]> {
  using processor = new NativeProcessor();
  const sources = groups
    .filter(({ name }) => wanted.length === 0 || wanted.includes(name))
    .map((group, i) => snippets(group, new Random(seed + i)));
  for (let total = 0; total < limit; ) {
    for (const source of sources) {
      const size = Math.min(batchSize, limit - total);
      if (size <= 0) return;
      const batch = Array.from({ length: size }, () => source.next().value);
      total += size;
      yield record(processor, batch, () => {});
    }
  }
}

export const describe = (item: Case, complaints: readonly string[]): string => {
  const bytes = Buffer.from(item.bytes).toString('hex');
  return [`${item.text}   (${item.mode}-bit, ${bytes})`, ...complaints.map(line => `    ${line}`)].join('\n');
};

if (import.meta.main) {
  const [seedText, limitText, ...wanted] = process.argv.slice(2);
  const seed = seedText ? Number(seedText) : Date.now() % 1_000_000;
  const unknown = wanted.filter(name => !groups.some(group => group.name === name));
  if (!Number.isInteger(seed) || (limitText && !(Number(limitText) > 0)) || unknown.length > 0) {
    console.error(
      `usage: npm run test:oracle -- [seed] [cases] [group …]\n  groups: ${groups.map(({ name }) => name).join(' ')}`,
    );
    process.exit(seedText === '--help' ? 0 : 64);
  }
  console.log(`seed ${seed}`);
  const engines = Object.entries(await loadEngines());
  if (engines.length === 0)
    console.log(
      'no engine to check against (test/support/engines.ts exports no oracleEngines): cases are only recorded',
    );
  let total = 0;
  let failed = 0;
  const stop = (): void => {
    console.log(`${total} cases, ${failed} failures`);
    process.exit(failed ? 1 : 0);
  };
  process.on('SIGINT', stop);
  for (const batch of freshCases({ seed, ...(limitText && { limit: Number(limitText) }), groups: wanted })) {
    for (const item of batch) {
      total++;
      for (const [name, check] of engines) {
        const complaints = check(item);
        if (complaints.length > 0 && failed++ < shown) console.log(`${name}: ${describe(item, complaints)}`);
      }
    }
    // Lets SIGINT in.
    await new Promise(resolve => setImmediate(resolve));
  }
  stop();
}
