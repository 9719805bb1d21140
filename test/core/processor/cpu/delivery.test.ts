/** Exceptions and interrupts in every mode: frames, stacks, flags, error codes; double and triple faults. */
import test from 'ava';
import type { InterruptController } from '../../../../core/board/bus/interrupt-controller.ts';
import { combine } from '../../../../core/processor/cpu/exceptions.ts';
import { state as layout, Segment } from '../../../../core/processor/state/layout.ts';
import { Flag } from '../../../../core/processor/state/registers.ts';
import { Computer, place, selector } from '../../../support/computer.ts';

const handler = place.handlers;

class Lines implements InterruptController {
  vector = -1;
  nmiPending = false;
  taskPriority = 0;
  onChange: (() => void) | undefined = undefined;
  get pending(): boolean {
    return this.vector >= 0;
  }
  acknowledge(): number {
    const { vector } = this;
    this.vector = -1;
    return vector;
  }
  acknowledgeNmi(): void {
    this.nmiPending = false;
  }
}

test('64-bit: a page fault pushes SS, RSP, RFLAGS with RF, CS, RIP and the error code, aligned', t => {
  const m = new Computer().long();
  m.put64(place.tables + 0x3000 + 0x20 * 8, 0);
  m.gate(14, handler);
  m.load(64, 'mov rsp, 0x2ff08\nfault: mov eax, [0x20010]\nhlt');
  m.load(64, 'hlt', handler);
  t.deepEqual(m.run(), { reason: 'halt' });
  const rsp = Number(m.register('rsp'));
  t.is(rsp, 0x2ff00 - 48);
  t.is(m.get64(rsp), 0n, 'not present, read, supervisor');
  t.is(m.get64(rsp + 8), BigInt(place.code + 7));
  t.is(m.get64(rsp + 16), 8n);
  t.is(m.get64(rsp + 24), BigInt(Flag.rf | 2));
  t.is(m.get64(rsp + 32), 0x2ff08n);
  t.is(m.get64(rsp + 40), 0x10n);
  t.is(m.cpu.state.low(layout.cr2.offset), 0x20010);
  t.is(m.rip, handler + 1);
});

test('64-bit: from CPL 3 the TSS gives the stack, SS becomes null, IRETQ returns', t => {
  const m = new Computer().long();
  m.gate(0x30, handler, { dpl: 3, type: 15 });
  m.load(64, `push 0x23\n push ${place.userStack}\n push 0x202\n push 0x2b\n push ${place.code + 0x100}\n iretq`);
  m.load(64, 'mov eax, 5\n int 0x30\n mov ebx, eax\n jmp $', place.code + 0x100);
  m.load(64, 'mov ecx, ss\n mov rdx, rsp\n add eax, 1\n iretq', handler);
  t.deepEqual(m.run(100), { reason: 'budget' });
  t.is(m.register('rbx'), 6n);
  t.is(m.register('rcx'), 0n);
  t.is(m.register('rdx'), BigInt(place.innerStack - 40));
  t.is(m.cpu.state.cpl, 3);
  t.is(m.register('rsp'), BigInt(place.userStack));
  t.is(m.cpu.state.selector(Segment.ss), 0x23);
  t.true((m.cpu.state.flags & Flag.if) !== 0);
});

test('64-bit: IST', t => {
  const m = new Computer().long();
  m.gate(3, handler, { stack: 1 });
  m.load(64, 'int3\n hlt');
  m.load(64, 'hlt', handler);
  m.run();
  t.is(m.register('rsp'), BigInt(place.specialStack - 40));
  t.is(m.get64(place.specialStack - 40), BigInt(place.code + 1));
});

test('64-bit: INT n through a gate of DPL 0 from CPL 3 is #GP with the IDT error code', t => {
  const m = new Computer().long();
  m.gate(0x30, handler);
  m.gate(13, handler);
  m.load(64, `push 0x23\n push ${place.userStack}\n push 2\n push 0x2b\n push ${place.code + 0x100}\n iretq`);
  m.load(64, 'int 0x30', place.code + 0x100);
  m.load(64, 'pop rax\n pop rbx\n hlt', handler);
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rax'), BigInt(0x30 * 8 + 2));
  t.is(m.register('rbx'), BigInt(place.code + 0x100));
});

