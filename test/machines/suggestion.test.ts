import test from 'ava';
import { nearest, suggestion } from '#machines';

test('the nearest known name, if it is near', t => {
  const known = ['machine', 'mem', 'smp', 'no-reboot'];
  t.is(nearest('machin', known), 'machine');
  t.is(nearest('amchine', known), 'machine');
  t.is(nearest('Machine', known), 'machine');
  t.is(nearest('noreboot', known), 'no-reboot');
  t.is(nearest('zebra', known), undefined);
  t.is(nearest('', known), undefined);
  t.is(nearest('x', []), undefined);
  t.is(nearest('mep', ['mem', 'men']), 'mem', 'of two that are as near the first');
});

test('all names are listed either way', t => {
  t.is(suggestion('machine', 'cp', ['pc', 'q35']), 'did you mean pc? machines are: pc, q35');
  t.is(suggestion('machine', 'zebra', ['pc', 'q35']), 'machines are: pc, q35');
  t.is(suggestion('machine', 'zebra', []), 'machines are: none');
});
