/** A page that is a PC: Debian's kernel on the emulated processor, its serial line in a terminal. */
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { build, hostEntropy, hostWallClock, pc } from 'virt64';

async function download(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function boot(terminal: Terminal): Promise<void> {
  const [kernel, initrd] = await Promise.all([download('guest/kernel'), download('guest/initrd')]);
  const profile = pc.with({
    memory: '256 MiB',
    clock: 'host',
    boot: { kind: 'kernel', kernel, initrd, commandLine: 'console=ttyS0 no_timer_check' },
  });
  await using machine = await build(profile, {
    accelerator: 'software',
    interactive: true,
    entropy: hostEntropy,
    wallClock: hostWallClock,
  });
  machine.serial.events.on('output', bytes => terminal.write(bytes));
  terminal.onData(text => machine.serial.type(text));
  const { kind } = await machine.run();
  terminal.write(`\r\nThe machine has ended: ${kind}\r\n`);
}

const terminal = new Terminal({ cols: 100, rows: 30 });
terminal.open(document.getElementById('console')!);
terminal.focus();
boot(terminal).catch((error: unknown) => terminal.write(`\r\n${error}\r\n`));
