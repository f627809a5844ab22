import Foundation
import Trace

/// A rollout by a formula that `Benchmarks/python/replay_peer.py` has too, so that both sides replay the same
/// numbers: `a + b t / T + c sin(w t + p)` for every token and channel, in single precision.
struct MadeUpRollout {
  let callCount: Int
  let tokenCount: Int
  let channelCount: Int
  private let numbers: [[Float]]

  init(calls: Int, tokens: Int, channels: Int) {
    (callCount, tokenCount, channelCount) = (calls, tokens, channels)
    let count = tokens * channels
    numbers = (0..<5).map { part in
      (0..<count).map { index in
        // A linear congruential generator, mixed.
        var state = UInt64(part * count + index) + 1
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        state ^= state >> 33
        state = state &* 0xff51_afd7_ed55_8ccd
        state ^= state >> 33
        let unit = Float(state >> 40) / Float(1 << 24)
        return switch part {
        case 0, 1: unit - 0.5
        case 2: 0.3 * unit
        case 3: 0.05 + 0.3 * unit
        default: 6 * unit
        }
      }
    }
  }

  func tensor(call: Int) -> Tensor {
    let (a, b, c, w, p) = (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
    let (time, part) = (Float(call), Float(Double(call) / Double(callCount)))
    let values = [Float](unsafeUninitializedCapacity: a.count) { target, filled in
      for index in a.indices {
        target[index] = a[index] + b[index] * part + c[index] * sin(w[index] * time + p[index])
      }
      filled = a.count
    }
    return Tensor(rows: tokenCount, columns: channelCount, values: values)
  }

  /// Records it as the output of a model, in float32.
  func write(to path: String) throws {
    let (rows, columns) = (32, 64)
    let tokens = (0..<tokenCount).map {
      TokenTable.Token(
        modality: 0, frame: $0 / (rows * columns), row: $0 / columns % rows, column: $0 % columns,
        validChannels: channelCount)
    }
    let writer = try TraceWriter(
      path: path,
      header: TraceHeader(
        model: "benchmark", solver: "euler", shift: 1, stepCount: callCount, blockCount: 1,
        recorder: "wctrace-bench"),
      layouts: [TokenTable(name: "all", modalities: ["rgb"], channelCount: channelCount, tokens: tokens)],
      taps: [.output: "all"], callCount: callCount, dtype: .float32, durability: .none, overwrite: true)
    for call in 0..<callCount {
      try writer.append(SampleFeatures.call(call), features: [.output: tensor(call: call)])
    }
    try writer.finish()
  }
}
