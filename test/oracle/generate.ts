/** Records the committed vectors anew: `npx tsx test/oracle/generate.ts [seed] [group …]`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Case } from './case.ts';
import { readCases, recordings } from './cases.ts';
import { rowsOf } from './coverage.ts';
import { ByteWriter, writeCase, writeHeader } from './encoding.ts';
import { type Group, groups, snippets } from './groups.ts';
import { Random } from './random.ts';
import type { Snippet } from './snippet.ts';
import { NativeProcessor, processorName, record } from './toolchain.ts';

const batchSize = 2000;
const coverageMark = '<!-- coverage: written by generate.ts -->';

/** Batches that bring hardly anything new, after which a group is complete. */
const patience = 4;

/** Whether one of a case's rows has had fewer than `each` cases; without a limit all are wanted. */
const scarce = (each = Number.POSITIVE_INFINITY): ((item: Case) => boolean) => {
  const counts = new Map<string, number>();
  return item => {
    const rows = rowsOf(item);
    const wanted = each === Number.POSITIVE_INFINITY || rows.some(row => (counts.get(row) ?? 0) < each);
    if (wanted) for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1);
    return wanted;
  };
};

export const recordGroup = (
  processor: NativeProcessor,
  group: Group,
  seed: number,
  refused: (complaint: string) => void,
): Case[] => {
  const source = snippets(group, new Random(seed));
  const cases: Case[] = [];
  const wanted = scarce(group.each);
  for (let idle = 0; cases.length < group.count && idle < patience; ) {
    const before = cases.length;
    const batch: Snippet[] = Array.from(
      { length: group.each ? batchSize : Math.min(batchSize, group.count - cases.length + 20) },
      () => source.next().value,
    );
    cases.push(...record(processor, batch, refused).filter(wanted));
    idle = cases.length - before > batch.length / 100 ? 0 : idle + 1;
  }
  return cases.slice(0, group.count);
};

const save = (group: Group, seed: number, cases: readonly Case[]): number => {
  const out = new ByteWriter();
  writeHeader(out, { processor: processorName(), seed, count: cases.length });
  for (const item of cases) writeCase(out, item);
  const bytes = out.finish();
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  const params = { [BROTLI_PARAM_QUALITY]: 10, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const packed = brotliCompressSync(bytes, { params });
  writeFileSync(new URL(`./vectors/${group.name}.bin.br`, import.meta.url), packed);
  return packed.length;
};

/** Lists in the README which instructions the recordings hold, and how often. */
const documentCoverage = (): void => {
  const sections = recordings.map(({ name, path }) => {
    const counts = new Map<string, number>();
    for (const { mnemonics } of readCases(path)) {
      for (const mnemonic of mnemonics) counts.set(mnemonic, (counts.get(mnemonic) ?? 0) + 1);
    }
    const list = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([mnemonic, count]) => `${mnemonic} ${count}`);
    return `**${name}** (${list.length}): ${list.join(', ')}`;
  });
  const readme = new URL('./README.md', import.meta.url);
  const [head] = readFileSync(readme, 'utf8').split(coverageMark);
  writeFileSync(readme, `${head}${coverageMark}\n\n${sections.join('\n\n')}\n`);
};

if (import.meta.main) {
  const [seedText, ...wanted] = process.argv.slice(2);
  const seed = Number(seedText ?? 1);
  using processor = new NativeProcessor();
  for (const group of groups.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const refusals: string[] = [];
    const cases = recordGroup(processor, group, seed, complaint => refusals.push(complaint));
    const size = save(group, seed, cases);
    const faults = cases.filter(({ fault }) => fault).length;
    console.log(
      `${group.name}: ${cases.length} cases, ${faults} of them faults, ${size} bytes; ${refusals.length} snippets left out`,
    );
    if (process.env.VERBOSE) for (const complaint of refusals) console.log(`  ${complaint}`);
  }
  documentCoverage();
}
