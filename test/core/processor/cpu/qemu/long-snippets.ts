/**
 * What the 64-bit image executes: accesses to pages with something wrong, control and debug registers, single steps, selectors of every
 * kind, gates, fast system calls, compatibility mode. Left out is what QEMU gets wrong: locked accesses and reserved bits in error codes
 * of page faults, IDT error codes, limits and null selectors in compatibility mode, canonical checks of WRMSR and IRET, L with D.
 */
import { readFileSync } from 'node:fs';
import { type Gate, type Mode, type Plan, pages, type Snippet } from './image.ts';

export const longPlan: Plan = {
  source: readFileSync(new URL('./long.s', import.meta.url), 'utf8'),
  modes: ['k64', 'u64', 'u32', 'k32'],
  wide: true,
  gates: [
    // The interrupt stack is there whatever a snippet does to its own.
    ...Array.from(
      { length: 32 },
      (_, vector): Gate => ({ vector, stack: 1, dpl: vector === 3 || vector === 4 ? 3 : 0 }),
    ),
    { vector: 0x40 },
    { vector: 0x41, dpl: 3, type: 15 },
    { vector: 0x44, entry: 0x40, dpl: 3, selector: 0x10 },
    { vector: 0x45, entry: 0x40, dpl: 3, selector: 0x48 },
    { vector: 0x46, entry: 0x40, dpl: 3, selector: 0 },
    { vector: 0x49, entry: 0x40, dpl: 3, selector: 0x60 },
    { vector: 0x60, dpl: 3 },
  ],
};

const list: Snippet[] = [];
const add = (mode: Mode, ...codes: string[]): void => {
  for (const code of codes) list.push({ mode, code });
};

for (const mode of ['k64', 'u64'] as const) {
  for (const page of Object.values(pages))
    add(mode, `mov ${page}, %eax`, `mov %eax, ${page}`, `mov $${page}, %rax; jmp *%rax`);
}
for (const protection of ['', 'mov %cr0,%rax; and $~0x10000,%rax; mov %rax,%cr0; '])
  add('k64', `${protection}movl $1, ${pages.ro}`, `${protection}movl $1, ${pages.supro}`);
for (const bits of [0x10_0000, 0x20_0000, 0x30_0000]) {
  for (const alignment of ['', 'stac; ', 'clac; ']) {
    const setup = `mov %cr4,%rax; or $${bits},%rax; mov %rax,%cr4; ${alignment}`;
    add('k64', `${setup}mov userdata,%eax`, `${setup}movl $1,${pages.ro}`, `${setup}mov $ucode,%rax; jmp *%rax`);
  }
}

for (const mode of ['k64', 'u64'] as const) {
  const beyond = 'movabs $0x800000000000,%rax; ';
  add(
    mode,
    `${beyond}mov (%rax),%ebx`,
    `${beyond}call *%rax`,
    `${beyond}push %rax; ret`,
    `${beyond}mov %fs:(%rax),%ebx`,
  );
  add(mode, 'movabs $0xffff7fffffffffff,%rax; jmp *%rax');
}

for (const register of [0, 2, 3, 4, 8]) {
  add('k64', `mov %cr${register},%rax`);
  add('u64', `mov %cr${register},%rax`, `mov %rax,%cr${register}`);
}
for (const bit of [0, 1, 2, 3, 4, 7, 8, 9, 10, 16, 20, 21])
  add('k64', `mov %cr4,%rax; btc $${bit},%rax; mov %rax,%cr4; mov %cr4,%rbx`);
for (const bit of [1, 2, 3, 4, 16]) add('k64', `mov %cr0,%rax; btc $${bit},%rax; mov %rax,%cr0; mov %cr0,%rbx`);
add('k64', 'mov $5,%eax; mov %rax,%cr8; mov %cr8,%rbx', 'smsw %eax; smsw %rbx; smsw %cx');
add('k64', 'mov $0,%eax; lmsw %ax; smsw %ebx', 'mov $0xf,%eax; lmsw %ax; smsw %ebx', 'swapgs; swapgs');
for (const msr of [0xc000_0100, 0xc000_0101, 0xc000_0102, 0xc000_0082, 0x175, 0x176])
  add('k64', `mov $${msr},%ecx; mov $0xffff8000,%edx; xor %eax,%eax; wrmsr; rdmsr`);

