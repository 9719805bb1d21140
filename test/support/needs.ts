import test from 'ava';
import { isHere, type Tool } from './tools.ts';

/** `test` where all the tools are there, else `test.skip`. */
export const needs = (...tools: Tool[]): typeof test.skip => (isHere(...tools) ? test : test.skip);
