#!/usr/bin/env node
import './register.js';

const { guardOutput, main } = await import('./main.ts');
guardOutput();
process.exitCode = await main(process.argv.slice(2));
