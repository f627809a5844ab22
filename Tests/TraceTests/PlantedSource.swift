import Trace

/// A rollout of one tap and its like, in memory: a tensor for each call.
struct PlantedSource: FeatureSource {
  let path = "planted"
  let header: TraceHeader
  let calls: [Call]
  let taps: [Tap]
  let table: TokenTable
  /// `[tap][ordinal]`, row-major.
  let values: [Tap: [[Float]]]
  var plannedCallCount: Int { calls.count }

  /// `values` by tap and ordinal, the branches of a step after one another.
  init(_ table: TokenTable, branches: Int = 1, sigmas: [Double], values: [Tap: [[Float]]]) {
    self.table = table
    self.values = values
    taps = values.keys.sorted()
    header = TraceHeader(
      model: "planted", solver: "euler", shift: 1, stepCount: sigmas.count, branchCount: branches,
      blockCount: 4, recorder: "tests")
    calls = sigmas.indices.flatMap { step in
      (0..<branches).map { branch in
        Call(
          ordinal: step * branches + branch, branch: branch, step: step, position: step,
          timestep: 1000 * sigmas[step], sigma: sigmas[step], weight: -0.1)
      }
    }
  }

  func layout(of tap: Tap) -> TokenTable { table }
  func state(of tap: Tap, call: Int) -> TapState { .fresh }
  func rows(_ rows: Range<Int>, of tap: Tap, call: Int) -> [Float] {
    let width = table.channelCount
    return Array(values[tap]![call][rows.lowerBound * width..<rows.upperBound * width])
  }
  func rowCountOfBlock(of tap: Tap) -> Int { 2 }
  func stretchSeconds(of tap: Tap) -> [Double] { calls.map { _ in 0 } }
  func `final`(chunk: Int) throws(TraceError) -> Tensor {
    throw TraceError(.lacking, path: path, at: "/final", "none")
  }
}
