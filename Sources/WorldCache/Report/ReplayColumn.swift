import Trace

/// What figures depend on beside the replay itself.
public struct FigureOptions: Sendable {
  /// Relative error up to which a prediction counts as safe.
  public var tolerance = 0.05
  /// Bytes that a cache spends on one number; two for bfloat16 and float16.
  public var bytesPerNumber = 2
  /// Bytes that predicting moves in a second, for the column `predictor_seconds`; nil leaves that open.
  public var bytesPerSecond: Double?

  public init() {}
}

/// One figure of a replay as a column; docs/metrics.md defines each.
public struct ReplayColumn: Sendable {
  public let title: String
  /// The key in JSON and CSV, and after `--columns`.
  public let key: String
  /// Whether a table for people has it unless told otherwise.
  public let isShown: Bool
  /// Whether it needs a replay with the finer figures.
  public let needsDetails: Bool
  let cell: @Sendable (Replay, FigureOptions) -> Table.Cell

  private init(
    _ title: String, _ key: String, isShown: Bool = false, details: Bool = false,
    _ cell: @escaping @Sendable (Replay, FigureOptions) -> Table.Cell
  ) {
    self.title = title
    self.key = key
    self.isShown = isShown
    needsDetails = details
    self.cell = cell
  }

  /// The columns of those keys in the order given; throws a ``PolicyError`` with the nearest known one.
  public static func named(_ keys: [String]) throws -> [ReplayColumn] {
    try keys.map { key in
      guard let column = all.first(where: { $0.key == key }) else {
        let known = all.map(\.key)
        throw PolicyError(
          "there is no column '\(key)'\(Spelling.hint(for: key, in: known)); known are "
            + known.joined(separator: ", "))
      }
      return column
    }
  }

  /// Every column, the policy last.
  public static let all: [ReplayColumn] =
    [
      .init("computed", "computed_calls", isShown: true) { replay, _ in .integer(replay.computedCount) },
      .init("of", "calls", isShown: true) { replay, _ in .integer(replay.callCount) },
      .init("computed part", "computed_fraction") { replay, _ in
        .number(Double(replay.computedCount) / Double(replay.callCount), decimals: 3)
      },
      .init("seconds", "predicted_seconds", isShown: true) { replay, _ in .number(replay.seconds, decimals: 2)
      },
      .init("uncached", "uncached_seconds") { replay, _ in .number(replay.uncachedSeconds, decimals: 2) },
      .init("speed-up", "predicted_speedup", isShown: true) { replay, _ in
        replay.seconds > 0 ? .number(replay.uncachedSeconds / replay.seconds, decimals: 2) : .none
      },
      .init("moved MB", "predictor_bytes", details: true) { replay, options in
        megabytes(replay.details.map { $0.movedNumberCount * options.bytesPerNumber })
      },
      .init("predictor s", "predictor_seconds", details: true) { replay, options in
        guard let count = replay.details?.movedNumberCount, let rate = options.bytesPerSecond else {
          return .none
        }
        return .number(Double(count * options.bytesPerNumber) / rate, decimals: 4)
      },
      .init("cache MB", "cache_bytes") { replay, options in
        megabytes(replay.cache.count * replay.branchCount * options.bytesPerNumber)
      },
      .init("per branch", "branch_cache_bytes") { replay, options in
        megabytes(replay.cache.count * options.bytesPerNumber)
      },
      .init("direct", "direct_error", isShown: true) { replay, _ in error(replay.directError) },
      .init("streak", "streak_error", isShown: true) { replay, _ in error(replay.streakError) },
      .init("gap", "gap") { replay, _ in replay.gap.map { .number($0, decimals: 2) } ?? .none },
      .init("worst call", "worst_call_error", isShown: true) { replay, _ in error(replay.worstCallError) },
      .init("worst token", "worst_token_error", isShown: true) { replay, _ in error(replay.worstTokenError) },
      .init("mean call", "mean_call_error", isShown: true) { replay, _ in error(replay.meanCallError) },
    ]
    + CallFigures.levelNames.enumerated().map { place, name in
      .init("token \(name)", "token_error_\(name)", details: true) { replay, _ in
        error(replay.details?.sets[0].quantiles[place])
      }
    } + [
      .init("cosine of f", "cosine", details: true) { replay, _ in error(replay.details?.sets[0].meanCosine)
      },
      .init("lowest", "lowest_cosine", details: true) { replay, _ in
        error(replay.details?.sets[0].lowestCosine)
      },
      .init("half in", "half_error_token_fraction", details: true) { replay, _ in
        error(replay.details?.bottlenecks.fraction(carrying: 0.5))
      },
      .init("90 % in", "most_error_token_fraction", details: true) { replay, _ in
        error(replay.details?.bottlenecks.fraction(carrying: 0.9))
      },
      .init("false safe", "false_safe_rate", details: true) { replay, options in
        rate(replay.details?.falseSafeRate(tolerance: options.tolerance))
      },
      .init("missed skip", "missed_skip_rate", details: true) { replay, options in
        rate(replay.details?.missedSkipRate(tolerance: options.tolerance))
      },
      .init("near ties", "near_ties", details: true) { replay, _ in
        replay.nearTieCount.map { .integer($0) } ?? .none
      },
      .init("site", "site") { replay, _ in .text(replay.site.name) },
      .init("policy (open loop)", "policy", isShown: true) { replay, _ in .text(replay.spec.description) },
    ]

  private static func error(_ value: Double?) -> Table.Cell {
    value.map { .number($0, decimals: 4) } ?? .none
  }

  private static func rate(_ value: Double?) -> Table.Cell {
    value.map { .number($0, decimals: 3) } ?? .none
  }

  private static func megabytes(_ bytes: Int?) -> Table.Cell { bytes.map { .bytes($0) } ?? .none }
}
