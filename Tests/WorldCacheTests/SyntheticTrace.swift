import Trace

@testable import WorldCache

/// A made-up rollout with every tap of a model of ten blocks, in memory.
///
/// `output` has the features of a ``Synthetic``; every other tap has features of the same family with a
/// seed of its own. `hidden.0` and the blocks have the same layout as the output.
struct SyntheticTrace: FeatureSource {
  static let blockCount = 10

  let path = "synthetic"
  let header: TraceHeader
  let calls: [Call]
  let taps = Tap.line(blockCount: blockCount)
  var plannedCallCount: Int { calls.count }
  /// `[branch][position][token][channel]` of every tap.
  let features: [Tap: [[[[Float]]]]]
  private let table: TokenTable

  init(_ synthetic: Synthetic) {
    let (family, seed) = (synthetic.origin?.family ?? .smooth, synthetic.origin?.seed ?? 1)
    let geometry = synthetic.geometry
    let (branches, count) = (geometry.branchCount, geometry.callCount)
    let (tokens, channels) = (synthetic.features[0][0].count, synthetic.features[0][0][0].count)
    header = TraceHeader(
      model: "synthetic", solver: "euler", shift: 3, stepCount: count, branchCount: branches,
      blockCount: SyntheticTrace.blockCount, recorder: "tests")
    var calls: [Call] = []
    for position in 0..<count {
      for branch in 0..<branches {
        var call = geometry.calls[branch][position]
        call.chunk = 0
        call.guidance = branches == 1 ? 1 : 3
        calls.append(call)
      }
    }
    self.calls = calls
    var features: [Tap: [[[[Float]]]]] = [:]
    for (place, tap) in Tap.line(blockCount: SyntheticTrace.blockCount).enumerated() {
      features[tap] =
        tap == .output
        ? synthetic.features
        : Synthetic.features(
          family, seed: seed + 1000 * UInt64(place + 1),
          branches: tap == .guided ? 1 : branches, calls: count, tokens: tokens, channels: channels)
    }
    // What the network passes on from block to block is one stream: the last block's is `hidden.L`.
    features[.hidden(SyntheticTrace.blockCount)] = features[.block(SyntheticTrace.blockCount)]
    self.features = features
    table = TokenTable(
      name: "output", modalities: geometry.modalities, channelCount: channels, tokens: geometry.tokens)
  }

  /// The same in another layout of as many tokens, its numbers as they are read back from `dtype`.
  init(_ synthetic: Synthetic, tokens: [TokenTable.Token], modalities: [String], dtype: StorageType) {
    let plain = SyntheticTrace(synthetic)
    (header, calls) = (plain.header, plain.calls)
    features = plain.features.mapValues { branches in
      branches.map { $0.map { $0.map { $0.map { SyntheticTrace.stored($0, dtype) } } } }
    }
    table = TokenTable(
      name: "output", modalities: modalities, channelCount: plain.table.channelCount, tokens: tokens)
  }

  /// The nearest number that `dtype` can hold, ties to even.
  static func stored(_ value: Float, _ dtype: StorageType) -> Float {
    switch dtype {
    case .float32: return value
    case .float16: return Float(Float16(value))
    case .bfloat16:
      let bits = value.bitPattern
      return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
    }
  }

  func layout(of tap: Tap) -> TokenTable { table }

  func state(of tap: Tap, call: Int) -> TapState {
    tap == .guided && calls[call].branch > 0 ? .absent : .fresh
  }

  func rows(_ rows: Range<Int>, of tap: Tap, call: Int) -> [Float] {
    let call = calls[call]
    return features[tap]![call.branch][call.position][rows].flatMap { $0 }
  }

  func rowCountOfBlock(of tap: Tap) -> Int { 2 }

  func stretchSeconds(of tap: Tap) -> [Double] { calls.map { _ in 0.125 } }

  func `final`(chunk: Int) throws(TraceError) -> Tensor {
    throw TraceError(.lacking, path: path, at: "/final", "the recording kept no final latents")
  }
}

extension Synthetic {
  private struct Part<Of: Hashable & Sendable>: Hashable, Sendable {
    let origin: Origin
    let of: Of
  }

  private static let traces = Kept<Origin, SyntheticTrace>(limit: 64)
  private static let geometries = Kept<Part<GeometryRequest>, Geometry>(limit: 1024)
  private static let oracles = Kept<Part<PolicySpec>, any Policy>()

  /// The geometry that a policy needs: the one at hand where its site is the output, otherwise measured from
  /// a ``SyntheticTrace``.
  func geometry(for plan: PolicyPlan) throws -> Geometry {
    let request = try plan.request(blockCount: SyntheticTrace.blockCount) ?? GeometryRequest(.output)
    if request == GeometryRequest(geometry.site) { return geometry }
    guard let origin else { return try GeometryBuilder.geometries(of: SyntheticTrace(self), request)[0] }
    return try Synthetic.geometries.value(Part(origin: origin, of: request)) {
      let trace = Synthetic.traces.value(origin) { SyntheticTrace(self) }
      return try GeometryBuilder.geometries(of: trace, request)[0]
    }
  }

  /// A policy for its geometry; schedules that are searched for are found once for all tests.
  func policy(for plan: PolicyPlan) throws -> any Policy {
    guard let origin, case .oracle = plan.entry.kind else {
      return try plan.policy(for: geometry(for: plan))
    }
    return try Synthetic.oracles.value(Part(origin: origin, of: plan.spec)) {
      try plan.policy(for: geometry(for: plan))
    }
  }
}
