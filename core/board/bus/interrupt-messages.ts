import { service } from '../framework/service.ts';

/** Delivery modes of interrupt messages, I/O APIC entries and the ICR (SDM vol. 3, 12.6.1). */
export const DeliveryMode = {
  Fixed: 0,
  LowestPriority: 1,
  Smi: 2,
  Nmi: 4,
  Init: 5,
  Startup: 6,
  External: 7,
} as const;

export interface InterruptMessage {
  readonly destination: number;
  /** Logical rather than physical destination. */
  readonly logical: boolean;
  /** One of DeliveryMode. */
  readonly mode: number;
  readonly vector: number;
  /** Level- rather than edge-triggered: the local APIC broadcasts its end of interrupt. */
  readonly level: boolean;
}

/** What carries interrupts from I/O APICs and devices to local APICs. */
export interface InterruptMessages {
  /** Answers whether any processor accepted it. */
  send(message: InterruptMessage): boolean;
  /** A message-signalled interrupt: a write of `data` to 0xfeex_xxxx. False for other addresses. */
  signal(address: number, data: number): boolean;
  /** For the local APICs. */
  onSend(receiver: (message: InterruptMessage) => boolean): void;
  /** For I/O APICs: a level-triggered interrupt with this vector has ended. */
  onEnd(listener: (vector: number) => void): void;
  end(vector: number): void;
}

export const InterruptMessages = service<InterruptMessages>('InterruptMessages');

export class MessageBus implements InterruptMessages {
  #receiver: ((message: InterruptMessage) => boolean) | undefined;
  readonly #listeners: ((vector: number) => void)[] = [];

  send(message: InterruptMessage): boolean {
    return this.#receiver?.(message) ?? false;
  }

  signal(address: number, data: number): boolean {
    const message = decodeSignal(address, data);
    return message !== undefined && this.send(message);
  }

  onSend(receiver: (message: InterruptMessage) => boolean): void {
    this.#receiver = receiver;
  }

  onEnd(listener: (vector: number) => void): void {
    this.#listeners.push(listener);
  }

  end(vector: number): void {
    for (const listener of this.#listeners) listener(vector);
  }
}

/** SDM vol. 3, 12.11: message address and data registers. */
export function decodeSignal(address: number, data: number): InterruptMessage | undefined {
  if (Math.floor(address / 0x10_0000) !== 0xfee) return undefined;
  return {
    destination: (address >>> 12) & 0xff,
    logical: (address & 4) !== 0,
    mode: (data >>> 8) & 7,
    vector: data & 0xff,
    level: (data & 0x8000) !== 0,
  };
}
