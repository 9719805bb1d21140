import {
  byteRange,
  ComponentName,
  copyState,
  DeliveryMode,
  Device,
  device,
  InputPin,
  InterruptMessages,
  integer,
  longRange,
  lowPage,
  Mmio,
  Options,
  type OptionsOf,
  registers32,
  requireRanges,
  restoreState,
  type SavedState,
  Wires,
} from '#core';

/** Low word of a redirection entry (82093AA data sheet, 3.2.4). */
const Entry = {
  vector: 0xff,
  logical: 1 << 11,
  remoteIrr: 1 << 14,
  level: 1 << 15,
  masked: 1 << 16,
  writable: 0x1_afff,
} as const;

const Register = { select: 0x00, window: 0x10, end: 0x40 } as const;

/** With the EOI register of later parts at 0x40. */
const version = 0x20;

/**
 * I/O APIC (82093AA, with the EOI register of ICH). Wires carry assertion, so polarity is kept but means nothing. Edges on a
 * masked pin are lost, as the data sheet says.
 */
@device('io-apic')
export class IoApic extends Device {
  static readonly options = {
    base: lowPage().or(0xfec0_0000),
    id: integer(0, 15).or(0),
    pins: integer(1, 120).or(24),
  };

  #state: ReturnType<typeof initial>;

  constructor(
    @Options private readonly given: OptionsOf<typeof IoApic.options>,
    @ComponentName name: string,
    @Mmio mmio: Mmio,
    @Wires wires: Wires,
    @InterruptMessages private readonly messages: InterruptMessages,
  ) {
    super();
    this.#state = initial(given);
    wires.provide(name, given.pins, pin => new InputPin(`${name}@${pin}`, high => this.#setPin(pin, high)));
    messages.onEnd(vector => this.#end(vector));
    mmio.claim(
      { base: given.base, length: 0x1000 },
      registers32({
        name,
        read: offset => this.#read(offset),
        write: (offset, value) => this.#write(offset, value),
      }),
    );
  }

  reset(): void {
    const { levels } = this.#state;
    this.#state = { ...initial(this.given), levels };
  }

  save(): SavedState {
    return { version: 1, ...copyState(this.#state) };
  }

  restore(state: SavedState): void {
    const taken = restoreState(initial(this.given), state, 1);
    this.#state = requireRanges(taken, { select: byteRange, id: [0, 15], low: longRange, high: longRange });
  }

  inspect() {
    const { id, low, high, levels } = this.#state;
    return {
      id,
      pins: low.map((word, pin) => ({
        asserted: levels[pin] === 1,
        masked: (word & Entry.masked) !== 0,
        level: (word & Entry.level) !== 0,
        remoteIrr: (word & Entry.remoteIrr) !== 0,
        mode: (word >>> 8) & 7,
        vector: word & Entry.vector,
        destination: high[pin] >>> 24,
      })),
    };
  }

  #read(offset: number): number {
    if (offset === Register.select) return this.#state.select;
    if (offset !== Register.window) return 0;
    const { select, id, low, high } = this.#state;
    if (select === 0 || select === 2) return id << 24;
    if (select === 1) return ((this.given.pins - 1) << 16) | version;
    const pin = (select - 0x10) >> 1;
    if (pin < 0 || pin >= this.given.pins) return 0xffff_ffff;
    return (select & 1 ? high[pin] : low[pin]) >>> 0;
  }

  #write(offset: number, value: number): void {
    if (offset === Register.select) this.#state.select = value & 0xff;
    else if (offset === Register.window) this.#writeWindow(value);
    else if (offset === Register.end) this.#end(value & 0xff);
  }

  #writeWindow(value: number): void {
    const { select, low, high } = this.#state;
    if (select === 0) this.#state.id = (value >>> 24) & 15;
    const pin = (select - 0x10) >> 1;
    if (pin < 0 || pin >= this.given.pins) return;
    if (select & 1) {
      high[pin] = (value & 0xff00_0000) >>> 0;
      return;
    }
    // Becoming edge-triggered clears remote IRR: Linux uses this to end an interrupt where there is no EOI register.
    const kept = value & Entry.level ? low[pin] & Entry.remoteIrr : 0;
    low[pin] = (value & Entry.writable) | kept;
    if (value & Entry.level) this.#service(pin);
  }

  #setPin(pin: number, high: boolean): void {
    if (this.#state.levels[pin] === Number(high)) return;
    this.#state.levels[pin] = Number(high);
    if (high) this.#service(pin);
  }

  /** A pin has an edge, or may have a level to tell. */
  #service(pin: number): void {
    const word = this.#state.low[pin];
    if (word & Entry.masked || !this.#state.levels[pin]) return;
    const level = (word & Entry.level) !== 0;
    if (level && word & Entry.remoteIrr) return;
    const mode = (word >>> 8) & 7;
    const accepted = this.messages.send({
      destination: this.#state.high[pin] >>> 24,
      logical: (word & Entry.logical) !== 0,
      mode,
      vector: word & Entry.vector,
      level,
    });
    const ends = mode === DeliveryMode.Fixed || mode === DeliveryMode.LowestPriority;
    if (level && accepted && ends) this.#state.low[pin] |= Entry.remoteIrr;
  }

  /** The end of a level-triggered interrupt; what is still asserted interrupts again. */
  #end(vector: number): void {
    const { low } = this.#state;
    for (let pin = 0; pin < low.length; pin++) {
      const word = low[pin];
      if ((word & Entry.vector) !== vector || !(word & Entry.remoteIrr)) continue;
      low[pin] = word & ~Entry.remoteIrr;
      this.#service(pin);
    }
  }
}

const initial = ({ id, pins }: { readonly id: number; readonly pins: number }) => ({
  select: 0,
  id,
  levels: new Uint8Array(pins),
  low: new Array<number>(pins).fill(Entry.masked),
  high: new Array<number>(pins).fill(0),
});
