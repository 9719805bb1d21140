import type { CodeCache } from '../../../core/processor/interpreter/code-cache.ts';
import type { Interpreter } from '../../../core/processor/interpreter/interpreter.ts';

export { Jit } from '../../../core/processor/jit/jit.ts';
export { cpu, physical } from './core-processor-interpreter.ts';

export declare const interpreter: Interpreter;
export declare const cache: CodeCache;
