/** Cases: what the suites of this kit are made of, for any test runner. */
import { Checks } from './checks.ts';

/** One test: a name, and what throws where it fails. */
export interface Case {
  readonly name: string;
  /** What a runner gives its tests may be handed on: ava wants to hear that a test has passed. */
  run(runner?: object): void;
}

/** How a part of a suite adds a case. */
export type AddCase = (title: string, body: (t: Checks) => void) => void;

/** ava, which calls a test that asserts nothing a failed one. */
interface PassListener {
  pass(): void;
}

const hearsPasses = (runner: object | undefined): runner is PassListener =>
  runner !== undefined && 'pass' in runner && typeof runner.pass === 'function';

export const newCase = (name: string, body: (t: Checks) => void): Case => ({
  name,
  run(runner) {
    const checks = new Checks();
    body(checks);
    checks.finish();
    if (hearsPasses(runner)) runner.pass();
  },
});
