/**
 * An emulated physical computer: processors of one model over physical memory, all in one WebAssembly memory, with the engine that
 * runs them and the time that passes on it.
 */

import { MachineError } from '../../board/framework/error.ts';
import type { Entropy } from '../../board/host/entropy.ts';
import { decodeFeatures } from '../decode/decoder.ts';
import { CodeCache } from '../interpreter/code-cache.ts';
import { quickenLookup } from '../interpreter/fast-lookup.ts';
import type { EngineImports } from '../interpreter/imports.ts';
import { Interpreter } from '../interpreter/interpreter.ts';
import { type HelperName, helperNames, helpers } from '../ir/helpers.ts';
import type { Vendor } from '../isa/form.ts';
import { Jit } from '../jit/jit.ts';
import { pageSize } from '../memory/page.ts';
import { PhysicalMemory } from '../memory/physical-memory.ts';
import { commitBounce, fetcher, quicken, tableFinder } from '../mmu/fast-walk.ts';
import { blockSize, state as layout } from '../state/layout.ts';
import { Leave, Status } from '../state/leave.ts';
import { StateBlock } from '../state/state-block.ts';
import { type DeviceMemory, LiveAssist } from './assist/live.ts';
import { callHelper } from './core.ts';
import { Cpu } from './cpu.ts';
import { createVirtualization } from './create-virtualization.ts';
import { helperImplementations } from './helpers/index.ts';
import type { HostComputer } from './host-cpu.ts';
import { HostRam } from './host-memory.ts';
import { HostProcessor } from './host-processor.ts';
import type { CpuModel } from './model.ts';

export interface HostOptions {
  readonly model: CpuModel;
  readonly processors?: number;
  /** Bytes of physical memory. */
  readonly memory: number;
  /** The host clock, in nanoseconds; without it time passes with the instructions. */
  readonly time?: () => number;
  readonly engine?: 'interpreter' | 'jit';
  /** Bytes for decoded code. */
  readonly codeArena?: number;
  readonly entropy?: Entropy;
  /** `empty`: no memory is mapped; whoever made the host maps regions of `ram` himself. */
  readonly physicalMap?: 'identity' | 'empty';
}

const constants = 0x1_0000;
const blockShift = Math.log2(blockSize);
/** Pages below RAM and the arena, at most. */
const spare = 0x2000;
const wasmPage = 0x1_0000;
const wasmLimit = 2 ** 32;
const defaultArena = 0x400_0000;

export class Host implements HostComputer {
  /** The processors as their emulation sees them. */
  readonly processors: readonly Cpu[];
  /** The processors as a driver on them does. */
  readonly cpus: readonly HostProcessor[];
  readonly dialect: Vendor;
  readonly memory: HostRam;
  readonly physical: PhysicalMemory;
  readonly linear: WebAssembly.Memory;
  readonly time: HostTime;
  /** The second tier, if it runs there. */
  jit: Jit | undefined;

  constructor(options: HostOptions) {
    const { model, processors = 1, memory, engine = 'interpreter', codeArena = defaultArena, physicalMap } = options;
    this.dialect = model.dialect;
    if (!Number.isInteger(processors) || processors < 1 || processors > 255)
      throw new MachineError('bad-option', `an emulated host cannot have ${processors} processors`);
    const codePages = constants + processors * blockSize;
    const size = roundUp(memory);
    const arena = { base: codePages + roundUp((size + codeArena) / pageSize + spare), size: roundUp(codeArena) };
    const ramBase = arena.base + arena.size;
    if (!(memory > 0) || ramBase + size > wasmLimit)
      throw new MachineError('does-not-fit', `${memory} bytes do not fit the emulated host`, {
        remedy: `at most ${Math.floor((wasmLimit - ramBase) / 2 ** 20)} MiB are possible`,
      });
    const pages = (ramBase + size) / wasmPage;
    this.linear = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { buffer } = this.linear;
    this.physical = new PhysicalMemory(buffer, codePages);
    this.memory = new HostRam(this.physical, ramBase, size, this.linear);
    if (physicalMap !== 'empty') this.physical.map({ base: 0, size, offset: ramBase, writable: true });

    this.time = new HostTime(options.time);
    this.processors = Array.from({ length: processors }, (_, index) => {
      const state = new StateBlock(buffer, constants + index * blockSize);
      return new Cpu({ index, state, physical: this.physical, model, ticks: this.time.read, entropy: options.entropy });
    });
    this.time.processors = this.processors;
    for (const cpu of this.processors) {
      cpu.virtualization = createVirtualization(cpu, this.linear);
      const assist = new LiveAssist(cpu, emptyBus, helperImplementations);
      cpu.performAlone = () => assist.perform();
      cpu.foresee = () => assist.foresee();
    }
    this.#connectEngine(engine, arena, model);
    for (const cpu of this.processors) cpu.powerOn();
    this.cpus = this.processors.map(cpu => new HostProcessor(cpu, this));
  }

