/**
 * The terminal as the guest's console: raw mode, so that Ctrl-C and the rest go to the guest. Ctrl-A is the escape key, as in QEMU.
 * Without a terminal input is what a pipe brings.
 */
import { VirtioConsole } from '#devices';
import type { Machine } from '#machines';
import { EscapeKey } from './escape-key.ts';
import { GuestOutput } from './guest-output.ts';
import { complainOfOutput, say } from './output.ts';
import { PipedInput } from './piped-input.ts';
import { hearSignals } from './signals.ts';
import type { Standing } from './standing.ts';

/** A serial line does not say when the window changes. */
const help = ({ rows, columns }: NodeJS.WriteStream): string => `
Ctrl-A x       quit
Ctrl-A h       this help
Ctrl-A i       what the machine is doing
Ctrl-A z       suspend virt64; fg goes on
Ctrl-A Ctrl-A  send Ctrl-A to the guest
This window has the size of: stty rows ${rows} cols ${columns}
`;

/** So much may be typed or pasted while the guest reads nothing. */
const mostTyped = 16 * 2 ** 20;

export interface TerminalOptions {
  readonly standing: Standing;
  readonly quit: () => void;
  readonly chatter: (text: string) => void;
}

const isTerminal = (): boolean => process.stdin.isTTY === true;

/**
 * Somebody can still type: asked by the machine when it has nothing left to do. Under the virtual clock a pipe's input arrives when the
 * guest has room for it, never later.
 */
export const expectsInput = (clock: 'virtual' | 'host'): boolean =>
  isTerminal() || (clock === 'host' && process.stdin.readable && !process.stdin.readableEnded);

export function attachTerminal(machine: Machine, { standing, quit, chatter }: TerminalOptions): Disposable {
  const { stdin, stdout } = process;
  using stack = new DisposableStack();
  for (const stream of [stdout, process.stderr]) doNotBlock(stream);
  stack.use(new GuestOutput(stdout, machine.serial, standing));
  // Nobody reads any more (`virt64 run | head`), or nothing more fits.
  stdout.on('error', error => {
    complainOfOutput(error);
    quit();
  });

  const status = (): void => say(machine.status().join('\n'));
  const actions = {
    quit,
    status,
    pressed: () => chatter('virt64: the power button was pressed; another SIGTERM quits at once'),
    suspend: () => suspend(process.pid),
    resumed: enterRawMode,
  };
  stack.use(hearSignals(machine, actions));

  const terminal = machine.devices.get('terminal');
  if (terminal instanceof VirtioConsole) {
    const resized = (): void => terminal.resize({ columns: stdout.columns, rows: stdout.rows });
    stdout.on('resize', resized);
    stack.defer(() => stdout.off('resize', resized));
  }

  stdin.on('error', quit);
  if (isTerminal()) {
    const keys = new EscapeKey({
      pass: data => typeInto(machine, data),
      quit,
      help: () => say(help(stdout)),
      status,
      suspend: () => suspend(wholeGroup),
    });
    const typed = (data: Uint8Array): void => keys.type(data);
    enterRawMode();
    stdin.on('data', typed);
    stdin.resume();
    stack.defer(() => {
      stdin.off('data', typed);
      leaveRawMode();
    });
  } else {
    stack.use(
      new PipedInput(stdin, { serial: machine.serial, clock: machine.profile.clock, standing, onWait: tellOfWait }),
    );
  }
  stack.defer(() => {
    stdin.pause();
    stdin.unref?.();
  });
  return stack.move();
}

const tellOfWait = (): void =>
  say(
    'virt64: waiting for the end of stdin: with --clock virtual the guest gets its input all at once, so that runs repeat\n' +
      '  without input, add < /dev/null',
  );

/** Terminals are written synchronously by default: one that does not go on would stop the whole program, signals included. */
function doNotBlock(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(blocks: boolean): void } };
  if (stream.isTTY) handle?.setBlocking?.(false);
}

/** What was left of raw mode is left first: whoever stopped the program may have changed the terminal's modes. */
function enterRawMode(): void {
  if (!isTerminal()) return;
  process.stdin.setRawMode(false);
  process.stdin.setRawMode(true);
}

function leaveRawMode(): void {
  if (isTerminal()) process.stdin.setRawMode(false);
}

/** The process group, of which npx, for one, is the head: the shell that waits for it is to see it stopped. */
const wholeGroup = 0;

function suspend(who: number): void {
  leaveRawMode();
  process.kill(who, 'SIGSTOP');
}

function typeInto({ serial }: Machine, data: Uint8Array): void {
  if (serial.waiting + data.length <= mostTyped) serial.type(data);
  else say('virt64: the guest reads nothing; what is typed is thrown away');
}
