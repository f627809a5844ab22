import Trace

@testable import WorldCache

/// A made-up rollout whose tensors are a few numbers that a test writes down.
///
/// Every tap has one layout: tokens of one channel. Taps that are not written down were not recorded.
struct ScalarTrace: FeatureSource {
  var path = "scalar"
  var header: TraceHeader
  var calls: [Call]
  /// `[branch][position][token]`.
  var values: [Tap: [[[Double]]]]
  var finalLatent: [Double]?
  /// Of the tokens in order; the last one of all that follow.
  var modalities = ["rgb"]

  var plannedCallCount: Int { calls.count }
  var taps: [Tap] { values.keys.sorted() }

  /// `experts` has one entry for each call of a branch; all of expert 0 when left out.
  init(
    _ values: [Tap: [[[Double]]]], path: String = "scalar", sigmas: [Double]? = nil, experts: [Int]? = nil,
    scene: Int = 0, noise: Int = 0, model: String = "scalar", solver: String = "euler", blockCount: Int = 2,
    guidance: Double = 1, finalLatent: [Double]? = nil
  ) {
    let branches = values.values.map(\.count).max()!
    let count = values.values.first![0].count
    let sigmas = sigmas ?? (0..<count).map { 1 - Double($0) / Double(count) }
    self.values = values
    self.path = path
    self.finalLatent = finalLatent
    header = TraceHeader(
      model: model, solver: solver, shift: 1, stepCount: count, branchCount: branches, blockCount: blockCount,
      sceneSeed: scene, noiseSeed: noise, recorder: "tests")
    calls = (0..<count).flatMap { position in
      (0..<branches).map { branch in
        let weight = (position + 1 < count ? sigmas[position + 1] : 0) - sigmas[position]
        return Call(
          ordinal: position * branches + branch, branch: branch, expert: experts?[position] ?? 0,
          step: position, position: position, timestep: 1000 * sigmas[position], sigma: sigmas[position],
          guidance: guidance,
          weight: branches == 1 ? weight : branch == 0 ? weight * guidance : weight * (1 - guidance))
      }
    }
  }

  /// One token whose value changes by the given shares from call to call.
  static func path(_ shares: [Double], start: Double = 1) -> [[Double]] {
    var values = [start]
    for share in shares { values.append(values.last! * (1 + share)) }
    return values.map { [$0] }
  }

  func layout(of tap: Tap) -> TokenTable {
    TokenTable(
      name: "scalar", modalities: modalities, channelCount: 1,
      tokens: values[tap]![0][0].indices.map {
        .init(modality: min($0, modalities.count - 1), frame: 0, row: 0, column: $0, validChannels: 1)
      })
  }

  func state(of tap: Tap, call: Int) -> TapState {
    values[tap]!.indices.contains(calls[call].branch) ? .fresh : .absent
  }

  func rows(_ rows: Range<Int>, of tap: Tap, call: Int) -> [Float] {
    values[tap]![calls[call].branch][calls[call].step][rows].map { Float($0) }
  }

  func rowCountOfBlock(of tap: Tap) -> Int { 4 }
  func stretchSeconds(of tap: Tap) -> [Double] { calls.map { _ in 0.125 } }

  func `final`(chunk: Int) throws(TraceError) -> Tensor {
    guard let finalLatent else {
      throw TraceError(.lacking, path: path, at: "/final", "the recording kept no final latents")
    }
    return Tensor(rows: finalLatent.count, columns: 1, values: finalLatent.map { Float($0) })
  }
}

extension Calibrator {
  /// Calibrates from made-up rollouts.
  static func calibration(
    _ traces: [ScalarTrace], _ methods: Calibration.Method..., change: (inout Options) -> Void = { _ in }
  ) throws -> Calibration {
    var options = Options()
    options.methods = methods
    change(&options)
    var calibrator = Calibrator(options)
    for trace in traces { try calibrator.add(GeometryCatalog(trace)) }
    return try calibrator.calibration()
  }
}