test('64-bit: external interrupts wait for IF and for the shadow of STI; HLT wakes', t => {
  const m = new Computer().long();
  const lines = new Lines();
  m.cpu.connect(lines);
  m.gate(0x21, handler);
  m.load(64, 'mov eax, 1\n sti\n mov eax, 2\n mov eax, 3\n hlt\n mov eax, 9\n hlt');
  m.load(64, 'mov ebx, eax\n iretq', handler);
  lines.vector = 0x21;
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rbx'), 2n, 'after the instruction that follows STI');
  t.is(m.register('rax'), 3n);
  t.deepEqual(m.run(), { reason: 'halt' });
  lines.vector = 0x21;
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rbx'), 3n);
  t.is(m.register('rax'), 9n);
});

test('an interrupt is no exception, whatever its vector: a fault of its delivery is that fault', t => {
  for (const vector of [10, 13, 14, 0x21]) {
    const m = new Computer().long();
    const lines = new Lines();
    m.cpu.connect(lines);
    m.gate(11, handler);
    m.load(64, 'sti\n jmp $');
    m.load(64, 'pop rax\n hlt', handler);
    // No gate is there: #NP with EXT.
    m.gate(vector, handler + 0x100);
    const entry = place.idt + 16 * vector;
    const gate = m.get64(entry);
    m.put64(entry, Number(BigInt.asIntN(32, gate)), Number(gate >> 32n) & ~0x8000);
    lines.vector = vector;
    t.deepEqual(m.run(), { reason: 'halt' });
    t.is(m.register('rax'), BigInt(vector * 8 + 3), `${vector}`);
    t.is(m.rip, handler + 2);
  }
});

test('MOV SS holds back interrupts, NMIs and traps for one instruction', t => {
  const m = new Computer().long();
  const lines = new Lines();
  m.cpu.connect(lines);
  m.gate(2, handler);
  m.load(64, 'mov ecx, 0x10\n mov ss, ecx\n mov eax, 2\n mov eax, 3\n hlt');
  m.load(64, 'mov ebx, eax\n hlt', handler);
  m.run(1);
  m.cpu.run(1);
  lines.nmiPending = true;
  m.run();
  t.is(m.register('rbx'), 2n);
});

test('NMIs stay blocked until IRET', t => {
  const m = new Computer().long();
  const lines = new Lines();
  m.cpu.connect(lines);
  m.gate(2, handler);
  m.load(64, 'nop\n nop\n hlt');
  m.load(64, 'inc ebx\n nop\n nop\n iretq', handler);
  lines.nmiPending = true;
  m.run(2);
  t.true(m.cpu.nmiBlocked);
  lines.nmiPending = true;
  m.run(1);
  t.is(m.register('rbx'), 1n);
  m.run(3);
  t.is(m.register('rbx'), 2n);
});

test('single-step: a trap after each instruction, none after INT n', t => {
  const m = new Computer().long();
  m.gate(1, handler);
  m.gate(0x22, handler + 0x80);
  m.load(64, 'pushfq\n or qword [rsp], 0x100\n popfq\n nop\n nop\n int 0x22\n hlt');
  m.load(64, 'inc ebx\n mov rcx, [rsp]\n mov rax, dr6\n mov edi, 0\n mov dr6, rdi\n iretq', handler);
  m.load(64, 'mov esi, ebx\n and qword [rsp + 16], ~0x100\n iretq', handler + 0x80);
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rbx'), 2n, 'after each NOP, not after POPF and not after INT');
  t.is(m.register('rax') & 0x4000n, 0x4000n);
});

