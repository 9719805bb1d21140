import { forms } from '../../../core/processor/isa/forms.ts';

export { printProgram } from '../../../core/processor/ir/print.ts';
export { trace } from '../../../core/processor/isa/trace.ts';

export const form = forms()[0];
