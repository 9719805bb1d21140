/** What a real processor did, replayed on the interpreter (test/oracle/README.md). */
import test from 'ava';
import { recordings } from '../../../oracle/cases.ts';
import { interpreter } from '../../../support/engines.ts';
import { replay } from '../../../support/replay.ts';

for (const recording of recordings)
  test(`${recording.name}: every recorded case comes out the same`, replay, recording, interpreter);
