/**
 * One gdb that is connected to one machine, by the remote serial protocol (GDB manual, appendix E), all-stop. Processors are threads, numbered from 1. The
 * machine stands when gdb connects, and goes on when the connection ends.
 */
import type { Breakpoint } from '#accelerators';
import { MachineError } from '#core';
import type { Debugger, ResumeOptions, StopReason } from '../debugger.ts';
import type { Machine } from '../machine.ts';
import { BreakpointTable } from './breakpoints.ts';
import { monitor } from './monitor.ts';
import { bytesOf, bytesOfHex, frame, hexOf, PacketReader, packetSize, textOf } from './packet.ts';
import { readRegister, readRegisters, stateOf, targetDescription, writeRegister, writeRegisters } from './registers.ts';

/** The way to gdb: a socket, a pipe, a WebSocket. */
export interface GdbConnection {
  send(bytes: Uint8Array): void;
  /** The session is over. */
  close(): void;
}

export interface GdbOptions {
  /** gdb's `kill`. Default: `machine.stop()`. */
  readonly onKill?: () => void;
}

/** Answers: data of a packet; undefined: none now (the machine goes on). */
type Answer = string | Uint8Array | undefined;

const ok = 'OK';
/** The errno that other stubs give; gdb only prints it. */
const failed = 'E01';
/** No answer to a packet means: I do not know it. */
const unknown = '';

const signal = { interrupt: '02', trap: '05', segmentation: '0b' } as const;

/** Attaches to the machine, which has no other debugger. Throws a MachineError where it has. */
export const serveGdb = (machine: Machine, connection: GdbConnection, options: GdbOptions = {}): GdbSession =>
  new GdbSession(machine, connection, options);

export class GdbSession implements Disposable {
  readonly #machine: Machine;
  readonly #connection: GdbConnection;
  readonly #options: GdbOptions;
  readonly #debugger: Debugger;
  readonly #reader: PacketReader;
  readonly #breakpoints: BreakpointTable;
  /** Packets that came while the machine was about to stand. */
  #waiting: Uint8Array[] = [];
  #acknowledges = true;
  /** Of the registers and memory that gdb asks for. */
  #chosen = 0;
  /** What `Hc` chose for `c` and `s`; undefined: all. */
  #continued: number | undefined;
  /** gdb has let the machine go on and waits to hear how that ended. */
  #awaited = false;
  #last: Uint8Array | undefined;
  #over = false;

