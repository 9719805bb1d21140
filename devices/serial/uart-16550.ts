import { byteRange, type Clock, copyState, requireRanges, restoreState, type SavedState, type Timer } from '#core';
import { ByteQueue } from './byte-queue.ts';
import {
  characterTime,
  FifoControl,
  Interrupt,
  initialUart,
  Line,
  LineControl,
  loopedModem,
  Modem,
  ModemControl,
  Register,
  uartRanges,
} from './uart-registers.ts';

/** What a UART is soldered to. */
export interface UartPins {
  readonly clock: Clock;
  /** A byte leaves; it takes no time. */
  transmit(byte: number): void;
  /** INTR, with OUT2 as PCs gate it. */
  interrupt(asserted: boolean): void;
}

const fifoSize = 16;
const triggers: readonly number[] = [1, 4, 8, 14];
/**
 * Our line takes no time, but a driver that finds more at each interrupt keeps its readers from running, and its buffers overflow (Linux's
 * at 640 KiB). After so many bytes they get a breather, in nanoseconds.
 */
const longestBurst = 4096;
const breather = 2e6;
/** Nobody asks a port so often for nothing, unless it waits for input without interrupts. */
const polling = 256;

/**
 * National Semiconductor PC16550D (data sheet, June 1995). The transmitter is always empty again at once; the receiver takes
 * bytes only as there is room, so nothing is ever overrun.
 */
export class Uart16550 {
  #state = initialUart();
  readonly #input = new ByteQueue();
  #timeout: Timer | undefined;
  #resumption: Timer | undefined;
  #polls = 0;
  #listens = false;

  constructor(private readonly pins: UartPins) {}

  /** Bytes of input that wait outside. */
  get waiting(): number {
    return this.#input.length;
  }

  /**
   * Since the last reset the guest has enabled the receive interrupt, or polled again and again for nothing. Only with OUT2 is it more
   * than a probe: Linux enables all interrupts for a moment to see whether there is a UART.
   */
  get listens(): boolean {
    return this.#listens;
  }

  reset(): void {
    this.#listens = false;
    this.#polls = 0;
    const { externalModem } = this.#state;
    this.#state = { ...initialUart(), externalModem, modemStatus: externalModem };
    this.#arm();
    this.#armResumption();
    this.#refill();
    this.#update();
  }

  /** What the other end sends; it waits outside until the receiver has room. */
  receive(data: Uint8Array): void {
    this.#input.push(data);
    this.#refill();
    this.#update();
  }

