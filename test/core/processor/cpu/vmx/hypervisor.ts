/** A hypervisor for tests: one guest with its memory, extended page tables and VMCS, on an emulated Intel processor. */

import { createHost, type Host } from '../../../../../core/processor/cpu/host.ts';
import { VmxOutcome } from '../../../../../core/processor/cpu/host-cpu.ts';
import { intel } from '../../../../../core/processor/cpu/models.ts';
import { Field } from '../../../../../core/processor/cpu/vmx/fields.ts';
import type { Vmx } from '../../../../../core/processor/cpu/vmx/vmx.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';
import type { Vendor } from '../../../../../core/processor/isa/form.ts';

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
  /** Mapped nowhere by the extended page tables. */
  absent: 0x20_0000,
} as const;

const guestPages = 512;
export const hostRip = 0xffff_8000_0000_1000n;

/** Segments in the VMCS's order. */
export const segmentNumbers = { es: 0, cs: 1, ss: 2, ds: 3, fs: 4, gs: 5, ldtr: 6, tr: 7 } as const;
export type SegmentKey = keyof typeof segmentNumbers;
export const unusable = 0x1_0000;
export const valid = 0x8000_0000;

export interface GuestOptions {
  readonly bits?: 16 | 32 | 64;
  /** Without EPT guest-physical is physical, and the guest's tables say so. */
  readonly nested?: boolean;
  readonly entropy?: boolean;
  readonly dialect?: Vendor;
}

export class Guest {
  readonly host: Host;
  readonly bits: 16 | 32 | 64;
  readonly nested: boolean;
  /** Physical addresses. */
  readonly vmxon: number;
  readonly vmcs: number;
  readonly ram: number;
  readonly ept: number;
  readonly ioBitmaps: number;
  readonly msrBitmap: number;
  readonly gprs: number;
  readonly area: number;
  launched = false;

