/** A bare guest on any accelerator: 2 MiB of RAM with a hole, page tables, GDT, IDT, TSS, and buses that write everything down. */
import {
  type Accelerator,
  type AcceleratorOptions,
  type Exit,
  type HostBlock,
  MapAccess,
  type ProcessorBoard,
  type VirtualMachine,
  type VirtualProcessor,
} from '#accelerators';
import { assemble, type CpuModel, type CpuState, type InterruptController, type SegmentState } from '#core';
import { guestModel } from '#machines';

/** Makes an accelerator; one whose guests all have the same processor may ignore the options. */
export type CreateAccelerator = (options: AcceleratorOptions) => Accelerator;

export const at = {
  gdt: 0x1000,
  tss: 0x1800,
  idt: 0x2000,
  tables: 0x3000,
  /** Each vector's handler is a HLT here, 16 bytes apart, until a test puts something else there. */
  handlers: 0xa000,
  code: 0x1_0000,
  data: 0x2_0000,
  stack: 0x3_0000,
  userStack: 0x3_8000,
  /** No RAM from here to 1 MiB. */
  hole: 0xa_0000,
  /** MMIO. */
  device: 0xd000_0000,
} as const;

export const selector = {
  code: 0x08,
  data: 0x10,
  userCode: 0x2b,
  userData: 0x23,
  task: 0x30,
  code16: 0x40,
  data16: 0x48,
  code32: 0x50,
} as const;

const low = 0xa_0000;
const high = 0x10_0000;
const size = 0x20_0000;

/** The interrupt controller of a test: a queue of vectors, and an NMI line. */
export class Pins implements InterruptController {
  vectors: number[] = [];
  nmi = 0;
  taskPriority = 0;
  onChange: (() => void) | undefined = undefined;
  readonly taken: number[] = [];

  get pending(): boolean {
    return this.vectors.length > 0 && this.vectors[0] >> 4 > this.taskPriority;
  }
  acknowledge(): number {
    const vector = this.vectors.shift()!;
    this.taken.push(vector);
    return vector;
  }
  get nmiPending(): boolean {
    return this.nmi > 0;
  }
  acknowledgeNmi(): void {
    this.nmi--;
    this.taken.push(2);
  }
  raise(vector: number): void {
    this.vectors.push(vector);
    this.onChange?.();
  }
  raiseNmi(): void {
    this.nmi++;
    this.onChange?.();
  }
  clear(): void {
    this.vectors = [];
    this.nmi = 0;
    this.taken.length = 0;
    this.taskPriority = 0;
  }
}

export type Access = readonly [
  kind: 'in' | 'out' | 'read' | 'write' | 'rdmsr' | 'wrmsr',
  where: number,
  size: number,
  value: bigint,
];

/** A board with nothing on it. */
export const bareBoard = (): ProcessorBoard => ({
  ports: { read: () => 0xffff_ffff, write() {} },
  mmio: { read: (_address, _size, data) => data.setBigUint64(0, -1n), write() {} },
  msrs: { read: () => undefined, write: () => false },
  interrupts: [new Pins()],
  pacer: { remaining: () => 0 },
  timestamps: { changed() {} },
});

export interface GuestOptions {
  readonly processors?: number;
  /** Default: AMD's. */
  readonly cpu?: 'amd' | 'intel' | CpuModel;
  readonly exitOnPause?: boolean;
}

export class Guest {
  readonly accelerator: Accelerator;
  readonly machine: VirtualMachine;
  readonly block: HostBlock;
  readonly pins: readonly Pins[];
  /** Every access of the guest to the board, in order. */
  log: Access[] = [];
  /** What the board answers. */
  input: (port: number, size: number) => number = () => 0xffff_ffff;
  output: (port: number, size: number, value: number) => void = () => {};
  memory: (address: number, size: number) => bigint = () => 0xffff_ffff_ffff_ffffn;
  msr: (index: number) => bigint | undefined = () => undefined;
  /** A processor's time-stamp counter was set, and is now so far ahead of the accelerator's time. */
  timestampChanged: (processor: number, offset: bigint) => void = () => {};
  /** Whether entries are to end early. */
  isOverdue: () => boolean = () => false;
  #end = 0;

