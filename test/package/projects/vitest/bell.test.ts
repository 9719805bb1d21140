import { expect, test } from 'vitest';
import { Bell } from './program.ts';

test('a device is a class without decorators', () => {
  expect(Bell.device).toBe('bell');
});
