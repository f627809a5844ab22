import Trace

/// The way of one group of calls along the taps: shows every station to the hook, follows its jumps.
struct Line {
  let config: Config
  /// Calls of the group, B.
  let branchCount: Int
  private let taps: [Tap]
  private var detour: (target: Tap, tensors: [Tensor])?

  init(config: Config, branchCount: Int) {
    self.config = config
    self.branchCount = branchCount
    taps = Tap.line(blockCount: config.blocks)
  }

  /// Shows the tensors of a tap, one per call, to the hook, and returns them.
  ///
  /// They are computed, or the ones the hook jumped or replaced them with; nil when the hook jumped past the
  /// tap. Throws `invalid` when the hook wants to jump to where the line does not lead, or to replace what is
  /// not its to replace.
  @discardableResult
  mutating func stop(
    at tap: Tap, _ hook: inout some CallHook, computing compute: () -> [Tensor]
  ) throws -> [Tensor]? {
    var tensors: [Tensor]
    if let (target, jumped) = detour {
      guard tap == target else { return nil }
      tensors = jumped
      detour = nil
    } else {
      tensors = compute()
    }
    switch try hook.reached(tap, tensors) {
    case .onward: break
    case .jump(let target, let jumped):
      try check(target, jumped, from: tap)
      detour = (target, jumped)
    case .replace(let others):
      try check(others, at: tap)
      for (place, other) in others.enumerated() { tensors[place] = other ?? tensors[place] }
    }
    return tensors
  }

  private func check(_ target: Tap, _ tensors: [Tensor], from tap: Tap) throws(TraceError) {
    guard let here = taps.firstIndex(of: tap), taps[(here + 1)...].contains(target) else {
      let allowed = taps.drop { $0 <= tap }.map(\.name).joined(separator: ", ")
      throw TraceError(
        .invalid, at: tap.name,
        "a jump to \(target) is not possible from here; allowed are \(allowed.isEmpty ? "none" : allowed)")
    }
    try check(tensors, count(at: target), at: target, "a jump to here")
  }

  // The noisy target is the solver's.
  private func check(_ others: [Tensor?], at tap: Tap) throws(TraceError) {
    guard tap != .latent else {
      throw TraceError(.invalid, at: tap.name, "the noisy target cannot be replaced")
    }
    guard others.count == count(at: tap) else {
      throw TraceError(
        .invalid, at: tap.name,
        "replacing here needs \(count(at: tap)) tensors or nil, it came with \(others.count)")
    }
    let given = others.compactMap { $0 }
    try check(given, given.count, at: tap, "replacing here")
  }

  private func check(
    _ tensors: [Tensor], _ count: Int, at tap: Tap, _ what: String
  ) throws(TraceError) {
    let (rows, columns) = shape(of: tap)
    guard tensors.count == count, tensors.allSatisfy({ $0.rows == rows && $0.columns == columns }) else {
      let found = tensors.map { "\($0.rows) x \($0.columns)" }.joined(separator: ", ")
      throw TraceError(
        .invalid, at: tap.name,
        "\(what) needs \(count) of \(rows) x \(columns), it came with \(found.isEmpty ? "none" : found)")
    }
  }

  private func count(at tap: Tap) -> Int { tap == .guided ? 1 : branchCount }

  private func shape(of tap: Tap) -> (rows: Int, columns: Int) {
    switch tap {
    case .latent, .output, .guided:
      (config.modalities.count * config.tokens, config.modalities.map(\.channels).max()!)
    case .timestep: (1, config.dim)
    case .hidden, .modulated, .block: (config.tokens, config.dim)
    }
  }
}
