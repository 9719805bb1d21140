#!/usr/bin/env node
// Plain JavaScript: it must say what is wrong even on a Node that cannot read the rest.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12) || major === 25) {
  process.stderr.write(
    `virt64 needs Node 24.12 or a later 24, or 26 and newer; this is ${process.versions.node}.\nInside the project, "npm start" and "npx virt64" bring their own.\n`,
  );
  process.exit(69);
}
await import('./register.js');
const { guardOutput, main } = await import('./main.ts');
guardOutput();
process.exitCode = await main(process.argv.slice(2));
