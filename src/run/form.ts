import { dirname, join } from 'node:path';
import { isTemplate, type Pipeline } from '../config/index.ts';
import { configInvalid, messageOf } from '../core/errors.ts';
import { exists, readAll } from '../io/files.ts';
import { parseChatTemplate, type RecordForm } from '../read/index.ts';

/** No chat template is larger, and no tokenizer_config.json (its list of added tokens is what takes room). */
const MAX_BYTES = 16 * 1024 * 1024;
const TOKENS = ['bos_token', 'eos_token', 'pad_token', 'unk_token'];

type TokenizerConfig = Readonly<Record<string, unknown>>;

/** What a pipeline's records are, where they are more than texts. Reads the chat template; CONFIG_INVALID without one. */
export async function formOf({ records, tokenizer }: Pipeline): Promise<RecordForm | null> {
  const { format, prompt, response, messages } = records;
  if (format === 'text') return null;
  if (format === 'prompt-response') return { format, prompt, response };
  const config = await configBeside(tokenizer);
  const { text, file } = await templateOf(records.chatTemplate, tokenizer, config);
  parseChatTemplate(text, file);
  const tokens = TOKENS.flatMap((name) => {
    const token = config[name];
    const content = typeof token === 'object' && token !== null && 'content' in token ? token.content : token;
    return typeof content === 'string' ? [[name, content] as const] : [];
  });
  return { format, messages, template: text, tokens: Object.fromEntries(tokens) };
}

async function templateOf(
  given: string | null,
  tokenizer: string,
  config: TokenizerConfig,
): Promise<{ text: string; file: string }> {
  if (given !== null && isTemplate(given)) return { text: given, file: 'pipeline' };
  const file = given ?? join(dirname(tokenizer), 'chat_template.jinja');
  if (given !== null || (await exists(file))) return { text: await readText(file), file };
  const own = config['chat_template'];
  // Some models have several, by name.
  const named = Array.isArray(own)
    ? (own as { name?: unknown; template?: unknown }[])
    : [{ name: 'default', template: own }];
  const text = named.find(({ name }) => name === 'default')?.template;
  if (typeof text === 'string') return { text, file: configPath(tokenizer) };
  throw configInvalid(
    'pipeline',
    { line: 0, column: 0, field: 'chat_template' },
    `is not there, nor a template in tokenizer_config.json or chat_template.jinja beside ${tokenizer}`,
    'put the model’s tokenizer_config.json beside its tokenizer.json, or give a template with --chat-template',
  );
}

const configPath = (tokenizer: string): string => join(dirname(tokenizer), 'tokenizer_config.json');
const readText = async (file: string): Promise<string> => new TextDecoder().decode(await readAll(file, MAX_BYTES));

async function configBeside(tokenizer: string): Promise<TokenizerConfig> {
  const file = configPath(tokenizer);
  if (!(await exists(file))) return {};
  try {
    const config: unknown = JSON.parse(await readText(file));
    return typeof config === 'object' && config !== null ? (config as TokenizerConfig) : {};
  } catch (error) {
    const place = { line: 0, column: 0, field: '' };
    throw configInvalid(file, place, `cannot be read: ${messageOf(error)}`, 'repair it, or take it away');
  }
}
