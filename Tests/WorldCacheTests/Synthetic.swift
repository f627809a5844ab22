import TestSupport
import Trace

/// Made-up features with the geometry that a replay of them needs.
struct Synthetic: Sendable {
  enum Family: String, CaseIterable, Sendable {
    /// A sum of three sines for every token and channel.
    case smooth
    /// Linear in the step; token 0 is eight times as fast as the rest. Whole numbers, so exact in Float.
    case straight
    /// Nothing ever changes.
    case still
    /// No call resembles another.
    case random
    /// As smooth, but all tokens from the third on are the same.
    case tied
  }

  /// `[branch][position][token][channel]`.
  let features: [[[[Float]]]]
  /// Weight of every call in the final latent, `[branch][position]`.
  let weights: [[Double]]
  let geometry: Geometry
  /// How the features were made up, where they were; other taps are made up alike.
  let origin: Origin?

  struct Origin: Hashable, Sendable {
    let family: Family
    let seed: UInt64
    let branches: Int
    let calls: Int
    let tokens: Int
    let channels: Int
    let chunk: Int
  }

  private static let made = Kept<Origin, Synthetic>()

  init(
    _ features: [[[[Float]]]], weights: [[Double]]? = nil, finalSquaredNorms: [Double] = [],
    stretchSeconds: [Tap: Double] = [:], chunk: Int = 0, site: Site = .output,
    origin: Origin? = nil
  ) {
    let (branchCount, callCount) = (features.count, features[0].count)
    let (tokenCount, channelCount) = (features[0][0].count, features[0][0][0].count)
    let sigmas = Synthetic.sigmas(callCount)
    self.features = features
    self.origin = origin
    self.weights = weights ?? Synthetic.eulerWeights(sigmas, branchCount: branchCount)
    let calls = self.weights.enumerated().map { branch, row in
      row.enumerated().map { position, weight in
        Call(
          ordinal: position * branchCount + branch, chunk: chunk, branch: branch, step: position,
          position: position, timestep: 1000 * sigmas[position], sigma: sigmas[position], weight: weight)
      }
    }
    let tokens = (0..<tokenCount).map {
      TokenTable.Token(modality: 0, frame: 0, row: 0, column: $0, validChannels: channelCount)
    }
    geometry = Geometry(
      site: site, chunk: chunk, calls: calls, tokens: tokens, modalities: ["rgb"],
      distances: DistanceTable(
        points: features.flatMap { $0.map { $0.flatMap { $0 } } }, tokenCount: tokenCount,
        channelCount: channelCount, sets: TokenSet.sets(of: tokens, modalities: ["rgb"])),
      finalSquaredNorms: finalSquaredNorms, stretchSeconds: stretchSeconds)
  }

  init(
    _ family: Family, seed: UInt64, branches: Int = 1, calls: Int, tokens: Int = 9, channels: Int = 3,
    chunk: Int = 0
  ) {
    let origin = Origin(
      family: family, seed: seed, branches: branches, calls: calls, tokens: tokens, channels: channels,
      chunk: chunk)
    self = Synthetic.made.value(origin) {
      Synthetic(
        Synthetic.features(
          family, seed: seed, branches: branches, calls: calls, tokens: tokens, channels: channels),
        finalSquaredNorms: (0..<tokens).map { 1 + Double($0) }, chunk: chunk, origin: origin)
    }
  }

  /// One token of one channel for each row: the trajectories of a hand case.
  init(tokens trajectories: [[Float]], weights: [Double]? = nil, finalSquaredNorms: [Double] = []) {
    let calls = trajectories[0].indices
    self.init(
      [calls.map { position in trajectories.map { [$0[position]] } }], weights: weights.map { [$0] },
      finalSquaredNorms: finalSquaredNorms)
  }

  /// Features alone, `[branch][position][token][channel]`.
  static func features(
    _ family: Family, seed: UInt64, branches: Int, calls: Int, tokens: Int, channels: Int
  ) -> [[[[Float]]]] {
    var generator = Dice(seed: seed)
    return (0..<branches).map { _ in
      let paths = (0..<tokens).map { token in
        (0..<channels).map { _ in Synthetic.path(family, token: token, calls: calls, &generator) }
      }
      return (0..<calls).map { position in
        (0..<tokens).map { token in
          paths[family == .tied ? min(token, 2) : token].map { $0[position] }
        }
      }
    }
  }

  // Values of one channel of one token over all calls.
  private static func path(
    _ family: Family, token: Int, calls: Int, _ generator: inout Dice
  ) -> [Float] {
    switch family {
    case .smooth, .tied:
      let waves = (0..<3).map { _ in
        (generator.real(0.2...1), generator.real(0.05...0.5), generator.real(0...6.28))
      }
      return (0..<calls).map { step in
        Float(waves.reduce(0.5) { $0 + $1.0 * Synthetic.sine($1.1 * Double(step) + $1.2) })
      }
    case .straight:
      let slope = Float(1 + Int(generator.real(0...4))) * (token == 0 ? 8 : 1)
      let start = Float(Int(generator.real(-9...9)))
      return (0..<calls).map { start + slope * Float($0) }
    case .still:
      let value = Float(generator.real(-2...2))
      return Array(repeating: value, count: calls)
    case .random:
      return (0..<calls).map { _ in Float(generator.real(-1...1)) }
    }
  }

  // Bhaskara's approximation is smooth enough and needs no Foundation.
  private static func sine(_ x: Double) -> Double {
    let turn = x / (2 * Double.pi)
    let half = 2 * (turn - turn.rounded(.down))
    let y = half < 1 ? half : half - 1
    let value = 16 * y * (1 - y) / (5 - 4 * y * (1 - y))
    return half < 1 ? value : -value
  }

  // Flow matching with shift 3: from 1 to just above 0.
  private static func sigmas(_ callCount: Int) -> [Double] {
    (0..<callCount).map { step in
      let u = 1 - Double(step) / Double(callCount)
      return 3 * u / (1 + 2 * u)
    }
  }

  // Euler: the difference of neighbouring sigmas; two branches are guided with scale 3.
  private static func eulerWeights(_ sigmas: [Double], branchCount: Int) -> [[Double]] {
    let steps = zip(sigmas.dropFirst() + [0], sigmas).map { $0 - $1 }
    return (0..<branchCount).map { branch in
      steps.map { $0 * (branchCount == 1 ? 1 : branch == 0 ? 3 : -2) }
    }
  }
}

extension Dice {
  mutating func real(_ range: ClosedRange<Double>) -> Double {
    let unit = Double(next() >> 11) / Double(1 << 53)
    return range.lowerBound + unit * (range.upperBound - range.lowerBound)
  }
}
