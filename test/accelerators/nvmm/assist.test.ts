/** NetBSD's own tests of the assists, h_io_assist and h_mem_assist, and its demo toyvirt, in the shape that they have in C. */
import test from 'ava';
import { ExitReason, Gpr, StateFlag, VcpuConf } from '../../../accelerators/nvmm/abi.ts';
import { driverOn, Toy, vendors } from './computer.ts';

interface IoCase {
  readonly name: string;
  readonly code: string;
  readonly wanted: string;
}

/** The guest ends each one by RDMSR, as in the original. IN reads the bytes of `iobuf` one after the other; OUT fills it. */
const inputs: readonly IoCase[] = [
  { name: 'in.b', code: 'mov edi, 0x4000\n mov ecx, 5\n again: in al, 123\n stosb\n loop again', wanted: '12345' },
  { name: 'in.w', code: 'mov edi, 0x4000\n mov ecx, 3\n again: in ax, 123\n stosw\n loop again', wanted: '123456' },
  { name: 'in.l', code: 'mov edi, 0x4000\n mov ecx, 2\n again: in eax, 123\n stosd\n loop again', wanted: '12345678' },
  { name: 'ins.b', code: 'mov edi, 0x4000\n mov ecx, 5\n mov edx, 123\n rep insb', wanted: '12345' },
  { name: 'ins.w', code: 'mov edi, 0x4000\n mov ecx, 3\n mov edx, 123\n rep insw', wanted: '123456' },
  { name: 'ins.l', code: 'mov edi, 0x4000\n mov ecx, 2\n mov edx, 123\n rep insd', wanted: '12345678' },
];
const outputs: readonly IoCase[] = [
  { name: 'out.b', code: "mov al, 'f'\n out 123, al\n mov al, 'o'\n out 123, al", wanted: 'fo' },
  { name: 'out.w', code: 'mov ax, 0x6f66\n out 123, ax', wanted: 'fo' },
  { name: 'out.l', code: 'mov eax, 0x6b6f6f62\n out 123, eax', wanted: 'book' },
  { name: 'outs.b', code: 'mov esi, 0x5000\n mov ecx, 13\n mov edx, 123\n rep outsb', wanted: 'Hello, world!' },
  { name: 'outs.w', code: 'mov esi, 0x5000\n mov ecx, 6\n mov edx, 123\n rep outsw', wanted: 'Hello, world' },
  { name: 'outs.l', code: 'mov esi, 0x5000\n mov ecx, 3\n mov edx, 123\n rep outsd', wanted: 'Hello, world' },
];

const memoryCases: readonly (readonly [name: string, code: string, result: bigint])[] = [
  ['and', 'mov dword ptr [ebp], 0x12345678\n mov eax, 0xf0f0f0f0\n and [ebp], eax\n mov ecx, [ebp]', 0x1030_5070n],
  ['or', 'mov dword ptr [ebp], 0x1234\n or dword ptr [ebp], 0x4321\n mov ecx, [ebp]', 0x5335n],
  ['xor', 'mov dword ptr [ebp], 0x1234\n mov eax, 0x1111\n xor eax, [ebp]\n mov ecx, eax', 0x325n],
  [
    'mov.b to mov.l',
    'mov byte ptr [ebp], 0x12\n mov byte ptr [ebp + 1], 0x34\n mov word ptr [ebp + 2], 0x5678\n mov ecx, [ebp]',
    0x5678_3412n,
  ],
  [
    'movs',
    'mov esi, ebp\n mov edi, ebp\n add edi, 8\n mov dword ptr [ebp], 0x11223344\n mov dword ptr [ebp + 4], 5\n movsb\n movsw\n movsd\n mov ecx, [ebp + 8]',
    0x511_2233_44n & 0xffff_ffffn,
  ],
  ['movzx', 'mov dword ptr [ebp], 0xffffff81\n movzx ecx, byte ptr [ebp]', 0x81n],
  ['cmp', 'mov dword ptr [ebp], 0xf00\n xor ecx, ecx\n cmp dword ptr [ebp], 0xf00\n sete cl', 1n],
  ['sub', 'mov dword ptr [ebp], 0x200\n sub dword ptr [ebp], 1\n mov ecx, [ebp]', 0x1ffn],
  ['test', 'mov dword ptr [ebp], 0x200\n xor ecx, ecx\n test dword ptr [ebp], 0x200\n setne cl', 1n],
  ['xchg', 'mov dword ptr [ebp], 0x12345678\n mov ecx, 0x11\n xchg ecx, [ebp]\n add ecx, [ebp]', 0x1234_5689n],
  ['stos', 'mov edi, ebp\n mov eax, 0x44332211\n mov ecx, 4\n rep stosb\n mov ecx, [ebp]', 0x1111_1111n],
  ['lods', 'mov dword ptr [ebp], 0x66554433\n mov esi, ebp\n lodsw\n movzx ecx, ax', 0x4433n],
];

const text = (bytes: Iterable<number>): string => String.fromCharCode(...bytes);

