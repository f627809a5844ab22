import Trace

/// What one written policy stands for: settings among which one is chosen, set by set.
///
/// For an ordinary policy these are its settings and thresholds as ``TuningSetting`` reads them. `ideal` stands for
/// timetables: for each number of computed calls, the one that is ideal for all the set's traces together.
public struct TransferFamily: Sendable {
  public let text: String
  private let content: Content

  private enum Content: Sendable {
    case settings([TuningSetting])
    /// One for each number of computed calls; `nil` for every number.
    case timetables(PolicySpec, counts: [Int]?)
  }

  /// Reads a policy or a sweep; throws a ``PolicyError`` that names what is wrong.
  public init(_ text: String, limit: Int) throws {
    self.text = text
    let specs = try PolicySweep.specs([text], limit: limit)
    guard let oracle = specs.first, case .oracle = try PolicyRegistry.entry(for: oracle).kind else {
      content = .settings(try TuningSetting.settings([text], limit: limit))
      return
    }
    guard oracle.name == IdealPolicy.entry.name else {
      throw PolicyError(
        "'\(text)' looks at the very trace that it runs on, so that nothing of it can be carried; of such policies "
          + "only 'ideal' is taken, as timetables")
    }
    func counts(_ spec: PolicySpec) -> String? { spec.settings.first { $0.key == "calls" }?.value }
    var rest = oracle
    rest.settings.removeAll { $0.key == "calls" }
    guard
      specs.allSatisfy({ spec in
        var other = spec
        other.settings.removeAll { $0.key == "calls" }
        return other == rest
      })
    else {
      throw PolicyError(
        "'\(text)' sweeps more than calls; write one 'ideal' for each predictor, and calls=a..b")
    }
    _ = try TransferFamily.plan(rest)
    guard counts(oracle) != nil else {
      content = .timetables(rest, counts: nil)
      return
    }
    content = .timetables(
      rest,
      counts: try specs.map { spec in
        guard let count = counts(spec).flatMap({ Int($0) }), count > 0 else {
          throw PolicyError(
            "calls=\(counts(spec) ?? "") of '\(text)' is not one whole number of at least 1 for all chunks")
        }
        return count
      })
  }

  /// The settings to choose from on a set.
  func settings(on set: TransferSet) throws -> [TuningSetting] {
    switch content {
    case .settings(let settings): return settings
    case .timetables(let spec, let counts):
      let plan = try TransferFamily.plan(spec)
      let timetables = try IdealTimetables(plan, over: set.geometries(for: plan), counts: counts)
      return try timetables.specs().map { try TuningSetting($0) }
    }
  }

  // What is searched does not depend on how many calls a plan computes.
  private static func plan(_ oracle: PolicySpec) throws -> PolicyPlan {
    var spec = oracle
    spec.settings.append(.init("calls", "1"))
    return try PolicyRegistry.plan(spec)
  }
}
