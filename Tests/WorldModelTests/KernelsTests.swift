import Foundation
import Testing

@testable import WorldModel

struct KernelsTests {
  @Test func exponentialMatchesTheLibrary() {
    for step in -8700...8800 {
      let x = Float(step) / 100
      let exact = Foundation.exp(Double(x))
      // Two units in the last place of single precision are 2.4e-7 of the value.
      #expect(abs(Double(exponential(x)) - exact) <= 2.4e-7 * exact, "at \(x)")
    }
    #expect(exponential(-1000) < 2e-38)
    #expect(exponential(1000).isFinite)
  }

  @Test func anOldKernelOnANewProcessorIsNoticed() {
    let avx2: Set = ["sse3", "avx", "fma", "avx2"]
    let avx512 = avx2.union(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
    for core in ["Prescott", "generic", "Nehalem", "Sandybridge"] {
      #expect(BLAS.fasterCore(than: core, with: avx2) == "Haswell")
      #expect(BLAS.fasterCore(than: core, with: avx512) == "SkylakeX")
      // What the processor cannot do is not asked of it.
      #expect(BLAS.fasterCore(than: core, with: ["sse3", "avx"]) == nil)
    }
    for core in ["Haswell", "Zen", "SkylakeX", "Cooperlake", "Sapphirerapids", "neoversen1"] {
      #expect(BLAS.fasterCore(than: core, with: avx512) == nil)
    }
  }

  @Test func softmaxOfKnownRows() {
    // exp(0) : exp(ln 3) = 1 : 3, also far from zero.
    var x: [Float] = [0, log(3), 500, 500 + log(3)]
    softmax(&x, rows: 2, columns: 2)
    for (value, expected) in zip(x, [0.25, 0.75, 0.25, 0.75] as [Float]) {
      #expect(abs(value - expected) < 1e-5)
    }
  }

  /// Two frames of 2 x 3 tokens with one channel: only the weights of the token below (10) and of the one to
  /// the right (100) are set, and the bias is 0.5. Token 0 of frame 0 sees 3 below and 1 to the right:
  /// 0 + 0.5 + 10 · 3 + 100 · 1 = 130.5; the last token of a frame sees neither, nor the next frame.
  @Test func neighboursOfEachToken() {
    var weight = [Float](repeating: 0, count: 9)
    weight[7] = 10
    weight[5] = 100
    let x = (0..<12).map(Float.init)
    var out = [Float](repeating: 0, count: 12)
    addNeighbours(
      &out, x, Weights.Convolution(weight: weight, bias: [0.5]), frames: 2, rows: 2, columns: 3, channels: 1)
    #expect(out[..<6] == [130.5, 241.5, 52.5, 403.5, 504.5, 5.5])
    #expect(out[6..<12] == [796.5, 907.5, 118.5, 1009.5, 1110.5, 11.5])
  }

  @Test func activationsAtOne() {
    var x: [Float] = [1, -1, 0, 30, -30]
    gelu(&x, count: 5)
    // PyTorch: gelu(1, approximate="tanh") = 0.841192; gelu(-x) = gelu(x) - x.
    for (value, expected) in zip(x, [0.841192, -0.158808, 0, 30, 0] as [Float]) {
      #expect(abs(value - expected) < 1e-6)
    }
    var y: [Float] = [1, -1, 0]
    silu(&y, count: 3)
    // 1 / (1 + 1/e) = 0.731059.
    for (value, expected) in zip(y, [0.731059, -0.268941, 0] as [Float]) {
      #expect(abs(value - expected) < 1e-6)
    }
  }

  @Test func normThenModulation() {
    // [1, 3] has mean 2 and variance 1, so it becomes [-1, 1]; then times (1 + 1) plus 10, and
    // times (1 - 0.5) plus 0.
    var out = [Float](repeating: 0, count: 4)
    modulatedNorm(&out, [1, 3, 6, 4], shift: [10, 0], scale: [1, -0.5], rows: 2, channels: 2)
    for (value, expected) in zip(out, [8, 0.5, 12, -0.5] as [Float]) { #expect(abs(value - expected) < 1e-5) }
  }

  @Test func waves() {
    var out = [Float](repeating: 9, count: 128)
    sincos(&out, 2, count: 128)
    #expect(abs(out[0] - cos(2)) < 1e-6 && abs(out[64] - sin(2)) < 1e-6)
    // Frequency 32 of 64 is 10000^(-1/2) = 0.01.
    #expect(abs(out[32] - cos(0.02)) < 1e-6 && abs(out[96] - sin(0.02)) < 1e-6)
  }

  @Test func attentionOfTwoTokens() {
    // Two heads of one channel. Head 0 has q = 0, so both tokens see the mean of v. In head 1, token 0
    // has q k = 0 and ln 3, so it sees v as 1/4 and 3/4; token 1 has q = 0 again.
    let l: Float = log(3)
    let qkv: [Float] = [
      0, l, 5, 0, 10, 100,
      0, 0, 7, 1, 20, 200,
    ]
    var out = [Float](repeating: 0, count: 4)
    var scores = out
    attention(&out, &scores, qkv, tokens: 2, heads: 2, channels: 2)
    for (value, expected) in zip(out, [15, 175, 15, 150] as [Float]) { #expect(abs(value - expected) < 1e-3) }
  }

  @Test func productsByHand() {
    // (1 2; 3 4) (5 6; 7 8)ᵀ = (17 23; 39 53), with rows of a one value apart from each other.
    var c = [Float](repeating: 1, count: 4)
    BLAS.multiplyTransposed(
      &c, stride: 2, [1, 2, 99, 3, 4, 99], stride: 3, [5, 6, 7, 8], stride: 2, rows: 2, columns: 2, inner: 2,
      scale: 2, keep: 10)
    #expect(c == [44, 56, 88, 116])
    BLAS.multiply(
      &c, stride: 2, [1, 2, 3, 4], stride: 2, [5, 6, 7, 8], stride: 2, rows: 2, columns: 2, inner: 2)
    #expect(c == [19, 22, 43, 50])
  }

  @Test func sumsAndMaximaReachTheTail() {
    for count in 1...19 {
      let x = (1...count).map(Float.init)
      #expect(sum(x, count: count) == Float(count * (count + 1) / 2))
      #expect(maximum(x, count: count) == Float(count))
      #expect(maximum(x.reversed(), count: count) == Float(count))
    }
  }
}
