/** Recipes: the built-in studies. A recipe names a model, its default search space and its settings. */
import { z } from 'zod';
import { loadImages } from '../data/images.ts';
import { checksumOf } from './checksum.ts';
import { type EncodedData, encodeMnist } from './encoded-data.ts';
import { openDiehlCookSlots } from './open-diehl-cook.ts';
import { pruneCompare } from './pruning/recipe.ts';
import type { Recipe } from './recipe.ts';
import { rerunDiehlCook } from './rerun-diehl-cook.ts';
import { mnistSlayer } from './slayer/mnist-slayer.ts';
import { hrsnnSpectrum } from './spectra/recipe.ts';
import { StudyError, type StudySpec } from './store.ts';
import { trainingStudies } from './training/studies.ts';

const share = z.number().min(0).max(1);
const count = z.int().min(1);

/** Settings of `mnist-stdp`. */
export const mnistStdpSettings = z
  .strictObject({
    /** Training images, from MNIST's 60,000, and images held out of the same for the objective. */
    trainSamples: count.max(60_000).default(48_000),
    holdOutSamples: count.max(60_000).default(12_000),
    /** Steps of 1 ms for which an image is shown. */
    steps: count.max(1_000).default(100),
    /** Rate of a white pixel, Hz. */
    maxRateHz: z.number().positive().max(1_000).default(128),
    /** Share of the training samples that may be silent before a trial is stopped. */
    beta: share.default(0.1),
    /** A sample is silent for a layer with fewer spikes than this. */
    excitatoryAlpha: z.int().min(0).default(5),
    inhibitoryAlpha: z.int().min(0).default(1),
    /** Training samples between two updates of the neurons' classes. */
    assignmentBlock: count.default(1_000),
    /** Whether silent trials are evaluated on the hold-out too, as the recorded experiment did. */
    evaluateSilent: z.boolean().default(false),
    /** Seed of the split, the order of the samples and their encoding: the same for all trials of a study. */
    dataSeed: z.int().min(0).default(0),
    /** A .npz file with images of one's own, (samples, ...); MNIST when absent. */
    images: z.string().min(1).exactOptional(),
    /** A .npz file with their labels; the file of the images when absent. */
    labels: z.string().min(1).exactOptional(),
  })
  .refine(({ trainSamples, holdOutSamples }) => trainSamples + holdOutSamples <= 60_000, {
    path: ['trainSamples'],
    message: 'give fewer, or fewer holdOutSamples: together at most the 60,000 images of MNIST',
  });

export type MnistStdpSettings = z.output<typeof mnistStdpSettings>;

/**
 * The recorded experiment's search space with its wider bounds (Firmin, Boulet, Talbi 2024, experiment 1). Bounds
 * that the record gives as about 0 are 1 here for the two strengths, so that they can't vanish.
 */
const mnistStdp: Recipe = {
  name: 'mnist-stdp',
  summary: 'Diehl & Cook networks learn MNIST by STDP; 18 hyperparameters, two silence constraints',
  settings: mnistStdpSettings,
  space: {
    decoder: { type: 'categorical', choices: ['all', 'vote', '2gram', '3gram'] },
    epochs: { type: 'integer', low: 1, high: 3 },
    map_size: { type: 'integer', low: 20, high: 2000 },
    nu_pre: { type: 'real', low: 1e-4, high: 1e-2, scale: 'log' },
    nu_post: { type: 'real', low: 1e-4, high: 1e-2, scale: 'reversed-log' },
    strength_exc: { type: 'real', low: 1, high: 500 },
    strength_inh: { type: 'real', low: 1, high: 500 },
    norm: { type: 'real', low: 78.4, high: 784, scale: 'log' },
    e_thresh: { type: 'real', low: -59, high: 0 },
    e_rest: { type: 'real', low: -70, high: -60 },
    e_refrac: { type: 'integer', low: 0, high: 20 },
    theta_plus: { type: 'real', low: 0.001, high: 0.5, scale: 'reversed-log' },
    tc_theta_decay: { type: 'real', low: 1e6, high: 2e7, scale: 'reversed-log' },
    e_tc_decay: { type: 'real', low: 5, high: 5000 },
    i_thresh: { type: 'real', low: -40, high: 0 },
    i_rest: { type: 'real', low: -60, high: -45 },
    i_refrac: { type: 'integer', low: 0, high: 20 },
    i_tc_decay: { type: 'real', low: 5, high: 5000 },
  },
  constraints: ['silence_excitatory', 'silence_inhibitory'],
  quick: (softwareOnly) =>
    softwareOnly
      ? { settings: { trainSamples: 600, holdOutSamples: 300 }, trials: 40 }
      : { settings: { trainSamples: 12_000, holdOutSamples: 4_000 }, trials: 200 },
  checkData: (settings) => {
    const { images, labels } = settings;
    if (images !== undefined || labels !== undefined) loadImages(mnistStdpSettings.parse(settings));
  },
  checksum: (settings) => imagesChecksum(mnistStdpSettings.parse(settings)),
  load: (settings) => encodeMnist(mnistStdpSettings.parse(settings)),
  openSlots: (device, setup, data, wrap) => {
    const settings = mnistStdpSettings.parse(setup.settings);
    return openDiehlCookSlots(device, setup, settings, data as EncodedData, wrap);
  },
  rerun: ({ settings }, trial, device, onProgress) =>
    rerunDiehlCook(mnistStdpSettings.parse(settings), trial, device, onProgress),
};

const checksums = new Map<string, string>();

/** Read once for a process: MNIST has 47 MB. */
function imagesChecksum(settings: MnistStdpSettings): string {
  const key = JSON.stringify([settings.images, settings.labels]);
  let checksum = checksums.get(key);
  if (checksum === undefined) {
    const { pixels, labels } = loadImages(settings);
    checksum = checksumOf(pixels, labels);
    checksums.set(key, checksum);
  }
  return checksum;
}

export const RECIPES: readonly Recipe[] = [
  mnistStdp,
  mnistSlayer,
  ...trainingStudies(),
  pruneCompare,
  hrsnnSpectrum,
];

/** @throws {StudyError} `bad-input` listing the recipes there are */
export function recipeOf(name: string): Recipe {
  const recipe = RECIPES.find((candidate) => candidate.name === name);
  if (!recipe) {
    const known = RECIPES.map((candidate) => candidate.name).join(', ');
    throw new StudyError('bad-input', `there is no recipe "${name}"; there is ${known}`);
  }
  return recipe;
}

/** What a study does in a line, and the names of its constraints: by its recipe, or by what its import wrote down. */
export function describeStudy({ recipe, settings }: StudySpec): Pick<Recipe, 'summary' | 'constraints'> {
  const known = RECIPES.find((candidate) => candidate.name === recipe);
  if (known !== undefined) return known;
  const { importedFrom, constraints } = settings;
  return {
    summary: typeof importedFrom === 'string' ? `imported from ${importedFrom}` : `a study of ${recipe}`,
    constraints: Array.isArray(constraints) ? constraints.map(String) : [],
  };
}
