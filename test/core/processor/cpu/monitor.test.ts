/** MONITOR and MWAIT: who and what ends the wait. */
import test from 'ava';
import type { InterruptController } from '../../../../core/board/bus/interrupt-controller.ts';
import type { Cpu } from '../../../../core/processor/cpu/cpu.ts';
import { Computer, place } from '../../../support/computer.ts';

class Line implements InterruptController {
  pending = false;
  nmiPending = false;
  taskPriority = 0;
  onChange: (() => void) | undefined = undefined;
  acknowledge(): number {
    this.pending = false;
    return 0x21;
  }
  acknowledgeNmi(): void {
    this.nmiPending = false;
  }
}

const watched = place.data + 0x140;
const other = place.code + 0x800;

const wait = (before = '', extensions = 0): string => `
  mov eax, ${watched}
  xor ecx, ecx
  xor edx, edx
  monitor
  ${before}
  xor eax, eax
  mov ecx, ${extensions}
  mwait
  mov ebx, 1
  hlt`;

/** The first processor stands in MWAIT, the second one is in the same mode. */
function waiting(code: string, jit = false): { m: Computer; second: Cpu; line: Line } {
  const m = new Computer(undefined, { processors: 2, ...(jit ? { engine: 'jit' as const } : {}) }).long();
  const line = new Line();
  m.cpu.connect(line);
  m.gate(0x21, place.handlers);
  m.load(64, 'mov edi, 1\n iretq', place.handlers);
  const second = m.host.processors[1];
  second.setState(m.cpu.getState());
  m.load(64, code);
  return { m, second, line };
}

/** Lets the second processor execute. */
function meanwhile(m: Computer, second: Cpu, code: string): void {
  m.load(64, `${code}\n hlt`, other);
  second.halted = false;
  second.state.setRip(other, 0);
  second.run(100);
}

for (const engine of ['interpreter', 'jit']) {
  test(`${engine}: a store by another processor ends it, one beside the line does not`, t => {
    const { m, second } = waiting(wait(), engine === 'jit');
    meanwhile(m, second, `mov byte [${watched}], 1`);
    t.deepEqual(m.run(), { reason: 'halt' });
    t.true(m.cpu.waiting);
    const { retired } = m.cpu;
    meanwhile(m, second, `mov byte [${watched - 65}], 2\n mov byte [${watched + 64}], 3`);
    t.false(m.cpu.woken);
    t.deepEqual(m.run(), { reason: 'halt' });
    t.is(m.cpu.retired, retired, 'no time passes in between');
    meanwhile(m, second, `mov dword [${watched + 61}], 4`);
    t.true(m.cpu.woken);
    t.deepEqual(m.run(), { reason: 'halt' });
    t.is(m.register('rbx'), 1n);
    t.is(m.view.getUint8(watched + 64), 0);
    t.is(m.view.getUint8(watched + 61), 4);
  });
}

test('a store between MONITOR and MWAIT is not missed, whoever makes it', t => {
  const own = waiting(wait(`mov byte [${watched + 3}], 1`));
  own.m.run();
  t.is(own.m.register('rbx'), 1n);
  const { m, second } = waiting(wait('hlt'));
  m.run();
  meanwhile(m, second, `lock inc qword [${watched + 8}]`);
  m.resume();
  t.is(m.register('rbx'), 1n);
});

test('without MONITOR it does not wait', t => {
  const { m } = waiting('xor ecx, ecx\n mwait\n mov ebx, 1\n hlt');
  m.run();
  t.is(m.register('rbx'), 1n);
});

test('DMA ends it', t => {
  const { m } = waiting(wait());
  m.run();
  m.host.memory.written(watched, 4);
  m.run();
  t.is(m.register('rbx'), 1n);
});

test('a string, an FXSAVE and a page split that reach the line end it', t => {
  for (const store of [
    `mov edi, ${watched - 128}\n mov ecx, 32\n xor eax, eax\n rep stosq`,
    `fxsave [${watched - 256}]`,
    `push rax\n mov rsp, ${watched + 8}\n push rcx`,
  ]) {
    const { m, second } = waiting(wait());
    m.run();
    meanwhile(m, second, store);
    t.true(m.cpu.woken, store);
  }
});

test('an interrupt ends it and is delivered; where IF is clear it must be asked for', t => {
  const enabled = waiting(`sti\n${wait()}`);
  enabled.m.run();
  t.true(enabled.m.cpu.waiting);
  enabled.line.pending = true;
  enabled.m.run();
  t.deepEqual([enabled.m.register('rdi'), enabled.m.register('rbx')], [1n, 1n]);

  const deaf = waiting(wait());
  deaf.m.run();
  deaf.line.pending = true;
  deaf.m.run();
  t.true(deaf.m.cpu.waiting);
  t.is(deaf.m.register('rbx'), 0n);

  const listening = waiting(wait('', 1));
  listening.m.run();
  t.true(listening.m.cpu.waiting);
  listening.line.pending = true;
  listening.m.run();
  t.deepEqual([listening.m.register('rdi'), listening.m.register('rbx')], [0n, 1n]);
});

test('other extensions are #GP', t => {
  const { m } = waiting(wait('', 2));
  m.gate(13, place.handlers + 0x100);
  m.load(64, 'mov esi, 13\n hlt', place.handlers + 0x100);
  m.run();
  t.is(m.register('rsi'), 13n);
});

test('once it is over, stores are as quick as ever, and code on the page still notices', t => {
  const { m, second } = waiting(wait());
  const { physical } = m.cpu;
  const page = m.host.memory.base + watched;
  m.run();
  t.true(physical.isCode(page));
  m.cpu.monitor.armed = false;
  meanwhile(m, second, `mov byte [${watched}], 1`);
  t.false(physical.isCode(page));

  m.load(64, 'mov r8d, 1\n ret', place.data + 0x40);
  meanwhile(m, second, `call ${place.data + 0x40}`);
  const again = waiting(wait());
  again.m.load(64, 'mov r8d, 1\n ret', place.data + 0x40);
  meanwhile(again.m, again.second, `call ${place.data + 0x40}`);
  again.m.run();
  meanwhile(again.m, again.second, `mov byte [${place.data + 0x42}], 5\n call ${place.data + 0x40}`);
  t.is(again.second.state.gprLow(8), 5);
  t.true(again.m.cpu.waiting);
  t.false(again.m.cpu.woken);
  meanwhile(again.m, again.second, `mov byte [${watched}], 5`);
  t.true(again.m.cpu.woken);
});
