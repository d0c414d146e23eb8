/** Makes an optimizer by its name, or again from what it saved. */
import { AskTell, savedSchema } from './ask-tell.ts';
import { DefaultEngine } from './default-engine.ts';
import type { GaussianEngine } from './engine.ts';
import { GridStrategy } from './grid.ts';
import { type JsonValue, type Optimizer, OptimizerError, type SearchHistory } from './optimizer.ts';
import { SamplingStrategy } from './samplers.ts';
import { ScboStrategy } from './scbo.ts';
import { OPTIMIZERS, type OptimizerName, parseSettings, type SettingsInput } from './settings.ts';
import type { SearchSpace } from './space.ts';

/**
 * Makes an optimizer.
 *
 * @throws OptimizerError for an unknown name or a wrong setting.
 * @example
 * const optimizer = createOptimizer('sobol', space, { seed: 1 });
 * const [proposal] = await optimizer.ask(1);
 * optimizer.tell([{ id: proposal.id, values: proposal.values, status: 'complete', objective: 0.9 }]);
 */
export function createOptimizer(
  name: OptimizerName,
  space: SearchSpace,
  input: SettingsInput = {},
  engine: GaussianEngine = new DefaultEngine(),
): Optimizer {
  return make(name, space, input, engine);
}

/**
 * Makes an optimizer that goes on with the identical sequence from a saved state and the history up to it: every
 * proposal asked for and every outcome told before `save`, no more and no less.
 *
 * @throws OptimizerError for a state or a history that is damaged, or when they do not belong together.
 * @example
 * const kept = JSON.stringify({ state: optimizer.save(), history: optimizer.history() });
 * const { state, history } = JSON.parse(kept);
 * const goesOn = restoreOptimizer(state, space, history);
 */
export function restoreOptimizer(
  saved: JsonValue,
  space: SearchSpace,
  history: SearchHistory,
  engine: GaussianEngine = new DefaultEngine(),
): Optimizer {
  const parsed = savedSchema.safeParse(saved);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new OptimizerError(
      'saved-state',
      `the saved optimizer is damaged or of another version (${issue?.path.join('.')}: ${issue?.message}): restore it with the version that saved it, or begin a new search`,
    );
  }
  const optimizer = make(parsed.data.optimizer, space, parsed.data.settings, engine);
  optimizer.restore(parsed.data, history);
  return optimizer;
}

function make(name: string, space: SearchSpace, input: unknown, engine: GaussianEngine): AskTell {
  const settings = parseSettings(input);
  switch (name) {
    case 'random':
    case 'sobol':
      return new AskTell(
        space,
        settings,
        new SamplingStrategy(name, space, settings.seed),
        settings.constraints,
      );
    case 'grid':
      return new AskTell(space, settings, new GridStrategy(space), settings.constraints);
    case 'scbo':
    case 'casbo':
    case 'turbo': {
      const constraints = name === 'turbo' ? 0 : settings.constraints;
      const strategy = new ScboStrategy(name, space, settings, engine, constraints);
      return new AskTell(space, settings, strategy, constraints);
    }
    default:
      throw new OptimizerError(
        'unknown-optimizer',
        `no optimizer ${name}: choose one of ${OPTIMIZERS.join(', ')}`,
      );
  }
}