  /** The other end holds the line low: Linux's magic SysRq on a serial console. */
  receiveBreak(): void {
    if (this.#state.received.length < this.#capacity) this.#take(Line.break << 8);
    this.#update();
  }

  /** The other end's modem signals, as in the upper half of the modem status register. */
  setModemStatus(signals: number): void {
    this.#state.externalModem = signals & 0xf0;
    this.#updateModem();
    this.#update();
  }

  read(register: number): number {
    const state = this.#state;
    switch (register) {
      case Register.data:
        return this.#divisorLatch ? state.divisor & 0xff : this.#readData();
      case Register.interruptEnable:
        return this.#divisorLatch ? state.divisor >> 8 : state.interruptEnable;
      case Register.interruptIdentity:
        return this.#readIdentity();
      case Register.lineControl:
        return state.lineControl;
      case Register.modemControl:
        return state.modemControl;
      case Register.lineStatus:
        return this.#readLineStatus();
      case Register.modemStatus: {
        const status = state.modemStatus;
        state.modemStatus &= 0xf0;
        this.#update();
        return status;
      }
      default:
        return state.scratch;
    }
  }

  write(register: number, value: number): void {
    const state = this.#state;
    switch (register) {
      case Register.data:
        if (this.#divisorLatch) state.divisor = (state.divisor & 0xff00) | value;
        else this.#transmit(value);
        break;
      case Register.interruptEnable:
        if (this.#divisorLatch) state.divisor = (state.divisor & 0x00ff) | (value << 8);
        else this.#enable(value & 0x0f);
        break;
      case Register.fifoControl:
        this.#controlFifos(value);
        break;
      case Register.lineControl:
        // A break that begins in loopback arrives at once.
        if (value & ~state.lineControl & LineControl.break && this.#loops) this.receiveBreak();
        state.lineControl = value;
        break;
      case Register.modemControl:
        state.modemControl = value & 0x1f;
        this.#updateModem();
        this.#refill();
        break;
      case Register.lineStatus:
      case Register.modemStatus:
        return;
      default:
        state.scratch = value;
    }
    this.#update();
  }

  save() {
    return { ...copyState(this.#state), input: this.#input.toArray() };
  }

  restore(state: SavedState): void {
    const taken = restoreState({ ...initialUart(), input: [] as number[] }, state, 2);
    const { input, ...chip } = requireRanges(taken, { ...uartRanges, input: byteRange });
    this.#state = chip;
    this.#input.clear();
    this.#input.push(input);
    this.#polls = 0;
    this.#listens = false;
    this.#update();
    this.#arm();
    this.#armResumption();
  }

  /** `polls`: how often the line status was asked for nothing since a byte last went either way. */
  inspect() {
    return { ...this.save(), interrupt: this.#identity, polls: this.#polls };
  }

  get #divisorLatch(): boolean {
    return (this.#state.lineControl & LineControl.divisorLatch) !== 0;
  }

  get #loops(): boolean {
    return (this.#state.modemControl & ModemControl.loop) !== 0;
  }

  get #fifos(): boolean {
    return (this.#state.fifoControl & FifoControl.enabled) !== 0;
  }

  get #capacity(): number {
    return this.#fifos ? fifoSize : 1;
  }

  #readData(): number {
    const state = this.#state;
    this.#polls = 0;
    const byte = state.received.shift() ?? state.lastRead;
    state.lastRead = byte & 0xff;
    state.timedOut = false;
    this.#refill();
    this.#waitForTimeout();
    this.#noteErrors();
    this.#update();
    return byte & 0xff;
  }

  /** Identifies the most urgent interrupt; having read of an empty transmitter ends that one. */
  #readIdentity(): number {
    const identity = this.#identity;
    if (identity === Interrupt.transmitterEmpty) {
      this.#state.transmitterEmpty = false;
      this.#update();
    }
    return identity | (this.#fifos ? 0xc0 : 0);
  }

  #readLineStatus(): number {
    const state = this.#state;
    const { received, lineErrors } = state;
    const inFifo = this.#fifos && (lineErrors !== 0 || received.some(byte => byte > 0xff)) ? Line.fifoError : 0;
    state.lineErrors = 0;
    if (received.length === 0 && ++this.#polls >= polling) this.#listens = true;
    this.#update();
    return (received.length > 0 ? Line.dataReady : 0) | lineErrors | inFifo | Line.holdingEmpty | Line.transmitterEmpty;
  }

  #enable(value: number): void {
    const state = this.#state;
    // Enabling the interrupt of an empty transmitter raises it; Linux tests for that.
    if (value & ~state.interruptEnable & 2) state.transmitterEmpty = true;
    state.interruptEnable = value;
  }

  #transmit(byte: number): void {
    this.#polls = 0;
    this.#state.transmitterEmpty = true;
    if (!this.#loops) this.pins.transmit(byte);
    else if (this.#state.received.length < this.#capacity) this.#take(byte & this.#wordMask);
    else this.#state.lineErrors |= Line.overrun;
  }

  get #wordMask(): number {
    return 0xff >> (3 - (this.#state.lineControl & 3));
  }

  #controlFifos(value: number): void {
    const state = this.#state;
    const toggles = ((value ^ state.fifoControl) & FifoControl.enabled) !== 0;
    if (toggles || value & FifoControl.clearReceiver) {
      state.received = [];
      state.timedOut = false;
      this.#waitForTimeout();
    }
    state.fifoControl = value & FifoControl.enabled ? value & 0xc9 : 0;
    this.#refill();
  }

  #refill(): void {
    if (this.#loops) return;
    const state = this.#state;
    while (this.#input.length > 0 && state.received.length < this.#capacity && state.resumeAt < 0) {
      this.#take(this.#input.shift());
      if (++state.burst === longestBurst) this.#pause();
    }
    if (this.#input.length === 0) state.burst = 0;
  }

  #pause(): void {
    this.#state.burst = 0;
    this.#state.resumeAt = this.pins.clock.now + breather;
    this.#armResumption();
  }

  #armResumption(): void {
    this.#resumption?.cancel();
    this.#resumption = undefined;
    if (this.#state.resumeAt < 0) return;
    this.#resumption = this.pins.clock.schedule(this.#state.resumeAt, () => {
      this.#resumption = undefined;
      this.#state.resumeAt = -1;
      this.#refill();
      this.#update();
    });
  }

  /** A character enters the FIFO, its errors in bits 8 and above; it is the reader's turn within four character times. */
  #take(character: number): void {
    this.#state.received.push(character);
    this.#noteErrors();
    this.#waitForTimeout();
  }

  /** Errors show in the line status when their character is at the top of the FIFO. */
  #noteErrors(): void {
    const { received } = this.#state;
    if (received.length === 0 || received[0]! <= 0xff) return;
    this.#state.lineErrors |= received[0]! >> 8;
    received[0]! &= 0xff;
  }

  #waitForTimeout(): void {
    const state = this.#state;
    const waits = this.#fifos && state.received.length > 0 && !state.timedOut;
    state.timeoutAt = waits ? this.pins.clock.now + Math.ceil(4 * characterTime(state.divisor)) : -1;
    this.#arm();
  }

