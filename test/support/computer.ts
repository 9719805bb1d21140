/** One emulated CPU over real page tables, GDT, IDT and TSS, for programs in assembly. Everything lies at fixed, low addresses. */
import type { Cpu } from '../../core/processor/cpu/cpu.ts';
import type { CpuExit } from '../../core/processor/cpu/exit.ts';
import { createHost, type Host, type HostOptions } from '../../core/processor/cpu/host.ts';
import type { CpuModel } from '../../core/processor/cpu/model.ts';
import { amd } from '../../core/processor/cpu/models.ts';
import { assemble } from '../../core/processor/decode/assembler/assembler.ts';
import { state as layout, Segment } from '../../core/processor/state/layout.ts';
import { Cr0, Cr4, Efer, gprNames } from '../../core/processor/state/registers.ts';

export const place = {
  gdt: 0x1000,
  tss: 0x1800,
  idt: 0x2000,
  tables: 0x3000,
  code: 0x10000,
  handlers: 0x18000,
  data: 0x20000,
  stack: 0x30000,
  innerStack: 0x34000,
  specialStack: 0x38000,
  userStack: 0x3c000,
} as const;

export const selector = {
  code: 0x08,
  data: 0x10,
  userCode32: 0x1b,
  userData: 0x23,
  userCode: 0x2b,
  task: 0x30,
  code16: 0x40,
  code32: 0x48,
} as const;

export class Computer {
  readonly host: Host;
  readonly cpu: Cpu;
  readonly view: DataView;
  symbols: ReadonlyMap<string, number | bigint> = new Map();

  constructor(model: CpuModel = amd(), options: Partial<HostOptions> = {}) {
    this.host = createHost({ model, memory: 0x20_0000, codeArena: 0x100_0000, ...options });
    this.cpu = this.host.processors[0];
    this.view = new DataView(this.host.linear.buffer, this.host.memory.base);
  }

  put64(at: number, low: number, high = 0): void {
    this.view.setInt32(at, low, true);
    this.view.setInt32(at + 4, high, true);
  }
  get64(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }
  get32(at: number): number {
    return this.view.getUint32(at, true);
  }

  load(bits: 16 | 32 | 64, source: string, origin: number = place.code): Uint8Array {
    const { bytes } = assemble(bits, source, { origin });
    this.host.memory.bytes.set(bytes, this.host.memory.offset(origin));
    this.host.memory.written(origin, bytes.length);
    return bytes;
  }

  descriptors(): void {
    const flat = 0x00cf_0000;
    this.put64(place.gdt + 0x08, 0xffff, 0x00af_9b00);
    this.put64(place.gdt + 0x10, 0xffff, flat | 0x9300);
    this.put64(place.gdt + 0x18, 0xffff, flat | 0xfb00);
    this.put64(place.gdt + 0x20, 0xffff, flat | 0xf300);
    this.put64(place.gdt + 0x28, 0xffff, 0x00af_fb00);
    this.put64(place.gdt + 0x30, 0x67 | (place.tss << 16), 0x8900);
    this.put64(place.gdt + 0x38, 0);
    this.put64(place.gdt + 0x40, 0xffff, 0x0000_9b00);
    this.put64(place.gdt + 0x48, 0xffff, flat | 0x9b00);
  }

  /** A gate of the IDT: type 14 interrupt, 15 trap; DPL; IST. */
  gate(vector: number, target: number, { type = 14, dpl = 0, stack = 0, code = selector.code as number } = {}): void {
    const at = place.idt + vector * 16;
    this.put64(
      at,
      (target & 0xffff) | (code << 16),
      (target & 0xffff_0000) | 0x8000 | (dpl << 13) | (type << 8) | stack,
    );
    this.put64(at + 8, 0);
  }
  gate32(vector: number, target: number, { type = 14, dpl = 0, code = selector.code32 as number } = {}): void {
    const at = place.idt + vector * 8;
    this.put64(at, (target & 0xffff) | (code << 16), (target & 0xffff_0000) | 0x8000 | (dpl << 13) | (type << 8));
  }

