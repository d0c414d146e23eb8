/** A trial's hyperparameters, once they are proved to make something that can be run. */
import type { z } from 'zod';
import { StudyError } from './store.ts';

/**
 * @param recipe its name, for the message
 * @throws {StudyError} `bad-input` naming the hyperparameter
 */
export function checkedHyperparameters<Checked>(
  recipe: string,
  schema: z.ZodType<Checked>,
  values: unknown,
): Checked {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new StudyError('bad-input', `${recipe}: ${issue?.path.join('.')}: ${issue?.message}`);
}
