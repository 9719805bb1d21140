/** Gets and sets a CPU's whole state by component (cpu-state.ts): the API's edge, where BigInt is welcome. */
import { MachineError } from '../../board/framework/error.ts';
import {
  type BranchState,
  type CpuState,
  type CpuStateChange,
  type SegmentState,
  type SegmentsState,
  type StateComponent,
  stateComponents,
  type TableState,
} from './cpu-state.ts';
import { fxsaveSize, readFpuImage, writeFpuImage } from './fpu-image.ts';
import {
  branchFrom,
  branchRecords,
  branchTo,
  gprOffset,
  state as layout,
  Segment,
  type StateName,
  segmentBase,
  vectorSize,
  ymmHighOffset,
} from './layout.ts';
import { InterruptShadow, shadowBy } from './registers.ts';
import type { StateBlock } from './state-block.ts';

/** A CPU, as far as its state is concerned. */
export interface StateHolder {
  readonly state: StateBlock;
  nmiBlocked: boolean;
  /** HLT has retired and nothing has woken the CPU yet. */
  halted: boolean;
  /** CR8, 0 to 15. */
  taskPriority: number;
  /** The time-stamp counter without this CPU's offset. */
  readonly ticks: number;
  /** These components were written from outside: whatever is derived from them is to be derived anew. */
  stateWritten(components: readonly StateComponent[]): void;
}

const ordinary = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;
const tables = ['gdtr', 'idtr'] as const;
const debugRegisters = ['dr0', 'dr1', 'dr2', 'dr3', 'dr6', 'dr7'] as const;
const branchRegisters = ['debugControl', 'branchSelect', 'branchTop', 'exceptionFrom', 'exceptionTo'] as const;
const controlRegisters = ['cr0', 'cr2', 'cr3', 'cr4', 'xcr0'] as const;
const msrs = [
  'efer',
  'star',
  'lstar',
  'cstar',
  'sfmask',
  'kernelGsBase',
  'sysenterCs',
  'sysenterEsp',
  'sysenterEip',
  'pat',
] as const;

const readers: { readonly [C in StateComponent]: (holder: StateHolder) => CpuState[C] } = {
  general: ({ state }) => ({
    registers: Array.from({ length: 16 }, (_, n) => state.getBig(gprOffset(n))),
    rip: state.get(layout.rip),
    rflags: BigInt(state.flags),
  }),
  segments: ({ state }) => {
    const segment = (name: (typeof ordinary)[number]): SegmentState => ({
      selector: state.selector(Segment[name]),
      attributes: state.attributes(Segment[name]),
      limit: state.limit(Segment[name]),
      base: state.get(segmentBase(Segment[name])),
    });
    const table = (name: (typeof tables)[number]): TableState => ({
      limit: state.limit(Segment[name]),
      base: state.get(segmentBase(Segment[name])),
    });
    return Object.fromEntries([
      ...ordinary.map(name => [name, segment(name)]),
      ...tables.map(name => [name, table(name)]),
    ]) as unknown as SegmentsState;
  },
  controls: holder => ({
    ...(pick(holder.state, controlRegisters) as Omit<CpuState['controls'], 'cr8'>),
    cr8: BigInt(holder.taskPriority),
  }),
  debug: ({ state }) => {
    const registers = pick(state, debugRegisters) as CpuState['debug'];
    const branches = readBranches(state);
    const used = Object.values(branches)
      .flat()
      .some(value => value !== 0n);
    return used ? { ...registers, branches } : registers;
  },
  msrs: holder => ({
    ...(pick(holder.state, msrs) as Omit<CpuState['msrs'], 'tsc'>),
    tsc: BigInt.asUintN(64, BigInt(holder.ticks) + holder.state.get(layout.tscOffset)),
  }),
  interrupts: holder => ({
    shadow: holder.state.interruptShadow !== 0,
    nmiBlocked: holder.nmiBlocked,
    halted: holder.halted,
  }),
  fpu: ({ state }) => {
    const image = new Uint8Array(fxsaveSize);
    readFpuImage(state, image);
    return image;
  },
  vector: ({ state }) => state.u8.slice(ymmHighOffset(0), ymmHighOffset(0) + vectorSize),
};

