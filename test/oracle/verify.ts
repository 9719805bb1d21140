/** Runs every committed case again on this machine's processor: `npx tsx test/oracle/verify.ts`. All must come out as recorded. */
import type { Case } from './cases.ts';
import { readCases, readRecording, recordings } from './cases.ts';
import { compare } from './compare.ts';
import { NativeProcessor, processorName } from './toolchain.ts';
import { comparable } from './vendor.ts';

const batchSize = 2000;
const shown = 20;

using processor = new NativeProcessor();
const matters = comparable();
let failed = 0;
let total = 0;

const checkBatch = (batch: readonly Case[]): void => {
  processor.run(batch).forEach((result, i) => {
    const differences = result ? compare(batch[i]!, result) : ['did not end'];
    total++;
    if (differences.length > 0 && failed++ < shown) console.log(`${batch[i]!.text}\n  ${differences.join('\n  ')}`);
  });
};

console.log(`here: ${processorName()}`);
for (const { name, path } of recordings) {
  console.log(`${name}: recorded on ${readRecording(path).processor}`);
  let batch: Case[] = [];
  for (const item of readCases(path)) {
    if (!matters(item)) continue;
    if (batch.push(item) === batchSize) {
      checkBatch(batch);
      batch = [];
    }
  }
  checkBatch(batch);
}
console.log(`${total - failed} of ${total} reproduced`);
process.exitCode = failed ? 1 : 0;
