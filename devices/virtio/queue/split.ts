import type { GuestMemory } from '#core';
import { RingFeature } from '../identifiers.ts';
import type { Chain } from './chain.ts';
import { descriptorSize, walk } from './walk.ts';

export interface QueueForm {
  readonly name: string;
  /** The largest that a driver may make it; a power of two. */
  readonly size: number;
  /** Bytes of the longest chain that the device takes. */
  readonly longest: number;
}

/** What a queue asks of its device. */
export interface QueueOwner {
  readonly memory: GuestMemory;
  hasFeature(bit: number): boolean;
  /** Tells the driver that buffers were used. */
  interrupt(queue: number): void;
  /** The driver broke the rules: the device stops until it is reset. */
  fail(reason: string): void;
}

/** The available ring's flag by which a driver without event indices declines interrupts. */
const noInterrupt = 1;

/** Split virtqueue (virtio 1.2, 2.7). */
export class SplitQueue {
  state: ReturnType<SplitQueue['form']>;

  constructor(
    readonly index: number,
    readonly specification: QueueForm,
    private readonly owner: QueueOwner,
  ) {
    this.state = this.form();
  }

  /** The state after a reset. Addresses are pairs of words, low first. */
  form() {
    return {
      size: this.specification.size,
      enabled: false,
      descriptors: [0, 0],
      driver: [0, 0],
      device: [0, 0],
      /** The next entry of the available ring, and how many were used; both modulo 2^16. */
      available: 0,
      used: 0,
      /** `used` at the last interrupt; -1 before the first. */
      signalled: -1,
    };
  }

  reset(): void {
    this.state = this.form();
  }

  /** Whether a saved state can be this queue's. */
  accepts({ size }: ReturnType<SplitQueue['form']>): boolean {
    return isPossible(size, this.specification.size);
  }

  /** Drivers may make it smaller, by powers of two, until it is enabled. */
  resize(size: number): void {
    if (!this.state.enabled && isPossible(size, this.specification.size)) this.state.size = size;
  }

  /** The next chain that the driver made available, if there is one. */
  take(): Chain | undefined {
    const { state, owner } = this;
    if (!state.enabled) return undefined;
    if (!this.#isSound) return this.#fail('rings outside RAM or not aligned');
    const waiting = (owner.memory.read16(this.#driver + 2) - state.available) & 0xffff;
    if (waiting > state.size) return this.#fail(`${waiting} chains in ${state.size} places`);
    if (waiting === 0) return undefined;
    const head = owner.memory.read16(this.#driver + 4 + 2 * (state.available & (state.size - 1)));
    const chain = this.chainAt(head);
    if (!chain) return undefined;
    state.available = (state.available + 1) & 0xffff;
    if (owner.hasFeature(RingFeature.eventIndex)) {
      owner.memory.write16(this.#device + 4 + 8 * state.size, state.available);
    }
    return chain;
  }

  /**
   * Takes and finishes what is waiting, while the device wants more. An answer that lies on the ring itself cannot prolong this: no more
   * chains are taken than the queue has places. `answer` says how many bytes were written.
   */
  drain(answer: (chain: Chain) => number, wantsMore: () => boolean = () => true): void {
    for (let count = 0; count < this.state.size && wantsMore(); count++) {
      const chain = this.take();
      if (!chain) return;
      this.finish(chain, answer(chain));
    }
  }

  /** The chain with a head that was taken before. */
  chainAt(head: number): Chain | undefined {
    const { state, owner, specification } = this;
    if (!this.#isSound) return this.#fail('rings outside RAM or not aligned');
    const chain = walk(head, {
      memory: owner.memory,
      table: this.#descriptors,
      size: state.size,
      indirect: owner.hasFeature(RingFeature.indirect),
      longest: specification.longest,
    });
    return typeof chain === 'string' ? this.#fail(chain) : chain;
  }

  /** Gives a chain back, with so many bytes written to it. */
  finish({ head }: Chain, written: number): void {
    const { state, owner } = this;
    const entry = this.#device + 4 + 8 * (state.used & (state.size - 1));
    owner.memory.write32(entry, head);
    owner.memory.write32(entry + 4, written);
    state.used = (state.used + 1) & 0xffff;
    owner.memory.write16(this.#device + 2, state.used);
    if (this.#wantsInterrupt()) owner.interrupt(this.index);
  }

  fail(reason: string): void {
    this.#fail(reason);
  }

  inspect() {
    const { size, enabled, available, used } = this.state;
    const [descriptors, driver, device] = [this.#descriptors, this.#driver, this.#device];
    return { name: this.specification.name, size, enabled, descriptors, driver, device, available, used };
  }

  /** virtio 1.2, 2.7.7.2 and 2.7.10. */
  #wantsInterrupt(): boolean {
    const { state, owner } = this;
    if (!owner.hasFeature(RingFeature.eventIndex)) return (owner.memory.read16(this.#driver) & noInterrupt) === 0;
    const wanted = owner.memory.read16(this.#driver + 4 + 2 * state.size);
    const { signalled, used } = state;
    state.signalled = used;
    return signalled < 0 || ((used - wanted - 1) & 0xffff) < ((used - signalled) & 0xffff);
  }

  get #descriptors(): number {
    return addressOf(this.state.descriptors);
  }

  get #driver(): number {
    return addressOf(this.state.driver);
  }

  get #device(): number {
    return addressOf(this.state.device);
  }

  get #isSound(): boolean {
    const { size } = this.state;
    const { memory } = this.owner;
    const [descriptors, driver, device] = [this.#descriptors, this.#driver, this.#device];
    return (
      descriptors % 16 === 0 &&
      driver % 2 === 0 &&
      device % 4 === 0 &&
      memory.contains(descriptors, size * descriptorSize) &&
      memory.contains(driver, 6 + 2 * size) &&
      memory.contains(device, 6 + 8 * size)
    );
  }

  #fail(reason: string): undefined {
    this.owner.fail(`${this.specification.name}: ${reason}`);
    return undefined;
  }
}

const isPossible = (size: number, largest: number): boolean =>
  Number.isInteger(size) && size > 0 && size <= largest && (size & (size - 1)) === 0;

const addressOf = (words: readonly number[]): number => words[1] * 2 ** 32 + words[0];
