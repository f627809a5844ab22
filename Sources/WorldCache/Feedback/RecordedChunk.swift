import Trace

/// Latents and outputs of one chunk of an uncached recording, in memory.
///
/// Cost: 4 bytes × tokens × channels × calls × (branches + 1).
struct RecordedChunk: Sendable {
  let chunk: Int
  /// `[position][branch]`.
  let groups: [[Call]]
  let layout: TokenTable
  /// `[position]`, and `[branch][position]`.
  let latent: [[Float]]
  let output: [[[Float]]]
  let final: [Float]

  var branchCount: Int { output.count }
  /// Weights of the output of each call in the final latent, `[branch][position]`.
  var weights: [[Double]] { output.indices.map { branch in groups.map { $0[branch].weight } } }

  /// Throws `lacking` where the latent, the output or the final latent of a call is not there, and `invalid` for
  /// a call that was not computed, since the reference must be an uncached rollout, and for numbers that are not finite.
  init(_ source: some FeatureSource, chunk: Int) throws(TraceError) {
    self.chunk = chunk
    let layout = try source.layout(of: .output)
    self.layout = layout
    groups = RecordedChunk.groups(source.calls, chunk: chunk)
    let rows = 0..<layout.tokens.count
    func values(_ tap: Tap, _ call: Call) throws(TraceError) -> [Float] {
      let values = try source.rows(rows, of: tap, call: call.ordinal)
      guard values.allSatisfy(\.isFinite) else {
        throw TraceError(
          .invalid, path: source.path, at: "call \(call.ordinal)", "\(tap) holds a value that is not finite")
      }
      return values
    }
    var latent: [[Float]] = []
    var output: [[[Float]]] = Array(repeating: [], count: groups.first?.count ?? 0)
    for group in groups {
      guard group.count == groups[0].count else {
        throw TraceError(
          .invalid, path: source.path, at: "call \(group[0].ordinal)",
          "this step has \(group.count) guidance branches, the first one \(groups[0].count); all steps must have as many"
        )
      }
      latent.append(try values(.latent, group[0]))
      for (branch, call) in group.enumerated() {
        let state = try source.state(of: .output, call: call.ordinal)
        guard state == .fresh else {
          throw TraceError(
            .invalid, path: source.path,
            "the output of call \(call.ordinal) is \(state.name); an uncached rollout is needed")
        }
        output[branch].append(try values(.output, call))
      }
    }
    self.latent = latent
    self.output = output
    final = try source.final(chunk: chunk).values
    guard final.allSatisfy(\.isFinite) else {
      throw TraceError(
        .invalid, path: source.path, at: "chunk \(chunk)", "the final latent holds a value that is not finite"
      )
    }
  }

  /// The calls of a chunk, those of one solver stage together, whichever expert takes it.
  static func groups(_ calls: [Call], chunk: Int) -> [[Call]] {
    Dictionary(grouping: calls.filter { $0.chunk == chunk }) { [$0.step, $0.stage] }
      .sorted { ($0.key[0], $0.key[1]) < ($1.key[0], $1.key[1]) }
      .map { $0.value.sorted { $0.branch < $1.branch } }
  }

  var unrest: [Double] {
    TokenUnrest.values(latent: latent, output: output, weights: weights, final: final, layout)
  }

  /// ``TokenUnrest/whole(_:final:_:)`` of the tokens' `unrest`.
  func wholeUnrest(_ unrest: [Double]) -> Double { TokenUnrest.whole(unrest, final: final, layout) }

  // Numbers of tensors, one by one.

  static func sum(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 + $1 } }
  static func difference(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 - $1 } }

  static func rootMeanSquare(_ values: [Float]) -> Double {
    (values.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(1, values.count))).squareRoot()
  }
}