  #arm(): void {
    this.#timeout?.cancel();
    this.#timeout = undefined;
    if (this.#state.timeoutAt < 0) return;
    this.#timeout = this.pins.clock.schedule(this.#state.timeoutAt, () => {
      this.#timeout = undefined;
      this.#state.timeoutAt = -1;
      this.#state.timedOut = this.#state.received.length > 0;
      this.#update();
    });
  }

  /** In loopback the modem's inputs are the modem's outputs. */
  #updateModem(): void {
    const state = this.#state;
    const { modemControl, modemStatus } = state;
    const signals = this.#loops ? loopedModem(modemControl) : state.externalModem;
    const changed = (signals ^ modemStatus) & 0xf0;
    // The ring indicator counts only when it ends.
    const deltas = (changed & ~(signals & Modem.ri)) >> 4;
    state.modemStatus = signals | (modemStatus & 0x0f) | deltas;
  }

  /** The most urgent interrupt that is enabled (data sheet, table IV). */
  get #identity(): number {
    const { interruptEnable, lineErrors, received, fifoControl, timedOut, transmitterEmpty, modemStatus } = this.#state;
    if (interruptEnable & 4 && lineErrors) return Interrupt.lineStatus;
    if (interruptEnable & 1) {
      if (received.length >= (this.#fifos ? triggers[fifoControl >> 6]! : 1)) return Interrupt.dataAvailable;
      if (timedOut) return Interrupt.timeout;
    }
    if (interruptEnable & 2 && transmitterEmpty) return Interrupt.transmitterEmpty;
    if (interruptEnable & 8 && modemStatus & 0x0f) return Interrupt.modemStatus;
    return Interrupt.none;
  }

  /** On PCs OUT2 lets the interrupt through to the bus; in loopback that pin is off. */
  #update(): void {
    const gate = (this.#state.modemControl & (ModemControl.out2 | ModemControl.loop)) === ModemControl.out2;
    if (gate && this.#state.interruptEnable & 1) this.#listens = true;
    this.pins.interrupt(gate && this.#identity !== Interrupt.none);
  }
}
