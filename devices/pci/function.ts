import { drive, type InterruptLine, MachineError, type PciConnection, type PciEndpoint, type PciSlots } from '#core';
import { parseAddress } from './address.ts';
import { Bar, type BarForm } from './bar.ts';
import { type Capability, CapabilityList } from './capability.ts';
import { ConfigurationSpace } from './configuration.ts';
import { MsiX } from './msi-x.ts';
import { Command, multiFunctionBit, Register, Status } from './registers.ts';

export interface FunctionForm {
  readonly name: string;
  readonly slot: string;
  readonly vendor: number;
  readonly device: number;
  readonly revision?: number;
  /** Class, subclass and programming interface: 0x060000 is a host bridge. */
  readonly classCode: number;
  readonly subsystem?: { readonly vendor: number; readonly device: number };
  readonly bars?: readonly BarForm[];
  /** 1 is INTA; left out, the function never interrupts by a wire. */
  readonly interruptPin?: 1 | 2 | 3 | 4;
  readonly capabilities?: readonly Capability[];
  readonly msiX?: { readonly vectors: number; readonly bar: number };
  /** Bus mastering was allowed or forbidden: without it there is no DMA. */
  readonly onMaster?: () => void;
}

/** A PCI function (PCI 3.0, chapter 6): configuration space, BARs, interrupts. What is behind its BARs is not its affair. */
export class PciFunction implements PciEndpoint {
  readonly name: string;
  multiFunction = false;
  readonly msiX: MsiX | undefined;

  readonly #configuration = new ConfigurationSpace();
  readonly #capabilities: CapabilityList;
  readonly #bars: readonly Bar[];
  readonly #connection: PciConnection;
  readonly #line: InterruptLine | undefined;
  #interrupting = false;
  /** What is decoded now, to see whether a write changes it. */
  #decoded = '';

  constructor(
    slots: PciSlots,
    private readonly form: FunctionForm,
  ) {
    const place = parseAddress(form.slot);
    if (!place)
      throw new MachineError('bad-option', `${form.slot} is no PCI slot`, { path: `devices.${form.name}.slot` });
    this.name = form.name;
    this.msiX = form.msiX && this.#makeMsiX(form.msiX);
    const configuration = this.#configuration;
    this.#defineHeader(form);
    const vectorBar: BarForm[] = this.msiX
      ? [{ index: form.msiX!.bar, kind: 'memory', size: MsiX.barSize, handler: this.msiX.handler }]
      : [];
    this.#bars = [...(form.bars ?? []), ...vectorBar].map(bar => new Bar(bar, configuration, form.name));
    this.#capabilities = new CapabilityList(configuration, [
      ...(this.msiX ? [this.msiX] : []),
      ...(form.capabilities ?? []),
    ]);
    this.#connection = slots.attach(place.device * 8 + place.function, this);
    this.#line = form.interruptPin && this.#connection.interrupt(form.interruptPin);
  }

  get master(): boolean {
    return (this.#command & Command.master) !== 0;
  }

  get #command(): number {
    return this.#configuration.read(Register.command, 2);
  }

  /** The level of the interrupt pin, as the function wants it. */
  setInterrupt(asserted: boolean): void {
    this.#interrupting = asserted;
    this.#updateLine();
  }

  readConfiguration(register: number, size: 1 | 2 | 4): number {
    this.#capabilities.reading(register, size);
    return this.#configuration.read(register, size);
  }

  writeConfiguration(register: number, size: 1 | 2 | 4, value: number): void {
    const wasMaster = this.master;
    this.#configuration.write(register, size, value);
    if (register >= Register.firstCapability) {
      this.#capabilities.written(register, size);
      return;
    }
    this.#redecode();
    this.#updateLine();
    if (this.master === wasMaster) return;
    if (this.master) this.msiX?.deliverPending();
    this.form.onMaster?.();
  }

  reset(): void {
    this.#configuration.reset();
    this.msiX?.reset();
    this.#interrupting = false;
    this.#adjust();
  }

  decode(): void {
    for (const bar of this.#bars) bar.decode(this.#command, this.#connection);
  }

  conceal(): void {
    for (const bar of this.#bars) bar.conceal();
  }

  /** What `state` is after power-on. */
  stateForm() {
    return { configuration: new Uint8Array(256), interrupting: false, msiX: this.msiX?.form() ?? {} };
  }

  get state(): ReturnType<PciFunction['stateForm']> {
    return {
      configuration: this.#configuration.bytes,
      interrupting: this.#interrupting,
      msiX: this.msiX?.state ?? {},
    };
  }

  /** Takes a copy of a state, of the right form. */
  load({ configuration, interrupting, msiX }: ReturnType<PciFunction['stateForm']>): void {
    this.#configuration.load(configuration);
    if (this.msiX) this.msiX.state = msiX as MsiX['state'];
    this.#interrupting = interrupting;
    this.#adjust();
  }

  inspect() {
    const command = this.#command;
    return {
      slot: this.form.slot,
      id: `${hex(this.form.vendor)}:${hex(this.form.device)}`,
      command,
      bars: this.#bars.map(({ form, base, decoded }) => ({ index: form.index, base, size: form.size, decoded })),
      msiX: this.msiX?.enabled ?? false,
      interrupting: this.#interrupting,
    };
  }

  #makeMsiX({ vectors, bar }: { readonly vectors: number; readonly bar: number }): MsiX {
    return new MsiX({
      name: this.form.name,
      vectors,
      bar,
      send: (address, data) => {
        if (!this.master) return false;
        // A message that leads nowhere is lost all the same.
        this.#connection.signal(address, data);
        return true;
      },
      onEnable: () => this.#updateLine(),
    });
  }

  #defineHeader({ vendor, device, revision = 0, classCode, subsystem, interruptPin }: FunctionForm): void {
    const configuration = this.#configuration;
    configuration.define(Register.vendor, 2, { value: vendor });
    configuration.define(Register.device, 2, { value: device });
    configuration.define(Register.command, 2, { writable: Command.writable });
    configuration.define(Register.status, 2, { clearable: Status.clearable });
    configuration.define(Register.revision, 1, { value: revision });
    configuration.define(Register.classCode, 3, { value: classCode });
    configuration.define(Register.subsystemVendor, 2, { value: subsystem?.vendor ?? 0 });
    configuration.define(Register.subsystem, 2, { value: subsystem?.device ?? 0 });
    configuration.define(Register.interruptLine, 1, { writable: interruptPin ? 0xff : 0 });
    configuration.define(Register.interruptPin, 1, { value: interruptPin ?? 0 });
  }

  /** Everything that follows from the state. */
  #adjust(): void {
    this.#configuration.set(Register.headerType, 1, this.multiFunction ? multiFunctionBit : 0);
    this.#redecode();
    this.#updateLine();
  }

  #redecode(): void {
    const command = this.#command & (Command.memory | Command.ports);
    const decoded = command ? [command, ...this.#bars.map(({ base }) => base)].join() : '';
    if (decoded === this.#decoded) return;
    this.#decoded = decoded;
    this.#connection.redecode();
  }

  #updateLine(): void {
    const status = this.#configuration.bytes[Register.status];
    this.#configuration.bytes[Register.status] =
      (status & ~Status.interrupt) | (this.#interrupting ? Status.interrupt : 0);
    if (!this.#line) return;
    const silent = (this.#command & Command.interruptDisable) !== 0 || (this.msiX?.enabled ?? false);
    drive(this.#line, this.#interrupting && !silent);
  }
}

const hex = (value: number): string => value.toString(16).padStart(4, '0');
