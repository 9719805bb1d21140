import {
  ComponentName,
  Device,
  device,
  drive,
  InputPin,
  list,
  MachineError,
  Options,
  type OptionsOf,
  PciSlots,
  type PortSize,
  Ports,
  pciInterrupts,
  port,
  restoreState,
  type SavedState,
  Wires,
  wire,
} from '#core';
import { assignResources } from './firmware.ts';
import { PciFunction } from './function.ts';

const enableBit = 0x8000_0000;

/** Ports that firmware gives to base address registers; what is below belongs to the chips of a PC. */
const portWindow = { base: 0xc000, size: 0x4000 };

/**
 * Host bridge with configuration mechanism #1 (PCI 3.0, 3.2.2.3.2), like the 82441FX in QEMU's and Bochs' PCs but without its
 * chip-set registers. There is no firmware, so a reset leaves all functions with addresses assigned.
 */
@device('pci-host')
export class PciHost extends Device {
  static readonly options = {
    port: port().or(0xcf8),
    /** Where INTA to INTD of slot 0 lead; each slot rotates by one. */
    irqs: list(wire()).or(['ioapic@16', 'ioapic@17', 'ioapic@18', 'ioapic@19']),
    /** Where they lead as well, for systems that use the 8259s: four wires such as `pic@10`, or none. */
    legacyIrqs: list(wire()).or([]),
  };

  /** Addresses that base address registers may have. ACPI tells operating systems the same. */
  static readonly memoryWindow = { base: 0xc000_0000, size: 0x3ec0_0000 };

  readonly #function: PciFunction;
  #state = initial();

  constructor(
    @Options private readonly given: OptionsOf<typeof PciHost.options>,
    @ComponentName name: string,
    @PciSlots private readonly slots: PciSlots,
    @Ports ports: Ports,
    @Wires wires: Wires,
  ) {
    super();
    requireFour(given.irqs, `devices.${name}.irqs`);
    if (given.legacyIrqs.length > 0) requireFour(given.legacyIrqs, `devices.${name}.legacyIrqs`);
    this.#function = new PciFunction(slots, {
      name,
      slot: '00:00.0',
      vendor: 0x8086,
      device: 0x1237,
      revision: 2,
      classCode: 0x06_0000,
      subsystem: { vendor: 0x1af4, device: 0x1100 },
    });
    wires.relay(pciInterrupts, 4, index => {
      const lines = [given.irqs, given.legacyIrqs].flatMap(irqs => (irqs[index] ? [wires.line(irqs[index])] : []));
      return new InputPin(`${pciInterrupts}@${index}`, high => {
        for (const line of lines) drive(line, high);
      });
    });
    ports.claim(
      { base: given.port, length: 4, only: 4 },
      {
        name: `${name} address`,
        read: () => this.#state.address,
        write: (_port, _size, value) => {
          this.#state.address = (value & 0x80ff_fffc) >>> 0;
        },
      },
    );
    ports.claim(
      { base: given.port + 4, length: 4 },
      {
        name: `${name} data`,
        read: (at, size) => this.#read(at & 3, size),
        write: (at, size, value) => this.#write(at & 3, size, value),
      },
    );
  }

  reset(): void {
    this.#state = initial();
    for (const { endpoint } of this.slots.endpoints) endpoint.reset();
    const { irqs, legacyIrqs } = this.given;
    // The register is for systems that know of no other routing: they use the 8259s.
    const wires = legacyIrqs.length > 0 ? legacyIrqs : irqs;
    assignResources(this.slots, {
      memory: PciHost.memoryWindow,
      ports: portWindow,
      interruptLine: (slot, pin) => Number(wires[(slot + pin - 1) & 3].split('@')[1]),
    });
  }

  save(): SavedState {
    return { version: 1, ...this.#state, function: this.#function.state.configuration.slice() };
  }

  restore(state: SavedState): void {
    const form = { ...initial(), function: new Uint8Array(256) };
    const { function: configuration, address } = restoreState(form, state, 1);
    this.#state = { address };
    this.#function.load({ ...this.#function.stateForm(), configuration });
  }

  inspect() {
    return {
      address: this.#state.address,
      functions: this.slots.endpoints.map(({ place, endpoint }) => ({
        device: place >> 3,
        function: place & 7,
        name: endpoint.name,
      })),
    };
  }

  #read(lane: number, size: PortSize): number {
    const { address } = this.#state;
    const endpoint = this.#selected;
    return endpoint ? endpoint.readConfiguration((address & 0xfc) | lane, size) : 0xffff_ffff;
  }

  #write(lane: number, size: PortSize, value: number): void {
    this.#selected?.writeConfiguration((this.#state.address & 0xfc) | lane, size, value);
  }

  /** Only bus 0 exists. */
  get #selected() {
    const { address } = this.#state;
    if (address < enableBit || (address >>> 16) & 0xff) return undefined;
    return this.slots.find((address >>> 8) & 0xff);
  }
}

function requireFour({ length }: readonly string[], path: string): void {
  if (length === 4) return;
  throw new MachineError('bad-option', `${length} interrupt wires are not possible here`, {
    path,
    remedy: 'give four, for INTA to INTD',
  });
}

const initial = () => ({ address: 0 });