add('u64', 'rdmsr', 'wrmsr', 'hlt', 'cli', 'sti', 'in $0x80,%al', 'out %al,$0x80', 'lgdt userdata', 'lidt userdata');
add(
  'u64',
  'lldt %ax',
  'ltr %ax',
  'invlpg userdata',
  'wbinvd',
  'invd',
  'clts',
  'lmsw %ax',
  'swapgs',
  'monitor',
  'mwait',
);
add('u64', 'rdpmc', 'iretq', 'sysretq', 'mov %dr0,%rax', 'mov %rax,%dr7', 'clac', 'stac', 'smsw %eax', 'str %eax');
add(
  'u64',
  'sldt %eax',
  'int3',
  'int $0x60',
  'ud2',
  '.byte 0xce',
  'rdfsbase %rax',
  'wrfsbase %rax',
  'syscall',
  'vmcall',
);
add('u64', 'insb', 'outsl');

add('k64', 'mov $-1,%rax; mov %rax,%dr6', 'mov $-1,%rax; mov %rax,%dr7', 'mov %dr4,%rax', 'mov %dr5,%rax');
add('k64', 'mov %cr4,%rax; or $8,%rax; mov %rax,%cr4; mov %dr4,%rax');
const watch = (control: string, address: string, code: string): string =>
  `mov $${address},%eax; mov %rax,%dr0; mov $${control},%eax; mov %rax,%dr7; ${code}`;
for (const control of ['0x401', '0x10401', '0x30401', '0xd0401', '0xf0401', '0x90401', '0xb0401', '0x402', '0x30402'])
  add('k64', watch(control, 'userdata', 'nop; mov userdata,%ecx; nop; movl $3,userdata; nop; movb $1,userdata+3; nop'));
add('k64', watch('0x401', '1f', 'nop; nop; 1: mov $7,%ecx; nop'), watch('0x401', '1f', 'nop; 1: int3; nop'));
add('k64', watch('0x401', '1f', 'pushfq; orl $0x10000,(%rsp); popfq; 1: mov $7,%ecx; nop'));
for (const control of ['0xd0401', '0xf0401'])
  add('k64', watch(control, 'userdata', 'mov $userdata-8,%edi; mov $4,%ecx; mov $userdata+64,%esi; rep movsl; nop'));

const step = 'pushfq; orl $0x100,(%rsp); popfq; ';
const strings = 'mov $userdata,%edi; ';
for (const mode of ['k64', 'u64'] as const) add(mode, `${step}nop; nop`, `${step}int3`, `${step}ud2`, `${step}syscall`);
add('k64', `${step}mov $1,%eax; nop`, `${step}int $0x40`, `${step}mov %ss,%eax; mov %eax,%ss; nop; nop`);
add('k64', `mov $3,%ecx; ${strings}${step}rep stosb; nop`, `${strings}xor %ecx,%ecx; ${step}rep stosb; nop`);
add('k64', `${step}mov ${pages.np},%eax`, `${step}jmp 1f; nop; 1: nop`, `${step}xor %ebx,%ebx; div %ebx`);
add('k64', `${step}pushfq; pop %rax; nop`, `${step}pushfq; popfq; nop`);
add('u64', `${step}hlt`, `${step}int $0x60`, 'pushfq; orl $0x3000,(%rsp); popfq; pushfq; pop %rax');
for (const access of ['mov userdata+1,%eax', 'mov userdata+4,%rax', 'mov userdata+1,%ax', 'movups userdata+1,%xmm0'])
  add('u64', `pushfq; orl $0x40000,(%rsp); popfq; ${access}`);

