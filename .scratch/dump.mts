const root = process.argv[2]!;
const { forms } = await import(`${root}/core/processor/isa/forms.ts`);
const { programOf } = await import(`${root}/core/processor/isa/programs.ts`);
const { printProgram } = await import(`${root}/core/processor/ir/print.ts`);
for (const f of forms()) if (!f.vex) console.log(f.key + '\n' + printProgram(programOf(f)));
