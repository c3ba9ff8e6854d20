import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A process that measures one engine; asked and answering in lines of JSON. */
export class Child {
  #process;
  #lines;
  #stderr = '';
  #exit;

  constructor({ command, args, threads }) {
    this.#process = spawn(command, args, {
      env: {
        ...process.env,
        RAYON_NUM_THREADS: String(threads),
        TOKENIZERS_PARALLELISM: 'true',
        OMP_NUM_THREADS: String(threads),
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process.stderr.on('data', (data) => (this.#stderr = (this.#stderr + String(data)).slice(-4000)));
    this.#process.stdin.on('error', () => {});
    this.#exit = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve(error.message));
      this.#process.once('close', (code, signal) => resolve(`exit ${code ?? signal}`));
    });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** The answer; throws when there is none, or it is an error. */
  async ask(command) {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`${await this.#exit}: ${this.#stderr.trim().split('\n').at(-1) ?? ''}`);
      // Libraries may print lines of their own.
      if (!value.startsWith('{"answer"') && !value.startsWith('{"error"')) continue;
      const { answer, error } = JSON.parse(value);
      if (error !== undefined) throw new Error(error);
      return answer;
    }
  }

  /** Ends the process; it has nothing to tidy up. */
  async close() {
    this.#process.kill('SIGKILL');
    await this.#exit;
  }
}
