/**
 * Runs every committed case again on this machine's processor: `npx tsx test/oracle/verify.ts`. All must come out as recorded, or, where the
 * other vendor's processor recorded them, as our model of this one says.
 */
import { evaluator } from '../support/evaluator.ts';
import type { Case } from './case.ts';
import { readCases, readRecording, recordings, vendorOf } from './cases.ts';
import { compare } from './compare.ts';
import { NativeProcessor, processorName } from './toolchain.ts';

const batchSize = 2000;
const shown = 20;

using processor = new NativeProcessor();
const vendor = vendorOf(processorName());
let failed = 0;
let total = 0;
let differing = 0;

const checkBatch = (batch: readonly Case[]): void => {
  processor.run(batch).forEach((result, i) => {
    const item = batch[i];
    const differences = result ? compare(item, result) : ['did not end'];
    total++;
    if (result && differences.length > 0 && item.vendor !== vendor) {
      const modelled = compare({ ...item, ...result }, evaluator.run({ ...item, vendor }));
      if (modelled.length === 0) {
        differing++;
        return;
      }
    }
    if (differences.length > 0 && failed++ < shown) console.log(`${item.text}\n  ${differences.join('\n  ')}`);
  });
};

console.log(`here: ${processorName()}`);
for (const { name, path } of recordings) {
  console.log(`${name}: recorded on ${readRecording(path).processor}`);
  let batch: Case[] = [];
  for (const item of readCases(path)) {
    if (batch.push(item) === batchSize) {
      checkBatch(batch);
      batch = [];
    }
  }
  checkBatch(batch);
}
console.log(
  `${total - failed - differing} of ${total} reproduced, ${differing} as the model of this processor has them`,
);
process.exitCode = failed ? 1 : 0;