  /** @internal */
  constructor(machine: Machine, connection: GdbConnection, options: GdbOptions) {
    this.#machine = machine;
    this.#connection = connection;
    this.#options = options;
    this.#debugger = machine.attach({ onStop: reason => this.#stopped(reason) });
    this.#breakpoints = new BreakpointTable(list => this.#debugger.setBreakpoints(list));
    this.#reader = new PacketReader({
      packet: data => this.#packet(data),
      interrupt: () => this.#interrupt(),
      again: () => this.#last && this.#connection.send(this.#last),
      acknowledge: good => {
        if (this.#acknowledges) this.#connection.send(bytesOf(good ? '+' : '-'));
      },
    });
    this.#debugger.pause();
  }

  /** Bytes from gdb, in pieces of any size. */
  receive(bytes: Uint8Array): void {
    if (!this.#over) this.#reader.take(bytes);
  }

  /** The run has ended for good: gdb is told, with the program's exit status. */
  end(status: number): void {
    if (this.#over) return;
    if (this.#awaited) this.#send(`W${hexByte(status & 0xff)}`);
    this.#finish();
  }

  /** The connection is lost: breakpoints go, and the machine goes on. */
  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#debugger[Symbol.dispose]();
  }

  #finish(): void {
    this[Symbol.dispose]();
    this.#connection.close();
  }

  #interrupt(): void {
    if (this.#debugger.attached) this.#debugger.pause();
    else this.#finish();
  }

  #packet(data: Uint8Array): void {
    if (this.#over) return;
    if (!this.#debugger.attached) {
      this.#finish();
      return;
    }
    if (this.#debugger.stopped) {
      this.#serve(data);
      return;
    }
    // gdb speaks while the machine runs only if it wants to have it stand.
    this.#waiting.push(data);
    this.#debugger.pause();
  }

  #stopped(reason: StopReason): void {
    if (this.#awaited) {
      this.#awaited = false;
      if ('processor' in reason) this.#chosen = reason.processor;
      this.#send(this.#stopReply(reason));
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const data of waiting) this.#packet(data);
  }

  #serve(data: Uint8Array): void {
    const answer = this.#answer(data);
    if (answer !== undefined && !this.#over) this.#send(answer);
  }

  /** What gdb asks for may be impossible; that is never an error of the machine. */
  #answer(data: Uint8Array): Answer {
    try {
      return this.#execute(textOf(data), data);
    } catch (error) {
      if (error instanceof MachineError) return `E.${error.message}`;
      throw error;
    }
  }

  #execute(text: string, data: Uint8Array): Answer {
    const rest = text.slice(1);
    switch (text[0]) {
      case '?':
        return this.#stopReply(this.#debugger.stopped!);
      case '!':
        return ok;
      case 'g':
        return hexOf(readRegisters(stateOf(this.#processor)));
      case 'G': {
        const bytes = bytesOfHex(rest);
        return bytes && writeRegisters(this.#processor, bytes) ? ok : failed;
      }
      case 'p': {
        const bytes = readRegister(stateOf(this.#processor), Number.parseInt(rest, 16));
        return bytes ? hexOf(bytes) : failed;
      }
      case 'P': {
        const [index = '', value = ''] = rest.split('=');
        const bytes = bytesOfHex(value);
        return bytes && writeRegister(this.#processor, Number.parseInt(index, 16), bytes) ? ok : failed;
      }
      case 'm':
        return this.#read(rest);
      case 'M': {
        const [place = '', digits = ''] = rest.split(':');
        return this.#write(place, bytesOfHex(digits));
      }
      case 'X': {
        const colon = text.indexOf(':');
        return colon < 0 ? failed : this.#write(text.slice(1, colon), data.subarray(colon + 1));
      }
      case 'H':
        return this.#choose(rest);
      case 'T':
        return this.#thread(rest) === undefined ? failed : ok;
      case 'c':
      case 'C':
      case 's':
      case 'S':
        return this.#resumeOld(text);
      case 'v':
        return this.#verbose(text);
      case 'q':
      case 'Q':
        return this.#query(text);
      case 'Z':
      case 'z':
        return this.#setBreakpoint(text);
      case 'R':
        this.#machine.reset();
        return undefined;
      case 'D':
        this.#send(ok);
        this.#finish();
        return undefined;
      case 'k':
        this.#kill();
        return undefined;
      default:
        return unknown;
    }
  }

  get #processor() {
    return this.#machine.processors[this.#chosen];
  }

  #read(place: string): Answer {
    const range = rangeOf(place);
    if (!range) return failed;
    // Two digits for each byte.
    const length = Math.min(range.length, packetSize / 2);
    const bytes = this.#debugger.memory.read(this.#chosen, range.address, length);
    return bytes.length === 0 && length > 0 ? failed : hexOf(bytes);
  }

  #write(place: string, bytes: Uint8Array | undefined): Answer {
    const range = rangeOf(place);
    if (!range || bytes?.length !== range.length) return failed;
    return this.#debugger.memory.write(this.#chosen, range.address, bytes) === bytes.length ? ok : failed;
  }

  /** The processor of a thread's number, which is hexadecimal; 0 and -1 are any: the chosen one. undefined: there is none. */
  #thread(number: string): number | undefined {
    if (number === '-1' || /^0+$/.test(number)) return this.#chosen;
    if (!/^[0-9a-f]{1,4}$/i.test(number)) return undefined;
    const index = Number.parseInt(number, 16) - 1;
    return this.#machine.processors[index] ? index : undefined;
  }

  #choose(rest: string): Answer {
    const number = rest.slice(1);
    const index = this.#thread(number);
    if (index === undefined) return failed;
    if (rest[0] === 'c') this.#continued = number === '-1' || /^0+$/.test(number) ? undefined : index;
    else this.#chosen = index;
    return ok;
  }

  /** `c`, `s`, and with signals, which mean nothing here: `C05`, `S05;ADDRESS`. */
  #resumeOld(text: string): Answer {
    const match = /^(?:[cs]|[CS][0-9a-f]{2};?)([0-9a-f]*)$/i.exec(text);
    if (!match) return failed;
    const only = this.#continued;
    const index = only ?? this.#chosen;
    if (match[1]) this.#jump(index, match[1]);
    const steps = text[0].toLowerCase() === 's';
    return this.#resume({ ...(steps ? { step: index } : {}), ...(only === undefined ? {} : { only }) });
  }

  #jump(index: number, digits: string): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(`0x${digits}`), true);
    writeRegister(this.#machine.processors[index], instructionPointer, bytes);
  }

  #resume(options: ResumeOptions): undefined {
    this.#awaited = true;
    this.#debugger.resume(options);
    return undefined;
  }

  #verbose(text: string): Answer {
    if (text === 'vCont?') return 'vCont;c;C;s;S';
    if (text.startsWith('vCont;')) return this.#resumeEach(text.slice(6).split(';'));
    if (text.startsWith('vKill')) {
      this.#send(ok);
      this.#kill();
      return undefined;
    }
    return unknown;
  }

  /** Actions with threads; the first that names a thread counts for it, and one without a thread for all others. */
  #resumeEach(actions: readonly string[]): Answer {
    let step: number | undefined;
    const going = new Set<number>();
    let others = false;
    for (const action of actions) {
      const [kind = '', thread] = action.split(':');
      if (!/^(c|s|[CS][0-9a-f]{2})$/i.test(kind)) return failed;
      const all = thread === undefined || thread === '-1';
      const index = all ? undefined : this.#thread(thread);
      if (!all && index === undefined) return failed;
      if (index === undefined) others = true;
      else going.add(index);
      if (kind[0].toLowerCase() === 's') step ??= index ?? this.#chosen;
    }
    const [first] = going;
    const alone = !others && going.size === 1;
    return this.#resume({
      ...(step === undefined ? {} : { step }),
      ...(alone && first !== undefined ? { only: first } : {}),
    });
  }

  #query(text: string): Answer {
    const [name = ''] = text.split(/[:,]/);
    switch (name) {
      case 'qSupported':
        return `PacketSize=${packetSize.toString(16)};qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+`;
      case 'QStartNoAckMode':
        this.#send(ok);
        this.#acknowledges = false;
        return undefined;
      case 'qXfer':
        return transfer(text);
      case 'qfThreadInfo':
        return `m${this.#machine.processors.map((_, index) => (index + 1).toString(16)).join(',')}`;
      case 'qsThreadInfo':
        return 'l';
      case 'qThreadExtraInfo':
        return this.#threadInfo(text.slice('qThreadExtraInfo,'.length));
      case 'qC':
        return `QC${(this.#chosen + 1).toString(16)}`;
      case 'qAttached':
        return '1';
      case 'qSymbol':
        return ok;
      case 'qRcmd':
        return this.#command(text.slice('qRcmd,'.length));
      default:
        return unknown;
    }
  }

  #threadInfo(number: string): Answer {
    const index = this.#thread(number);
    if (index === undefined) return failed;
    return hexOf(bytesOf(`processor ${index}: ${this.#machine.activity(index)}`));
  }

  #command(digits: string): Answer {
    const bytes = bytesOfHex(digits);
    if (!bytes) return failed;
    const said = monitor(
      { machine: this.#machine, processor: this.#chosen, memory: this.#debugger.memory },
      textOf(bytes),
    );
    if (said === '') return ok;
    // Long answers go as console output, which has no limit of its own.
    for (let at = 0; at < said.length; at += 1024) this.#send(`O${hexOf(bytesOf(said.slice(at, at + 1024)))}`);
    return ok;
  }

  #setBreakpoint(text: string): Answer {
    const match = /^[zZ]([0-4]),([0-9a-f]+),([0-9a-f]+)/i.exec(text);
    if (!match) return failed;
    const [, type, address, kind] = match as unknown as [string, string, string, string];
    const place = { type: Number(type), address: BigInt(`0x${address}`), length: Number.parseInt(kind, 16) };
    if (text[0] === 'z') this.#breakpoints.remove(place);
    else if (!this.#breakpoints.add(place)) return unknown;
    return ok;
  }

  #kill(): void {
    this[Symbol.dispose]();
    if (this.#options.onKill) this.#options.onKill();
    else this.#machine.stop();
    this.#connection.close();
  }

  #stopReply(reason: StopReason): string {
    const processor = 'processor' in reason ? reason.processor : this.#chosen;
    const code =
      reason.kind === 'paused' ? signal.interrupt : reason.kind === 'shutdown' ? signal.segmentation : signal.trap;
    const why = reason.kind === 'breakpoint' ? this.#whyStopped(reason.breakpoint) : '';
    return `T${code}thread:${(processor + 1).toString(16)};${why}`;
  }

  #whyStopped(met: Breakpoint): string {
    const place = this.#breakpoints.placeOf(met);
    if (met.kind === 'code') return place?.type === 1 ? 'hwbreak:;' : 'swbreak:;';
    const word = place?.type === 4 ? 'awatch' : place?.type === 3 ? 'rwatch' : 'watch';
    return `${word}:${(place?.address ?? met.address).toString(16)};`;
  }

  #send(data: string | Uint8Array): void {
    const packet = frame(typeof data === 'string' ? bytesOf(data) : data);
    this.#last = packet;
    this.#connection.send(packet);
  }
}

/** Of `rip` among gdb's numbers. */
const instructionPointer = 16;

const hexByte = (value: number): string => value.toString(16).padStart(2, '0');

/** `ADDRESS,LENGTH` */
function rangeOf(text: string): { readonly address: bigint; readonly length: number } | undefined {
  const match = /^([0-9a-f]{1,16}),([0-9a-f]{1,8})$/i.exec(text);
  return match ? { address: BigInt(`0x${match[1]}`), length: Number.parseInt(match[2], 16) } : undefined;
}

/** `qXfer:features:read:target.xml:OFFSET,LENGTH` */
function transfer(text: string): string {
  const match = /^qXfer:features:read:target\.xml:([0-9a-f]+),([0-9a-f]+)$/i.exec(text);
  if (!match) return /^qXfer:features:read:/.test(text) ? 'E00' : unknown;
  const [offset, length] = [match[1], match[2]].map(digits => Number.parseInt(digits, 16)) as [number, number];
  const part = targetDescription.slice(offset, offset + length);
  return `${offset + part.length >= targetDescription.length ? 'l' : 'm'}${part}`;
}
