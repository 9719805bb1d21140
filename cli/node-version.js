// Plain JavaScript, and the first to be imported: it must say what is wrong even on a Node that cannot read the rest.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12) || major === 25) {
  process.stderr.write(
    `virt64 needs Node 24.12 or a later 24, or 26 and newer; this is ${process.versions.node}.
In a project, "npm install node@26" brings one for npx and npm scripts. A checkout of virt64 has it:
use "npm start" or "npx virt64".
`,
  );
  process.exit(69);
}
