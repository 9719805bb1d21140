/** A hypervisor for tests: one guest with its memory, nested page tables and VMCB, on an emulated AMD processor. */
import { createHost, type Host } from '../../../../../core/processor/cpu/host.ts';
import { amd } from '../../../../../core/processor/cpu/models.ts';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';

export const efer = 0xc000_0080;
const hostSaveMsr = 0xc001_0117;
const svme = 0x1000n;

/** Guest-physical addresses of what a guest consists of. */
export const Place = {
  tables: 0x1000,
  gdt: 0x4000,
  idt: 0x5000,
  tss: 0x6000,
  code: 0x8000,
  stack: 0xa000,
  handlers: 0xb000,
  data: 0xc000,
  /** Mapped nowhere by the nested tables. */
  absent: 0x20_0000,
} as const;

const guestPages = 512;

export class Guest {
  readonly host: Host;
  /** Physical addresses. */
  readonly vmcb: number;
  readonly ram: number;
  readonly npt: number;
  readonly iopm: number;
  readonly msrpm: number;
  readonly gprs: number;

  constructor(
    readonly bits: 16 | 32 | 64 = 64,
    readonly nested = true,
  ) {
    this.host = createHost({ model: amd({ virtualization: true }), memory: 8 << 20, codeArena: 4 << 20 });
    const { memory } = this.host;
    const { cpu } = this;
    cpu.wrmsr(efer, cpu.rdmsr(efer) | svme);
    cpu.wrmsr(hostSaveMsr, BigInt(memory.allocate(1)));
    this.vmcb = memory.allocate(1);
    this.ram = memory.allocate(guestPages);
    this.npt = memory.allocate(4);
    this.iopm = memory.allocate(3);
    this.msrpm = memory.allocate(2);
    this.gprs = memory.allocate(1);
    this.#buildNestedTables();
    this.#buildControls();
    if (bits === 64) this.#buildLongMode();
    else if (bits === 32) this.#buildProtectedMode();
    else this.#buildRealMode();
  }

  get cpu() {
    return this.host.cpus[0];
  }
  get processor() {
    return this.host.processors[0];
  }

  // Host memory.

  read64(physical: number): bigint {
    const { memory } = this.host;
    return new DataView(memory.words.buffer).getBigUint64(memory.offset(physical), true);
  }
  write64(physical: number, value: bigint | number): void {
    const { memory } = this.host;
    new DataView(memory.words.buffer).setBigUint64(memory.offset(physical), BigInt.asUintN(64, BigInt(value)), true);
    memory.written(physical, 8);
  }
  write(physical: number, bytes: ArrayLike<number>): void {
    const { memory } = this.host;
    memory.bytes.set(bytes, memory.offset(physical));
    memory.written(physical, bytes.length);
  }
  byte(physical: number): number {
    return this.host.memory.bytes[this.host.memory.offset(physical)];
  }

  // The VMCB.

  get(field: number): bigint {
    return this.read64(this.vmcb + field);
  }
  set(field: number, value: bigint | number): void {
    this.write64(this.vmcb + field, value);
  }
  get32(field: number): number {
    return Number(this.get(field) & 0xffff_ffffn);
  }
  set32(field: number, value: number): void {
    this.set(field, (this.get(field) & ~0xffff_ffffn) | BigInt(value >>> 0));
  }
  set8(field: number, value: number): void {
    this.write(this.vmcb + field, [value]);
  }
  segment(save: number, selector: number, attributes: number, limit: number, base: number | bigint): void {
    this.set(save, BigInt(selector | (attributes << 16)) | (BigInt(limit >>> 0) << 32n));
    this.set(save + 8, base);
  }
  intercept(code: number, on = true): this {
    const field = (code >> 5) * 4;
    const bit = 1 << (code & 31);
    this.set32(field, on ? this.get32(field) | bit : this.get32(field) & ~bit);
    return this;
  }

  get exitCode(): bigint {
    return this.get(Control.exitCode);
  }
  get info1(): bigint {
    return this.get(Control.exitInfo1);
  }
  get info2(): bigint {
    return this.get(Control.exitInfo2);
  }
  get rip(): number {
    return Number(this.get(Save.rip));
  }
  get nextRip(): number {
    return Number(this.get(Control.nextRip));
  }

  // Guest memory.

  /** Host-physical address of a guest-physical one. */
  at(place: number): number {
    return this.ram + place;
  }
  program(source: string, place: number = Place.code): this {
    const { bytes } = assemble(this.bits, source, { origin: place });
    this.write(this.at(place), bytes);
    return this;
  }
  register(index: number): bigint {
    return this.read64(this.gprs + index * 8);
  }
  setRegister(index: number, value: bigint | number): void {
    this.write64(this.gprs + index * 8, value);
  }

  /** VMLOAD, registers, VMRUN, and back: the exit code. */
  run(): number {
    const { cpu, vmcb, gprs } = this;
    cpu.clgi();
    cpu.vmload(vmcb);
    cpu.loadGeneral(gprs, false);
    cpu.vmrun(vmcb);
    cpu.storeGeneral(gprs, false);
    cpu.vmsave(vmcb);
    cpu.stgi();
    return Number(BigInt.asIntN(64, this.exitCode));
  }

