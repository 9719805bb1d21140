/** What a real processor did, replayed on compiled code (test/oracle/README.md). */
import test from 'ava';
import { recordings } from '../../oracle/cases.ts';
import { jit } from '../../support/engines.ts';
import { replay } from '../../support/replay.ts';

/** Compiling each case takes a while: every fourth one will do. */
for (const recording of recordings)
  test(`${recording.name}: every fourth recorded case comes out the same`, replay, recording, jit, 4);