test('single-step: no trap ends a task switch', t => {
  const m = new Computer().protected32();
  const other = 0x1900;
  m.put64(place.gdt + 0x38, 0x67 | (other << 16), 0x8900);
  m.view.setUint32(other + 0x20, place.code + 0x100, true);
  m.view.setUint32(other + 0x24, 0x102, true);
  m.view.setUint32(other + 0x38, place.specialStack, true);
  for (const at of [0x48, 0x50, 0x54, 0x58, 0x5c]) m.view.setUint16(other + at, selector.data, true);
  m.view.setUint16(other + 0x4c, selector.code32, true);
  m.view.setUint8(place.gdt + 0x35, 0x8b);
  m.gate32(1, handler);
  m.load(32, 'pushfd\n or dword [esp], 0x100\n popfd\n nop\n call 0x38:0\n nop\n ud2');
  m.load(32, 'inc ebp\n iretd', handler);
  m.gate32(6, handler + 0x80);
  m.load(32, 'hlt', handler + 0x80);
  m.load(32, 'iretd', place.code + 0x100);
  t.deepEqual(m.run(), { reason: 'halt' });
  // The counter is a register of each task.
  t.is(m.register('rbp'), 2n, 'after the NOPs alone');
  t.is(m.get32(other + 0x3c), 0);
});

test('32-bit: inner stack from the TSS, same stack at the same level', t => {
  const m = new Computer().protected32();
  m.gate32(0x20, handler, { dpl: 3 });
  m.load(
    32,
    `int 0x20\n push 0x23\n push ${place.userStack}\n push 0x3002\n push 0x1b\n push ${place.code + 0x100}\n iretd`,
  );
  m.load(32, 'int 0x20\n mov edi, 7\n jmp $', place.code + 0x100);
  m.load(32, 'mov edx, esp\n mov ecx, [esp + 8]\n mov esi, [esp + 4]\n iretd', handler);
  m.run(7 + 5);
  t.is(m.register('rdx'), BigInt(place.stack - 12));
  m.run(20);
  t.is(m.register('rdi'), 7n);
  t.is(m.register('rdx'), BigInt(place.innerStack - 20));
  t.is(m.register('rsi'), 0x1bn);
  t.is(m.cpu.state.cpl, 3);
});

test('32-bit: a gate of 16 bits pushes words', t => {
  const m = new Computer().protected32();
  m.gate32(0x20, handler, { type: 6, code: selector.code32 });
  m.load(32, 'int 0x20\n hlt');
  m.load(32, 'hlt', handler & 0xffff);
  m.load(32, 'hlt', handler);
  m.run();
  t.is(m.register('rsp'), BigInt(place.stack - 6));
});

test('real mode: IVT, three words', t => {
  const m = new Computer().real();
  m.view.setUint16(0x21 * 4, 0x0123, true);
  m.view.setUint16(0x21 * 4 + 2, 0x1800, true);
  m.load(16, 'sti\n nop\n int 0x21\n hlt');
  m.load(16, 'mov bp, sp\n mov ax, [bp]\n mov bx, [bp + 4]\n iret', 0x18123);
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rax') & 0xffffn, 4n);
  t.is(m.register('rbx') & 0xffffn, 0x202n);
  t.is(m.register('rsp') & 0xffffn, 0x1000n);
});

test('virtual-8086: faults go to CPL 0 with nine words, segments become null, IRETD comes back', t => {
  const m = new Computer().protected32();
  m.gate32(13, handler);
  m.load(
    32,
    `push 0x11\n push 0x12\n push 0x13\n push 0x14\n push 0x3000\n push 0x800\n push 0x20002\n push 0x1000\n push 0x200\n iretd`,
  );
  m.load(16, 'mov ax, 0x1234\n cli\n', 0x10200);
  m.load(32, 'mov ecx, ds\n mov edx, [esp + 4]\n mov esi, [esp + 12]\n mov edi, [esp + 24]\n hlt', handler);
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rax') & 0xffffn, 0x1234n);
  t.is(m.register('rcx'), 0n);
  t.is(m.register('rdx'), 0x203n);
  t.is(m.register('rsi') & 0x20000n, 0x20000n, 'VM in the image');
  t.is(m.register('rdi'), 0x14n, 'ES is popped first, after SS');
  t.is(m.register('rsp'), BigInt(place.innerStack - 9 * 4 - 4));
});

test('double faults: SDM table 6-5', t => {
  const benign = [1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19];
  const contributory = [0, 10, 11, 12, 13];
  for (const second of [...benign, ...contributory, 14]) {
    for (const first of benign) t.is(combine(first, second), second);
    for (const first of contributory) t.is(combine(first, second), contributory.includes(second) ? 8 : second);
    t.is(combine(14, second), contributory.includes(second) || second === 14 ? 8 : second);
  }
  t.is(combine(8, 13), -1);
  t.is(combine(8, 14), -1);
});

