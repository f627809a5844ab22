import Foundation

// The arithmetic of the denoiser: outputs first, inputs after, sizes last.
// N tokens, D channels, F frames. Matrices are row-major.

/// out = x Wᵀ + b, with x (rows, inputs) and out (rows, outputs).
func linear(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ layer: Weights.Linear, rows: Int
) {
  for row in 0..<rows { (out + row * layer.outputs).update(from: layer.bias, count: layer.outputs) }
  BLAS.multiplyTransposed(
    out, stride: layer.outputs, x, stride: layer.inputs, layer.weight, stride: layer.inputs,
    rows: rows, columns: layer.outputs, inner: layer.inputs, keep: 1)
}

/// out = LN(x) (1 + scale) + shift: each row normalised to mean 0 and variance 1 (ε = 1e-6), then
/// modulated; `shift` and `scale` point to D numbers.
func modulatedNorm(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, shift: UnsafePointer<Float>,
  scale: UnsafePointer<Float>, rows: Int, channels: Int
) {
  for row in 0..<rows {
    let (x, out) = (x + row * channels, out + row * channels)
    let mean = sum(x, count: channels) / Float(channels)
    for i in 0..<channels { out[i] = (x[i] - mean) * (x[i] - mean) }
    let variance = sum(out, count: channels) / Float(channels)
    let factor = 1 / (variance + 1e-6).squareRoot()
    for i in 0..<channels { out[i] = (x[i] - mean) * factor * (1 + scale[i]) + shift[i] }
  }
}

/// out = x + a 3 x 3 convolution of each channel of x over the grid of each frame, zero beyond its edge.
func addNeighbours(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ layer: Weights.Convolution, frames: Int,
  rows: Int, columns: Int, channels: Int
) {
  for token in 0..<(frames * rows * columns) {
    let (row, column) = (token / columns % rows, token % columns)
    let target = out + token * channels
    for i in 0..<channels { target[i] = x[token * channels + i] + layer.bias[i] }
    for place in 0..<9 {
      let (down, right) = (place / 3 - 1, place % 3 - 1)
      guard (0..<rows).contains(row + down), (0..<columns).contains(column + right) else { continue }
      let source = x + (token + down * columns + right) * channels
      layer.weight.withUnsafeBufferPointer { weight in
        for i in 0..<channels { target[i] += source[i] * weight[place * channels + i] }
      }
    }
  }
}

/// h += gate ⊙ update for every row; `gate` points to D numbers.
func addGated(
  _ h: UnsafeMutablePointer<Float>, _ update: UnsafePointer<Float>, gate: UnsafePointer<Float>, rows: Int,
  channels: Int
) {
  for row in 0..<rows {
    let (h, update) = (h + row * channels, update + row * channels)
    for i in 0..<channels { h[i] += gate[i] * update[i] }
  }
}

/// Softmax of q kᵀ / √d, times v, for each head; every token sees every token.
///
/// `out` is (N, D); `scores` is room for (N, N); `qkv` is (N, 3 D): q, k and v, head-major in each.
func attention(
  _ out: UnsafeMutablePointer<Float>, _ scores: UnsafeMutablePointer<Float>, _ qkv: UnsafePointer<Float>,
  tokens: Int, heads: Int, channels: Int
) {
  let width = channels / heads
  for head in 0..<heads {
    let q = qkv + head * width
    let (k, v) = (q + channels, q + 2 * channels)
    BLAS.multiplyTransposed(
      scores, stride: tokens, q, stride: 3 * channels, k, stride: 3 * channels,
      rows: tokens, columns: tokens, inner: width, scale: 1 / Float(width).squareRoot())
    softmax(scores, rows: tokens, columns: tokens)
    BLAS.multiply(
      out + head * width, stride: channels, scores, stride: tokens, v, stride: 3 * channels,
      rows: tokens, columns: width, inner: tokens)
  }
}

/// Each row becomes exp(x - max) / Σ.
func softmax(_ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
  for row in 0..<rows {
    let x = x + row * columns
    let largest = maximum(x, count: columns)
    for i in 0..<columns { x[i] = exponential(x[i] - largest) }
    let factor = 1 / sum(x, count: columns)
    for i in 0..<columns { x[i] *= factor }
  }
}

/// x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, the tanh form of GELU, as x / (1 + e^-2z).
func gelu(_ x: UnsafeMutablePointer<Float>, count: Int) {
  for i in 0..<count {
    let twice: Float = 1.595_769_1 * (x[i] + 0.044_715 * x[i] * x[i] * x[i])
    x[i] = x[i] / (1 + exponential(-twice))
  }
}

/// x / (1 + e^-x).
func silu(_ x: UnsafeMutablePointer<Float>, count: Int) {
  for i in 0..<count { x[i] = x[i] / (1 + exponential(-x[i])) }
}

/// Cosines, then sines of `value` at count / 2 frequencies, 10000^(-2i/count).
func sincos(_ out: UnsafeMutablePointer<Float>, _ value: Float, count: Int) {
  let half = count / 2
  for i in 0..<half {
    // In single precision like the training code: at an angle of 1000 the rounding shows.
    let angle = value * exp(Float(i) * Float(-log(10_000.0) / Double(half)))
    out[i] = cos(angle)
    out[half + i] = sin(angle)
  }
}

/// e^x to two units in the last place, clamped to -87...88 (Cephes expf without its branches).
///
/// The library's exp would be a call per element; loops over this one become vector instructions.
@inline(__always)
func exponential(_ x: Float) -> Float {
  let x = max(-87, min(88, x))
  // Adding 1.5 · 2²³ leaves the nearest integer in the low bits of the sum.
  let shifted = x * 1.442_695_04 + 12_582_912
  let n = shifted - 12_582_912
  let r = x - n * 0.693_359_375 + n * 2.121_944_4e-4
  var y: Float = 1.987_569_15e-4
  y = y * r + 1.398_199_95e-3
  y = y * r + 8.333_451_9e-3
  y = y * r + 4.166_579_6e-2
  y = y * r + 0.166_666_65
  y = y * r + 0.5
  return (y * r * r + r + 1) * Float(bitPattern: (shifted.bitPattern &+ 127) &<< 23)
}

/// The sum of some numbers, in eight interleaved parts: a single running sum cannot be vectorised.
func sum(_ x: UnsafePointer<Float>, count: Int) -> Float {
  var (a, b) = (SIMD4<Float>.zero, SIMD4<Float>.zero)
  var i = 0
  while i + 8 <= count {
    a += SIMD4(x[i], x[i + 1], x[i + 2], x[i + 3])
    b += SIMD4(x[i + 4], x[i + 5], x[i + 6], x[i + 7])
    i += 8
  }
  a += b
  var total = (a[0] + a[1]) + (a[2] + a[3])
  while i < count {
    total += x[i]
    i += 1
  }
  return total
}

/// The largest of some numbers, in four interleaved parts.
func maximum(_ x: UnsafePointer<Float>, count: Int) -> Float {
  var (a, b, c, d) = (x[0], x[0], x[0], x[0])
  var i = 0
  while i + 4 <= count {
    a = max(a, x[i])
    b = max(b, x[i + 1])
    c = max(c, x[i + 2])
    d = max(d, x[i + 3])
    i += 4
  }
  while i < count {
    a = max(a, x[i])
    i += 1
  }
  return max(max(a, b), max(c, d))
}
