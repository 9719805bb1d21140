import type { Chain } from '../queue/chain.ts';
import { BlockStatus, headerLength, RequestType, zeroesLength } from './layout.ts';
import { type Answer, type DrivenMedium, type Piece, perform } from './perform.ts';
import { type BlockRequest, dataLength } from './request.ts';

/** A request is done by pieces of so many bytes, so that no single one takes much memory or much of the host's time. */
export const pieceLength = 2 ** 21;

/** The parameters of requests that have some are no longer. */
const parametersLength = zeroesLength + 1;

/** A request that was taken from the queue, until it is answered or given up. */
export class Job {
  /** The host works on a piece of it, or the piece's time has not passed yet. */
  isUnderWay = false;
  /** When the piece that is under way ends. */
  ends = 0;
  #isGivenUp = false;
  /** Bytes of the data that are done with. */
  #done = 0;
  #piece: Piece | undefined;
  #answer: Answer | undefined;
  #status: number = BlockStatus.ok;

  constructor(
    readonly chain: Chain,
    private readonly request: BlockRequest,
    /** When the driver hears of it. */
    readonly due: number,
  ) {}

  /** Takes more than one piece. */
  get isLong(): boolean {
    return dataLength(this.request) > pieceLength;
  }

  /** Bytes of memory that it may take. */
  get cost(): number {
    return Math.min(this.chain.length, pieceLength);
  }

  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** Bytes that are left when the next piece is done. */
  get rest(): number {
    return this.#status === BlockStatus.ok ? Math.max(0, this.#left - pieceLength) : 0;
  }

  /** Nobody waits for it any more: it is not begun if it has not been, and lets go of its memory. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.#piece = undefined;
    this.#answer = undefined;
  }

  /** What the driver gives is read now, and not when the host gets to it: a guest may change it meanwhile. */
  prepare(ends: number): void {
    this.isUnderWay = true;
    this.ends = ends;
    if (this.#status !== BlockStatus.ok) return;
    const { type, given } = this.request;
    const length = Math.min(this.#left, pieceLength);
    const read =
      type === RequestType.write ? length : type === RequestType.read ? 0 : Math.min(given, parametersLength);
    this.#piece = {
      offset: this.#done,
      length,
      given: this.chain.read(headerLength + this.#done, read),
      isLast: this.rest === 0,
    };
  }

  async perform(medium: DrivenMedium): Promise<void> {
    const piece = this.#piece;
    if (!piece) return;
    const answer = await perform(medium, this.request, piece);
    if (!this.#isGivenUp) this.#answer = answer;
  }

  /** The piece's time has come. Gives the driver what was read; answers whether there is nothing left to do but `conclude`. */
  advance(): boolean {
    const { length = 0, isLast = true } = this.#piece ?? {};
    const { status, data } = this.#answer ?? { status: this.#status, data: new Uint8Array(0) };
    this.#piece = undefined;
    this.#answer = undefined;
    this.#status = status;
    if (data.length > 0) this.chain.write(this.#done, data.subarray(0, this.request.room - this.#done));
    if (status === BlockStatus.ok) this.#done += Math.max(length, data.length);
    return isLast;
  }

  /** Zeros where there are no data, as far as they are not too many, and the status last. Answers how many bytes were written. */
  conclude(): number {
    const { room, type } = this.request;
    const written = type === RequestType.write ? 0 : Math.min(this.#done, room);
    const zeros = Math.min(room - written, pieceLength);
    if (zeros > 0) this.chain.write(written, new Uint8Array(zeros));
    this.chain.write(room, Uint8Array.of(this.#status));
    return written + zeros === room ? room + 1 : written + zeros;
  }

  get #left(): number {
    return dataLength(this.request) - this.#done;
  }
}