test('a double fault is delivered with error code 0; without a gate for it the CPU shuts down', t => {
  const m = new Computer().long();
  m.gate(8, handler);
  m.load(64, 'mov eax, 0\n div eax\n hlt');
  m.load(64, 'pop rax\n hlt', handler);
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rax'), 0n);
  const n = new Computer().long();
  n.load(64, 'ud2');
  t.deepEqual(n.run(), { reason: 'shutdown' });
  t.deepEqual(n.run(), { reason: 'shutdown' });
});

test('INIT and SIPI', t => {
  const m = new Computer(undefined, { processors: 2 }).long();
  const other = m.host.processors[1];
  m.load(16, 'mov ax, cs\n hlt', 0x9000);
  other.signalInit();
  t.deepEqual(other.run(100), { reason: 'halt' });
  t.is(other.state.ripLow, 0xfff0);
  other.signalStartup(9);
  t.deepEqual(other.run(100), { reason: 'halt' });
  t.is(other.state.gprLow(0) & 0xffff, 0x900);
});

/** Counts #DB in EBX; DR6 goes to R8, RCX to R9. */
const countTraps = 'inc ebx\n mov r8, dr6\n xor r9d, r9d\n mov dr6, r9\n mov r9, rcx\n iretq';

test('a single step of HLT ends it', t => {
  const m = new Computer().long();
  m.gate(1, handler);
  m.load(64, 'hlt\n mov ebx, 5\n hlt');
  m.load(64, 'mov rcx, [rsp]\n btr dword [rsp + 16], 8\n iretq', handler);
  m.cpu.state.systemFlags |= Flag.tf;
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rcx'), BigInt(place.code + 1));
  t.is(m.register('rbx'), 5n);
});

for (const engine of ['interpreter', 'jit'] as const) {
  test(`${engine}: single-step and data breakpoints look at each iteration of REP`, t => {
    const step = new Computer(undefined, { engine }).long();
    step.gate(1, handler);
    step.load(64, countTraps, handler);
    const program = `mov edi, ${place.data}\n mov ecx, 3\n pushfq\n or qword [rsp], 0x100\n popfq\n rep stosb\n nop\n pushfq\n btr dword [rsp], 8\n popfq\n hlt`;
    step.load(64, program);
    step.run();
    // Three iterations, NOP, and the three that switch it off.
    t.is(step.register('rbx'), 7n);
    t.is(step.register('r8') & 0x4000n, 0x4000n);

    const watch = new Computer(undefined, { engine }).long();
    watch.gate(1, handler);
    watch.load(64, countTraps, handler);
    watch.load(
      64,
      `mov eax, ${place.data + 16}\n mov dr0, rax\n mov eax, 0xd0402\n mov dr7, rax
       mov edi, ${place.data}\n mov ecx, 9\n mov eax, 5\n rep stosd\n nop\n hlt`,
    );
    watch.run();
    t.is(watch.register('rbx'), 1n);
    t.is(watch.register('r8') & 0xfn, 1n);
    t.is(watch.register('r9'), 4n, 'after the fifth of nine');
    t.is(watch.register('rcx'), 0n);
    t.is(watch.get32(place.data + 32), 5);
  });
}

test('SYSRET with TF traps before the first instruction of the user', t => {
  const m = new Computer().long();
  m.cpu.state.set64(layout.star.offset, 0, (0x1b << 16) | 0x08);
  m.gate(1, handler);
  m.load(64, 'mov rbx, [rsp]\n mov rax, dr6\n hlt', handler);
  m.load(64, `mov ecx, ${place.code + 0x100}\n mov r11d, 0x102\n sysretq`);
  m.load(64, 'nop\n nop\n jmp $', place.code + 0x100);
  t.deepEqual(m.run(), { reason: 'halt' });
  t.is(m.register('rbx'), BigInt(place.code + 0x100));
  t.is(m.register('rax') & 0x4000n, 0x4000n);
});
