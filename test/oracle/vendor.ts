/**
 * What user programs see done differently by AMD's and Intel's processors, each within what the manuals leave open. The engines
 * do as the AMD processor did; where another one records or is asked, such cases are left out.
 */
import type { Case, State } from './cases.ts';
import { fxOffsets } from './machine.ts';
import { processorName } from './toolchain.ts';

/** An x87 exception waits: FSW.ES. */
const reports = ({ fx }: State): boolean => (fx[fxOffsets.fsw]! & 0x80) !== 0;

const differences: readonly { readonly why: string; readonly is: (item: Case) => boolean }[] = [
  {
    why: 'REP with a 32-bit address size: Intel clears the upper halves of rCX, rSI and rDI even where the count is zero',
    is: ({ text, mode }) => mode === 64 && /addr32 rep/.test(text),
  },
  {
    why: 'REPE and REPNE that fault after some iterations: the flags are those of the last one on AMD, not yet so on Intel',
    is: ({ text, fault }) => fault !== undefined && /rep\w+ (cmps|scas)/.test(text),
  },
  {
    why: 'BOUND over a page that is not there: Intel compares the lower bound before it reads the upper one',
    is: ({ text, fault }) => fault !== undefined && /bound /.test(text),
  },
  {
    why: 'an x87 store with an exception to report and no page to write to: the page fault comes first on AMD',
    is: ({ text, fault, after }) => (fault !== undefined || reports(after)) && /\bf(st|ist|bst)\w* .*ptr/.test(text),
  },
  {
    why: 'PUSH of a segment register leaves the upper half of its place alone on Intel',
    is: ({ text }) => /push (es|cs|ss|ds)/.test(text),
  },
  {
    why: 'an MMX instruction that faults on memory has made TOP zero already on Intel',
    is: ({ text, fault }) => fault !== undefined && /\bmm\d/.test(text),
  },
];

export const vendorDependent = (item: Case): boolean => differences.some(({ is }) => is(item));

/** Whether such cases say anything about the engines when this machine's processor runs them. */
export const comparable = (): ((item: Case) => boolean) =>
  /AuthenticAMD/.test(processorName()) ? () => true : item => !vendorDependent(item);
