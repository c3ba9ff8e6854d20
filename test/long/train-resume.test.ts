/** `train --resume` after kill -9, by the command: the losses of a run that nothing stopped, bit for bit (on WASM). */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { draws } from '../crash/harness.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, ROOT, start } from '../support/prep.ts';

const KILLS = Number(process.env['TRAIN_KILLS'] ?? 20);
const STEPS = 8;

const dir = temporaryFolder();
const corpus = join(dir, 'out/quickstart');
const seed = draws();

const command = (out: string, ...more: string[]) => {
  const settings = ['--steps', String(STEPS), '--eval-every', '2', '--backend', 'wasm', '--out', out, '--json'];
  return [join(ROOT, 'dist/bundle/train.js'), corpus, ...settings, ...more];
};
/** Losses by step, of what a run printed. */
const losses = (stdout: string): [number, number][] =>
  stdout
    .split('\n')
    .filter((line) => line.includes('"step"') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as { event: string; step: number; loss: number })
    .filter(({ event }) => event === 'step')
    .map(({ step, loss }) => [step, loss]);

let whole: Map<number, number>;
beforeAll(async () => {
  await prep([], { cwd: dir });
  const { code, stdout, stderr } = await start(process.execPath, command(join(dir, 'whole')), dir).ended;
  expect(code, stderr).toBe(0);
  whole = new Map(losses(stdout));
  expect([...whole.keys()]).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
});

test(`killed ${KILLS} times, and resumed`, { timeout: 3_600_000 }, async () => {
  for (let kill = 0; kill < KILLS; kill++) {
    const out = join(dir, `killed-${kill}`);
    // After the first checkpoint, with a step or the next checkpoint under way.
    const after = 3 + Math.floor(seed.draw() * (STEPS - 4));
    const running = start(process.execPath, command(out), dir);
    let printed = '';
    running.child.stdout!.on('data', (chunk: Buffer) => {
      printed += String(chunk);
      if (losses(printed).length >= after) setTimeout(() => running.child.kill('SIGKILL'), seed.draw() * 300);
    });
    const killed = await running.ended;
    const seen = losses(killed.stdout);
    const { code, stdout, stderr } = await start(process.execPath, command(out, '--resume'), dir).ended;
    expect(code, stderr).toBe(0);
    seen.push(...losses(stdout));
    expect(seen.length, seed.replay).toBeGreaterThanOrEqual(after);
    for (const [step, loss] of seen) expect(loss, `${seed.replay}, step ${step}`).toBe(whole.get(step));
    expect(new Set(seen.map(([step]) => step)).size).toBe(STEPS);
  }
});
