import Foundation
import Trace

/// Features of a rollout as a diffusion transformer makes them: `A + B · φ(step)`, a little noise and a
/// few channels that are far larger than the rest.
struct SampleFeatures {
  let rowCount: Int
  let channelCount: Int
  // Twice as long as a tensor, so that each step takes its noise from another place.
  private let noise: [Float]
  private let base: [Float]
  private let change: [Float]

  init(rowCount: Int, channelCount: Int) {
    self.rowCount = rowCount
    self.channelCount = channelCount
    var state: UInt64 = 20_261_124
    // Four uniform 16-bit numbers add up to something close to normal.
    func normal() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var bits = (state ^ state >> 29) &* 0x9e37_79b9_7f4a_7c15
      bits ^= bits >> 32
      let sum = bits & 0xffff + bits >> 16 & 0xffff + bits >> 32 & 0xffff + bits >> 48
      return (Float(sum) - 131_070) / 37_837
    }
    let count = rowCount * channelCount
    let scale = (0..<channelCount).map { $0 % 97 == 5 ? Float(20) : 1 }
    base = (0..<count).map { scale[$0 % channelCount] * normal() }
    change = (0..<count).map { scale[$0 % channelCount] * normal() }
    noise = (0..<2 * count).map { scale[$0 % channelCount] * normal() * 0.003 }
  }

  /// The tensor of a step, each number representable as float16 when asked for.
  func tensor(step: Int, isHalf: Bool = false) -> Tensor {
    let count = rowCount * channelCount
    let phase = Float(cos(Double(step) * 0.06))
    let shift = step * channelCount * 7 % count
    var values = [Float](unsafeUninitializedCapacity: count) { target, filled in
      for index in 0..<count {
        target[index] = base[index] + change[index] * phase + noise[index + shift]
      }
      filled = count
    }
    if isHalf { values = values.map { Float(Float16($0)) } }
    return Tensor(rows: rowCount, columns: channelCount, values: values)
  }

  /// The trace that holds `callCount` of these tensors at one tap, as chunks of as many calls each.
  func writer(
    _ path: String, callCount: Int, dtype: StorageType, durability: Durability, tap: Tap = .hidden(0),
    chunkCount: Int = 1
  ) throws -> TraceWriter {
    let tokens = (0..<rowCount).map {
      TokenTable.Token(modality: 0, frame: 0, row: $0 / 64, column: $0 % 64, validChannels: channelCount)
    }
    return try TraceWriter(
      path: path,
      header: TraceHeader(
        model: "benchmark", solver: "euler", shift: 1, stepCount: callCount / chunkCount,
        chunkCount: chunkCount, blockCount: 1, recorder: "wctrace-bench"),
      layouts: [TokenTable(name: "all", modalities: ["rgb"], channelCount: channelCount, tokens: tokens)],
      taps: [tap: "all"], callCount: callCount, dtype: dtype, durability: durability, overwrite: true)
  }

  /// A call by its ordinal, with `stepCount` steps in a chunk.
  static func call(_ ordinal: Int, stepCount: Int = .max) -> Call {
    let step = ordinal % stepCount
    return Call(
      ordinal: ordinal, chunk: ordinal / stepCount, step: step, position: step, timestep: 0, sigma: 1,
      weight: 1)
  }
}
