import { byteRange, type StateRanges, timeRange, wordRange } from '#core';

/** Registers by offset; 0 and 1 are the divisor while DLAB is set, 2 reads and writes different things. */
export const Register = {
  data: 0,
  interruptEnable: 1,
  interruptIdentity: 2,
  fifoControl: 2,
  lineControl: 3,
  modemControl: 4,
  lineStatus: 5,
  modemStatus: 6,
  scratch: 7,
} as const;

export const InterruptEnable = { received: 0x01, transmitterEmpty: 0x02, lineStatus: 0x04, modemStatus: 0x08 } as const;

/** Interrupt identities, the more urgent first. */
export const Interrupt = {
  lineStatus: 0x06,
  dataAvailable: 0x04,
  timeout: 0x0c,
  transmitterEmpty: 0x02,
  modemStatus: 0x00,
  none: 0x01,
} as const;

export const FifoControl = { enabled: 0x01, clearReceiver: 0x02, clearTransmitter: 0x04 } as const;

export const LineControl = { break: 0x40, divisorLatch: 0x80 } as const;

export const ModemControl = { dtr: 0x01, rts: 0x02, out1: 0x04, out2: 0x08, loop: 0x10 } as const;

export const Line = {
  dataReady: 0x01,
  overrun: 0x02,
  break: 0x10,
  holdingEmpty: 0x20,
  transmitterEmpty: 0x40,
  fifoError: 0x80,
} as const;

export const Modem = { cts: 0x10, dsr: 0x20, ri: 0x40, dcd: 0x80 } as const;

/** In loopback the modem's inputs are the modem's outputs. */
export const loopedModem = (modemControl: number): number =>
  (modemControl & ModemControl.rts ? Modem.cts : 0) |
  (modemControl & ModemControl.dtr ? Modem.dsr : 0) |
  (modemControl & ModemControl.out1 ? Modem.ri : 0) |
  (modemControl & ModemControl.out2 ? Modem.dcd : 0);

/** The crystal of PCs divided by the chip's own 16: the rate at divisor 1. */
const highestRate = 115_200;

/** Nanoseconds for ten bits: start, data, stop. */
export const characterTime = (divisor: number): number => (10 * 1e9 * (divisor || 1)) / highestRate;

/** Somebody is there, ready and listening: what most cables report. */
const connected = Modem.cts | Modem.dsr | Modem.dcd;

export const initialUart = () => ({
  /** Characters in the receiver; what is above 8 bits are the line errors that came with one. */
  received: [] as number[],
  lastRead: 0,
  timedOut: false,
  /** When the receiver times out; -1 if it does not wait for that. */
  timeoutAt: -1,
  /** Bytes taken in one go while more waits outside, and the end of the pause after many; -1 if there is none. */
  burst: 0,
  resumeAt: -1,
  transmitterEmpty: false,
  interruptEnable: 0,
  fifoControl: 0,
  lineControl: 0,
  modemControl: 0,
  lineErrors: 0,
  modemStatus: connected as number,
  externalModem: connected as number,
  scratch: 0,
  divisor: 12,
});

export type UartState = ReturnType<typeof initialUart>;

export const hasDivisorLatch = ({ lineControl }: UartState): boolean => (lineControl & LineControl.divisorLatch) !== 0;

/** In loopback the transmitter is wired to the receiver, and the pins rest. */
export const isLooped = ({ modemControl }: UartState): boolean => (modemControl & ModemControl.loop) !== 0;

export const hasFifos = ({ fifoControl }: UartState): boolean => (fifoControl & FifoControl.enabled) !== 0;

/** The data bits of a character, as the line control sets their number: 5 to 8. */
export const wordMask = ({ lineControl }: UartState): number => 0xff >> (3 - (lineControl & 3));

/** Bytes in the receiver's FIFO at which it interrupts, by the FIFO control's upper bits. */
const triggers: readonly number[] = [1, 4, 8, 14];

/** The most urgent interrupt that is enabled (data sheet, table IV). */
export function interruptIdentity(state: UartState): number {
  const { interruptEnable, lineErrors, received, fifoControl, timedOut, transmitterEmpty, modemStatus } = state;
  if (interruptEnable & InterruptEnable.lineStatus && lineErrors) return Interrupt.lineStatus;
  if (interruptEnable & InterruptEnable.received) {
    if (received.length >= (hasFifos(state) ? triggers[fifoControl >> 6] : 1)) return Interrupt.dataAvailable;
    if (timedOut) return Interrupt.timeout;
  }
  if (interruptEnable & InterruptEnable.transmitterEmpty && transmitterEmpty) return Interrupt.transmitterEmpty;
  if (interruptEnable & InterruptEnable.modemStatus && modemStatus & 0x0f) return Interrupt.modemStatus;
  return Interrupt.none;
}

export const uartRanges: StateRanges<UartState> = {
  received: wordRange,
  lastRead: byteRange,
  timeoutAt: timeRange,
  burst: wordRange,
  resumeAt: timeRange,
  interruptEnable: byteRange,
  fifoControl: byteRange,
  lineControl: byteRange,
  modemControl: byteRange,
  lineErrors: byteRange,
  modemStatus: byteRange,
  externalModem: byteRange,
  scratch: byteRange,
  divisor: wordRange,
};
