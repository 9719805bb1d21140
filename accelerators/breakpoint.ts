/** Breakpoints of a debugger that the guest cannot see, and what can be asked of an accelerator. */
import { MachineError } from '#core';
import type { Features } from './features.ts';

export interface Breakpoint {
  /** `code`: before the instruction there is executed. `write`, `access`: after an instruction that has written, or read or written. */
  readonly kind: 'code' | 'write' | 'access';
  /** Linear, unsigned. A multiple of `length`. */
  readonly address: bigint;
  /** In bytes; 1 for code. */
  readonly length: 1 | 2 | 4 | 8;
}

const kinds: readonly string[] = ['code', 'write', 'access'];
const lengths: readonly number[] = [1, 2, 4, 8];

function check({ kind, address, length }: Breakpoint): void {
  const refuse = (message: string, remedy: string): never => {
    throw new MachineError('bad-call', message, { remedy });
  };
  if (!kinds.includes(kind)) refuse(`there are no breakpoints of the kind ${kind}`, 'give code, write or access');
  if (typeof address !== 'bigint' || BigInt.asUintN(64, address) !== address)
    refuse(`${address} is no linear address`, 'give a bigint of 64 bits, unsigned');
  if (!lengths.includes(length)) refuse(`no breakpoint is ${length} bytes long`, 'give 1, 2, 4 or 8');
  if (kind === 'code' && length !== 1) refuse(`a breakpoint on code is not ${length} bytes long`, 'give the length 1');
  if (address % BigInt(length))
    refuse(`0x${address.toString(16)} is no multiple of ${length}`, 'watch parts that are aligned, or fewer bytes');
}

/** Throws a MachineError for what is no breakpoint, and for more of them than an accelerator has. */
export function checkBreakpoints(list: readonly Breakpoint[], features: Features): void {
  for (const each of list) check(each);
  const { codeBreakpoints, dataBreakpoints } = features;
  const code = list.filter(({ kind }) => kind === 'code').length;
  const data = list.length - code;
  // Where code has no end of its own, data has: one set of registers serves both.
  const room = Math.max(codeBreakpoints, dataBreakpoints);
  if (code <= codeBreakpoints && data <= dataBreakpoints && list.length <= room) return;
  throw new MachineError('bad-call', `${code} breakpoints on code and ${data} on data are more than there are here`, {
    remedy: `set at most ${room} at a time, ${dataBreakpoints} of them on data`,
  });
}
