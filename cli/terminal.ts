/**
 * The terminal as the guest's console: raw mode, so that Ctrl-C and the rest go to the guest. Ctrl-A is the escape key, as in QEMU:
 * Ctrl-A x quits, Ctrl-A h helps, Ctrl-A Ctrl-A sends one Ctrl-A.
 */
import type { SerialConsole } from '#machines';
import { say } from './output.ts';

const escapeKey = 0x01;

export interface TerminalSession extends Disposable {
  /** Somebody can type. */
  readonly interactive: boolean;
}

const help = `
Ctrl-A x       quit
Ctrl-A h       this help
Ctrl-A Ctrl-A  send Ctrl-A to the guest
`;

export function attachTerminal(serial: SerialConsole, quit: () => void): TerminalSession {
  const { stdin, stdout } = process;
  const show = (bytes: Uint8Array): void => {
    stdout.write(Uint8Array.from(bytes));
  };
  serial.events.on('output', show);
  let escaped = false;
  const typed = (data: Buffer): void => {
    const passed: number[] = [];
    for (const byte of data) {
      if (!stdin.isTTY) {
        passed.push(byte);
      } else if (escaped) {
        escaped = false;
        if (byte === 0x78 || byte === 0x58) return quit();
        if (byte === 0x68 || byte === 0x3f) say(help.replaceAll('\n', '\r\n'));
        else if (byte === escapeKey) passed.push(byte);
      } else if (byte === escapeKey) {
        escaped = true;
      } else {
        passed.push(byte);
      }
    }
    if (passed.length > 0) serial.type(Uint8Array.from(passed));
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', typed);
  stdin.resume();
  return {
    interactive: true,
    [Symbol.dispose]() {
      serial.events.off('output', show);
      stdin.off('data', typed);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      stdin.unref?.();
    },
  };
}
