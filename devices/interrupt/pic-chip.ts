import { byteRange, type StateRanges } from '#core';

/** One Intel 8259A (data sheet 231468). Edges are latched until acknowledged, as on every PC since the chip sets took it in. */
export class PicChip {
  state = initialPic();

  /** `cascade` is the input that another chip hangs on: 2 on the master, -1 on the slave. */
  constructor(
    private readonly cascade: number,
    private readonly levelCapable: number,
  ) {}

  reset(): void {
    this.state = initialPic();
  }

  /** The interrupt that the INT pin stands for, or -1. */
  get requested(): number {
    const { state } = this;
    const request = this.#first(state.irr & ~state.imr);
    if (request === 8) return -1;
    const served = this.#first(state.specialMask ? state.isr & ~state.imr : state.isr);
    const input = this.#input(request);
    // A slave in service may have a more urgent request: in special fully nested mode it comes through.
    const nests = state.fullyNested && input === this.cascade && request === served;
    return request < served || nests ? input : -1;
  }

  setInput(input: number, high: boolean): void {
    const { state } = this;
    const bit = 1 << input;
    if (high) {
      if (this.#level & bit || !(state.inputs & bit)) state.irr |= bit;
      state.inputs |= bit;
    } else {
      if (this.#level & bit) state.irr &= ~bit;
      state.inputs &= ~bit;
    }
  }

  /** The acknowledge cycle: answers the input, 7 if the request has gone (a spurious interrupt, which is not in service). */
  acknowledge(): number {
    const { state } = this;
    const input = this.requested;
    if (input < 0) return 7;
    const bit = 1 << input;
    if (!state.autoEnd) state.isr |= bit;
    else if (state.rotateOnAutoEnd) state.lowest = input;
    if (!(this.#level & bit)) state.irr &= ~bit;
    return input;
  }

  vector(input: number): number {
    return this.state.vectorBase | input;
  }

  get triggerLevels(): number {
    return this.state.elcr;
  }

  /** The edge/level control register of the EISA chip sets, ports 0x4d0 and 0x4d1. */
  set triggerLevels(value: number) {
    const { state } = this;
    state.elcr = value & this.levelCapable;
    state.irr |= this.#level & state.inputs;
  }

  read(command: boolean): number {
    const { state } = this;
    if (state.poll) {
      state.poll = false;
      return this.requested < 0 ? 0 : 0x80 | this.acknowledge();
    }
    if (!command) return state.imr;
    return state.readIsr ? state.isr : state.irr;
  }

  writeCommand(value: number): void {
    if (value & 0x10) this.#initialize(value);
    else if (value & 0x08) this.#control(value);
    else this.#end(value >>> 5, value & 7);
  }

  writeData(value: number): void {
    const { state } = this;
    switch (state.step) {
      case 0:
        state.imr = value;
        break;
      case 2:
        state.vectorBase = value & 0xf8;
        state.step = state.single ? state.fourth : 3;
        break;
      case 3:
        state.step = state.fourth;
        break;
      default:
        state.autoEnd = (value & 0x02) !== 0;
        state.fullyNested = (value & 0x10) !== 0;
        state.step = 0;
    }
  }

  /** ICW1. The words that follow come through the data port, the fourth only if announced here. */
  #initialize(value: number): void {
    const { state } = this;
    const { elcr, inputs, vectorBase } = state;
    this.state = { ...initialPic(), imr: 0, elcr, inputs, vectorBase };
    this.state.step = 2;
    this.state.fourth = value & 1 ? 4 : 0;
    this.state.single = (value & 2) !== 0;
    this.state.allLevel = (value & 8) !== 0;
    this.state.irr = this.#level & inputs;
  }

  /** OCW3. */
  #control(value: number): void {
    const { state } = this;
    if (value & 0x04) state.poll = true;
    if (value & 0x02) state.readIsr = (value & 1) !== 0;
    if (value & 0x40) state.specialMask = (value & 0x20) !== 0;
  }

  /** OCW2. */
  #end(operation: number, input: number): void {
    const { state } = this;
    switch (operation) {
      case 0:
      case 4:
        state.rotateOnAutoEnd = operation === 4;
        break;
      case 1:
      case 5: {
        const first = this.#first(state.specialMask ? state.isr & ~state.imr : state.isr);
        if (first === 8) break;
        const ended = this.#input(first);
        state.isr &= ~(1 << ended);
        if (operation === 5) state.lowest = ended;
        break;
      }
      case 3:
      case 7:
        state.isr &= ~(1 << input);
        if (operation === 7) state.lowest = input;
        break;
      case 6:
        state.lowest = input;
        break;
    }
  }

  get #level(): number {
    return this.state.allLevel ? 0xff : this.state.elcr;
  }

  /** The highest priority in a set of inputs, 0 to 7, or 8 if it is empty. */
  #first(inputs: number): number {
    for (let priority = 0; priority < 8; priority++) {
      if (inputs & (1 << this.#input(priority))) return priority;
    }
    return 8;
  }

  #input(priority: number): number {
    return (priority + this.state.lowest + 1) & 7;
  }
}

export const initialPic = () => ({
  inputs: 0,
  irr: 0,
  isr: 0,
  /** Undefined at power-on, so closed. The first initialization word opens it. */
  imr: 0xff,
  elcr: 0,
  vectorBase: 0,
  /** The input of lowest priority; 7 unless rotated. */
  lowest: 7,
  /** Which initialization word comes next through the data port: 2, 3 or 4; 0 when there is none. */
  step: 0,
  fourth: 0,
  single: false,
  allLevel: false,
  autoEnd: false,
  rotateOnAutoEnd: false,
  fullyNested: false,
  specialMask: false,
  readIsr: false,
  poll: false,
});

export const picRanges: StateRanges<ReturnType<typeof initialPic>> = {
  inputs: byteRange,
  irr: byteRange,
  isr: byteRange,
  imr: byteRange,
  elcr: byteRange,
  vectorBase: byteRange,
  lowest: [0, 7],
  step: [0, 4],
  fourth: [0, 4],
};
