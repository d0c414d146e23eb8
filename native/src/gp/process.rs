//! The marginal likelihood, and a process conditioned on data with its sample paths. Equations: `src/search/matern.ts`.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::inverse::{inverse, inverse_scratch};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{MatMut, MatRef, Par};

use super::math;
use crate::failure::Failure;

/// Points and how their coordinates share length scales.
pub struct Inputs {
    /// Row-major, count x width.
    pub x: Vec<f64>,
    pub count: usize,
    pub width: usize,
    /// The group of each coordinate.
    pub groups: Vec<usize>,
}

/// Points divided by the length scales: by rows, and by columns for work along the points.
struct Scaled {
    rows: Vec<f64>,
    columns: Vec<f64>,
    count: usize,
    width: usize,
}

impl Scaled {
    fn new(x: &[f64], count: usize, width: usize, groups: &[usize], theta: &[f64]) -> Self {
        let inverse: Vec<f64> = groups.iter().map(|&group| (-theta[group]).exp()).collect();
        let mut rows = vec![0.0; count * width];
        let mut columns = vec![0.0; count * width];
        for i in 0..count {
            for k in 0..width {
                let value = x[i * width + k] * inverse[k];
                rows[i * width + k] = value;
                columns[k * count + i] = value;
            }
        }
        Self {
            rows,
            columns,
            count,
            width,
        }
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.width..(i + 1) * self.width]
    }

    /// Squared distances from `point` to the points from `first` on.
    fn squared_distances(&self, point: &[f64], first: usize, out: &mut [f64]) {
        out.fill(0.0);
        for (k, &at) in point.iter().enumerate() {
            let column = &self.columns[k * self.count + first..(k + 1) * self.count];
            math::add_squared_differences(out, column, at);
        }
    }
}

fn signal_of(theta: &[f64]) -> f64 {
    theta[theta.len() - 2].exp()
}

fn noise_of(theta: &[f64]) -> f64 {
    theta[theta.len() - 1].exp()
}

/// The Cholesky factor of the covariance of the observations, column-major; none where it has none in f64.
fn factorize(z: &Scaled, theta: &[f64]) -> Option<Vec<f64>> {
    let n = z.count;
    let (signal, noise) = (signal_of(theta), noise_of(theta));
    let mut work = vec![0.0; n * n];
    for j in 0..n {
        let column = &mut work[j * n + j..(j + 1) * n];
        z.squared_distances(z.row(j), j, column);
        math::matern(column, signal);
        column[0] = signal + noise;
    }
    let mut scratch = MemBuffer::new(cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default()));
    cholesky_in_place(
        MatMut::from_column_major_slice_mut(&mut work, n, n),
        LltRegularization::default(),
        Par::Seq,
        MemStack::new(&mut scratch),
        Default::default(),
    )
    .ok()?;
    work.iter()
        .step_by(n + 1)
        .all(|diagonal| diagonal.is_finite())
        .then_some(work)
}

/// Solves L L^T X = B for the columns of B, in place.
fn solve(factor: &[f64], n: usize, b: &mut [f64]) {
    let columns = b.len() / n.max(1);
    let l = MatRef::from_column_major_slice(factor, n, n);
    let mut right = MatMut::from_column_major_slice_mut(b, n, columns);
    solve_lower_triangular_in_place(l, right.as_mut(), Par::Seq);
    solve_upper_triangular_in_place(l.transpose(), right, Par::Seq);
}

/// The generalized-least-squares mean and K^-1 (y - mean).
fn centred_solution(factor: &[f64], y: &[f64]) -> (f64, Vec<f64>) {
    let n = y.len();
    let mut both = vec![1.0; 2 * n];
    both[n..].copy_from_slice(y);
    solve(factor, n, &mut both);
    let (ones, ky) = both.split_at(n);
    let mean = if n == 0 {
        0.0
    } else {
        ky.iter().sum::<f64>() / ones.iter().sum::<f64>()
    };
    let alpha = ky.iter().zip(ones).map(|(k, one)| k - mean * one).collect();
    (mean, alpha)
}

