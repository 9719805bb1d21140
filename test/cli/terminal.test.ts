/** One boot of Debian's kernel in a real terminal (script(1) makes one), as a user meets it. Skipped where there is no kernel. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { fetchedGuest } from '../support/kernel.ts';
import { isHere } from '../support/tools.ts';

const bin = fileURLToPath(new URL('../../cli/bin.js', import.meta.url));
const bootable = fetchedGuest() && isHere('script') ? test : test.skip;

class Terminal {
  #text = '';
  #seen = 0;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly closed: Promise<number | null>;

  constructor(command: string) {
    this.#child = spawn('script', ['-qefc', command, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '1' },
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#text += text));
    this.closed = new Promise(resolve => this.#child.on('close', resolve));
  }

  press(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** The first match after the last one. */
  async see(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#text.slice(this.#seen));
      if (match) {
        this.#seen += match.index + match[0].length;
        return match[1] ?? match[0];
      }
      if (this.#child.exitCode !== null) throw new Error(`${pattern} never came:\n${this.#text.slice(-2000)}`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}

bootable('Linux in a terminal: Ctrl-C, help, reboot, power off, and the terminal as it was', async t => {
  t.timeout(1_800_000);
  const node = `"${process.execPath}" "${bin}"`;
  const run = `${node} run --machine microvm --accel software --mem 128M --append quiet`;
  const terminal = new Terminal(`sh -c 'stty rows 33 cols 111; stty -g; ${run}; echo "status $?"; stty -g'`);
  const before = await terminal.see(/^([0-9a-f:]+)\r*\n/m);
  await terminal.see(/root@virt64:~# /);
  terminal.press('sleep 1000\r');
  await terminal.see(/sleep 1000\r+\n/);
  terminal.press('\x03');
  await terminal.see(/root@virt64:~# /);
  terminal.press('echo "status of the sleep: $?"\r');
  t.is(await terminal.see(/sleep: (\d+)/), '130');
  terminal.press('stty size\r');
  t.is(await terminal.see(/^(\d+ \d+)\r*\n/m), '33 111');
  terminal.press('\x01h');
  await terminal.see(/Ctrl-A x +quit/);
  terminal.press('reboot\r');
  await terminal.see(/Welcome to virt64/);
  await terminal.see(/root@virt64:~# /);
  terminal.press('poweroff\r');
  t.is(await terminal.see(/status (\d+)\r*\n/), '0');
  t.is(await terminal.see(/^([0-9a-f:]+)\r*\n/m), before);
  await terminal.closed;
});