const writers: { readonly [C in StateComponent]: (holder: StateHolder, value: Required<CpuStateChange>[C]) => void } = {
  general({ state }, { registers, rip, rflags }) {
    for (let n = 0; n < 16; n++) state.setBig(gprOffset(n), registers[n] ?? 0n);
    state.set(layout.rip, rip);
    state.flags = Number(BigInt.asIntN(32, rflags));
  },
  segments({ state }, segments) {
    for (const name of ordinary) {
      const { selector, attributes, limit, base } = segments[name];
      state.setSegment(Segment[name], selector, attributes, limit | 0, 0, 0);
      state.set(segmentBase(Segment[name]), base);
    }
    for (const name of tables) {
      state.setSegment(Segment[name], 0, 0, segments[name].limit | 0, 0, 0);
      state.set(segmentBase(Segment[name]), segments[name].base);
    }
  },
  controls(holder, controls) {
    for (const name of controlRegisters) holder.state.set(layout[name], controls[name]);
    holder.taskPriority = Number(controls.cr8 & 0xfn);
  },
  debug({ state }, debug) {
    for (const name of debugRegisters) state.set(layout[name], debug[name]);
    for (const name of branchRegisters) state.set(layout[name], debug.branches?.[name] ?? 0n);
    for (let n = 0; n < branchRecords; n++) {
      state.set(branchFrom(n), debug.branches?.from[n] ?? 0n);
      state.set(branchTo(n), debug.branches?.to[n] ?? 0n);
    }
  },
  msrs(holder, values) {
    for (const name of msrs) holder.state.set(layout[name], values[name]);
    if (values.tsc !== undefined) holder.state.set(layout.tscOffset, values.tsc - BigInt(holder.ticks));
  },
  interrupts(holder, { shadow, nmiBlocked, halted }) {
    holder.state.interruptShadow = shadow ? shadowBy(holder.state.systemFlags) : InterruptShadow.none;
    holder.nmiBlocked = nmiBlocked;
    holder.halted = halted;
  },
  fpu({ state }, image) {
    if (image.length !== fxsaveSize)
      throw new MachineError('bad-state', `an FXSAVE image has ${fxsaveSize} bytes, not ${image.length}`);
    writeFpuImage(state, image);
  },
  vector({ state }, upper) {
    if (upper.length !== vectorSize)
      throw new MachineError(
        'bad-state',
        `upper halves of YMM registers have ${vectorSize} bytes, not ${upper.length}`,
      );
    state.u8.set(upper, ymmHighOffset(0));
  },
};

const readBranches = (state: StateBlock): BranchState => ({
  ...(pick(state, branchRegisters) as Omit<BranchState, 'from' | 'to'>),
  from: Array.from({ length: branchRecords }, (_, n) => state.get(branchFrom(n))),
  to: Array.from({ length: branchRecords }, (_, n) => state.get(branchTo(n))),
});

function pick<N extends StateName>(state: StateBlock, names: readonly N[]): Record<N, bigint> {
  return Object.fromEntries(names.map(name => [name, state.get(layout[name])])) as Record<N, bigint>;
}

/** The named components; all of them by default. */
export function getState<C extends StateComponent = StateComponent>(
  holder: StateHolder,
  components: readonly C[] = stateComponents as readonly C[],
): Pick<CpuState, C> {
  return Object.fromEntries(components.map(component => [component, readers[component](holder)])) as Pick<CpuState, C>;
}

/** Sets the components that are there. */
export function setState(holder: StateHolder, given: CpuStateChange): void {
  const components = stateComponents.filter(component => given[component] !== undefined);
  for (const component of components) {
    const write = writers[component] as (holder: StateHolder, value: unknown) => void;
    write(holder, given[component]);
  }
  if (components.length > 0) holder.stateWritten(components);
}

/** Where two states differ: `controls.cr3`, `fpu[24]` …; empty if they are equal. */
export function differences(left: CpuState, right: CpuState): string[] {
  return stateComponents.flatMap(component => compare(component, left[component], right[component]));
}

function compare(path: string, left: unknown, right: unknown): string[] {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    const at = left.findIndex((byte, index) => byte !== right[index]);
    return at < 0 && left.length === right.length ? [] : [`${path}[${at}]`];
  }
  if (typeof left === 'object' && left !== null && typeof right === 'object' && right !== null) {
    const names = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...names].flatMap(name =>
      compare(`${path}.${name}`, (left as Record<string, unknown>)[name], (right as Record<string, unknown>)[name]),
    );
  }
  return left === right ? [] : [path];
}
