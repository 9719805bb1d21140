import test from 'ava';
import { EscapeKey } from '../../cli/escape-key.ts';

function keyboard() {
  const log: string[] = [];
  const keys = new EscapeKey({
    pass: data => log.push(new TextDecoder().decode(data)),
    quit: () => log.push('QUIT'),
    help: () => log.push('HELP'),
    status: () => log.push('STATUS'),
    suspend: () => log.push('SUSPEND'),
  });
  return { log, press: (text: string) => keys.type(new TextEncoder().encode(text)) };
}

test('everything goes to the guest, Ctrl-C, Ctrl-D and Ctrl-Z too', t => {
  const { log, press } = keyboard();
  press('ls\r\x03\x04\x1a\x1b[A');
  t.deepEqual(log, ['ls\r\x03\x04\x1a\x1b[A']);
});

test('Ctrl-A x quits, even if the keys arrive apart; what follows is not the guest’s', t => {
  const { log, press } = keyboard();
  press('a\x01');
  press('xrm -rf /\r');
  t.deepEqual(log, ['a', 'QUIT']);
});

test('the keys of virt64 may be capitals, and ? helps as well', t => {
  const { log, press } = keyboard();
  press('\x01?\x01H\x01X');
  t.deepEqual(log, ['HELP', 'HELP', 'QUIT']);
});

test('Ctrl-A Ctrl-A is one Ctrl-A; Ctrl-A h helps; any other key after Ctrl-A is dropped', t => {
  const { log, press } = keyboard();
  press('\x01\x01b\x01h\x01qc');
  t.deepEqual(log, ['HELP', '\x01bc']);
});

test('Ctrl-A i asks what the machine is doing, Ctrl-A z suspends', t => {
  const { log, press } = keyboard();
  press('\x01i\x01z');
  t.deepEqual(log, ['STATUS', 'SUSPEND']);
});
