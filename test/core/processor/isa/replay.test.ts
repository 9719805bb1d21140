/** What a real processor did, replayed on the evaluator (test/oracle/README.md). What has rows in float and vector is replayed beside them. */
import test from 'ava';
import { recordings } from '../../../oracle/cases.ts';
import { evaluator } from '../../../support/evaluator.ts';
import { replay } from '../../../support/replay.ts';

const elsewhere = new Set(['float', 'extended', 'vector', 'avx']);

for (const recording of recordings.filter(({ name }) => !elsewhere.has(name)))
  test(`${recording.name}: every recorded case comes out the same`, replay, recording, evaluator);
