/** Training runs killed in twenty steps, and at sixty operations of saving: test/crash/train.test.ts with larger numbers. */
Object.assign(process.env, { TRAIN_KILLS: '20', TRAIN_POINTS: '60' });
await import('../crash/train.test.ts');