/// [value, gradient...]; see `marginalLikelihood` in `matern.ts`.
pub fn marginal_likelihood(inputs: &Inputs, y: &[f64], theta: &[f64]) -> Vec<f64> {
    let n = inputs.count;
    let mut result = vec![0.0; theta.len() + 1];
    let z = Scaled::new(&inputs.x, n, inputs.width, &inputs.groups, theta);
    let Some(factor) = factorize(&z, theta) else {
        result[0] = f64::NEG_INFINITY;
        return result;
    };
    let (mean, alpha) = centred_solution(&factor, y);
    let fit: f64 = alpha.iter().zip(y).map(|(a, value)| a * (value - mean)).sum();
    let half_log_determinant: f64 = factor.iter().step_by(n + 1).map(|d| d.ln()).sum();
    result[0] = -0.5 * fit - half_log_determinant - 0.5 * n as f64 * std::f64::consts::TAU.ln();

    let mut inverted = vec![0.0; n * n];
    let mut scratch = MemBuffer::new(inverse_scratch::<f64>(n, Par::Seq));
    inverse(
        MatMut::from_column_major_slice_mut(&mut inverted, n, n),
        MatRef::from_column_major_slice(&factor, n, n),
        Par::Seq,
        MemStack::new(&mut scratch),
    );
    let (signal, noise) = (signal_of(theta), noise_of(theta));
    let mut by_coordinate = vec![0.0; inputs.width];
    let (mut by_signal, mut by_noise) = (0.0, 0.0);
    let (mut weights, mut slopes, mut products) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for j in 0..n {
        let rest = n - j - 1;
        let column = &inverted[j * n + j..(j + 1) * n];
        for (i, weight) in weights[..rest].iter_mut().enumerate() {
            // An off-diagonal pair counts twice, which the half undoes.
            *weight = alpha[j] * alpha[j + 1 + i] - column[1 + i];
        }
        let slopes = &mut slopes[..rest];
        z.squared_distances(z.row(j), j + 1, slopes);
        math::matern_slopes(slopes, &weights[..rest], signal, &mut products[..rest]);
        by_signal += products[..rest].iter().sum::<f64>();
        for (k, sum) in by_coordinate.iter_mut().enumerate() {
            let along = &z.columns[k * n + j + 1..(k + 1) * n];
            *sum += math::weighted_squared_differences(slopes, along, z.row(j)[k]);
        }
        let own = 0.5 * (alpha[j] * alpha[j] - column[0]);
        by_signal += own * signal;
        by_noise += own * noise;
    }
    for (&group, value) in inputs.groups.iter().zip(by_coordinate) {
        result[1 + group] += value;
    }
    let last = theta.len();
    result[last - 1] = by_signal;
    result[last] = by_noise;
    result
}

/// Random Fourier features of the Matérn-5/2 correlation.
pub struct Features {
    pub count: usize,
    /// Row-major, count x width.
    pub frequencies: Vec<f64>,
    pub phases: Vec<f64>,
}

/// A process conditioned on data, its hyperparameters fixed.
pub struct Process {
    z: Scaled,
    groups: Vec<usize>,
    theta: Vec<f64>,
    factor: Vec<f64>,
    alpha: Vec<f64>,
    mean: f64,
}

/// Sample paths of a process: weights of the features, paths x features, and updates, paths x count.
pub struct Paths {
    features: Features,
    /// The frequencies by coordinate, width x features.
    columns: Vec<f64>,
    count: usize,
    weights: Vec<f64>,
    updates: Vec<f64>,
}

impl Process {
    pub fn new(inputs: Inputs, y: &[f64], theta: Vec<f64>) -> Result<Self, Failure> {
        let Inputs {
            x,
            count,
            width,
            groups,
        } = inputs;
        let z = Scaled::new(&x, count, width, &groups, &theta);
        let factor = factorize(&z, &theta).ok_or_else(|| {
            Failure::new(
                "not-positive-definite",
                "the covariance is not positive definite: raise the lower bound of the noise",
            )
        })?;
        let (mean, alpha) = centred_solution(&factor, y);
        Ok(Self {
            z,
            groups,
            theta,
            factor,
            alpha,
            mean,
        })
    }

    pub fn count(&self) -> usize {
        self.z.count
    }

    pub fn width(&self) -> usize {
        self.z.width
    }

    fn scale(&self, points: &[f64], count: usize) -> Scaled {
        Scaled::new(points, count, self.z.width, &self.groups, &self.theta)
    }

    /// Covariances of a scaled point with the data.
    fn covariances(&self, point: &[f64], out: &mut [f64]) {
        self.z.squared_distances(point, 0, out);
        math::matern(out, signal_of(&self.theta));
    }

    /// Posterior means at row-major points.
    pub fn means(&self, points: &[f64], count: usize) -> Vec<f64> {
        let z = self.scale(points, count);
        let mut row = vec![0.0; self.z.count];
        (0..count)
            .map(|i| {
                self.covariances(z.row(i), &mut row);
                self.mean + math::dot(&row, &self.alpha)
            })
            .collect()
    }

    /// Posterior means, then variances, at row-major points.
    pub fn predict(&self, points: &[f64], count: usize) -> Vec<f64> {
        let n = self.z.count;
        let z = self.scale(points, count);
        let mut rows = vec![0.0; n * count];
        let mut out = vec![0.0; 2 * count];
        for i in 0..count {
            let row = &mut rows[i * n..(i + 1) * n];
            self.covariances(z.row(i), row);
            out[i] = self.mean + math::dot(row, &self.alpha);
        }
        solve_lower_triangular_in_place(
            MatRef::from_column_major_slice(&self.factor, n, n),
            MatMut::from_column_major_slice_mut(&mut rows, n, count),
            Par::Seq,
        );
        for i in 0..count {
            let row = &rows[i * n..(i + 1) * n];
            out[count + i] = (signal_of(&self.theta) - math::dot(row, row)).max(0.0);
        }
        out
    }

