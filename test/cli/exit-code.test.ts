/** The program's exit status, as cli/README.md lists it. */
import test from 'ava';
import { type ErrorCode, MachineError } from '#core';
import type { Outcome } from '#machines';
import { exitCodeOfError } from '../../cli/complaint.ts';
import { exitCodeOf } from '../../cli/exit-code.ts';

test('of outcomes', t => {
  const of = (outcome: object) => exitCodeOf(outcome as Outcome);
  for (const kind of ['powerOff', 'reset', 'until']) t.is(of({ kind }), 0, kind);
  for (const kind of ['tripleFault', 'halted', 'error']) t.is(of({ kind }), 1, kind);
  t.is(of({ kind: 'exit', code: 7 }), 7);
  t.is(of({ kind: 'exit', code: 0x1ff }), 0xff, 'a status has eight bits');
  t.is(of({ kind: 'timeout' }), 124);
  t.is(of({ kind: 'stopped' }), 130);
});

test('of errors', t => {
  const of = (code: ErrorCode) => exitCodeOfError(new MachineError(code, 'said'));
  for (const code of ['bad-argument', 'bad-option', 'bad-profile', 'unknown-component', 'overlap'] as const)
    t.is(of(code), 64, code);
  for (const code of ['bad-kernel', 'bad-initrd', 'bad-elf', 'bad-image', 'bad-plugin', 'file-not-found'] as const)
    t.is(of(code), 65, code);
  for (const code of ['guest-unavailable', 'accelerator-unavailable', 'host-failure'] as const)
    t.is(of(code), 69, code);
  t.is(exitCodeOfError(new TypeError('ours')), 70);
});
