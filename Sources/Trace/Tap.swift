/// A named station on the way through the denoiser where a tensor can be recorded.
///
/// Taps are ordered as the data passes them: `latent`, `timestep`, `hidden.0`, `modulated`,
/// `block.1` … `block.L`, `hidden.L`, `output` (one per guidance branch), `guided` (where the
/// branches of a step meet).
public enum Tap: Hashable, Sendable {
  /// The noisy target entering the call, in the layout of `output`.
  case latent
  /// The embedding of the noise level; a step vector without tokens.
  case timestep
  /// The residual stream before block 1 (`hidden.0`) or after the last block (`hidden.L`).
  case hidden(Int)
  /// The normalised, modulated input of block 1.
  case modulated
  /// The residual stream after a block, counted from 1.
  case block(Int)
  /// What one guidance branch predicts.
  case output
  /// The guided prediction that the solver integrates.
  case guided

  /// The spelling in files and on the command line, such as `hidden.0`.
  public var name: String {
    switch self {
    case .latent: "latent"
    case .timestep: "timestep"
    case .hidden(let index): "hidden.\(index)"
    case .modulated: "modulated"
    case .block(let index): "block.\(index)"
    case .output: "output"
    case .guided: "guided"
    }
  }

  /// Reads a spelling made by ``name``; nil when it is no tap's name.
  public init?(name: String) {
    switch name {
    case "latent": self = .latent
    case "timestep": self = .timestep
    case "modulated": self = .modulated
    case "output": self = .output
    case "guided": self = .guided
    default:
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, let index = Int(parts[1]), String(index) == parts[1] else { return nil }
      if parts[0] == "hidden", index >= 0 {
        self = .hidden(index)
      } else if parts[0] == "block", index >= 1 {
        self = .block(index)
      } else {
        return nil
      }
    }
  }

  /// Every tap of a model with `blockCount` blocks, in the order in which a call passes them.
  public static func line(blockCount: Int) -> [Tap] {
    [.latent, .timestep, .hidden(0), .modulated]
      + (1...blockCount).map(Tap.block) + [.hidden(blockCount), .output, .guided]
  }
}

extension Tap: Comparable {
  public static func < (a: Tap, b: Tap) -> Bool { a.place < b.place }

  // Place on the line; `hidden.L` comes after every block, whatever L is.
  private var place: Int {
    switch self {
    case .latent: 0
    case .timestep: 1
    case .hidden(0): 2
    case .modulated: 3
    case .block(let index): 3 + index
    case .hidden(let index): Int.max / 2 + index
    case .output: Int.max - 1
    case .guided: Int.max
    }
  }
}

extension Tap: CustomStringConvertible {
  public var description: String { name }
}

/// How the value at a tap of a call came about.
public enum TapState: UInt8, Hashable, Sendable, CaseIterable {
  /// Not recorded: the call did not pass this tap, or the tap was not asked for.
  case absent = 0
  /// Calculated by the network from fresh values only.
  case fresh = 1
  /// Announced by a cache in place of the network.
  case predicted = 2
  /// Calculated by the network downstream of a prediction.
  case derived = 3

  public var name: String {
    switch self {
    case .absent: "absent"
    case .fresh: "fresh"
    case .predicted: "predicted"
    case .derived: "derived"
    }
  }
}
