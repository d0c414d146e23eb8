/** One neuron at a time, against closed forms. */
import { expect, it } from 'vitest';
import { describeOnEngines } from './engines.ts';
import { events, lif, networkOf } from './networks.ts';

/** Drive R I / threshold, and the interval in steps without refractoriness at dt = 0.1 and 1 ms (tau 20 ms). */
const INTERVALS = [
  [1.05, 609, 61],
  [1.1, 480, 48],
  [1.2, 359, 36],
  [1.5, 220, 22],
  [2, 139, 14],
  [3, 82, 9],
  [5, 45, 5],
  [10, 22, 3],
] as const;

function differences(values: readonly number[]): number[] {
  return values.slice(1).map((value, index) => value - (values[index] as number));
}

describeOnEngines('a neuron under constant drive', (simulate) => {
  for (const dtMs of [0.1, 1]) {
    for (const refractoryMs of [0, 2]) {
      it(`has the analytic interval to the step: dt ${dtMs} ms, refractory for ${refractoryMs} ms`, async () => {
        const held = refractoryMs / dtMs;
        const network = networkOf({
          dtMs,
          populations: [
            lif(INTERVALS.length, {
              biasMv: Float64Array.from(INTERVALS, ([drive]) => drive),
              refractorySteps: held,
            }),
          ],
        });
        const { spikes } = await simulate(network, 2000);
        for (const [neuron, [drive, fine, coarse]] of INTERVALS.entries()) {
          const interval = (dtMs === 1 ? coarse : fine) + held;
          const own = spikes[neuron] as readonly number[];
          expect(own[0], `first spike at drive ${drive}`).toBe(interval - held - 1);
          expect(new Set(differences(own)), `intervals at drive ${drive}`).toEqual(new Set([interval]));
          // In continuous time: refractory time + tau ln(RI / (RI - threshold)).
          const continuous = refractoryMs + 20 * Math.log(drive / (drive - 1));
          expect(interval * dtMs - continuous).toBeGreaterThanOrEqual(0);
          expect(interval * dtMs - continuous).toBeLessThanOrEqual(dtMs);
        }
      });
    }
  }

  it('never spikes at a drive equal to the threshold, and at every step when held for none and driven hard', async () => {
    const network = networkOf({ populations: [lif(2, { biasMv: Float64Array.of(1, 1e6) })] });
    const { spikes } = await simulate(network, 500);
    expect(spikes[0]).toEqual([]);
    expect(spikes[1]).toEqual(Array.from({ length: 500 }, (_, step) => step));
  });

  it('keeps what exceeds the threshold when the reset subtracts', async () => {
    // A drive of 0.3 thresholds a step, of which the leak takes about 0.0005: 299.5 spikes in 1,000 steps.
    const network = networkOf({
      dtMs: 1,
      populations: [lif(1, { reset: 'subtract', tauMembraneMs: 1000, biasMv: 0.3 / -Math.expm1(-1 / 1000) })],
    });
    const { spikes } = await simulate(network, 1000);
    expect(spikes[0]?.length).toBeGreaterThanOrEqual(298);
    expect(spikes[0]?.length).toBeLessThanOrEqual(300);
    expect(new Set(differences(spikes[0] ?? []))).toEqual(new Set([3, 4]));
  });
});

/** NIR's published test of a single neuron: inputs and spikes, in bins of 0.1 ms. */
const NIR_INPUTS = [
  60, 220, 270, 310, 320, 350, 370, 400, 410, 430, 440, 450, 460, 470, 480, 490, 500, 510, 520, 530, 670, 680,
  690, 700, 710, 720, 730, 740, 750, 760, 770, 780, 840, 850,
];
const NIR_SPIKES = [460, 510, 710, 760];

describeOnEngines("NIR's single neuron", (simulate) => {
  it('spikes in the published bins', async () => {
    // An input of 1 over a step moves v by 1 - P; as a jump before the step's decay that is (1 - P) / P.
    const decay = Math.exp(-0.1 / 2.5);
    const network = networkOf({
      populations: [
        events([NIR_INPUTS.map((step) => step - 1)]),
        lif(1, { tauMembraneMs: 2.5, thresholdMv: 0.1 }),
      ],
      channels: ['delta'],
      classes: [{ channel: 0, delaySteps: 1, weight: (1 - decay) / decay }],
      edges: [{ from: 0, to: 1, class: 0 }],
    });
    const { spikes } = await simulate(network, 1000);
    expect(spikes[1]).toEqual(NIR_SPIKES);
  });
});