  constructor({ bits = 64, nested = true, entropy = false, dialect = 'intel' }: GuestOptions = {}) {
    this.bits = bits;
    this.nested = nested;
    this.host = createHost({
      model: intel({ virtualization: true, entropy, dialect }),
      memory: 8 << 20,
      codeArena: 4 << 20,
    });
    const { memory } = this.host;
    const { cpu } = this;
    this.vmxon = this.region();
    this.vmcs = this.region();
    this.ram = memory.allocate(guestPages);
    this.ept = memory.allocate(4);
    this.ioBitmaps = memory.allocate(2);
    this.msrBitmap = memory.allocate(1);
    this.gprs = memory.allocate(1);
    this.area = memory.allocate(1);
    cpu.wrmsr(0x3a, 5n);
    cpu.writeControl(4, cpu.readControl(4) | 0x2000n);
    expect(cpu.vmxon(this.vmxon));
    expect(cpu.vmclear(this.vmcs));
    expect(cpu.vmptrld(this.vmcs));
    this.#buildExtendedTables();
    this.#buildControls();
    this.#buildHost();
    this.#buildCommon();
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
  get vmx(): Vmx {
    return this.processor.virtualization as Vmx;
  }

  /** A page that begins with the revision identifier. */
  region(): number {
    const page = this.host.memory.allocate(1);
    this.write64(page, this.cpu.rdmsr(0x480) & 0x7fff_ffffn);
    return page;
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

  // The VMCS.

  get(field: number): bigint {
    const low = this.cpu.vmread(field);
    return (BigInt(this.cpu.vmreadHigh >>> 0) << 32n) | BigInt(low >>> 0);
  }
  set(field: number, value: bigint | number): this {
    const wide = BigInt(value);
    expect(this.cpu.vmwrite(field, Number(BigInt.asIntN(32, wide)), Number(BigInt.asIntN(32, wide >> 32n))));
    return this;
  }
  get32(field: number): number {
    return this.cpu.vmread(field) >>> 0;
  }
  /** Sets bits of a 32-bit field, or clears them. */
  control(field: number, bits: number, on = true): this {
    const value = this.get32(field);
    return this.set(field, (on ? value | bits : value & ~bits) >>> 0);
  }
  segment(name: SegmentKey, selector: number, rights: number, limit: number, base: number | bigint): this {
    const n = segmentNumbers[name] * 2;
    this.set(Field.guestEs + n, selector);
    this.set(Field.guestEsRights + n, rights);
    this.set(Field.guestEsLimit + n, limit >>> 0);
    return this.set(Field.guestEsBase + n, base);
  }
  secondary(bits: number, on = true): this {
    return this.control(Field.secondaryControls, bits, on);
  }

  get reason(): number {
    return this.get32(Field.exitReason);
  }
  get qualification(): bigint {
    return this.get(Field.exitQualification);
  }
  get rip(): number {
    return Number(this.get(Field.guestRip));
  }
  get length(): number {
    return this.get32(Field.exitInstructionLength);
  }
  /** VMWRITE of the next instruction's address. */
  skip(): this {
    return this.set(Field.guestRip, this.rip + this.length);
  }
  inject(vector: number, type: number, error?: number, length?: number): this {
    if (error !== undefined) this.set(Field.entryErrorCode, error);
    if (length !== undefined) this.set(Field.entryInstructionLength, length);
    return this.set(Field.entryInterruption, (vector | (type << 8) | (error === undefined ? 0 : 0x800) | valid) >>> 0);
  }

  // Guest memory.

  /** Host-physical address of a guest-physical one. */
  at(place: number): number {
    return this.ram + place;
  }
  /** What the guest calls one of its places. */
  address(place: number): number {
    return this.nested ? place : this.ram + place;
  }
  program(source: string, place: number = Place.code): this {
    const { bytes } = assemble(this.bits, source, { origin: place });
    this.write(this.at(place), bytes);
    return this;
  }
  register(index: number): bigint {
    return this.read64(this.gprs + index * 8);
  }
  setRegister(index: number, value: bigint | number): this {
    this.write64(this.gprs + index * 8, value);
    return this;
  }
  readGuest(place: number): bigint {
    return this.read64(this.at(place));
  }

  /** VMLAUNCH or VMRESUME and back. */
  enter(): VmxOutcome {
    const { cpu, gprs } = this;
    cpu.loadGeneral(gprs, true);
    const outcome = this.launched ? cpu.vmresume() : cpu.vmlaunch();
    cpu.storeGeneral(gprs, true);
    if (outcome === VmxOutcome.succeed && this.reason < valid) this.launched = true;
    return outcome;
  }
  /** The exit reason. */
  run(): number {
    const outcome = this.enter();
    if (outcome !== VmxOutcome.succeed)
      throw new Error(
        `entry failed: ${outcome === VmxOutcome.failValid ? this.get32(Field.instructionError) : 'invalid'}`,
      );
    return this.reason;
  }

  /** Entry of the last level of the extended page tables. */
  entry(guestPhysical: number): number {
    return this.ept + 0x3000 + (guestPhysical >>> 12) * 8;
  }
  get eptPointer(): bigint {
    return BigInt(this.ept) | 0x1en;
  }

  #buildExtendedTables(): void {
    const { ept } = this;
    this.write64(ept, BigInt(ept + 0x1000) | 7n);
    this.write64(ept + 0x1000, BigInt(ept + 0x2000) | 7n);
    this.write64(ept + 0x2000, BigInt(ept + 0x3000) | 7n);
    for (let page = 0; page < guestPages; page++)
      this.write64(ept + 0x3000 + page * 8, BigInt(this.ram + page * 4096) | 0x37n);
  }

  #buildControls(): void {
    const { cpu } = this;
    const must = (index: number): number => Number(cpu.rdmsr(index) & 0xffff_ffffn);
    this.set(Field.pinControls, must(0x48d));
    // HLT exiting, secondary controls.
    this.set(Field.primaryControls, (must(0x48e) | (1 << 7) | (1 << 31)) >>> 0);
    this.set(Field.secondaryControls, this.nested ? (1 << 1) | (1 << 5) | (1 << 7) | (1 << 3) : 1 << 5);
    // Debug registers, 64-bit host, PAT and EFER both ways.
    this.set(Field.exitControls, must(0x48f) | (1 << 2) | (1 << 9) | (0xf << 18));
    this.set(Field.entryControls, must(0x490) | (1 << 2) | (this.bits === 64 ? 1 << 9 : 0) | (3 << 14));
    this.set(Field.vpid, 1);
    this.set(Field.eptPointer, this.eptPointer);
    this.set(Field.ioBitmapA, this.ioBitmaps);
    this.set(Field.ioBitmapB, this.ioBitmaps + 0x1000);
    this.set(Field.msrBitmap, this.msrBitmap);
    this.set(Field.linkPointer, -1n);
    for (const field of [
      Field.exceptionBitmap,
      Field.pageFaultMask,
      Field.pageFaultMatch,
      Field.cr3TargetCount,
      Field.exitMsrStoreCount,
      Field.exitMsrLoadCount,
      Field.entryMsrLoadCount,
      Field.entryInterruption,
      Field.cr0Mask,
      Field.cr4Mask,
      Field.cr0Shadow,
      Field.cr4Shadow,
      Field.tscOffset,
    ])
      this.set(field, 0);
  }

