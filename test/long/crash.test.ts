/** The crash suite at every operation and with many draws: the tests of test/crash, with larger numbers. Hours, not minutes. */
const all = String(Number.MAX_SAFE_INTEGER);
Object.assign(process.env, {
  CRASH_POINTS: all,
  CRASH_KILLS: '200',
  CRASH_SCHEDULES: '20000',
  CRASH_RESUMED: '200',
  CRASH_RACES: '100',
});
await import('../crash/kill.test.ts');
await import('../crash/masks.test.ts');
await import('../crash/power-loss.test.ts');
await import('../crash/failures.test.ts');
await import('../crash/two-processes.test.ts');
