#!/usr/bin/env node
import './node-version.js';
import module from 'node:module';
import { isCheckout } from './installation.js';

// What V8 has compiled of virt64 once need not be compiled at every start.
module.enableCompileCache?.();
if (isCheckout) await import('./register.js');
const { guardOutput, main } = await import(isCheckout ? './main.ts' : '../dist/cli/main.js');
guardOutput();
process.exitCode = await main(process.argv.slice(2));
