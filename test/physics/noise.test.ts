/** Random input against the theory of what it should do. Bounds are five standard errors, and seeds are fixed. */
import { expect, it } from 'vitest';
import { describeOnEngines } from './engines.ts';
import { lif, networkOf, source } from './networks.ts';

function moments(values: ArrayLike<number>): { mean: number; variance: number } {
  let [sum, squares] = [0, 0];
  for (let index = 0; index < values.length; index++) sum += values[index] as number;
  const mean = sum / values.length;
  for (let index = 0; index < values.length; index++) squares += ((values[index] as number) - mean) ** 2;
  return { mean, variance: squares / (values.length - 1) };
}

describeOnEngines('sources at random', (simulate) => {
  it('spike at their rates, independently of each other and of the past', async () => {
    const [count, steps, dtMs] = [200, 2000, 0.5];
    const rateHz = Float64Array.from({ length: count }, (_, index) => (index % 4) * 40);
    const network = networkOf({ dtMs, populations: [source(count, { kind: 'rates', rateHz })] });
    const { spikes } = await simulate(network, steps);
    for (const rate of [0, 40, 80, 120]) {
      const own = spikes.filter((_, index) => rateHz[index] === rate);
      const probability = (rate * dtMs) / 1000;
      const trials = own.length * steps;
      const error = Math.sqrt(trials * probability * (1 - probability));
      const total = own.reduce((sum, steps) => sum + steps.length, 0);
      expect(Math.abs(total - trials * probability)).toBeLessThanOrEqual(5 * error);
      if (rate === 0) continue;
      // Binomial counts: variance over mean is 1 - p. The variance of n counts has a relative error of sqrt(2 / n).
      const { mean, variance } = moments(own.map((steps) => steps.length));
      expect(Math.abs(variance / mean - (1 - probability))).toBeLessThan(5 * Math.sqrt(2 / own.length));
      // One step after a spike is as likely as any.
      const again = own.reduce(
        (sum, steps) =>
          sum + steps.filter((step, index) => index > 0 && step === (steps[index - 1] as number) + 1).length,
        0,
      );
      const pairs = total * probability;
      expect(Math.abs(again - pairs)).toBeLessThan(5 * Math.sqrt(pairs));
    }
  });
});

