// Loaded before the programs of the lab but for engines (see `labNodeArgs`).
//
// V8 compiles hot code again on threads of its own. In a take-over every process meets new code at once, and dozens of such compilations
// would take the processors from those that clients wait for. These threads only make things faster later: they come last.
const { readdirSync, readFileSync } = require('node:fs');
const { setPriority } = require('node:os');

/** Above what the lab gives to the platform's processes, below what would keep such a thread waiting for ever on a busy machine. */
const COMPILER_NICENESS = 12;

try {
  for (const thread of readdirSync('/proc/self/task'))
    if (readFileSync(`/proc/self/task/${thread}/comm`, 'latin1').trim() === 'V8Worker')
      setPriority(Number(thread), COMPILER_NICENESS);
} catch {
  // Another kernel, or not permitted: they compete like everything else.
}