  /** 64-bit mode at CPL 0, the first 2 MiB mapped one to one in pages of 4 KiB, user pages all of them. */
  long(): this {
    const { state } = this.cpu;
    this.descriptors();
    const { tables } = place;
    this.put64(tables, (tables + 0x1000) | 7);
    this.put64(tables + 0x1000, (tables + 0x2000) | 7);
    this.put64(tables + 0x2000, (tables + 0x3000) | 7);
    for (let page = 0; page < 512; page++) this.put64(tables + 0x3000 + page * 8, (page << 12) | 7);
    this.put64(place.tss + 4, place.innerStack);
    this.put64(place.tss + 0x24, place.specialStack);
    state.cr0 = Cr0.pe | Cr0.pg | Cr0.ne | Cr0.wp | Cr0.et;
    state.cr4 = Cr4.pae | Cr4.osfxsr | Cr4.osxmmexcpt;
    state.efer = Efer.lme | Efer.lma | Efer.nxe | Efer.sce;
    state.set64(layout.cr3.offset, tables, 0);
    state.setSegment(Segment.cs, selector.code, 0xa9b, -1, 0, 0);
    for (const segment of [Segment.es, Segment.ss, Segment.ds, Segment.fs, Segment.gs])
      state.setSegment(segment, selector.data, 0xc93, -1, 0, 0);
    state.setSegment(Segment.tr, selector.task, 0x8b, 0x67, place.tss, 0);
    return this.start(64);
  }

  /** 32-bit protected mode without paging, flat segments. */
  protected32(): this {
    const { state } = this.cpu;
    this.descriptors();
    this.view.setUint32(place.tss + 4, place.innerStack, true);
    this.view.setUint16(place.tss + 8, selector.data, true);
    state.cr0 = Cr0.pe | Cr0.ne | Cr0.et;
    state.setSegment(Segment.cs, selector.code32, 0xc9b, -1, 0, 0);
    for (const segment of [Segment.es, Segment.ss, Segment.ds, Segment.fs, Segment.gs])
      state.setSegment(segment, selector.data, 0xc93, -1, 0, 0);
    state.setSegment(Segment.tr, selector.task, 0x8b, 0x67, place.tss, 0);
    return this.start(32);
  }

  real(): this {
    const { state } = this.cpu;
    state.setSegment(Segment.cs, place.code >> 4, 0x9b, 0xffff, place.code, 0);
    state.setSegment(Segment.ss, place.stack >> 4, 0x93, 0xffff, place.stack, 0);
    state.setSegment(Segment.idtr, 0, 0, 0x3ff, 0, 0);
    state.setRip(0, 0);
    state.setGpr(4, 32, 0x1000, 0);
    this.cpu.derive();
    return this;
  }

  private start(bits: 32 | 64): this {
    const { state } = this.cpu;
    state.setSegment(Segment.gdtr, 0, 0, 0x4f, place.gdt, 0);
    state.setSegment(Segment.idtr, 0, 0, 256 * (bits === 64 ? 16 : 8) - 1, place.idt, 0);
    state.setRip(place.code, 0);
    state.setGpr(4, 64, place.stack, 0);
    this.cpu.derive();
    this.cpu.translation.flushAll();
    return this;
  }

  run(budget = 10_000): CpuExit {
    return this.cpu.run(budget);
  }

  /** Goes on after a HLT. */
  resume(budget = 10_000): CpuExit {
    this.cpu.halted = false;
    return this.cpu.run(budget);
  }

  register(name: (typeof gprNames)[number]): bigint {
    return this.cpu.state.getBig(gprNames.indexOf(name) * 8);
  }
  get rip(): number {
    return this.cpu.state.ripLow >>> 0;
  }
}