describeOnEngines('a synaptic input', (simulate, accuracy) => {
  const steps = 600;
  const dtMs = 0.1;
  const arrival = 10;
  const time = (step: number) => (step - arrival + 1) * dtMs;

  for (const tau of [5, 10, 20, 40]) {
    it(`as a current that decays with ${tau} ms gives the exact potential at every step`, async () => {
      const network = networkOf({
        dtMs,
        populations: [
          events([[arrival - 3]]),
          lif(1, { thresholdMv: 100, channels: [{ tauMs: tau, reversalMv: 0 }] }),
        ],
        channels: ['current'],
        classes: [{ channel: 0, delaySteps: 3, weight: 2 }],
        edges: [{ from: 0, to: 1, class: 0 }],
      });
      const { traces } = await simulate(network, steps, [1]);
      let worst = 0;
      for (let step = 0; step < steps; step++) {
        const t = time(step);
        const shape =
          tau === 20
            ? (t / 20) * Math.exp(-t / 20)
            : (tau / (tau - 20)) * (Math.exp(-t / tau) - Math.exp(-t / 20));
        const expected = step < arrival ? 0 : 2 * shape;
        worst = Math.max(worst, Math.abs((traces[step] as number) - expected));
      }
      // Rounding of each of the steps within 20 ms adds up; the potential is at most 1 mV.
      expect(worst).toBeLessThan(400 * accuracy);
    });
  }

  it('as a jump decays with the membrane', async () => {
    const network = networkOf({
      dtMs,
      populations: [events([[arrival - 1]]), lif(1, { thresholdMv: 100 })],
      channels: ['delta'],
      classes: [{ channel: 0, delaySteps: 1, weight: -0.5 }],
      edges: [{ from: 0, to: 1, class: 0 }],
    });
    const { traces } = await simulate(network, steps, [1]);
    for (let step = 0; step < steps; step++) {
      const expected = step < arrival ? 0 : -0.5 * Math.exp(-time(step) / 20);
      expect(Math.abs((traces[step] as number) - expected)).toBeLessThan(400 * accuracy);
    }
  });

  it('as a conductance draws v towards its reversal potential, with an error that falls with the step', async () => {
    // tau dv/dt = -v + g (E - v), g = exp(-t / 5 ms): the solution by quadrature of the integrating factor.
    const tau = 20;
    const [decay, reversal] = [5, 60];
    const exact = (t: number): number => {
      const exponent = (s: number) => s / tau + (decay / tau) * (1 - Math.exp(-s / decay));
      const n = 4000;
      let integral = 0;
      for (let k = 0; k < n; k++) {
        const s = ((k + 0.5) / n) * t;
        integral += Math.exp(exponent(s) - exponent(t)) * Math.exp(-s / decay) * (t / n);
      }
      return (reversal * integral) / tau;
    };
    const errors: number[] = [];
    for (const step of [0.4, 0.2, 0.1]) {
      const network = networkOf({
        dtMs: step,
        populations: [
          events([[0]]),
          lif(1, { thresholdMv: 100, channels: [{ tauMs: decay, reversalMv: reversal }] }),
        ],
        channels: ['conductance'],
        classes: [{ channel: 0, delaySteps: 1, weight: 1 }],
        edges: [{ from: 0, to: 1, class: 0 }],
      });
      const count = Math.round(8 / step);
      const { traces } = await simulate(network, count + 1, [1]);
      errors.push(Math.abs((traces[count] as number) - exact(8)));
    }
    const [first, second, third] = errors as [number, number, number];
    expect(first).toBeLessThan(0.5);
    // First order: half the step, half the error.
    expect(first / second).toBeGreaterThan(1.8);
    expect(first / second).toBeLessThan(2.2);
    expect(second / third).toBeGreaterThan(1.8);
    expect(second / third).toBeLessThan(2.2);
  });
});

describeOnEngines('an adaptive threshold', (simulate) => {
  it('lengthens the intervals to the one at which decay and increment balance', async () => {
    const [tau, drive, increment, tauAdaptation] = [20, 3, 0.4, 100];
    const network = networkOf({
      populations: [lif(1, { biasMv: drive, adaptation: { incrementMv: increment, tauMs: tauAdaptation } })],
    });
    const { spikes } = await simulate(network, 20_000);
    const intervals = differences(spikes[0] ?? []);
    expect(intervals[0]).toBeGreaterThan(82);
    // Steady state of interval n: A after a spike = increment / (1 - q^n), and threshold + A q^n is just exceeded at n.
    const q = Math.exp(-0.1 / tauAdaptation);
    const p = Math.exp(-0.1 / tau);
    const crosses = (n: number) => drive * (1 - p ** n) > 1 + (increment * q ** n) / (1 - q ** n);
    let n = 1;
    while (!crosses(n)) n++;
    for (const interval of intervals.slice(-20)) {
      expect(Math.abs(interval - n)).toBeLessThanOrEqual(1);
    }
  });
});
