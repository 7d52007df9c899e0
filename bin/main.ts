// Beside the launcher, and CommonJS like it; everything else is an ES module.
void import('./commands/run.ts').then(({ run }) => run(process.argv.slice(2)));
