import { accelerators } from 'virt64/accelerators';
import { contractCases } from 'virt64/testing';
import { test } from 'vitest';

const software = accelerators.find(accelerator => accelerator.name === 'software')!;

for (const { name, run } of contractCases(options => software.create(options))) test(name, run);