for (const vendor of vendors) {
  const name = vendor === 'amd' ? 'x86-svm' : 'x86-vmx';
  // The cases share a computer; each has a machine of its own.
  const driver = driverOn(vendor);
  const end = '\n mov ecx, 0x1b\n rdmsr';

  for (const { name: title, code, wanted } of [...inputs, ...outputs]) {
    test(`${name}: io ${title}`, t => {
      const toy = new Toy(driver, code + end);
      const { lib, mach, vcpu, memory } = toy;
      memory.set(new TextEncoder().encode('Hello, world!'), 0x5000);
      const iobuf: number[] = [];
      let next = 0x31;
      lib.vcpuConfigure(mach, vcpu, VcpuConf.callbacks, {
        io({ port, in: isIn, size, data }) {
          t.is(port, 123);
          for (let n = 0; n < size; n++) {
            if (isIn) data.setUint8(n, next++);
            else iobuf.push(data.getUint8(n));
          }
        },
      });
      for (;;) {
        const reason = toy.run();
        if (reason === ExitReason.rdmsr) break;
        t.is(reason, ExitReason.io);
        if (lib.assistIo(mach, vcpu)) return t.fail(`errno ${lib.errno}`);
      }
      const got = outputs.some(each => each.name === title)
        ? text(iobuf)
        : text(memory.subarray(0x4000, 0x4000 + wanted.length));
      t.is(got, wanted);
      lib.machineDestroy(mach);
    });
  }

  for (const [title, code, result] of memoryCases) {
    test(`${name}: memory ${title}`, t => {
      const toy = new Toy(driver, `mov ebp, 0xc00000\n ${code}\n mov ebx, ecx${end}`);
      const { lib, mach, vcpu } = toy;
      const mmiobuf = new Uint8Array(0x1000);
      lib.vcpuConfigure(mach, vcpu, VcpuConf.callbacks, {
        mem({ gpa, write, size, data }) {
          for (let n = 0; n < size; n++) {
            if (write) mmiobuf[gpa - 0xc0_0000 + n] = data.getUint8(n);
            else data.setUint8(n, mmiobuf[gpa - 0xc0_0000 + n]);
          }
        },
      });
      for (;;) {
        const reason = toy.run();
        if (reason === ExitReason.rdmsr) break;
        t.is(reason, ExitReason.memory);
        if (lib.assistMem(mach, vcpu)) return t.fail(`errno ${lib.errno}`);
      }
      lib.vcpuGetState(mach, vcpu, StateFlag.gprs);
      t.is(vcpu.state.gpr(Gpr.rbx), result);
      lib.machineDestroy(mach);
    });
  }

  test(`${name}: toyvirt`, t => {
    const { output, exits, shutdown } = toyvirt(driver);
    t.is(output, 'LAPIC 120, base fee00000');
    t.true(shutdown);
    t.true((exits.get(ExitReason.memory) ?? 0) >= 1);
    t.is(exits.get(ExitReason.rdmsr), 1);
  });
}

/** toyvirt's main loop: the kernel asks its local APIC for its number, reads APIC_BASE, prints by OUTS, and ends by a triple fault. */
function toyvirt(driver: ReturnType<typeof driverOn>) {
  const kernel = `
    mov eax, [0xfee00020]
    shr eax, 24
    mov ebx, 10
    mov edi, digits + 2
    next: xor edx, edx
    div ebx
    add dl, '0'
    mov [edi], dl
    dec edi
    test eax, eax
    jnz next
    mov ecx, 0x1b
    rdmsr
    mov ecx, 8
    mov edi, base
    hex: rol eax, 4
    mov edx, eax
    and edx, 15
    mov dl, [letters + edx]
    mov [edi], dl
    inc edi
    loop hex
    mov esi, message
    mov ecx, 24
    mov edx, 123
    rep outsb
    lidt [nothing]
    int3
    nothing: dw 0
    dd 0
    letters: db "0123456789abcdef"
    message: db "LAPIC "
    digits: db "000, base "
    base: db "00000000"`;
  const toy = new Toy(driver, kernel);
  const { lib, mach, vcpu } = toy;
  let output = '';
  const exits = new Map<number, number>();
  lib.vcpuConfigure(mach, vcpu, VcpuConf.callbacks, {
    io({ port, in: isIn, size, data }) {
      if (port !== 123 || isIn) return;
      for (let n = 0; n < size; n++) output += String.fromCharCode(data.getUint8(n));
    },
    mem({ gpa, write, data }) {
      if (!write && gpa === 0xfee0_0020) data.setUint32(0, 120 << 24, true);
    },
  });
  for (;;) {
    const reason = toy.run();
    exits.set(reason, (exits.get(reason) ?? 0) + 1);
    switch (reason) {
      case ExitReason.io:
        if (lib.assistIo(mach, vcpu)) throw new Error('nvmm_assist_io');
        break;
      case ExitReason.memory:
        if (lib.assistMem(mach, vcpu)) throw new Error('nvmm_assist_mem');
        break;
      case ExitReason.rdmsr:
        lib.vcpuGetState(mach, vcpu, StateFlag.gprs);
        vcpu.state.setGpr(Gpr.rax, 0xfee0_0000n);
        vcpu.state.setGpr(Gpr.rdx, 0n);
        vcpu.state.setGprPair(Gpr.rip, vcpu.exit.npcLow, vcpu.exit.npcHigh);
        lib.vcpuSetState(mach, vcpu, StateFlag.gprs);
        break;
      case ExitReason.shutdown:
        lib.machineDestroy(mach);
        return { output, exits, shutdown: true };
      default:
        throw new Error(`exit ${reason}`);
    }
  }
}