  constructor(
    readonly create: CreateAccelerator,
    readonly options: GuestOptions = {},
  ) {
    const { processors = 1, cpu = 'amd', exitOnPause = false } = options;
    const model = guestModel({ cpu, processors });
    this.accelerator = create({ memory: 2 * size, processors, cpu: model });
    this.pins = Array.from({ length: processors }, () => new Pins());
    const mask = (bytes: number, value: bigint): bigint => BigInt.asUintN(bytes * 8, value);
    this.machine = this.accelerator.createMachine({ processors, cpu: model });
    this.block = this.machine.allocate(size);
    this.machine.map(0, this.block, 0, low, MapAccess.all);
    this.machine.map(high, this.block, high, size - high, MapAccess.all);
    this.machine.powerOn({
      interrupts: this.pins,
      timestamps: { changed: (processor, offset) => this.timestampChanged(processor, offset) },
      pacer: { remaining: () => this.#end - this.accelerator.time.ticks, isOverdue: () => this.isOverdue() },
      exitOnPause,
      ports: {
        read: (port, bytes) => {
          const value = Number(mask(bytes, BigInt(this.input(port, bytes))));
          this.log.push(['in', port, bytes, BigInt(value)]);
          return value;
        },
        write: (port, bytes, value) => {
          this.log.push(['out', port, bytes, mask(bytes, BigInt(value))]);
          this.output(port, bytes, value);
        },
      },
      mmio: {
        read: (address, bytes, data) => {
          const value = mask(bytes, this.memory(address, bytes));
          this.log.push(['read', address, bytes, value]);
          data.setBigUint64(0, value, true);
        },
        write: (address, bytes, data) => {
          this.log.push(['write', address, bytes, mask(bytes, data.getBigUint64(0, true))]);
        },
      },
      msrs: {
        read: (_processor, index) => {
          const value = this.msr(index);
          this.log.push(['rdmsr', index, 8, value ?? -1n]);
          return value;
        },
        write: (_processor, index, value) => {
          this.log.push(['wrmsr', index, 8, value]);
          return this.msr(index) !== undefined;
        },
      },
    });
    this.reset();
  }

  /** Another one on an accelerator of its own. */
  another(options: GuestOptions): Guest {
    return new Guest(this.create, { ...this.options, ...options });
  }

  get processor(): VirtualProcessor {
    return this.machine.processors[0];
  }
  get pin(): Pins {
    return this.pins[0];
  }
  get bytes(): Uint8Array {
    return this.block.bytes;
  }
  get view(): DataView {
    const { buffer, byteOffset, length } = this.block.bytes;
    return new DataView(buffer, byteOffset, length);
  }

  /** As new: for the next test. */
  reset(): this {
    this.block.bytes.fill(0);
    this.block.written(0, size);
    this.log = [];
    this.input = () => 0xffff_ffff;
    this.output = () => {};
    this.memory = () => 0xffff_ffff_ffff_ffffn;
    this.msr = () => undefined;
    this.timestampChanged = () => {};
    this.isOverdue = () => false;
    for (const pins of this.pins) pins.clear();
    for (const processor of this.machine.processors) {
      processor.init();
      // INIT leaves them alone.
      processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false }, fpu: freshFpu() });
    }
    this.bytes.fill(0xf4, at.handlers, at.handlers + 256 * 16);
    return this;
  }

  put(address: number, ...words: readonly number[]): void {
    words.forEach((word, n) => {
      this.view.setInt32(address + 4 * n, word, true);
    });
    this.block.written(address, words.length * 4);
  }
  get32(address: number): number {
    return this.view.getUint32(address, true);
  }
  get64(address: number): bigint {
    return this.view.getBigUint64(address, true);
  }

  load(
    bits: 16 | 32 | 64,
    source: string,
    origin: number = at.code,
    addressOrigin = origin,
  ): ReadonlyMap<string, bigint> {
    const { bytes, symbols } = assemble(bits, source, { origin: addressOrigin });
    this.write(origin, bytes);
    return symbols;
  }
  write(address: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, address);
    this.block.written(address, bytes.length);
  }

  #descriptors(): void {
    const flat = 0x00cf_0000;
    this.put(
      at.gdt + 0x08,
      0xffff,
      0x00af_9b00,
      0xffff,
      flat | 0x9300,
      0xffff,
      flat | 0xfb00,
      0xffff,
      flat | 0xf300,
      0xffff,
      0x00af_fb00,
    );
    this.put(
      at.gdt + selector.task,
      0x67 | (at.tss << 16),
      0x8b00,
      0,
      0,
      0xffff,
      0x9b00,
      0xffff,
      0x9300,
      0xffff,
      flat | 0x9b00,
    );
  }

  /** A 64-bit gate; type 14 interrupt, 15 trap. */
  gate(vector: number, target: number = at.handlers + 16 * vector, { type = 14, dpl = 0, stack = 0 } = {}): void {
    const where = at.idt + vector * 16;
    this.put(
      where,
      (target & 0xffff) | (selector.code << 16),
      (target & 0xffff_0000) | 0x8000 | (dpl << 13) | (type << 8) | stack,
      0,
      0,
    );
  }

  /** 64-bit mode, CPL 0: 4 GiB mapped one to one by 2 MiB pages, the first 2 MiB by pages of 4 KiB. */
  long(source?: string, registers: Readonly<Record<string, bigint | number>> = {}): this {
    this.#descriptors();
    const { tables } = at;
    this.put(tables, (tables + 0x1000) | 7, 0);
    for (let n = 0; n < 4; n++) this.put(tables + 0x1000 + 8 * n, (tables + 0x2000 + 0x1000 * n) | 7, 0);
    for (let n = 0; n < 4 * 512; n++) this.put(tables + 0x2000 + 8 * n, (n * 0x20_0000) | 0x87, 0);
    this.put(tables + 0x2000, (tables + 0x6000) | 7, 0);
    for (let n = 0; n < 512; n++) this.put(tables + 0x6000 + 8 * n, (n << 12) | 7, 0);
    this.put(at.tss + 4, at.stack, 0);
    for (let vector = 0; vector < 256; vector++) this.gate(vector);
    this.#start('long', registers);
    if (source !== undefined) this.load(64, source);
    return this;
  }

  /** Entry of the page table for one of the first 512 pages. */
  page(index: number, low32: number, high32 = 0): void {
    this.put(at.tables + 0x6000 + 8 * index, low32, high32);
  }

  /** 32-bit protected mode without paging, flat. */
  protected(source?: string, registers: Readonly<Record<string, bigint | number>> = {}): this {
    this.#descriptors();
    this.put(at.tss + 4, at.stack);
    this.put(at.tss + 8, selector.data);
    for (let vector = 0; vector < 256; vector++) {
      const target = at.handlers + 16 * vector;
      this.put(at.idt + vector * 8, (target & 0xffff) | (selector.code32 << 16), (target & 0xffff_0000) | 0x8e00);
    }
    this.#start('protected', registers);
    if (source !== undefined) this.load(32, source);
    return this;
  }

  /** Real mode: CS at `code`, SS at `stack`, the others at `data`; vectors lead to `handlers`. */
  real(source?: string, registers: Readonly<Record<string, bigint | number>> = {}): this {
    for (let vector = 0; vector < 256; vector++) this.put(vector * 4, (at.handlers << 12) | (16 * vector));
    this.#start('real', registers);
    if (source !== undefined) this.load(16, source, at.code, 0);
    return this;
  }

  #start(mode: 'real' | 'protected' | 'long', registers: Readonly<Record<string, bigint | number>>): void {
    const { processor } = this;
    const state = processor.getState();
    const paragraph = (base: number): SegmentState => ({
      selector: base >> 4,
      attributes: 0x93,
      limit: 0xffff,
      base: BigInt(base),
    });
    const flat = (value: number, attributes: number): SegmentState => ({
      selector: value,
      attributes,
      limit: 0xffff_ffff,
      base: 0n,
    });
    const data = mode === 'real' ? paragraph(at.data) : flat(selector.data, 0xc93);
    const values = state.general.registers.map((_, n) => BigInt(registers[registerNames[n]] ?? 0));
    if (registers.rsp === undefined) values[4] = mode === 'real' ? 0x1000n : BigInt(at.stack);
    processor.setState({
      general: {
        registers: values,
        rip: mode === 'real' ? 0n : BigInt(at.code),
        rflags: BigInt(registers.rflags ?? 2),
      },
      segments: {
        ...state.segments,
        es: data,
        ds: data,
        fs: data,
        gs: data,
        ss: mode === 'real' ? paragraph(at.stack) : data,
        cs:
          mode === 'real'
            ? { ...paragraph(at.code), attributes: 0x9b }
            : mode === 'long'
              ? flat(selector.code, 0xa9b)
              : flat(selector.code32, 0xc9b),
        ldtr: { selector: 0, attributes: 0x82, limit: 0xffff, base: 0n },
        tr:
          mode === 'real'
            ? state.segments.tr
            : { selector: selector.task, attributes: 0x8b, limit: 0x67, base: BigInt(at.tss) },
        gdtr: { limit: 0x57, base: BigInt(at.gdt) },
        idtr:
          mode === 'real'
            ? { limit: 0x3ff, base: 0n }
            : { limit: 256 * (mode === 'long' ? 16 : 8) - 1, base: BigInt(at.idt) },
      },
      controls: {
        ...state.controls,
        cr0: { real: 0x30n, protected: 0x31n, long: 0x8001_0031n }[mode],
        cr3: mode === 'long' ? BigInt(at.tables) : 0n,
        cr4: mode === 'long' ? 0x620n : 0x600n,
      },
      msrs: { ...state.msrs, efer: mode === 'long' ? 0xd01n : 0n },
    });
  }

  /** Runs for at most so many instructions. */
  run(instructions = 100_000): Exit {
    this.pace(instructions);
    return this.processor.run();
  }
  /** From within a run: it is to end after so many instructions. */
  pace(instructions: number): void {
    this.#end = this.accelerator.time.ticks + instructions;
  }

  get state(): CpuState {
    return this.processor.getState();
  }
  get rip(): number {
    return Number(this.processor.getState('general').general.rip);
  }
  register(name: string): bigint {
    return this.processor.getState('general').general.registers[registerNames.indexOf(name)];
  }
  set(registers: Readonly<Record<string, bigint | number>>): void {
    const { general } = this.processor.getState('general');
    const values = general.registers.map((value, n) => BigInt(registers[registerNames[n]] ?? value));
    this.processor.setState({
      general: {
        registers: values,
        rip: BigInt(registers.rip ?? general.rip),
        rflags: BigInt(registers.rflags ?? general.rflags),
      },
    });
  }
  /** The vector whose handler has halted, or -1. */
  get vector(): number {
    const { general, segments } = this.processor.getState('general', 'segments');
    const at16 = (Number(general.rip + segments.cs.base) - 1 - at.handlers) / 16;
    return Number.isInteger(at16) && at16 >= 0 && at16 < 256 ? at16 : -1;
  }
}

export const registerNames: readonly string[] = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];

/** After FNINIT, with MXCSR as after power-on. */
function freshFpu(): Uint8Array {
  const image = new Uint8Array(512);
  const view = new DataView(image.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint32(24, 0x1f80, true);
  view.setUint32(28, 0xffff, true);
  return image;
}
