/** The last line of `npm test`, from reports as ava 8 writes them. */
import test from 'ava';
import { countsOf } from './support/counts.ts';

const passes =
  '\n  ✔ a › one\n  ✔ a › two (1.2s)\n    ℹ a log\n  - [skip] a › three\n  ─\n\n  2 tests passed\n  1 test skipped\n';
const fails =
  '\n  ✔ one\n  ✘ [fail]: two it broke\n  ─\n\n  two\n\n  Difference:\n\n  3 tests passed\n\n  ─\n\n  1 test failed\n  1 uncaught exception\n';

test('all is well', t => {
  t.is(countsOf(passes, 0), '2 passed, 0 failed, 1 skipped');
  t.is(countsOf(passes.replaceAll('✔', '\x1b[32m√\x1b[39m'), 0), '2 passed, 0 failed, 1 skipped');
});

test('with failures, and what is no test', t => {
  t.is(countsOf(fails, 1), '1 passed, 1 failed, 0 skipped, 1 uncaught exception');
  t.is(
    countsOf('\n  ✘ a.test.ts exited with a non-zero exit code: 1\n', 1),
    '0 passed, 0 failed, 0 skipped, ava ended with status 1',
  );
});
