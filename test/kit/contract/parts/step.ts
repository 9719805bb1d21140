/** Single instructions that the guest does not know of. */
import type { AddCase } from '../../checks/case.ts';
import { at, type Guest } from '../guest.ts';
import { random } from '../random.ts';

/** `step` until something else comes: where the processor stood after each, and what came. */
function walk(guest: Guest, most = 100): { readonly trail: number[]; readonly end: string } {
  const trail: number[] = [];
  for (let n = 0; n < most; n++) {
    guest.pace(1_000_000);
    const { reason } = guest.processor.step();
    trail.push(guest.rip);
    if (reason !== 'step') return { trail, end: reason };
  }
  return { trail, end: 'step' };
}

const trail = at.data + 0x1000;
const tracer = at.handlers + 0x800;
/** #DB writes down where it returns to. */
const tracing = 'push rax\n mov rax, [rsp + 8]\n mov [rbp], rax\n add rbp, 8\n pop rax\n iretq';

/** Pieces of programs; L is a label of each one's own. Shadows of MOV SS are left out: no trap comes in them. */
const pieces = [
  'add eax, ebx',
  'imul ebx, eax\n xor ecx, ebx',
  'push rax\n pop rbx',
  'bt eax, 3\n jc L\n nop\nL:',
  'mov ecx, 3\nL: dec ebx\n loop L',
  'mov ecx, 5\n rep stosb',
  'mov ecx, 3\n rep outsb',
  'cld\n mov rsi, r9\n mov rdi, r10\n mov ecx, 9\n rep movsd\n mov rdi, r9',
  'int 0x44',
  'ud2',
  'mov eax, 1\n cpuid',
  'out 0x80, al\n in al, dx',
  'mov ebx, [r11]\n mov [r11 + 4], ebx',
  'mov ecx, 0x1234\n rdmsr',
  'call L\n nop\nL: add rsp, 8',
  'mov byte ptr [rel L], 0xff\nL: nop\n .byte 0xc8',
  'mov rax, cr8\n mov cr8, rax',
  'xor ecx, ecx\n jrcxz L\n nop\nL: cmpxchg ebx, ecx',
  'sti\n nop\n cli',
];

const program = (next: () => number): string => {
  const chosen = Array.from({ length: 30 }, (_, n) => pieces[(next() >>> 3) % pieces.length].replaceAll('L', `l${n}`));
  return `pushfq\n or qword ptr [rsp], 0x100\n popfq\nstart: ${chosen.join('\n')}
    pushfq\n and qword ptr [rsp], ~0x100\n popfq\n hlt`;
};

function prepare(guest: Guest, source: string): ReadonlyMap<string, bigint> {
  guest.reset().long(undefined, { rbp: trail, rdi: at.data, r9: at.data, r10: at.data + 0x200, r11: at.device });
  guest.msr = () => 0n;
  guest.memory = () => 0n;
  guest.gate(1, tracer);
  guest.load(64, tracing, tracer);
  guest.load(64, 'iretq', at.handlers + 16 * 0x44);
  guest.load(64, 'add qword ptr [rsp], 2\n iretq', at.handlers + 16 * 6);
  return guest.load(64, source);
}

const isProgram = (rip: number): boolean => rip >= at.code && rip < at.code + 0x1000;

const offsets = (trail: readonly number[]): number[] => trail.map(rip => rip - at.code);

