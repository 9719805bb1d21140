/** What a real processor did, replayed on compiled code (test/oracle/README.md). */
import test from 'ava';
import { recordings } from '../../../oracle/cases.ts';
import { jit } from '../../../support/engines.ts';
import { replay } from '../../../support/replay.ts';

/** Only 64-bit code is compiled. */
for (const recording of recordings.filter(({ name }) => !name.startsWith('legacy')))
  test(`${recording.name}: every recorded case comes out the same`, replay, recording, jit);
