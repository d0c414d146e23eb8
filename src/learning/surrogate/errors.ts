/** A description that can't be trained, or a saved network that is none: what, where, and what to do. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';
  readonly code = 'bad-input';
}
