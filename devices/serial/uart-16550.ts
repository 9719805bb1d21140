import { byteRange, type Clock, copyState, requireRanges, restoreState, type SavedState } from '#core';
import { breakCharacter, UartReceiver } from './uart-receiver.ts';
import {
  FifoControl,
  hasDivisorLatch,
  hasFifos,
  Interrupt,
  InterruptEnable,
  initialUart,
  interruptIdentity,
  isLooped,
  Line,
  LineControl,
  loopedModem,
  Modem,
  ModemControl,
  Register,
  type UartState,
  uartRanges,
  wordMask,
} from './uart-registers.ts';

/** What a UART is soldered to. */
export interface UartPins {
  readonly clock: Clock;
  /** A byte leaves; it takes no time. */
  transmit(byte: number): void;
  /** INTR, with OUT2 as PCs gate it. */
  interrupt(asserted: boolean): void;
}

/** Nobody asks a port so often for nothing, unless it waits for input without interrupts. */
const polling = 256;

/**
 * National Semiconductor PC16550D (data sheet, June 1995). The transmitter is always empty again at once; the receiver takes
 * bytes only as there is room, so nothing is ever overrun.
 */
export class Uart16550 {
  #state = initialUart();
  readonly #receiver: UartReceiver;
  #polls = 0;
  #listens = false;

  constructor(private readonly pins: UartPins) {
    const state = (): UartState => this.#state;
    this.#receiver = new UartReceiver({
      get state() {
        return state();
      },
      clock: pins.clock,
      update: () => this.#update(),
    });
  }

  /** Bytes of input that wait outside. */
  get waiting(): number {
    return this.#receiver.waiting;
  }

  /**
   * True once the guest, since the last reset, has enabled the receive interrupt with OUT2 set, or has polled again and again for nothing. Without OUT2
   * it is a probe: Linux enables all interrupts for a moment to see whether there is a UART.
   */
  get listens(): boolean {
    return this.#listens;
  }

  reset(): void {
    this.#listens = false;
    this.#polls = 0;
    const { externalModem } = this.#state;
    this.#state = { ...initialUart(), externalModem, modemStatus: externalModem };
    this.#receiver.reset();
    this.#update();
  }

  /** What the other end sends; it waits outside until the receiver has room. */
  receive(data: Uint8Array): void {
    this.#receiver.push(data);
    this.#receiver.refill();
    this.#update();
  }

  /** The other end holds the line low: Linux's magic SysRq on a serial console. */
  receiveBreak(): void {
    if (this.#receiver.hasRoom) this.#receiver.take(breakCharacter);
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
        return hasDivisorLatch(state) ? state.divisor & 0xff : this.#readData();
      case Register.interruptEnable:
        return hasDivisorLatch(state) ? state.divisor >> 8 : state.interruptEnable;
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
        if (hasDivisorLatch(state)) state.divisor = (state.divisor & 0xff00) | value;
        else this.#transmit(value);
        break;
      case Register.interruptEnable:
        if (hasDivisorLatch(state)) state.divisor = (state.divisor & 0x00ff) | (value << 8);
        else this.#enable(value & 0x0f);
        break;
      case Register.fifoControl:
        this.#controlFifos(value);
        break;
      case Register.lineControl:
        // A break that begins in loopback arrives at once.
        if (value & ~state.lineControl & LineControl.break && isLooped(state)) this.receiveBreak();
        state.lineControl = value;
        break;
      case Register.modemControl:
        state.modemControl = value & 0x1f;
        this.#updateModem();
        this.#receiver.refill();
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
    return { ...copyState(this.#state), input: this.#receiver.input };
  }

  restore(state: SavedState): void {
    const taken = restoreState({ ...initialUart(), input: [] as number[] }, state, 2);
    const { input, ...chip } = requireRanges(taken, { ...uartRanges, input: byteRange });
    this.#state = chip;
    this.#polls = 0;
    this.#listens = false;
    this.#update();
    this.#receiver.restore(input);
  }

  /** `polls`: how often the line status was asked for nothing since a byte last went either way. */
  inspect() {
    return { ...this.save(), interrupt: interruptIdentity(this.#state), polls: this.#polls };
  }

  #readData(): number {
    this.#polls = 0;
    const byte = this.#receiver.read();
    this.#update();
    return byte;
  }

  /** Identifies the most urgent interrupt; having read of an empty transmitter ends that one. */
  #readIdentity(): number {
    const identity = interruptIdentity(this.#state);
    if (identity === Interrupt.transmitterEmpty) {
      this.#state.transmitterEmpty = false;
      this.#update();
    }
    return identity | (hasFifos(this.#state) ? 0xc0 : 0);
  }

  #readLineStatus(): number {
    const state = this.#state;
    const { received, lineErrors } = state;
    const inFifo = hasFifos(state) && (lineErrors !== 0 || received.some(byte => byte > 0xff)) ? Line.fifoError : 0;
    state.lineErrors = 0;
    if (received.length === 0 && ++this.#polls >= polling) this.#listens = true;
    this.#update();
    return (received.length > 0 ? Line.dataReady : 0) | lineErrors | inFifo | Line.holdingEmpty | Line.transmitterEmpty;
  }

  #enable(value: number): void {
    const state = this.#state;
    // Enabling the interrupt of an empty transmitter raises it; Linux tests for that.
    if (value & ~state.interruptEnable & InterruptEnable.transmitterEmpty) state.transmitterEmpty = true;
    state.interruptEnable = value;
  }

  #transmit(byte: number): void {
    const state = this.#state;
    this.#polls = 0;
    state.transmitterEmpty = true;
    if (!isLooped(state)) this.pins.transmit(byte);
    else if (this.#receiver.hasRoom) this.#receiver.take(byte & wordMask(state));
    else state.lineErrors |= Line.overrun;
  }

  #controlFifos(value: number): void {
    const state = this.#state;
    const toggles = ((value ^ state.fifoControl) & FifoControl.enabled) !== 0;
    if (toggles || value & FifoControl.clearReceiver) this.#receiver.clear();
    state.fifoControl = value & FifoControl.enabled ? value & 0xc9 : 0;
    this.#receiver.refill();
  }

  /** In loopback the modem's inputs are the modem's outputs. */
  #updateModem(): void {
    const state = this.#state;
    const { modemControl, modemStatus } = state;
    const signals = isLooped(state) ? loopedModem(modemControl) : state.externalModem;
    const changed = (signals ^ modemStatus) & 0xf0;
    // The ring indicator counts only when it ends.
    const deltas = (changed & ~(signals & Modem.ri)) >> 4;
    state.modemStatus = signals | (modemStatus & 0x0f) | deltas;
  }

  /** On PCs OUT2 lets the interrupt through to the bus; in loopback that pin is off. */
  #update(): void {
    const gate = (this.#state.modemControl & (ModemControl.out2 | ModemControl.loop)) === ModemControl.out2;
    if (gate && this.#state.interruptEnable & InterruptEnable.received) this.#listens = true;
    this.pins.interrupt(gate && interruptIdentity(this.#state) !== Interrupt.none);
  }
}
