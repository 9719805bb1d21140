/** gdb by TCP: one at a time, for as long as the machine runs. */
import { createServer, type Server, type Socket } from 'node:net';
import { MachineError } from '#core';
import { type Debugger, type GdbSession, type Machine, serveGdb } from '#machines';
import type { ListenAddress } from '../listen-address.ts';

export interface GdbSocketOptions {
  readonly address: ListenAddress;
  /** The machine stands until gdb comes. */
  readonly waits: boolean;
  /** gdb's `kill`. */
  readonly onKill: () => void;
  readonly chatter: (text: string) => void;
}

export class GdbSocket implements Disposable {
  readonly #machine: Machine;
  readonly #options: GdbSocketOptions;
  readonly #server: Server;
  #session: GdbSession | undefined;
  #socket: Socket | undefined;
  #waiting: Debugger | undefined;

  private constructor(machine: Machine, options: GdbSocketOptions) {
    this.#machine = machine;
    this.#options = options;
    this.#server = createServer(socket => this.#accept(socket));
    if (!options.waits) return;
    this.#waiting = machine.attach();
    this.#waiting.pause();
  }

  /** Listens. Throws a MachineError where it cannot. */
  static async listen(machine: Machine, options: GdbSocketOptions): Promise<GdbSocket> {
    const socket = new GdbSocket(machine, options);
    const { host, port } = options.address;
    const server = socket.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', error => reject(refusal(error, options.address)));
      server.listen(port, host, resolve);
    });
    const { address, port: taken } = server.address() as { address: string; port: number };
    const shown = address.includes(':') ? `[${address}]` : address;
    options.chatter(`gdb: target remote ${shown}:${taken}`);
    return socket;
  }

  /** The run has ended with this exit status, which gdb is told. */
  end(status: number): void {
    this.#session?.end(status);
  }

  [Symbol.dispose](): void {
    this.#session?.[Symbol.dispose]();
    this.#waiting?.[Symbol.dispose]();
    this.#server.close();
    // What was sent last still goes out.
    this.#socket?.destroySoon();
  }

  #accept(socket: Socket): void {
    if (this.#session) {
      this.#options.chatter('gdb: another gdb is connected already');
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    // A machine that waits for gdb goes from one hand to the other without running in between.
    this.#waiting?.[Symbol.dispose]();
    this.#waiting = undefined;
    const session = serveGdb(
      this.#machine,
      { send: bytes => socket.write(bytes), close: () => socket.end() },
      { onKill: this.#options.onKill },
    );
    this.#session = session;
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => session.receive(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      session[Symbol.dispose]();
      this.#session = undefined;
      this.#socket = undefined;
    });
  }
}

function refusal(error: NodeJS.ErrnoException, { host, port }: ListenAddress): MachineError {
  const taken = error.code === 'EADDRINUSE';
  return new MachineError(
    'host-failure',
    `cannot listen on ${host}:${port}: ${taken ? 'the port is taken' : error.message}`,
    {
      path: '--gdb',
      remedy: 'give another port, or 0 for a free one',
      cause: error,
    },
  );
}
