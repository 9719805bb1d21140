const root = process.argv[2]!;
const { formTable } = await import(`${root}/core/processor/isa/forms.ts`);
let t = performance.now(); formTable(); console.log(root, 'forms', (performance.now()-t).toFixed(1));
