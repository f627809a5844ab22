/// What a policy caches: the stretch of the line of taps that a predicted call skips.
///
/// The cached quantity is the value at the stretch's end minus the value at its beginning, where it has
/// one; a predicted call emits the fresh value at the beginning plus the prediction. A site says nothing
/// of a model's size; ``stretch(blockCount:)`` does.
public enum Site: Hashable, Sendable {
  /// The prediction of each guidance branch, whole (WorldCache, TaylorSeer-Lite).
  case output
  /// `output − latent`: what the network adds to the noisy latent (EasyCache).
  case gain
  /// The guided prediction that the solver integrates (MeanCache).
  case guided
  /// `hidden.L − hidden.0`: the residual of the whole stack of blocks (TeaCache, MagCache, DiCache).
  case stack
  /// The residual of the blocks after block `after`, without the last `tail` blocks (First Block Cache, DBCache).
  case rest(after: Int, tail: Int)
  /// `hidden.L`, whole (Spectrum, FreqCa).
  case hidden

  /// The first and last tap of the stretch; nothing is kept of a call without a first one.
  ///
  /// Nil when the model has too few blocks.
  public func stretch(blockCount: Int) -> (from: Tap?, to: Tap)? {
    switch self {
    case .output: (nil, .output)
    case .gain: (.latent, .output)
    case .guided: (nil, .guided)
    case .stack: (.hidden(0), .hidden(blockCount))
    case .rest(let after, let tail):
      after + tail >= blockCount
        ? nil : (.block(after), tail == 0 ? .hidden(blockCount) : .block(blockCount - tail))
    case .hidden: (nil, .hidden(blockCount))
    }
  }

  /// Whether the solver integrates what is emitted here, so that errors have a place in the final latent.
  public var isIntegrated: Bool {
    switch self {
    case .output, .gain, .guided: true
    case .stack, .rest, .hidden: false
    }
  }

  /// Whether a predicted call adds its prediction to a fresh value at the beginning of the stretch.
  public var hasBeginning: Bool {
    switch self {
    case .output, .guided, .hidden: false
    case .gain, .stack, .rest: true
    }
  }

  /// The spelling in specifications, such as `stack` or `rest.1`; with a tail `rest.8.2`.
  public var name: String {
    switch self {
    case .output: "output"
    case .gain: "gain"
    case .guided: "guided"
    case .stack: "stack"
    case .rest(let after, let tail): tail == 0 ? "rest.\(after)" : "rest.\(after).\(tail)"
    case .hidden: "hidden"
    }
  }

  /// Reads a spelling made by ``name``; nil when it names no site.
  public init?(name: String) {
    switch name {
    case "output": self = .output
    case "gain": self = .gain
    case "guided": self = .guided
    case "stack": self = .stack
    case "hidden": self = .hidden
    default:
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      let numbers = parts.dropFirst().compactMap { Int($0) }
      guard parts[0] == "rest", (2...3).contains(parts.count), numbers.count == parts.count - 1,
        numbers[0] >= 1, numbers.dropFirst().allSatisfy({ $0 >= 1 })
      else { return nil }
      self = .rest(after: numbers[0], tail: numbers.count == 2 ? numbers[1] : 0)
      guard self.name == name else { return nil }
    }
  }
}

extension Site: CustomStringConvertible {
  public var description: String { name }
}
