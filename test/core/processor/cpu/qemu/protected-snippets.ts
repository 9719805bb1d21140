/**
 * What the protected-mode image executes: selectors of every kind in every way, call and task gates, INT n through gates of all kinds, and
 * what a user and a virtual-8086 program may not do. Left out is what QEMU gets wrong: segment limits, LTR of null, INT1.
 */
import { readFileSync } from 'node:fs';
import type { Gate, Mode, Plan, Snippet } from './image.ts';

export const protectedPlan: Plan = {
  source: readFileSync(new URL('./protected.s', import.meta.url), 'utf8'),
  modes: ['k32', 'u32', 'v0', 'v3'],
  wide: false,
  gates: [
    ...Array.from({ length: 32 }, (_, vector): Gate => ({ vector, dpl: vector === 3 || vector === 4 ? 3 : 0 })),
    { vector: 0x40 },
    { vector: 0x41, dpl: 3, type: 15 },
    { vector: 0x42, entry: 0x40, dpl: 3, present: false },
    { vector: 0x43, entry: 0x40, dpl: 3, type: 12 },
    { vector: 0x44, entry: 0x40, dpl: 3, selector: 0x10 },
    { vector: 0x45, entry: 0x40, dpl: 3, selector: 0x60 },
    { vector: 0x46, entry: 0x40, dpl: 3, selector: 0 },
    { vector: 0x47, entry: 0x40, dpl: 3, selector: 0x1b },
    { vector: 0x48, entry: 0x40, dpl: 3, type: 5, selector: 0x40 },
    { vector: 0x49, dpl: 3, selector: 0x68 },
    { vector: 0x4a, entry: 0x40, dpl: 3, type: 5, selector: 0x38 },
    { vector: 0x4b, entry: 0x40, dpl: 3, selector: 0xfff8 },
    { vector: 0x60, dpl: 3 },
  ],
};

const list: Snippet[] = [];
const add = (mode: Mode, ...codes: string[]): void => {
  for (const code of codes) list.push({ mode, code });
};

/** Null, code, data, tasks, LDT, not present, conforming, execute-only, read-only, call gates of all sorts, task gates, in the LDT, beyond. */
const selectors = [
  ...[0, 3, 0x08, 0x10, 0x1b, 0x23, 0x30, 0x38, 0x40, 0x48, 0x50, 0x58, 0x60, 0x68, 0x70, 0x78, 0x80, 0x8b, 0x93, 0x9b],
  ...[0xa3, 0xab, 0xb3, 0x0c, 0x17, 0xfff8, 0x13, 0x20, 0xb8, 0xc3, 0xd3, 0xdb, 0xe3],
];
for (const selector of selectors) {
  const take = `mov $${selector},%eax; `;
  for (const mode of ['k32', 'u32'] as const) {
    for (const register of ['ds', 'fs']) add(mode, `${take}mov %ax,%${register}; mov %${register},%ebx`);
    add(mode, `${take}mov $0x5555,%ebx; lar %ax,%ebx; setz %cl; movzx %cl,%ecx`);
    add(mode, `${take}mov $0x5555,%ebx; lsl %ax,%ebx; setz %cl; movzx %cl,%ecx`);
    add(mode, `${take}verr %ax; setz %cl; verw %ax; setz %dl; movzx %cl,%ecx; movzx %dl,%edx`);
    add(mode, `mov %ss,%ebx; ${take}mov %ax,%ss; mov %ss,%ecx; mov %bx,%ss`);
    add(mode, `push $${selector}; push $1f; lret; 1: mov %cs,%eax`, `ljmp $${selector},$1f; 1: mov %cs,%eax`);
    add(mode, `lcall $${selector},$1f; 1: mov %cs,%eax`, `pushf; push $${selector}; push $1f; iret; 1: mov %cs,%eax`);
  }
  add(
    'k32',
    `${take}lldt %ax; sldt %ebx`,
    `pushl $0x23; pushl $ustack; pushl $2; pushl $${selector}; pushl $ucode; iret`,
  );
  add('k32', `pushl $${selector}; pushl $ustack; pushl $2; pushl $0x1b; pushl $ucode; iret`);
  add('k32', `pushl $${selector}; pushl $ustack; pushl $0x1b; pushl $ucode; lret`);
  if (selector > 3) add('k32', `${take}ltr %ax; str %ebx`);
}

for (let vector = 0x40; vector <= 0x4b; vector++)
  for (const mode of ['k32', 'u32', 'v0', 'v3'] as const) add(mode, `int $${vector}`);

add('u32', 'cli', 'sti', 'hlt', 'in $0x80,%al', 'in $0x81,%al', 'out %al,$0x80', 'in $0x80,%ax', 'in $0x88,%eax');
add('u32', 'pushf; pop %eax', 'pushl $0x3202; popf; pushf; pop %eax', 'clts', 'mov %cr0,%eax', 'lgdt userdata');
add('u32', 'arpl %ax,%bx', 'mov $0x21,%eax; mov $2,%ebx; arpl %bx,%ax', 'bound %eax,userdata', 'into', 'int3', 'ud2');
add(
  'u32',
  'mov %cs:0,%eax',
  'movl $1,%cs:userdata',
  'iret',
  'lret',
  'sysenter',
  'sysexit',
  'syscall',
  'sysret',
  'wbinvd',
);
add('u32', 'lmsw %ax', 'ltr %ax', 'lldt %ax', 'str %eax', 'sldt %eax', 'mov %dr7,%eax', 'rdmsr', 'rdpmc', 'monitor');
add('u32', 'lcall $0xd3,$0', 'pushl $0x11; pushl $0x22; lcall $0xd3,$0', 'lcall $0x43,$0');
for (const mode of ['v0', 'v3'] as const) {
  add(mode, 'cli', 'sti', 'hlt', 'in $0x80,%al', 'in $0x81,%al', 'pushf; pop %ax', 'pushfl; pop %eax', 'pushfl; popfl');
  add(mode, 'pushw $0x3202; popf; pushf; pop %ax', 'pushw $0x102; popf; nop; nop', 'int3', 'into', 'ud2', 'aam $0');
  add(
    mode,
    'mov $0x1234,%ax; mov %ax,%ds; mov %ds,%bx',
    'lgdt 0',
    'smsw %ax',
    'lar %ax,%bx',
    'verr %ax',
    'arpl %ax,%bx',
  );
  add(mode, 'sldt %ax', 'lldt %ax', 'mov %cr0,%eax', 'clts', 'retf', 'mov $0x7fff,%ax; add $1,%ax; into', 'sysenter');
  add(mode, 'syscall', 'rdmsr', 'invd', 'mov %dr7,%eax', 'lmsw %ax', 'enter $4,$1; leave', 'les 0,%ax');
}
add(
  'k32',
  'sysenter',
  'syscall',
  'sysexit',
  'mov $ucode,%edx; mov $ustack,%ecx; sysexit',
  'lcall *tssptr',
  'ljmp *tssptr',
);
add('k32', 'pushl $0x20002; popf; pushf; pop %eax', 'pushl $0x100; popf; nop; nop', 'lcall *cg3ptr', 'lcall $0xb0,$0');

export const protectedSnippets: readonly Snippet[] = list;