  /** Bytes of physical memory. */
  get size(): number {
    return this.memory.size;
  }

  #connectEngine(kind: 'interpreter' | 'jit', arena: { base: number; size: number }, model: CpuModel): void {
    const { processors } = this;
    const cpuAt = (block: number): Cpu => processors[((block - constants) >>> 0) >>> blockShift];
    const quickFetch = fetcher(this.linear);
    const imports: EngineImports = {
      translateRead: (block, low, high, bytes) => cpuAt(block).mmu.translateRead(low, high, bytes),
      translateWrite: (block, low, high, bytes) => cpuAt(block).mmu.translateWrite(low, high, bytes),
      commitBounce: commitBounce(this.linear),
      forgetCode: block => {
        const { state } = cpuAt(block);
        if (state.leave !== Leave.codeWrite) return false;
        this.physical.overwritten(state.low(layout.leaveAddress.offset), state.get32(layout.leaveAccess.offset));
        return true;
      },
      quicken: (slow, write) => quicken(this.linear, slow, write),
      linear: (block, segment, low, high, access) => cpuAt(block).mmu.linear(segment, low, high, access),
      lookup: quickenLookup(this.linear, quickFetch, block => {
        const cpu = cpuAt(block);
        // Decoding takes microseconds, and code that changes itself is decoded without end.
        return cpu.putsOff() ? 0 : cache.lookup(block, cpu.index, cpu.mmu);
      }),
      helpers: Object.fromEntries(
        helperNames.map(name => {
          const implementation = helperImplementations[name];
          if (!helpers[name].dear) return [name, (block: number) => callHelper(cpuAt(block), implementation)];
          const call = (block: number): number => {
            const cpu = cpuAt(block);
            return cpu.putsOff() ? Status.exit : callHelper(cpu, implementation);
          };
          return [name, call];
        }),
      ) as Record<HelperName, (block: number) => number>,
      ...(kind === 'jit' ? { promote: (_block, record, table) => jit.promote(record, table) } : {}),
    };
    const interpreter = new Interpreter(this.linear, imports);
    const cache = new CodeCache(this.physical, arena, decodeFeatures(model.features), interpreter);
    cache.flushed = () => {
      for (const { mmu } of this.processors) mmu.tlb.clearFetches();
    };
    const jit = kind === 'jit' ? new Jit(interpreter, cache, this.physical) : (undefined as unknown as Jit);
    this.jit = jit;
    const quickTable = tableFinder(this.linear);
    for (const cpu of this.processors) {
      cpu.mmu.quickFetch = quickFetch;
      cpu.mmu.paging.quickTable = quickTable;
      cpu.engine = kind === 'jit' ? (block, budget) => jit.run(block, budget) : interpreter.run;
      cpu.state.set32(layout.codeTables.offset, cache.tables);
      if (kind === 'jit') cpu.state.set32(layout.codeCounters.offset, cache.counterBase);
    }
  }
}

/**
 * Nanoseconds since power-on. Without a host clock: instructions retired by all processors, those that a hypervisor accounted for its
 * guests, and idle time skipped.
 */
export class HostTime {
  processors: readonly Cpu[] = [];
  #extra = 0;
  #holds = 0;
  /** The host clock's reading while time is held. */
  #moment = 0;
  #latest = Number.NEGATIVE_INFINITY;

  constructor(private readonly clock: (() => number) | undefined) {
    if (clock) this.#extra = -this.#look(clock);
  }

  readonly read = (): number => this.ticks;

  get ticks(): number {
    if (this.clock) return (this.#holds > 0 ? this.#moment : this.#look(this.clock)) + this.#extra;
    let sum = this.#extra;
    for (const cpu of this.processors) sum += cpu.retired + cpu.progress;
    return sum;
  }

  /** For a machine that takes up another life. */
  set ticks(now: number) {
    this.#extra += now - this.ticks;
  }

  skip(ticks: number): void {
    if (ticks > 0) this.#extra += ticks;
  }

  /** Time stands still until it is released as often as it was held: what is done meanwhile happens at one moment. */
  hold(): void {
    if (this.#holds++ === 0 && this.clock) this.#moment = this.#look(this.clock);
  }

  release(): void {
    this.#holds--;
  }

  /** A host clock that is set back must not take the machine's time along. */
  #look(clock: () => number): number {
    this.#latest = Math.max(this.#latest, Math.floor(clock()));
    return this.#latest;
  }
}

/** No memory answers: all ones. */
const emptyBus: DeviceMemory = {
  read: (_physical, bytes, data) => {
    for (let n = 0; n < bytes; n++) data.setUint8(n, 0xff);
  },
  write() {},
};

const roundUp = (bytes: number): number => Math.ceil(bytes / wasmPage) * wasmPage;

export const createHost = (options: HostOptions): Host => new Host(options);
