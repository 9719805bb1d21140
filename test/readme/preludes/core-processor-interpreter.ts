import type { EngineImports } from '../../../core/processor/interpreter/imports.ts';
import type { PhysicalMemory } from '../../../core/processor/memory/physical-memory.ts';

export { CodeCache } from '../../../core/processor/interpreter/code-cache.ts';
export { Interpreter } from '../../../core/processor/interpreter/interpreter.ts';

export declare const memory: WebAssembly.Memory;
export declare const imports: EngineImports;
export declare const physical: PhysicalMemory;
export declare const arena: { base: number; size: number };
export declare const features: Uint8Array;
export declare const cpu: number;
