/** All figures of a study, in the order in which a reader wants them. */
import type { FigureDefinition } from './figure.ts';
import { parallelCoordinates, slices } from './hyperparameters.ts';
import { importance, lengthScales } from './importance.ts';
import { incumbentOverTime, incumbentOverTrials } from './incumbent.ts';
import { confusionMatrix, layerRates, learningCurves } from './learning.ts';
import { occupancy } from './occupancy.ts';
import { raster, receptiveFields, spikesByClass } from './portrait.ts';
import { constraintValues, trustRegion } from './region.ts';
import { samplesSaved, silentByParameter, spikesAndSilence } from './silence.ts';
import { stateShares } from './states.ts';
import { cost, decoders, energy } from './trade-offs.ts';

export const FIGURES: readonly FigureDefinition[] = [
  incumbentOverTrials,
  incumbentOverTime,
  constraintValues,
  trustRegion,
  stateShares,
  silentByParameter,
  spikesAndSilence,
  samplesSaved,
  importance,
  lengthScales,
  parallelCoordinates,
  slices,
  energy,
  decoders,
  cost,
  occupancy,
  receptiveFields,
  raster,
  spikesByClass,
  layerRates,
  learningCurves,
  confusionMatrix,
];
