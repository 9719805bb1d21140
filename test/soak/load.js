// Other load: a process that is always busy.
const parent = process.ppid;
for (let turn = 0; ; turn++) if (turn % 1e7 === 0 && process.ppid !== parent) process.exit();