describeOnEngines('noise on the membrane', (simulate) => {
  // Samples of one neuron are taken five time constants apart, so they are as good as independent.
  const [count, tau, dtMs, steps] = [640, 5, 0.5, 550];
  const apart = 50;
  const settled = (traces: ArrayLike<number>, neurons: number): number[] => {
    const samples: number[] = [];
    for (let step = 3 * apart; step < steps; step += apart) {
      for (let m = 0; m < neurons; m++) samples.push(traces[step * neurons + m] as number);
    }
    return samples;
  };
  const all = Array.from({ length: count }, (_, index) => index);

  it('has the variance it is given, at any time step', async () => {
    const network = networkOf({
      dtMs,
      populations: [lif(count, { tauMembraneMs: tau, noiseMv: 2, thresholdMv: 1e6, restMv: -3 })],
    });
    const { traces } = await simulate(network, steps, all);
    const samples = settled(traces, count);
    const { mean, variance } = moments(samples);
    const n = samples.length;
    expect(Math.abs(mean + 3)).toBeLessThan((5 * 2) / Math.sqrt(n));
    expect(Math.abs(variance / 4 - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    // Gaussian: the fourth moment is three times the square of the variance, known to sqrt(96 / n).
    const fourth = samples.reduce((sum, v) => sum + (v - mean) ** 4, 0) / n;
    expect(Math.abs(fourth / variance ** 2 - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
    // Neighbours are independent, also those whose numbers come from one pair of words.
    for (const distance of [1, 16, 32, 48]) {
      let product = 0;
      let pairs = 0;
      for (let index = 0; index + distance < n; index++) {
        if ((index % count) + distance >= count) continue;
        product += ((samples[index] as number) - mean) * ((samples[index + distance] as number) - mean);
        pairs += 1;
      }
      expect(Math.abs(product / pairs / variance)).toBeLessThan(5 / Math.sqrt(pairs));
    }
  });

  it('from Poisson jumps has the mean and variance of shot noise (Campbell)', async () => {
    const [lambda, weight] = [1.7, 0.3];
    const network = networkOf({
      dtMs,
      populations: [
        lif(count, {
          tauMembraneMs: tau,
          thresholdMv: 1e6,
          channels: [{ tauMs: 1, reversalMv: 0 }],
          poisson: [{ channel: 0, meanPerStep: lambda, weight }],
        }),
      ],
      channels: ['delta'],
    });
    const { traces } = await simulate(network, steps, all);
    const samples = settled(traces, count);
    const { mean, variance } = moments(samples);
    // v' = P (v + w n): mean w lambda P / (1 - P), variance w^2 lambda P^2 / (1 - P^2).
    const p = Math.exp(-dtMs / tau);
    const expectedMean = (weight * lambda * p) / (1 - p);
    const expectedVariance = (weight ** 2 * lambda * p * p) / (1 - p * p);
    expect(Math.abs(mean - expectedMean)).toBeLessThan(5 * Math.sqrt(expectedVariance / samples.length));
    expect(Math.abs(variance / expectedVariance - 1)).toBeLessThan(5 * Math.sqrt(2.2 / samples.length));
  });

  it('makes a neuron fire at the rate of first passages (Siegert 1951)', async () => {
    // Mean 0.8, sd 0.5 (of the free membrane), threshold 1, reset 0, refractory 2 ms, tau 20 ms. A threshold looked at
    // every dt is crossed later: it acts as if it were higher by 0.5826 sd sqrt(2 dt / tau) (Broadie, Glasserman & Kou
    // 1997, for discretely monitored barriers), which the expected rate takes in.
    const [mean, sd, tauMembrane, fine, refractory] = [0.8, 0.5, 20, 0.1, 2];
    const shift = 0.5826 * sd * Math.sqrt((2 * fine) / tauMembrane);
    const rate = siegert(mean, sd * Math.SQRT2, 1 + shift, 0, tauMembrane, refractory);
    const [neurons, warmUp, long] = [500, 500, 4500];
    const network = networkOf({
      dtMs: fine,
      populations: [lif(neurons, { biasMv: mean, noiseMv: sd, refractorySteps: refractory / fine })],
    });
    const { spikes } = await simulate(network, long);
    const counted = spikes.map((own) => own.filter((step) => step >= warmUp).length);
    const seconds = ((long - warmUp) * fine) / 1000;
    const { mean: meanCount, variance } = moments(counted);
    const found = meanCount / seconds;
    const error = Math.sqrt(variance / neurons) / seconds;
    expect(Math.abs(found - rate)).toBeLessThan(4 * error + 0.01 * rate);
  });
});

/** Mean rate, Hz, of a leaky neuron driven by white noise; `sigma` = sqrt(2) x the free membrane's deviation. */
function siegert(
  mean: number,
  sigma: number,
  threshold: number,
  reset: number,
  tauMs: number,
  refractoryMs: number,
): number {
  const n = 20_000;
  const [low, high] = [(reset - mean) / sigma, (threshold - mean) / sigma];
  let integral = 0;
  for (let k = 0; k < n; k++) {
    const x = low + ((k + 0.5) / n) * (high - low);
    integral += exponentialErf(x) * ((high - low) / n);
  }
  return 1000 / (refractoryMs + tauMs * Math.sqrt(Math.PI) * integral);
}

/** exp(x^2) (1 + erf x), erf by its Taylor series: enough for |x| < 3. */
function exponentialErf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return Math.exp(x * x) * (1 + (2 / Math.sqrt(Math.PI)) * sum);
}