  /** Entry of the last level of the nested tables. */
  entry(guestPhysical: number): number {
    return this.npt + 0x3000 + (guestPhysical >>> 12) * 8;
  }

  #buildNestedTables(): void {
    const { npt } = this;
    this.write64(npt, BigInt(npt + 0x1000) | 7n);
    this.write64(npt + 0x1000, BigInt(npt + 0x2000) | 7n);
    this.write64(npt + 0x2000, BigInt(npt + 0x3000) | 7n);
    for (let page = 0; page < guestPages; page++)
      this.write64(npt + 0x3000 + page * 8, BigInt(this.ram + page * 4096) | 7n);
  }

  #buildControls(): void {
    this.intercept(0x80).intercept(0x78).intercept(0x7f).intercept(0x81).intercept(0x60);
    this.set(Control.iopmBase, this.iopm);
    this.set(Control.msrpmBase, this.msrpm);
    this.set32(Control.asid, 1);
    this.set32(Control.tlbControl, 0);
    this.set(Control.nestedControl, this.nested ? 1 : 0);
    this.set(Control.nestedRoot, this.npt);
    this.set32(Control.virtualInterrupt, 1 << 24);
    this.set(Save.efer, svme);
    this.set(Save.dr6, 0xffff_0ff0);
    this.set(Save.dr7, 0x400);
    this.set(Save.rflags, 2);
    this.set(Save.pat, 0x0007_0406_0007_0406n);
    this.set(Save.rip, Place.code);
    this.set(Save.rsp, Place.stack);
    this.segment(Save.ldtr, 0, 0, 0, 0);
    this.segment(Save.gdtr, 0, 0, 0x3f, Place.gdt);
    this.segment(Save.idtr, 0, 0, 0xfff, Place.idt);
    this.segment(Save.tr, 0x28, 0x8b, 0x67, Place.tss);
  }

  #descriptors(code: bigint): void {
    const gdt = this.at(Place.gdt);
    this.write64(gdt + 0x08, code);
    this.write64(gdt + 0x10, 0x00cf_9300_0000_ffffn);
    this.write64(gdt + 0x18, 0x00cf_f300_0000_ffffn);
    this.write64(gdt + 0x28, 0x0000_8b00_6000_0067n);
  }

  #buildLongMode(): void {
    const { tables } = Place;
    const base = this.nested ? 0 : this.ram;
    this.write64(this.at(tables), BigInt(base + tables + 0x1000) | 7n);
    this.write64(this.at(tables + 0x1000), BigInt(base + tables + 0x2000) | 7n);
    this.write64(this.at(tables + 0x2000), BigInt(base) | 0x87n);
    this.write64(this.at(tables + 0x2008), BigInt(Place.absent) | 0x87n);
    this.#descriptors(0x00af_9b00_0000_ffffn);
    this.set(Save.cr0, 0x8001_0033n);
    this.set(Save.cr3, base + tables);
    this.set(Save.cr4, 0x6a0);
    this.set(Save.efer, 0x1d01);
    this.segment(Save.cs, 8, 0xa9b, 0xffff_ffff, 0);
    for (const save of [Save.es, Save.ss, Save.ds, Save.fs, Save.gs]) this.segment(save, 0x10, 0xc93, 0xffff_ffff, 0);
  }

  #buildProtectedMode(): void {
    this.#descriptors(0x00cf_9b00_0000_ffffn);
    this.set(Save.cr0, 0x33);
    this.segment(Save.cs, 8, 0xc9b, 0xffff_ffff, 0);
    for (const save of [Save.es, Save.ss, Save.ds, Save.fs, Save.gs]) this.segment(save, 0x10, 0xc93, 0xffff_ffff, 0);
  }

  #buildRealMode(): void {
    this.set(Save.cr0, 0x10);
    this.segment(Save.idtr, 0, 0, 0x3ff, 0);
    this.segment(Save.cs, 0, 0x9b, 0xffff, 0);
    for (const save of [Save.es, Save.ss, Save.ds, Save.fs, Save.gs]) this.segment(save, 0, 0x93, 0xffff, 0);
  }

  /** A gate to a handler at `Place.handlers` + 16 × vector, which is given. */
  handler(vector: number, source: string, dpl = 0): this {
    const target = Place.handlers + vector * 16;
    if (this.bits === 16) this.write(this.at(vector * 4), [target & 0xff, target >> 8, 0, 0]);
    else {
      const low = BigInt(target & 0xffff) | (8n << 16n) | (BigInt(0x8e | (dpl << 5)) << 40n);
      if (this.bits === 64) {
        this.write64(this.at(Place.idt + vector * 16), low);
        this.write64(this.at(Place.idt + vector * 16 + 8), 0);
      } else this.write64(this.at(Place.idt + vector * 8), low);
    }
    return this.program(source, target);
  }
}
