/** The frame of gdb's remote serial protocol (GDB manual, appendix E.1): `$data#checksum`, acknowledged by `+` or `-`. */

const start = 0x24;
const end = 0x23;
const escaping = 0x7d;
const repeat = 0x2a;
const interrupt = 0x03;
/** What `PacketSize` promises, in bytes of a packet's data. */
export const packetSize = 0x4000;
/** No packet is longer; the rest of one that is gets dropped, and the packet with it. */
const longest = 2 * packetSize;

export interface PacketHandler {
  /** A packet's data, after its escapes are undone. */
  packet(data: Uint8Array): void;
  /** Ctrl-C. */
  interrupt(): void;
  /** The last packet that was sent did not arrive well. */
  again(): void;
  /** The packet has arrived; false: damaged. */
  acknowledge(good: boolean): void;
}

type State = 'outside' | 'inside' | 'sum';

/** Takes bytes as they come, in pieces of any size. Nothing that comes is an error: what is no packet is passed over. */
export class PacketReader {
  readonly #handler: PacketHandler;
  #state: State = 'outside';
  #data: number[] = [];
  #sum = 0;
  #escaped = false;
  #digits = '';

  constructor(handler: PacketHandler) {
    this.#handler = handler;
  }

  take(bytes: Uint8Array): void {
    for (const byte of bytes) this.#byte(byte);
  }

  #byte(byte: number): void {
    switch (this.#state) {
      case 'outside':
        if (byte === start) this.#begin();
        else if (byte === interrupt) this.#handler.interrupt();
        else if (byte === 0x2d) this.#handler.again();
        return;
      case 'inside':
        if (byte === start) this.#begin();
        else if (byte === end) {
          this.#state = 'sum';
          this.#digits = '';
        } else this.#take(byte);
        return;
      default:
        this.#digits += String.fromCharCode(byte);
        if (this.#digits.length === 2) this.#end();
    }
  }

  #begin(): void {
    this.#state = 'inside';
    this.#data = [];
    this.#sum = 0;
    this.#escaped = false;
  }

  #take(byte: number): void {
    this.#sum = (this.#sum + byte) & 0xff;
    if (this.#escaped) {
      this.#escaped = false;
      this.#push(byte ^ 0x20, 1);
    } else if (byte === escaping) this.#escaped = true;
    else this.#push(byte, 1);
  }

  #push(byte: number, count: number): void {
    for (let n = 0; n < count && this.#data.length <= longest; n++) this.#data.push(byte);
  }

  #end(): void {
    this.#state = 'outside';
    const good = /^[0-9a-f]{2}$/i.test(this.#digits) && Number.parseInt(this.#digits, 16) === this.#sum;
    this.#handler.acknowledge(good);
    if (good && this.#data.length <= longest) this.#handler.packet(Uint8Array.from(this.#data));
  }
}

/** A packet around these bytes. */
export function frame(data: Uint8Array): Uint8Array {
  const body: number[] = [];
  let sum = 0;
  const put = (byte: number): void => {
    body.push(byte);
    sum = (sum + byte) & 0xff;
  };
  for (const byte of data) {
    if (byte === start || byte === end || byte === escaping || byte === repeat) {
      put(escaping);
      put(byte ^ 0x20);
    } else put(byte);
  }
  const digits = sum.toString(16).padStart(2, '0');
  return Uint8Array.from([start, ...body, end, digits.charCodeAt(0), digits.charCodeAt(1)]);
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Bytes as characters of the same number. */
export const textOf = (bytes: Uint8Array): string => Array.from(bytes, byte => String.fromCharCode(byte)).join('');

export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');

/** undefined: these are no pairs of hexadecimal digits. */
export function bytesOfHex(text: string): Uint8Array | undefined {
  if (text.length % 2 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, n) => Number.parseInt(text.slice(2 * n, 2 * n + 2), 16));
}
