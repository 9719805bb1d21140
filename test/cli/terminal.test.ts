/** The program in a real terminal (script(1) makes one), as a user meets it. Skipped where there is none, or no kernel. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { fetchedGuest } from '../support/kernel.ts';
import { isHere } from '../support/tools.ts';
import { answer, bin } from './program.ts';

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

  goOn(pid: number): void {
    this.#child.kill('SIGCONT');
    process.kill(pid, 'SIGCONT');
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

/** T is stopped. */
const isStopped = (pid: number): boolean => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

const inTerminal = isHere('script') ? test : test.skip;

inTerminal('stopped and continued: the terminal is in raw mode again, whoever stopped it', async t => {
  t.timeout(600_000);
  const run = `"${process.execPath}" "${bin}" run -M microvm --accel software --kernel "${answer}"`;
  const terminal = new Terminal(`sh -c 'echo "pid $$"; exec ${run}'`);
  const pid = Number(await terminal.see(/pid (\d+)/));
  await terminal.see(/>/);
  terminal.press('\x1a');
  await terminal.see(/:/);
  const stops = [() => process.kill(pid, 'SIGTSTP'), () => process.kill(pid, 'SIGSTOP'), () => terminal.press('\x01z')];
  for (const stop of stops) {
    stop();
    while (!isStopped(pid)) await new Promise(resolve => setTimeout(resolve, 20));
    // script(1) stops with what it runs.
    const goOn = setInterval(() => terminal.goOn(pid), 200);
    terminal.press('b');
    t.is(await terminal.see(/B/), 'B', 'a key without Enter reaches the guest');
    clearInterval(goOn);
  }
  terminal.press('\x01i\x01x');
  t.is(await terminal.closed, 130);
});
