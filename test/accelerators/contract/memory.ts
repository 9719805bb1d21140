/** Features, maps, aliases, rights. */
import type { TestFn } from 'ava';
import { accelerators, MapAccess } from '../../../accelerators/index.ts';
import { amd } from '../../../core/index.ts';
import { at, type Guest } from '../guest.ts';

const badCall = { code: 'bad-call' };

export function memory(test: TestFn, guest: Guest): void {
  const { name, machine, accelerator } = guest;

  test(`${name}: features are data, and more than they allow is refused`, t => {
    const { features } = accelerator;
    t.true(features.processorsPerMachine >= 1 && features.machines >= 1);
    t.true(features.memoryProtection && features.memoryAliasing && features.memoryUnmapping && features.completeState);
    const factory = accelerators.find(each => each.name === accelerator.name)!;
    using other = factory.create({ memory: 2 ** 20, processors: 1, cpu: amd({}) });
    const specification = { ...machine.specification, processors: features.processorsPerMachine + 1 };
    t.throws(() => other.createMachine(specification), badCall);
    const { interrupts } = machine.specification;
    t.throws(() => other.createMachine({ ...machine.specification, interrupts: [] }), badCall);
    t.throws(
      () => other.createMachine({ ...machine.specification, interrupts: [...interrupts, ...interrupts] }),
      badCall,
    );
    t.throws(() => other.createMachine({ ...machine.specification, processors: 0, interrupts: [] }), badCall);
  });

  test(`${name}: what cannot be mapped is refused and changes nothing`, t => {
    const block = machine.allocate(0x2000);
    const top = 2 ** accelerator.features.guestPhysicalBits;
    const refused: readonly (readonly [gpa: number, offset: number, size: number, access: number])[] = [
      [0x30_0001, 0, 0x1000, 7],
      [0x30_0000, 0x800, 0x1000, 7],
      [0x30_0000, 0, 0x1800, 7],
      [0x30_0000, 0, 0, 7],
      [0x30_0000, 0, 0x3000, 7],
      [0x30_0000, 0x2000, 0x1000, 7],
      [-0x1000, 0, 0x1000, 7],
      [top, 0, 0x1000, 7],
      [top - 0x1000, 0, 0x2000, 7],
      [0x30_0000, 0, 0x1000, 0],
      [0x30_0000, 0, 0x1000, MapAccess.write],
      [0x30_0000, 0, 0x1000, 8],
      [0x9_f000, 0, 0x2000, 7],
      [0, 0, 0x1000, 7],
    ];
    for (const [gpa, offset, size, access] of refused) {
      t.throws(() => machine.map(gpa, block, offset, size, access), badCall, `${gpa} ${offset} ${size} ${access}`);
    }
    t.throws(() => machine.allocate(0x1001), badCall);
    t.throws(() => machine.allocate(0), badCall);
    t.throws(() => machine.unmap(0x30_0000, 0x1000), badCall);
    t.throws(() => machine.unmap(0x10_0000, 0x1000), badCall, 'part of a mapping');
    machine.map(0x30_0000, block, 0, 0x2000, MapAccess.all);
    machine.unmap(0x30_0000, 0x2000);
    machine.map(top - 0x1000, block, 0, 0x1000, MapAccess.all);
    machine.unmap(top - 0x1000, 0x1000);
    // Side by side is not one over the other.
    for (const [first, second] of [
      [0x30_0000, 0x30_1000],
      [0x30_1000, 0x30_0000],
    ] as const) {
      machine.map(first, block, 0, 0x1000, MapAccess.all);
      machine.map(second, block, 0x1000, 0x1000, MapAccess.all);
      t.throws(() => machine.unmap(Math.min(first, second), 0x2000), badCall, 'two mappings');
      machine.unmap(first, 0x1000);
      machine.unmap(second, 0x1000);
    }
  });

  test(`${name}: unmapped memory is the board's, mapped memory is the guest's`, t => {
    const block = machine.allocate(0x1000);
    guest.reset().long('again: mov eax, [rdi]\n hlt\n jmp again', { rdi: 0x40_0010 });
    guest.memory = () => 0x1234n;
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), 0x1234n);
    new DataView(block.bytes.buffer, block.bytes.byteOffset).setUint32(0x10, 0x5678, true);
    for (let round = 0; round < 3; round++) {
      machine.map(0x40_0000, block, 0, 0x1000, MapAccess.all);
      guest.set({ rip: at.code });
      guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
      t.is(guest.run().reason, 'halt');
      t.is(guest.register('rax'), 0x5678n);
      machine.unmap(0x40_0000, 0x1000);
      guest.set({ rip: at.code });
      guest.processor.setState({ interrupts: { shadow: false, nmiBlocked: false, halted: false } });
      t.is(guest.run().reason, 'halt');
      t.is(guest.register('rax'), 0x1234n, 'no translation survives the unmapping');
    }
    t.is(guest.log.length, 4);
  });

  test(`${name}: one block at two addresses is one memory, for code too`, t => {
    const block = machine.allocate(0x1000);
    machine.map(0x30_0000, block, 0, 0x1000, MapAccess.all);
    machine.map(0x50_0000, block, 0, 0x1000, MapAccess.all);
    guest.reset().long(
      `mov dword ptr [0x300000], 0x00c3c0ff
       mov rbx, 0x500000
       xor eax, eax
       call rbx
       mov byte ptr [0x300001], 0xc8
       call rbx
       call rbx
       mov ecx, [0x500000]
       hlt`,
    );
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), 0xffff_ffffn, 'inc eax once, then dec eax twice');
    t.is(guest.register('rcx'), 0x00c3_c8ffn);
    machine.unmap(0x30_0000, 0x1000);
    machine.unmap(0x50_0000, 0x1000);
  });

  test(`${name}: read-only memory reads and runs, writes go to the board`, t => {
    const block = machine.allocate(0x1000);
    block.bytes.set([0xb8, 1, 2, 3, 4, 0xc3]);
    machine.map(0x30_0000, block, 0, 0x1000, MapAccess.readExecute);
    guest.reset().long(
      `mov rbx, 0x300000
       call rbx
       mov ecx, [rbx + 1]
       mov dword ptr [rbx + 1], 5
       mov edx, [rbx + 1]
       add dword ptr [rbx + 1], 0x10
       call rbx
       hlt`,
    );
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), 0x0403_0201n);
    t.is(guest.register('rdx'), 0x0403_0201n);
    t.deepEqual(guest.log, [
      ['write', 0x30_0001, 4, 5n],
      ['write', 0x30_0001, 4, 0x0403_0211n],
    ]);
    machine.unmap(0x30_0000, 0x1000);
  });

  test(`${name}: the host's writes to code are seen`, t => {
    guest.reset().long('start: inc eax\n out 0x80, al\n jmp start');
    let rounds = 0;
    guest.output = () => {
      if (++rounds === 3) guest.write(at.code, Uint8Array.of(0xff, 0xc3));
      if (rounds === 6) guest.write(at.code, Uint8Array.of(0xf4));
    };
    t.is(guest.run().reason, 'halt');
    t.is(guest.register('rax'), 3n);
    t.is(guest.register('rbx'), 3n);
  });
}
