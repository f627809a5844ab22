/// A number that replay has to say of the final error before anything runs, and what it leaves out.
public struct Estimator: Hashable, Sendable {
  public let name: String
  /// What the number is: open loop, direct, or with feedback.
  public let label: String

  public static let direct = Estimator(name: "direct", label: "direct")
  /// Of an ``EchoedRollout`` with ``Feedback``.
  public static let withFeedback = Estimator(name: "with_feedback", label: "with feedback")

  public static let all = [
    Estimator(name: "mean_call", label: "open loop"), Estimator(name: "streak", label: "open loop"),
    direct, withFeedback,
  ]

  /// The number of computed calls alone, which any estimate has to beat: fewer of them, a larger error.
  public static let counting = Estimator(name: "computed_calls", label: "counting")

  /// Those that some of the records have, counting first.
  public static func found(in records: [ValidationRecord]) -> [Estimator] {
    let names = Set(records.flatMap(\.estimates.keys))
    return [counting] + all.filter { names.contains($0.name) }
  }

  /// Those that a replay has by itself, where they are defined.
  static func estimates(of replay: Replay) -> [String: Double] {
    var estimates = ["mean_call": replay.meanCallError]
    estimates["streak"] = replay.streakError
    estimates["direct"] = replay.directError
    return estimates
  }

  func value(_ record: ValidationRecord) -> Double? {
    self == .counting ? -Double(record.liveComputed) : record.estimates[name]
  }
}
