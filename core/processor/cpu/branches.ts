/**
 * DEBUGCTL: last-branch records, and single steps from branch to branch (SDM vol. 3, sections 18.4 and 18.9; APM vol. 2, section 13.1.1).
 * An AMD processor keeps one record, an Intel processor of this model sixteen, which LBR_SELECT may narrow down. Addresses are offsets
 * in the code segment.
 */
import type { Form, Vendor } from '../isa/form.ts';
import { branchFrom, branchRecords, branchTo, type Field, state as layout } from '../state/layout.ts';
import { DebugControl } from '../state/registers.ts';
import type { CpuCore } from './core.ts';
import type { CpuModel } from './model.ts';
import type { StoredMsr } from './stored-msr.ts';

/** Bits of LBR_SELECT keep a kind out: bit n + 1 for kind n. */
export const Branch = {
  none: 0,
  conditional: 1,
  relativeCall: 2,
  indirectCall: 3,
  return: 4,
  indirectJump: 5,
  relativeJump: 6,
  /** Far transfers, system calls, interrupts and exceptions. */
  far: 7,
} as const;
const Select = { supervisor: 1 << 0, user: 1 << 1, callStack: 1 << 9, defined: 0x3ff } as const;

export function kindOfBranch({ instruction, operands }: Form): number {
  const isRelative = operands[0]?.kind === 'relative';
  switch (instruction.branch) {
    case 'jump':
      return isRelative ? Branch.relativeJump : Branch.indirectJump;
    case 'call':
      return isRelative ? Branch.relativeCall : Branch.indirectCall;
    default:
      return instruction.branch ? Branch[instruction.branch] : Branch.none;
  }
}

/** A branch has been taken to where RIP is now. */
export function recordBranch(cpu: CpuCore, kind: number, fromLow: number, fromHigh: number): void {
  const { model, state } = cpu;
  if ((state.get32(layout.debugControl.offset) & DebugControl.lbr) === 0) return;
  let top = 0;
  if (model.vendor === 'intel') {
    const select = state.get32(layout.branchSelect.offset);
    const level = state.cpl === 0 ? Select.supervisor : Select.user;
    if ((select & (level | (1 << (kind + 1)))) !== 0) return;
    // As a stack of calls: a return takes the last one away.
    const pops = (select & Select.callStack) !== 0 && kind === Branch.return;
    top = (state.get32(layout.branchTop.offset) + (pops ? -1 : 1)) & (branchRecords - 1);
    state.set32(layout.branchTop.offset, top);
    if (pops) return;
  }
  state.set64(branchFrom(top).offset, fromLow, fromHigh);
  state.copy64(branchTo(top).offset, layout.rip.offset);
}

/** An interrupt or an exception has been delivered: what came before it is kept. */
export function recordEvent(cpu: CpuCore, fromLow: number, fromHigh: number): void {
  const { state } = cpu;
  if ((state.get32(layout.debugControl.offset) & DebugControl.lbr) === 0) return;
  const top = state.get32(layout.branchTop.offset) & (branchRecords - 1);
  state.copy64(layout.exceptionFrom.offset, branchFrom(top).offset);
  state.copy64(layout.exceptionTo.offset, branchTo(top).offset);
  recordBranch(cpu, Branch.far, fromLow, fromHigh);
}

/** A debug exception ends both; the records stay. */
export function endBranchControl({ state }: CpuCore): void {
  const { offset } = layout.debugControl;
  state.set32(offset, state.get32(offset) & ~(DebugControl.lbr | DebugControl.btf));
}

/** DEBUGCTL's bits. AMD: four pins that nothing is connected to. Intel: no branch trace store, no performance monitoring to freeze with. */
const defined = { amd: 0x3f, intel: DebugControl.lbr | DebugControl.btf } as const;
export const debugControlDefined = ({ debugControl, vendor }: CpuModel): number => (debugControl ? defined[vendor] : 0);

export const debugControlMsr = 0x1d9;
const records = (first: number, place: (index: number) => Field): [number, StoredMsr][] =>
  Array.from({ length: branchRecords }, (_, n) => [first + n, { offset: place(n).offset, rule: 'canonical' }]);
const common = (vendor: Vendor): [number, StoredMsr][] => [
  [debugControlMsr, { offset: layout.debugControl.offset, rule: defined[vendor] }],
  [0x1dd, { offset: layout.exceptionFrom.offset, rule: 'none' }],
  [0x1de, { offset: layout.exceptionTo.offset, rule: 'none' }],
];

export const branchMsrs: Readonly<Record<Vendor, ReadonlyMap<number, StoredMsr>>> = {
  amd: new Map([
    ...common('amd'),
    [0x1db, { offset: branchFrom(0).offset, rule: 'none' }],
    [0x1dc, { offset: branchTo(0).offset, rule: 'none' }],
  ]),
  intel: new Map([
    ...common('intel'),
    [0x1c8, { offset: layout.branchSelect.offset, rule: Select.defined }],
    [0x1c9, { offset: layout.branchTop.offset, rule: branchRecords - 1 }],
    ...records(0x680, branchFrom),
    ...records(0x6c0, branchTo),
  ]),
};
