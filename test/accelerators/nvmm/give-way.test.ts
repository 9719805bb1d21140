/** Exits that NVMM's driver serves by itself: it asks now and then whether the host wants its turn. */
import test from 'ava';
import { Guest, names } from '../guest.ts';

for (const name of names.filter(each => each.startsWith('nvmm')))
  test(`${name}: cache flushes may be left`, t => {
    const guest = new Guest(name).long('mov ecx, 3000\n again: wbinvd\n invd\n dec ecx\n jnz again\n hlt');
    let asked = 0;
    guest.isOverdue = () => {
      asked++;
      return false;
    };
    t.deepEqual(guest.run(), { reason: 'halt' });
    t.true(asked >= 5, `asked ${asked} times`);
  });
