import { FunctionBuilder } from '../../../core/processor/wasm/function.ts';
import { ModuleBuilder } from '../../../core/processor/wasm/module.ts';

export { FunctionBuilder };

export const module = new ModuleBuilder();
