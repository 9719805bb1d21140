/** Every row of the instruction table that a user program can execute has been executed by a real processor, in both modes. */
import test from 'ava';
import { readCases, recordings } from './cases.ts';
import { allRows, rowsOf } from './coverage.ts';

/** Rows by their instruction's name that the recordings cannot have, and what holds them to the truth instead. */
const excused: readonly { readonly why: string; readonly names: RegExp }[] = [
  {
    why: 'far transfers and system calls leave the program: test/core/processor/cpu',
    names: /^(retf|iret|int1|syscall|sysret|sysenter|sysexit|call \[(9a|ff \/3)|jmp \[(ea|ff \/5))/,
  },
  {
    why: "what they read or load is the operating system's: test/core/processor/cpu, test/core/processor/isa/system",
    names: /^(sldt|str|sgdt|sidt|smsw|lar|lsl|verr|verw|lss|lfs|lgs|x(save|rstor|getbv|setbv)|pop \[17 SS)/,
  },
  {
    why: 'the runner needs FS and GS: test/core/processor/isa/system',
    names: /^((rd|wr)[fg]sbase|swapgs|(push|pop) \[0f a[0189])/,
  },
  { why: 'no two answers are alike', names: /^(cpuid|rdtscp?|rdpmc|rdrand|rdseed)\b/ },
  { why: '#UD whatever the processor, in user mode or for want of a bit in CR4', names: /^(clac|stac|ud0)\b/ },
  {
    why: 'virtualization: test/core/processor/cpu/svm, test/core/processor/cpu/vmx',
    names: /^(vm\w+|stgi|clgi|skinit|invlpga|invept|invvpid)\b/,
  },
];

/** Their meaning does not depend on the mode, and they have been recorded in 64-bit code only. */
const isVex = /\[vex /;

for (const mode of [64, 32] as const) {
  test(`every row that a user can execute in ${mode}-bit code is recorded`, t => {
    const recorded = new Set<string>();
    for (const { path } of recordings) {
      for (const item of readCases(path)) if (item.mode === mode) for (const row of rowsOf(item)) recorded.add(row);
    }
    const missing = allRows(mode).filter(row => !recorded.has(row) && !(mode === 32 && isVex.test(row)));
    t.deepEqual(
      missing.filter(row => !excused.some(({ names }) => names.test(row))),
      [],
    );
    t.true(missing.length < 90);
  });
}

test('nothing is excused that is recorded, or that does not exist', t => {
  const rows = [...allRows(64), ...allRows(32)];
  for (const { why, names } of excused)
    t.true(
      rows.some(row => names.test(row)),
      why,
    );
});