    /// Draws sample paths from standard normal numbers: weights, paths x features, and noise, paths x count.
    pub fn draw_paths(&self, y: &[f64], features: Features, weights: Vec<f64>, noise: Vec<f64>) -> Paths {
        let n = self.z.count;
        let count = weights.len() / features.count.max(1);
        let mut columns = vec![0.0; features.frequencies.len()];
        for f in 0..features.count {
            for k in 0..self.z.width {
                columns[k * features.count + f] = features.frequencies[f * self.z.width + k];
            }
        }
        let mut paths = Paths {
            features,
            columns,
            count,
            weights,
            updates: noise,
        };
        let deviation = noise_of(&self.theta).sqrt();
        let mut phi = vec![0.0; paths.features.count];
        for (i, &value) in y.iter().enumerate().take(n) {
            self.feature_row(&paths, self.z.row(i), &mut phi);
            for p in 0..count {
                let prior = math::dot(&phi, paths.weight_row(p));
                let update = &mut paths.updates[p * n + i];
                *update = value - self.mean - prior - deviation * *update;
            }
        }
        solve(&self.factor, n, &mut paths.updates);
        paths
    }

    /// Values of paths at row-major points: all paths at all points (paths x count), or, not `shared`, the points
    /// dealt out to the paths in equal runs (count).
    pub fn evaluate_paths(&self, paths: &Paths, points: &[f64], count: usize, shared: bool) -> Vec<f64> {
        let n = self.z.count;
        let z = self.scale(points, count);
        let mut out = vec![0.0; if shared { paths.count * count } else { count }];
        let run = count.div_ceil(paths.count.max(1));
        let mut row = vec![0.0; n];
        let mut phi = vec![0.0; paths.features.count];
        for i in 0..count {
            self.feature_row(paths, z.row(i), &mut phi);
            self.covariances(z.row(i), &mut row);
            let span = if shared {
                0..paths.count
            } else {
                i / run..i / run + 1
            };
            for p in span {
                let update = &paths.updates[p * n..(p + 1) * n];
                out[if shared { p * count + i } else { i }] =
                    self.mean + math::dot(&phi, paths.weight_row(p)) + math::dot(&row, update);
            }
        }
        out
    }

    /// s sqrt(2 / F) cos(w . z + b) at one scaled point.
    fn feature_row(&self, paths: &Paths, z: &[f64], out: &mut [f64]) {
        let features = &paths.features;
        out.copy_from_slice(&features.phases);
        for (k, &at) in z.iter().enumerate() {
            let column = &paths.columns[k * features.count..(k + 1) * features.count];
            math::add_scaled(out, column, at);
        }
        math::cosines(out, (signal_of(&self.theta) * 2.0 / features.count as f64).sqrt());
    }
}

impl Paths {
    fn weight_row(&self, path: usize) -> &[f64] {
        &self.weights[path * self.features.count..(path + 1) * self.features.count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(count: usize) -> Vec<f64> {
        (0..count)
            .map(|i| (((i as f64 + 1.0) * 12.9898).sin() * 43758.5453).fract().abs())
            .collect()
    }

    fn inputs(count: usize) -> Inputs {
        Inputs {
            x: spread(count * 3),
            count,
            width: 3,
            groups: vec![0, 1, 1],
        }
    }

    #[test]
    fn gradient_agrees_with_finite_differences() {
        let inputs = inputs(40);
        let y: Vec<f64> = (0..40).map(|i| (3.0 * inputs.x[3 * i]).sin()).collect();
        let theta = [-0.5, 0.3, 0.2, -4.0];
        let found = marginal_likelihood(&inputs, &y, &theta);
        for k in 0..theta.len() {
            let at = |step: f64| {
                let mut moved = theta;
                moved[k] += step;
                marginal_likelihood(&inputs, &y, &moved)[0]
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((slope - found[k + 1]).abs() < 1e-5 * (1.0 + slope.abs()), "{k}");
        }
    }

    #[test]
    fn paths_pass_through_noiseless_data() {
        let inputs = inputs(30);
        let y: Vec<f64> = (0..30).map(|i| (3.0 * inputs.x[3 * i]).sin()).collect();
        let points = inputs.x.clone();
        let process = Process::new(inputs, &y, vec![-0.5, 0.3, 0.2, -16.0]).unwrap();
        let features = Features {
            count: 64,
            frequencies: spread(64 * 3),
            phases: spread(64),
        };
        let paths = process.draw_paths(&y, features, spread(2 * 64), vec![0.0; 60]);
        let values = process.evaluate_paths(&paths, &points, 30, true);
        for (index, value) in values.iter().enumerate() {
            assert!((value - y[index % 30]).abs() < 1e-4, "{index}");
        }
    }
}