export function step(test: AddCase, guest: Guest): void {
  const { pin } = guest;

  test('step executes one instruction in every mode', t => {
    guest.reset().long('mov eax, 5\n again: dec eax\n jnz again\n pushfq\n pop rbx\n hlt');
    t.deepEqual(offsets(walk(guest).trail).slice(0, 4), [5, 7, 5, 7]);
    t.is(guest.register('rbx') & 0x100n, 0n, 'no TF');
    t.deepEqual(guest.state.debug.dr6 & 0xe00fn, 0n);

    guest.reset().protected('mov eax, 1\n inc eax\n hlt');
    t.deepEqual(walk(guest), { trail: [5, 6, 7].map(n => at.code + n), end: 'halt' });

    guest.reset().real('mov ax, 1\n inc ax\n int 0x40\n nop');
    guest.bytes.set([0xcf], at.handlers + 16 * 0x40);
    guest.block.written(at.handlers, 4096);
    t.deepEqual(walk(guest, 5), { trail: [3, 4, 16 * 0x40, 6, 7], end: 'step' });
  });

  test('a step does not go beyond the time, and is as long as an instruction', t => {
    guest.reset().long('inc eax\n inc eax\n hlt');
    guest.pace(0);
    t.is(guest.processor.step().reason, 'limit');
    t.is(guest.rip, at.code);
    guest.pace(10);
    const { ticks } = guest.accelerator.time;
    t.is(guest.processor.step().reason, 'step');
    t.is(guest.accelerator.time.ticks - ticks, 1);
    guest.processor.cancel();
    t.is(guest.processor.step().reason, 'cancelled');
    t.is(guest.register('rax'), 1n);
  });

  test('REP is one instruction, to memory, to ports and to devices', t => {
    guest.reset().long('rep movsb\n rep outsb\n mov edi, ebx\n rep stosd\n nop', {
      rcx: 3000,
      rsi: at.data,
      rdi: at.data + 0x2000,
      rbx: at.device,
    });
    guest.pace(100_000);
    t.is(guest.processor.step().reason, 'step');
    t.is(guest.register('rcx'), 0n);
    t.is(guest.rip, at.code + 2);
    guest.set({ rcx: 70 });
    guest.pace(100_000);
    t.is(guest.processor.step().reason, 'step');
    t.is(guest.register('rcx'), 0n);
    t.is(guest.log.length, 70);
    t.is(guest.processor.step().reason, 'step');
    guest.set({ rcx: 9 });
    guest.log = [];
    t.is(guest.processor.step().reason, 'step');
    t.is(guest.log.length, 9);
    t.is(guest.rip, at.code + 8);
  });

  test('what the board or the hypervisor does for the guest is one instruction', t => {
    guest.reset().long('in al, 0x80\n mov edx, [rbx]\n mov ecx, 0x1234\n rdmsr\n cpuid\n mov rax, cr8\n nop', {
      rbx: at.device,
    });
    guest.msr = () => 0n;
    t.deepEqual(offsets(walk(guest, 7).trail), [2, 4, 9, 11, 13, 17, 18]);
  });

  test("an instruction that faults is not the one that is stepped: the handler's first is", t => {
    guest.reset().long('ud2');
    guest.load(64, 'nop\n add qword ptr [rsp], 2\n iretq', at.handlers + 16 * 6);
    t.deepEqual(walk(guest, 3).trail, [at.handlers + 0x61, at.handlers + 0x66, at.code + 2]);
  });

  test('interrupts come before a step, or wait', t => {
    guest.reset().long('sti\n nop\n nop\n nop\n hlt');
    guest.load(64, 'inc ebx\n iretq', at.handlers + 16 * 0x41);
    guest.load(64, 'nop\n iretq', at.handlers + 16 * 2);
    guest.pace(1000);
    const { processor } = guest;
    pin.raise(0x41);
    pin.raiseNmi();
    for (const rip of [1, 2, 3]) {
      t.is(processor.step({ interrupts: false }).reason, 'step');
      t.is(guest.rip, at.code + rip);
    }
    t.deepEqual(pin.taken, []);
    t.is(processor.step().reason, 'step');
    t.is(guest.rip, at.handlers + 0x21, 'the NMI, and one instruction');
    t.is(processor.step().reason, 'step');
    t.is(processor.step().reason, 'step');
    t.is(guest.rip, at.handlers + 16 * 0x41 + 2);
    t.deepEqual(pin.taken, [2, 0x41]);
    t.is(guest.get64(Number(guest.register('rsp'))), BigInt(at.code + 3));
    t.is(guest.run().reason, 'halt');
  });

  test('the shadow of STI and of MOV SS ends with the next step', t => {
    guest.reset().long('mov ecx, 0x10\n sti\n mov ss, ecx\n nop\n nop');
    guest.pace(1000);
    const { processor } = guest;
    pin.raise(0x41);
    t.is(processor.step().reason, 'step');
    t.is(processor.step().reason, 'step');
    t.true(guest.state.interrupts.shadow);
    t.is(processor.step().reason, 'step');
    t.is(guest.rip, at.code + 8);
    t.deepEqual(pin.taken, []);
  });

  test('HLT is stepped to its end, or to the interrupt that ends it', t => {
    guest.reset().long('hlt\n hlt\n nop\n nop', { rflags: 0x202 });
    guest.pace(1000);
    const { processor } = guest;
    t.is(processor.step().reason, 'halt');
    t.is(guest.rip, at.code + 1);
    t.is(processor.step().reason, 'halt');
    t.is(guest.rip, at.code + 1, 'it sleeps');
    pin.raise(0x41);
    t.is(processor.step({ interrupts: false }).reason, 'halt');
    guest.load(64, 'nop\n iretq', at.handlers + 16 * 0x41);
    t.is(processor.step().reason, 'step');
    t.is(guest.rip, at.handlers + 16 * 0x41 + 1);
  });

  test("the guest's own single steps go on under one's own", t => {
    guest.reset().long('pushfq\n or qword ptr [rsp], 0x100\n popfq\n nop\n nop\n hlt');
    guest.load(64, 'inc ebx\n iretq', at.handlers + 16);
    const { trail } = walk(guest, 12);
    t.deepEqual(offsets(trail.slice(0, 3)), [1, 9, 10]);
    t.is(trail[3], at.handlers + 16, 'NOP, and the trap after it');
    t.is(trail[5], at.code + 11);
    t.is(guest.state.debug.dr6 & 0xe00fn, 0x4000n);
  });

  test('code that writes the next instruction is stepped as it is then', t => {
    guest.reset().long('mov byte ptr [rel next], 0xff\nnext: nop\n .byte 0xc8\n nop');
    t.deepEqual(offsets(walk(guest, 3).trail), [7, 9, 10]);
  });

  test("steps go where the guest's own single steps go", t => {
    for (let seed = 1; seed <= 12; seed++) {
      const source = program(random(seed * 7919));
      const start = Number(prepare(guest, source).get('start'));
      t.is(guest.run().reason, 'halt');
      const own: number[] = [];
      // The guest is trapped after every iteration of a REP.
      for (let where = trail; guest.get64(where) !== 0n; where += 8)
        if (own.at(-1) !== Number(guest.get64(where))) own.push(Number(guest.get64(where)));
      const registers = guest.state.general.registers.filter((_, n) => n !== 5);

      prepare(guest, source);
      guest.set({ rip: start });
      const stepped: number[] = [];
      for (let before = start, reason = 'step'; reason === 'step'; before = guest.rip) {
        guest.pace(1_000_000);
        ({ reason } = guest.processor.step());
        if (reason === 'step' && isProgram(before) && isProgram(guest.rip)) stepped.push(guest.rip);
      }
      t.deepEqual(stepped, own, `seed ${seed}`);
      t.true(own.length > 30);
      t.deepEqual(
        guest.state.general.registers.filter((_, n) => n !== 5),
        registers,
      );
    }
  });

  test('one processor steps, the other stands', t => {
    const pair = guest.another({ processors: 2 });
    pair.long('inc eax\n inc eax\n hlt');
    pair.machine.processors[1].setState(pair.state);
    pair.pace(100);
    const [first, second] = pair.machine.processors;
    t.is(second!.step().reason, 'step');
    t.is(second!.step().reason, 'step');
    t.is(first!.step().reason, 'step');
    t.is(first!.getState('general').general.registers[0], 1n);
    t.is(second!.getState('general').general.registers[0], 2n);
  });
}
