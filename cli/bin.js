#!/usr/bin/env node
import './node-version.js';
import module from 'node:module';

// What V8 has compiled of virt64 once need not be compiled at every start.
module.enableCompileCache?.();
await import('./register.js');
const { guardOutput, main } = await import('./main.ts');
guardOutput();
process.exitCode = await main(process.argv.slice(2));
