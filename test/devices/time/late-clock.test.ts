import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import type { Device, SavedState } from '#core';
import { fullBoard } from '../all-devices.ts';
import { pokes } from '../pokes.ts';
import { boot, look, type Program, programs } from './programs.ts';
import { TimedBoard } from './timed-board.ts';

const second = 1e9;
const settings = { numRuns: 120, seed: 20261201, includeErrorInReport: true } as fc.Parameters<unknown>;

/** From no time at all to minutes. */
const wait = fc.oneof(
  fc.constant(0),
  fc.nat({ max: 50 }),
  fc.nat({ max: 5_000 }),
  fc.nat({ max: 2_000_000 }),
  fc.nat({ max: 2 * second }),
  fc.nat({ max: 300 * second }),
);

interface Visit extends Program {
  readonly wait: number;
}

const visits = (maxLength: number): fc.Arbitrary<Visit[]> =>
  fc.array(
    fc.tuple(wait, programs(pokes(fullBoard().board))).map(([time, program]) => ({
      ...program,
      wait: time,
      [fc.toStringMethod]: () => `after ${time}: ${program.name}`,
    })),
    { minLength: 5, maxLength, size: 'max' },
  );

/** More deadlines than this are not worth stopping at between two acts. */
const patience = 100;

/** The date is good for a microsecond, so the one timer of the real-time clock may be that much off. */
const resolution = 2_000;

function sameDeadlines(exact: readonly number[], late: readonly number[], what: string): void {
  const off = late.filter((at, index) => at !== exact[index]);
  const isNear = late.every((at, index) => Math.abs(at - exact[index]) <= resolution);
  if (exact.length !== late.length || off.length > 1 || !isNear) same(exact, late, what);
}

/** Throws what fast-check can make smaller and show. */
function same(exact: unknown, late: unknown, what: string): void {
  if (!isDeepStrictEqual(exact, late)) throw new Error(`${what}: ${difference(exact, late)}`);
}

/** The first place where two values are not alike. */
function difference(exact: unknown, late: unknown, path = ''): string {
  if (typeof exact !== 'object' || typeof late !== 'object' || !exact || !late) {
    return `${path} is ${String(exact)} in time and ${String(late)} late`;
  }
  const names = [...new Set([...Object.keys(exact), ...Object.keys(late)])] as never[];
  const name = names.find(each => !isDeepStrictEqual(exact[each], late[each]));
  return difference(exact[name!], late[name!], `${path}.${name}`);
}

const saved = ({ full }: TimedBoard): [string, SavedState][] =>
  Object.entries<Device>(full.devices).map(([name, device]) => [name, device.save()]);

const noise = fc.constantFrom(0, 0, 1, 700, 40_000);

test('a guest reads the same at the same moments, however late timers fire', t => {
  fc.assert(
    fc.property(visits(120), noise, (list, restlessness) => {
      const exact = new TimedBoard();
      const late = new TimedBoard(restlessness);
      let now = 0;
      for (const { name, wait, step } of [
        { name: 'boot', wait: 0, step: boot },
        ...list,
        { name: 'the end', wait: 0, step: look },
      ]) {
        const target = exact.walk(now + wait, patience);
        const { moment, seen } = late.act(target, at => step(late.full, at));
        exact.walk(moment);
        same(exact.act(moment, at => step(exact.full, at)).seen, seen, `${name} at ${moment}`);
        sameDeadlines(exact.deadlines, late.deadlines, `deadlines after ${name} at ${moment}`);
        now = moment;
      }
      const states = saved(exact);
      saved(late).forEach(([name, state], index) => {
        same(states[index][1], state, `state of ${name}`);
      });
    }),
    settings,
  );
  t.pass();
});

const day = 86_400 * second;

test('a day that passes at once is no more work than a moment, and leaves no timer behind', t => {
  fc.assert(
    fc.property(visits(60), list => {
      const board = new TimedBoard();
      let now = 0;
      for (const { wait, step } of [{ wait: 0, step: boot }, ...list]) {
        now += wait;
        board.act(now, at => step(board.full, at));
      }
      for (let days = 0; days < 3; days++) {
        now += day + 12_345_678_901;
        const before = board.clock.scheduled;
        board.act(now, at => look(board.full, at));
        if (board.clock.scheduled - before > 40) throw new Error(`${board.clock.scheduled - before} timers in one act`);
        if (board.deadlines.some(at => !(at > now))) throw new Error(`waits at ${now} for ${board.deadlines}`);
      }
    }),
    settings,
  );
  t.pass();
});