  #buildHost(): void {
    const { cpu } = this;
    this.set(Field.hostCr0, cpu.readControl(0));
    this.set(Field.hostCr3, cpu.readControl(3));
    this.set(Field.hostCr4, cpu.readControl(4));
    this.set(Field.hostPat, cpu.rdmsr(0x277));
    this.set(Field.hostEfer, cpu.rdmsr(0xc000_0080));
    this.set(Field.hostCs, 8);
    this.set(Field.hostSs, 0x10);
    this.set(Field.hostTr, 0x18);
    this.set(Field.hostRip, hostRip);
    this.set(Field.hostRsp, 0xffff_8000_0000_2000n);
    for (const field of [
      Field.hostDs,
      Field.hostEs,
      Field.hostFs,
      Field.hostGs,
      Field.hostFsBase,
      Field.hostGsBase,
      Field.hostTrBase,
      Field.hostGdtrBase,
      Field.hostIdtrBase,
      Field.hostSysenterCs,
      Field.hostSysenterEsp,
      Field.hostSysenterEip,
    ])
      this.set(field, 0);
  }

  #buildCommon(): void {
    this.set(Field.guestDr7, 0x400);
    this.set(Field.guestRflags, 2);
    this.set(Field.guestPat, 0x0007_0406_0007_0406n);
    this.set(Field.guestRip, Place.code);
    this.set(Field.guestRsp, Place.stack);
    this.set(Field.guestGdtrBase, this.address(Place.gdt));
    this.set(Field.guestGdtrLimit, 0x3f);
    this.set(Field.guestIdtrBase, this.address(Place.idt));
    this.set(Field.guestIdtrLimit, 0xfff);
    this.segment('ldtr', 0, unusable, 0, 0);
    this.segment('tr', 0x28, 0x8b, 0x67, this.address(Place.tss));
    for (const field of [
      Field.guestDebugControl,
      Field.guestInterruptibility,
      Field.guestActivity,
      Field.guestSysenterCs,
      Field.guestSysenterEsp,
      Field.guestSysenterEip,
      Field.guestPendingDebug,
      Field.guestEfer,
    ])
      this.set(field, 0);
  }

  #descriptors(code: bigint): void {
    const gdt = this.at(Place.gdt);
    this.write64(gdt + 0x08, code);
    this.write64(gdt + 0x10, 0x00cf_9300_0000_ffffn);
    this.write64(gdt + 0x18, 0x00cf_f300_0000_ffffn);
    this.write64(gdt + 0x20, 0x00af_fb00_0000_ffffn);
    this.write64(gdt + 0x28, 0x0000_8b00_6000_0067n);
    this.write64(this.at(Place.tss) + 4, Place.stack - 0x800);
  }

  #data(): void {
    for (const name of ['es', 'ss', 'ds', 'fs', 'gs'] as const) this.segment(name, 0x10, 0xc093, 0xffff_ffff, 0);
  }

  #buildLongMode(): void {
    const { tables } = Place;
    const base = this.address(0);
    this.write64(this.at(tables), BigInt(base + tables + 0x1000) | 7n);
    this.write64(this.at(tables + 0x1000), BigInt(base + tables + 0x2000) | 7n);
    // Linear 0 is the guest's memory; without EPT so is the identity map of the host's.
    this.write64(this.at(tables + 0x2000), BigInt(base) | 0x87n);
    this.write64(this.at(tables + 0x2008), BigInt(Place.absent) | 0x87n);
    this.#descriptors(0x00af_9b00_0000_ffffn);
    this.set(Field.guestCr0, 0x8001_0033);
    this.set(Field.guestCr3, base + tables);
    this.set(Field.guestCr4, 0x26a0);
    this.set(Field.guestEfer, 0xd01);
    this.segment('cs', 8, 0xa09b, 0xffff_ffff, 0);
    this.#data();
    if (this.nested) return;
    // Tables are addressed linearly through the map above.
    this.set(Field.guestGdtrBase, Place.gdt).set(Field.guestIdtrBase, Place.idt);
    this.segment('tr', 0x28, 0x8b, 0x67, Place.tss);
  }

  #buildProtectedMode(): void {
    this.#descriptors(0x00cf_9b00_0000_ffffn);
    this.set(Field.guestCr0, 0x33);
    this.set(Field.guestCr3, 0);
    this.set(Field.guestCr4, 0x2000);
    this.segment('cs', 8, 0xc09b, 0xffff_ffff, 0);
    this.#data();
  }

  #buildRealMode(): void {
    this.set(Field.guestCr0, 0x30);
    this.set(Field.guestCr3, 0);
    this.set(Field.guestCr4, 0x2000);
    this.set(Field.guestIdtrBase, 0).set(Field.guestIdtrLimit, 0x3ff);
    this.segment('cs', 0, 0x9b, 0xffff, 0);
    for (const name of ['es', 'ss', 'ds', 'fs', 'gs'] as const) this.segment(name, 0, 0x93, 0xffff, 0);
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

function expect(outcome: VmxOutcome): void {
  if (outcome !== VmxOutcome.succeed) throw new Error(`VMX instruction failed: ${outcome}`);
}
