/**
 * The terminal as the guest's console: raw mode, so that Ctrl-C and the rest go to the guest. Ctrl-A is the escape key, as in QEMU:
 * Ctrl-A x quits, Ctrl-A h helps, Ctrl-A Ctrl-A sends one Ctrl-A.
 */
import type { Machine } from '#machines';
import { EscapeKey } from './escape-key.ts';
import { complainOfOutput, say } from './output.ts';
import { PipedInput } from './piped-input.ts';
import { endingSignals } from './signals.ts';

/** A serial line does not say when the window changes. */
const help = ({ rows, columns }: NodeJS.WriteStream): string => `
Ctrl-A x       quit
Ctrl-A h       this help
Ctrl-A Ctrl-A  send Ctrl-A to the guest
This window has the size of: stty rows ${rows} cols ${columns}
`;

const isTerminal = (): boolean => process.stdin.isTTY === true;

/** Somebody can still type: asked by the machine when it has nothing left to do. */
export const expectsInput = (): boolean => isTerminal() || (process.stdin.readable && !process.stdin.readableEnded);

export function attachTerminal(machine: Machine, quit: () => void): Disposable {
  const { stdin, stdout } = process;
  const { serial } = machine;
  using stack = new DisposableStack();

  let output: Uint8Array[] = [];
  let scheduled: NodeJS.Immediate | undefined;
  const flush = (): void => {
    scheduled = undefined;
    const chunk = Buffer.concat(output);
    output = [];
    stdout.write(chunk);
  };
  const show = (bytes: Uint8Array): void => {
    output.push(bytes);
    scheduled ??= setImmediate(flush);
  };
  serial.events.on('output', show);
  stack.defer(() => {
    serial.events.off('output', show);
    clearImmediate(scheduled);
    flush();
  });

  // Nobody reads any more (`virt64 run | head`), or nothing more fits.
  stdout.on('error', error => {
    complainOfOutput(error);
    quit();
  });
  for (const signal of endingSignals) process.on(signal, quit);
  stack.defer(() => {
    for (const signal of endingSignals) process.off(signal, quit);
  });

  const typed = isTerminal() ? fromTerminal(machine, quit) : fromPipe(stack.use(new PipedInput(machine)));
  if (isTerminal()) stdin.setRawMode(true);
  stdin.on('data', typed);
  stdin.on('error', quit);
  stdin.resume();
  stack.defer(() => {
    stdin.off('data', typed);
    if (isTerminal()) stdin.setRawMode(false);
    stdin.pause();
    stdin.unref?.();
  });
  return stack.move();
}

const fromPipe = (input: PipedInput) => (data: Uint8Array) => input.type(Uint8Array.from(data));

function fromTerminal({ serial }: Machine, quit: () => void): (data: Uint8Array) => void {
  const keys = new EscapeKey({
    pass: data => serial.type(data),
    quit,
    help: () => say(help(process.stdout).replaceAll('\n', '\r\n')),
  });
  return data => keys.type(data);
}
