import { describe, expect, it } from 'vitest';
import { argmax, DecoderBank, NgramDecoder, RateDecoder } from '../../src/learning/decoders.ts';

describe('argmax', () => {
  it('takes the first of equals', () => {
    expect(argmax([0, 3, 3, 1])).toBe(1);
    expect(argmax([0, 0])).toBe(0);
  });
});

describe('rate decoder', () => {
  /** Neurons 0 and 1 spike for class 0, neuron 2 for class 1, neuron 3 a little for both, neuron 4 never. */
  function learned(): RateDecoder {
    const decoder = new RateDecoder(5, 2);
    decoder.learn([0, 1, 0, 3], 0);
    decoder.learn([1], 0);
    decoder.learn([2, 2, 3, 3], 1);
    decoder.endBlock();
    return decoder;
  }

  it('assigns each neuron to the class with its highest mean rate', () => {
    expect([...learned().assignments()]).toEqual([0, 0, 1, 1, 0]);
  });

  it('adds block to block, whatever the number of samples of a class in it', () => {
    const decoder = learned();
    // One sample of class 0 in which neuron 2 spikes 3 times: mean 3 > 2 of class 1 before.
    decoder.learn([2, 2, 2], 0);
    decoder.endBlock();
    expect([...decoder.assignments()]).toEqual([0, 0, 0, 1, 0]);
  });

  it('scores a class by the mean over its neurons, silent ones included', () => {
    // Class 0 has three neurons (0, 1, 4), class 1 two (2, 3): one spike of 0 gives 1/3, one of 3 gives 1/2.
    expect(learned().predict([0, 3]).all).toBe(1);
    expect(learned().predict([0, 3, 1]).all).toBe(0);
  });

  it('weights votes by the share of a neuron that belongs to its class', () => {
    // Neuron 3: rates 1/2 for class 0 and 2 for class 1, so a spike votes (1/2) * 2 / 2.5 = 0.4 for class 1, and a spike
    // of neuron 0 votes (1/3) * 1 for class 0.
    const decoder = learned();
    expect(decoder.predict([3, 0]).vote).toBe(1);
    expect(decoder.predict([3, 0, 1]).vote).toBe(0);
  });

  it('says class 0 for a silent sample', () => {
    expect(learned().predict([])).toEqual({ all: 0, vote: 0 });
  });
});

describe('n-gram decoder', () => {
  it('counts sequences by class and adds up their counts', () => {
    const bigrams = new NgramDecoder(2, 3);
    bigrams.learn([5, 6, 7], 1);
    bigrams.learn([5, 6], 2);
    bigrams.learn([5, 6], 2);
    expect(bigrams.predict([5, 6])).toBe(2);
    expect(bigrams.predict([6, 7])).toBe(1);
    expect(bigrams.predict([7, 6])).toBe(0);
    expect(bigrams.predict([5])).toBe(0);
  });

  it('tells trigrams of large indices apart, and grows', () => {
    const trigrams = new NgramDecoder(3, 2);
    for (let first = 0; first < 3000; first++) trigrams.learn([first, 2047, 2046], first % 2);
    expect(trigrams.predict([2047, 2047, 2046])).toBe(1);
    expect(trigrams.predict([2046, 2047, 2046])).toBe(0);
    expect(trigrams.predict([2046, 2046, 2047])).toBe(0);
  });
});

describe('decoder bank', () => {
  it('counts right answers of every decoder', () => {
    const bank = new DecoderBank(2, 2, 2);
    for (let block = 0; block < 3; block++) {
      bank.learn([0, 0, 0], 0);
      bank.learn([1, 1, 1], 1);
    }
    bank.endTraining();
    bank.score([0, 0, 0], 0);
    bank.score([1, 1, 1], 1);
    bank.score([1, 1, 1], 0);
    bank.score([], 0);
    expect(bank.accuracies()).toEqual({ all: 0.75, vote: 0.75, '2gram': 0.75, '3gram': 0.75 });
  });

  it('uses a last block that is not full', () => {
    const bank = new DecoderBank(2, 2, 1000);
    bank.learn([1], 1);
    bank.endTraining();
    bank.score([1], 1);
    expect(bank.accuracies().all).toBe(1);
  });
});