/** Null, code, data, tasks, not present, conforming, execute-only, read-only, gates, beyond the table. */
const selectors = [
  0, 8, 0x10, 0x1b, 0x23, 0x2b, 0x38, 0x48, 0x58, 0x60, 0x68, 0x70, 0xfff8, 0x13, 0x20, 0x0f, 0x78, 0x80,
];
for (const selector of [...selectors, 0x93, 0x0b, 0x6b, 0xab]) {
  const take = `mov $${selector},%eax; `;
  for (const mode of ['k64', 'u64'] as const) {
    for (const register of ['ds', 'ss', 'es']) add(mode, `${take}mov %ax,%${register}; mov %${register},%ebx`);
    add(mode, `${take}mov $0x5555,%ebx; lar %ax,%ebx; setz %cl; movzx %cl,%ecx`);
    add(mode, `${take}mov $0x5555,%ebx; lsl %ax,%ebx; setz %cl; movzx %cl,%ecx`);
    add(mode, `${take}verr %ax; setz %cl; verw %ax; setz %dl; movzx %cl,%ecx; movzx %dl,%edx`);
    add(mode, `pushq $${selector}; push $1f; lretq; 1: mov %cs,%eax`);
    for (const jump of ['ljmp', 'lcall'])
      add(mode, `movq $1f,userdata; movw $${selector},userdata+4; ${jump} *userdata; 1: mov %cs,%eax`);
    add(mode, `mov %ss,%eax; mov %rsp,%rbx; push %rax; push %rbx; pushfq; push $${selector}; push $1f; iretq; 1: nop`);
  }
  add('k64', `pushq $0x23; push $ustack; pushq $2; pushq $${selector}; push $ucode; iretq`);
  add('k64', `pushq $${selector}; push $ustack; pushq $2; pushq $0x2b; push $ucode; iretq`);
  if (selector !== 0) add('k64', `${take}ltr %ax; str %ebx`);
}
add('k64', 'pushq $0x10; push %rsp; pushfq; orl $0x4000,(%rsp); popfq; iretq');
add('k64', 'pushfq; orl $0x20000,(%rsp); popfq; pushfq; pop %rax');
add('k64', 'pushq $0x10; push $kstack; pushq $0x20002; pushq $8; push $1f; iretq; 1: pushfq; pop %rax');

add('k64', 'mov $0xc0000080,%ecx; rdmsr; and $~1,%eax; wrmsr; syscall', 'syscall');
add('k64', 'mov $ucode,%ecx; mov $2,%r11d; sysretq', 'mov $ucode32,%ecx; mov $2,%r11d; sysretl');
add('k64', 'int $0x40', 'int $0x41', 'int $0x44', 'int $0x45', 'int $0x46', 'int $0x49', 'int3');
add('u64', 'int $0x41', 'int $0x44', 'int $0x45', 'int $0x46', 'int $0x49');

add(
  'u32',
  'mov $1,%eax',
  'into',
  'int3',
  'mov $0x7fffffff,%eax; add $1,%eax; into',
  'bound %eax,userdata',
  'hlt',
  'iret',
);
add(
  'u32',
  'lcall $0x2b,$1f; 1: .code64; mov %cs,%eax; .code32',
  'ljmp $8,$1f; 1: nop',
  'ljmp $0x93,$0',
  'lcall $0x93,$0',
);
add('u32', 'ljmp $0x80,$0', 'arpl %ax,%bx', 'mov $0x10,%eax; mov %ax,%ds', 'mov $0,%eax; mov %ax,%ss', 'lret');
add('u32', 'pushf; orl $0x100,(%esp); popf; nop; nop', 'int $0x41', 'mov %cr0,%eax');
add('k32', 'mov $1,%eax', 'ljmp $8,$1f; 1: .code64; mov %cs,%eax; .code32', 'ljmp $0x80,$0', 'lcall $0x80,$0', 'iret');
add('k32', 'mov %cr0,%eax', 'pushl $0x23; pushl $ustack; pushl $2; pushl $0x1b; pushl $ucode32; iret', 'ljmp $0x38,$0');
add('k32', 'pushl $0x23; pushl $ustack; pushl $2; pushl $0x2b; pushl $ucode; iret', 'mov $0x38,%eax; ltr %ax');

export const longSnippets: readonly Snippet[] = list;
