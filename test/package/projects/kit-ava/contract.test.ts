import test from 'ava';
import { accelerators } from 'virt64/accelerators';
import { contractCases } from 'virt64/testing';

const software = accelerators.find(accelerator => accelerator.name === 'software')!;

for (const { name, run } of contractCases(options => software.create(options))) test(name, run);
