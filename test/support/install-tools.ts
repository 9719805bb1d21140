/** `npm run setup:test-tools`: installs what is missing of the programs that tests compare us with, where apt and root are to be had. */
import { spawnSync } from 'node:child_process';
import { missingTools, packages } from './tools.ts';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const apt = (...args: string[]): void => {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { error, status, stdout, stderr } = spawnSync('apt-get', args, { encoding: 'utf8', env: environment });
  if (status === 0) return;
  say(error ? error.message : `apt-get ${args.join(' ')} failed:\n${stdout}${stderr}`);
  process.exit(1);
};

const wanted = [...new Set(missingTools().map(tool => packages[tool]))];
if (wanted.length > 0) {
  const install = ['install', '--yes', '-qq', '--no-install-recommends'];
  if (process.getuid?.() !== 0) {
    say(`Only root may install these: apt-get ${install.join(' ')} ${wanted.join(' ')}`);
    process.exit(1);
  }
  apt('update', '-qq');
  // Not every distribution has them all under these names: Ubuntu has no package chromium.
  const offered = wanted.filter(name => spawnSync('apt-cache', ['show', name]).status === 0);
  say(`installing ${offered.join(', ')}`);
  apt(...install, ...offered);
}
