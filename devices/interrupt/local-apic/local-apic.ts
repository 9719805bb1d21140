import {
  boolean,
  Clock,
  ComponentName,
  Device,
  device,
  InputPin,
  type InspectTree,
  InterruptControllers,
  InterruptMessages,
  integer,
  MachineError,
  Mmio,
  type MmioSize,
  Msrs,
  Options,
  type OptionsOf,
  ProcessorSignals,
  registers32,
  type SavedState,
  TimestampOffsets,
  Wires,
} from '#core';
import { writeApicBase } from './apic-base.ts';
import { Delivery } from './delivery.ts';
import { readExtended, writeExtended } from './extended.ts';
import { readRegister, writeRegister } from './register-file.ts';
import { ErrorStatus } from './registers.ts';
import { LocalApicUnit } from './unit.ts';

const page = 0xfee0_0000;

/**
 * The local APICs of all processors: the page at 0xfee0_0000, which answers each processor its own, the x2APIC's MSRs, and the
 * bus between them. Wires: pin 1 is LINT1 of each; LINT0 is the PIC. A page that a guest moves elsewhere is not followed.
 */
@device('local-apic')
export class LocalApic extends Device {
  static readonly options = {
    x2apic: boolean().or(true),
    physicalAddressBits: integer(32, 52).or(40),
  };

  readonly #units: readonly LocalApicUnit[];
  readonly #delivery: Delivery;
  /** Level of the PIC's INTR pin. */
  #external = false;

  constructor(
    @Options private readonly given: OptionsOf<typeof LocalApic.options>,
    @ComponentName name: string,
    @Clock clock: Clock,
    @Mmio mmio: Mmio,
    @Msrs msrs: Msrs,
    @Wires wires: Wires,
    @ProcessorSignals signals: ProcessorSignals,
    @InterruptControllers controllers: InterruptControllers,
    @InterruptMessages messages: InterruptMessages,
    @TimestampOffsets offsets: TimestampOffsets,
  ) {
    super();
    const around = {
      clock,
      get external() {
        return controllers.external;
      },
      endOfInterrupt: (vector: number) => messages.end(vector),
    };
    this.#units = Array.from({ length: signals.count }, (_, processor) => {
      const read = () => BigInt.asUintN(64, BigInt(Math.floor(clock.now)) + offsets.get(processor));
      return new LocalApicUnit(processor, around, { read });
    });
    this.#delivery = new Delivery(this.#units, signals);
    for (const unit of this.#units) controllers.install(unit.processor, unit);
    offsets.onChange(processor => this.#units[processor]?.timer.arm());
    messages.onSend(message => this.#delivery.deliver(message));

    controllers.onExternalChange(() => {
      const { pending } = controllers.external!;
      if (pending && !this.#external) this.#edge(0);
      this.#external = pending;
    });
    wires.provide(name, 2, pin => new InputPin(`${name}@${pin}`, asserted => asserted && pin === 1 && this.#edge(1)));
    this.#claimPage(name, mmio);
    this.#claimMsrs(name, msrs);
  }

  reset(): void {
    for (const unit of this.#units) unit.reset();
  }

  save(): SavedState {
    return { version: 2, external: this.#external, units: this.#units.map(unit => unit.save()) };
  }

  restore(state: SavedState): void {
    const saved = state.units;
    const { external } = state;
    const isForm = state.version === 2 && Array.isArray(saved) && typeof external === 'boolean';
    if (!isForm || saved.length !== this.#units.length) {
      throw new MachineError('bad-state', `saved state is not of ${this.#units.length} local APICs`);
    }
    const parsed = this.#units.map((unit, index) => unit.parse({ ...saved[index], version: 1 }));
    this.#units.forEach((unit, index) => {
      unit.restore(parsed[index]);
    });
    this.#external = external;
  }

  inspect(): InspectTree {
    return {
      units: this.#units.map(unit => ({
        ...unit.save(),
        processorPriority: unit.processorPriority,
        currentCount: unit.timer.currentCount,
        pending: unit.pending,
      })),
    };
  }

  #edge(pin: 0 | 1): void {
    for (const unit of this.#units) unit.signal(pin);
  }

  /** Registers are 16 bytes apart; a processor whose APIC is off, moved or in x2APIC mode finds nothing here. */
  #claimPage(name: string, mmio: Mmio): void {
    const registers = registers32({
      name,
      read: (offset, processor) => {
        if (offset & 15) return 0;
        const unit = this.#units[processor];
        const value = offset < 0x400 ? readRegister(unit, offset >> 4) : undefined;
        if (value === undefined) unit.fail(ErrorStatus.register);
        return value ?? 0;
      },
      write: (offset, value, processor) => {
        if (offset & 15) return;
        const unit = this.#units[processor];
        const known = offset < 0x400 && writeRegister(unit, offset >> 4, value, this.#delivery);
        if (!known) unit.fail(ErrorStatus.register);
      },
    });
    const answers = (processor: number): boolean => {
      const unit = this.#units[processor];
      return unit?.enabled === true && !unit.extended && unit.state.base - (unit.state.base % 0x1000) === page;
    };
    mmio.claim(
      { base: page, length: 0x1000 },
      {
        name,
        read(offset: number, size: MmioSize, result: DataView, processor: number): void {
          if (answers(processor)) registers.read(offset, size, result, processor);
          else for (let byte = 0; byte < size; byte++) result.setUint8(byte, 0xff);
        },
        write(offset: number, size: MmioSize, value: DataView, processor: number): void {
          if (answers(processor)) registers.write(offset, size, value, processor);
        },
      },
    );
  }

  #claimMsrs(name: string, msrs: Msrs): void {
    const { given } = this;
    msrs.claim(0x1b, {
      name: `${name} base`,
      read: processor => this.#unit(processor, unit => BigInt(unit.state.base)),
      write: (processor, value) => this.#unit(processor, unit => writeApicBase(unit, value, given)) ?? false,
    });
    msrs.claim(0x6e0, {
      name: `${name} deadline`,
      read: processor => this.#unit(processor, unit => unit.timer.deadline),
      write: (processor, value) =>
        this.#unit(processor, unit => {
          unit.timer.deadline = BigInt.asUintN(64, value);
          return true;
        }) ?? false,
    });
    msrs.claim(
      { base: 0x800, length: 0x100 },
      {
        name,
        read: (processor, index) => this.#unit(processor, unit => readExtended(unit, index - 0x800)),
        write: (processor, value, index) =>
          this.#unit(processor, unit => writeExtended(unit, index - 0x800, value, this.#delivery)) ?? false,
      },
    );
  }

  #unit<T>(processor: number, use: (unit: LocalApicUnit) => T): T | undefined {
    const unit = this.#units[processor];
    return unit && use(unit);
  }
}
