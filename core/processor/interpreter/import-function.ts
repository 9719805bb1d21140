import type { FunctionReference } from '../wasm/function.ts';
import type { ModuleBuilder } from '../wasm/module.ts';
import { importSignature } from './imports.ts';

/** A function of EngineImports, as a module imports it. */
export function importFunction(module: ModuleBuilder, name: string): FunctionReference {
  const [parameters, results] = importSignature(name);
  return module.import('host', name, new Array(parameters).fill('i32'), new Array(results).fill('i32'));
}
